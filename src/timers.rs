//! The timers of a worker: armed for its targets, and ended with them.
//!
//! A timer hangs at the target that it ticks for, so that nothing stays armed when that goes. What a tick brings stays
//! here until right before its handler runs: a timer that is cancelled or started anew meanwhile has nothing on its way.

pub(crate) mod arming;
pub(crate) mod handle;
pub(crate) mod tick;

use std::cell::Cell;
use std::time::Duration;

use crate::body::Body;
use crate::cell::LocalCell;
use crate::clock::Time;
use crate::core::Core;
use crate::id::Tid;
use crate::sync::{AtomicUsize, Ordering};
use crate::timer::{Group, Key, Plan, Subject, Wheel};
use crate::timers::handle::Link;
use crate::timers::tick::Tick;

/// The timers of one worker.
pub(crate) struct Timers {
    pub(crate) wheel: LocalCell<Wheel<Parcel, Rhythm>>,
    /// The tick whose handler is on the stack.
    pub(crate) current: Cell<Option<Current>>,
}

/// A timer that ticks for a target.
pub(crate) struct Ticking {
    parcel: Parcel,
    rhythm: Rhythm,
}

/// What the ticks of a timer bring, and to whom: all that most of them need, in as little memory as there can be.
pub(crate) struct Parcel {
    pub(crate) owner: Tid,
    /// One that ticks again and again keeps it and sends copies.
    pub(crate) record: Body<'static>,
}

/// When a timer ticks, and what has become of that.
pub(crate) struct Rhythm {
    /// From the last tick that was given to the target on.
    pub(crate) plan: Plan,
    /// What other threads know of it.
    pub(crate) link: Option<Link>,
    pub(crate) course: Course,
    /// Whether its time has come and the target has not got the tick yet.
    pub(crate) due: bool,
    /// Whether it has a place among the mail that waits.
    pub(crate) queued: bool,
}

/// How often a timer ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    Once,
    /// Again and again; its span is not zero.
    Again,
}

/// A tick, and on which frame of the stack its handler runs.
#[derive(Clone, Copy)]
pub(crate) struct Current {
    pub(crate) tick: Tick,
    pub(crate) depth: usize,
}

/// How many timers a worker has. Counting takes its own thread no atomic read-modify-write.
///
/// Several threads that arm at the same moment as the worker itself may get beyond the bound by one each.
#[derive(Debug, Default)]
pub(crate) struct Occupancy {
    /// Those that are armed; only the worker writes it.
    armed: AtomicUsize,
    /// Those that other threads have sent on their way to it.
    coming: AtomicUsize,
}

/// Why a timer could not be armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotArmed {
    /// The worker closes, or the target is gone.
    Stopped,
    /// There are as many as there may be.
    TooMany,
}

impl Timers {
    pub(crate) fn new() -> Self {
        Self { wheel: LocalCell::new(Wheel::new()), current: Cell::new(None) }
    }
}

impl Occupancy {
    /// Takes room for one more timer, on the worker's own thread.
    fn take(&self, bound: usize) -> bool {
        let armed = self.armed.load(Ordering::Relaxed);
        let room = armed + self.coming.load(Ordering::Relaxed) < bound;
        if room {
            self.armed.store(armed + 1, Ordering::Relaxed);
        }
        room
    }

