//! What somebody knows who is told by a monitor: the list that is to be that of the kernel, and whether everything came
//! in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rohrpost::{Address, Change, Context, Event, Message, Monitor, Outcome, Target};

use crate::world::Do;

/// What one target has been told by its monitors. Cloning it gives another handle to the same.
#[derive(Clone, Default)]
pub(crate) struct View(Arc<Mutex<BTreeMap<Monitor, Seen>>>);

/// What one monitor has told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) targets: BTreeMap<Address, Option<Address>>,
    pub(crate) namespaces: BTreeSet<Address>,
    pub(crate) complete: bool,
    /// Targets that have been there and have gone: none of them comes again.
    gone: BTreeSet<Address>,
    /// Everything in order, as text.
    pub(crate) lines: Vec<String>,
    /// What should not have been told as it was.
    pub(crate) faults: Vec<String>,
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
            _ => {}
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
