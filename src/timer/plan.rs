//! [`Plan`]: when the ticks of a timer are due.
//!
//! Tick `k` is due at start + `k` × span, whenever the ticks before it were handled: nothing adds up.

use std::time::Duration;

use crate::clock::Time;

/// When the ticks of a timer are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    start: Time,
    /// Nanoseconds from the start to the first tick, and from tick to tick; `u64::MAX` is without end.
    span: u64,
}

impl Plan {
    /// The first tick is due `duration` after `start`.
    pub(crate) fn after(start: Time, duration: Duration) -> Self {
        Self { start, span: nanos(duration) }
    }

    /// The first tick is due at `time`, or at `start` if that is past.
    pub(crate) fn at(start: Time, time: Time) -> Self {
        Self::after(start, if time == Time::NEVER { Duration::MAX } else { time.since(start) })
    }

    /// The same from another start on.
    pub(crate) const fn from(self, start: Time) -> Self {
        Self { start, ..self }
    }

    /// When tick `number` is due, counted from 1; [`Time::NEVER`] if that is too far away.
    #[inline]
    pub(crate) const fn due(self, number: u64) -> Time {
        Time::from_nanos(self.start.as_nanos().saturating_add(self.span.saturating_mul(number)))
    }

    /// The number of the last tick that is due at `now`. A span of zero has one.
    pub(crate) const fn last(self, now: Time) -> u64 {
        match now.as_nanos().saturating_sub(self.start.as_nanos()).checked_div(self.span) {
            Some(number) => number,
            None => 1,
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use super::Plan;
    use crate::clock::Time;

    #[test]
    fn ticks_do_not_drift() {
        let plan = Plan::after(Time::from_nanos(7), Duration::from_nanos(3));
        assert_eq!(plan.due(1), Time::from_nanos(10));
        assert_eq!(plan.due(1_000_000), Time::from_nanos(3_000_007));
        let last = |nanos| plan.last(Time::from_nanos(nanos));
        assert_eq!([last(0), last(9), last(10), last(12), last(13)], [0, 0, 1, 1, 2]);
        // From a tick on it goes as from the start.
        assert_eq!(plan.from(plan.due(5)).due(7), plan.due(12));
    }

    #[test]
    fn what_is_too_far_away_never_comes() {
        let far = Time::from_nanos(u64::MAX - 10);
        assert_eq!(Plan::after(far, Duration::from_nanos(11)).due(1), Time::NEVER);
        assert_eq!(Plan::after(far, Duration::from_nanos(9)).due(1), Time::from_nanos(u64::MAX - 1));
        assert_eq!(Plan::after(Time::START, Duration::MAX).due(1), Time::NEVER);
        assert_eq!(Plan::at(Time::START, Time::NEVER).due(1), Time::NEVER);
        assert_eq!(Plan::at(far, Time::START).due(1), far, "expected what is past to be now");
        let plan = Plan::after(Time::START, Duration::from_secs(1 << 33));
        assert_eq!(plan.due(3), Time::NEVER, "expected the product not to overflow");
        assert_eq!(Plan::after(far, Duration::ZERO).due(1), far);
    }
}
