//! A chart as plain data, made from random bytes, and the same chart as a table.

use rohrpost::machine::{
    EventId, Faults, Model, Policy, Query, Reach, State, StateId, Step, Table, Transition, Trigger, Vertex,
};

/// How many events a chart has besides those that lead to each vertex from the root.
pub(crate) const EVENTS: usize = 4;

#[derive(Clone, Debug)]
pub(crate) struct Chart {
    /// In document order; the first is the root.
    pub(crate) states: Vec<Node>,
    pub(crate) transitions: Vec<Edge>,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) parent: usize,
    pub(crate) vertex: Vertex,
    pub(crate) children: Vec<usize>,
    /// What it does with an event: which, what, and on which condition.
    pub(crate) rules: Vec<(usize, Policy, Option<Condition>)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) source: usize,
    pub(crate) trigger: Start,
    pub(crate) reach: Reach,
    pub(crate) targets: Vec<usize>,
    pub(crate) guard: Option<Condition>,
    /// An event that the effect raises.
    pub(crate) raises: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Start {
    Event(usize),
    Any,
    Always,
    Done,
    Initial,
    Arrival,
}

/// A guard.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition {
    /// The number of actions so far leaves this rest when divided by three.
    Count(u32),
    In(usize),
}

/// What an action leaves behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    Enter(usize),
    Exit(usize),
    Effect(usize),
}

/// What the hooks of both interpreters act on.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct World {
    pub(crate) log: Vec<Act>,
}

impl World {
    pub(crate) fn holds(&self, condition: Condition, is_in: impl Fn(usize) -> bool) -> bool {
        match condition {
            Condition::Count(rest) => self.log.len() as u32 % 3 == rest,
            Condition::In(state) => is_in(state),
        }
    }
}

impl Model for World {
    type Event<'e> = ();
    type Context<'c> = ();
}

/// Random choices out of bytes; zeros when they are used up, so that shorter means simpler.
struct Choices<'b>(std::slice::Iter<'b, u8>);

impl Choices<'_> {
    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % limit.max(1)
    }

    /// True once in `n`.
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }
}

impl Chart {
    pub(crate) fn random(bytes: &[u8]) -> Self {
        let mut choices = Choices(bytes.iter());
        let root = Node { parent: 0, vertex: Vertex::State, children: Vec::new(), rules: Vec::new() };
        let mut chart = Self { states: vec![root], transitions: Vec::new() };
        let count = 2 + choices.below(3);
        for _ in 0..count {
            chart.add_state(0, 0, &mut choices);
        }
        chart.add_initials(&mut choices);
        chart.add_choices(&mut choices);
        for at in 0..chart.states.len() {
            if matches!(chart.states[at].vertex, Vertex::State | Vertex::Parallel) {
                chart.add_transitions(at, &mut choices);
                chart.add_rules(at, &mut choices);
            }
        }
        // The root leads everywhere, each place by an event of its own, so that nothing is out of reach.
        for at in 1..chart.states.len() {
            let trigger = Start::Event(EVENTS + at);
            chart.add(Edge {
                source: 0,
                trigger,
                reach: Reach::External,
                targets: vec![at],
                guard: None,
                raises: None,
            });
        }
        chart
    }

    /// How many events the chart has.
    pub(crate) fn events(&self) -> usize {
        EVENTS + self.states.len()
    }

    fn add(&mut self, edge: Edge) {
        self.transitions.push(edge);
    }

    fn add_vertex(&mut self, parent: usize, vertex: Vertex) -> usize {
        let at = self.states.len();
        self.states.push(Node { parent, vertex, children: Vec::new(), rules: Vec::new() });
        self.states[parent].children.push(at);
        at
    }

    fn add_state(&mut self, parent: usize, depth: usize, choices: &mut Choices<'_>) {
        let room = depth < 3 && self.states.len() < 14;
        let vertex = if room && choices.one_in(4) { Vertex::Parallel } else { Vertex::State };
        let at = self.add_vertex(parent, vertex);
        if vertex == Vertex::Parallel {
            for _ in 0..2 + choices.below(2) {
                self.add_state(at, depth + 1, choices);
            }
        } else if room && choices.one_in(2) {
            for _ in 0..1 + choices.below(3) {
                self.add_state(at, depth + 1, choices);
            }
            if choices.one_in(3) {
                self.add_vertex(at, Vertex::Final);
            }
        }
        if !self.states[at].children.is_empty() && choices.one_in(3) {
            let history = if choices.one_in(2) { Vertex::DeepHistory } else { Vertex::ShallowHistory };
            self.add_vertex(at, history);
        }
    }

