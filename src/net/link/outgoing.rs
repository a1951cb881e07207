//! What goes out: mail that waits for the link to open, mail that the other side has not acknowledged, and requests that it
//! has not answered.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Request;
use super::book::{Book, Place};
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

/// What there is of a letter.
#[derive(Debug)]
enum Content {
    /// It is here until it is sent.
    Own(Vec<u8>),
    /// It is a posted one.
    Booked(Place),
}

#[derive(Debug)]
struct Entry<T> {
    /// Once it has been sent, what is kept for a request lies elsewhere. Nothing is kept for a posted letter.
    outbound: Outbound<Option<T>>,
    content: Content,
    length: usize,
    /// When it came, or was sent.
    since: Time,
}

/// What has become of letters that were acknowledged.
#[derive(Debug)]
pub(super) enum Done<T> {
    Notification(T),
    /// So many posted ones in a row.
    Posted(u64),
}

impl<T> Outbound<T> {
    fn map<U>(self, keep: impl FnOnce(T) -> U) -> Outbound<U> {
        match self {
            Self::Notification(kept) => Outbound::Notification(keep(kept)),
            Self::Request(kept) => Outbound::Request(keep(kept)),
            Self::Answer(re) => Outbound::Answer(re),
            Self::Return => Outbound::Return,
        }
    }
}

/// Mail on its way out. `T` is what is kept for whoever sent it.
#[derive(Debug)]
pub(super) struct Outgoing<T> {
    /// In order: first what has been sent and is not acknowledged, from the number `acked + 1` on, then what waits.
    mail: VecDeque<Entry<T>>,
    /// So many have been sent.
    sent: usize,
    /// Sent and not answered, by number.
    asked: BTreeMap<u64, T>,
    /// Requests among those that wait.
    asking: usize,
    /// The posted letters.
    book: Book,
    acked: u64,
    /// Bytes of the letters that wait or are not acknowledged.
    bytes: usize,
    /// When the other side acknowledged something last.
    progress: Time,
}

impl<T> Outgoing<T> {
    pub(super) fn new() -> Self {
        Self {
            mail: VecDeque::new(),
            sent: 0,
            asked: BTreeMap::new(),
            asking: 0,
            book: Book::default(),
            acked: 0,
            bytes: 0,
            progress: Time::START,
        }
    }

    pub(super) fn push(&mut self, outbound: Outbound<T>, letter: Vec<u8>, now: Time) {
        let length = letter.len();
        self.bytes += length;
        self.asking += usize::from(matches!(outbound, Outbound::Request(_)));
        self.mail.push_back(Entry { outbound: outbound.map(Some), content: Content::Own(letter), length, since: now });
    }

    /// Adds a notification for which nothing is kept but the letter.
    pub(super) fn post(&mut self, letter: &[u8], now: Time) {
        let length = letter.len();
        self.bytes += length;
        let content = Content::Booked(self.book.write(letter));
        self.mail.push_back(Entry { outbound: Outbound::Notification(None), content, length, since: now });
    }

    /// Takes the next letter to be sent, with its number.
    pub(super) fn next(&mut self, now: Time) -> Option<(u64, Kind, Cow<'_, [u8]>)> {
        let seq = self.last() + 1;
        let entry = self.mail.get_mut(self.sent)?;
        let kind = match &mut entry.outbound {
            Outbound::Notification(_) => Kind::Notification,
            Outbound::Request(kept) => {
                self.asking -= 1;
                self.asked.extend(kept.take().map(|kept| (seq, kept)));
                Kind::Request
            }
            Outbound::Answer(re) => Kind::Answer(re.seq),
            Outbound::Return => Kind::Return,
        };
        self.sent += 1;
        entry.since = now;
        let letter = match &mut entry.content {
            Content::Own(letter) => Cow::Owned(std::mem::take(letter)),
            Content::Booked(place) => Cow::Borrowed(self.book.read(*place)),
        };
        Some((seq, kind, letter))
    }

