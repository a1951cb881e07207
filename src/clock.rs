//! Time: [`Time`], the [`Clock`] a kernel reads, the system's clock and one that tests turn by hand.
//!
//! A kernel reads its clock in one place, once per turn; everything else is told what time it is.

use std::fmt;
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A moment: nanoseconds since its clock's start, in the range of 584 years.
///
/// Adding a duration stops at [`Time::NEVER`], so `Duration::MAX` is "no deadline" and not an overflow.
///
/// ```
/// use std::time::Duration;
/// use rohrpost::Time;
///
/// let noon = Time::START.after(Duration::from_secs(12));
/// assert_eq!(noon.since(Time::START), Duration::from_secs(12));
/// assert_eq!(noon.after(Duration::MAX), Time::NEVER);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The moment its clock started.
    pub const START: Self = Self(0);
    /// A moment that does not come.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `nanos` nanoseconds after the start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The moment `duration` later, or [`Time::NEVER`].
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        let nanos = duration.as_nanos();
        if nanos >= u64::MAX as u128 {
            return Self::NEVER;
        }
        Self(self.0.saturating_add(nanos as u64))
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER {
            return f.write_str("Time(never)");
        }
        write!(f, "Time({:?})", Duration::from_nanos(self.0))
    }
}

/// Somebody who sleeps by a clock, and is woken when that clock is turned.
pub trait Sleeper: Send + Sync {
    /// Called from the thread that turned the clock; must not block.
    fn wake(&self);
}

/// What a kernel reads the time from.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present moment; never before one that was given earlier.
    fn now(&self) -> Time;

    /// How long a thread may sleep so that it is awake at `deadline`; `None`: until it is woken.
    fn sleep_until(&self, deadline: Time) -> Option<Duration>;

    /// Has `sleeper` woken whenever the clock jumps. A clock that only runs need not do anything.
    fn follow(&self, sleeper: Weak<dyn Sleeper>);
}

/// The system's monotonic clock.
#[derive(Clone, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        Time::START.after(self.started.elapsed())
    }

    fn sleep_until(&self, deadline: Time) -> Option<Duration> {
        (deadline != Time::NEVER).then(|| deadline.since(self.now()))
    }

    fn follow(&self, _sleeper: Weak<dyn Sleeper>) {}
}

/// A clock that moves only when it is told to.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use rohrpost::{Clock, Kernel, ManualClock, Time};
///
/// let clock = Arc::new(ManualClock::new());
/// let kernel = Kernel::builder("test").clock(clock.clone()).start()?;
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(clock.now(), Time::START.after(Duration::from_secs(3600)));
/// # drop(kernel);
/// # Ok::<(), rohrpost::StartError>(())
/// ```
#[derive(Default)]
pub struct ManualClock {
    nanos: AtomicU64,
    sleepers: Mutex<Vec<Weak<dyn Sleeper>>>,
}

impl ManualClock {
    /// A clock that stands at [`Time::START`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock on and wakes everybody who sleeps by it.
    pub fn advance(&self, duration: Duration) {
        let moved = |nanos| Some(Time(nanos).after(duration).0);
        // The closure always gives a value, so the update cannot fail.
        let _ = self.nanos.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
        let mut awake = Vec::new();
        self.sleepers.lock().retain(|sleeper| sleeper.upgrade().map(|s| awake.push(s)).is_some());
        for sleeper in awake {
            sleeper.wake();
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time(self.nanos.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, _deadline: Time) -> Option<Duration> {
        None
    }

    fn follow(&self, sleeper: Weak<dyn Sleeper>) {
        let mut sleepers = self.sleepers.lock();
        sleepers.retain(|known| known.strong_count() > 0);
        if !sleepers.iter().any(|known| known.ptr_eq(&sleeper)) {
            sleepers.push(sleeper);
        }
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("now", &self.now()).finish_non_exhaustive()
    }
}
