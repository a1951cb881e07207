//! A chart as a front end describes it: flat, in document order, targets by name.
//!
//! Both front ends end here: the builder at run time, `hsm!` while the compiler evaluates constants. From here on there is
//! one way to check a chart and one way to make a table of it, so everything below works on slices in `const fn`s.

use super::{
    EventId, Policy, Reach, Rules, Scope, Trigger, Vertex,
    ids::NONE,
    topology::{Edge, Node, Rule},
};

/// One vertex. Those of one subtree follow each other, parents first.
#[derive(Clone, Copy, Debug)]
pub(super) struct StateDraft<'a> {
    /// The name, unique in the chart.
    pub(super) name: &'a str,
    /// The position of the vertex around it; `NONE` for the root.
    pub(super) parent: u16,
    pub(super) vertex: Vertex,
    /// Positions among the actions, or `NONE`.
    pub(super) entry: u16,
    pub(super) exit: u16,
    /// The event to raise when this state completes, or `NONE`.
    pub(super) done: u16,
}

/// One transition or segment of one. Those with one source follow each other, sources in document order.
#[derive(Clone, Copy, Debug)]
pub(super) struct EdgeDraft<'a> {
    pub(super) source: u16,
    pub(super) trigger: Trigger,
    pub(super) reach: Reach,
    /// Position among the guards, or `NONE`.
    pub(super) guard: u16,
    /// Position among the actions, or `NONE`.
    pub(super) effect: u16,
    /// The names of the targets; none for a transition that goes nowhere.
    pub(super) targets: &'a [&'a str],
}

/// What one state does with events that nobody at or inside it takes. Sources in document order.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuleDraft<'a> {
    pub(super) state: u16,
    pub(super) policy: Policy,
    pub(super) scope: Scope,
    pub(super) events: &'a [EventId],
    /// Position among the guards, or `NONE`.
    pub(super) guard: u16,
}

impl StateDraft<'_> {
    pub(super) const BLANK: Self =
        Self { name: "", parent: NONE, vertex: Vertex::State, entry: NONE, exit: NONE, done: NONE };
}

impl EdgeDraft<'_> {
    pub(super) const BLANK: Self = Self {
        source: NONE,
        trigger: Trigger::Arrival,
        reach: Reach::External,
        guard: NONE,
        effect: NONE,
        targets: &[],
    };
}

impl RuleDraft<'_> {
    pub(super) const BLANK: Self =
        Self { state: NONE, policy: Policy::Drop, scope: Scope::Only, events: &[], guard: NONE };
}

/// A whole chart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft<'a> {
    pub(super) states: &'a [StateDraft<'a>],
    pub(super) edges: &'a [EdgeDraft<'a>],
    pub(super) rules: &'a [RuleDraft<'a>],
    /// How many events the chart names.
    pub(super) events: u16,
    /// Whose semantics.
    pub(super) semantics: Rules,
}

impl Draft<'_> {
    /// How many words all lists of targets and of events take.
    pub(super) const fn words(&self) -> usize {
        let mut words = 0;
        let mut i = 0;
        while i < self.edges.len() {
            words += self.edges[i].targets.len();
            i += 1;
        }
        i = 0;
        while i < self.rules.len() {
            words += self.rules[i].events.len();
            i += 1;
        }
        words
    }

    /// The first vertex called `name`, or `NONE`.
    pub(super) const fn find(&self, name: &str) -> u16 {
        let mut i = 0;
        while i < self.states.len() {
            if same(self.states[i].name, name) {
                return i as u16;
            }
            i += 1;
        }
        NONE
    }

    /// Whether two vertices have the name of the one at `at`, and this is not the first of them.
    pub(super) const fn repeats(&self, at: usize) -> bool {
        (self.find(self.states[at].name) as usize) < at
    }

    /// Writes the chart with names resolved and extents known; the slices have the lengths of the draft.
    pub(super) const fn resolve(&self, nodes: &mut [Node], edges: &mut [Edge], words: &mut [u16], rules: &mut [Rule]) {
        let mut word = 0;
        self.resolve_states(nodes);
        let mut timers = 0;
        let mut i = 0;
        while i < self.edges.len() {
            let draft = self.edges[i];
            let mut edge = Edge::BLANK;
            edge.source = draft.source;
            edge.trigger = draft.trigger;
            edge.reach = draft.reach;
            edge.guard = draft.guard;
            edge.effect = draft.effect;
            edge.first_target = word as u16;
            edge.targets = draft.targets.len() as u16;
            let mut target = 0;
            while target < draft.targets.len() {
                words[word] = self.find(draft.targets[target]);
                word += 1;
                target += 1;
            }
            if matches!(draft.trigger, Trigger::After(_)) {
                edge.timer = timers;
                timers += 1;
            }
            edges[i] = edge;
            nodes[draft.source as usize].adopt(i as u16, draft.trigger);
            i += 1;
        }
        i = 0;
        while i < self.rules.len() {
            let draft = self.rules[i];
            rules[i] = Rule {
                state: draft.state,
                policy: draft.policy,
                scope: draft.scope,
                guard: draft.guard,
                first_event: word as u16,
                events: draft.events.len() as u16,
            };
            let mut event = 0;
            while event < draft.events.len() {
                words[word] = draft.events[event].0;
                word += 1;
                event += 1;
            }
            nodes[draft.state as usize].govern(i as u16);
            i += 1;
        }
    }

    const fn resolve_states(&self, nodes: &mut [Node]) {
        let mut i = 0;
        while i < self.states.len() {
            let draft = self.states[i];
            let mut node = Node::BLANK;
            node.parent = draft.parent;
            node.vertex = draft.vertex;
            node.entry = draft.entry;
            node.exit = draft.exit;
            node.done_event = draft.done;
            node.end = i as u16 + 1;
            nodes[i] = node;
            i += 1;
        }
        // Children come after their parents, so going backwards every subtree is known before it is added to its parent.
        while i > 1 {
            i -= 1;
            let child = nodes[i];
            let width = child.span();
            nodes[child.parent as usize].enclose(child, width);
        }
        let mut slots = 0;
        while i < nodes.len() {
            let parent = nodes[i].parent;
            if nodes[i].vertex.is_history() {
                nodes[i].first_slot = slots;
                nodes[i].slots = nodes[parent as usize].recollection(nodes[i].vertex);
                slots += nodes[i].slots;
            }
            i += 1;
        }
    }
}

/// Whether two names are the same; `==` on text is not to be had in a `const fn`.
pub(super) const fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut i = 0;
    while i < left.len() {
        if left[i] != right[i] {
            return false;
        }
        i += 1;
    }
    true
}
