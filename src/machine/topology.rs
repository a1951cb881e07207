//! The shape of a chart: who is inside whom, and what leads where.
//!
//! Vertices are numbered in document order, so the vertices inside one form the interval from its own position to its
//! `end`. Every question about ancestors is then two comparisons. Everything here is plain numbers: what the hooks do is
//! no part of the shape.

use std::time::Duration;

use super::{EventId, Policy, Reach, Rules, Scope, Trigger, Vertex, ids::NONE};

/// One vertex.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// The vertex around it; `NONE` for the root.
    pub(super) parent: u16,
    /// One past the last vertex inside it.
    pub(super) end: u16,
    pub(super) vertex: Vertex,
    pub(super) marks: Marks,
    /// Its outgoing transitions: the first and how many.
    pub(super) first_edge: u16,
    pub(super) edges: u16,
    /// The transition that is taken when it is entered by default, or `NONE`.
    pub(super) initial: u16,
    /// Positions among the actions, or `NONE`.
    pub(super) entry: u16,
    pub(super) exit: u16,
    /// What it does with events that nobody takes: the first rule and how many.
    pub(super) first_rule: u16,
    pub(super) rules: u16,
    /// The most leaves that can be active inside it at one time.
    pub(super) width: u16,
    /// How many states are directly inside it.
    pub(super) children: u16,
    /// For a history: where it keeps what it remembers, and how many leaves that can be.
    pub(super) first_slot: u16,
    pub(super) slots: u16,
    /// The event raised when it completes, or `NONE`.
    pub(super) done_event: u16,
}

/// What is worth knowing about a vertex without looking at its neighbours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Marks(u8);

impl Marks {
    const NOTHING: Self = Self(0);
    /// It has a transition without trigger.
    pub(super) const ALWAYS: Self = Self(1);
    /// It has a transition for its completion.
    pub(super) const DONE: Self = Self(2);
    /// It has a transition after a time.
    pub(super) const TIMED: Self = Self(4);
    /// A history vertex is directly inside it.
    pub(super) const REMEMBERED: Self = Self(8);

    pub(super) const fn has(self, mark: Self) -> bool {
        self.0 & mark.0 != 0
    }

    const fn with(self, mark: Self) -> Self {
        Self(self.0 | mark.0)
    }
}

impl Node {
    pub(super) const BLANK: Self = Self {
        parent: NONE,
        end: 0,
        vertex: Vertex::State,
        marks: Marks::NOTHING,
        first_edge: 0,
        edges: 0,
        initial: NONE,
        entry: NONE,
        exit: NONE,
        first_rule: 0,
        rules: 0,
        width: 0,
        children: 0,
        first_slot: 0,
        slots: 0,
        done_event: NONE,
    };

    /// The most leaves active at one time in the subtree of this vertex, itself included.
    pub(super) const fn span(&self) -> u16 {
        if self.width == 0 && self.vertex.is_state() { 1 } else { self.width }
    }

    /// Takes note of a child and of the most leaves that can be active in it.
    pub(super) const fn enclose(&mut self, child: Self, width: u16) {
        if child.end > self.end {
            self.end = child.end;
        }
        if child.vertex.is_history() {
            self.marks = self.marks.with(Marks::REMEMBERED);
        }
        if !child.vertex.is_state() {
            return;
        }
        self.children += 1;
        if matches!(self.vertex, Vertex::Parallel) {
            self.width += width;
        } else if width > self.width {
            self.width = width;
        }
    }

    /// How many positions a history of the given kind directly inside this vertex has to remember.
    pub(super) const fn recollection(&self, history: Vertex) -> u16 {
        match history {
            Vertex::DeepHistory => self.width,
            _ if matches!(self.vertex, Vertex::Parallel) => self.children,
            _ => 1,
        }
    }

    /// Takes note of an outgoing transition. They are told in order.
    pub(super) const fn adopt(&mut self, edge: u16, trigger: Trigger) {
        if self.edges == 0 {
            self.first_edge = edge;
        }
        self.edges += 1;
        match trigger {
            Trigger::Initial if self.initial == NONE => self.initial = edge,
            Trigger::Always => self.marks = self.marks.with(Marks::ALWAYS),
            Trigger::Done => self.marks = self.marks.with(Marks::DONE),
            Trigger::After(_) => self.marks = self.marks.with(Marks::TIMED),
            _ => {}
        }
    }

    /// Takes note of a rule. They are told in order.
    pub(super) const fn govern(&mut self, rule: u16) {
        if self.rules == 0 {
            self.first_rule = rule;
        }
        self.rules += 1;
    }
}

/// One transition, or one segment of a compound one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) source: u16,
    pub(super) trigger: Trigger,
    pub(super) reach: Reach,
    /// Position among the guards, or `NONE`.
    pub(super) guard: u16,
    /// Position among the actions, or `NONE`.
    pub(super) effect: u16,
    /// Where its targets are in the words, and how many.
    pub(super) first_target: u16,
    pub(super) targets: u16,
    /// For a transition after a time: its position among these.
    pub(super) timer: u16,
}

impl Edge {
    pub(super) const BLANK: Self = Self {
        source: NONE,
        trigger: Trigger::Arrival,
        reach: Reach::External,
        guard: NONE,
        effect: NONE,
        first_target: 0,
        targets: 0,
        timer: NONE,
    };

    /// Whether `event` starts it; `NONE` is any event that the table does not name.
    pub(super) const fn takes(&self, event: u16) -> bool {
        match self.trigger {
            Trigger::Event(EventId(own)) => own == event,
            Trigger::Any => true,
            _ => false,
        }
    }

