//! The bounds of a link, and how it says that one is reached.

use std::time::Duration;

use crate::code::Code;

/// The bounds and times of a link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Letters that may be on their way or wait: 4096.
    pub(crate) window: usize,
    /// The same in bytes: 64 MiB. One letter may always go.
    pub(crate) window_bytes: usize,
    /// Requests that may be unanswered: 1024.
    pub(crate) requests: usize,
    /// The largest letter in bytes, in both directions: 16 MiB.
    pub(crate) max_message: usize,
    /// From how many bytes on a record is compressed; none is.
    pub(crate) compress: Option<usize>,
    /// How long nothing may be acknowledged before the link counts as dead: 4 s. Also how long mail waits for the link to
    /// open.
    pub(crate) lease: Duration,
    /// How far apart heartbeats are: 1 s. Three may be missed.
    pub(crate) beat: Duration,
    /// How long a letter waits for company before it is acknowledged: 1 ms; a few letters wait for 8 ms while
    /// acknowledgements ride on others.
    pub(crate) ack_delay: Duration,
}

/// Mail that the link does not take.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused<T> {
    pub(crate) why: Refusal,
    pub(crate) keep: T,
}

/// Why a link does not take mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the node has as much unacknowledged mail, or as many unanswered requests, as the link may have")]
    Busy,
    #[error("the letter has {length} bytes, and the node takes {limit}")]
    TooLarge { length: usize, limit: usize },
    #[error("the node is not there")]
    Away,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            window: 4096,
            window_bytes: 64 << 20,
            requests: 1024,
            max_message: 16 << 20,
            compress: None,
            lease: Duration::from_secs(4),
            beat: Duration::from_secs(1),
            ack_delay: Duration::from_millis(1),
        }
    }
}

impl Refusal {
    /// The code with which the message comes back.
    pub(crate) const fn code(self) -> Code {
        match self {
            Self::Busy => Code::BUSY,
            Self::TooLarge { .. } => Code::TOO_LARGE,
            Self::Away => Code::NO_NODE,
        }
    }
}
