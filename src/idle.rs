//! [`Idle`]: what a thread does when there is nothing to do.

use std::time::{Duration, Instant};

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
            if slice >= SLICE {
                return Spun::Again;
            }
        }
    }
}
