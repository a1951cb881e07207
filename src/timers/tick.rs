//! [`Tick`]: the mail of a timer, from its time to its handler.
//!
//! A tick for an idle target is a call, right when the turn finds it due. For a target that is not idle a mark takes its
//! place among the mail that waits; the message is made when the mark's turn has come, if there is still a tick to give.

use std::mem::ManuallyDrop;

use crate::body::Body;
use crate::clock::Time;
use crate::core::Core;
use crate::counters::Count;
use crate::events;
use crate::id::Tid;
use crate::message::{Flags, Message, Sender};
use crate::record;
use crate::registry::{Slot, Slots, State, Turn};
use crate::residents::Extra;
use crate::target::Target;
use crate::timer::{Due, Key, Wheel};
use crate::timers::arming::Timer;
use crate::timers::{Course, Current, Parcel, Rhythm};
use crate::waiting::BURST;

/// What a handler can know of the tick that it handles; see [`Context::tick`](crate::Context::tick).
///
/// ```
/// # use rohrpost::{Context, Failure, Handle, handles, record};
/// # #[derive(Clone, Debug)] struct Sample;
/// # record!(Sample, "meter.sample");
/// struct Meter { samples: u64 }
///
/// impl Handle<Sample> for Meter {
///     fn handle(&mut self, _: &Sample, ctx: &mut Context<'_>) -> Result<(), Failure> {
///         // A sample that somebody sent stands for itself, a tick for those that were missed, too.
///         self.samples += 1 + ctx.tick().map_or(0, |tick| tick.missed());
///         Ok(())
///     }
/// }
/// handles!(Meter: Sample);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    timer: Timer,
    due: Time,
    missed: u64,
}

impl Tick {
    /// Whose tick it is. A timer that ticks once has ended with it.
    #[must_use]
    pub const fn timer(self) -> Timer {
        self.timer
    }

    /// When it was due. Of several ticks that became one it is the last.
    #[must_use]
    pub const fn due(self) -> Time {
        self.due
    }

    /// How many ticks of a periodic timer became one with this, because they came too late.
    #[must_use]
    pub const fn missed(self) -> u64 {
        self.missed
    }
}

/// Where a target lives.
type Home = Slot<dyn Target, Extra>;

/// The place of a tick among the mail that waits.
#[derive(Clone, Debug)]
struct Mark(Key);
record!(Mark, "rohrpost.tick", local);

/// The only tick of a timer, and its target, taken out of its slot: this is all that is left of the timer.
struct Only {
    owner: Tid,
    record: Body<'static>,
    target: Box<dyn Target>,
    life: u32,
}

/// What is to be done about a timer whose time has come, if it is not done at once.
enum Fate {
    /// The target gets its tick now.
    Now(Begun),
    /// The target is not idle.
    Busy(Tid, Key),
    /// There is no tick to be given any more.
    Void,
}

/// A tick that cannot be cancelled any more. What it brings still lies with its timer.
#[derive(Clone, Copy)]
struct Begun {
    tick: Tick,
    life: u32,
    course: Course,
}

impl Core {
    /// Gives the targets the ticks that are due, a burst at most; whether there were any.
    #[inline]
    pub(crate) fn fire(&self) -> bool {
        !self.timers.wheel.with(|wheel| wheel.is_quiet()) && self.fire_due()
    }

    #[inline(never)]
    fn fire_due(&self) -> bool {
        if self.is_closing() {
            return false;
        }
        // Who is to come back by now is there for its ticks.
        self.revive_due();
        let now = self.now();
        for fired in 0..BURST {
            let mut next = None;
            // What most timers are takes one step from its place to its target.
            let only = self.slots.with(|slots| {
                self.timers.wheel.with(|wheel| {
                    let due = wheel.pop_due(now)?;
                    next = Some(due.key());
                    self.take_only(due, slots)
                })
            });
            match (only, next) {
                (Some(only), _) => self.give_only(only),
                (None, Some(key)) => self.fire_other(key, now),
                (None, None) => return fired > 0,
            }
        }
        true
    }

