//! How targets come and go: registered, started, recovered from a panic, restarted, dismissed.

pub(crate) mod continuing;
pub(crate) mod recovery;
pub(crate) mod restart;

use crate::clock::Time;
use crate::code::Code;
use crate::context::Context;
use crate::core::Core;
use crate::counters::Count;
use crate::ending::Reason;
use crate::events;
use crate::id::Tid;
use crate::monitor::{Event, Monitor};
use crate::monitoring::watching::Ties;
use crate::registry::State;
use crate::residents::continuing::Continuations;
use crate::residents::recovery::Recovery;
use crate::serving::duties::Duties;
use crate::setup::RegisterError;
use crate::target::{OnPanic, Target};
use crate::timer::Group;
use crate::waiting::Presence;

/// Makes a target anew.
pub(crate) type Factory = Box<dyn FnMut() -> Box<dyn Target>>;

/// What few targets need beside their box.
#[derive(Default)]
pub(crate) struct Extra {
    /// The name or number it was registered under.
    pub(crate) name: Option<Tid>,
    pub(crate) on_panic: OnPanic,
    pub(crate) factory: Option<Factory>,
    /// How it is restarted, if not at once, and its mail until then.
    pub(crate) recovery: Option<Box<Recovery>>,
    /// Whom it watches, and who watches it.
    pub(crate) ties: Option<Box<Ties>>,
    /// The monitors that tell it.
    pub(crate) monitors: Vec<Monitor>,
    /// The services that it owns and observes.
    pub(crate) duties: Duties,
    /// The timers that tick for it; they end with its life.
    pub(crate) timers: Group,
    /// What is called with the answers to its requests.
    pub(crate) continuations: Continuations,
}

impl Core {
    /// Registers a target on this thread and starts it.
    pub(crate) fn register(&self, target: Box<dyn Target>, extra: Option<Extra>) -> Result<Tid, RegisterError> {
        if self.is_closing() {
            return Err(RegisterError::Stopped);
        }
        let tid = self.slots.with(|slots| slots.reserve(&self.post.slots));
        let tid = tid.map_err(|_| RegisterError::TooManyTargets)?;
        if let Some(name) = extra.as_ref().and_then(|extra| extra.name)
            && !self.space.claim(name, tid)
        {
            self.slots.with(|slots| slots.unreserve(tid));
            return Err(RegisterError::NameTaken(name));
        }
        self.settle_in(tid, target, extra, false);
        Ok(tid)
    }

    /// Puts a target into the slot that was reserved for it, and starts it.
    pub(crate) fn settle_in(&self, tid: Tid, target: Box<dyn Target>, extra: Option<Extra>, shared: bool) {
        let name = extra.as_ref().and_then(|extra| extra.name);
        let extra = extra.map(Box::new);
        self.slots.with(|slots| slots.occupy(tid, target, shared, extra));
        self.count(Count::Registered);
        self.report(tid, name, |target, name| Event::Registered { target, name });
        self.start(tid);
    }

    /// Calls `started`, if that has not been done.
    pub(crate) fn start(&self, tid: Tid) {
        if !self.may_nest() {
            return self.start_later(tid);
        }
        let taken = self.slots.with(|slots| {
            let slot = slots.find(tid).filter(|slot| slot.fresh)?;
            slot.fresh = false;
            slot.target.take().map(|target| (target, slot.life))
        });
        let Some((mut target, life)) = taken else {
            return;
        };
        match self.frame(tid, life, Time::NEVER, |ctx| target.started(ctx)) {
            Ok(()) => self.put_back(tid, target),
            Err(panic) => self.recover(tid, target, panic.0),
        }
    }

    /// Calls `started` when the stack is empty: at the latest before the first mail that waits for the target.
    ///
    /// A target that panics in it each time starves nobody that way.
    fn start_later(&self, tid: Tid) {
        self.join_queue(tid);
        self.postpone(move |core| {
            if core.leave_queue(tid) != Presence::Gone {
                core.start(tid);
            }
        });
    }

    /// Has `change` look at what the target needs beside its box; `None` if it is not there any more.
    ///
    /// `change` calls no code of a user.
    pub(crate) fn with_extra<R>(&self, tid: Tid, change: impl FnOnce(&mut Extra) -> R) -> Option<R> {
        self.slots.with(|slots| {
            let slot = slots.find(tid).filter(|slot| slot.state != State::Left)?;
            Some(change(slot.extra.get_or_insert_default()))
        })
    }

