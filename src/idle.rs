//! [`Idle`]: what a thread does when there is nothing to do.

use std::time::{Duration, Instant};

use crate::ring::Coming;
use crate::sync::relax;

/// What a thread does when there is nothing to do.
///
/// Spinning answers within the time that a cache line takes to cross (some 100 ns), and costs a core; waking a
/// sleeping thread takes the system some microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Idle {
    /// It looks for mail for 20 µs, then sleeps. The default.
    ///
    /// Whoever waits for an answer of another node waits otherwise, as that takes longer: it sleeps at once, or looks for up to
    /// 250 µs before it does and leaves its processor to others now and then, whichever has brought the answers sooner lately.
    /// Where processors stand idle that is mostly looking: on a virtual machine each waking costs tens of microseconds, and
    /// there are several on an answer's way. Where they are busy, or the other node is far, it is sleeping. What has been slower
    /// is tried again each 256 to 8192 waits. Each thread learns for itself, and one thing for all nodes.
    ///
    /// A worker that waits for several such answers, or has had to do with other nodes otherwise, sleeps at once, and leaves its
    /// processor to the network's threads.
    #[default]
    Adaptive,
    /// It sleeps at once.
    Park,
    /// It looks for mail that long, then sleeps.
    SpinThenPark(Duration),
    /// It looks for mail until there is some.
    Spin,
}

/// So long [`Idle::Adaptive`] looks for what the node itself brings.
const SOON: Duration = Duration::from_micros(20);
/// Looks this often before it looks at the clock.
const LOOKS: u32 = 64;
/// Spins that long in one go, so that deadlines are not missed meanwhile.
const SLICE: Duration = Duration::from_millis(1);
/// Whoever yields does it that often. What the system has put behind this thread would have to wait until it sleeps.
const YIELD: Duration = Duration::from_micros(10);

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

/// What a thread does this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    /// So long it spins, and sleeps then.
    pub(crate) spins: Duration,
    /// Whether it leaves its processor to others that wait for it, now and then.
    pub(crate) yields: bool,
}

impl From<Idle> for Manner {
    fn from(idle: Idle) -> Self {
        let spins = match idle {
            Idle::Park => Duration::ZERO,
            Idle::Adaptive => SOON,
            Idle::SpinThenPark(limit) => limit,
            Idle::Spin => Duration::MAX,
        };
        Self { spins, yields: false }
    }
}

impl Manner {
    /// It sleeps at once.
    pub(crate) const PARK: Self = Self { spins: Duration::ZERO, yields: false };

    /// The same, but it does not spin longer than that.
    pub(crate) fn within(self, limit: Duration) -> Self {
        Self { spins: self.spins.min(limit), ..self }
    }

    /// Spins for a slice. `since` is when the waiting began, `None` at first.
    pub(crate) fn spin(self, since: &mut Option<Instant>, ready: impl Fn() -> bool) -> Spun {
        self.spin_for(SLICE, since, ready)
    }

    /// The same with a slice of its own, if that is shorter.
    pub(crate) fn spin_for(self, slice: Duration, since: &mut Option<Instant>, ready: impl Fn() -> bool) -> Spun {
        let longest = slice.min(SLICE);
        if self.spins.is_zero() {
            return if ready() { Spun::Ready } else { Spun::Sleep };
        }
        // What comes at once is not made to wait for the clock.
        for _ in 0..LOOKS {
            if ready() {
                return Spun::Ready;
            }
            relax();
        }
        let began = Instant::now();
        let waiting = began.duration_since(*since.get_or_insert(began));
        let mut yields_at = if self.yields { YIELD } else { Duration::MAX };
        loop {
            for _ in 0..LOOKS {
                if ready() {
                    return Spun::Ready;
                }
                relax();
            }
            let slice = began.elapsed();
            if waiting + slice >= self.spins {
                return Spun::Sleep;
            }
            if slice >= longest {
                return Spun::Again;
            }
            if slice >= yields_at {
                std::thread::yield_now();
                yields_at = slice + YIELD;
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
