//! Letters: a message as bytes and back.
//!
//! The envelope has a fixed order and fixed widths, each record lies in its postcard form behind its id and length. So a
//! letter is looked at where it lies: nothing is allocated before every length has been checked against what is there, and
//! a node can tell from whom a letter comes, or pass it on, without knowing its records. In order:
//!
//! | what | bytes |
//! |---|---|
//! | version | 1 |
//! | [`Marks`] | 2 |
//! | code, hops, receiver (TID, NID) | 4 + 2 + 16 |
//! | if marked: sender (TID, NID); its node, where that is not the node the letter comes from | 16; 8 |
//! | if marked: the sender's life and the request's number | 4 + 8 |
//! | if marked: nanoseconds left until the deadline | 8 |
//! | if marked: text | 2 + text |
//! | number of records; each: id, length, content | 2; 8 + 4 + content |
//! | if marked, and the highest bit of its length is set: the content's length, and it compressed | 4 + compressed |
//! | number of names; each: length, text | 1; 1 + text |
//!
//! The deadline is time left and never a clock reading: two nodes have two clocks.

mod reading;
mod scribe;
mod squeezing;
#[cfg(all(test, not(loom)))]
mod tests;
mod writing;

use bitflags::bitflags;

pub(crate) use self::reading::Letter;
pub(crate) use self::scribe::{Scribe, Style};
pub(crate) use self::writing::Desk;
use super::codec::{DecodeError, EncodeError};
use crate::code::{Code, Failure};
use crate::id::RecordId;

/// The version of the letters that this node writes and reads.
const VERSION: u8 = 1;

/// Bytes of text in a letter; what is longer is cut.
const MAX_TEXT: usize = 4096;

bitflags! {
    /// What an envelope says of itself. The bits that are not listed are to be 0.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Marks: u16 {
        const WANTS_ANSWER = 1;
        /// It is on its way back: an answer, or mail that failed.
        const TURNED = 1 << 1;
        /// A copy for observers.
        const COPY = 1 << 2;
        const SENDER = 1 << 3;
        const SENDERS_NODE = 1 << 4;
        const TICKET = 1 << 5;
        const DEADLINE = 1 << 6;
        const TEXT = 1 << 7;
        /// Records may be compressed.
        const COMPRESSED = 1 << 8;
    }
}

impl Marks {
    /// Sets these marks in a letter whose envelope has been written.
    fn add_to(self, letter: &mut [u8]) {
        let bits = u16::from_le_bytes([letter[1], letter[2]]) | self.bits();
        letter[1..3].copy_from_slice(&bits.to_le_bytes());
    }
}

/// Why bytes are no letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LetterError {
    #[error("letters of version {0} are not known here")]
    Version(u8),
    #[error("the letter ends at byte {at}, and more was to come")]
    Short { at: usize },
    #[error("{0} bytes are left behind the letter")]
    Long(usize),
    #[error("the marks {0:#06x} are not known here")]
    Marks(u16),
    #[error("the letter has text that is none, or is too long")]
    Text,
    #[error("the letter has bytes for `{0}` that are said to be compressed and are not")]
    Squeezed(RecordId),
    #[error("the letter has no record")]
    NoRecord,
    #[error("the letter has {length} bytes, and {limit} are taken")]
    TooLarge { length: usize, limit: usize },
    #[error(transparent)]
    Record(#[from] DecodeError),
}

impl From<LetterError> for Failure {
    fn from(error: LetterError) -> Self {
        let code = match error {
            LetterError::TooLarge { .. } => Code::TOO_LARGE,
            _ => Code::MALFORMED,
        };
        Self::new(code, error.to_string())
    }
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        let code = match error {
            EncodeError::TooLarge(_) => Code::TOO_LARGE,
            EncodeError::Panicked(..) => Code::EXCEPTION,
            EncodeError::NoWireForm(_) | EncodeError::Refused(..) => Code::NOT_ROUTABLE,
        };
        Self::new(code, error.to_string())
    }
}
