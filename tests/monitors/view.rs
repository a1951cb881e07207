//! What somebody knows who is told by a monitor: the list that is to be that of the kernel, and whether everything came
//! in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rohrpost::{Address, Change, Context, Event, Message, Monitor, Outcome, RecordId, Target};

use crate::world::Do;

/// What one target has been told by its monitors. Cloning it gives another handle to the same.
#[derive(Clone, Default)]
pub(crate) struct View(Arc<Mutex<BTreeMap<Monitor, Seen>>>);

/// What one monitor has told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) targets: BTreeMap<Address, Option<Address>>,
    pub(crate) namespaces: BTreeSet<Address>,
    pub(crate) services: BTreeMap<(Address, RecordId), Told>,
    pub(crate) complete: bool,
    /// Targets that have been there and have gone: none of them comes again.
    gone: BTreeSet<Address>,
    /// Everything in order, as text.
    pub(crate) lines: Vec<String>,
    /// What should not have been told as it was.
    pub(crate) faults: Vec<String>,
}

/// What was told of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) open: bool,
    pub(crate) owners: BTreeSet<Address>,
    pub(crate) observers: BTreeSet<Address>,
}

impl View {
    /// What this monitor has told so far.
    pub(crate) fn of(&self, monitor: Monitor) -> Seen {
        self.0.lock().unwrap().get(&monitor).cloned().unwrap_or_default()
    }

    /// What this monitor has told since it was asked last.
    pub(crate) fn take(&self, monitor: Monitor) -> Vec<String> {
        self.0.lock().unwrap().get_mut(&monitor).map(|seen| std::mem::take(&mut seen.lines)).unwrap_or_default()
    }
}

impl Seen {
    pub(crate) fn add(&mut self, change: &Change) {
        let mark = if change.snapshot { "+ " } else { "" };
        self.lines.push(format!("{mark}{}", text(&change.event)));
        let mut expect = |holds: bool, what: &str| {
            if !holds {
                self.faults.push(format!("expected {what}: {change:?}"));
            }
        };
        expect(change.snapshot != self.complete, "the snapshot before `Complete`, and changes after it");
        match &change.event {
            Event::Registered { target, name } => {
                let new = !self.gone.contains(target) && self.targets.insert(*target, *name).is_none();
                expect(new, "a target to come once");
            }
            Event::Deregistered { target, name, .. } => {
                self.gone.insert(*target);
                expect(self.targets.remove(target) == Some(*name), "nobody to go who is not there");
            }
            Event::Restarted { target, .. } => {
                expect(self.targets.contains_key(target), "nobody to be restarted who is not there");
            }
            Event::NamespaceOpened { namespace } => {
                expect(self.namespaces.insert(*namespace), "a namespace to be opened that is closed");
            }
            Event::NamespaceClosed { namespace } => {
                expect(self.namespaces.remove(namespace), "a namespace to be closed that is open");
            }
            Event::Complete => self.complete = true,
            other => self.add_of_service(other, change),
        }
    }

    fn add_of_service(&mut self, event: &Event, change: &Change) {
        let (Some(service), Some(record)) = (event.namespace(), event.record()) else {
            return self.faults.push(format!("expected an event that is known: {change:?}"));
        };
        let told = self.services.entry((service, record)).or_default();
        let right = match event {
            Event::ServiceOpened { .. } => !std::mem::replace(&mut told.open, true),
            Event::ServiceClosed { .. } => std::mem::replace(&mut told.open, false) && told.owners.is_empty(),
            Event::OwnerAdded { target, .. } => told.owners.insert(*target),
            Event::OwnerRemoved { target, .. } => told.owners.remove(target),
            Event::ObserverAdded { target, .. } => told.observers.insert(*target),
            Event::ObserverRemoved { target, .. } => told.observers.remove(target),
            _ => false,
        };
        if *told == Told::default() {
            self.services.remove(&(service, record));
        }
        if !right {
            self.faults.push(format!("expected services, owners and observers to come and go in turn: {change:?}"));
        }
    }
}

/// An event in one line.
fn text(event: &Event) -> String {
    let shown = |target: &Address, name: &Option<Address>| name.unwrap_or(*target).to_string();
    match event {
        Event::Registered { target, name } => format!("registered {}", shown(target, name)),
        Event::Deregistered { target, name, reason } => format!("{} {reason}", shown(target, name)),
        Event::Restarted { target, name } => format!("restarted {}", shown(target, name)),
        Event::NamespaceOpened { namespace } => format!("opened {namespace}"),
        Event::NamespaceClosed { namespace } => format!("closed {namespace}"),
        Event::Complete => "complete".to_owned(),
        Event::ServiceOpened { service, record } => format!("opened {record} at {service}"),
        Event::ServiceClosed { service, record } => format!("closed {record} at {service}"),
        Event::OwnerAdded { service, record, target } => format!("{target} serves {record} at {service}"),
        Event::OwnerRemoved { service, record, target } => format!("{target} serves no {record} at {service}"),
        Event::ObserverAdded { service, record, target } => format!("{target} observes {record} at {service}"),
        Event::ObserverRemoved { service, record, target } => format!("{target} observes no {record} at {service}"),
        other => format!("{other:?}"),
    }
}

/// Keeps a view of what it is told, and runs what a [`Do`] has.
#[derive(Clone, Default)]
pub(crate) struct Viewer(pub(crate) View);

impl Target for Viewer {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(change) = message.record::<Change>() {
            self.0.0.lock().unwrap().entry(change.monitor).or_default().add(change);
        } else if let Some(Do(step)) = message.take() {
            step(ctx);
        } else {
            return Outcome::NotHandled;
        }
        Outcome::Handled
    }
}
