//! Ears that remember, and wait for what is to come.

use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use crate::net::transport::{Ears, Gone, Peer};

/// After how long something that is to happen has not happened.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::zenoh) enum Heard {
    Joined(Peer),
    Frame(Peer, String),
    Left(Peer, Gone),
    Doubled(Peer, String),
    Waits(String),
}

/// Everything in the order in which it was heard.
#[derive(Debug, Default)]
pub(in crate::zenoh) struct Log {
    heard: Mutex<Vec<Heard>>,
    more: Condvar,
}

impl Log {
    /// What was heard since the last time.
    pub(in crate::zenoh) fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock())
    }

    /// What was heard, as soon as it is `enough`.
    pub(super) fn until(&self, what: &str, enough: impl Fn(&[Heard]) -> bool) -> Vec<Heard> {
        let is_enough = self.within(LIMIT, enough);
        let heard = self.heard.lock();
        assert!(is_enough, "expected {what}, heard {heard:?}");
        heard.clone()
    }

    /// Whether what was heard is `enough`, as soon as it is, and at the latest when so much time has passed.
    pub(super) fn within(&self, time: Duration, enough: impl Fn(&[Heard]) -> bool) -> bool {
        let end = Instant::now() + time;
        let mut heard = self.heard.lock();
        while !enough(&heard) {
            if self.more.wait_until(&mut heard, end).timed_out() {
                return enough(&heard);
            }
        }
        true
    }

    /// Waits until `what` has been heard.
    pub(super) fn hears(&self, what: &Heard) -> Vec<Heard> {
        self.until(&format!("{what:?}"), |heard| heard.contains(what))
    }

    pub(super) fn push(&self, heard: Heard) {
        self.heard.lock().push(heard);
        self.more.notify_all();
    }
}

impl Ears for Log {
    fn joined(&self, peer: Peer) {
        self.push(Heard::Joined(peer));
    }

    fn heard(&self, from: Peer, frame: Bytes) {
        // Long frames are told by their length.
        let text =
            if frame.len() > 64 { format!("{} bytes", frame.len()) } else { String::from_utf8(frame.into()).unwrap() };
        self.push(Heard::Frame(from, text));
    }

    fn left(&self, peer: Peer, why: Gone) {
        self.push(Heard::Left(peer, why));
    }

    fn doubled(&self, other: Peer, who: &str) {
        self.push(Heard::Doubled(other, who.to_owned()));
    }
}
