//! Mail that waits: for targets that were not idle, and answers for those who asked.
//!
//! One list a thread, in the order of arrival. It is looked at when the stack is empty, before newer mail from other
//! threads; a target with mail in it is not called directly, so that nothing overtakes.

use std::collections::VecDeque;
use std::mem::ManuallyDrop;

use crate::body::Body;
use crate::clock::Time;
use crate::code::Code;
use crate::core::Core;
use crate::counters::Count;
use crate::events;
use crate::id::Tid;
use crate::message::{Flags, Message, Sender};
use crate::pending::Pending;
use crate::post::{Mail, Order};
use crate::record::Absent;
use crate::registry::{State, Turn};

/// How a target is that mail waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Started,
    /// It has to be started first.
    Fresh,
    /// It has to be made anew first.
    Away,
    Gone,
}

/// What has become of the first mail in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Done,
    /// Its target had to be started first; it is still the next.
    Postponed,
}

/// The list that is being delivered; what is left of it goes back to the core.
struct Serving<'a> {
    core: &'a Core,
    list: VecDeque<Mail>,
}

impl Drop for Serving<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.core.is_serving.get() {
            self.core.put_first(&mut self.list);
        }
        self.core.is_serving.set(!self.list.is_empty());
        self.core.serving.set(std::mem::take(&mut self.list));
    }
}

/// Deliveries from the waiting list in a row, before the hand-off and the deadlines get a turn; and ticks of timers in a
/// row, before other mail does.
pub(crate) const BURST: usize = 64;

impl Core {
    /// What keeps mail from the shortest way through the hand-off to its target.
    const APART: Flags =
        Flags::TURNED.union(Flags::COPY).union(Flags::SHOW).union(Flags::DEADLINE).union(Flags::ABROAD);

    /// Takes a message that its target cannot have now, or says why not.
    pub(crate) fn keep_waiting(&self, message: &mut Message<'_>) -> Result<(), Code> {
        if self.is_closing() {
            return Err(Code::STOPPED);
        }
        let ordinary = self.waiting_ordinary.get();
        if ordinary >= self.post.limits.waiting {
            return Err(Code::BUSY);
        }
        let tid = message.tid;
        if !self.join_queue(tid) {
            return Err(Code::NO_TARGET);
        }
        self.waiting_ordinary.set(ordinary + 1);
        self.line_up(|| Mail::Message(message.take_all()));
        Ok(())
    }

    /// Has `order` done after the mail that waits.
    pub(crate) fn postpone(&self, order: impl FnOnce(&Self) + Send + 'static) {
        self.line_up(|| Mail::order(order));
    }

    /// Puts behind what waits what `make` makes, right where it is to lie.
    #[inline]
    pub(crate) fn line_up(&self, make: impl FnOnce() -> Mail) {
        self.waiting.with(|waiting| {
            if waiting.len() == waiting.capacity() {
                waiting.reserve(1);
            }
            // Known only now, or what is made would be copied twice: first to the stack, until there is room.
            assert!(waiting.len() < waiting.capacity(), "room was made where there was none");
            waiting.push_back(make());
        });
    }

    /// Delivers what waits, a burst at most; whether there was anything.
    #[inline]
    pub(crate) fn deliver_waiting(&self) -> bool {
        self.has_waiting() && self.deliver_burst()
    }

    #[inline(never)]
    fn deliver_burst(&self) -> bool {
        // Mail is handled where it lies. The list is this frame's meanwhile, and what is added goes to the other one.
        let mut serving = Serving { core: self, list: self.serving.take() };
        self.is_serving.set(false);
        for delivered in 0..BURST {
            let list = &mut serving.list;
            if self.is_serving.get() {
                self.put_first(list);
            }
            if list.is_empty() {
                self.waiting.with(|waiting| std::mem::swap(waiting, list));
            }
            match list.front_mut() {
                None => return delivered > 0,
                Some(Mail::Message(message)) => {
                    if self.deliver_next(message) == Delivery::Postponed {
                        continue;
                    }
                    self.discard(message);
                }
                Some(Mail::Order(order)) => self.obey(order),
            }
            // Nothing is left of it.
            let _ = ManuallyDrop::new(list.pop_front());
        }
        true
    }

