//! What became of an event.

/// What the machine did with an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// No active state takes it.
    Unhandled,
    /// A transition took it.
    Handled,
    /// An active state defers it: keep it, and try again after a [`recall`](Outcome::recall).
    Deferred,
    /// An active state refuses it.
    Rejected,
    /// An active state swallows it.
    Dropped,
    /// It was a timeout of a state that has been left since it was armed.
    Stale,
    /// What it set off was cut short, because transitions without trigger or raised events followed each other without end.
    Endless,
}

impl Verdict {
    /// All of them, by position; the last one fills up to a power of two, so that the look-up needs no check.
    pub(super) const ALL: [Self; 8] = [
        Self::Unhandled,
        Self::Handled,
        Self::Deferred,
        Self::Rejected,
        Self::Dropped,
        Self::Stale,
        Self::Endless,
        Self::Endless,
    ];
}

/// What became of an event, and what the caller has to do about the deferred ones.
///
/// ```
/// use rohrpost::machine::{Outcome, Verdict};
///
/// # fn keep() {}
/// # fn offer_deferred_events_again() {}
/// fn after(outcome: Outcome) {
///     if outcome.verdict() == Verdict::Deferred {
///         keep();
///     }
///     if outcome.recall() {
///         offer_deferred_events_again();
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) recall: bool,
}

impl Outcome {
    /// What the machine did with the event.
    #[inline]
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        self.verdict
    }

    /// Whether events that were deferred may no longer be. The caller offers them again, oldest first and ahead of newer
    /// events; one that is still deferred stays where it is.
    #[inline]
    #[must_use]
    pub const fn recall(self) -> bool {
        self.recall
    }

    /// Whether a transition took the event.
    #[inline]
    #[must_use]
    pub const fn is_handled(self) -> bool {
        matches!(self.verdict, Verdict::Handled)
    }
}
