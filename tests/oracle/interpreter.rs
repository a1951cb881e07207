//! The interpreter.

use super::chart::{Act, Chart, Condition, Edge, Start, World};
use rohrpost::machine::{Policy, Reach, Verdict, Vertex};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// More microsteps than this, and the chart is taken for one that never rests.
const PATIENCE: usize = 300;

/// A machine that is run to the letter.
pub(crate) struct Interpreter<'c> {
    chart: &'c Chart,
    /// Every state that is active, inner and outer.
    configuration: BTreeSet<usize>,
    /// What each history remembers.
    memory: BTreeMap<usize, BTreeSet<usize>>,
    raised: VecDeque<usize>,
    /// Raised events that were deferred.
    kept: Vec<usize>,
    completed: VecDeque<usize>,
    pub(crate) world: World,
    steps: usize,
}

/// What is entered, and what is done besides.
#[derive(Default)]
struct Entry {
    states: BTreeSet<usize>,
    /// Effects of initial transitions and histories, by the state whose entry they follow.
    effects: Vec<(usize, usize)>,
}

impl<'c> Interpreter<'c> {
    /// Starts a machine; none if it never rests.
    pub(crate) fn start(chart: &'c Chart) -> Option<Self> {
        let mut machine = Self {
            chart,
            configuration: BTreeSet::from([0]),
            memory: BTreeMap::new(),
            raised: VecDeque::new(),
            kept: Vec::new(),
            completed: VecDeque::new(),
            world: World::default(),
            steps: 0,
        };
        let mut entry = Entry::default();
        machine.enter_default(0, &mut entry);
        machine.enter(&entry);
        machine.settle()?;
        Some(machine)
    }

    /// The active states without states inside.
    pub(crate) fn leaves(&self) -> Vec<usize> {
        self.configuration.iter().copied().filter(|&state| self.is_atomic(state)).collect()
    }

    /// Handles an event from outside; none if the machine never rests.
    pub(crate) fn dispatch(&mut self, event: usize) -> Option<Verdict> {
        self.steps = 0;
        self.completed.clear();
        let verdict = self.handle(event);
        if verdict == Verdict::Handled {
            self.settle()?;
        }
        Some(verdict)
    }

    /// Whether `event`, if it came now, would be deferred.
    pub(crate) fn would_defer(&self, event: usize) -> bool {
        self.decide(event).1 == Verdict::Deferred
    }

    fn handle(&mut self, event: usize) -> Verdict {
        let (enabled, verdict) = self.decide(event);
        if verdict != Verdict::Unhandled || enabled.is_empty() {
            return verdict;
        }
        self.microstep(&enabled);
        Verdict::Handled
    }

    /// The transitions that `event` enables, and what the rules of active states say about it.
    fn decide(&self, event: usize) -> (Vec<usize>, Verdict) {
        let enabled = self.select(|edge| edge.trigger == Start::Event(event) || edge.trigger == Start::Any);
        // An event stays deferred while any active state defers it, unless a transition at or inside that state takes it.
        let mut verdict = Verdict::Unhandled;
        let innermost_first: Vec<usize> =
            self.leaves().into_iter().flat_map(|leaf| self.ancestors_and_self(leaf)).collect();
        for state in innermost_first {
            for &(which, policy, guard) in &self.chart.states[state].rules {
                let overridden = enabled.iter().any(|&edge| {
                    let source = self.chart.transitions[edge].source;
                    source == state || self.is_descendant(source, state)
                });
                if which != event || overridden || !self.holds(guard) {
                    continue;
                }
                verdict = match (policy, verdict) {
                    (Policy::Defer, _) | (_, Verdict::Deferred) => Verdict::Deferred,
                    (Policy::Reject, Verdict::Unhandled) => Verdict::Rejected,
                    (Policy::Drop, Verdict::Unhandled) => Verdict::Dropped,
                    (_, verdict) => verdict,
                };
            }
        }
        (enabled, verdict)
    }

    /// Choices first, then completions, then transitions without trigger, then raised events.
    fn settle(&mut self) -> Option<()> {
        loop {
            self.steps += 1;
            if self.steps > PATIENCE {
                return None;
            }
            let is_choice = |state: &usize| self.chart.states[*state].vertex == Vertex::Choice;
            if let Some(choice) = self.configuration.iter().copied().find(is_choice) {
                let branch = self.transitions_of(choice).find(|&edge| self.is_open(edge))?;
                self.microstep(&[branch]);
            } else if let Some(state) = self.completed.pop_front() {
                self.complete(state);
            } else {
                let enabled = self.select(|edge| edge.trigger == Start::Always);
                if !enabled.is_empty() {
                    self.microstep(&enabled);
                } else if let Some(event) = self.raised.pop_front() {
                    if self.handle(event) == Verdict::Deferred {
                        self.kept.push(event);
                    }
                } else {
                    return Some(());
                }
            }
        }
    }

