//! [`TimerHandle`]: a timer as other threads see it.
//!
//! Timers belong to the thread of their target. What another thread wants goes there as an order, and a word that both
//! share makes it hold at once: a tick begins only if the word says so.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use crate::address::Address;
use crate::body::Body;
use crate::clock::Time;
use crate::core::Core;
use crate::directory::Directory;
use crate::id::Tid;
use crate::orders;
use crate::post::Post;
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::timer::{Key, Plan};
use crate::timers::arming::{TimerError, plan_every};
use crate::timers::{Course, Ticking};

/// A timer that was armed from outside; see [`Namespace::timer`](crate::Namespace::timer).
///
/// A handle: cloning it is cheap, it is `Send + Sync`, and when it is dropped the timer goes on. What it does holds at
/// once, wherever the timer's thread is: a tick *begins* when that thread takes it up, in one step right before the
/// handler runs, and no tick begins after [`cancel`](Self::cancel) has returned, nor an old one after
/// [`retrigger`](Self::retrigger). A handler that has begun goes on. That is so, too, for a tick that is due and waits
/// for a target that is not idle.
///
/// Cost: an allocation for what the threads share, and one for each order to the timer's thread.
#[derive(Clone)]
pub struct TimerHandle {
    shared: Arc<Shared>,
    post: Arc<Post>,
    directory: Arc<Directory>,
}

/// What the handles of a timer and its thread share.
pub(crate) struct Shared {
    /// How often the timer was started; 0 when it has ended.
    epoch: AtomicU64,
    /// The start that the timer's thread knows of; only that thread writes it.
    known: AtomicU64,
    owner: Tid,
    /// Set by the first order, so that those after it find it.
    key: OnceLock<Key>,
}

/// The thread's end of it. When it is dropped the timer has ended.
pub(crate) struct Link {
    shared: Arc<Shared>,
}

/// A timer of a target, to be armed from outside. Made by [`Namespace::timer`](crate::Namespace::timer).
#[must_use = "a timer is armed by `after`, `at` or `every`"]
pub struct NewTimerHandle {
    directory: Arc<Directory>,
    to: Address,
    record: Body<'static>,
}

impl TimerHandle {
    /// Ends the timer; `false` if it had ended. From here on no tick of it begins.
    pub fn cancel(&self) -> bool {
        if !self.shared.end() {
            return false;
        }
        self.order(|core, owner, key| {
            core.cancel_timer(owner, key);
        });
        true
    }

    /// Starts the timer anew, now; `false` if it has ended. From here on no tick of its earlier start begins.
    pub fn retrigger(&self) -> bool {
        let now = self.directory.clock.now();
        let Some(epoch) = self.shared.start() else {
            return false;
        };
        self.order(move |core, owner, key| core.restart_linked(owner, key, now, epoch));
        true
    }

    /// Whether the timer has not ended: it is to tick, and its target is there.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.shared.epoch.load(Ordering::Acquire) != 0
    }

    fn order(&self, order: impl FnOnce(&Core, Tid, Key) + Send + 'static) {
        let shared = self.shared.clone();
        // A worker that has ended has no timers.
        orders::command(&self.post, move |core| {
            if let Some(&key) = shared.key.get() {
                order(core, shared.owner, key);
            }
        });
    }
}

impl Shared {
    pub(crate) fn new(owner: Tid) -> Arc<Self> {
        Arc::new(Self { epoch: AtomicU64::new(1), known: AtomicU64::new(1), owner, key: OnceLock::new() })
    }

    /// Ends the timer; `false` if it had ended.
    pub(crate) fn end(&self) -> bool {
        self.epoch.swap(0, Ordering::AcqRel) != 0
    }

    /// Starts the timer once more; `None` if it has ended.
    pub(crate) fn start(&self) -> Option<u64> {
        let once_more = |epoch| (epoch != 0).then_some(epoch + 1);
        let before = self.epoch.fetch_update(Ordering::AcqRel, Ordering::Acquire, once_more);
        before.ok().map(|before| before + 1)
    }
}

impl Link {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Whether a tick may begin. A timer that ticks once has ended with that.
    pub(crate) fn begin(&self, course: Course) -> bool {
        let epoch = &self.shared.epoch;
        let known = self.shared.known.load(Ordering::Relaxed);
        match course {
            Course::Again => epoch.load(Ordering::Acquire) == known,
            Course::Once => epoch.compare_exchange(known, 0, Ordering::AcqRel, Ordering::Acquire).is_ok(),
        }
    }

    /// Learns of a later start; `false` if it knew of that, or of one after it.
    pub(crate) fn follow(&self, epoch: u64) -> bool {
        let known = self.shared.known.load(Ordering::Relaxed);
        self.shared.known.store(known.max(epoch), Ordering::Relaxed);
        epoch > known
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl NewTimerHandle {
    pub(crate) const fn new(directory: Arc<Directory>, to: Address, record: Body<'static>) -> Self {
        Self { directory, to, record }
    }

    /// One tick, `duration` from now. Zero: as soon as the target's thread comes to it. A time that does not come is
    /// allowed.
    ///
    /// # Errors
    ///
    /// [`TimerError`].
    pub fn after(self, duration: Duration) -> Result<TimerHandle, TimerError> {
        let plan = Plan::after(self.directory.clock.now(), duration);
        self.arm(plan, Course::Once)
    }

    /// One tick at `time`, or now if that is past.
    ///
    /// # Errors
    ///
    /// [`TimerError`].
    pub fn at(self, time: Time) -> Result<TimerHandle, TimerError> {
        let plan = Plan::at(self.directory.clock.now(), time);
        self.arm(plan, Course::Once)
    }

    /// A tick every `period`, for the first time one period from now.
    ///
    /// # Errors
    ///
    /// [`TimerError`]: also if the record is `no_clone`, or the period is zero.
    pub fn every(self, period: Duration) -> Result<TimerHandle, TimerError> {
        let plan = plan_every(self.directory.clock.now(), period, self.record.kind())?;
        self.arm(plan, Course::Again)
    }

    fn arm(self, plan: Plan, course: Course) -> Result<TimerHandle, TimerError> {
        let Self { directory, to, record } = self;
        if directory.is_stopping() {
            return Err(TimerError::Stopped);
        }
        let found = directory.route(to);
        let (owner, post) = found.map_err(|code| TimerError::NoTarget { target: to, code })?;
        if post.is_closing() {
            return Err(TimerError::Stopped);
        }
        if !post.timers.announce(post.limits.timers) {
            return Err(TimerError::TooMany { bound: post.limits.timers });
        }
        let shared = Shared::new(owner);
        let link = Link::new(shared.clone());
        let handle = TimerHandle { shared: shared.clone(), post, directory };
        let armed = orders::command(&handle.post, move |core| {
            let ticking = Ticking::new(owner, (plan, course), record).linked(link);
            if let Some(key) = core.arm_announced(ticking) {
                // Only this order sets it.
                let _ = shared.key.set(key);
            }
        });
        if armed { Ok(handle) } else { Err(TimerError::Stopped) }
    }
}

impl fmt::Debug for TimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerHandle").field("running", &self.is_running()).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewTimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewTimerHandle").field("to", &self.to).field("record", &self.record).finish()
    }
}
