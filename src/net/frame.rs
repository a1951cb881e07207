//! Frames: what two links say to each other, as bytes and back.
//!
//! What the link adds to a letter stands behind it, at the end of the frame. So a letter becomes a frame by a few bytes that
//! are added to the same memory, and what comes in becomes a letter by leaving them off: nobody copies a letter, and none
//! is written with a head whose numbers are not known yet. All numbers are little-endian and of fixed width; the last
//! byte is the version, the one before it the kind.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::net::transport::Lane;

/// The version of the frames that this node speaks.
const VERSION: u8 = 1;

/// What stands for a session or an echo that is not known.
const UNKNOWN: u64 = u64::MAX;

/// How many bytes a frame has beside its letter.
pub(crate) const TAIL: usize = 3 * 8 + ENDING;

/// How many bytes a frame without a letter has, at most.
const LONGEST: usize = 5 * 8 + ENDING;

/// Both sessions, kind and version.
const ENDING: usize = 2 * 8 + 2;

/// One run of a link on one side: from one loss to the next. A later one is higher.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Session(u64);

/// Who sends a frame to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    pub(crate) from: Session,
    pub(crate) to: Session,
}

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Here I am, and this is what I know of you. `limit` is the largest letter that is taken, in bytes.
    Hello { from: Session, to: Option<Session>, limit: u64 },
    /// The letter number `seq` of its sender's session.
    Mail { route: Route, seq: u64, ack: u64, kind: Kind, letter: Bytes },
    /// All letters up to `ack` have been accepted.
    Ack { route: Route, ack: u64 },
    /// A heartbeat.
    Beat { route: Route, beat: Beat },
    /// The link is closed.
    Bye { route: Route },
}

/// What a letter is to the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Notification,
    Request,
    /// The answer to the request with this number.
    Answer(u64),
    /// A notification that failed after it had been accepted.
    Return,
}

/// A heartbeat: it goes its own way, so what it says of mail can be ahead of the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    /// The last letter that was sent.
    pub(crate) seq: u64,
    pub(crate) ack: u64,
    /// The sender's clock.
    pub(crate) nanos: u64,
    /// The receiver's clock as its last beat told it, and how long ago that came.
    pub(crate) echo: Option<(u64, u64)>,
}

/// What the link adds to a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) route: Route,
    pub(crate) seq: u64,
    pub(crate) ack: u64,
    pub(crate) kind: Kind,
}

/// What a link wants to be sent: a frame, or a letter that becomes one with its stamp.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) lane: Lane,
    pub(crate) bytes: Cow<'a, [u8]>,
    pub(crate) stamp: Option<Stamp>,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of {0} bytes is too short or too long for what it is")]
    Length(usize),
    #[error("frames of version {0} are not known here")]
    Version(u8),
    #[error("frames of kind {0} are not known here")]
    Kind(u8),
    #[error("{0} is no session")]
    Session(u64),
    #[error("an answer to the request {0}, which nobody waits for")]
    Stray(u64),
    #[error("a letter that follows none")]
    Alone,
}

impl Session {
    /// The largest one; far beyond what anybody reaches by counting.
    pub(crate) const MAX: Self = Self(1 << 62);

    /// The session with this number, or the largest.
    pub(crate) const fn new(number: u64) -> Self {
        if number > Self::MAX.0 { Self::MAX } else { Self(number) }
    }

    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    /// The one after it.
    pub(crate) const fn next(self) -> Self {
        Self::new(self.0 + 1)
    }

    fn read(number: u64) -> Result<Self, FrameError> {
        if number > Self::MAX.0 { Err(FrameError::Session(number)) } else { Ok(Self(number)) }
    }
}

