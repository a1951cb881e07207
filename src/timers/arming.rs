//! Arming timers from a handler, and what can be wrong with one.

use std::fmt;
use std::time::Duration;

use crate::address::Address;
use crate::body::Body;
use crate::clock::Time;
use crate::code::Code;
use crate::context::Context;
use crate::core::Core;
use crate::id::Tid;
use crate::record::{Record, RecordType};
use crate::timer::{Key, Plan};
use crate::timers::tick::Tick;
use crate::timers::{Course, NotArmed, Ticking};

/// Tells a timer that a handler armed; see [`Context::timer`].
///
/// Plain data, `Copy`, never given twice. It says nothing about whether the timer still runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timer {
    owner: Tid,
    key: Key,
}

/// A timer of the target whose handler this is, to be armed. Made by [`Context::timer`].
#[must_use = "a timer is armed by `after`, `at` or `every`"]
pub struct NewTimer<'a> {
    core: &'a Core,
    owner: Tid,
    record: Body<'static>,
}

/// Why a timer was not armed. Its record is dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimerError {
    /// The thread has as many armed timers as it may; see [`NamespaceBuilder::timers`](crate::NamespaceBuilder::timers).
    #[error("the thread has {bound} armed timers, as many as it may; raise its `timers` bound, or cancel some")]
    TooMany {
        /// How many it may have.
        bound: usize,
    },
    /// A periodic timer sends copies of its record, and of this one there are none.
    #[error("a periodic timer sends copies of its record, and `{record}` is `no_clone`; arm it anew after each tick")]
    NoClone {
        /// The record's name.
        record: &'static str,
    },
    /// The period of a periodic timer is zero.
    #[error("the period of a timer is at least one nanosecond, not zero; for one tick at once see `after`")]
    ZeroPeriod,
    /// Nobody is there to get the ticks.
    #[error("the timer is for {target}, and mail for it would come back with {code}")]
    NoTarget {
        /// Whom the timer was for.
        target: Address,
        /// What a message to it would come back with.
        code: Code,
    },
    /// The thread ends, or the kernel has stopped.
    #[error("the thread of the target ends, and takes no timers any more")]
    Stopped,
}

impl Context<'_> {
    /// A timer that sends `record` to this target: in [`after`](NewTimer::after) a time, [`at`](NewTimer::at) one, or
    /// [`every`](NewTimer::every) period.
    ///
    /// A tick is a notification of this target to itself. It is handled like any other, in a turn of the thread: before
    /// the mail from other threads that the turn takes in, after the mail that waits for the target. One that is not
    /// handled comes back to [`Target::answered`](crate::Target::answered). It has no deadline to inherit.
    ///
    /// A timer ends when it is cancelled, when it has ticked (if it ticks once), and with the target: deregistered,
    /// restarted, or panicked, unless it is kept ([`OnPanic::Keep`](crate::OnPanic::Keep)). From then on none of its
    /// ticks is delivered, not even one that waits already.
    ///
    /// Cost: about 200 bytes while it is armed, and what the record has beyond 32 bytes. Arming and cancelling takes the
    /// same time however many are armed, and allocates only where there were never so many before.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rohrpost::{Context, Failure, Handle, Started, Timer, handles, record};
    ///
    /// #[derive(Clone, Debug)]
    /// struct Alive;
    /// #[derive(Clone, Debug)]
    /// struct Silence;
    /// record!(Alive, "link.alive");
    /// record!(Silence, "link.silence");
    ///
    /// #[derive(Default)]
    /// struct Watch {
    ///     silence: Option<Timer>,
    /// }
    ///
    /// impl Started for Watch {
    ///     fn started(&mut self, ctx: &mut Context<'_>) {
    ///         self.silence = ctx.timer(Silence).after(Duration::from_secs(3)).ok();
    ///     }
    /// }
    /// impl Handle<Alive> for Watch {
    ///     fn handle(&mut self, _: &Alive, ctx: &mut Context<'_>) -> Result<(), Failure> {
    ///         // Three seconds from now, whatever is on its way already.
    ///         self.silence.is_some_and(|timer| ctx.retrigger(timer));
    ///         Ok(())
    ///     }
    /// }
    /// impl Handle<Silence> for Watch {
    ///     fn handle(&mut self, _: &Silence, ctx: &mut Context<'_>) -> Result<(), Failure> {
    ///         ctx.stop();
    ///         Ok(())
    ///     }
    /// }
    /// handles!(Watch: Alive, Silence; hooks started);
    /// ```
    pub fn timer<R: Record>(&self, record: R) -> NewTimer<'_> {
        NewTimer { core: self.core, owner: self.me, record: Body::new(record) }
    }

    /// Ends a timer of a target of this thread; `false` if it has ended already. None of its ticks is delivered any more.
    pub fn cancel(&self, timer: Timer) -> bool {
        self.core.cancel_timer(timer.owner, timer.key)
    }

    /// Starts a timer of a target of this thread anew, at this turn's moment: a timer that ticks once ticks a whole
    /// duration from now, a periodic one a whole period from now and so on. A tick that waits already is not delivered.
    ///
    /// `false` if the timer has ended, which one that ticks once has when its tick is handled.
    pub fn retrigger(&self, timer: Timer) -> bool {
        self.core.restart_timer(timer.owner, timer.key, self.core.now())
    }

    /// Whether a timer of a target of this thread has not ended. One whose tick waits has not.
    #[must_use]
    pub fn is_running(&self, timer: Timer) -> bool {
        self.core.is_timer_armed(timer.owner, timer.key)
    }

    /// The tick that this handler handles: whose it is, when it was due, and how many were missed. `None` if it handles
    /// other mail.
    #[must_use]
    pub fn tick(&self) -> Option<Tick> {
        self.core.current_tick(self.me)
    }
}

