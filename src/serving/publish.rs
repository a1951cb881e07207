//! Messages to services: who observes them sees them first, then their owner gets them by the normal step.
//!
//! The thread that carries the message finds the owner. Observers of that thread see a borrow; each other thread that
//! has any gets one copy, however many they are. The owner's thread gets none: there the message itself is shown
//! before its owner gets it. An observer that is not idle gets a copy later, in order, as any other mail.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::body::Body;
use crate::clock::Time;
use crate::code::Code;
use crate::context::Context;
use crate::core::Core;
use crate::counters::Count;
use crate::dispatcher::Place;
use crate::id::Tid;
use crate::message::{Flags, Message};
use crate::post::{Mail, Post};
use crate::registry::Turn;
use crate::service::Key;
use crate::service::audience::Observer;
use crate::service::plan::Kind;
use crate::service::routes::View;
use crate::sync::{Arc, Ordering};

impl Message<'_> {
    /// The service that it is for, or came from.
    #[inline]
    fn service(&self) -> Key {
        Key { nid: self.nid, record: self.kind().id() }
    }
}

impl View {
    /// Whether what comes to the thread was published by this service, and not by one before it that had the same key: its
    /// observers are gone.
    fn has_sent(&self, message: &Message<'_>) -> bool {
        if message.flags.contains(Flags::COPY) {
            return message.life == self.service.mark;
        }
        !self.service.terms.retains || message.number() != 0
    }
}

impl Core {
    /// Finds the owner of the service that a message is for, once everybody who observes it has seen it. Without an
    /// owner the message ends, with the code that is the error.
    #[inline]
    pub(crate) fn locate_service(&self, message: &mut Message<'_>) -> Result<Place, Code> {
        let key = message.service();
        if let Some(owner) = self.routes.with(|routes| routes.lone_owner(key)) {
            message.tid = owner;
            return if self.is_closing() { Err(Code::STOPPED) } else { Ok(Place::Here) };
        }
        self.publish(key, message)
    }

    #[cold]
    fn publish(&self, key: Key, message: &mut Message<'_>) -> Result<Place, Code> {
        let find = || self.view(key).ok_or_else(|| self.directory.why_no_service(key.nid));
        let mut view = find()?;
        let owner = loop {
            let owner = self.choose(key, &view, message)?;
            message.set_number(0);
            if !view.service.terms.retains {
                break owner;
            }
            message.set_number(self.retain(&view, message));
            // Whoever observed before the message had its number is to see it.
            let before = std::mem::replace(&mut view, find()?);
            if Arc::ptr_eq(&before.service, &view.service) {
                break owner;
            }
        };
        let mut reached = self.show_here(key, message);
        let theirs = owner.and_then(Tid::worker).unwrap_or(self.post.worker);
        for &worker in &view.plan.workers {
            if worker != self.post.worker && worker != theirs {
                reached += usize::from(self.send_copy(&view, worker, message));
            }
        }
        let Some(owner) = owner else {
            return Err(self.end_of_publication(message, reached));
        };
        message.tid = owner;
        self.burden(&view, message);
        if theirs == self.post.worker {
            return if self.is_closing() { Err(Code::STOPPED) } else { Ok(Place::Here) };
        }
        if view.plan.workers.contains(&theirs) {
            message.flags |= Flags::SHOW;
        }
        Ok(Place::Elsewhere)
    }

    /// The owner that is to have the message; `None` of a topic.
    fn choose(&self, key: Key, view: &View, message: &Message<'_>) -> Result<Option<Tid>, Code> {
        let kind = view.service.terms.kind;
        if kind == Kind::Topic {
            return Ok(None);
        }
        // The sender waits on the stack, so only an owner of this thread can answer.
        let here = |tid: Tid| !message.flags.contains(Flags::CALL) || tid.worker() == Some(self.post.worker);
        let turn = if kind == Kind::Single { 0 } else { self.routes.with(|routes| routes.next_turn(key)) };
        match view.plan.pick(kind, turn, here) {
            Some(owner) => Ok(Some(owner.tid)),
            None if view.plan.owners.is_empty() => Err(Code::NO_SERVICE),
            None => Err(Code::WOULD_BLOCK),
        }
    }

    /// Counts a request among those that its receiver has not answered, where they are counted.
    fn burden(&self, view: &View, message: &mut Message<'_>) {
        let unanswered = message.wants_answer() && !message.flags.contains(Flags::CALL);
        let owner = view.plan.owners.iter().find(|owner| owner.tid == message.tid).filter(|_| unanswered);
        if let Some(load) = owner.and_then(|owner| owner.load.as_ref()) {
            load.fetch_add(1, Ordering::Relaxed);
            message.flags |= Flags::LOADED;
        }
    }

    /// How a message to a topic ends.
    fn end_of_publication(&self, message: &mut Message<'_>, reached: usize) -> Code {
        if reached == 0 {
            return Code::NOT_HANDLED;
        }
        if message.wants_answer() {
            self.discard(message);
            message.body = Body::new(());
        }
        Code::OK
    }

    /// Keeps a copy for those who come later; which number the message has.
    fn retain(&self, view: &View, message: &Message<'_>) -> u64 {
        let mut copy = self.guard(|| message.copy()).ok().flatten();
        if let Some(copy) = &mut copy {
            copy.set_deadline(Time::NEVER);
        }
        let (number, old) = view.service.retain(copy);
        let _ = self.guard(|| drop(old));
        number
    }

