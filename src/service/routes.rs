//! What one thread knows of services, so that its messages take no lock.
//!
//! Each entry is checked against the service's version, with one load, whenever a message needs it. Services that
//! there are not leave no entry.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use crate::id::Tid;
use crate::service::audience::{Audience, Observer};
use crate::service::catalogue::KeyHasher;
use crate::service::plan::{Kind, Plan};
use crate::service::{Key, Service};
use crate::sync::Arc;

/// The services that one worker's thread knows.
#[derive(Debug)]
pub(crate) struct Routes {
    worker: u32,
    known: HashMap<Key, Route, BuildHasherDefault<KeyHasher>>,
    /// Owners that were found without more ado, at the places of their keys.
    recent: [Option<Recent>; RECENT],
    /// With so many entries those of closed services are swept out.
    sweep_at: usize,
    /// Counts the observers that have gone; whoever walks over a snapshot sees that it is old.
    pub(crate) departures: u64,
}

/// One service as its thread knows it.
#[derive(Debug)]
struct Route {
    view: Rc<View>,
    /// The owner, if it lives here and nobody else is to see the messages; a generated id, or none.
    lone: Option<Tid>,
    version: u64,
    /// The observers of this thread.
    audience: Audience,
    /// Whose turn it is among the owners.
    turn: usize,
}

/// A service that goes to one owner of this thread, and that nobody observes.
#[derive(Clone, Debug)]
struct Recent {
    key: Key,
    service: Arc<Service>,
    version: u64,
    owner: Tid,
}

/// A service and the plan that was the last to be seen.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) service: Arc<Service>,
    pub(crate) plan: Arc<Plan>,
}

/// How well a service is known.
pub(crate) enum Known {
    Well(Rc<View>),
    /// It has changed meanwhile.
    Less(Arc<Service>),
    Not,
}

/// How many owners are remembered, a power of two. What does not fit costs a look into the table: about 3 ns.
const RECENT: usize = 16;

/// The fewest entries that are worth a sweep.
const SWEEP: usize = 32;

impl Routes {
    pub(crate) fn new(worker: u32) -> Self {
        Self { worker, known: HashMap::default(), recent: [const { None }; RECENT], sweep_at: SWEEP, departures: 0 }
    }

    /// The owner of a service, if it lives here and nobody else is to see the messages.
    #[inline]
    pub(crate) fn lone_owner(&mut self, key: Key) -> Option<Tid> {
        match &self.recent[key.place(RECENT)] {
            Some(recent) if recent.key == key && recent.service.is_at(recent.version) => Some(recent.owner),
            _ => self.remember(key),
        }
    }

    #[cold]
    fn remember(&mut self, key: Key) -> Option<Tid> {
        let route = self.known.get(&key)?;
        let owner = route.lone.filter(|_| route.view.service.is_at(route.version))?;
        let recent = Recent { key, service: route.view.service.clone(), version: route.version, owner };
        self.recent[key.place(RECENT)] = Some(recent);
        Some(owner)
    }

    /// What is known of a service.
    #[inline]
    pub(crate) fn look_up(&self, key: Key) -> Known {
        match self.known.get(&key) {
            Some(route) if route.view.service.is_at(route.version) => Known::Well(route.view.clone()),
            Some(route) => Known::Less(route.view.service.clone()),
            None => Known::Not,
        }
    }

    /// Takes note of a plan; the audience of another service with the same key comes back, to be told.
    #[must_use]
    pub(crate) fn learn(
        &mut self,
        service: &Arc<Service>,
        version: u64,
        plan: Arc<Plan>,
    ) -> Option<(Arc<Service>, Audience)> {
        let key = service.key();
        let old = self.known.get(&key).is_some_and(|route| !Arc::ptr_eq(&route.view.service, service));
        let left = if old { self.forget(key) } else { None };
        self.sweep();
        let nobody_else = plan.workers.is_empty() && !service.terms.retains && service.terms.kind == Kind::Single;
        let own = |tid: &Tid| nobody_else && tid.worker() == Some(self.worker);
        let lone = plan.owners.first().map(|owner| owner.tid).filter(own);
        let view = Rc::new(View { service: service.clone(), plan });
        match self.known.get_mut(&key) {
            Some(route) => (route.view, route.version, route.lone) = (view, version, lone),
            None => {
                let route = Route { view, lone, version, audience: Audience::default(), turn: self.worker as usize };
                self.known.insert(key, route);
            }
        }
        left
    }