impl Frame {
    /// The frame as bytes.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Hello { from, to, limit } => {
                let to = to.map_or(UNKNOWN, |to| to.0);
                finish(Vec::with_capacity(8 + ENDING), &[limit, from.0, to], 0)
            }
            Self::Mail { route, seq, ack, kind, letter } => Stamp { route, seq, ack, kind }.put_on(letter.into()),
            Self::Ack { route, ack } => finish(Vec::with_capacity(8 + ENDING), &[ack, route.from.0, route.to.0], 5),
            Self::Beat { route, beat } => {
                let (echo, held) = beat.echo.unwrap_or((UNKNOWN, 0));
                let numbers = [beat.seq, beat.ack, beat.nanos, echo, held, route.from.0, route.to.0];
                finish(Vec::with_capacity(LONGEST), &numbers, 6)
            }
            Self::Bye { route } => finish(Vec::with_capacity(ENDING), &[route.from.0, route.to.0], 7),
        }
    }

    /// Reads a frame. A letter stays where it lies.
    pub(crate) fn read(bytes: &Bytes) -> Result<Self, FrameError> {
        let length = FrameError::Length(bytes.len());
        let (&version, rest) = bytes.split_last().ok_or(length)?;
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        let (&kind, rest) = rest.split_last().ok_or(length)?;
        if let Some(kind) = Kind::of_mail(kind) {
            let (letter, stamp) = bytes.split_last_chunk().ok_or(length)?;
            let (end, stamp) = (letter.len(), Stamp::read(stamp, kind)?);
            return Ok(stamp.on(bytes.slice(..end)));
        }
        let mut tail = Tail { bytes: rest };
        let to = tail.number().ok_or(length)?;
        let from = Session::read(tail.number().ok_or(length)?)?;
        if kind == 0 {
            let to = if to == UNKNOWN { None } else { Some(Session::read(to)?) };
            let [limit] = tail.rest().ok_or(length)?;
            return Ok(Self::Hello { from, to, limit });
        }
        let route = Route { from, to: Session::read(to)? };
        match kind {
            5 => {
                let [ack] = tail.rest().ok_or(length)?;
                Ok(Self::Ack { route, ack })
            }
            6 => {
                let [seq, ack, nanos, echo, held] = tail.rest().ok_or(length)?;
                let echo = (echo != UNKNOWN).then_some((echo, held));
                Ok(Self::Beat { route, beat: Beat { seq, ack, nanos, echo } })
            }
            7 => {
                let [] = tail.rest().ok_or(length)?;
                Ok(Self::Bye { route })
            }
            other => Err(FrameError::Kind(other)),
        }
    }
}

impl Kind {
    /// The kind of mail that this number stands for, if it does; an answer's request is not known yet.
    const fn of_mail(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Notification),
            2 => Some(Self::Request),
            3 => Some(Self::Answer(0)),
            4 => Some(Self::Return),
            _ => None,
        }
    }
}

impl Draft<'_> {
    /// The frame. A letter with memory of its own stays where it lies if there is room for [`TAIL`] bytes behind it.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let bytes = self.bytes.into_owned();
        match self.stamp {
            Some(stamp) => stamp.put_on(bytes),
            None => bytes,
        }
    }
}

impl From<(Lane, Frame)> for Draft<'_> {
    fn from((lane, frame): (Lane, Frame)) -> Self {
        match frame {
            Frame::Mail { route, seq, ack, kind, letter } => {
                Self { lane, bytes: Cow::Owned(letter.into()), stamp: Some(Stamp { route, seq, ack, kind }) }
            }
            other => Self { lane, bytes: Cow::Owned(other.into_bytes()), stamp: None },
        }
    }
}

impl Stamp {
    pub(crate) const fn new(route: Route, (seq, ack): (u64, u64), kind: Kind) -> Self {
        Self { route, seq, ack, kind }
    }

    /// That of a frame, if there is mail in it.
    pub(crate) fn of(frame: &[u8]) -> Option<Self> {
        let &[.., kind, VERSION] = frame else {
            return None;
        };
        Self::read(frame.last_chunk()?, Kind::of_mail(kind)?).ok()
    }

    /// That of the letter which goes behind this one's, if it is of its kind.
    pub(crate) fn next(self) -> Option<Self> {
        Some(Self { seq: self.seq.checked_add(1)?, ..self })
    }

    /// The letter with it on.
    pub(crate) const fn on(self, letter: Bytes) -> Frame {
        let Self { route, seq, ack, kind } = self;
        Frame::Mail { route, seq, ack, kind, letter }
    }

    /// What stands behind a letter that has it.
    pub(crate) fn tail(self) -> [u8; TAIL] {
        let (kind, re) = match self.kind {
            Kind::Notification => (1, 0),
            Kind::Request => (2, 0),
            Kind::Answer(re) => (3, re),
            Kind::Return => (4, 0),
        };
        let mut tail = [0; TAIL];
        let (numbers, ending) = tail.as_chunks_mut();
        for (place, number) in numbers.iter_mut().zip([self.seq, self.ack, re, self.route.from.0, self.route.to.0]) {
            *place = number.to_le_bytes();
        }
        ending.copy_from_slice(&[kind, VERSION]);
        tail
    }

    fn put_on(self, mut letter: Vec<u8>) -> Vec<u8> {
        letter.extend_from_slice(&self.tail());
        letter
    }

    fn read(bytes: &[u8; TAIL], kind: Kind) -> Result<Self, FrameError> {
        let (numbers, _) = bytes.as_chunks();
        let [seq, ack, re, from, to] = std::array::from_fn(|place| u64::from_le_bytes(numbers[place]));
        let route = Route { from: Session::read(from)?, to: Session::read(to)? };
        let kind = if kind == Kind::Answer(0) { Kind::Answer(re) } else { kind };
        Ok(Self { route, seq, ack, kind })
    }
}

