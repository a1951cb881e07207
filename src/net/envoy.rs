//! Envoys: targets that stand here for those of another node, which observe a service or monitor this node.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::address::Address;
use crate::context::Context;
use crate::ending::{Ended, Reason};
use crate::id::{Nid, RecordId, Tid};
use crate::message::Message;
use crate::monitor::Change;
use crate::net::intake::{Errand, Intake};
use crate::net::transport::Peer;
use crate::target::{Outcome, Target};

/// Observes a service for all observers of one node: a copy crosses once, however many they are.
pub(crate) struct Observing {
    pub(crate) intake: Arc<Intake>,
    pub(crate) peer: Peer,
    pub(crate) observers: Observers,
}

/// The observers of one service on one node; shared by their envoy and the carrier.
pub(crate) type Observers = Arc<Mutex<Vec<(Tid, Nid)>>>;

/// Tells a target of another node what a monitor tells, a few changes at a time, so that none is refused for lack of room.
pub(crate) struct Monitoring {
    to: Address,
    /// Changes that have not been sent.
    waiting: VecDeque<Change>,
    /// Changes that have been sent and not been taken.
    under_way: usize,
}

/// Changes that one envoy has under way at most.
const UNDER_WAY: usize = 32;

/// Watches a target of this node for one of another.
pub(crate) struct Watching {
    pub(crate) intake: Arc<Intake>,
    pub(crate) peer: Peer,
    pub(crate) watch: u64,
    pub(crate) target: Address,
}

/// A service that is observed from another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Observed {
    pub(crate) namespace: Nid,
    pub(crate) record: RecordId,
}

impl Target for Observing {
    fn receive(&mut self, _: &mut Message<'_>, _: &mut Context<'_>) -> Outcome {
        Outcome::NotHandled
    }

    fn observed(&mut self, message: &Message<'_>, _: &mut Context<'_>) {
        let observers = self.observers.lock().clone();
        if let Some(copy) = message.copy().filter(|_| !observers.is_empty()) {
            self.intake.put(Errand::Copy(self.peer, observers, copy));
        }
    }
}

impl Target for Watching {
    fn started(&mut self, ctx: &mut Context<'_>) {
        if ctx.watch(self.target).is_err() {
            self.end(Reason::Gone);
        }
    }

    fn receive(&mut self, message: &mut Message<'_>, _: &mut Context<'_>) -> Outcome {
        let Some(ended) = message.take::<Ended>() else {
            return Outcome::NotHandled;
        };
        self.end(ended.reason);
        Outcome::Handled
    }
}

impl Watching {
    fn end(&self, reason: Reason) {
        self.intake.put(Errand::WatchEnded(self.peer, self.watch, reason));
    }
}

impl Monitoring {
    pub(crate) const fn new(to: Address) -> Self {
        Self { to, waiting: VecDeque::new(), under_way: 0 }
    }

    fn send(&mut self, ctx: &Context<'_>) {
        while self.under_way < UNDER_WAY
            && let Some(change) = self.waiting.pop_front()
        {
            self.under_way += 1;
            let _ = ctx.request(self.to, change);
        }
    }
}

impl Target for Monitoring {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let Some(change) = message.take::<Change>() else {
            return Outcome::NotHandled;
        };
        self.waiting.push_back(change);
        self.send(ctx);
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        if !answer.code().is_ok() {
            // Nobody is there any more to be told, and with its target the monitor ends.
            ctx.ignore(answer);
            return ctx.stop();
        }
        self.under_way -= 1;
        self.send(ctx);
    }
}
