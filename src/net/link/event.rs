//! What a link tells: [`Event`]s, and what it has counted.

use bytes::Bytes;

use crate::net::frame::{FrameError, Session};

/// Which request of the other node an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(super) session: Session,
    pub(super) seq: u64,
}

impl Request {
    /// As numbers, from which it can be [made again](Self::from_numbers).
    pub(crate) const fn numbers(self) -> [u64; 2] {
        [self.session.number(), self.seq]
    }

    pub(crate) const fn from_numbers([session, seq]: [u64; 2]) -> Self {
        Self { session: Session::new(session), seq }
    }
}

/// What has happened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<T> {
    /// Both sides know each other: mail goes out.
    Opened,
    /// A notification has come. It counts as accepted from here on, as every letter does when its event is taken.
    Notified { letter: Bytes },
    /// A request has come.
    Requested { re: Request, letter: Bytes },
    /// The answer to a request has come.
    Answered { keep: T, letter: Bytes },
    /// A notification comes back that had been delivered.
    Returned { letter: Bytes },
    /// A notification was accepted by the other node.
    Delivered(T),
    /// So many [posted](super::Link::post) letters were.
    Posted(u64),
    /// Whether it was delivered is unknown; if it was never sent, it was not.
    Lost(T),
    /// It waited for the link to open, and is larger than what the other node takes.
    TooLarge(T),
    /// The other side does not answer, though the transport has not said that it is gone.
    Silent,
    /// It has not answered for a lease, so that the transport should have seen it by itself, and should open its connections
    /// anew. Repeated as long as that does not help.
    HalfDead,
    /// The other side has said farewell.
    Closed,
    /// Bytes have come that are no frame, and were ignored.
    Malformed(FrameError),
}

impl<T> Event<T> {
    /// Whether it says what has become of what was sent, without an answer.
    pub(crate) const fn is_fate(&self) -> bool {
        matches!(self, Self::Delivered(_) | Self::Posted(_) | Self::Lost(_) | Self::TooLarge(_))
    }
}

/// What has been counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkCounters {
    /// Letters that had come already.
    pub(crate) duplicates: u64,
    /// Sessions that ended because a letter was missing.
    pub(crate) gaps: u64,
    /// Frames of an earlier session.
    pub(crate) stale: u64,
    /// Frames that are none, or acknowledge what was not sent.
    pub(crate) malformed: u64,
    /// Answers of this node that came too late: the session of the request was over.
    pub(crate) late_answers: u64,
    /// Answers of the other node to what was not asked.
    pub(crate) stray_answers: u64,
    /// Returns that were given up: there were too many, or the other side did not come back in time.
    pub(crate) dropped_returns: u64,
    /// Times the link has opened.
    pub(crate) opened: u64,
    /// Times the link was found half-dead.
    pub(crate) half_dead: u64,
}
