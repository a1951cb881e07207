//! [`Restart`]: when a target that panicked is made anew, and when that is given up.
//!
//! A pure engine: it is told of each failure and when it was, and says what to do.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::clock::Time;

/// How a target comes back after a panic: after which delay, how often, and what becomes of its mail meanwhile. For
/// [`Setup::restart`](crate::Setup::restart), and a target with a factory.
///
/// The first restart comes after the first delay, each further one after `factor` times the last, up to the most. When
/// a target has lived for the window of [`limit`](Self::limit) without a panic, it begins with the first delay again.
/// A factory that panics is a failure like another.
///
/// The address, the name and what belongs to them stay the target's. What it held comes back at once, and answers to
/// what it asked before are dead letters. When the limit is passed it is deregistered, and mail that waited for it comes
/// back with [`Code::STOPPED`](crate::Code::STOPPED).
///
/// Costs nothing until the first panic but a few words in the heap. Each failure within the window is remembered with
/// 8 bytes.
///
/// ```
/// use std::time::Duration;
/// use rohrpost::{Meanwhile, Restart, Setup};
///
/// const SECOND: Duration = Duration::from_secs(1);
/// let restart = Restart::new()
///     .backoff(SECOND..=60 * SECOND, 3)              // 1 s, 3 s, 9 s, 27 s, 60 s, 60 s, ..
///     .limit(10, 3600 * SECOND)                      // the 11th panic within an hour is the last
///     .meanwhile(Meanwhile::Return);
/// let setup = Setup::new().name("router").restart(restart);
/// # let _ = setup;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Restart {
    first: Duration,
    most: Duration,
    factor: u32,
    limit: usize,
    within: Duration,
    meanwhile: Meanwhile,
}

/// What becomes of mail for a target that is to be made anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Meanwhile {
    /// It waits, and is delivered in order when the target has started. It counts as mail that waits
    /// ([`NamespaceBuilder::waiting`](crate::NamespaceBuilder::waiting)): past that bound it comes back with
    /// [`Code::BUSY`](crate::Code::BUSY). A [`call`](crate::Context::call) comes back with
    /// [`Code::WOULD_BLOCK`](crate::Code::WOULD_BLOCK). The default.
    #[default]
    Wait,
    /// It comes back with [`Code::RESTARTING`](crate::Code::RESTARTING).
    Return,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Make the target anew after that delay.
    After(Duration),
    /// Deregister it.
    GiveUp,
}

/// The failures of one target.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// The failures within the window, the latest at the end.
    failures: VecDeque<Time>,
    /// The delay of the last restart and the moment at which it was due.
    last: Option<(Duration, Time)>,
}

impl Restart {
    /// Delays from 100 ms to 10 s, doubled each time; given up at the eleventh panic within a minute; mail waits.
    pub const fn new() -> Self {
        Self {
            first: Duration::from_millis(100),
            most: Duration::from_secs(10),
            factor: 2,
            limit: 10,
            within: Duration::from_secs(60),
            meanwhile: Meanwhile::Wait,
        }
    }

    /// The first delay and the most, and how much longer each is than the last. A most that is less than the first
    /// counts for both, and a factor of 0 as 1.
    pub const fn backoff(mut self, delays: RangeInclusive<Duration>, factor: u32) -> Self {
        (self.first, self.most, self.factor) = (*delays.start(), *delays.end(), factor);
        self
    }

    /// How many restarts there may be within how much time, which slides. With a limit of 0 the first panic is the
    /// last; with `usize::MAX` or a window of zero there is no limit.
    pub const fn limit(mut self, restarts: usize, within: Duration) -> Self {
        (self.limit, self.within) = (restarts, within);
        self
    }

    /// What becomes of mail until the target is there again.
    pub const fn meanwhile(mut self, meanwhile: Meanwhile) -> Self {
        self.meanwhile = meanwhile;
        self
    }

    pub(crate) const fn keeps_mail(&self) -> bool {
        matches!(self.meanwhile, Meanwhile::Wait)
    }
}

impl Default for Restart {
    fn default() -> Self {
        Self::new()
    }
}