/// Adds the numbers, the kind and the version.
fn finish(mut bytes: Vec<u8>, numbers: &[u64], kind: u8) -> Vec<u8> {
    bytes.reserve(8 * numbers.len() + 2);
    for number in numbers {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&[kind, VERSION]);
    bytes
}

/// What is left of a frame that is read from its end.
struct Tail<'a> {
    bytes: &'a [u8],
}

impl Tail<'_> {
    fn number(&mut self) -> Option<u64> {
        let (rest, last) = self.bytes.split_last_chunk()?;
        let number = u64::from_le_bytes(*last);
        self.bytes = rest;
        Some(number)
    }

    /// All that is left, in the order in which it stands: exactly so many numbers.
    fn rest<const N: usize>(mut self) -> Option<[u64; N]> {
        let mut numbers = [0; N];
        for number in numbers.iter_mut().rev() {
            *number = self.number()?;
        }
        self.bytes.is_empty().then_some(numbers)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.0)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::{Beat, Frame, FrameError, Kind, Route, Session, Stamp, TAIL, VERSION};

    fn route() -> Route {
        Route { from: Session::new(7), to: Session::new(9) }
    }

    fn all() -> Vec<Frame> {
        let beat = Beat { seq: 1, ack: 2, nanos: 3, echo: None };
        let mut frames = vec![
            Frame::Hello { from: Session::new(1), to: None, limit: 5 },
            Frame::Hello { from: Session::MAX, to: Some(Session::new(0)), limit: u64::MAX },
            Frame::Ack { route: route(), ack: 12 },
            Frame::Beat { route: route(), beat },
            Frame::Beat { route: route(), beat: Beat { echo: Some((4, 5)), ..beat } },
            Frame::Bye { route: route() },
        ];
        for kind in [Kind::Notification, Kind::Request, Kind::Answer(77), Kind::Return] {
            for letter in [Bytes::new(), Bytes::from_static(&[1, 2, 3])] {
                frames.push(Frame::Mail { route: route(), seq: 3, ack: u64::MAX, kind, letter });
            }
        }
        frames
    }

    #[test]
    fn every_frame_comes_back_as_it_was() {
        for frame in all() {
            let bytes = frame.clone().into_bytes();
            assert_eq!(Frame::read(&bytes.into()), Ok(frame), "expected the same frame again");
        }
    }

    #[test]
    fn a_letter_with_room_behind_it_becomes_a_frame_and_a_letter_again_where_it_lies() {
        let mut letter = Vec::with_capacity(100 + TAIL);
        letter.resize(100, 7);
        let place = letter.as_ptr();
        let bytes = Stamp::new(route(), (1, 0), Kind::Request).put_on(letter);
        assert_eq!(bytes.as_ptr(), place, "expected the letter to stay where it was");
        let Ok(Frame::Mail { letter, .. }) = Frame::read(&bytes.into()) else { panic!("expected mail") };
        assert_eq!((letter.as_ptr(), letter.len()), (place, 100), "expected the letter to stay where it was");
    }

    #[test]
    fn what_is_cut_short_or_has_too_much_is_no_frame() {
        for frame in all() {
            let bytes = frame.clone().into_bytes();
            for missing in 1..=bytes.len() {
                let cut = bytes[missing..].to_vec();
                let read = Frame::read(&cut.into());
                if let Frame::Mail { letter, .. } = &frame
                    && missing <= letter.len()
                {
                    assert!(read.is_ok(), "expected a shorter letter to be the letter's own matter");
                } else {
                    assert_eq!(
                        read,
                        Err(FrameError::Length(bytes.len() - missing)),
                        "expected {frame:?} to be refused"
                    );
                }
            }
            if !matches!(frame, Frame::Mail { .. }) {
                let longer = [&[0], &bytes[..]].concat();
                assert_eq!(Frame::read(&longer.into()), Err(FrameError::Length(bytes.len() + 1)));
            }
        }
    }

    #[test]
    fn an_unknown_version_kind_or_session_is_told_apart() {
        let bytes = Frame::Bye { route: route() }.into_bytes();
        let with = |at: usize, value: u8| {
            let mut other = bytes.clone();
            let place = other.len() - at;
            other[place] = value;
            Frame::read(&other.into())
        };
        assert_eq!(with(1, VERSION + 1), Err(FrameError::Version(VERSION + 1)));
        assert_eq!(with(2, 8), Err(FrameError::Kind(8)));
        assert_eq!(with(3, 0x80), Err(FrameError::Session(0x80 << 56 | 9)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, version: bool) {
            let mut bytes = bytes;
            if version {
                bytes.push(VERSION);
            }
            if let Ok(frame @ (Frame::Mail { kind: Kind::Answer(_), .. } | Frame::Hello { .. })) = Frame::read(&bytes.clone().into()) {
                prop_assert_eq!(frame.into_bytes(), bytes);
            }
        }
    }
}