    fn is_inside(&self, mut inner: usize, outer: usize) -> bool {
        while inner != 0 {
            inner = self.states[inner].parent;
            if inner == outer {
                return true;
            }
        }
        false
    }

    fn add_initials(&mut self, choices: &mut Choices<'_>) {
        for at in 0..self.states.len() {
            let vertex = self.states[at].vertex;
            let composite = vertex == Vertex::State && !self.states[at].children.is_empty();
            let history = vertex.is_history() && choices.one_in(2);
            if !composite && !history {
                continue;
            }
            let home = if history { self.states[at].parent } else { at };
            // Now and then it leads deep.
            let inside: Vec<usize> = (0..self.states.len())
                .filter(|&inner| self.is_inside(inner, home) && self.states[inner].vertex.is_state())
                .filter(|&inner| !choices.one_in(3) || self.states[inner].parent == home)
                .collect();
            let inside = if inside.is_empty() { vec![home + 1] } else { inside };
            let target = inside[choices.below(inside.len())];
            let trigger = if history { Start::Arrival } else { Start::Initial };
            self.add(Edge {
                source: at,
                trigger,
                reach: Reach::External,
                targets: vec![target],
                guard: None,
                raises: None,
            });
        }
    }

    fn add_choices(&mut self, choices: &mut Choices<'_>) {
        if choices.one_in(2) {
            return;
        }
        let parents: Vec<usize> = (0..self.states.len())
            .filter(|&at| self.states[at].vertex == Vertex::State && !self.states[at].children.is_empty())
            .collect();
        let parent = parents[choices.below(parents.len())];
        // Added last, it keeps document order only inside the root; elsewhere the chart is put in order when it is built.
        let choice = self.insert_vertex(parent, Vertex::Choice);
        for guarded in [true, false] {
            let targets = vec![self.random_state(choices)];
            let guard = guarded.then(|| self.random_condition(choices));
            let trigger = Start::Arrival;
            self.add(Edge { source: choice, trigger, reach: Reach::External, targets, guard, raises: None });
        }
    }

    /// Adds a vertex as the last one inside `parent`, and moves those behind it.
    fn insert_vertex(&mut self, parent: usize, vertex: Vertex) -> usize {
        let at = (parent + 1..self.states.len()).find(|&at| !self.is_inside(at, parent)).unwrap_or(self.states.len());
        let shift = |old: usize| if old >= at { old + 1 } else { old };
        for state in &mut self.states {
            state.parent = shift(state.parent);
            state.children.iter_mut().for_each(|child| *child = shift(*child));
        }
        for edge in &mut self.transitions {
            edge.source = shift(edge.source);
            edge.targets.iter_mut().for_each(|target| *target = shift(*target));
        }
        self.states.insert(at, Node { parent, vertex, children: Vec::new(), rules: Vec::new() });
        self.states[parent].children.push(at);
        at
    }

    fn random_state(&self, choices: &mut Choices<'_>) -> usize {
        let at = 1 + choices.below(self.states.len() - 1);
        (at..self.states.len()).find(|&at| self.states[at].vertex.is_state()).unwrap_or(1)
    }

    fn random_condition(&self, choices: &mut Choices<'_>) -> Condition {
        if choices.one_in(3) {
            Condition::In(self.random_state(choices))
        } else {
            Condition::Count(choices.below(3) as u32)
        }
    }

    fn add_transitions(&mut self, source: usize, choices: &mut Choices<'_>) {
        for _ in 0..choices.below(4) {
            let completes =
                self.states[source].children.iter().any(|&child| self.states[child].vertex == Vertex::Final);
            let simple = self.states[source].children.is_empty();
            let trigger = match choices.below(12) {
                0..8 => Start::Event(choices.below(EVENTS)),
                8 => Start::Any,
                9 => Start::Always,
                _ if (completes || simple) && source != 0 => Start::Done,
                _ => Start::Event(0),
            };
            let inside: Vec<usize> =
                (source + 1..self.states.len()).filter(|&inner| self.is_inside(inner, source)).collect();
            let (reach, targets) = match choices.below(5) {
                0 => (Reach::Internal, Vec::new()),
                1 if !inside.is_empty() => (Reach::Local, vec![inside[choices.below(inside.len())]]),
                2 => (Reach::External, self.random_fork(choices)),
                _ => (Reach::External, vec![1 + choices.below(self.states.len() - 1)]),
            };
            let guard = (trigger == Start::Always || choices.one_in(2)).then(|| self.random_condition(choices));
            let raises = choices.one_in(6).then(|| choices.below(EVENTS));
            // Behind a transition without guard nothing gets its turn, and the table would be refused.
            let open = |edge: &Edge| edge.source == source && edge.trigger == trigger && edge.guard.is_none();
            if !self.transitions.iter().any(open) {
                self.add(Edge { source, trigger, reach, targets, guard, raises });
            }
        }
    }

