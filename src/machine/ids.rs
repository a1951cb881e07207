//! The small integers that stand for states, events and transitions.
//!
//! A table looks everything up by position, so an id is only meaningful together with the table it came from. What has a
//! name for people has it in the table: see [`Table::name_of`](super::Table::name_of).

/// Stands for "no such thing" wherever a position is kept.
pub(super) const NONE: u16 = u16::MAX;

/// A state (or pseudostate) of one table.
///
/// Ids follow document order: an outer state comes before the states inside it.
///
/// ```
/// use rohrpost::machine::StateId;
///
/// assert!(StateId::ROOT < StateId::new(1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StateId(pub(super) u16);

impl StateId {
    /// The state around all others; every table has it.
    pub const ROOT: Self = Self(0);

    /// The state at position `index` of a table.
    #[must_use]
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// The position of this state in its table.
    #[must_use]
    pub const fn index(self) -> u16 {
        self.0
    }
}

/// An event of one table: the position among the events that the table names.
///
/// ```
/// use rohrpost::machine::EventId;
///
/// assert_eq!(EventId::new(2).index(), 2);
/// assert_ne!(EventId::OTHER, EventId::new(2));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventId(pub(super) u16);

impl EventId {
    /// Every event that the table does not name: a transition on *any* event takes it, a modal state defers or rejects it.
    pub const OTHER: Self = Self(NONE);

    /// The event at position `index` of a table.
    #[must_use]
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// The position of this event in its table.
    #[must_use]
    pub const fn index(self) -> u16 {
        self.0
    }
}

/// A transition of one table, or one segment of a compound transition.
///
/// ```
/// use rohrpost::machine::TransitionId;
///
/// assert_eq!(TransitionId::new(3).index(), 3);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TransitionId(pub(super) u16);

impl TransitionId {
    /// The transition at position `index` of a table.
    #[must_use]
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// The position of this transition in its table.
    #[must_use]
    pub const fn index(self) -> u16 {
        self.0
    }
}