    /// Takes a timer out that is to tick once, for a target that is idle, and that no other thread knows of; from here on
    /// its tick is the current one.
    #[inline(always)]
    fn take_only(&self, mut due: Due<'_, Parcel, Rhythm>, slots: &mut Slots<dyn Target, Extra>) -> Option<Only> {
        due.is_simple().then_some(())?;
        let (key, deadline) = (due.key(), due.deadline());
        let parcel = due.value();
        let owner = parcel.owner;
        let slot = slots.find(owner).filter(|slot| slot.state == State::Occupied && slot.waiting == 0)?;
        let target = slot.target.take()?;
        let tick = Tick { timer: Timer::new(owner, key), due: deadline, missed: 0 };
        // Set here, as it would be copied twice if it went with the others.
        self.timers.current.set(Some(Current { tick, depth: self.depth.get() + 1 }));
        // Taken from where it lies: what is copied as a whole and then in parts makes the processor wait.
        let record = parcel.record.take_all();
        due.end_emptied();
        self.post.timers.give_back();
        Some(Only { owner, record, target, life: slot.life })
    }

    #[inline(always)]
    fn give_only(&self, only: Only) {
        let Only { owner, record, target, life } = only;
        let current = self.timers.current.get();
        let sender = Sender::target(owner, self.nid);
        // What the dispatcher has carried is empty, so there is nothing to drop.
        let mut message = ManuallyDrop::new(Message::new(self.address(owner), record, Flags::empty(), sender));
        message.life = life;
        self.carry_into(&mut message, target, life);
        self.timers.current.set(None);
        if let Some(Current { tick, .. }) = current {
            events::ticked(self.address(owner), tick.missed, || self.now().since(tick.due));
        }
    }

    #[inline(never)]
    fn fire_other(&self, key: Key, now: Time) {
        match self.fate_of(key, now) {
            Fate::Now(begun) => self.give(begun, Turn::Queue),
            Fate::Busy(owner, key) => self.mark_place(owner, key),
            Fate::Void => {}
        }
    }

    #[inline]
    fn fate_of(&self, key: Key, now: Time) -> Fate {
        self.slots.with(|slots| {
            self.timers.wheel.with(|wheel| {
                let Some((parcel, rhythm)) = wheel.get_mut(key) else {
                    return Fate::Void;
                };
                let owner = parcel.owner;
                let Some(slot) = slots.find(owner) else {
                    return Fate::Void;
                };
                if slot.state == State::Away {
                    // Armed from outside since the panic: it is the next life's.
                    let back = slot.extra.as_ref().and_then(|extra| extra.recovery.as_ref()).map(|away| away.due());
                    wheel.rearm(key, back.unwrap_or(Time::NEVER));
                    return Fate::Void;
                }
                if slot.state != State::Occupied || slot.target.is_none() || slot.waiting > 0 {
                    rhythm.due = true;
                    return Fate::Busy(owner, key);
                }
                Self::begin(wheel, slot, key, now).map_or(Fate::Void, Fate::Now)
            })
        })
    }

    /// Begins a tick: from here on it cannot be cancelled any more.
    #[inline]
    fn begin(wheel: &mut Wheel<Parcel, Rhythm>, slot: &Home, key: Key, now: Time) -> Option<Begun> {
        let (parcel, rhythm) = wheel.get_mut(key)?;
        let (owner, course) = (parcel.owner, rhythm.course);
        rhythm.due = false;
        // Otherwise another thread has an order on its way here.
        rhythm.link.as_ref().is_none_or(|link| link.begin(course)).then_some(())?;
        let number = if course == Course::Once { 1 } else { rhythm.plan.last(now).max(1) };
        let tick = Tick { timer: Timer::new(owner, key), due: rhythm.plan.due(number), missed: number - 1 };
        Some(Begun { tick, life: slot.life, course })
    }

