//! Mail that a target has put aside and now wants to have again, ahead of all that came later.
//!
//! It goes through the waiting list like other mail: the stack is empty then, a deadline that passed meanwhile counts, and
//! a panic harms the one message. What is in the list already is newer, so it goes to the front.

use std::collections::VecDeque;

use crate::clock::Time;
use crate::code::Code;
use crate::context::Context;
use crate::core::Core;
use crate::held::HeldMessage;
use crate::id::Tid;
use crate::message::Message;
use crate::post::Mail;
use crate::registry::Turn;
use crate::target::Target;
use crate::waiting::Presence;

/// Mail that was put aside.
#[derive(Debug)]
pub(crate) enum Aside {
    /// Its sender waits.
    Held(HeldMessage),
    /// An answer, or a message that came back; it has been counted.
    Answer(Message<'static>),
    /// A copy from a service; it has been counted, and nobody waits for it.
    Copy(Message<'static>),
}

impl Aside {
    /// The message, unless it has ended.
    pub(crate) fn message_mut(&mut self) -> Option<&mut Message<'static>> {
        match self {
            Self::Held(held) => held.message_mut(),
            Self::Answer(message) | Self::Copy(message) => Some(message),
        }
    }
}

impl Core {
    /// Delivers `mail` to `tid` next, when the stack is empty.
    pub(crate) fn deliver_first(&self, tid: Tid, mail: Aside) {
        self.join_queue(tid);
        let order = move |core: &Self| core.deliver_again(tid, mail);
        let mut first = self.serving.take();
        first.push_front(Mail::order(order));
        self.serving.set(first);
        self.is_serving.set(true);
    }

    /// Puts what was recalled since `list` was taken out of the core at its front.
    #[cold]
    pub(crate) fn put_first(&self, list: &mut VecDeque<Mail>) {
        self.is_serving.set(false);
        for mail in self.serving.take().into_iter().rev() {
            list.push_front(mail);
        }
    }

    fn deliver_again(&self, tid: Tid, mail: Aside) {
        match self.leave_queue(tid) {
            Presence::Started => {}
            Presence::Fresh => {
                self.deliver_first(tid, mail);
                return self.start(tid);
            }
            Presence::Away => return self.keep_by(tid, mail),
            Presence::Gone => {
                if let Aside::Held(held) = mail {
                    held.finish(Code::STOPPED);
                }
                return;
            }
        }
        match mail {
            Aside::Held(held) => {
                if let Some(mut message) = held.into_message() {
                    self.carry_as(&mut message, Turn::Next);
                    self.discard(&mut message);
                }
            }
            Aside::Answer(answer) => {
                self.have_again(tid, answer, Time::NEVER, |target, answer, ctx| target.answered(answer, ctx));
            }
            Aside::Copy(mut copy) if self.is_expired(&copy) => self.discard(&mut copy),
            Aside::Copy(copy) => {
                let deadline = copy.due();
                self.have_again(tid, copy, deadline, |target, copy, ctx| target.observed(copy, ctx));
            }
        }
    }

    /// The target is to be made anew: what it was to have again waits for that, or comes back.
    fn keep_by(&self, tid: Tid, mail: Aside) {
        let Aside::Held(held) = mail else {
            return;
        };
        let Some(mut message) = held.into_message() else {
            return;
        };
        if self.lay_by(tid, &mut message) {
            return self.waiting_ordinary.set(self.waiting_ordinary.get() + 1);
        }
        message.code = Code::RESTARTING;
        self.send_back(&mut message);
    }

    /// Gives the target what it put aside in this life.
    fn have_again(
        &self,
        tid: Tid,
        mut mail: Message<'static>,
        deadline: Time,
        give: impl FnOnce(&mut dyn Target, &mut Message<'_>, &mut Context<'_>),
    ) {
        let taken = self.slots.with(|slots| {
            let slot = slots.at(tid).filter(|slot| slot.life == mail.life)?;
            slot.target.take()
        });
        if let Some(mut target) = taken {
            match self.frame(tid, mail.life, deadline, |ctx| give(&mut *target, &mut mail, ctx)) {
                Ok(()) => self.put_back(tid, target),
                Err(panic) => self.recover(tid, target, panic.0),
            }
        }
        self.discard(&mut mail);
    }
}
