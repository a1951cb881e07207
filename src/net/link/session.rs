//! How two sides find each other: which session each is in, and whether both know it.
//!
//! Each side says Hello with its own session and the one it knows of the other. Whoever is named rightly knows that the other
//! knows it: the link is open. That is confirmed with an Ack and never with a Hello, so two sides do not greet each other for
//! ever. Every loss begins a higher session, so a pair of sessions in which mail was sent never comes again, and whatever is
//! still on its way from before is recognized by it.

use std::time::Duration;

use crate::clock::Time;
use crate::net::frame::{Route, Session};

/// How long after a Hello the next one is said; doubled each time.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How far apart the repeated complaints of an opening that does not succeed are at most, in leases.
const LONGEST_COMPLAINT: u32 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody is there: nothing is said.
    Away,
    /// Hello is said until both know each other.
    Opening,
    Open,
    /// This side has said farewell.
    Closed,
}

/// What a frame has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// The session in which mail was sent is over.
    pub(super) ended: bool,
    pub(super) opened: bool,
    /// The other side may not know yet that it is known.
    pub(super) confirm: bool,
    /// The frame belongs to an earlier session.
    pub(super) stale: bool,
}

#[derive(Debug)]
pub(super) struct Sessions {
    mine: Session,
    /// The latest of the other side that is known.
    theirs: Option<Session>,
    state: State,
    /// A Hello is to be said as soon as possible.
    greet: bool,
    /// When it is said again.
    greet_at: Time,
    pause: Duration,
    /// When the last Hello was said to somebody who spoke out of an earlier session.
    corrected: Option<Time>,
    /// When it has taken too long.
    complain_at: Time,
    /// How long that is. It grows until the link opens, also when a side is lost and found again meanwhile: to look for it
    /// costs the other links something.
    complaint: Duration,
    lease: Duration,
}

impl Sessions {
    pub(super) fn new(first: Session, lease: Duration, now: Time) -> Self {
        let mut sessions = Self {
            mine: first,
            theirs: None,
            state: State::Away,
            greet: false,
            greet_at: Time::NEVER,
            pause: PAUSE,
            corrected: None,
            complain_at: Time::NEVER,
            complaint: lease,
            lease,
        };
        sessions.begin(now);
        sessions
    }

    /// Looks for the other side.
    pub(super) fn begin(&mut self, now: Time) {
        self.state = State::Opening;
        self.greet = true;
        self.pause = PAUSE;
        self.greet_at = now.after(self.pause);
        self.complain_at = now.after(self.complaint);
    }

    /// Somebody else is there: what is known of how long the other side took is forgotten.
    pub(super) fn forget(&mut self) {
        self.complaint = self.lease;
    }

    /// Takes up a Hello.
    pub(super) fn hello(&mut self, from: Session, to: Option<Session>, now: Time) -> Step {
        let older = self.theirs.is_some_and(|theirs| from < theirs);
        if self.state == State::Closed || older || (self.state == State::Away && self.theirs == Some(from)) {
            self.correct(now);
            return Step { stale: true, ..Step::default() };
        }
        let mut step = Step::default();
        if self.theirs != Some(from) {
            step.ended = self.renew(now);
            self.theirs = Some(from);
        }
        if let Some(to) = to.filter(|&to| to > self.mine) {
            // The other side has met this one in a later life: the clock behind the first session has gone backwards.
            step.ended |= self.renew(now);
            self.mine = self.mine.max(to.next());
        }
        if to == Some(self.mine) {
            step.opened = self.open();
            step.confirm = true;
            return step;
        }
        self.greet = true;
        step
    }

    /// Takes up any other frame: whether it belongs to the present pair of sessions.
    pub(super) fn present(&mut self, route: Route, now: Time) -> Step {
        let known = matches!(self.state, State::Opening | State::Open);
        if known && self.theirs == Some(route.from) && self.mine == route.to {
            return Step { opened: self.open(), ..Step::default() };
        }
        if route.to != self.mine {
            self.correct(now);
        }
        Step { stale: true, ..Step::default() }
    }

    /// Begins a session anew if mail may have been sent in the present one; says whether that is so.
    pub(super) fn renew(&mut self, now: Time) -> bool {
        let was_open = self.state == State::Open;
        if was_open {
            self.mine = self.mine.next();
        }
        if was_open || self.state == State::Away {
            self.begin(now);
        }
        was_open
    }

    /// The other side is not there.
    pub(super) fn leave(&mut self, state: State) {
        if self.state == State::Open {
            self.mine = self.mine.next();
        }
        self.state = state;
        self.rest();
    }

    /// What is due: says whether the opening takes too long.
    pub(super) fn timeout(&mut self, now: Time) -> bool {
        if self.greet_at <= now {
            self.greet = true;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            self.greet_at = now.after(self.pause);
        }
        if self.complain_at > now {
            return false;
        }
        self.complaint = (self.complaint * 2).min(self.lease * LONGEST_COMPLAINT);
        self.complain_at = now.after(self.complaint);
        true
    }

    /// Takes the Hello that is to be said.
    pub(super) fn take_greeting(&mut self) -> Option<(Session, Option<Session>)> {
        std::mem::take(&mut self.greet).then_some((self.mine, self.theirs))
    }

    /// Whether a Hello is to be said.
    pub(super) fn greets(&self) -> bool {
        self.greet
    }

    pub(super) fn next_deadline(&self) -> Time {
        self.greet_at.min(self.complain_at)
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether mail is taken for the other side.
    pub(super) fn is_there(&self) -> bool {
        matches!(self.state, State::Opening | State::Open)
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Whether this is the present session of this side.
    pub(super) fn is_mine(&self, session: Session) -> bool {
        self.mine == session
    }

    /// Both sessions, from here to there.
    pub(super) fn route(&self) -> Option<Route> {
        Some(Route { from: self.mine, to: self.theirs? })
    }

    fn open(&mut self) -> bool {
        if self.state == State::Open {
            return false;
        }
        self.state = State::Open;
        self.complaint = self.lease;
        self.rest();
        true
    }

    fn rest(&mut self) {
        self.greet = false;
        self.greet_at = Time::NEVER;
        self.complain_at = Time::NEVER;
    }

    /// Has somebody told who speaks out of an earlier session, but not too often.
    fn correct(&mut self, now: Time) {
        let lately = self.corrected.is_some_and(|last| now.since(last) < PAUSE);
        if self.is_there() && !lately {
            self.corrected = Some(now);
            self.greet = true;
        }
    }
}
