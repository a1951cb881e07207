//! What one machine carries: where it is, and the rest on the heap if its table needs any.

use super::{
    EventId, Model, Table,
    history::Memory,
    plan::{Moved, Op},
    run::Scratch,
    timeout::Timeouts,
};

/// How many events of a table are *near*: as many as there are bits beside a leaf.
pub(super) const NEAR: usize = 16;

/// The state of one machine: sixteen bytes, and a box if there are regions, histories, timeouts, or transitions that cannot
/// be planned ahead.
#[derive(Clone, Default, Debug)]
pub struct Core {
    /// Where it is: the active leaf, or the first of several. The root before the start.
    spot: Spot,
    pub(super) rest: Option<Box<Rest>>,
}

/// What most machines do without.
#[derive(Clone, Default, Debug)]
pub(super) struct Rest {
    /// All active leaves, in document order. For a machine without regions [`Core::leaf`] is right, and this one is not.
    pub(super) leaves: Vec<u16>,
    pub(super) memory: Memory,
    pub(super) timeouts: Timeouts,
    /// Raised events that an active state defers, in the order in which they were raised.
    pub(super) kept: Vec<EventId>,
    /// Room to work in, kept so that it is allocated once.
    pub(super) scratch: Scratch,
}

/// A leaf, and which of the near events are known to find nobody there.
///
/// That lies beside the leaf, so it is known as soon as the leaf is, and a wrong guess about whether there is anything to do
/// is noticed before the plan has been found. It may be left empty. Only the courses of a built table write it.
///
/// The two are one word, because writing half a register would make each event wait for the one before.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Spot(u32);

impl Spot {
    /// A spot of which no more than the leaf is known.
    #[inline]
    pub(super) const fn at(leaf: u16) -> Self {
        Self(leaf as u32)
    }

    /// The same with a bit for each near event that finds nobody.
    pub(super) const fn ignoring(self, events: u16) -> Self {
        Self(self.0 | (events as u32) << NEAR)
    }

    #[inline]
    const fn leaf(self) -> u16 {
        self.0 as u16
    }

    /// Whether `event`, which is near, is known to find nobody.
    #[inline]
    const fn ignores(self, event: EventId) -> bool {
        self.0 >> NEAR >> event.0 & 1 != 0
    }
}

impl Core {
    /// Back to before the start; timers that are armed are cancelled, histories forgotten.
    pub(super) fn reset<M: Model>(&mut self, table: &Table<M>) {
        self.spot = Spot::default();
        if let Some(rest) = &mut self.rest {
            rest.leaves.clear();
            rest.memory = Memory::new(&table.topology());
            rest.timeouts.cancel_all();
            rest.kept.clear();
        }
    }

    /// Gives up the rest if there is nothing in it but room to work in.
    pub(super) fn trim<M: Model>(&mut self, table: &Table<M>) {
        let chart = table.topology();
        let remembers = chart.nodes.iter().any(|node| node.slots > 0);
        let keeps = self.rest.as_ref().is_some_and(|rest| !rest.kept.is_empty());
        if table.is_single() && !table.has_timeouts() && !remembers && !keeps {
            self.rest = None;
        }
    }

    /// The rest, brought up to date.
    pub(super) fn rest<M: Model>(&mut self, table: &Table<M>) -> &mut Rest {
        let leaf = self.leaf();
        let rest = self.rest.get_or_insert_with(|| Box::new(Rest::new(table)));
        if table.is_single() && leaf != 0 {
            rest.leaves.clear();
            rest.leaves.push(leaf);
        }
        rest
    }

    /// The active leaf, or the first of several.
    #[inline]
    #[must_use]
    pub const fn leaf(&self) -> u16 {
        self.spot.leaf()
    }

    /// Whether `event`, which is near, is known to find nobody here.
    #[inline]
    pub(super) const fn ignores(&self, event: EventId) -> bool {
        self.spot.ignores(event)
    }

    #[inline]
    pub(super) const fn move_to(&mut self, spot: Spot) {
        self.spot = spot;
    }

    /// Moves to where a plan leads.
    #[inline(always)]
    pub(super) const fn follow(&mut self, moved: Moved) {
        if !moved.stays() {
            self.spot = Spot::at(moved.leaf());
        }
    }

    /// The active leaves.
    pub(super) fn leaves<M: Model>(&self, table: &Table<M>) -> impl Iterator<Item = u16> {
        let several = self.rest.as_ref().filter(|_| !table.is_single()).map_or(&[][..], |rest| &rest.leaves);
        let single = (several.is_empty() && self.leaf() != 0).then_some(self.leaf());
        single.into_iter().chain(several.iter().copied())
    }

    /// Keeps a raised event that an active state defers.
    #[cold]
    pub(super) fn keep<M: Model>(&mut self, table: &Table<M>, event: EventId) {
        self.rest(table).kept.push(event);
    }

    /// The raised events that were deferred.
    pub(super) fn kept(&mut self) -> Option<&mut Vec<EventId>> {
        self.rest.as_mut().map(|rest| &mut rest.kept).filter(|kept| !kept.is_empty())
    }

    /// Does what a route asks of the machine itself.
    #[cold]
    pub(super) fn attend<M: Model>(&mut self, table: &Table<M>, op: Op) {
        let rest = self.rest(table);
        let chart = table.topology();
        match op {
            Op::Record(state) => rest.memory.record(chart, state, &rest.leaves),
            Op::Disarm(state) => rest.disarm(table, state),
            Op::Arm(state) => rest.arm(table, state),
            Op::Act(_) => {}
        }
    }
}

impl Rest {
    pub(super) fn new<M: Model>(table: &Table<M>) -> Self {
        let chart = table.topology();
        let timers = chart.edges.iter().filter(|edge| edge.delay().is_some()).count();
        Self {
            leaves: Vec::new(),
            memory: Memory::new(&chart),
            timeouts: Timeouts::new(timers),
            kept: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    pub(super) fn arm<M: Model>(&mut self, table: &Table<M>, state: u16) {
        let chart = table.topology();
        for edge in chart.edges_from(state).map(|edge| chart.edge(edge)) {
            if let Some(delay) = edge.delay() {
                self.timeouts.arm(edge.timer, delay);
            }
        }
    }

    pub(super) fn disarm<M: Model>(&mut self, table: &Table<M>, state: u16) {
        let chart = table.topology();
        for edge in chart.edges_from(state).map(|edge| chart.edge(edge)) {
            if edge.delay().is_some() {
                self.timeouts.cancel(edge.timer);
            }
        }
    }
}