    fn complete(&mut self, state: usize) {
        if !self.configuration.contains(&state) || !self.is_complete(state) {
            return;
        }
        let done = |edge: usize| self.chart.transitions[edge].trigger == Start::Done && self.is_open(edge);
        let found = self.transitions_of(state).find(|&edge| done(edge));
        if let Some(edge) = found {
            self.microstep(&[edge]);
        }
    }

    fn select(&self, starts: impl Fn(&Edge) -> bool) -> Vec<usize> {
        let mut enabled = Vec::new();
        for leaf in self.leaves() {
            let found = self.ancestors_and_self(leaf).into_iter().find_map(|state| {
                self.transitions_of(state).find(|&edge| starts(&self.chart.transitions[edge]) && self.is_open(edge))
            });
            if let Some(edge) = found.filter(|edge| !enabled.contains(edge)) {
                enabled.push(edge);
            }
        }
        self.remove_conflicts(&enabled)
    }

    /// `removeConflictingTransitions` of appendix D.
    fn remove_conflicts(&self, enabled: &[usize]) -> Vec<usize> {
        let mut filtered: Vec<usize> = Vec::new();
        for &one in enabled {
            let mut preempted = false;
            let mut to_remove = Vec::new();
            for &other in &filtered {
                if self.exits(&[one]).is_disjoint(&self.exits(&[other])) {
                    continue;
                }
                let (inner, outer) = (self.chart.transitions[one].source, self.chart.transitions[other].source);
                if self.is_descendant(inner, outer) {
                    to_remove.push(other);
                } else {
                    preempted = true;
                    break;
                }
            }
            if !preempted {
                filtered.retain(|other| !to_remove.contains(other));
                filtered.push(one);
            }
        }
        filtered
    }

    fn microstep(&mut self, enabled: &[usize]) {
        self.take(enabled);
        // Whatever happened, what was deferred is offered again, ahead of what was raised later.
        for event in std::mem::take(&mut self.kept).into_iter().rev() {
            self.raised.push_front(event);
        }
    }

    fn take(&mut self, enabled: &[usize]) {
        let exits = self.exits(enabled);
        for &state in &exits {
            for &history in &self.chart.states[state].children {
                let recorded: BTreeSet<usize> = match self.chart.states[history].vertex {
                    Vertex::DeepHistory => {
                        self.leaves().into_iter().filter(|&leaf| self.is_descendant(leaf, state)).collect()
                    }
                    Vertex::ShallowHistory => {
                        let active = |child: &usize| self.configuration.contains(child);
                        self.chart.states[state].children.iter().copied().filter(active).collect()
                    }
                    _ => continue,
                };
                // Choices are no states: a state that is left by one before it was in any of its states remembers nothing new.
                let is_state = |state: &usize| self.chart.states[*state].vertex.is_state();
                let recorded: BTreeSet<usize> = recorded.into_iter().filter(is_state).collect();
                if recorded.is_empty() {
                    continue;
                }
                // A region that was left completed starts anew.
                let completed = |&state: &usize| {
                    let node = &self.chart.states[state];
                    node.vertex == Vertex::Final && node.parent == self.chart.states[history].parent
                };
                self.memory.insert(history, recorded.into_iter().filter(|state| !completed(state)).collect());
            }
        }
        for &state in exits.iter().rev() {
            self.configuration.remove(&state);
            if self.chart.states[state].vertex != Vertex::Choice && self.chart.states[state].vertex != Vertex::Final {
                self.world.log.push(Act::Exit(state));
            }
        }
        for &edge in enabled {
            self.effect(edge);
        }
        let mut entry = Entry::default();
        for &edge in enabled {
            let targets = &self.chart.transitions[edge].targets;
            let Some(domain) = self.domain(edge) else { continue };
            for &target in targets {
                self.add_descendants(target, &mut entry);
            }
            for &target in targets {
                self.add_ancestors(target, domain, &mut entry);
            }
            if self.chart.states[domain].vertex == Vertex::Parallel {
                self.add_missing_regions(domain, &mut entry);
            }
        }
        self.enter(&entry);
    }

    fn effect(&mut self, edge: usize) {
        self.world.log.push(Act::Effect(edge));
        self.raised.extend(self.chart.transitions[edge].raises);
    }

    fn enter(&mut self, entry: &Entry) {
        for &(owner, edge) in entry.effects.iter().filter(|(owner, _)| !entry.states.contains(owner)) {
            debug_assert!(self.configuration.contains(&owner));
            self.effect(edge);
        }
        for &state in &entry.states {
            self.configuration.insert(state);
            if self.chart.states[state].vertex != Vertex::Choice {
                self.world.log.push(Act::Enter(state));
            }
            for &(_, edge) in entry.effects.iter().filter(|(owner, _)| *owner == state) {
                self.effect(edge);
            }
        }
        for &state in &entry.states {
            if self.chart.states[state].vertex == Vertex::Final {
                self.note_completed(self.chart.states[state].parent);
            } else if self.chart.states[state].vertex == Vertex::State && self.is_atomic(state) {
                self.completed.push_back(state);
            }
        }
    }

