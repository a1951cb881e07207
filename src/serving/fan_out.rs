//! Messages to services from threads that are no workers, and what the library itself publishes.
//!
//! The same fan-out as in [`publish`](crate::publish), without a thread of its own: each thread that has observers
//! gets one copy through its hand-off, the owner's thread the message itself.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::address::Address;
use crate::clock::Time;
use crate::code::Code;
use crate::counters::Count;
use crate::directory::Directory;
use crate::events;
use crate::fault::{quietly, text_of};
use crate::id::{Nid, Tid};
use crate::message::{Flags, Message};
use crate::post::Mail;
use crate::service::plan::{Kind, Plan};
use crate::service::{Key, Service};
use crate::sync::{Arc, Ordering};

impl Directory {
    /// Why mail for a service of `nid` finds none.
    pub(crate) fn why_no_service(&self, nid: Nid) -> Code {
        match self.why_nobody(nid) {
            Code::NO_TARGET => Code::NO_SERVICE,
            code => code,
        }
    }

    /// Finds the owner of the service that a message is for, once a copy is on its way to everybody who observes it.
    /// Without an owner the message ends, with the code that is the error.
    pub(crate) fn locate_service(&self, message: &mut Message<'static>) -> Result<(), Code> {
        let key = Key { nid: message.nid, record: message.kind().id() };
        let service = self.catalogue.find(key).ok_or_else(|| self.why_no_service(key.nid))?;
        if message.due() != Time::NEVER && message.due() <= self.clock.now() {
            return Err(Code::EXPIRED);
        }
        message.set_number(0);
        if service.terms.retains {
            message.set_number(self.retain(&service, message));
        }
        let plan = service.plan();
        let kind = service.terms.kind;
        let turn = if kind == Kind::Single { 0 } else { service.turn() };
        let owner = plan.pick(kind, turn, |_| true);
        if owner.is_none() && kind != Kind::Topic {
            return Err(Code::NO_SERVICE);
        }
        let theirs = owner.and_then(|owner| owner.tid.worker());
        let reached = self.hand_copies(&service, &plan, message, theirs);
        let Some(owner) = owner else {
            return Err(if reached > 0 { Code::OK } else { Code::NOT_HANDLED });
        };
        message.tid = owner.tid;
        if let Some(load) = owner.load.as_ref().filter(|_| message.wants_answer()) {
            load.fetch_add(1, Ordering::Relaxed);
            message.flags |= Flags::LOADED;
        }
        if theirs.is_some_and(|theirs| plan.workers.contains(&theirs)) {
            message.flags |= Flags::SHOW;
        }
        Ok(())
    }

    /// What a message to a service leaves behind that did not get into its owner's hand-off.
    pub(crate) fn recall(&self, message: &mut Message<'_>) {
        self.catalogue.unload(message);
        if message.flags.contains(Flags::SHOW) {
            message.flags -= Flags::SHOW;
            self.lose_copy();
        }
    }

    fn retain(&self, service: &Service, message: &Message<'_>) -> u64 {
        let mut copy = self.copy(message);
        if let Some(copy) = &mut copy {
            copy.set_deadline(Time::NEVER);
        }
        let (number, old) = service.retain(copy);
        quietly(|| drop(old));
        number
    }

    /// Hands a copy to each worker of the plan but one; how many have got it.
    fn hand_copies(&self, service: &Service, plan: &Plan, message: &Message<'_>, but: Option<u32>) -> usize {
        let others = plan.workers.iter().filter(|&&worker| Some(worker) != but);
        others.filter(|&&worker| self.hand_copy(service, worker, message)).count()
    }

    fn hand_copy(&self, service: &Service, worker: u32, message: &Message<'_>) -> bool {
        let post = self.post(worker);
        let Some((post, mut copy)) = post.and_then(|post| Some((post, self.copy(message)?))) else {
            self.lose_copy();
            return false;
        };
        copy.set_number(message.number());
        copy.life = service.mark;
        let Err(refused) = post.inbox.push(Mail::Message(copy)) else {
            return true;
        };
        quietly(|| drop(refused));
        self.lose_copy();
        false
    }

    fn copy(&self, message: &Message<'_>) -> Option<Message<'static>> {
        catch_unwind(AssertUnwindSafe(|| message.copy())).unwrap_or_else(|payload| {
            self.outside.shared(Count::Panics);
            events::panicked(None, &text_of(payload));
            None
        })
    }

    fn lose_copy(&self) {
        self.outside.shared(Count::Copies);
        self.outside.shared(Count::LostCopies);
    }

    /// Whether a question to a service could only be answered by the calling thread.
    pub(crate) fn service_is_here(&self, key: Key) -> bool {
        let owner_is_here = |service: &Arc<Service>| {
            let posts = |tid: Tid| tid.worker().and_then(|worker| self.post(worker));
            service.plan().owners.iter().any(|owner| posts(owner.tid).is_some_and(|post| post.is_here()))
        };
        self.catalogue.with(key, owner_is_here).unwrap_or(false)
    }

    /// Publishes what the library itself has to say to whoever observes `service`.
    pub(crate) fn announce(&self, service: &Service, record: impl crate::record::Record) {
        let to = Address::service(service.nid).on_node(self.node);
        let message = Message::notification(to, record);
        self.hand_copies(service, &service.plan(), &message, None);
    }
}
