//! How a target comes back after a panic with a delay, and what becomes of its mail until then.
//!
//! Its slot stays, with the box missing and the state [`State::Away`]; so whoever looks on the direct path finds it busy
//! and nothing is compared there. Mail for it is laid by in what the target has beside its box, or goes back.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};

use crate::clock::Time;
use crate::code::Code;
use crate::core::{Core, Panic};
use crate::ending::Reason;
use crate::id::Tid;
use crate::message::{Flags, Message};
use crate::post::Mail;
use crate::registry::State;
use crate::residents::restart::{Decision, History, Restart};
use crate::target::Target;

/// How a target is restarted, and its mail until then.
pub(crate) struct Recovery {
    policy: Restart,
    history: History,
    /// When it is to be made anew, while it is away.
    due: Time,
    /// Mail that came while it was away, in order. All of it is older than what still waits on the thread.
    laid_by: VecDeque<Message<'static>>,
}

/// The targets of one thread that are to be made anew.
pub(crate) struct Revivals {
    due: RefCell<BTreeSet<(Time, u64)>>,
    /// The earliest of them, which is what every turn looks at.
    next: Cell<Time>,
}

impl Recovery {
    pub(crate) fn new(policy: Restart) -> Self {
        Self { policy, history: History::default(), due: Time::NEVER, laid_by: VecDeque::new() }
    }

    /// When the target is to be made anew, while it is away.
    pub(crate) const fn due(&self) -> Time {
        self.due
    }
}

impl Core {
    /// Lets a target go that has panicked with this text, and has it made anew when its policy says so.
    #[cold]
    pub(crate) fn fall_ill(&self, tid: Tid, target: Box<dyn Target>, text: String) {
        let Some(Decision::After(delay)) = self.fail(tid) else {
            return self.dismiss(tid, target, Some(Reason::TooManyRestarts(text)));
        };
        self.slots.with(|slots| {
            if let Some(slot) = slots.find(tid) {
                (slot.state, slot.fresh) = (State::Away, false);
            }
        });
        self.tear_down(tid, target);
        if delay.is_zero() {
            self.revive_or_fail(tid);
        } else {
            self.revive_at(tid, self.now().after(delay));
        }
    }

    /// What is to be done about a failure at this moment; `None` if the target is gone.
    fn fail(&self, tid: Tid) -> Option<Decision> {
        let now = self.now();
        let decide = |recovery: &mut Recovery| recovery.history.failed(&recovery.policy, now);
        self.with_extra(tid, |extra| extra.recovery.as_deref_mut().map(decide)).flatten()
    }

    /// Makes a target anew that is away. If its factory panics that is a failure, too; the next try is in another turn
    /// in any case, so that one that panics each time starves nobody.
    fn revive_or_fail(&self, tid: Tid) {
        let Err(Panic(text)) = self.revive(tid) else {
            return;
        };
        match self.fail(tid) {
            Some(Decision::After(delay)) => self.revive_at(tid, self.now().after(delay)),
            _ => self.forget(tid, &Reason::TooManyRestarts(text)),
        }
    }

    fn revive_at(&self, tid: Tid, due: Time) {
        let set = |recovery: &mut Recovery| recovery.due = due;
        if self.with_extra(tid, |extra| extra.recovery.as_deref_mut().map(set)).flatten().is_some() {
            self.revivals.add(due, tid);
        }
    }

    /// Makes those anew whose time has come; whether there were any.
    #[inline]
    pub(crate) fn revive_due(&self) -> bool {
        self.revivals.next.get() != Time::NEVER && self.revive_due_now()
    }

    #[cold]
    fn revive_due_now(&self) -> bool {
        let due = self.revivals.take_due(self.now());
        let any = !due.is_empty();
        due.into_iter().for_each(|tid| self.revive_or_fail(tid));
        any
    }

    /// Has the factory of a target that is away make it anew, unless it panics.
    fn revive(&self, tid: Tid) -> Result<(), Panic> {
        let factory = self.slots.with(|slots| slots.find(tid)?.extra.as_mut()?.factory.take());
        let Some(mut factory) = factory else {
            return Ok(());
        };
        let made = self.guard_for(tid, &mut factory);
        if !self.is_away(tid) {
            // Whoever answered a held message in the factory may have deregistered it.
            let _ = self.guard_for(tid, || drop(factory));
            made.into_iter().for_each(|target| self.tear_down(tid, target));
            return Ok(());
        }
        let mail = self.slots.with(|slots| {
            let slot = slots.find(tid)?;
            let extra = slot.extra.as_mut()?;
            extra.factory = Some(factory);
            made.is_ok().then_some(())?;
            (slot.state, slot.fresh) = (State::Occupied, true);
            let mail = std::mem::take(&mut extra.recovery.as_mut()?.laid_by);
            slot.waiting += mail.len() as u32;
            Some(mail)
        });
        let target = made?;
        self.waiting.with(|waiting| {
            for message in mail.into_iter().flatten().rev() {
                waiting.push_front(Mail::Message(message));
            }
        });
        self.begin_life(tid, target);
        Ok(())
    }

