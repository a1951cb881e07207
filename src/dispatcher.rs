//! The dispatcher: carries a message to its target, and back.
//!
//! To an idle target of the same thread that is a call on the sender's stack. To a target that is not idle the
//! message waits on its thread; to another thread it goes through that thread's hand-off. Whatever becomes of it, it
//! ends in [`Core::settle`] or [`Core::refuse`], and from there it is done, carried on, or on its way back.

mod passing;

use crate::clerk;
use crate::clock::Time;
use crate::code::Code;
use crate::core::{Core, Panic};
use crate::counters::Count;
use crate::events;
use crate::id::Tid;
use crate::message::{Flags, Message};
use crate::post::Mail;
use crate::prefetch;
use crate::registry::{State, Turn};
use crate::target::{Outcome, Target};

/// What one delivery has come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A notification was handled, and nothing else happened.
    Plain,
    /// Settled otherwise, or somebody else has it.
    Done,
    /// It is to be carried on to the receiver that it has now.
    Onward,
}

/// Where a receiver lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this thread.
    Here,
    /// On another, if anywhere.
    Elsewhere,
    /// Nowhere: the kernel itself is asked.
    Kernel,
    /// On another node.
    Abroad,
}

/// Forwardings in a row before other mail gets a turn.
const MAX_HOPS: u32 = 64;

impl Core {
    /// Carries a message that is sent just now as far as it gets. Afterwards it is settled, or somebody else has it.
    ///
    /// Inlined into every sender: one return less for each nested dispatch is what a deep chain of them is made of,
    /// once it is deeper than the processor's stack of return addresses (`benches/dispatch.rs`, row `nested notify`).
    #[inline(always)]
    pub(crate) fn carry(&self, message: &mut Message<'_>) {
        match self.step(message, Turn::Queue) {
            Step::Plain => self.count(Count::Direct),
            Step::Done => self.count(Count::Sent),
            Step::Onward => {
                self.count(Count::Sent);
                self.carry_on(message);
            }
        }
    }

    /// Carries a message that has been on its way already.
    #[inline]
    pub(crate) fn carry_as(&self, message: &mut Message<'_>, turn: Turn) {
        match self.step(message, turn) {
            Step::Plain => self.count(Count::Handled),
            Step::Done => {}
            Step::Onward => self.carry_on(message),
        }
    }

    /// Carries ordinary mail that came through the hand-off, without a deadline, to a target of this node that may be
    /// called.
    ///
    /// Whoever put it there has found the thread of its receiver. So what is left of the address is not looked at: it lies
    /// in a cache line that has not crossed, and need not.
    #[inline]
    pub(crate) fn carry_in(&self, message: &mut Message<'static>) {
        debug_assert!(
            message.tid.worker() == Some(self.post.worker),
            "mail is in the hand-off of its receiver's thread"
        );
        if message.wants_answer() {
            // Who gets it lies there.
            prefetch::to_read(&message.request);
        }
        match self.step_here(message, Turn::Queue, Time::NEVER) {
            Step::Plain => self.count(Count::Handled),
            Step::Done => {}
            Step::Onward => self.carry_on(message),
        }
    }

    /// Gives a message to a target of this thread that was taken out for it; a message that is sent just now.
    #[inline(always)]
    pub(crate) fn carry_into(&self, message: &mut Message<'_>, target: Box<dyn Target>, life: u32) {
        match self.step_into(message, target, life) {
            Step::Plain => self.count(Count::Direct),
            Step::Done => self.count(Count::Sent),
            Step::Onward => {
                self.count(Count::Sent);
                self.carry_on(message);
            }
        }
    }

    /// Carries on a message that was held.
    pub(crate) fn forward_held(&self, mut message: Message<'static>) {
        message.renew();
        self.carry_as(&mut message, Turn::Queue);
    }

    /// Follows a forwarded message from target to target, without a frame for each.
    fn carry_on(&self, message: &mut Message<'_>) {
        loop {
            message.hops += 1;
            if message.hops > MAX_HOPS {
                message.hops = 0;
                if self.pause(message) {
                    return;
                }
            }
            match self.step(message, Turn::Queue) {
                Step::Plain => return self.count(Count::Handled),
                Step::Done => return,
                Step::Onward => {}
            }
        }
    }