    /// Forgets a service; its observers come back, to be told.
    pub(crate) fn forget(&mut self, key: Key) -> Option<(Arc<Service>, Audience)> {
        self.departures += 1;
        self.recent[key.place(RECENT)] = None;
        self.known.remove(&key).map(|route| (route.view.service.clone(), route.audience))
    }

    /// The observers of `service` here, if that is the one that is known.
    pub(crate) fn audience_of(&mut self, service: &Arc<Service>) -> Option<&mut Audience> {
        let route = self.known.get_mut(&service.key())?;
        Arc::ptr_eq(&route.view.service, service).then_some(&mut route.audience)
    }

    /// Removes an observer of `service`; `false` if it is none.
    pub(crate) fn remove(&mut self, service: &Arc<Service>, tid: Tid) -> bool {
        let removed = self.audience_of(service).is_some_and(|audience| audience.remove(tid));
        self.departures += u64::from(removed);
        removed
    }

    /// The observers of this thread and moment.
    #[inline]
    pub(crate) fn observers(&self, key: Key) -> Option<Rc<Vec<Observer>>> {
        let route = self.known.get(&key).filter(|route| !route.audience.is_empty())?;
        Some(route.audience.snapshot())
    }

    /// Everybody on this thread who observes anything, and what.
    pub(crate) fn all_observers(&self) -> impl Iterator<Item = (Key, Tid)> {
        let audiences = self.known.iter().map(|(&key, route)| (key, route.audience.snapshot()));
        audiences.flat_map(|(key, all)| all.iter().map(|observer| (key, observer.tid)).collect::<Vec<_>>())
    }

    /// Whether a target observes a service.
    pub(crate) fn observes(&self, key: Key, tid: Tid) -> bool {
        self.known.get(&key).is_some_and(|route| route.audience.contains(tid))
    }

    /// Whose turn it is.
    pub(crate) fn next_turn(&mut self, key: Key) -> usize {
        self.known.get_mut(&key).map_or(0, |route| {
            route.turn = route.turn.wrapping_add(1);
            route.turn
        })
    }

    fn sweep(&mut self) {
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, route| !route.audience.is_empty() || route.view.service.plan().open);
            self.sweep_at = SWEEP.max(2 * self.known.len());
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Known, Routes, SWEEP};
    use crate::id::{Nid, Tid};
    use crate::record::Record;
    use crate::service::plan::Kind;
    use crate::service::{Service, Terms};
    use crate::sync::Arc;

    fn learn(routes: &mut Routes, service: &Arc<Service>) {
        let news = service.collect(1, |_| true);
        assert!(routes.learn(service, news.version, news.plan).is_none());
    }

    fn service(number: u32) -> Arc<Service> {
        let terms = Terms { kind: Kind::Single, retains: false };
        Arc::new(Service::new(Nid::number(number), <()>::TYPE, terms, Arc::default()))
    }

    #[test]
    fn an_owner_is_alone_until_somebody_observes() {
        let (mut routes, service) = (Routes::new(1), service(1));
        let owner = Tid::generated(1, 0, 0);
        assert_eq!(service.add_owner(owner, Arc::default), Ok(()));
        learn(&mut routes, &service);
        assert_eq!(routes.lone_owner(service.key()), Some(owner));
        assert!(service.add_observer(2, Tid::generated(2, 0, 0)).is_ok());
        assert!(matches!(routes.look_up(service.key()), Known::Less(_)), "expected the change to be noticed");
        learn(&mut routes, &service);
        assert_eq!(routes.lone_owner(service.key()), None);
    }

    #[test]
    fn closed_services_do_not_pile_up() {
        let mut routes = Routes::new(1);
        for number in 0..1000 {
            let service = service(number);
            learn(&mut routes, &service);
            drop(service.close());
        }
        assert!(routes.known.len() <= SWEEP, "expected old entries to be swept out");
    }
}