    /// Whether a target is to be made anew.
    pub(crate) fn is_away(&self, tid: Tid) -> bool {
        self.slots.with(|slots| slots.find(tid).is_some_and(|slot| slot.state == State::Away))
    }

    /// Takes a message for a target that is away, or says why not.
    #[cold]
    pub(crate) fn leave_for(&self, message: &mut Message<'_>) -> Result<(), Code> {
        let tid = message.tid;
        let (keeps, queue) = self
            .slots
            .with(|slots| {
                let slot = slots.find(tid)?;
                let keeps = slot.extra.as_ref()?.recovery.as_ref()?.policy.keeps_mail();
                Some((keeps, slot.waiting > 0))
            })
            .ok_or(Code::NO_TARGET)?;
        if !keeps {
            return Err(Code::RESTARTING);
        }
        if message.flags.contains(Flags::CALL) {
            return Err(Code::WOULD_BLOCK);
        }
        if queue {
            // Behind what waits on the thread since before the panic.
            return self.keep_waiting(message);
        }
        let ordinary = self.waiting_ordinary.get();
        if ordinary >= self.post.limits.waiting {
            return Err(Code::BUSY);
        }
        self.waiting_ordinary.set(ordinary + 1);
        self.lay_by(tid, message);
        Ok(())
    }

    /// Lays a message by that has waited on the thread; `false` if the target's policy keeps none. What the library tells
    /// is kept in any case.
    pub(crate) fn lay_by(&self, tid: Tid, message: &mut Message<'_>) -> bool {
        self.slots.with(|slots| {
            let recovery = slots.find(tid).and_then(|slot| slot.extra.as_mut()?.recovery.as_mut());
            let told = message.flags.contains(Flags::TOLD);
            let Some(recovery) = recovery.filter(|recovery| told || recovery.policy.keeps_mail()) else {
                return false;
            };
            recovery.laid_by.push_back(message.take_all());
            true
        })
    }

    /// Sends back what was laid by for a target that is not to come back.
    pub(crate) fn give_up(&self, tid: Tid, recovery: Recovery) {
        self.revivals.remove(recovery.due, tid);
        for mut message in recovery.laid_by {
            let told = message.flags.contains(Flags::TOLD);
            self.waiting_ordinary.set(self.waiting_ordinary.get() - usize::from(!told));
            self.turn_away(&mut message);
        }
    }

    /// Gives up all that are away: the worker closes.
    pub(crate) fn give_up_all(&self) {
        let ids: Vec<Tid> = self.slots.with(|slots| slots.ids().collect());
        for tid in ids.into_iter().filter(|&tid| self.is_away(tid)) {
            self.forget(tid, &self.reason_to_go());
        }
    }

    /// When the next target is to be made anew.
    pub(crate) fn next_revival(&self) -> Option<Time> {
        Some(self.revivals.next.get()).filter(|&next| next != Time::NEVER)
    }
}

impl Revivals {
    fn add(&self, due: Time, tid: Tid) {
        self.change(|all| {
            all.insert((due, tid.raw()));
        });
    }

    fn remove(&self, due: Time, tid: Tid) {
        self.change(|all| {
            all.remove(&(due, tid.raw()));
        });
    }

    fn take_due(&self, now: Time) -> Vec<Tid> {
        let mut taken = Vec::new();
        while self.next.get() <= now && self.next.get() != Time::NEVER {
            self.change(|all| taken.extend(all.pop_first().map(|(_, tid)| Tid::from_raw(tid))));
        }
        taken
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<(Time, u64)>)) {
        let mut due = self.due.borrow_mut();
        change(&mut due);
        self.next.set(due.first().map_or(Time::NEVER, |&(due, _)| due));
    }
}

impl Default for Revivals {
    fn default() -> Self {
        Self { due: RefCell::default(), next: Cell::new(Time::NEVER) }
    }
}
