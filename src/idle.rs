//! [`Idle`]: what a thread does when there is nothing to do.

use std::time::{Duration, Instant};

use crate::ring::Coming;
use crate::sync::relax;

/// What a thread does when there is nothing to do.
///
/// Spinning answers within the time that a cache line takes to cross (some 100 ns), and costs a core; waking a
/// sleeping thread takes the system some microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Idle {
    /// It sleeps at once.
    Park,
    /// It looks for mail that long, then sleeps.
    SpinThenPark(Duration),
    /// It looks for mail until there is some.
    Spin,
}

impl Default for Idle {
    /// Looks for mail for 20 µs, then sleeps.
    fn default() -> Self {
        Self::SpinThenPark(Duration::from_micros(20))
    }
}

/// Looks this often before it looks at the clock.
const LOOKS: u32 = 64;
/// Spins that long in one go, so that deadlines are not missed meanwhile.
const SLICE: Duration = Duration::from_millis(1);

/// How often a stream of mail is looked for before it is over.
const NEAR: u32 = 3;
/// Mail in a row, each looked for [`NEAR`] times at most, that makes a stream.
const STREAM: u32 = 32;
/// For so many looks a stream is not looked at when it has run dry.
const LULL: u32 = 160;

/// Notices when mail comes in a stream.
///
/// Where the receiver is the quicker side it would look at each slot while the sender writes it, and every message
/// would cost both the time that a cache line takes to cross. A receiver that looks away for a microsecond lets some
/// mail pile up, and it crosses at the speed of the sender. Mail that comes singly is not kept waiting.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    length: u32,
}

impl Stream {
    /// Something has been served; how the mail comes.
    #[inline]
    pub(crate) fn flows(&mut self) -> Coming {
        self.length += u32::from(self.length < STREAM);
        if self.length >= STREAM { Coming::InAStream } else { Coming::Singly }
    }

    /// Nothing is there: looks for more for as long as a stream may take; whether there is something.
    pub(crate) fn await_more(&mut self, ready: impl Fn() -> bool) -> bool {
        if self.length >= STREAM {
            (0..LULL).for_each(|_| relax());
        }
        for _ in 0..NEAR {
            if ready() {
                return true;
            }
            relax();
        }
        self.length = 0;
        false
    }
}

/// What a spin has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spun {
    Ready,
    /// Not ready, and the policy says to spin on.
    Again,
    /// Not ready, and it is time to sleep.
    Sleep,
}

impl Idle {
    /// Spins for a slice of what the policy says. `since` is when the waiting began, `None` at first.
    pub(crate) fn spin(self, since: &mut Option<Instant>, ready: impl Fn() -> bool) -> Spun {
        self.spin_for(SLICE, since, ready)
    }

    /// The same with a slice of its own, if that is shorter.
    pub(crate) fn spin_for(self, slice: Duration, since: &mut Option<Instant>, ready: impl Fn() -> bool) -> Spun {
        let longest = slice.min(SLICE);
        let limit = match self {
            Self::Park => return if ready() { Spun::Ready } else { Spun::Sleep },
            Self::SpinThenPark(limit) => limit,
            Self::Spin => Duration::MAX,
        };
        // What comes at once is not made to wait for the clock.
        for _ in 0..LOOKS {
            if ready() {
                return Spun::Ready;
            }
            relax();
        }
        let began = Instant::now();
        let waiting = began.duration_since(*since.get_or_insert(began));
        loop {
            for _ in 0..LOOKS {
                if ready() {
                    return Spun::Ready;
                }
                relax();
            }
            let slice = began.elapsed();
            if waiting + slice >= limit {
                return Spun::Sleep;
            }
            if slice >= longest {
                return Spun::Again;
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{STREAM, Stream};
    use crate::ring::Coming;

    #[test]
    fn mail_comes_in_a_stream_when_much_of_it_has_come_without_a_pause() {
        let mut stream = Stream::default();
        for _ in 1..STREAM {
            assert_eq!(stream.flows(), Coming::Singly, "expected a few to be no stream");
        }
        assert_eq!(stream.flows(), Coming::InAStream);
        assert!(stream.await_more(|| true));
        assert_eq!(stream.flows(), Coming::InAStream, "expected it to go on after a lull");
        assert!(!stream.await_more(|| false));
        assert_eq!(stream.flows(), Coming::Singly, "expected it to be over");
    }
}