    fn note_completed(&mut self, state: usize) {
        self.completed.push_back(state);
        let around = self.chart.states[state].parent;
        if self.chart.states[around].vertex == Vertex::Parallel && self.is_complete(around) {
            self.note_completed(around);
        }
    }

    fn is_complete(&self, state: usize) -> bool {
        let node = &self.chart.states[state];
        if node.vertex == Vertex::Parallel {
            let mut regions = node.children.iter().filter(|&&child| self.chart.states[child].vertex.is_state());
            return regions.all(|&region| !self.is_atomic(region) && self.is_complete(region));
        }
        let reached =
            |child: &usize| self.chart.states[*child].vertex == Vertex::Final && self.configuration.contains(child);
        self.is_atomic(state) || node.children.iter().any(reached)
    }

    /// `addDescendantStatesToEnter`.
    fn add_descendants(&self, vertex: usize, entry: &mut Entry) {
        let node = &self.chart.states[vertex];
        if !node.vertex.is_history() {
            entry.states.insert(vertex);
            self.enter_default(vertex, entry);
            return;
        }
        let region = node.parent;
        let remembered = self.memory.get(&vertex).cloned().unwrap_or_default();
        for &state in &remembered {
            self.add_descendants(state, entry);
        }
        for &state in &remembered {
            self.add_ancestors(state, region, entry);
        }
        if !remembered.is_empty() {
            return;
        }
        match self.transitions_of(vertex).next() {
            Some(default) => self.follow(region, default, entry),
            None => self.enter_default(region, entry),
        }
    }

    fn enter_default(&self, state: usize, entry: &mut Entry) {
        if self.chart.states[state].vertex == Vertex::Parallel {
            self.add_missing_regions(state, entry);
        } else if let Some(initial) =
            self.transitions_of(state).find(|&edge| self.chart.transitions[edge].trigger == Start::Initial)
        {
            self.follow(state, initial, entry);
        }
    }

    fn follow(&self, owner: usize, edge: usize, entry: &mut Entry) {
        entry.effects.push((owner, edge));
        let targets = &self.chart.transitions[edge].targets;
        for &target in targets {
            self.add_descendants(target, entry);
        }
        for &target in targets {
            self.add_ancestors(target, owner, entry);
        }
    }

    /// `addAncestorStatesToEnter`.
    fn add_ancestors(&self, vertex: usize, limit: usize, entry: &mut Entry) {
        for around in
            self.ancestors_and_self(vertex).into_iter().skip(1).take_while(|&around| around != limit && around != 0)
        {
            if !self.is_descendant(around, limit) {
                break;
            }
            entry.states.insert(around);
            if self.chart.states[around].vertex == Vertex::Parallel {
                self.add_missing_regions(around, entry);
            }
        }
    }

    fn add_missing_regions(&self, parallel: usize, entry: &mut Entry) {
        for &region in &self.chart.states[parallel].children {
            let within = |&state: &usize| state == region || self.is_descendant(state, region);
            let there = entry.states.iter().any(within) || self.configuration.iter().any(within);
            if self.chart.states[region].vertex.is_state() && !there {
                self.add_descendants(region, entry);
            }
        }
    }

    /// `computeExitSet`.
    fn exits(&self, enabled: &[usize]) -> BTreeSet<usize> {
        let domains = enabled.iter().filter_map(|&edge| self.domain(edge));
        domains
            .flat_map(|domain| {
                self.configuration.iter().copied().filter(move |&state| self.is_descendant(state, domain))
            })
            .collect()
    }

    /// The innermost state around source and targets that is none of them; for a local transition its source.
    fn domain(&self, edge: usize) -> Option<usize> {
        let Edge { source, reach, ref targets, .. } = self.chart.transitions[edge];
        if targets.is_empty() {
            return None;
        }
        if reach == Reach::Local {
            return Some(source);
        }
        let around = self.ancestors_and_self(source).into_iter().skip(1);
        let common = |&state: &usize| targets.iter().all(|&target| self.is_descendant(target, state));
        Some(around.into_iter().find(common).unwrap_or(0))
    }

    fn transitions_of(&self, state: usize) -> impl Iterator<Item = usize> {
        (0..self.chart.transitions.len()).filter(move |&edge| self.chart.transitions[edge].source == state)
    }

    fn is_open(&self, edge: usize) -> bool {
        self.holds(self.chart.transitions[edge].guard)
    }

    fn holds(&self, condition: Option<Condition>) -> bool {
        condition.is_none_or(|condition| self.world.holds(condition, |state| self.configuration.contains(&state)))
    }

    fn is_atomic(&self, state: usize) -> bool {
        !self.chart.states[state].children.iter().any(|&child| self.chart.states[child].vertex.is_state())
    }

    fn is_descendant(&self, inner: usize, outer: usize) -> bool {
        inner != outer && self.ancestors_and_self(inner).contains(&outer)
    }

    fn ancestors_and_self(&self, state: usize) -> Vec<usize> {
        let mut path = vec![state];
        while let Some(&last) = path.last().filter(|&&last| last != 0) {
            path.push(self.chart.states[last].parent);
        }
        path
    }
}
