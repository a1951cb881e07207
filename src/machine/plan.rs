//! What can be worked out before the machine runs: for each active leaf and event, who may take it and what happens then.
//!
//! A *plan* belongs to one leaf and one event. It is a run of *routes*, one for each transition that may be taken, from inner
//! to outer, and it ends with a route that needs no guard: a transition without one, or the answer if nobody takes the event.
//! A route has everything in the order in which it is done, and what it comes to. Whatever depends on more than the leaf
//! (regions, history, choices, compound transitions) gets the plan [`GENERAL`] and is worked out when it happens, by
//! [`run`](super::run).

use super::{Outcome, Verdict, ids::NONE};

/// The plan of an event that no active state takes or has a rule for.
pub(super) const NOBODY: u32 = 0;
/// The plan that says: work it out at run time.
pub(super) const GENERAL: u32 = 1;

/// One transition as it is taken from one leaf, or one answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    /// What it does, in order: the first operation and how many.
    pub(super) first: u32,
    pub(super) ops: u16,
    /// Position among the guards, or `NONE`.
    pub(super) guard: u16,
    /// What it comes to.
    pub(super) moved: Moved,
}

impl Route {
    pub(super) const BLANK: Self = Self::answer(Verdict::Unhandled);

    /// The end of a plan whose guards have all said no.
    pub(super) const fn answer(verdict: Verdict) -> Self {
        Self { first: 0, ops: 0, guard: NONE, moved: Moved::new(0, verdict, After::STAY) }
    }
}

/// One thing that a route does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Op {
    /// Run this action.
    Act(u16),
    /// Let the histories of this state remember what is active inside it.
    Record(u16),
    /// Cancel the timeouts of this state.
    Disarm(u16),
    /// Arm the timeouts of this state.
    Arm(u16),
}

/// What a route comes to: the leaf, the verdict and what comes after, in one word so that it stays in a register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved(u32);

/// What there is to do after a route was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct After(u8);

impl After {
    pub(super) const NOTHING: Self = Self(0);
    /// A state with a transition without trigger is active.
    pub(super) const FOLLOW: Self = Self(1);
    /// A state that completes on entry was entered.
    pub(super) const COMPLETE: Self = Self(2);
    /// What was deferred may no longer be.
    pub(super) const RECALL: Self = Self(4);
    /// Everything: the plan was [`GENERAL`], and nothing has been done.
    const EVERYTHING: Self = Self(8);
    /// The leaf is the same as before.
    pub(super) const STAY: Self = Self(16);
    /// Whatever asks for more than to move to the leaf.
    const SPECIAL: Self = Self(1 | 2 | 4 | 8);

    pub(super) const fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }
}

impl Moved {
    /// Nobody took the event.
    pub(super) const NOWHERE: Self = Self::new(0, Verdict::Unhandled, After::STAY);
    /// An internal transition took the event, and that was all.
    pub(super) const INSIDE: Self = Self::new(0, Verdict::Handled, After::STAY);
    /// Nothing has been done, because it has to be worked out.
    pub(super) const UNDECIDED: Self = Self::new(0, Verdict::Unhandled, After::EVERYTHING.with(After::STAY));

    pub(super) const fn new(leaf: u16, verdict: Verdict, after: After) -> Self {
        Self(leaf as u32 | (verdict as u32) << 16 | (after.0 as u32) << 24)
    }

    #[inline]
    pub(super) const fn leaf(self) -> u16 {
        self.0 as u16
    }

    #[inline]
    pub(super) const fn verdict(self) -> Verdict {
        Verdict::ALL[(self.0 >> 16 & 7) as usize]
    }

    /// What becomes of the event if there is nothing to do but to move to the leaf.
    #[inline]
    pub(super) const fn outcome(self) -> Outcome {
        Outcome { verdict: self.verdict(), recall: false }
    }

    /// Whether the leaf is the same as before. Not to write it again keeps the next event from waiting for this one.
    #[inline]
    pub(super) const fn stays(self) -> bool {
        self.has(After::STAY)
    }

    /// Whether there is nothing to do but to move to the leaf.
    #[inline]
    pub(super) const fn is_plain(self) -> bool {
        !self.has(After::SPECIAL)
    }

    #[inline]
    pub(super) const fn is_undecided(self) -> bool {
        self.has(After::EVERYTHING)
    }

    #[inline]
    pub(super) const fn follows(self) -> bool {
        self.has(After::FOLLOW.with(After::COMPLETE))
    }

    #[inline]
    pub(super) const fn completes(self) -> bool {
        self.has(After::COMPLETE)
    }

    #[inline]
    pub(super) const fn recalls(self) -> bool {
        self.has(After::RECALL)
    }

    #[inline]
    const fn has(self, after: After) -> bool {
        self.0 >> 24 & after.0 as u32 != 0
    }
}

/// Where plans are written. Slices that are too short only count, which is how their lengths are found.
pub(super) struct Sheet<'a> {
    routes: &'a mut [Route],
    ops: &'a mut [Op],
    pub(super) used: Used,
}

/// How much of a sheet is written.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// How many routes.
    pub routes: usize,
    /// How many operations.
    pub ops: usize,
}

impl<'a> Sheet<'a> {
    pub(super) const fn new(routes: &'a mut [Route], ops: &'a mut [Op]) -> Self {
        let mut sheet = Self { routes, ops, used: Used { routes: 0, ops: 0 } };
        // In the order of the constants.
        sheet.route(Route::answer(Verdict::Unhandled));
        sheet.route(Route { moved: Moved::UNDECIDED, ..Route::BLANK });
        sheet
    }

    pub(super) const fn op(&mut self, op: Op) {
        if self.used.ops < self.ops.len() {
            self.ops[self.used.ops] = op;
        }
        self.used.ops += 1;
    }

    pub(super) const fn act(&mut self, action: u16) {
        if action != NONE {
            self.op(Op::Act(action));
        }
    }

    pub(super) const fn route(&mut self, route: Route) {
        if self.used.routes < self.routes.len() {
            self.routes[self.used.routes] = route;
        }
        self.used.routes += 1;
    }
}