    fn deliver_next(&self, message: &mut Message<'static>) -> Delivery {
        let (answer, told) = (message.is_answer(), message.flags.contains(Flags::TOLD));
        let tid = if answer { message.requester() } else { message.tid };
        match self.leave_queue(tid) {
            Presence::Fresh => {
                self.join_queue(tid);
                self.start(tid);
                return Delivery::Postponed;
            }
            _ if answer => {
                self.deliver_answer(message);
                return Delivery::Done;
            }
            _ if message.flags.contains(Flags::TICK) => {
                self.tick_in_turn(message);
                return Delivery::Done;
            }
            Presence::Away if self.lay_by(tid, message) => return Delivery::Done,
            _ if message.flags.contains(Flags::COPY) => self.show_waiting(message),
            Presence::Away => {
                message.code = Code::RESTARTING;
                self.send_back(message);
            }
            presence => {
                // From here on it is mail like any other.
                message.flags -= Flags::TOLD;
                match presence {
                    Presence::Gone => self.turn_away(message),
                    _ => self.carry_as(message, Turn::Next),
                }
            }
        }
        self.waiting_ordinary.set(self.waiting_ordinary.get() - usize::from(!told));
        Delivery::Done
    }

    /// One message more waits for `tid`; whether it is there.
    #[inline]
    pub(crate) fn join_queue(&self, tid: Tid) -> bool {
        self.slots.with(|slots| slots.find(tid).map(|slot| slot.waiting += 1).is_some())
    }

    /// One message less waits for `tid`; how that target is.
    pub(crate) fn leave_queue(&self, tid: Tid) -> Presence {
        let left = self.slots.with(|slots| {
            let slot = slots.find(tid)?;
            slot.waiting = slot.waiting.saturating_sub(1);
            Some((slot.state, slot.waiting, slot.fresh))
        });
        match left {
            Some((State::Left, 0, _)) => {
                self.vacate(tid);
                Presence::Gone
            }
            Some((State::Occupied, _, true)) => Presence::Fresh,
            Some((State::Away, ..)) => Presence::Away,
            Some((State::Occupied, ..)) => Presence::Started,
            _ => Presence::Gone,
        }
    }

    /// Takes in a message or an order that came through the hand-off.
    #[inline]
    pub(crate) fn open(&self, mail: &mut Mail) {
        match mail {
            Mail::Message(message) => self.open_message(message),
            Mail::Order(order) => self.obey(order),
        }
    }

    /// Takes in a message from elsewhere.
    #[inline(always)]
    pub(crate) fn open_message(&self, message: &mut Message<'static>) {
        if message.flags.intersects(Self::APART) || self.post.is_closing() || !self.may_nest() {
            return self.open_apart(message);
        }
        self.carry_in(message);
        self.discard(message);
    }

    /// What is not simply given to a target.
    #[inline(never)]
    fn open_apart(&self, message: &mut Message<'static>) {
        if message.is_answer() {
            return self.open_answer(message);
        }
        if message.flags.intersects(Flags::COPY | Flags::SHOW) && self.open_publication(message) {
            return;
        }
        // The order to close may still lie behind it.
        if self.post.is_closing() {
            return self.turn_away(message);
        }
        self.carry_as(message, Turn::Queue);
        self.discard(message);
    }

    #[inline(never)]
    fn obey(&self, order: &mut Option<Box<dyn Order>>) {
        let order = order.take();
        let _ = self.guard(|| order.into_iter().for_each(|order| order.obey(self)));
    }

