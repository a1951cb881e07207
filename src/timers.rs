//! The timers of a worker: armed for its targets, and ended with them.
//!
//! A timer hangs at the target that it ticks for, so that nothing stays armed when that goes. What a tick brings stays
//! here until right before its handler runs: a timer that is cancelled or started anew meanwhile has nothing on its way.

pub(crate) mod arming;
pub(crate) mod handle;
pub(crate) mod tick;

use std::cell::Cell;

use crate::body::Body;
use crate::cell::LocalCell;
use crate::clock::Time;
use crate::core::Core;
use crate::id::Tid;
use crate::sync::{AtomicUsize, Ordering};
use crate::timer::{Group, Key, Plan, Wheel};
use crate::timers::handle::Link;
use crate::timers::tick::Tick;

/// The timers of one worker.
pub(crate) struct Timers {
    pub(crate) wheel: LocalCell<Wheel<Armed>>,
    /// Those of no target.
    orders: LocalCell<Group>,
    /// The tick whose handler is on the stack.
    pub(crate) current: Cell<Option<Current>>,
}

/// What a timer is for.
pub(crate) enum Armed {
    /// A target gets a tick.
    Tick(Ticking),
    /// The worker does something of its own.
    Order(Order),
}

/// Something that a worker is to do at a time.
pub(crate) type Order = Box<dyn FnOnce(&Core)>;

/// A timer that ticks for a target.
pub(crate) struct Ticking {
    pub(crate) owner: Tid,
    /// What each tick brings; one that ticks again and again keeps it and sends copies.
    pub(crate) record: Body<'static>,
    /// From the last tick that was given to the target on.
    pub(crate) plan: Plan,
    pub(crate) course: Course,
    /// Whether its time has come and the target has not got the tick yet.
    pub(crate) due: bool,
    /// Whether it has a place among the mail that waits.
    pub(crate) queued: bool,
    /// What other threads know of it.
    pub(crate) link: Option<Link>,
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
        Self { wheel: LocalCell::new(Wheel::new()), orders: LocalCell::new(Group::default()), current: Cell::new(None) }
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
        Self { owner, record, plan, course, due: false, queued: false, link: None }
    }

    /// The same with what other threads know of it.
    pub(crate) fn linked(self, link: Link) -> Self {
        Self { link: Some(link), ..self }
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
        let deadline = ticking.plan.due(1);
        let owner = ticking.owner;
        let there = !self.is_closing() && self.with_extra(owner, |_| ()).is_some();
        if !there {
            self.end_armed(Armed::Tick(ticking));
            return None;
        }
        self.slots.with(|slots| {
            let group = &mut slots.find(owner)?.extra.as_deref_mut()?.timers;
            Some(self.timers.wheel.with(|wheel| wheel.arm(group, deadline, Armed::Tick(ticking))))
        })
    }

    /// Has `order` done at `deadline`, whoever is there then.
    #[cfg_attr(not(test), expect(dead_code, reason = "for what the library itself has to do later"))]
    pub(crate) fn arm_order(&self, deadline: Time, order: impl FnOnce(&Self) + 'static) -> Key {
        let order = Armed::Order(Box::new(order));
        self.timers.orders.with(|group| self.timers.wheel.with(|wheel| wheel.arm(group, deadline, order)))
    }

    /// Takes an order back; `false` if it has been done.
    #[cfg_attr(not(test), expect(dead_code, reason = "for what the library itself has to do later"))]
    pub(crate) fn cancel_order(&self, key: Key) -> bool {
        self.take_order(key).map(|order| self.guard(|| drop(order))).is_some()
    }

    pub(crate) fn take_order(&self, key: Key) -> Option<Order> {
        let armed = self.timers.wheel.with(|wheel| {
            wheel.get_mut(key).filter(|armed| matches!(armed, Armed::Order(_)))?;
            wheel.cancel(key)
        });
        match armed {
            Some(Armed::Order(order)) => Some(order),
            _ => None,
        }
    }

    /// Takes a timer of `owner` away; `None` if it has ended.
    pub(crate) fn take_timer(&self, owner: Tid, key: Key) -> Option<Ticking> {
        let ticking = self.timers.wheel.with(|wheel| {
            wheel.ticking(owner, key)?;
            wheel.take(key)
        })?;
        self.post.timers.give_back();
        Some(ticking)
    }

    /// Ends a timer; `false` if it has ended.
    pub(crate) fn cancel_timer(&self, owner: Tid, key: Key) -> bool {
        if owner.worker() != Some(self.post.worker) {
            return false;
        }
        let ticking = self.take_timer(owner, key);
        ticking.map(|ticking| self.drop_ticking(ticking)).is_some()
    }

    /// Starts a timer anew at `start`; `false` if it has ended.
    pub(crate) fn restart_timer(&self, owner: Tid, key: Key, start: Time) -> bool {
        self.timers.wheel.with(|wheel| wheel.restart(owner, key, start))
    }

    /// The same for one that another thread started anew for the `epoch`th time, unless it has done so once more.
    pub(crate) fn restart_linked(&self, owner: Tid, key: Key, start: Time, epoch: u64) {
        self.timers.wheel.with(|wheel| {
            let link = wheel.ticking(owner, key).and_then(|ticking| ticking.link.as_ref());
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
        while let Some(armed) = self.timers.wheel.with(|wheel| wheel.end_one(&mut group)) {
            self.end_armed(armed);
        }
    }

    fn end_armed(&self, armed: Armed) {
        if let Armed::Tick(ticking) = armed {
            self.post.timers.give_back();
            self.drop_ticking(ticking);
        }
    }

    fn drop_ticking(&self, ticking: Ticking) {
        if ticking.record.kind().needs_drop() {
            let _ = self.guard(|| drop(ticking));
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

impl Wheel<Armed> {
    /// A timer of `owner`, if it has not ended.
    pub(crate) fn ticking(&mut self, owner: Tid, key: Key) -> Option<&mut Ticking> {
        match self.get_mut(key) {
            Some(Armed::Tick(ticking)) if ticking.owner == owner => Some(ticking),
            _ => None,
        }
    }

    /// Ends a timer that ticks for a target.
    pub(crate) fn take(&mut self, key: Key) -> Option<Ticking> {
        match self.cancel(key) {
            Some(Armed::Tick(ticking)) => Some(ticking),
            _ => None,
        }
    }

    fn restart(&mut self, owner: Tid, key: Key, start: Time) -> bool {
        let Some(ticking) = self.ticking(owner, key) else {
            return false;
        };
        ticking.plan = ticking.plan.from(start);
        ticking.due = false;
        let deadline = ticking.plan.due(1);
        self.rearm(key, deadline)
    }
}

/// With what the wheel itself knows of it a timer takes 128 bytes, and 24 for its time.
const _: () = assert!(size_of::<Option<Armed>>() == 80, "a timer is small");