    /// Gives it back.
    pub(crate) fn give_back(&self) {
        self.armed.store(self.armed.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
    }

    /// Takes room for a timer that another thread sends.
    pub(crate) fn announce(&self, bound: usize) -> bool {
        let before = self.coming.fetch_add(1, Ordering::Relaxed) + self.armed.load(Ordering::Relaxed);
        if before >= bound {
            self.coming.fetch_sub(1, Ordering::Relaxed);
        }
        before < bound
    }

    /// Such a timer has come to the worker.
    fn arrive(&self) {
        self.armed.store(self.armed.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.coming.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ticking {
    pub(crate) const fn new(owner: Tid, (plan, course): (Plan, Course), record: Body<'static>) -> Self {
        let rhythm = Rhythm { plan, link: None, course, due: false, queued: false };
        Self { parcel: Parcel { owner, record }, rhythm }
    }

    /// The same with what other threads know of it.
    pub(crate) fn linked(mut self, link: Link) -> Self {
        self.rhythm.link = Some(link);
        self
    }
}

impl Default for Parcel {
    /// For nobody.
    fn default() -> Self {
        Self { owner: Tid::UNSET, record: Body::new(()) }
    }
}

impl Default for Rhythm {
    fn default() -> Self {
        let plan = Plan::after(Time::START, Duration::ZERO);
        Self { plan, link: None, course: Course::Once, due: false, queued: false }
    }
}

impl Subject for Rhythm {
    #[inline]
    fn is_simple(&self) -> bool {
        self.course == Course::Once && self.link.is_none()
    }
}

impl Core {
    /// Arms a timer for a target of this thread.
    pub(crate) fn arm_for(&self, ticking: Ticking) -> Result<Key, NotArmed> {
        if self.is_closing() {
            return Err(NotArmed::Stopped);
        }
        if !self.post.timers.take(self.post.limits.timers) {
            return Err(NotArmed::TooMany);
        }
        self.arm_in_room(ticking).ok_or(NotArmed::Stopped)
    }

    /// Arms a timer that another thread has announced; `None` if the target is gone.
    pub(crate) fn arm_announced(&self, ticking: Ticking) -> Option<Key> {
        self.post.timers.arrive();
        self.arm_in_room(ticking)
    }

    fn arm_in_room(&self, ticking: Ticking) -> Option<Key> {
        let deadline = ticking.rhythm.plan.due(1);
        let owner = ticking.parcel.owner;
        let there = !self.is_closing() && self.with_extra(owner, |_| ()).is_some();
        if !there {
            self.end_ticking(ticking.parcel, ticking.rhythm);
            return None;
        }
        self.slots.with(|slots| {
            let group = &mut slots.find(owner)?.extra.as_deref_mut()?.timers;
            Some(self.timers.wheel.with(|wheel| wheel.arm(group, deadline, (ticking.parcel, ticking.rhythm))))
        })
    }

    /// Ends a timer; `false` if it has ended.
    pub(crate) fn cancel_timer(&self, owner: Tid, key: Key) -> bool {
        if owner.worker() != Some(self.post.worker) {
            return false;
        }
        // Only what has to be dropped is moved: to read what was written just now in other parts makes the processor wait.
        let ended = self.timers.wheel.with(|wheel| {
            let (parcel, rhythm) = wheel.ticking(owner, key)?;
            let record = parcel.record.kind().needs_drop().then(|| parcel.record.take_all());
            let link = rhythm.link.take();
            wheel.end_emptied(key);
            Some((record, link))
        });
        let Some((record, link)) = ended else {
            return false;
        };
        self.post.timers.give_back();
        drop(link);
        if let Some(record) = record {
            let _ = self.guard(|| drop(record));
        }
        true
    }

    /// Starts a timer anew at `start`; `false` if it has ended.
    pub(crate) fn restart_timer(&self, owner: Tid, key: Key, start: Time) -> bool {
        self.timers.wheel.with(|wheel| wheel.restart(owner, key, start))
    }

    /// The same for one that another thread started anew for the `epoch`th time, unless it has done so once more.
    pub(crate) fn restart_linked(&self, owner: Tid, key: Key, start: Time, epoch: u64) {
        self.timers.wheel.with(|wheel| {
            let link = wheel.ticking(owner, key).and_then(|(_, rhythm)| rhythm.link.as_ref());
            if link.is_some_and(|link| link.follow(epoch)) {
                wheel.restart(owner, key, start);
            }
        });
    }

    /// Whether a timer has not ended.
    pub(crate) fn is_timer_armed(&self, owner: Tid, key: Key) -> bool {
        self.timers.wheel.with(|wheel| wheel.ticking(owner, key).is_some())
    }

    /// Ends all timers of a target that is gone, or of its life.
    pub(crate) fn end_timers(&self, mut group: Group) {
        while let Some((parcel, rhythm)) = self.timers.wheel.with(|wheel| wheel.end_one(&mut group)) {
            self.end_ticking(parcel, rhythm);
        }
    }

    #[inline]
    fn end_ticking(&self, parcel: Parcel, rhythm: Rhythm) {
        self.post.timers.give_back();
        drop(rhythm);
        if parcel.record.kind().needs_drop() {
            let _ = self.guard(|| drop(parcel));
        }
    }

    /// When the next timer falls due.
    pub(crate) fn next_timer(&self) -> Option<Time> {
        if self.is_closing() { None } else { self.timers.wheel.with(Wheel::next_deadline) }
    }

    /// When a thread that sleeps has to look at its timers; rarely that is before one is due.
    pub(crate) fn next_timer_look(&self) -> Option<Time> {
        if self.is_closing() { None } else { self.timers.wheel.with(Wheel::next_look) }
    }
}

impl Wheel<Parcel, Rhythm> {
    /// A timer of `owner`, if it has not ended.
    pub(crate) fn ticking(&mut self, owner: Tid, key: Key) -> Option<(&mut Parcel, &mut Rhythm)> {
        self.get_mut(key).filter(|(parcel, _)| parcel.owner == owner)
    }

    fn restart(&mut self, owner: Tid, key: Key, start: Time) -> bool {
        let Some((_, rhythm)) = self.ticking(owner, key) else {
            return false;
        };
        rhythm.plan = rhythm.plan.from(start);
        rhythm.due = false;
        let deadline = rhythm.plan.due(1);
        self.rearm(key, deadline)
    }
}

/// With what the wheel itself knows of it a timer takes 64 bytes and 56, and 16 for its time.
const _: () = assert!(size_of::<Parcel>() == 48 && size_of::<Rhythm>() <= 32, "a timer is small");
