//! What monitors are told of services: opened and closed, owned, observed.
//!
//! Services and their owners belong to all threads: who changes them has the monitors locked meanwhile. An observer
//! belongs to its own thread, which tells of it as of its targets.

use crate::address::Address;
use crate::core::Core;
use crate::directory::Directory;
use crate::id::{Nid, Tid};
use crate::monitor::Event;
use crate::service::{Key, Service};
use crate::waking::WakeLater;

/// What has become of an observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attended {
    Begun,
    Ended,
}

impl Directory {
    /// Lets go of an owner; whether it was one.
    pub(crate) fn remove_owner(&self, service: &Service, tid: Tid) -> bool {
        let _later = WakeLater::new();
        let monitors = self.monitors.lock();
        let removed = service.remove_owner(tid);
        if removed {
            monitors.tell(&self.disowned(service.key(), tid));
        }
        removed
    }

    /// All services and their owners, as if they came now. The caller has the monitors locked.
    pub(crate) fn events_of_services(&self) -> Vec<Event> {
        let mut services = self.catalogue.all();
        services.sort_unstable_by_key(|service| (service.nid, service.record.id()));
        let events = services.iter().flat_map(|service| {
            let (key, plan) = (service.key(), service.plan());
            let owners = plan.owners.iter().map(|owner| self.owned(key, owner.tid)).collect::<Vec<_>>();
            std::iter::once(self.opened(key)).chain(owners)
        });
        events.collect()
    }

    pub(crate) fn opened(&self, of: Key) -> Event {
        Event::ServiceOpened { service: self.address_of(of.nid), record: of.record }
    }

    pub(crate) fn closed(&self, of: Key) -> Event {
        Event::ServiceClosed { service: self.address_of(of.nid), record: of.record }
    }

    pub(crate) fn owned(&self, of: Key, tid: Tid) -> Event {
        let service = self.address_of(of.nid);
        Event::OwnerAdded { service, record: of.record, target: Address { tid, ..service } }
    }

    pub(crate) fn disowned(&self, of: Key, tid: Tid) -> Event {
        let service = self.address_of(of.nid);
        Event::OwnerRemoved { service, record: of.record, target: Address { tid, ..service } }
    }

    /// The address of a namespace.
    pub(crate) const fn address_of(&self, nid: Nid) -> Address {
        Address::service(nid).on_node(self.node)
    }
}

impl Core {
    /// Tells monitors of an observer of this thread.
    pub(crate) fn report_observer(&self, of: Key, observer: Tid, attended: Attended) {
        if self.is_monitored() {
            self.report_event(&self.attended(of, observer, attended));
        }
    }

    /// All observers of this thread, as if they came now.
    pub(crate) fn events_of_observers(&self) -> Vec<Event> {
        let mut observers: Vec<(Key, Tid)> = self.routes.with(|routes| routes.all_observers().collect());
        observers.sort_unstable_by_key(|&(key, tid)| (key.nid, key.record, tid));
        observers.into_iter().map(|(key, tid)| self.attended(key, tid, Attended::Begun)).collect()
    }

    fn attended(&self, of: Key, observer: Tid, attended: Attended) -> Event {
        let (service, record, target) = (self.directory.address_of(of.nid), of.record, self.address(observer));
        match attended {
            Attended::Begun => Event::ObserverAdded { service, record, target },
            Attended::Ended => Event::ObserverRemoved { service, record, target },
        }
    }
}