    /// What a timer brings that ticks once, and so has ended.
    #[inline]
    fn last_of(&self, owner: Tid, key: Key) -> Option<Body<'static>> {
        self.timers.wheel.with(|wheel| {
            let record = wheel.ticking(owner, key)?.0.record.take_all();
            // Nothing of it is a user's any more.
            wheel.cancel(key);
            self.post.timers.give_back();
            Some(record)
        })
    }

    /// Calls the target.
    #[inline]
    fn give(&self, begun: Begun, turn: Turn) {
        let Begun { tick, life, course } = begun;
        let (owner, key) = tick.timer.parts();
        let record = match course {
            Course::Once => self.last_of(owner, key),
            Course::Again => self.copy_for(owner, key, &tick),
        };
        let Some(record) = record else {
            return;
        };
        let sender = Sender::target(owner, self.nid);
        let mut message = Message::new(self.address(owner), record, Flags::empty(), sender);
        message.life = life;
        self.timers.current.set(Some(Current { tick, depth: self.depth.get() + 1 }));
        self.count(Count::Sent);
        self.carry_as(&mut message, turn);
        self.timers.current.set(None);
        self.discard(&mut message);
        events::ticked(self.address(owner), tick.missed, || self.now().since(tick.due));
    }

    #[cold]
    fn mark_place(&self, owner: Tid, key: Key) {
        let marked = self.timers.wheel.with(|wheel| {
            wheel.ticking(owner, key).is_none_or(|(_, rhythm)| std::mem::replace(&mut rhythm.queued, true))
        });
        // A timer has one place at most, so these need no bound of their own.
        if !marked && self.join_queue(owner) {
            let mark = Body::new(Mark(key));
            let message = Message::new(self.address(owner), mark, Flags::TICK, Sender::Outside(None));
            self.line_up(|| crate::post::Mail::Message(message));
        }
    }

    /// The turn of a mark has come.
    #[cold]
    pub(crate) fn tick_in_turn(&self, message: &Message<'_>) {
        let (owner, Some(&Mark(key))) = (message.tid, message.record()) else {
            return;
        };
        let due = self.timers.wheel.with(|wheel| {
            wheel.ticking(owner, key).is_some_and(|(_, rhythm)| {
                rhythm.queued = false;
                rhythm.due
            })
        });
        if !due || self.is_closing() {
            return;
        }
        let now = self.now();
        let begun = self.slots.with(|slots| {
            let slot = slots.find(owner)?;
            self.timers.wheel.with(|wheel| Self::begin(wheel, slot, key, now))
        });
        if let Some(begun) = begun {
            self.give(begun, Turn::Next);
        }
    }

    /// A copy of what a periodic timer brings, which is armed for the tick after this one; `None` if the record panics in
    /// its `Clone`, so that the tick is missed.
    fn copy_for(&self, owner: Tid, key: Key, tick: &Tick) -> Option<Body<'static>> {
        let template = self.timers.wheel.with(|wheel| {
            let (parcel, rhythm) = wheel.ticking(owner, key)?;
            let next = rhythm.plan.from(tick.due).due(1);
            let template = parcel.record.take_all();
            wheel.rearm(key, next);
            Some(template)
        })?;
        let copy = self.guard(|| template.try_clone()).ok().flatten();
        let mut template = Some(template);
        self.timers.wheel.with(|wheel| {
            if let Some((parcel, rhythm)) = wheel.ticking(owner, key) {
                if copy.is_some() {
                    rhythm.plan = rhythm.plan.from(tick.due);
                }
                parcel.record = template.take()?;
            }
            Some(())
        });
        if let Some(template) = template {
            let _ = self.guard(|| drop(template));
        }
        copy
    }

    /// Has the handlers of `tid` that are yet to come handle no tick.
    pub(crate) fn forget_tick(&self, tid: Tid) {
        if self.timers.current.get().is_some_and(|current| current.tick.timer.parts().0 == tid) {
            self.timers.current.set(None);
        }
    }

    /// The tick that the handler of `me` on top of the stack handles.
    pub(crate) fn current_tick(&self, me: Tid) -> Option<Tick> {
        let current = self.timers.current.get()?;
        (current.tick.timer.parts().0 == me && current.depth == self.depth.get()).then_some(current.tick)
    }
}