    /// Lets other mail have its turn; `false` if the next hop goes to another thread, which does that, too.
    #[cold]
    fn pause(&self, message: &mut Message<'_>) -> bool {
        match self.locate(message) {
            Ok(Place::Elsewhere | Place::Kernel | Place::Abroad) => return false,
            Ok(Place::Here) if message.flags.contains(Flags::CALL) => self.refuse(message, Code::WOULD_BLOCK),
            Ok(Place::Here) => self.wait(message),
            Err(code) => self.refuse(message, code),
        };
        true
    }

    #[inline(always)]
    fn step(&self, message: &mut Message<'_>, turn: Turn) -> Step {
        let here =
            message.tid.prefix_bits() == self.prefix.get() && message.nid == self.nid && message.node == self.node;
        if !here || !self.may_be_here(message) || !self.may_nest() {
            return self.step_away(message, turn);
        }
        self.step_here(message, turn, message.due())
    }

    #[inline(always)]
    fn step_here(&self, message: &mut Message<'_>, turn: Turn, due: Time) -> Step {
        let tid = message.tid;
        let Some((mut target, life)) = self.slots.with(|slots| slots.take(tid, turn)) else {
            return self.step_aside(message);
        };
        match self.frame(tid, life, due, |ctx| target.receive(message, ctx)) {
            Ok(outcome) => {
                let plain = outcome == Outcome::Handled && message.is_plain();
                if plain && !message.body.kind().plain {
                    self.finish(message);
                }
                self.put_back(tid, target);
                if plain { Step::Plain } else { self.settle(message, outcome) }
            }
            Err(panic) => self.after_panic(tid, target, message, panic),
        }
    }

    /// The same with a target that was taken out already. It is written out, as a part that both share would cost the
    /// direct path five instructions.
    #[inline(always)]
    fn step_into(&self, message: &mut Message<'_>, mut target: Box<dyn Target>, life: u32) -> Step {
        let tid = message.tid;
        match self.frame(tid, life, message.due(), |ctx| target.receive(message, ctx)) {
            Ok(outcome) => {
                let plain = outcome == Outcome::Handled && message.is_plain();
                if plain && !message.body.kind().plain {
                    self.finish(message);
                }
                self.put_back(tid, target);
                if plain { Step::Plain } else { self.settle(message, outcome) }
            }
            Err(panic) => self.after_panic(tid, target, message, panic),
        }
    }

    /// Drops the record of a notification that was handled, before its target is idle again.
    #[inline(never)]
    fn finish(&self, message: &mut Message<'_>) {
        let _ = self.guard(|| message.body.finish());
    }

    /// A thread that is not known, too deep a stack, an address to complete.
    #[inline(never)]
    fn step_slowly(&self, message: &mut Message<'_>, turn: Turn) -> Step {
        match self.locate(message) {
            Ok(Place::Here) => {}
            Ok(Place::Elsewhere) => return self.hand_off(message, turn),
            Ok(Place::Kernel) => {
                self.serve_here(message);
                return Step::Done;
            }
            Ok(Place::Abroad) => return self.send_abroad(message),
            Err(code) => return self.refuse(message, code),
        }
        if self.may_nest() {
            return self.step_here(message, turn, message.due());
        }
        if message.flags.contains(Flags::CALL) {
            return self.refuse(message, Code::WOULD_BLOCK);
        }
        self.wait(message)
    }

    /// Completes the receiver and finds its generated id. An error is the code with which the message ends here.
    fn locate(&self, message: &mut Message<'_>) -> Result<Place, Code> {
        message.complete_from(self.nid, self.node);
        if message.destination().node != self.node {
            self.directory.choose_node(message)?;
            if message.destination().node != self.node {
                return Ok(Place::Abroad);
            }
        }
        if clerk::is_addressed(message.destination()) {
            return if self.directory.is_stopping() { Err(Code::STOPPED) } else { Ok(Place::Kernel) };
        }
        if message.tid.is_unset() {
            return self.locate_service(message);
        }
        if message.tid.worker().is_none() {
            message.tid = self.directory.resolve(message.nid, message.tid)?;
        }
        if message.tid.worker() != Some(self.post.worker) {
            return Ok(Place::Elsewhere);
        }
        if message.nid != self.nid {
            return Err(self.directory.why_nobody(message.nid));
        }
        if self.is_closing() { Err(Code::STOPPED) } else { Ok(Place::Here) }
    }

