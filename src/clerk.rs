//! The clerk: carries out what is asked of the kernel by message, on the thread that sends it.
//!
//! See [`system`](crate::system) for what can be asked. Only what other threads know takes longer: see
//! [`Gather`](crate::gather::Gather).

use std::sync::Arc;

use crate::address::Address;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::core::Core;
use crate::directory::Directory;
use crate::gather::Gather;
use crate::message::{Flags, Message};
use crate::post::Post;
use crate::record::{Record, RecordType};
use crate::setting_out::stop_in_background;
use crate::system::{
    AddMonitor, ListNamespaces, ListTargets, NAMESPACE, Namespaces, Ping, Pong, ReadCounters, RemoveMonitor, Stop,
};

/// What is left to do when the clerk has looked at a message.
enum Rest {
    /// It has its final code.
    Nothing,
    /// The targets of these workers are to be listed.
    Gather(Vec<Arc<Post>>),
    /// It is answered, and then the kernel stops.
    Stop,
}

/// Whether an address, completed but for its node, is that of the kernel's own services.
pub(crate) fn is_addressed(to: Address) -> bool {
    to.tid.is_unset() && to.nid == NAMESPACE
}

impl Directory {
    /// Carries out what can be done at once; `now` is asked what time it is.
    fn carry_out(&self, message: &mut Message<'_>, now: impl FnOnce() -> Time) -> Rest {
        if message.has_several() {
            message.fail(Failure::new(Code::NOT_HANDLED, "the kernel takes one record at a time"));
        } else if message.record::<Ping>().is_some() {
            message.answer(Pong { node: self.node, received: now() });
        } else if message.record::<ListNamespaces>().is_some() {
            let mut namespaces: Vec<_> = self.spaces.read().keys().copied().collect();
            namespaces.sort_unstable();
            message.answer(Namespaces(namespaces));
        } else if let Some(&ListTargets(nid)) = message.record() {
            match self.spaces.read().get(&nid) {
                Some(space) => return Rest::Gather(space.posts.clone()),
                None => message.set_code(Code::NO_NAMESPACE),
            }
        } else if let Some(&AddMonitor { filter, target }) = message.record() {
            let home = message.origin().unwrap_or_else(|| self.home());
            match self.monitor(filter, target.completed_from(home)) {
                Ok(monitor) => message.answer(monitor),
                Err(code) => message.set_code(code),
            }
        } else if let Some(&RemoveMonitor(monitor)) = message.record() {
            self.unmonitor(monitor);
            message.answer(());
        } else if message.record::<ReadCounters>().is_some() {
            message.answer(self.counters());
        } else if message.record::<Stop>().is_some() {
            message.answer(());
            return Rest::Stop;
        }
        Rest::Nothing
    }

    /// Carries out what a thread asks that is no worker, or says why not.
    pub(crate) fn serve_outside(self: &Arc<Self>, message: &mut Message<'static>) -> Result<(), Code> {
        let rest = self.carry_out(message, || self.clock.now());
        if let Rest::Gather(posts) = rest {
            Gather::new(message.take_all(), posts, self.clone()).go_on();
            return Ok(());
        }
        if !message.code.is_ok() {
            return Err(message.code);
        }
        drop(self.send_back(message, |count| self.outside.shared(count)));
        if matches!(rest, Rest::Stop) {
            stop_in_background(self);
        }
        Ok(())
    }

    /// Whether what is asked takes a turn of a worker that the calling thread drives.
    pub(crate) fn asks_this_thread(&self, to: Address, record: &RecordType) -> bool {
        let lists = is_addressed(to) && record.id() == ListTargets::ID;
        lists && self.spaces.read().values().flat_map(|space| &space.posts).any(|post| post.is_here())
    }
}

impl Core {
    /// Carries out what a target of this thread asks, or somebody on the way through it: the message has its final code
    /// then, or somebody else has it.
    pub(crate) fn serve_here(&self, message: &mut Message<'_>) {
        match self.directory.carry_out(message, || self.now()) {
            Rest::Nothing => self.end(message),
            Rest::Stop => {
                self.end(message);
                stop_in_background(&self.directory);
            }
            Rest::Gather(posts) => self.gather(message, posts),
        }
    }

    fn gather(&self, message: &mut Message<'_>, posts: Vec<Arc<Post>>) {
        let elsewhere = posts.iter().any(|post| post.worker != self.post.worker);
        let refused = match message.flags.contains(Flags::CALL) {
            true if elsewhere => Some(Code::WOULD_BLOCK),
            false if elsewhere && !self.reserve(message) => Some(Code::BUSY),
            _ => None,
        };
        if let Some(code) = refused {
            message.code = code;
            return self.end(message);
        }
        if elsewhere {
            return Gather::new(message.take_all(), posts, self.directory.clone()).go_on();
        }
        message.answer(crate::gather::of_this_thread(self, &posts));
        self.end(message);
    }
}
