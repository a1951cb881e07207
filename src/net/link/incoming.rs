//! What comes in: which letter is the next, and what has been said of those that were accepted.

use std::time::Duration;

use crate::clock::Time;

/// When so many parts of a window have come, they are acknowledged at once, even before the delay is over.
const ACKS_IN_A_WINDOW: usize = 4;
/// So many letters are acknowledged at once however large the window is.
const ACK_EVERY: usize = 1024;

/// How many times as long a few letters wait while acknowledgements ride on letters that go the other way anyway: no timer
/// fires for those. Linux's TCP does the same and calls it pingpong mode.
const RIDING: u32 = 8;
/// With more letters that wait, the other side may have no room for others.
const FEW: u64 = 4;

/// So many beats may tell of mail that does not come.
const PATIENCE: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Next,
    Duplicate,
    Gap,
}

#[derive(Debug)]
pub(super) struct Incoming {
    /// So many letters are acknowledged at once.
    every: u64,
    /// The last letter that has come.
    received: u64,
    /// The last one that was handed over.
    accepted: u64,
    /// The last one that the other side was told of.
    told: u64,
    /// Whether it is to be told at once.
    hurry: bool,
    /// When it is to be told at the latest.
    due: Time,
    /// How long a letter waits for company.
    delay: Duration,
    /// Whether the last that was told went along with a letter.
    rides: bool,
    /// What had been received when a beat told of more.
    stuck_at: u64,
    /// How many beats in a row did.
    strikes: u32,
}

impl Incoming {
    /// `window` is that of this side, as the other's is not known.
    pub(super) fn new(window: usize, delay: Duration) -> Self {
        let every = (window / ACKS_IN_A_WINDOW).clamp(1, ACK_EVERY) as u64;
        Self {
            every,
            received: 0,
            accepted: 0,
            told: 0,
            hurry: false,
            due: Time::NEVER,
            delay,
            rides: false,
            stuck_at: 0,
            strikes: 0,
        }
    }

    /// Whether the letter number `seq` is the next.
    pub(super) fn is_next(&self, seq: u64) -> bool {
        self.received.checked_add(1) == Some(seq)
    }

    /// Takes the letter number `seq`.
    pub(super) fn take(&mut self, seq: u64, now: Time) -> Place {
        if seq <= self.received {
            return Place::Duplicate;
        }
        if seq > self.received + 1 {
            return Place::Gap;
        }
        self.received = seq;
        self.due = self.due.min(now.after(self.patience()));
        Place::Next
    }

    /// The letter number `seq` has been handed over.
    pub(super) fn accept(&mut self, seq: u64) {
        self.accepted = seq;
        if self.accepted - self.told >= self.every {
            self.hurry = true;
        }
    }

    /// A beat tells which letter was sent last: whether it is to be given up.
    pub(super) fn is_stuck(&mut self, last: u64) -> bool {
        if last <= self.received || self.stuck_at != self.received {
            self.strikes = 0;
        }
        self.stuck_at = self.received;
        self.strikes += u32::from(last > self.received);
        self.strikes >= PATIENCE
    }

    /// Has the present state told at once.
    pub(super) fn hurry(&mut self) {
        self.hurry = true;
    }

    pub(super) fn timeout(&mut self, now: Time) {
        if self.due > now {
            return;
        }
        self.hurry |= self.accepted > self.told;
        self.rides = false;
        self.due = if self.accepted < self.received { now.after(self.delay) } else { Time::NEVER };
    }

    /// How long a letter that comes now waits before it is acknowledged by itself.
    pub(super) fn patience(&self) -> Duration {
        if self.rides && self.received - self.told <= FEW { self.delay * RIDING } else { self.delay }
    }

    /// The same as [`tell`](Self::tell), with a letter.
    pub(super) fn tell_along(&mut self) -> u64 {
        self.rides |= self.accepted > self.told;
        self.tell()
    }

    /// The last letter that was accepted; from here on the other side knows.
    pub(super) fn tell(&mut self) -> u64 {
        self.told = self.accepted;
        self.hurry = false;
        if self.accepted == self.received {
            self.due = Time::NEVER;
        }
        self.told
    }

    pub(super) fn is_hurried(&self) -> bool {
        self.hurry
    }

    pub(super) fn next_deadline(&self) -> Time {
        self.due
    }
}
