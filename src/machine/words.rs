//! The vocabulary of statecharts: what a vertex is, what starts a transition, how far it reaches.
//!
//! Both front ends speak in these words, and so do the table, the checks and the exports.

use std::time::Duration;

use super::EventId;

/// What kind of node of the chart something is (UML 2.5.1 §14.2.3.2–14.2.3.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Vertex {
    /// A simple state, or a composite one if there are states inside.
    State,
    /// A state of orthogonal regions: each state directly inside is one region, and all are active together.
    Parallel,
    /// Reaching it completes the state around it.
    Final,
    /// Stands for the state directly inside its parent that was active last.
    ShallowHistory,
    /// Stands for the whole configuration inside its parent that was active last.
    DeepHistory,
    /// A branch whose guards are read on arrival, after the effects so far.
    Choice,
    /// A branch whose guards are read before the transition starts.
    Junction,
    /// A way into the state around it that does not start at its initial state.
    EntryPoint,
    /// A way out of the state around it.
    ExitPoint,
    /// One transition into several regions.
    Fork,
    /// Several regions out by one transition, once all of them are ready.
    Join,
    /// Ends the machine on the spot, without leaving the states that are active.
    Terminate,
}

impl Vertex {
    /// Whether a machine can be *in* it between two events.
    #[must_use]
    pub const fn is_state(self) -> bool {
        matches!(self, Self::State | Self::Parallel | Self::Final)
    }

    /// Whether it is one of the two kinds of history.
    #[must_use]
    pub const fn is_history(self) -> bool {
        matches!(self, Self::ShallowHistory | Self::DeepHistory)
    }
}

/// What starts a transition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Trigger {
    /// This event.
    Event(EventId),
    /// Any event, named by the table or not.
    Any,
    /// Nothing: taken as soon as its source is active and its guard holds.
    Always,
    /// The completion of its source: a final state inside was reached, or a simple state was entered.
    Done,
    /// Its source has been active for this long.
    After(Duration),
    /// Entering its source by default.
    Initial,
    /// Arriving at its source, a pseudostate.
    Arrival,
}

/// Which states a transition leaves and enters (UML 2.5.1 §14.2.3.8.1, `TransitionKind`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Reach {
    /// Leaves its source, and enters it anew if the target is the source or inside it.
    External,
    /// Leaves only what is inside its source.
    Local,
    /// Leaves and enters nothing.
    Internal,
}

/// What a state does with an event that nobody at or inside it takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Policy {
    /// Keeps the event for later.
    Defer,
    /// Refuses the event, which is then answered with a code of its own.
    Reject,
    /// Takes the event and does nothing.
    Drop,
}

/// Which events a [`Policy`] is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Scope {
    /// Those of the list.
    Only,
    /// All but those of the list, which makes the state *modal*.
    AllBut,
}

/// Whose rules a table follows where UML and SCXML differ.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum Rules {
    /// The domain of a transition is the least common ancestor of source and target. The checks are strict.
    #[default]
    Uml,
    /// The domain is the least common *compound* ancestor, so a transition between two regions leaves the parallel state too; a
    /// composite state without an initial transition starts in its first state; document order settles what UML calls
    /// ill-formed (W3C SCXML 1.0, appendix D). The checks let pass what only that order decides.
    Scxml,
}
