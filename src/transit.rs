//! What becomes of a message on its way: completed, passed on, split, settled, and ended.
//!
//! None of this is a user's to call: it is the dispatcher's side of [`Message`].

use std::borrow::Cow;

use crate::address::Address;
use crate::body::Body;
use crate::code::{Code, Failure};
use crate::counters::Count;
use crate::fault::quietly;
use crate::id::{Nid, NodeId, Tid};
use crate::message::{Cold, Flags, Message, Sender};
use crate::origin::{Back, Origin};
use crate::record::{Absent, Record, RecordType};

impl Message<'_> {
    /// The target that sent it first, on whatever node.
    pub(crate) fn origin(&self) -> Option<Address> {
        match self.sender {
            Sender::Target(tid, nid) => Some(Address { tid: Tid::from_raw(tid.get()), nid, node: self.node }),
            Sender::Outside(_) => self.cold.as_deref()?.origin.as_ref()?.sender,
        }
    }

    /// Whether a port brought it in.
    pub(crate) fn is_from_port(&self) -> bool {
        self.cold.as_deref().is_some_and(|cold| cold.origin.is_some())
    }

    /// What takes it back to where it comes from, outside the node.
    pub(crate) fn way_back(&mut self) -> Option<Back> {
        self.cold.as_deref_mut()?.origin.as_mut()?.back.take()
    }

    /// The generated id of the target that sent it first.
    #[inline]
    pub(crate) fn requester(&self) -> Tid {
        match self.sender {
            Sender::Target(tid, _) => Tid::from_raw(tid.get()),
            Sender::Outside(_) => Tid::UNSET,
        }
    }

    /// The target that is to handle it, or did.
    pub(crate) fn destination(&self) -> Address {
        Address { tid: self.tid, nid: self.nid, node: self.elsewhere().unwrap_or(self.node) }
    }

    /// Takes a missing namespace and node from the sender's home. Another node than that goes out of the way.
    pub(crate) fn complete_from(&mut self, nid: Nid, node: NodeId) {
        if self.nid.is_unset() {
            self.nid = nid;
        }
        if self.node != node {
            if !self.node.is_unset() {
                self.send_elsewhere(Some(self.node));
            }
            self.node = node;
        }
    }

    /// Sets the receiver's node of a message that is to be carried on there, where it is not the sender's.
    ///
    /// The flags are written whole: who reads them all just after a write of one byte waits until that is in the cache
    /// (`benches/compare`, row `forward`).
    #[inline]
    pub(crate) fn set_forwarded(&mut self, node: Option<NodeId>) {
        self.flags = (self.flags - Flags::ABROAD) | Flags::FORWARD;
        if node.is_some() {
            self.send_elsewhere(node);
        }
    }

    /// Sets where it comes from.
    pub(crate) fn set_origin(&mut self, origin: Origin) {
        self.cold_abroad().origin = Some(origin);
    }

    pub(crate) fn cold(&mut self) -> &mut Cold {
        self.flags |= Flags::COLD;
        self.cold.open()
    }

    /// The same for mail from or to another node.
    pub(crate) fn cold_abroad(&mut self) -> &mut Cold {
        self.flags |= Flags::COLD;
        self.cold.open_abroad()
    }

    pub(crate) fn set_text(&mut self, text: Cow<'static, str>) {
        if !text.is_empty() || self.cold.is_some() {
            self.cold().set_text(text);
        }
    }

    /// The type of the record that was asked for, also if only a notice came back.
    pub(crate) fn asked(&self) -> &'static RecordType {
        self.body.get::<Absent>().map_or(self.kind(), |absent| absent.record())
    }

    /// Whether its sender waits on the stack.
    pub(crate) const fn is_called(&self) -> bool {
        self.flags.contains(Flags::CALL)
    }

    /// Whether its records are being handled one by one.
    pub(crate) const fn is_in_parts(&self) -> bool {
        self.flags.contains(Flags::PARTS)
    }

    /// Whether it has more than one record.
    #[inline]
    pub(crate) fn has_several(&self) -> bool {
        self.flags.intersection(Flags::COLD | Flags::PARTS) == Flags::COLD
            && self.cold.as_deref().is_some_and(|cold| !cold.more().is_empty())
    }

    /// Takes an answer of type `A` out. A handler that set no answer has answered `()`.
    pub(crate) fn take_answer<A: Record>(&mut self) -> Option<A> {
        if !self.body.kind().is::<A>() && <()>::TYPE.is::<A>() {
            // It is the sender of the record who gets here, and it is not to be blamed for its `Drop`.
            quietly(|| self.body.clear());
        }
        self.body.take()
    }

    /// Takes code and text out as a failure.
    pub(crate) fn take_failure(&mut self) -> Failure {
        let text = self.cold.as_deref_mut().map(Cold::take_text);
        Failure::new(self.code, text.unwrap_or_default())
    }

    /// Takes the answer out. A handler that set no answer has answered `()`.
    pub(crate) fn into_answer<A: Record>(mut self) -> Result<A, Failure> {
        if !self.code.is_ok() {
            return Err(self.take_failure().with_message(self.into_owned()));
        }
        if let Some(answer) = self.take_answer() {
            return Ok(answer);
        }
        let text = format!("the answer is a `{}`, not a `{}`", self.kind().name(), A::NAME);
        Err(Failure::new(Code::MALFORMED, text).with_message(self.into_owned()))
    }

    /// Forgets what a handler said of it before it passed it on.
    #[inline]
    pub(crate) fn renew(&mut self) {
        self.flags -= Flags::FORWARD;
        self.code = Code::NOT_HANDLED;
        if self.flags.contains(Flags::COLD) {
            self.set_text(Cow::Borrowed(""));
        }
    }

    /// Whether it is a notification with one record to which nothing has happened.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        Flags::DEADLINE.contains(self.flags) && self.code == Code::NOT_HANDLED
    }

    /// As what it is counted when it gets to its sender.
    pub(crate) fn reached(&self) -> Count {
        match (self.code.is_ok(), self.flags.contains(Flags::NOTICE)) {
            (_, true) => Count::Expired,
            (true, _) => Count::Answered,
            (false, _) => Count::Returned,
        }
    }

    /// As what it is counted when its sender is gone.
    pub(crate) fn lost(&self) -> Count {
        match (self.code.is_ok(), self.flags.contains(Flags::NOTICE)) {
            (_, true) => Count::Expired,
            (true, _) => Count::DeadAnswers,
            (false, _) => Count::DeadLetters,
        }
    }

    /// Takes one record out, to be dropped; `None` when nothing is left that could panic in its `Drop`.
    pub(crate) fn next_to_drop(&mut self) -> Option<Body<'_>> {
        if self.body.kind().needs_drop() {
            return Some(self.body.take_all());
        }
        self.cold.as_deref_mut()?.pop()
    }

    /// A copy for observers in memory of its own, with a service address; `None` if a record cannot be cloned.
    pub(crate) fn copy(&self) -> Option<Message<'static>> {
        let sender = match self.sender {
            Sender::Target(tid, nid) => Sender::Target(tid, nid),
            Sender::Outside(_) => Sender::Outside(None),
        };
        let to = Address { tid: Tid::UNSET, nid: self.nid, node: self.node };
        let flags = self.flags & (Flags::WANT_ANSWER | Flags::LOCAL_ONLY) | Flags::COPY;
        let mut copy = Message::new(to, self.body.try_clone()?, flags, sender);
        copy.set_deadline(self.due());
        copy.request = self.request;
        if let Some(origin) = self.cold.as_deref().and_then(|cold| cold.origin.as_ref()) {
            copy.cold().origin = Some(origin.of_copy());
        }
        for body in self.cold.as_deref().map_or(&[][..], Cold::more) {
            copy.cold().push(body.try_clone()?);
        }
        Some(copy)
    }

    /// Its number among the messages of a service that retains the last one; 0 if it has none.
    pub(crate) fn number(&self) -> u64 {
        self.cold.as_deref().map_or(0, |cold| cold.number)
    }

    /// Sets its number; 0 is none.
    pub(crate) fn set_number(&mut self, number: u64) {
        if number != 0 || self.cold.is_some() {
            self.cold().number = number;
        }
    }

    /// Makes a message that was built by hand one that can be sent.
    pub(crate) fn launch(&mut self) {
        // As in a draft: it may have been refused on its way to another node.
        self.node = self.destination().node;
        self.flags &= Flags::WANT_ANSWER | Flags::LOCAL_ONLY | Flags::DEADLINE | Flags::COLD;
        self.code = Code::NOT_HANDLED;
        if let Some(cold) = self.cold.as_deref_mut() {
            cold.origin = None;
            cold.elsewhere = None;
        }
    }

    /// The same for one that no target sends: nobody gets its answer.
    pub(crate) fn launch_from_outside(&mut self) {
        self.launch();
        self.flags -= Flags::WANT_ANSWER;
        self.sender = Sender::Outside(None);
    }

    /// From here on the records are handled one by one.
    pub(crate) fn begin_parts(&mut self) {
        self.flags |= Flags::PARTS;
    }

    /// Exchanges the first record for the one at `index`; done twice, everything is as before.
    pub(crate) fn bring_forward(&mut self, index: usize) {
        let Some(other) = index.checked_sub(1) else {
            return;
        };
        let first = self.body.take_all();
        if let Some(body) = self.cold.as_deref_mut().and_then(|cold| cold.more_mut().get_mut(other)) {
            self.body = std::mem::replace(body, first);
        }
    }

    /// All records have been handled, or one was not: then they stay, and the answers so far go.
    pub(crate) fn end_parts(&mut self, handled: bool) {
        self.flags -= Flags::PARTS;
        let mut answers = std::mem::take(self.cold().answers());
        if handled && self.wants_answer() && !answers.is_empty() {
            self.answer(());
            self.body = answers.remove(0);
            self.cold().set_more(answers);
        }
    }
}