    /// The target is not idle, or not there.
    #[cold]
    fn step_aside(&self, message: &mut Message<'_>) -> Step {
        let tid = message.tid;
        let found = self.slots.with(|slots| slots.find(tid).map(|slot| (slot.state, slot.target.is_none())));
        match found {
            None => self.refuse(message, Code::NO_TARGET),
            Some((State::Leaving | State::Left | State::Vacant, _)) => self.refuse(message, Code::STOPPED),
            Some((State::Away, _)) => match self.leave_for(message) {
                Ok(()) => Step::Done,
                Err(code) => self.refuse(message, code),
            },
            Some((State::Occupied, on_stack)) => {
                if !message.flags.contains(Flags::CALL) {
                    return self.wait(message);
                }
                self.refuse(message, if on_stack { Code::WOULD_DEADLOCK } else { Code::WOULD_BLOCK })
            }
        }
    }

    /// Ends a message that somebody has looked at.
    #[inline]
    fn settle(&self, message: &mut Message<'_>, outcome: Outcome) -> Step {
        if message.flags.intersects(Flags::TAKEN | Flags::FORWARD) {
            if !message.flags.contains(Flags::FORWARD) {
                return Step::Done;
            }
            message.renew();
            return Step::Onward;
        }
        if outcome == Outcome::Handled && message.code == Code::NOT_HANDLED {
            message.code = Code::OK;
        }
        self.end(message);
        Step::Done
    }

    /// Ends a message that did not get to its target.
    #[cold]
    fn refuse(&self, message: &mut Message<'_>, code: Code) -> Step {
        message.code = code;
        if message.flags.contains(Flags::SHOW) {
            self.directory.recall(message);
        }
        self.end(message);
        Step::Done
    }

    /// Keeps the message until its target's turn comes.
    fn wait(&self, message: &mut Message<'_>) -> Step {
        if let Err(code) = self.keep_waiting(message) {
            return self.refuse(message, code);
        }
        Step::Done
    }

    /// The message has its final code.
    pub(crate) fn end(&self, message: &mut Message<'_>) {
        if message.flags.contains(Flags::CALL) {
            self.count(if message.code.is_ok() { Count::Handled } else { Count::Returned });
            return events::reached(message);
        }
        if message.code.is_ok() && !message.flags.contains(Flags::WANT_ANSWER) {
            self.count(Count::Handled);
            self.discard(message);
            return;
        }
        self.send_back(message);
    }

    /// Sends a message with its final code back to its sender, and leaves nothing of it here.
    #[inline]
    pub(crate) fn send_back(&self, message: &mut Message<'_>) {
        let Some(sender) = self.own_sender(message) else {
            return self.send_back_elsewhere(message);
        };
        self.release(message);
        if message.code.is_ok() {
            self.count(Count::Handled);
            if !message.wants_answer() {
                return self.discard(message);
            }
            self.count(Count::Answers);
        }
        message.flags |= Flags::TURNED;
        if self.join_queue(sender) {
            return self.line_up(|| Mail::Message(message.take_all()));
        }
        if !self.note_if_late(message) {
            self.mourn(message);
        }
        self.discard(message);
    }

    #[inline(never)]
    fn send_back_elsewhere(&self, message: &mut Message<'_>) {
        if message.is_from_port() {
            self.abroad.deal();
        }
        if let Some(mut lost) = self.directory.send_back(message, |count| self.count(count)) {
            self.discard(&mut lost);
        }
    }

    /// Counts a message whose sender is gone.
    pub(crate) fn mourn(&self, message: &Message<'_>) {
        self.directory.mourn(message, |count| self.count(count));
    }

    /// The sender, if it is a target of this worker, and not of an earlier one with the same number.
    fn own_sender(&self, message: &Message<'_>) -> Option<Tid> {
        let tid = message.requester();
        (tid.worker() == Some(self.post.worker) && tid.generation() >= self.post.base).then_some(tid)
    }

    #[cold]
    fn after_panic(&self, tid: Tid, target: Box<dyn Target>, message: &mut Message<'_>, panic: Panic) -> Step {
        if !message.is_taken() {
            message.flags -= Flags::FORWARD | Flags::PARTS;
            message.code = Code::EXCEPTION;
            message.set_text(panic.0.clone().into());
            self.end(message);
        }
        self.recover(tid, target, panic.0);
        Step::Done
    }
}
