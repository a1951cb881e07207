//! The way of mail from any thread, and back to any: what workers do by themselves, a look-up and a lock at a time.

use std::sync::Arc;

use crate::address::Address;
use crate::clerk;
use crate::code::Code;
use crate::counters::Count;
use crate::directory::Directory;
use crate::fault::quietly;
use crate::id::{Nid, Tid};
use crate::message::{Flags, Message, Sender};
use crate::post::{Mail, Post};
use crate::reply::Asker;

impl Directory {
    /// The generated id and the worker of a completed address.
    pub(crate) fn route(&self, to: Address) -> Result<(Tid, Arc<Post>), Code> {
        if to.node != self.node {
            return Err(Code::NO_NODE);
        }
        if to.tid.is_unset() {
            let known = self.spaces.read().contains_key(&to.nid);
            return Err(if known { Code::NO_SERVICE } else { self.unless_stopping(Code::NO_NAMESPACE) });
        }
        let tid = if to.tid.worker().is_some() { to.tid } else { self.resolve(to.nid, to.tid)? };
        let post = tid.worker().and_then(|worker| self.post(worker)).filter(|post| post.nid == to.nid);
        post.map(|post| (tid, post)).ok_or_else(|| self.why_nobody(to.nid))
    }

    /// Sends a message from a thread that is no worker, or leaves it as it is and says why.
    pub(crate) fn send(self: &Arc<Self>, message: &mut Message<'static>) -> Result<(), Code> {
        if self.is_stopping() {
            return Err(Code::STOPPED);
        }
        message.complete_from(Nid::UNSET, self.node);
        self.pass_on(message)?;
        self.outside.shared(Count::Sent);
        Ok(())
    }

    /// Passes on a message that has been sent before, from a thread that is no worker.
    pub(crate) fn pass_on(self: &Arc<Self>, message: &mut Message<'static>) -> Result<(), Code> {
        if message.destination().node != self.node {
            self.choose_node(message)?;
        }
        let to = message.destination();
        if to.node != self.node {
            let ports = self.ports.view();
            return self.deliver_abroad(message, &ports).inspect(|()| ports.flush());
        }
        if clerk::is_addressed(to) {
            return self.serve_outside(message);
        }
        if message.tid.is_unset() {
            match self.locate_service(message) {
                Ok(()) => {}
                Err(Code::OK) => {
                    quietly(|| message.answer(()));
                    drop(self.send_back(message, |count| self.outside.shared(count)));
                    return Ok(());
                }
                Err(code) => return Err(code),
            }
        }
        self.pass_to_target(message).inspect_err(|_| self.recall(message))
    }

    fn pass_to_target(&self, message: &mut Message<'static>) -> Result<(), Code> {
        let (tid, post) = self.route(message.destination())?;
        message.tid = tid;
        post.take(message)
    }

    /// Brings a message that has its final code back to its sender, from any thread; `count` counts on this one.
    ///
    /// What nobody gets comes back, to be dropped.
    #[must_use = "a record may panic in its `Drop`: choose where"]
    pub(crate) fn send_back(&self, message: &mut Message<'_>, count: impl Fn(Count)) -> Option<Message<'static>> {
        if message.flags.contains(Flags::LOADED) {
            self.catalogue.unload(message);
        }
        if message.code.is_ok() {
            count(Count::Handled);
            if !message.wants_answer() {
                return Some(message.take_all());
            }
            count(Count::Answers);
        }
        message.flags |= Flags::TURNED;
        let lost = match &mut message.sender {
            Sender::Outside(asker) => match asker.take() {
                Some(asker) => return self.answer(&asker, message, count),
                None => match message.way_back() {
                    Some(back) => {
                        count(message.reached());
                        let message = message.take_all();
                        quietly(|| self.ports.take_back(back, message));
                        return None;
                    }
                    None => message.take_all(),
                },
            },
            Sender::Target(tid, _) => {
                let worker = Tid::from_raw(tid.get()).worker();
                match worker.and_then(|worker| self.post(worker)) {
                    None => message.take_all(),
                    Some(post) => match post.inbox.push_reserved(Mail::Message(message.take_all())) {
                        Err(Mail::Message(refused)) => refused,
                        _ => return None,
                    },
                }
            }
        };
        self.mourn(&lost, count);
        Some(lost)
    }

    /// Gives an asker its answer, or hands it back if it is late.
    #[inline]
    fn answer(&self, asker: &Asker, message: &mut Message<'_>, count: impl Fn(Count)) -> Option<Message<'static>> {
        let reached = message.reached();
        let late = if message.code.is_ok() { Count::LateAnswers } else { Count::DeadLetters };
        // Counted before the asker can look: whoever has its answer finds it in the counters.
        if asker.answer(message, || count(reached)) {
            return None;
        }
        count(late);
        if !message.code.is_ok() {
            self.tell_of(message);
        }
        Some(message.take_all())
    }
}
