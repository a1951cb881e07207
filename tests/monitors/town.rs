//! Targets that come, go, watch and monitor, and what is known of them without asking the library: each enters itself
//! into the town's register when it starts and strikes itself out when it is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use rohrpost::{
    Address, Change, Context, Ended, Event, Filter, Kernel, Message, Monitor, Outcome, RecordId, Setup, Target, system,
};

use crate::view::Seen;
use crate::world::Do;

/// What is known of everybody. Cloning it gives another handle to the same.
#[derive(Clone, Default)]
pub(crate) struct Town(Arc<Mutex<Register>>);

#[derive(Default)]
pub(crate) struct Register {
    pub(crate) present: BTreeSet<Address>,
    /// Who watches whom.
    watching: BTreeSet<(Address, Address)>,
    /// What was watched once: an end that was told before may still arrive.
    let_go: BTreeSet<(Address, Address)>,
    /// The monitors that run, with their targets.
    pub(crate) monitors: BTreeMap<Monitor, (Filter, Address)>,
    seen: BTreeMap<Monitor, Seen>,
    faults: Vec<String>,
    /// Ends that were told.
    pub(crate) ends: usize,
}

/// The services that there are: their owners, and how many observe them.
pub(crate) type Offers = BTreeMap<(Address, RecordId), (BTreeSet<Address>, usize)>;

/// One of the town.
pub(crate) struct Citizen {
    town: Town,
    own: Option<Address>,
}

impl Town {
    pub(crate) fn register(&self) -> MutexGuard<'_, Register> {
        self.0.lock().unwrap()
    }

    pub(crate) fn citizen(&self) -> Citizen {
        Citizen { town: self.clone(), own: None }
    }

    /// A setup and a factory: half of them restart.
    pub(crate) fn factory(&self) -> (Setup, impl FnMut() -> Citizen + Send + 'static) {
        let town = self.clone();
        (Setup::new().spread(), move || town.citizen())
    }

    /// The `index`th of those who are there.
    pub(crate) fn somebody(&self, index: usize) -> Option<Address> {
        let register = self.register();
        let count = register.present.len();
        register.present.iter().nth(index.checked_rem(count)?).copied()
    }

    pub(crate) fn watch(&self, ctx: &Context<'_>, other: Address) {
        let me = ctx.address();
        // Before, because the end can be told as soon as this has returned.
        self.register().watching.insert((me, other));
        if ctx.watch(other).is_err() {
            self.register().watching.remove(&(me, other));
        }
    }

    pub(crate) fn unwatch(&self, ctx: &Context<'_>, other: Address) {
        let me = ctx.address();
        ctx.unwatch(other);
        let mut register = self.register();
        register.watching.remove(&(me, other));
        register.let_go.insert((me, other));
    }

    pub(crate) fn monitor(&self, ctx: &Context<'_>, filter: Filter) {
        if let Ok(monitor) = ctx.monitor(filter) {
            self.register().monitors.insert(monitor, (filter, ctx.address()));
        }
    }

    pub(crate) fn monitor_from_outside(&self, kernel: &Kernel, filter: Filter, target: Address) {
        if let Ok(monitor) = kernel.monitor(filter, target) {
            self.register().monitors.insert(monitor, (filter, target));
        }
    }

    /// Takes one that runs out of the list, to be ended.
    pub(crate) fn take_monitor(&self, index: usize) -> Option<Monitor> {
        let mut register = self.register();
        let count = register.monitors.len();
        let monitor = *register.monitors.keys().nth(index.checked_rem(count)?)?;
        register.monitors.remove(&monitor);
        Some(monitor)
    }

    /// What is not as it should be when everybody is at rest and just these namespaces and services are open.
    pub(crate) fn differences(&self, open: &BTreeSet<Address>, offers: &Offers) -> Vec<String> {
        let register = self.register();
        let mut found = register.faults.clone();
        for (&monitor, (filter, target)) in &register.monitors {
            if !register.present.contains(target) {
                continue;
            }
            let seen = register.seen.get(&monitor).cloned().unwrap_or_default();
            found.extend(seen.faults.iter().cloned());
            let there = |&target: &Address| filter.matches(&Event::Registered { target, name: None });
            let present: Vec<Address> = register.present.iter().copied().filter(there).collect();
            let told: Vec<Address> = seen.targets.keys().copied().collect();
            if told != present {
                found.push(format!("{monitor:?} {filter:?} of {target} was told of {told:?}, not {present:?}"));
            }
            for (&(service, record), told) in &seen.services {
                let whole = filter.matches(&Event::ServiceOpened { service, record });
                if whole && !offers.contains_key(&(service, record)) {
                    found.push(format!(
                        "{monitor:?} {filter:?} was told of {record} at {service}: {told:?}, and there is none"
                    ));
                }
            }
            let matching = |&(&(service, record), _): &_| filter.matches(&Event::ServiceOpened { service, record });
            for (&(service, record), (owners, observers)) in offers.iter().filter(matching) {
                let told = seen.services.get(&(service, record)).cloned().unwrap_or_default();
                if !told.open || told.owners != *owners || told.observers.len() != *observers {
                    let there = format!("owners {owners:?} and {observers} observers");
                    found.push(format!(
                        "{monitor:?} {filter:?} was told of {record} at {service}: {told:?}, not {there}"
                    ));
                }
            }
            let there = |&namespace: &Address| filter.matches(&Event::NamespaceOpened { namespace });
            let open: Vec<Address> = open.iter().copied().filter(there).collect();
            let told: Vec<Address> = seen.namespaces.iter().copied().collect();
            if told != open || !seen.complete {
                let complete = seen.complete;
                found.push(format!("{monitor:?} {filter:?} was told of {told:?}, not {open:?}, complete: {complete}"));
            }
        }
        for (watcher, watched) in &register.watching {
            if register.present.contains(watcher) && !register.present.contains(watched) {
                found.push(format!("{watcher} was not told that {watched} has ended"));
            }
        }
        found
    }
}

/// The services that a kernel lists in these namespaces.
pub(crate) fn offers(kernel: &Kernel, open: &BTreeSet<Address>) -> Offers {
    let mut offers = Offers::new();
    for &space in open {
        let listed = kernel.ask(kernel.system(), system::ListServices(space.nid().unwrap())).wait().unwrap();
        let listed = listed.0.into_iter();
        let entry = |offer: system::Offer| (offer.owners.into_iter().collect(), offer.observers);
        offers.extend(listed.map(|offer| ((space, offer.record), entry(offer))));
    }
    offers
}

impl Target for Citizen {
    fn started(&mut self, ctx: &mut Context<'_>) {
        self.own = Some(ctx.address());
        self.town.register().present.insert(ctx.address());
    }

    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let me = ctx.address();
        if let Some(Do(step)) = message.take() {
            step(ctx);
            return Outcome::Handled;
        }
        let mut register = self.town.register();
        if let Some(change) = message.record::<Change>() {
            register.seen.entry(change.monitor).or_default().add(change);
        } else if let Some(&Ended { address, .. }) = message.record() {
            register.ends += 1;
            if !register.watching.remove(&(me, address)) && !register.let_go.contains(&(me, address)) {
                register.faults.push(format!("{me} was told twice, or unasked, that {address} has ended"));
            }
        }
        Outcome::Handled
    }
}

impl Drop for Citizen {
    fn drop(&mut self) {
        if let Some(own) = self.own {
            self.town.register().present.remove(&own);
        }
    }
}