impl History {
    /// The target has failed at the moment `now`.
    pub(crate) fn failed(&mut self, policy: &Restart, now: Time) -> Decision {
        while self.failures.front().is_some_and(|&failure| now.since(failure) >= policy.within) {
            self.failures.pop_front();
        }
        if self.failures.len() >= policy.limit {
            return Decision::GiveUp;
        }
        self.failures.push_back(now);
        let delay = match self.last {
            Some((delay, alive)) if now.since(alive) < policy.within => delay.saturating_mul(policy.factor.max(1)),
            _ => policy.first,
        };
        let delay = delay.min(policy.most);
        self.last = Some((delay, now.after(delay)));
        Decision::After(delay)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{ProptestConfig, prop, prop_assert, prop_assert_eq, proptest};

    use super::{Decision, History, Restart};
    use crate::clock::Time;

    const SECOND: Duration = Duration::from_secs(1);

    /// The decisions about failures so many seconds after each restart.
    fn decisions(policy: Restart, lives: &[u64]) -> Vec<Option<u64>> {
        let (mut history, mut now) = (History::default(), Time::START);
        let decide = |&life: &u64| {
            now = now.after(SECOND * life as u32);
            match history.failed(&policy, now) {
                Decision::After(delay) => {
                    now = now.after(delay);
                    Some(delay.as_secs())
                }
                Decision::GiveUp => None,
            }
        };
        lives.iter().map(decide).collect()
    }

    #[test]
    fn delays_grow_up_to_the_most() {
        let policy = Restart::new().backoff(SECOND..=SECOND * 10, 3).limit(usize::MAX, SECOND * 60);
        assert_eq!(decisions(policy, &[0, 0, 0, 0, 0]), [1, 3, 9, 10, 10].map(Some));
    }

    #[test]
    fn a_life_as_long_as_the_window_begins_anew() {
        let policy = Restart::new().backoff(SECOND..=SECOND * 10, 2).limit(100, SECOND * 60);
        assert_eq!(decisions(policy, &[0, 0, 59, 0, 60, 0]), [1, 2, 4, 8, 1, 2].map(Some));
    }

    #[test]
    fn one_failure_more_than_the_limit_within_the_window_is_the_last() {
        let policy = Restart::new().backoff(SECOND..=SECOND, 1).limit(2, SECOND * 10);
        assert_eq!(decisions(policy, &[5, 0, 0]), [Some(1), Some(1), None]);
        // At 5, 7, 15 and 16 seconds: at 15 the first has left the window of ten, at 14 it has not.
        assert_eq!(decisions(policy, &[5, 1, 7, 0]), [Some(1), Some(1), Some(1), None]);
        assert_eq!(decisions(policy, &[5, 1, 6]), [Some(1), Some(1), None]);
        assert_eq!(decisions(policy.limit(0, SECOND), &[5]), [None], "expected no restart at all");
    }

    #[test]
    fn extreme_policies_do_as_they_say() {
        let none = Restart::new().backoff(Duration::ZERO..=Duration::ZERO, 0).limit(usize::MAX, Duration::ZERO);
        assert_eq!(decisions(none, &[0; 100]), [Some(0); 100], "expected no delay and no limit");
        let longest = Restart::new().backoff(Duration::MAX..=Duration::MAX, u32::MAX).limit(5, Duration::MAX);
        let mut history = History::default();
        assert_eq!(history.failed(&longest, Time::START), Decision::After(Duration::MAX));
        assert_eq!(history.failed(&longest, Time::NEVER), Decision::After(Duration::MAX));
        let reversed = Restart::new().backoff(SECOND * 9..=SECOND, 2);
        assert_eq!(decisions(reversed, &[0, 0]), [Some(1), Some(1)], "expected the most to count");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn there_are_never_more_restarts_in_any_window_and_no_delay_out_of_range(
            lives in prop::collection::vec(0..20_u64, 1..200),
            first in 0..5_u64,
            most in 0..30_u64,
            factor in 0..4_u32,
            limit in 0..6_usize,
            within in 1..40_u64,
        ) {
            let seconds = Duration::from_secs;
            let policy = Restart::new().backoff(seconds(first)..=seconds(most), factor).limit(limit, seconds(within));
            let (mut history, mut now, mut restarted) = (History::default(), Time::START, Vec::new());
            let mut last = None;
            for life in lives {
                now = now.after(seconds(life));
                let inside = restarted.iter().filter(|&&failure| now.since(failure) < seconds(within)).count();
                let decision = history.failed(&policy, now);
                prop_assert_eq!(decision == Decision::GiveUp, inside >= limit, "at {:?}", now);
                let Decision::After(delay) = decision else {
                    break;
                };
                prop_assert!(delay >= seconds(first.min(most)) && delay <= seconds(most), "{:?}", delay);
                if life < within && let Some(last) = last {
                    prop_assert!(delay >= last, "expected {:?} not to be less than {:?}", delay, last);
                }
                restarted.push(now);
                now = now.after(delay);
                last = Some(delay);
            }
        }
    }
}