    /// Has a target that lives here do something as in a handler of its own, while nobody is on the stack.
    pub(crate) fn prompt(&self, tid: Tid, act: impl FnOnce(&Context<'_>)) {
        let Some((target, life)) = self.take(tid) else {
            return;
        };
        match self.frame(tid, life, Time::NEVER, |ctx| act(ctx)) {
            Ok(()) => self.put_back(tid, target),
            Err(panic) => self.recover(tid, target, panic.0),
        }
    }

    fn take(&self, tid: Tid) -> Option<(Box<dyn Target>, u32)> {
        self.slots.with(|slots| {
            let slot = slots.find(tid)?;
            slot.target.take().map(|target| (target, slot.life))
        })
    }

    /// Puts a target back into its slot when its handler has returned.
    #[inline(always)]
    pub(crate) fn put_back(&self, tid: Tid, target: Box<dyn Target>) {
        let leaving = self.slots.with(|slots| slots.put_back(tid, target));
        if let Some(target) = leaving {
            self.dismiss(tid, target, None);
        }
    }

    /// Does with a target that has panicked with this text what its policy says.
    #[cold]
    pub(crate) fn recover(&self, tid: Tid, target: Box<dyn Target>, text: String) {
        let policy = self.slots.with(|slots| {
            let slot = slots.find(tid).filter(|slot| slot.state == State::Occupied)?;
            Some(slot.extra.as_ref().map_or(OnPanic::default(), |extra| extra.on_panic))
        });
        match policy {
            Some(OnPanic::Keep) => self.put_back(tid, target),
            Some(OnPanic::Restart) if !self.is_closing() => self.restart(tid, target, text),
            _ => self.dismiss(tid, target, Some(Reason::Panicked(text))),
        }
    }

    fn restart(&self, tid: Tid, target: Box<dyn Target>, text: String) {
        let (timers, known) = self
            .slots
            .with(|slots| {
                let slot = slots.find(tid)?;
                slot.fresh = true;
                slot.life = slot.life.wrapping_add(1);
                let extra = slot.extra.as_mut()?;
                let known = extra.factory.is_some();
                let factory = extra.factory.take_if(|_| extra.recovery.is_none());
                Some((std::mem::take(&mut extra.timers), known.then_some(factory)))
            })
            .unwrap_or_default();
        self.end_timers(timers);
        let mut factory = match known {
            Some(Some(factory)) => factory,
            Some(None) => return self.fall_ill(tid, target, text),
            None => return self.dismiss(tid, target, Some(Reason::Panicked(text))),
        };
        self.tear_down(tid, target);
        let target = match self.guard_for(tid, &mut factory) {
            Ok(target) => target,
            Err(panic) => {
                let _ = self.guard_for(tid, || drop(factory));
                return self.forget(tid, &Reason::Panicked(panic.0));
            }
        };
        self.slots.with(|slots| {
            if let Some(extra) = slots.find(tid).and_then(|slot| slot.extra.as_mut()) {
                extra.factory = Some(factory);
            }
        });
        self.begin_life(tid, target);
    }

    /// Puts a target that was made anew into its slot, to be started.
    pub(crate) fn begin_life(&self, tid: Tid, target: Box<dyn Target>) {
        self.count(Count::Restarts);
        let name = self.slots.with(|slots| slots.find(tid)?.extra.as_ref()?.name);
        self.report(tid, name, |target, name| Event::Restarted { target, name });
        self.start_later(tid);
        self.put_back(tid, target);
        events::restarted(self.address(tid));
    }

    /// Deregisters a target of this thread: at once, or when its handler has returned.
    pub(crate) fn deregister(&self, tid: Tid) -> Result<(), Code> {
        if self.is_away(tid) {
            self.forget(tid, &self.reason_to_go());
            return Ok(());
        }
        let on_stack = self.slots.with(|slots| {
            let slot = slots.find(tid).filter(|slot| slot.state == State::Occupied).ok_or(Code::NO_TARGET)?;
            let on_stack = slot.target.is_none();
            if on_stack {
                slot.state = State::Leaving;
            }
            Ok(on_stack)
        })?;
        if on_stack {
            return Ok(());
        }
        if !self.may_nest() {
            self.postpone(move |core| {
                let _ = core.deregister(tid);
            });
            return Ok(());
        }
        if let Some((target, _)) = self.take(tid) {
            self.dismiss(tid, target, None);
        }
        Ok(())
    }

    /// Lets a target go. One that `panicked` is not told: its state is not to be trusted.
    #[cold]
    pub(crate) fn dismiss(&self, tid: Tid, mut target: Box<dyn Target>, panicked: Option<Reason>) {
        let (life, started) = self.slots.with(|slots| {
            slots.find(tid).map_or((0, false), |slot| {
                slot.state = State::Leaving;
                (slot.life, !slot.fresh)
            })
        });
        self.forget_tick(tid);
        if panicked.is_none() && started {
            let _ = self.frame(tid, life, Time::NEVER, |ctx| target.stopping(ctx));
        }
        self.tear_down(tid, target);
        self.forget(tid, &panicked.unwrap_or_else(|| self.reason_to_go()));
    }

    /// Why a target of this thread goes that has not panicked.
    pub(crate) fn reason_to_go(&self) -> Reason {
        match (self.is_closing(), self.directory.is_stopping()) {
            (false, _) => Reason::Deregistered,
            (true, false) => Reason::NamespaceClosed,
            (true, true) => Reason::KernelStopped,
        }
    }

    /// Drops a target and its continuations; what they held comes back with [`Code::STOPPED`].
    pub(crate) fn tear_down(&self, tid: Tid, target: Box<dyn Target>) {
        let tearing = self.tearing.replace(true);
        let _ = self.guard_for(tid, || drop(target));
        self.drop_continuations(tid);
        self.tearing.set(tearing);
    }

    /// Frees the name and, when no more mail waits, the slot of a target that is gone, and tells whom it concerns.
    pub(crate) fn forget(&self, tid: Tid, reason: &Reason) {
        let left = self.slots.with(|slots| {
            let slot = slots.find(tid)?;
            slot.state = State::Left;
            Some((slot.extra.take(), slot.waiting))
        });
        let Some((extra, waiting)) = left else {
            return;
        };
        self.count(Count::Deregistered);
        let name = extra.as_ref().and_then(|extra| extra.name);
        let bonds = extra.map(|extra| self.part_with(tid, extra));
        if waiting == 0 {
            self.vacate(tid);
        }
        if let Some((ties, monitors)) = bonds {
            monitors.into_iter().for_each(|monitor| self.unmonitor(monitor));
            if let Some(ties) = ties {
                self.untie(tid, *ties, reason);
            }
        }
        self.report(tid, name, |target, name| Event::Deregistered { target, name, reason: reason.clone() });
    }

    /// Ends what only few targets have; who watched it, whom it watched and its monitors come back.
    fn part_with(&self, tid: Tid, mut extra: Box<Extra>) -> (Option<Box<Ties>>, Vec<Monitor>) {
        self.end_timers(std::mem::take(&mut extra.timers));
        if let Some(recovery) = extra.recovery.take() {
            self.give_up(tid, *recovery);
        }
        let bonds = (extra.ties.take(), std::mem::take(&mut extra.monitors));
        if let Some(name) = extra.name {
            self.space.release(name, tid);
        }
        self.resign(tid, &mut extra.duties);
        let _ = self.guard_for(tid, || drop(extra));
        bonds
    }

    /// Gives back the slot of an id for which no target was made.
    pub(crate) fn retire(&self, tid: Tid) {
        if let Some((slot, generation)) = self.slots.with(|slots| slots.retire(tid)) {
            self.post.give_back(slot, generation);
        }
    }

    /// Frees the slot of a target that is gone.
    pub(crate) fn vacate(&self, tid: Tid) {
        if let Some((slot, generation)) = self.slots.with(|slots| slots.vacate(tid)) {
            self.post.give_back(slot, generation);
        }
    }

    /// Deregisters everybody.
    pub(crate) fn dismiss_all(&self) {
        loop {
            let ids: Vec<Tid> = self.slots.with(|slots| slots.ids().collect());
            if ids.is_empty() {
                return;
            }
            for tid in ids {
                let _ = self.deregister(tid);
            }
        }
    }
}