    fn open_answer(&self, message: &mut Message<'static>) {
        let requester = message.requester();
        if requester.generation() < self.post.base {
            // It asked an earlier worker with this one's number.
            self.mourn(message);
            self.discard(message);
            return;
        }
        self.release(message);
        let queue = self.slots.with(|slots| slots.find(requester).is_some_and(|slot| slot.waiting > 0));
        if !queue {
            self.deliver_answer(message);
            return self.discard(message);
        }
        self.join_queue(requester);
        self.line_up(|| Mail::Message(message.take_all()));
    }

    /// Gives an answer, or a message that came back, to whoever sent the message. The stack is empty.
    fn deliver_answer(&self, message: &mut Message<'static>) {
        if self.note_if_late(message) {
            return;
        }
        let tid = message.requester();
        let taken = self.slots.with(|slots| {
            let slot = slots.at(tid).filter(|slot| slot.life == message.life)?;
            let target = slot.target.take()?;
            let extra = slot.extra.as_mut().filter(|_| message.wants_answer());
            Some((target, extra.and_then(|extra| extra.continuations.remove(&message.request))))
        });
        let Some((mut target, continuation)) = taken else {
            return self.mourn(message);
        };
        self.count(message.reached());
        events::reached(message);
        let end = self.frame(tid, message.life, Time::NEVER, |ctx| {
            if let Some(continuation) = continuation {
                match continuation(&mut *target, message.take_all(), ctx) {
                    Some(unclaimed) => *message = unclaimed,
                    None => return,
                }
            }
            target.answered(message, ctx);
        });
        match end {
            Ok(()) => self.put_back(tid, target),
            Err(panic) => self.recover(tid, target, panic.0),
        }
    }

    /// Nobody watches for the answer to this request from here on. Whether its deadline was first, and the requester has
    /// been told already.
    pub(crate) fn note_if_late(&self, message: &Message<'_>) -> bool {
        let late =
            message.flags.contains(Flags::TRACKED) && !self.pending.with(|pending| pending.answered(message.request));
        if late {
            self.count(if message.code.is_ok() { Count::LateAnswers } else { Count::Returned });
            events::reached(message);
        }
        late
    }

    /// The target has gone, or the worker closes: mail on the way goes back.
    pub(crate) fn turn_away(&self, message: &mut Message<'static>) {
        if message.flags.contains(Flags::COPY) {
            self.count(Count::LostCopies);
            return self.discard(message);
        }
        message.code = Code::STOPPED;
        self.send_back(message);
    }

    /// Tells requesters whose deadline has passed; whether there were any.
    #[inline]
    pub(crate) fn expire(&self) -> bool {
        let revived = self.revive_due();
        let expired = self.pending.with(|pending| pending.watches_time()) && self.expire_due();
        revived || expired
    }

    #[inline(never)]
    fn expire_due(&self) -> bool {
        let now = self.now();
        let mut any = false;
        while let Some((request, pending)) = self.pending.with(|requests| requests.pop_due(now)) {
            any = true;
            self.notify_expired(request, &pending);
        }
        any
    }

    fn notify_expired(&self, request: u64, pending: &Pending) {
        let sender = Sender::target(pending.requester, self.nid);
        let flags = Flags::WANT_ANSWER | Flags::TURNED | Flags::NOTICE;
        let mut notice = Message::new(pending.to, Body::new(Absent::of(pending.record)), flags, sender);
        notice.code = Code::EXPIRED;
        notice.life = pending.life;
        notice.request = request;
        notice.set_deadline(pending.deadline);
        notice.complete_from(self.nid, self.node);
        self.join_queue(pending.requester);
        self.line_up(|| Mail::Message(notice));
    }

    /// When somebody has to be told that a deadline has passed, a timer is due, or a target is to be made anew.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.next_expiry().into_iter().chain(self.next_timer()).min()
    }

    /// When a thread that sleeps has to look at the clock.
    pub(crate) fn next_look(&self) -> Option<Time> {
        self.next_expiry().into_iter().chain(self.next_timer_look()).min()
    }

    fn next_expiry(&self) -> Option<Time> {
        let deadline = self.pending.with(|pending| pending.next_deadline());
        deadline.into_iter().chain(self.next_revival()).min()
    }
}
