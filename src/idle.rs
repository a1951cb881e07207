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

impl Idle {
    /// Spins as long as the policy says, until `ready`; whether it was. A spin without end comes back now and then.
    pub(crate) fn spin(self, ready: impl Fn() -> bool) -> bool {
        let limit = match self {
            Self::Park => return ready(),
            Self::SpinThenPark(limit) => limit,
            Self::Spin => Duration::from_millis(1),
        };
        let started = Instant::now();
        loop {
            for _ in 0..LOOKS {
                if ready() {
                    return true;
                }
                relax();
            }
            if started.elapsed() >= limit {
                return false;
            }
        }
    }

    /// Whether a thread with this policy ever sleeps.
    pub(crate) const fn sleeps(self) -> bool {
        !matches!(self, Self::Spin)
    }
}
