//! What a probe has received, and how it reads in the text of a failed assertion.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::address::Address;
use crate::body::Body;
use crate::clock::Time;
use crate::code::Code;
use crate::message::{Cold, Flags, Message, Sender};
use crate::record::{Absent, Record};

/// One message that a probe has received.
#[derive(Debug)]
pub(super) struct Mail {
    way: Way,
    at: Duration,
    /// Who sent it, or answered; `None` for a plain thread.
    from: Option<Address>,
    /// The records as they were, and what else there is to say.
    text: String,
    /// A copy of a message for others, or the very answer; `None` if it cannot be copied.
    copy: Option<Message<'static>>,
    /// Whether an assertion has asked for it.
    pub(super) seen: bool,
}

/// As what a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Notification,
    Request,
    /// A message to a service that it observes.
    Observed,
    Answer,
    Returned(Code),
}

impl Mail {
    /// A message that the probe is to handle. Runs the `Clone` of its records.
    pub(super) fn received(message: &Message<'_>, now: Time) -> Self {
        let way = if message.wants_answer() { Way::Request } else { Way::Notification };
        Self { copy: message.try_clone(), ..Self::of(way, message, now) }
    }

    /// A message to a service that the probe observes. Runs the `Clone` of its records.
    pub(super) fn observed(message: &Message<'_>, now: Time) -> Self {
        Self { copy: message.try_clone(), ..Self::of(Way::Observed, message, now) }
    }

    /// An answer, or a message of the probe's own that has come back.
    pub(super) fn came_back(message: &mut Message<'_>, now: Time) -> Self {
        let code = message.code();
        let way = if code.is_ok() { Way::Answer } else { Way::Returned(code) };
        let mail = Self::of(way, message, now);
        Self { copy: Some(message.take_all()), ..mail }
    }

    fn of(way: Way, message: &Message<'_>, now: Time) -> Self {
        let first = match message.record::<Absent>() {
            Some(absent) => format!("{} (it is elsewhere)", absent.record().name()),
            None => described(&message.body),
        };
        let more = message.cold.as_deref().map_or(&[][..], Cold::more);
        let mut text = more.iter().fold(first, |text, body| format!("{text} and {}", described(body)));
        if !message.text().is_empty() {
            text += &format!(", \"{}\"", message.text());
        }
        Self { way, at: now.since(Time::START), from: message.sender(), text, copy: None, seen: false }
    }

    /// Takes the record itself, if it cannot be copied and nobody else needs it: that of a notification.
    pub(super) fn keep_original(&mut self, message: &mut Message<'_>) {
        if self.copy.is_none() && self.way == Way::Notification && !message.is_taken() {
            let body = message.body.take_all().into_owned();
            self.copy = Some(Message::new(message.destination(), body, Flags::empty(), Sender::Outside(None)));
        }
    }

    /// Takes an `R` out of what the probe was to handle.
    pub(super) fn take_received<R: Record>(&mut self) -> Option<R> {
        matches!(self.way, Way::Notification | Way::Request).then(|| self.copy.as_mut()?.take()).flatten()
    }

    /// Takes an `R` out of what the probe has observed.
    pub(super) fn take_observed<R: Record>(&mut self) -> Option<R> {
        (self.way == Way::Observed).then(|| self.copy.as_mut()?.take()).flatten()
    }

    /// Takes an `A` out of an answer.
    pub(super) fn take_answer<A: Record>(&mut self) -> Option<A> {
        (self.way == Way::Answer).then(|| self.copy.as_mut()?.take_answer()).flatten()
    }

    /// The code with which an `R` of the probe's came back.
    pub(super) fn returned<R: Record>(&self) -> Option<Code> {
        let Way::Returned(code) = self.way else {
            return None;
        };
        self.copy.as_ref()?.asked().is::<R>().then_some(code)
    }
}

/// A record's name and what it prints as, as far as a page has room for it.
fn described(body: &Body<'_>) -> String {
    let mut text = Bounded { text: format!("{} ", body.kind().name()), room: MOST };
    if write!(text, "{body:?}").is_err() {
        text.text.push('…');
    }
    text.text
}

/// Bytes of a record's text that are shown.
const MOST: usize = 400;

/// Text that ends when there is no more room.
struct Bounded {
    text: String,
    room: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let fits = (0..=piece.len().min(self.room)).rev().find(|&end| piece.is_char_boundary(end)).unwrap_or(0);
        self.text.push_str(&piece[..fits]);
        self.room -= fits;
        if fits == piece.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

impl fmt::Display for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {:?}: ", self.at)?;
        match self.way {
            Way::Notification => f.write_str("notification")?,
            Way::Request => f.write_str("request")?,
            Way::Observed => f.write_str("observed")?,
            Way::Answer => f.write_str("answer")?,
            Way::Returned(code) => write!(f, "returned {code}")?,
        }
        match self.from {
            Some(from) => write!(f, " from {from}")?,
            None => f.write_str(" from outside")?,
        }
        write!(f, ": {}", self.text)
    }
}