    /// How long its source must have been active, if that is its trigger.
    pub(super) const fn delay(&self) -> Option<Duration> {
        match self.trigger {
            Trigger::After(delay) => Some(delay),
            _ => None,
        }
    }
}

/// What a state does with some events that nobody at or inside it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) state: u16,
    pub(super) policy: Policy,
    pub(super) scope: Scope,
    /// Position among the guards, or `NONE`.
    pub(super) guard: u16,
    /// Where its events are in the words, and how many.
    pub(super) first_event: u16,
    pub(super) events: u16,
}

impl Rule {
    pub(super) const BLANK: Self =
        Self { state: NONE, policy: Policy::Drop, scope: Scope::Only, guard: NONE, first_event: 0, events: 0 };
}

/// The whole shape, borrowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Topology<'a> {
    pub(super) nodes: &'a [Node],
    pub(super) edges: &'a [Edge],
    pub(super) words: &'a [u16],
    pub(super) rules: &'a [Rule],
    pub(super) events: u16,
    pub(super) semantics: Rules,
}

impl<'a> Topology<'a> {
    pub(super) const fn node(&self, vertex: u16) -> &'a Node {
        &self.nodes[vertex as usize]
    }

    pub(super) const fn edge(&self, edge: u16) -> &'a Edge {
        &self.edges[edge as usize]
    }

    /// The target at position `index` of `edge`.
    pub(super) const fn target(&self, edge: &Edge, index: u16) -> u16 {
        self.words[(edge.first_target + index) as usize]
    }

    pub(super) fn targets(&self, edge: &Edge) -> &'a [u16] {
        &self.words[usize::from(edge.first_target)..][..usize::from(edge.targets)]
    }

    pub(super) fn edges_from(&self, vertex: u16) -> std::ops::Range<u16> {
        let node = self.node(vertex);
        node.first_edge..node.first_edge + node.edges
    }

    /// Whether `inner` is inside `outer`, or is it.
    pub(super) const fn within(&self, inner: u16, outer: u16) -> bool {
        outer <= inner && inner < self.node(outer).end
    }

    /// Whether `inner` is inside `outer`.
    pub(super) const fn inside(&self, inner: u16, outer: u16) -> bool {
        outer < inner && inner < self.node(outer).end
    }

    /// Whether there are states inside `vertex`.
    pub(super) const fn composite(&self, vertex: u16) -> bool {
        self.node(vertex).children > 0
    }

    /// The innermost vertex around both, which is neither of them. The root stands in for what would be around it.
    pub(super) const fn common(&self, one: u16, other: u16) -> u16 {
        let mut around = self.node(one).parent;
        while around != NONE && !self.inside(other, around) {
            around = self.node(around).parent;
        }
        if around == NONE { 0 } else { around }
    }

    /// The vertex that stands for `target` where it counts what is left: a point on a border is left with its state.
    pub(super) const fn border(&self, target: u16) -> u16 {
        match self.node(target).vertex {
            Vertex::EntryPoint | Vertex::ExitPoint => self.node(target).parent,
            _ => target,
        }
    }

    /// The domain for rules that ask for more than the least common ancestor.
    pub(super) const fn settle_domain(&self, mut domain: u16) -> u16 {
        while matches!(self.semantics, Rules::Scxml) && matches!(self.node(domain).vertex, Vertex::Parallel) {
            domain = self.node(domain).parent;
        }
        domain
    }

    /// Whether a transition of this kind from `source` stays inside it on the way to `target`.
    pub(super) const fn stays_inside(&self, reach: Reach, source: u16, target: u16) -> bool {
        let compound = matches!(self.semantics, Rules::Uml) || matches!(self.node(source).vertex, Vertex::State);
        matches!(reach, Reach::Local) && compound && self.inside(self.border(target), source)
    }

    /// Whether `rule` is about `event`.
    pub(super) const fn covers(&self, rule: &Rule, event: u16) -> bool {
        let mut listed = false;
        let mut i = 0;
        while i < rule.events {
            listed = listed || self.words[(rule.first_event + i) as usize] == event;
            i += 1;
        }
        match rule.scope {
            Scope::Only => listed,
            Scope::AllBut => !listed,
        }
    }

    /// The state that a composite without an initial transition starts in, or `NONE`.
    pub(super) const fn first_child(&self, vertex: u16) -> u16 {
        let mut child = vertex + 1;
        while child < self.node(vertex).end {
            if self.node(child).vertex.is_state() {
                return child;
            }
            child = self.node(child).end;
        }
        NONE
    }

    /// The vertices directly inside `vertex`, in document order.
    pub(super) fn children(self, vertex: u16) -> impl Iterator<Item = u16> + 'a {
        let end = self.node(vertex).end;
        let mut next = vertex + 1;
        std::iter::from_fn(move || {
            let child = next;
            (child < end).then(|| {
                next = self.node(child).end;
                child
            })
        })
    }

    /// The regions of a parallel state.
    pub(super) fn regions(self, vertex: u16) -> impl Iterator<Item = u16> + 'a {
        self.children(vertex).filter(move |&child| self.node(child).vertex.is_state())
    }

    /// `vertex` and everything around it, from inner to outer.
    pub(super) fn outward(self, vertex: u16) -> impl Iterator<Item = u16> + 'a {
        std::iter::successors(Some(vertex), move |&inner| match self.node(inner).parent {
            NONE => None,
            outer => Some(outer),
        })
    }
}