    /// Everything up to `ack` has been accepted; `done` gets the notifications. `false` if that has not been sent.
    pub(super) fn acknowledge(&mut self, ack: u64, now: Time, mut done: impl FnMut(Done<T>)) -> bool {
        if ack > self.last() {
            return false;
        }
        let mut posted = 0;
        while self.acked < ack {
            self.acked += 1;
            self.progress = now;
            let Some(entry) = self.mail.pop_front() else {
                break;
            };
            self.sent -= 1;
            self.bytes -= entry.length;
            if let Content::Booked(place) = entry.content {
                self.book.strike(place);
                posted += 1;
                continue;
            }
            if let Outbound::Notification(Some(keep)) = entry.outbound {
                if posted > 0 {
                    done(Done::Posted(std::mem::take(&mut posted)));
                }
                done(Done::Notification(keep));
            }
        }
        if posted > 0 {
            done(Done::Posted(posted));
        }
        true
    }

    /// Whether nothing new is told by that everything up to `ack` has been accepted.
    pub(super) const fn is_acknowledged(&self, ack: u64) -> bool {
        self.acked == ack
    }

    /// Takes what was kept for the request number `re`.
    pub(super) fn answered(&mut self, re: u64) -> Option<T> {
        self.asked.remove(&re)
    }

    pub(super) fn has_waiting(&self) -> bool {
        self.waiting() > 0
    }

    /// How many wait to be sent.
    pub(super) fn waiting(&self) -> usize {
        self.mail.len() - self.sent
    }

    /// The bytes of the letter that came last.
    pub(super) fn latest(&self) -> usize {
        self.mail.back().map_or(0, |latest| latest.length)
    }

    /// Whether nothing waits, and no more than `count` letters are not acknowledged.
    pub(super) fn is_calm(&self, count: usize) -> bool {
        !self.has_waiting() && self.sent <= count
    }

    /// The number of the last letter that was sent.
    pub(super) fn last(&self) -> u64 {
        self.acked + self.sent as u64
    }

    /// Letters that wait or are not acknowledged.
    pub(super) fn count(&self) -> usize {
        self.mail.len()
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
        self.mail
            .front()
            .filter(|_| self.sent > 0)
            .map_or(Time::NEVER, |sent| sent.since.max(self.progress).after(lease))
    }

    /// When the first letter has waited too long.
    pub(super) fn stale(&self, lease: Duration) -> Time {
        self.mail.get(self.sent).map_or(Time::NEVER, |waiting| waiting.since.after(lease))
    }
}

impl<T: From<Vec<u8>>> Outgoing<T> {
    /// Ends the session: `lost` gets what was sent, in the order in which it was. What waits goes on waiting, but for answers.
    pub(super) fn end(&mut self, mut lost: impl FnMut(T)) {
        let first = self.acked + 1;
        let sent = self.mail.drain(..std::mem::take(&mut self.sent)).zip(first..);
        let notifications = sent.filter_map(|(entry, seq)| match entry.outbound {
            Outbound::Notification(keep) => Some((seq, keep.or_else(|| take_back(&mut self.book, &entry.content))?)),
            _ => None,
        });
        let mut all: Vec<_> = notifications.chain(std::mem::take(&mut self.asked)).collect();
        all.sort_by_key(|&(seq, _)| seq);
        all.into_iter().for_each(|(_, keep)| lost(keep));
        self.mail.retain(|waiting| !matches!(waiting.outbound, Outbound::Answer(_)));
        self.acked = 0;
        self.bytes = self.mail.iter().map(|waiting| waiting.length).sum();
    }

    /// Drops the letters that wait and `may_go`; `lost` gets what was kept for them. Gives the number of returns among them.
    pub(super) fn drop_waiting(&mut self, may_go: impl Fn(Time, usize) -> bool, mut lost: impl FnMut(T)) -> u64 {
        let mut returns = 0;
        for waiting in self.mail.split_off(self.sent) {
            if !may_go(waiting.since, waiting.length) {
                self.mail.push_back(waiting);
                continue;
            }
            self.bytes -= waiting.length;
            match waiting.outbound {
                Outbound::Notification(keep) => {
                    keep.or_else(|| take_back(&mut self.book, &waiting.content)).into_iter().for_each(&mut lost);
                }
                Outbound::Request(keep) => {
                    self.asking -= 1;
                    keep.into_iter().for_each(&mut lost);
                }
                Outbound::Return => returns += 1,
                Outbound::Answer(_) => {}
            }
        }
        returns
    }
}

/// What there is to give back of a posted letter.
fn take_back<T: From<Vec<u8>>>(book: &mut Book, content: &Content) -> Option<T> {
    let Content::Booked(place) = content else {
        return None;
    };
    let letter = book.read(*place).to_vec();
    book.strike(*place);
    Some(letter.into())
}
