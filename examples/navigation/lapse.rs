//! A clock that runs faster than the system's.

use std::sync::Weak;
use std::time::{Duration, Instant};

use rohrpost::{Clock, Sleeper, Time};

/// The system's clock, so many times as fast.
#[derive(Debug)]
pub(crate) struct Lapse {
    started: Instant,
    factor: f64,
}

impl Lapse {
    pub(crate) fn new(factor: f64) -> Self {
        Self { started: Instant::now(), factor }
    }
}

impl Clock for Lapse {
    fn now(&self) -> Time {
        Time::from_nanos((self.started.elapsed().as_nanos() as f64 * self.factor) as u64)
    }

    fn sleep_until(&self, deadline: Time) -> Option<Duration> {
        let left = || Duration::from_nanos((deadline.since(self.now()).as_nanos() as f64 / self.factor) as u64);
        (deadline != Time::NEVER).then(left)
    }

    fn follow(&self, _sleeper: Weak<dyn Sleeper>) {
        // It runs and never jumps.
    }
}