    /// Sends a copy to the observers of another thread, all of them; whether it got there.
    fn send_copy(&self, view: &View, worker: u32, message: &Message<'_>) -> bool {
        let Ok(Some(mut copy)) = self.guard(|| message.copy()) else {
            self.lose_copy();
            return false;
        };
        copy.set_number(message.number());
        copy.life = view.service.mark;
        let mut copy = Some(copy);
        let push = |post: &Post| copy.take().map(|copy| post.inbox.push(Mail::Message(copy)));
        let pushed = self.with_peer(worker, push).flatten();
        if let Some(Ok(())) = pushed {
            return true;
        }
        // That thread may have ended since the plan was made; then the copy is still here.
        let _ = self.guard(|| drop((pushed, copy)));
        self.lose_copy();
        false
    }

    /// Has `push` look at a worker, if that is there.
    pub(crate) fn with_peer<R>(&self, worker: u32, push: impl FnOnce(&Post) -> R) -> Option<R> {
        let index = worker as usize;
        let known = self.peers.borrow().get(index).is_some_and(|post| post.as_ref().is_some_and(|p| !p.is_closing()));
        if !known {
            self.meet(Tid::generated(worker, 0, 0));
        }
        self.peers.borrow().get(index)?.as_deref().map(push)
    }

    fn lose_copy(&self) {
        self.count(Count::Copies);
        self.count(Count::LostCopies);
    }

    /// Takes in a copy, or a message that is to be shown before its receiver gets it; whether that is all.
    #[cold]
    pub(crate) fn open_publication(&self, message: &mut Message<'static>) -> bool {
        let copy = message.flags.contains(Flags::COPY);
        message.flags -= Flags::SHOW;
        if self.is_closing() || self.is_expired(message) {
            self.lose_copy();
        } else if self.view(message.service()).is_some_and(|view| view.has_sent(message)) {
            let receiver = std::mem::replace(&mut message.tid, Tid::UNSET);
            self.show_here(message.service(), message);
            message.tid = receiver;
        }
        if copy {
            self.discard(message);
        }
        copy
    }

    pub(crate) fn is_expired(&self, message: &Message<'_>) -> bool {
        message.due() != Time::NEVER && message.due() <= self.now()
    }

    /// Shows a message to the observers of this thread; how many have seen it or are going to.
    fn show_here(&self, key: Key, message: &Message<'_>) -> usize {
        let observers = self.routes.with(|routes| routes.observers(key));
        match observers.filter(|_| !self.is_closing()) {
            Some(observers) => self.show(&observers, key, message),
            None => 0,
        }
    }

    fn show(&self, observers: &Rc<Vec<Observer>>, key: Key, message: &Message<'_>) -> usize {
        let number = message.number();
        let departures = self.routes.with(|routes| routes.departures);
        let nest = self.may_nest();
        let depth = self.depth.get();
        let (mut next, mut seen, mut kept) = (0, 0_usize, 0_usize);
        while next < observers.len() {
            // One catch for as many as do not panic: it costs as much as an observer.
            let mut shown = None;
            self.depth.set(depth + 1);
            let end = catch_unwind(AssertUnwindSafe(|| {
                while let Some(observer) = observers.get(next) {
                    next += 1;
                    let tid = observer.tid;
                    let gone = |routes: &mut crate::service::routes::Routes| {
                        routes.departures != departures && !routes.observes(key, tid)
                    };
                    if !observer.sees(number) || self.routes.with(gone) {
                        continue;
                    }
                    let taken = if nest { self.slots.with(|slots| slots.take(tid, Turn::Queue)) } else { None };
                    let Some((target, life)) = taken else {
                        kept += usize::from(self.keep_copy(tid, || message.copy()));
                        continue;
                    };
                    seen += 1;
                    let target = shown.insert((tid, target));
                    target.1.observed(message, &mut Context::new(self, tid, life, message.due()));
                    if let Some((tid, target)) = shown.take() {
                        self.put_back(tid, target);
                    }
                }
            }));
            self.depth.set(depth);
            if let Err(payload) = end {
                let panic = self.caught(payload, shown.as_ref().map_or(Tid::UNSET, |&(tid, _)| tid));
                if let Some((tid, target)) = shown {
                    self.recover(tid, target, panic.0);
                }
            }
        }
        self.post.tally.own_many(Count::Copies, seen as u64);
        self.post.tally.own_many(Count::Observed, seen as u64);
        seen + kept
    }

    /// Has a copy wait for an observer that is not idle; whether it does.
    pub(crate) fn keep_copy(&self, tid: Tid, copy: impl FnOnce() -> Option<Message<'static>>) -> bool {
        let room = self.waiting_ordinary.get() < self.post.limits.waiting;
        let copy = if room { self.guard(copy).ok().flatten() } else { None };
        let Some(mut copy) = copy.filter(|_| self.join_queue(tid)) else {
            self.lose_copy();
            return false;
        };
        self.count(Count::Copies);
        self.waiting_ordinary.set(self.waiting_ordinary.get() + 1);
        copy.tid = tid;
        self.line_up(|| Mail::Message(copy));
        true
    }

    /// Shows a copy that has waited to its observer.
    #[cold]
    pub(crate) fn show_waiting(&self, message: &mut Message<'static>) {
        let tid = std::mem::replace(&mut message.tid, Tid::UNSET);
        let idle = !self.is_closing() && !self.is_expired(message);
        let taken = if idle { self.slots.with(|slots| slots.take(tid, Turn::Next)) } else { None };
        let Some((mut target, life)) = taken else {
            return self.count(Count::LostCopies);
        };
        self.count(Count::Observed);
        match self.frame(tid, life, message.due(), |ctx| target.observed(message, ctx)) {
            Ok(()) => self.put_back(tid, target),
            Err(panic) => self.recover(tid, target, panic.0),
        }
    }
}