    /// Two targets in two regions, if there are regions; else one target.
    fn random_fork(&self, choices: &mut Choices<'_>) -> Vec<usize> {
        let parallel: Vec<usize> =
            (0..self.states.len()).filter(|&at| self.states[at].vertex == Vertex::Parallel).collect();
        if parallel.is_empty() {
            return vec![self.random_state(choices)];
        }
        let parallel = parallel[choices.below(parallel.len())];
        let regions: Vec<usize> = self.states[parallel]
            .children
            .iter()
            .copied()
            .filter(|&child| self.states[child].vertex.is_state())
            .collect();
        let mut pick = |region: usize| {
            let inside: Vec<usize> = (region..self.states.len())
                .filter(|&at| at == region || self.is_inside(at, region))
                .filter(|&at| self.states[at].vertex.is_state())
                .collect();
            inside[choices.below(inside.len())]
        };
        vec![pick(regions[1]), pick(regions[0])]
    }

    fn add_rules(&mut self, state: usize, choices: &mut Choices<'_>) {
        if !choices.one_in(5) {
            return;
        }
        let event = choices.below(EVENTS);
        let policy = [Policy::Defer, Policy::Reject, Policy::Drop][choices.below(3)];
        let guard = choices.one_in(2).then(|| self.random_condition(choices));
        let handled = self
            .transitions
            .iter()
            .filter(|edge| edge.source == state && edge.guard.is_none())
            .any(|edge| edge.trigger == Start::Event(event) || edge.trigger == Start::Any);
        if !handled || policy != Policy::Defer || guard.is_some() {
            self.states[state].rules.push((event, policy, guard));
        }
    }

    /// The same chart as a table.
    pub(crate) fn table(&self) -> Result<Table<World>, Faults> {
        let mut builder = Table::<World>::builder();
        let events: Vec<EventId> = (0..self.events()).map(|event| builder.event(format!("e{event}"))).collect();
        builder.root(self.state(0, &events)).build()
    }

    fn state(&self, at: usize, events: &[EventId]) -> State<World> {
        let node = &self.states[at];
        let mut state = State::<World>::vertex(node.vertex, format!("v{at}"));
        if node.vertex.is_state() && at != 0 {
            state = state.entry(move |world, _, _| world.log.push(Act::Enter(at)));
            if node.vertex != Vertex::Final {
                state = state.exit(move |world, _, _| world.log.push(Act::Exit(at)));
            }
        }
        for (which, edge) in self.transitions.iter().enumerate().filter(|(_, edge)| edge.source == at) {
            let trigger = match edge.trigger {
                Start::Event(event) => Trigger::Event(events[event]),
                Start::Any => Trigger::Any,
                Start::Always => Trigger::Always,
                Start::Done => Trigger::Done,
                Start::Initial => Trigger::Initial,
                Start::Arrival => Trigger::Arrival,
            };
            let targets = edge.targets.iter().map(|target| format!("v{target}"));
            let raises = edge.raises.map(|event| events[event]);
            let mut transition = Transition::<World>::new(edge.reach, targets)
                .effect(move |world, _, step| effect(which, raises, world, step));
            if let Some(condition) = edge.guard {
                transition = transition.when(move |world: &World, _, query| asks(condition, world, query));
            }
            state = state.transition(trigger, transition);
        }
        for &(event, policy, guard) in &node.rules {
            state = match guard {
                Some(condition) => {
                    state.rule_if(policy, [events[event]], move |world: &World, _, query| asks(condition, world, query))
                }
                None => state.rule(policy, rohrpost::machine::Scope::Only, [events[event]]),
            };
        }
        node.children.iter().fold(state, |state, &child| state.state(self.state(child, events)))
    }
}

fn effect(which: usize, raises: Option<EventId>, world: &mut World, step: &mut Step<'_, ()>) {
    world.log.push(Act::Effect(which));
    if let Some(event) = raises {
        step.raise(event);
    }
}

fn asks(condition: Condition, world: &World, query: &Query<'_, ()>) -> bool {
    world.holds(condition, |state| query.is_in(StateId::new(state as u16)))
}
