//! The clerk: carries out what is asked of the kernel by message, on the thread that sends it.
//!
//! See [`system`](crate::system) for what can be asked. Only what other threads know takes longer: see
//! [`Gather`](crate::clerk::gather::Gather).

pub(crate) mod gather;

use std::sync::Arc;

use crate::address::Address;
use crate::clerk::gather::Gather;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::core::Core;
use crate::departure::set_out::{TIMEOUT, stop_in_background};
use crate::directory::Directory;
use crate::id::{Nid, RecordId};
use crate::message::{Flags, Message};
use crate::post::Post;
use crate::record::{Record, RecordType};
use crate::service::{Key, Service};
use crate::serving::ServeError;
use crate::system::{
    AddMonitor, AddObserver, ListNamespaces, ListServices, ListTargets, NAMESPACE, Namespaces, Offer, Ping, Pong,
    ReadCounters, RemoveMonitor, RemoveObserver, Services, Stop,
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

/// The code for what kept a target from observing; the text says more.
const fn code_of(error: &ServeError) -> Code {
    match error {
        ServeError::Unreachable { code, .. } => *code,
        ServeError::NoService { .. } => Code::NO_SERVICE,
        _ => Code::NOT_HANDLED,
    }
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
        } else if let Some(&ListServices(nid)) = message.record() {
            match self.spaces.read().contains_key(&nid) {
                true => message.answer(self.services_of(nid)),
                false => message.set_code(Code::NO_NAMESPACE),
            }
        } else if let Some(&AddObserver { service, record, observer }) = message.record() {
            self.change_audience(message, (service, record), observer, Self::observe);
        } else if let Some(&RemoveObserver { service, record, observer }) = message.record() {
            self.change_audience(message, (service, record), observer, Self::unobserve);
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

    fn services_of(&self, nid: Nid) -> Services {
        let mut services = self.catalogue.all();
        services.retain(|service| service.nid == nid);
        services.sort_unstable_by_key(|service| service.record.id());
        let owners = |service: &Service| {
            let owners =
                service.plan().owners.iter().map(|owner| Address { tid: owner.tid, ..self.address_of(nid) }).collect();
            Offer { record: service.record.id(), owners, observers: service.observers() }
        };
        Services(services.iter().map(|service| owners(service)).collect())
    }

    /// Has `change` attach or detach an observer, and says how that went.
    fn change_audience(
        &self,
        message: &mut Message<'_>,
        (service, record): (Address, RecordId),
        observer: Address,
        change: impl FnOnce(&Self, Key, Address) -> Result<(), ServeError>,
    ) {
        let home = message.origin().unwrap_or_else(|| self.home());
        let (service, observer) = (service.completed_from(home), observer.completed_from(home));
        if service.node != self.node || !service.tid.is_unset() {
            return message.set_code(Code::NO_SERVICE);
        }
        match change(self, Key { nid: service.nid, record }, observer) {
            Ok(()) => message.answer(()),
            Err(error) => message.fail(Failure::new(code_of(&error), error.to_string())),
        }
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
            let _ = stop_in_background(self, TIMEOUT);
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
                let _ = stop_in_background(&self.directory, TIMEOUT);
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
        message.answer(gather::of_this_thread(self, &posts));
        self.end(message);
    }
}