impl Timer {
    pub(crate) const fn new(owner: Tid, key: Key) -> Self {
        Self { owner, key }
    }

    pub(crate) const fn parts(self) -> (Tid, Key) {
        (self.owner, self.key)
    }
}

impl NewTimer<'_> {
    /// One tick, `duration` after this turn's moment. Zero: as soon as the stack is empty, and after the ticks that are
    /// due already. A time that does not come is allowed.
    ///
    /// # Errors
    ///
    /// [`TimerError`].
    pub fn after(self, duration: Duration) -> Result<Timer, TimerError> {
        let plan = Plan::after(self.core.now(), duration);
        self.arm(plan, Course::Once)
    }

    /// One tick at `time`, or at this turn's moment if that is past.
    ///
    /// # Errors
    ///
    /// [`TimerError`].
    pub fn at(self, time: Time) -> Result<Timer, TimerError> {
        let plan = Plan::at(self.core.now(), time);
        self.arm(plan, Course::Once)
    }

    /// A tick every `period`. Tick `k` is due `k` periods after this turn's moment, however late those before it were;
    /// of several that are due at once the last is delivered, and [`Tick::missed`] tells the number of the others.
    ///
    /// # Errors
    ///
    /// [`TimerError`]: also if the record is `no_clone`, or the period is zero.
    pub fn every(self, period: Duration) -> Result<Timer, TimerError> {
        let plan = plan_every(self.core.now(), period, self.record.kind())?;
        self.arm(plan, Course::Again)
    }

    fn arm(self, plan: Plan, course: Course) -> Result<Timer, TimerError> {
        let Self { core, owner, record } = self;
        let key = core.arm_for(Ticking::new(owner, (plan, course), record));
        key.map(|key| Timer::new(owner, key)).map_err(|refused| match refused {
            NotArmed::Stopped => TimerError::Stopped,
            NotArmed::TooMany => TimerError::TooMany { bound: core.post.limits.timers },
        })
    }
}

/// The plan of a periodic timer that sends records of type `record`.
pub(crate) fn plan_every(start: Time, period: Duration, record: &RecordType) -> Result<Plan, TimerError> {
    if !record.is_cloneable() {
        return Err(TimerError::NoClone { record: record.name() });
    }
    if period.is_zero() {
        return Err(TimerError::ZeroPeriod);
    }
    Ok(Plan::after(start, period))
}

impl fmt::Debug for NewTimer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewTimer").field("record", &self.record).finish_non_exhaustive()
    }
}
