//! What taking transitions leaves and does.

use super::Run;
use crate::machine::{Model, StateId, Trace, TransitionId, ids::NONE, layout::defers_around, topology::Marks};

/// Puts `state` where it belongs in a list in document order, once.
pub(super) fn insert(states: &mut Vec<u16>, state: u16) {
    if let Err(at) = states.binary_search(&state) {
        states.insert(at, state);
    }
}

impl<M: Model, T: Trace> Run<'_, '_, '_, '_, M, T> {
    /// Takes the transitions that were selected: leaves from inner to outer, does the effects, enters from outer to inner.
    ///
    /// The machine is where it was until all of that is done, so a hook that panics leaves it in a configuration that exists.
    pub(super) fn microstep(&mut self) {
        let deferring =
            !self.chart.rules.is_empty() && self.rest.leaves.iter().any(|&leaf| defers_around(&self.chart, leaf));
        self.leave();
        for at in 0..self.work.path.len() {
            let edge = self.work.path[at];
            if self.is_wanted(at) {
                self.effect(edge);
            }
        }
        self.enter();
        if deferring {
            self.recall = true;
            self.step.queue.put_first(&mut self.rest.kept);
        }
    }

    /// Whether the segment at this position of the path belongs to a transition that lost no conflict.
    fn is_wanted(&self, at: usize) -> bool {
        let within = |&(from, to): &(u16, u16)| usize::from(from) <= at && at < usize::from(to);
        self.work.taken.iter().any(|taken| within(&taken.path))
    }

    fn leave(&mut self) {
        let chart = self.chart;
        self.work.states.clear();
        for taken in self.work.taken.iter().filter(|taken| taken.domain != NONE) {
            for &leaf in self.rest.leaves.iter().filter(|&&leaf| chart.inside(leaf, taken.domain)) {
                for state in chart.outward(leaf).take_while(|&state| state != taken.domain) {
                    insert(&mut self.work.states, state);
                }
            }
        }
        self.work.leaves.clear();
        let stays = |leaf: &&u16| self.work.states.binary_search(leaf).is_err();
        self.work.leaves.extend(self.rest.leaves.iter().filter(stays));
        for at in 0..self.work.states.len() {
            let state = self.work.states[at];
            if chart.node(state).marks.has(Marks::REMEMBERED) {
                self.rest.memory.record(chart, state, &self.rest.leaves);
            }
        }
        for at in (0..self.work.states.len()).rev() {
            self.leave_state(self.work.states[at]);
        }
    }

    fn leave_state(&mut self, state: u16) {
        let node = self.chart.node(state);
        if !node.vertex.is_state() {
            return;
        }
        if T::ACTIVE {
            self.trace.left(StateId(state));
        }
        if node.marks.has(Marks::TIMED) {
            self.rest.disarm(self.table, state);
        }
        self.act(node.exit);
    }

    pub(super) fn effect(&mut self, edge: u16) {
        if T::ACTIVE {
            self.trace.taken(TransitionId(edge));
        }
        self.act(self.chart.edge(edge).effect);
    }

    pub(super) fn act(&mut self, action: u16) {
        if action != NONE {
            self.table.actions.run(action, self.me, self.ctx, self.step);
        }
    }
}
