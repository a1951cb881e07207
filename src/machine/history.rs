//! What history vertices remember.
//!
//! Each history of a table has as many slots as leaves (or, for a shallow one, states) can be active at one time in the
//! region it looks at, so that recording never allocates.

use super::{Rules, Vertex, ids::NONE, topology::Topology};

/// What all histories of one machine remember.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Memory {
    slots: Box<[u16]>,
}

impl Memory {
    pub(super) fn new(chart: &Topology<'_>) -> Self {
        let slots = chart.nodes.iter().map(|node| usize::from(node.slots)).sum();
        Self { slots: vec![NONE; slots].into() }
    }

    /// Lets every history directly inside `state`, which is about to be left, remember what is active.
    pub(super) fn record(&mut self, chart: Topology<'_>, state: u16, leaves: &[u16]) {
        for history in chart.children(state) {
            let kind = chart.node(history).vertex;
            if !kind.is_history() {
                continue;
            }
            let inside = leaves.iter().copied().filter(|&leaf| chart.inside(leaf, state));
            if kind == Vertex::DeepHistory {
                self.renew(chart, history, inside.filter(|&leaf| chart.node(leaf).vertex.is_state()));
            } else {
                let active = |&child: &u16| inside.clone().any(|leaf| chart.within(leaf, child));
                self.renew(chart, history, chart.regions(state).filter(active));
            }
        }
    }

    /// Makes `history` remember `states` and nothing else, unless there are none: a state that a choice inside it leaves again
    /// was in none of its own, so there is nothing new to remember.
    fn renew(&mut self, chart: Topology<'_>, history: u16, states: impl Iterator<Item = u16>) {
        let mut states = states.peekable();
        if states.peek().is_some() {
            self.range_mut(&chart, history).fill(NONE);
            self.fill(chart, history, states);
        }
    }

    /// What `history` remembers, if anything.
    pub(super) fn recall(&self, chart: &Topology<'_>, history: u16) -> impl Iterator<Item = u16> + '_ {
        self.range(chart, history).iter().copied().filter(|&state| state != NONE)
    }

    /// Makes `history` remember `states`; tells whether there was room for all.
    pub(super) fn fill(&mut self, chart: Topology<'_>, history: u16, states: impl Iterator<Item = u16>) -> bool {
        let region = chart.node(history).parent;
        let mut slots = self.range_mut(&chart, history).iter_mut();
        for state in states {
            // UML 2.5.1 §14.2.3.7: a region that was left completed starts anew.
            let completed = chart.node(state).vertex == Vertex::Final && chart.node(state).parent == region;
            if completed && chart.semantics == Rules::Uml {
                continue;
            }
            let Some(slot) = slots.next() else {
                return false;
            };
            *slot = state;
        }
        true
    }

    fn range(&self, chart: &Topology<'_>, history: u16) -> &[u16] {
        let node = chart.node(history);
        &self.slots[usize::from(node.first_slot)..][..usize::from(node.slots)]
    }

    fn range_mut(&mut self, chart: &Topology<'_>, history: u16) -> &mut [u16] {
        let node = chart.node(history);
        &mut self.slots[usize::from(node.first_slot)..][..usize::from(node.slots)]
    }
}
