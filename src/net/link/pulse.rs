//! The heartbeat: when one is due, whether the other side is silent, and how long the way there and back takes.

use std::time::Duration;

use crate::clock::Time;

#[derive(Debug)]
pub(super) struct Pulse {
    every: Duration,
    /// When the next beat is sent.
    beat_at: Time,
    /// Whether one is to be sent at once.
    due: bool,
    /// When anything was heard last.
    heard: Time,
    /// The other side's clock as it told it, and when.
    seen: Option<(u64, Time)>,
    /// The round trip, smoothed, and how much it varies: RFC 6298.
    smooth: Option<(Duration, Duration)>,
}

impl Pulse {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, beat_at: Time::NEVER, due: false, heard: Time::START, seen: None, smooth: None }
    }

    pub(super) fn begin(&mut self, now: Time) {
        self.beat_at = now.after(self.every);
        self.due = true;
        self.heard = now;
        self.seen = None;
    }

    pub(super) fn rest(&mut self) {
        self.beat_at = Time::NEVER;
        self.due = false;
    }

    /// Anything has come.
    pub(super) fn hear(&mut self, now: Time) {
        self.heard = now;
    }

    /// A beat has come.
    pub(super) fn beat(&mut self, nanos: u64, echo: Option<(u64, u64)>, now: Time) {
        self.seen = Some((nanos, now));
        let taken = echo.and_then(|(mine, held)| now.as_nanos().checked_sub(mine)?.checked_sub(held));
        let Some(sample) = taken.map(Duration::from_nanos) else {
            return;
        };
        self.smooth = Some(match self.smooth {
            None => (sample, sample / 2),
            Some((smooth, varies)) => {
                let varies = (varies * 3 + smooth.abs_diff(sample)) / 4;
                ((smooth * 7 + sample) / 8, varies)
            }
        });
    }

    /// Takes the beat that is due: what the other side's clock was, and how long ago.
    pub(super) fn take(&mut self, now: Time) -> Option<Option<(u64, u64)>> {
        std::mem::take(&mut self.due).then(|| self.seen.map(|(nanos, when)| (nanos, now.since(when).as_nanos() as u64)))
    }

    /// Whether a beat is to be sent at once.
    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    pub(super) fn timeout(&mut self, now: Time) {
        if self.beat_at <= now {
            self.due = true;
            self.beat_at = now.after(self.every);
        }
    }

    /// When three beats in a row have not come: half a beat after the third should have.
    pub(super) fn silent(&self) -> Time {
        self.heard.after(self.every * 7 / 2)
    }

    pub(super) fn next_deadline(&self) -> Time {
        self.beat_at
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.smooth.map(|(smooth, _)| smooth)
    }
}
