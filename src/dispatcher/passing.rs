//! Mail that leaves this thread: into another worker's hand-off, or to the port that reaches another node.

use crate::code::Code;
use crate::core::Core;
use crate::dispatcher::Step;
use crate::id::Tid;
use crate::message::{Flags, Message};
use crate::post::{Mail, Post};
use crate::registry::Turn;
use crate::ring::Refusal;

impl Core {
    /// To another thread that is known already, by a completed address on this node: what goes elsewhere has a cold part.
    #[inline(never)]
    pub(super) fn step_away(&self, message: &mut Message<'_>, turn: Turn) -> Step {
        let known = message.node == self.node && !message.flags.intersects(Flags::CALL | Flags::COLD | Flags::DEADLINE);
        if known && let Some(pushed) = self.push_to_known(message) {
            return match pushed {
                Ok(()) => Step::Done,
                Err(code) => self.refuse(message, code),
            };
        }
        self.step_slowly(message, turn)
    }

    /// Passes a message to the thread of its target.
    #[cold]
    pub(super) fn hand_off(&self, message: &mut Message<'_>) -> Step {
        if message.flags.contains(Flags::CALL) {
            let nowhere = self.directory.route(message.destination()).err();
            return self.refuse(message, nowhere.unwrap_or(Code::WOULD_BLOCK));
        }
        let pushed = self.push_to_known(message).or_else(|| {
            self.meet(message.tid);
            self.push_to_known(message)
        });
        match pushed {
            Some(Ok(())) => Step::Done,
            Some(Err(code)) => self.refuse(message, code),
            None => self.refuse(message, self.why_nobody(message)),
        }
    }

    /// Gives a message to the port that reaches its node.
    #[cold]
    pub(super) fn send_abroad(&self, message: &mut Message<'_>) -> Step {
        if message.flags.contains(Flags::CALL) {
            let known = self.directory.reaches(message.destination().node);
            return self.refuse(message, if known { Code::WOULD_BLOCK } else { Code::NO_NODE });
        }
        let delivered = if self.reserve(message) { self.directory.deliver_abroad(message) } else { Err(Code::BUSY) };
        match delivered {
            Ok(()) => Step::Done,
            Err(code) => self.refuse(message, code),
        }
    }

    /// Passes a message to a worker that this thread knows, and that has not gone.
    #[inline]
    pub(super) fn push_to_known(&self, message: &mut Message<'_>) -> Option<Result<(), Code>> {
        let peers = self.peers.borrow();
        let post = peers.get(message.tid.worker()? as usize)?.as_deref()?;
        let there = post.nid == message.nid && !post.is_closing();
        there.then(|| self.push(post, message))
    }

    /// Moves a message into another worker's hand-off, unless that is not possible.
    #[inline]
    fn push(&self, post: &Post, message: &mut Message<'_>) -> Result<(), Code> {
        // Returns that this thread has not taken yet bound what it may send.
        if self.post.inbox.is_spilling() || !self.reserve(message) {
            return Err(Code::BUSY);
        }
        let pushed = post.inbox.push_with(|| Mail::Message(message.take_all()));
        pushed.map_err(|refusal| match refusal {
            Refusal::Full => Code::BUSY,
            Refusal::Closed => Code::STOPPED,
        })
    }

    #[cold]
    fn why_nobody(&self, message: &Message<'_>) -> Code {
        self.directory.route(message.destination()).err().unwrap_or(Code::STOPPED)
    }

    /// Keeps room for the answer to a request of this thread; a request that is only passed on has it already.
    pub(crate) fn reserve(&self, message: &mut Message<'_>) -> bool {
        let needed = message.wants_answer() && !message.flags.contains(Flags::RESERVED);
        if !needed || self.own_sender(message).is_none() {
            return true;
        }
        let outstanding = self.outstanding.get();
        if outstanding >= self.post.limits.requests {
            return false;
        }
        self.outstanding.set(outstanding + 1);
        message.flags |= Flags::RESERVED;
        true
    }

    /// Gives the room back when the answer is there.
    #[inline]
    pub(crate) fn release(&self, message: &mut Message<'_>) {
        if message.flags.intersects(Flags::RESERVED | Flags::LOADED) {
            self.release_now(message);
        }
    }

    fn release_now(&self, message: &mut Message<'_>) {
        if message.flags.contains(Flags::RESERVED) {
            self.outstanding.set(self.outstanding.get() - 1);
            message.flags -= Flags::RESERVED;
        }
        self.directory.catalogue.unload(message);
    }

    /// Looks the worker of `tid` up.
    #[cold]
    pub(crate) fn meet(&self, tid: Tid) {
        let Some((worker, post)) = tid.worker().and_then(|worker| Some((worker, self.directory.post(worker)?))) else {
            return;
        };
        let index = worker as usize;
        let mut peers = self.peers.borrow_mut();
        if peers.len() <= index {
            peers.resize(index + 1, None);
        }
        peers[index] = Some(post);
    }
}
