//! Mail that leaves this thread: into another worker's hand-off, or to the port that reaches another node.

use std::sync::Arc;

use crate::code::Code;
use crate::core::Core;
use crate::dispatcher::Step;
use crate::id::Tid;
use crate::message::{Flags, Message};
use crate::post::Post;
use crate::registry::Turn;

impl Core {
    /// What is not on the direct path. To another thread that is known a message goes at once, by a completed address on
    /// this node.
    #[inline(never)]
    pub(super) fn step_away(&self, message: &mut Message<'_>, turn: Turn) -> Step {
        if !self.is_in_time(message) && message.due() <= self.now() {
            return self.refuse(message, Code::EXPIRED);
        }
        if message.node == self.node
            && !message.flags.intersects(Flags::CALL | Flags::ABROAD)
            && let Some(pushed) = self.push_to_known(message)
        {
            return match pushed {
                Ok(()) => Step::Done,
                Err(code) => self.refuse(message, code),
            };
        }
        self.step_slowly(message, turn)
    }

    /// Passes a message to the thread of its target, whose address is complete.
    #[cold]
    pub(super) fn hand_off(&self, message: &mut Message<'_>, turn: Turn) -> Step {
        if message.flags.contains(Flags::CALL) {
            let nowhere = self.directory.route(message.destination()).err();
            return self.refuse(message, nowhere.unwrap_or(Code::WOULD_BLOCK));
        }
        if !self.knows(message) {
            self.meet(message.tid);
        }
        if !self.knows(message) {
            return self.refuse(message, self.why_nobody(message));
        }
        self.step_away(message, turn)
    }

    /// Gives a message to the port that reaches its node.
    #[cold]
    pub(super) fn send_abroad(&self, message: &mut Message<'_>) -> Step {
        if message.flags.contains(Flags::CALL) {
            let known = self.directory.reaches(message.destination().node);
            return self.refuse(message, if known { Code::WOULD_BLOCK } else { Code::NO_NODE });
        }
        let delivered = if self.reserve(message) { self.deliver_abroad(message) } else { Err(Code::BUSY) };
        match delivered {
            Ok(()) => Step::Done,
            Err(code) => self.refuse(message, code),
        }
    }

    fn deliver_abroad(&self, message: &mut Message<'_>) -> Result<(), Code> {
        if let Ok(mut known) = self.ports.try_borrow_mut() {
            known.refresh(&self.directory.ports);
        }
        self.posted.set(true);
        let asks = message.wants_answer() && self.own_sender(message).is_some();
        self.abroad.give(message, asks);
        // A port may send again.
        let delivered = self.directory.deliver_abroad(message, &self.ports.borrow());
        if delivered.is_err() {
            self.abroad.keep(message);
        }
        delivered
    }

    /// Has the ports send what they have kept for more, if this thread has given them anything since they did last.
    #[inline]
    pub(crate) fn flush_ports(&self) {
        if self.posted.replace(false) {
            self.flush_ports_now();
        }
    }

    #[cold]
    fn flush_ports_now(&self) {
        self.ports.borrow().flush();
    }

    #[inline]
    fn push_to_known(&self, message: &mut Message<'_>) -> Option<Result<(), Code>> {
        let peers = self.peers.borrow();
        known(&peers, message).map(|post| self.push(post, message))
    }

    /// Whether this thread knows the worker to which a message goes, and that has not gone.
    fn knows(&self, message: &Message<'_>) -> bool {
        known(&self.peers.borrow(), message).is_some()
    }

    /// Moves a message into another worker's hand-off, unless that is not possible.
    #[inline]
    fn push(&self, post: &Post, message: &mut Message<'_>) -> Result<(), Code> {
        // Returns that this thread has not taken yet bound what it may send.
        if self.post.inbox.is_spilling() || !self.reserve(message) {
            return Err(Code::BUSY);
        }
        post.take(message)
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
            self.abroad.close(message);
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

/// The worker to which a message goes, if it is one of these, and has not gone.
#[inline]
fn known<'a>(peers: &'a [Option<Arc<Post>>], message: &Message<'_>) -> Option<&'a Post> {
    let post = peers.get(message.tid.place())?.as_deref()?;
    (post.nid == message.nid && !post.is_closing()).then_some(post)
}
