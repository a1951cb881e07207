//! What goes out: mail that waits for the link to open, mail that the other side has not acknowledged, and requests that it
//! has not answered.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Request;
use crate::clock::Time;
use crate::net::frame::Kind;

/// A letter to be sent, and what is kept of it here.
#[derive(Debug)]
pub(super) enum Outbound<T> {
    Notification(T),
    Request(T),
    Answer(Request),
    Return,
}

#[derive(Debug)]
struct Waiting<T> {
    outbound: Outbound<T>,
    letter: Vec<u8>,
    since: Time,
}

#[derive(Debug)]
struct Sent<T> {
    /// What is done when the letter is acknowledged: a notification.
    keep: Option<T>,
    length: usize,
    since: Time,
}

/// Mail on its way out. `T` is what is kept for whoever sent it.
#[derive(Debug)]
pub(super) struct Outgoing<T> {
    /// Not sent yet, in order.
    waiting: VecDeque<Waiting<T>>,
    /// Sent and not acknowledged; the first has the number `acked + 1`.
    sent: VecDeque<Sent<T>>,
    /// Sent and not answered, by number.
    asked: BTreeMap<u64, T>,
    /// Requests among those that wait.
    asking: usize,
    acked: u64,
    /// Bytes of the letters that wait or are not acknowledged.
    bytes: usize,
    /// When the other side acknowledged something last.
    progress: Time,
}

impl<T> Outgoing<T> {
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            asked: BTreeMap::new(),
            asking: 0,
            acked: 0,
            bytes: 0,
            progress: Time::START,
        }
    }

    pub(super) fn push(&mut self, outbound: Outbound<T>, letter: Vec<u8>, now: Time) {
        self.bytes += letter.len();
        self.asking += usize::from(matches!(outbound, Outbound::Request(_)));
        self.waiting.push_back(Waiting { outbound, letter, since: now });
    }

    /// Takes the next letter to be sent, with its number.
    pub(super) fn next(&mut self, now: Time) -> Option<(u64, Kind, Vec<u8>)> {
        let Waiting { outbound, letter, .. } = self.waiting.pop_front()?;
        let seq = self.last() + 1;
        let mut keep = None;
        let kind = match outbound {
            Outbound::Notification(kept) => {
                keep = Some(kept);
                Kind::Notification
            }
            Outbound::Request(kept) => {
                self.asking -= 1;
                self.asked.insert(seq, kept);
                Kind::Request
            }
            Outbound::Answer(re) => Kind::Answer(re.seq),
            Outbound::Return => Kind::Return,
        };
        self.sent.push_back(Sent { keep, length: letter.len(), since: now });
        Some((seq, kind, letter))
    }

    /// Everything up to `ack` has been accepted; `done` gets the notifications. `false` if that has not been sent.
    pub(super) fn acknowledge(&mut self, ack: u64, now: Time, mut done: impl FnMut(T)) -> bool {
        if ack > self.last() {
            return false;
        }
        while self.acked < ack {
            self.acked += 1;
            self.progress = now;
            let Some(sent) = self.sent.pop_front() else {
                break;
            };
            self.bytes -= sent.length;
            if let Some(keep) = sent.keep {
                done(keep);
            }
        }
        true
    }

    /// Takes what was kept for the request number `re`.
    pub(super) fn answered(&mut self, re: u64) -> Option<T> {
        self.asked.remove(&re)
    }

    /// Ends the session: `lost` gets what was sent, in the order in which it was. What waits goes on waiting, but for answers.
    pub(super) fn end(&mut self, mut lost: impl FnMut(T)) {
        let first = self.acked + 1;
        let notifications = self.sent.drain(..).enumerate();
        let notifications = notifications.filter_map(|(place, sent)| Some((first + place as u64, sent.keep?)));
        let mut all: Vec<_> = notifications.chain(std::mem::take(&mut self.asked)).collect();
        all.sort_by_key(|&(seq, _)| seq);
        all.into_iter().for_each(|(_, keep)| lost(keep));
        self.waiting.retain(|waiting| !matches!(waiting.outbound, Outbound::Answer(_)));
        self.acked = 0;
        self.bytes = self.waiting.iter().map(|waiting| waiting.letter.len()).sum();
    }

    /// Drops the letters that wait and `may_go`; `lost` gets what was kept for them. Gives the number of returns among them.
    pub(super) fn drop_waiting(&mut self, may_go: impl Fn(Time, usize) -> bool, mut lost: impl FnMut(T)) -> u64 {
        let mut kept = VecDeque::new();
        let mut returns = 0;
        for waiting in std::mem::take(&mut self.waiting) {
            if !may_go(waiting.since, waiting.letter.len()) {
                kept.push_back(waiting);
                continue;
            }
            self.bytes -= waiting.letter.len();
            match waiting.outbound {
                Outbound::Notification(keep) => lost(keep),
                Outbound::Request(keep) => {
                    self.asking -= 1;
                    lost(keep);
                }
                Outbound::Return => returns += 1,
                Outbound::Answer(_) => {}
            }
        }
        self.waiting = kept;
        returns
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether nothing waits, and no more than `count` letters are not acknowledged.
    pub(super) fn is_calm(&self, count: usize) -> bool {
        self.waiting.is_empty() && self.sent.len() <= count
    }

    /// The number of the last letter that was sent.
    pub(super) fn last(&self) -> u64 {
        self.acked + self.sent.len() as u64
    }

    /// Letters that wait or are not acknowledged.
    pub(super) fn count(&self) -> usize {
        self.waiting.len() + self.sent.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Requests that are not answered.
    pub(super) fn requests(&self) -> usize {
        self.asked.len() + self.asking
    }

    /// When what is not acknowledged is a sign that nobody is there.
    pub(super) fn overdue(&self, lease: Duration) -> Time {
        self.sent.front().map_or(Time::NEVER, |sent| sent.since.max(self.progress).after(lease))
    }

    /// When the first letter has waited too long.
    pub(super) fn stale(&self, lease: Duration) -> Time {
        self.waiting.front().map_or(Time::NEVER, |waiting| waiting.since.after(lease))
    }
}
