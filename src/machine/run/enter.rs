//! What taking transitions enters.
//!
//! First everything that will be entered is collected: what the targets stand for, what is inside them by default, what is
//! around them, and the other regions of every parallel state on the way. Then it is entered in document order, which is
//! from outer to inner.

use super::{Run, step::insert};
use crate::machine::{Model, StateId, Trace, Vertex, ids::NONE, topology::Marks};

impl<M: Model, T: Trace> Run<'_, '_, '_, '_, M, T> {
    /// Enters the root by default.
    pub(super) fn enter_initially(&mut self) {
        self.clear();
        self.rest.leaves.clear();
        self.work.leaves.clear();
        self.work.states.clear();
        self.work.inner.clear();
        self.default_entry(0);
        self.arrive();
    }

    /// Enters the targets of the transitions that are taken.
    pub(super) fn enter(&mut self) {
        self.work.states.clear();
        self.work.inner.clear();
        for at in 0..self.work.taken.len() {
            let taken = self.work.taken[at];
            if taken.domain == NONE {
                continue;
            }
            let goals = usize::from(taken.goals.0)..usize::from(taken.goals.1);
            for goal in goals.clone() {
                self.descend(self.work.goals[goal]);
            }
            for goal in goals {
                self.ascend(self.work.goals[goal], taken.domain);
            }
            // Regions that were left because of a transition between two of them start anew.
            if self.chart.node(taken.domain).vertex == Vertex::Parallel {
                self.fill_regions(taken.domain);
            }
        }
        self.arrive();
    }

    fn arrive(&mut self) {
        // A default of a history in a state that was not left has nothing to wait for.
        for at in 0..self.work.inner.len() {
            let (owner, edge) = self.work.inner[at];
            if self.work.states.binary_search(&owner).is_err() {
                self.effect(edge);
            }
        }
        for at in 0..self.work.states.len() {
            self.enter_state(self.work.states[at]);
        }
        if let Some(&end) = self.work.leaves.iter().find(|&&leaf| self.chart.node(leaf).vertex == Vertex::Terminate) {
            self.work.leaves.clear();
            self.work.leaves.push(end);
        }
        std::mem::swap(&mut self.rest.leaves, &mut self.work.leaves);
        for at in 0..self.work.states.len() {
            let state = self.work.states[at];
            if self.rest.leaves.binary_search(&state).is_ok() {
                self.note_completion(state);
            }
        }
    }

    fn enter_state(&mut self, state: u16) {
        let node = self.chart.node(state);
        if node.children == 0 {
            insert(&mut self.work.leaves, state);
        }
        if node.vertex.is_state() {
            if T::ACTIVE {
                self.trace.entered(StateId(state));
            }
            self.act(node.entry);
            if node.marks.has(Marks::TIMED) {
                self.rest.arm(self.table, state);
            }
        }
        self.inner_effects(state);
    }

    /// Does the effects of the segments that lead on from `state`, which has just been entered.
    fn inner_effects(&mut self, state: u16) {
        for at in 0..self.work.inner.len() {
            let (owner, edge) = self.work.inner[at];
            if owner == state {
                self.effect(edge);
            }
        }
    }

    /// Collects `vertex`, or what it stands for, and what is inside by default.
    fn descend(&mut self, vertex: u16) {
        let node = self.chart.node(vertex);
        match node.vertex {
            Vertex::ShallowHistory | Vertex::DeepHistory => self.recall_history(vertex),
            Vertex::EntryPoint => {
                insert(&mut self.work.states, node.parent);
                self.lead_on(vertex, node.parent);
                if node.edges == 0 {
                    self.default_entry(node.parent);
                } else if self.chart.node(node.parent).vertex == Vertex::Parallel {
                    self.fill_regions(node.parent);
                }
            }
            _ => {
                insert(&mut self.work.states, vertex);
                if node.children > 0 {
                    self.default_entry(vertex);
                }
            }
        }
    }

    /// Collects what is inside `state` when it is entered by default.
    fn default_entry(&mut self, state: u16) {
        let node = self.chart.node(state);
        if node.vertex == Vertex::Parallel {
            self.fill_regions(state);
        } else if node.initial != NONE {
            self.follow_inside(node.initial, state);
        } else {
            let first = self.chart.first_child(state);
            if first != NONE {
                self.descend(first);
            }
        }
    }

    /// Collects what the segments that start at `vertex` lead to inside `owner`.
    fn lead_on(&mut self, vertex: u16, owner: u16) {
        for edge in self.chart.edges_from(vertex) {
            self.follow_inside(edge, owner);
        }
    }

    fn follow_inside(&mut self, edge: u16, owner: u16) {
        let chart = self.chart;
        self.work.inner.push((owner, edge));
        for &target in chart.targets(chart.edge(edge)) {
            self.descend(target);
        }
        for &target in chart.targets(chart.edge(edge)) {
            self.ascend(target, owner);
        }
    }

    fn recall_history(&mut self, history: u16) {
        let chart = self.chart;
        let region = chart.node(history).parent;
        // What is remembered is read again for each state, because collecting needs the machine as a whole.
        let remembered = self.rest.memory.recall(&chart, history).count();
        for at in 0..remembered {
            let state = self.rest.memory.recall(&chart, history).nth(at).unwrap_or(region);
            self.descend(state);
        }
        for at in 0..remembered {
            let state = self.rest.memory.recall(&chart, history).nth(at).unwrap_or(region);
            self.ascend(state, region);
        }
        if remembered > 0 {
            return;
        }
        if chart.node(history).edges == 0 {
            self.default_entry(region);
        } else {
            self.lead_on(history, region);
        }
    }

    /// Collects what is around `vertex` up to `limit`, with the other regions of parallel states.
    fn ascend(&mut self, vertex: u16, limit: u16) {
        let chart = self.chart;
        for around in chart.outward(vertex).skip(1).take_while(|&around| around > limit) {
            insert(&mut self.work.states, around);
            if chart.node(around).vertex == Vertex::Parallel {
                self.fill_regions(around);
            }
        }
    }

    /// Collects every region of `parallel` that nothing has been collected of and that is not active.
    fn fill_regions(&mut self, parallel: u16) {
        let chart = self.chart;
        for region in chart.regions(parallel) {
            let inside = |&state: &u16| chart.within(state, region);
            if !self.work.states.iter().any(inside) && !self.work.leaves.iter().any(inside) {
                self.descend(region);
            }
        }
    }
}
