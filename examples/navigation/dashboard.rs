//! The dashboard: a monitor that prints who comes and goes, and who does what for whom.

use std::collections::BTreeMap;

use rohrpost::{Address, Change, Context, Event, Failure, Handle, handles, record};

use crate::log::log;

/// Asks how many have come and gone; answered behind all changes that were told before.
#[derive(Clone, Debug)]
pub(crate) struct Census;
#[derive(Clone, Debug)]
pub(crate) struct Population {
    pub(crate) came: usize,
    pub(crate) there: usize,
}
record!(Census, "dashboard.census" => Population);
record!(Population, "dashboard.population");

#[derive(Default)]
pub(crate) struct Dashboard {
    /// Those who are there, by their generated addresses.
    names: BTreeMap<Address, String>,
    /// What those do of whom it is not told yet that they are there: that comes from their own threads.
    early: Vec<(Address, String)>,
    came: usize,
}

impl Dashboard {
    /// A change in words, of which there may be several.
    fn tell(&mut self, event: &Event) -> Vec<String> {
        match event {
            Event::Registered { target, name } => {
                self.came += 1;
                let name = name.unwrap_or(*target).to_string();
                self.names.insert(*target, name.clone());
                let early = self.early.extract_if(.., |(early, _)| early == target);
                let does = early.map(|(_, does)| format!("+ {name} {does}"));
                std::iter::once(format!("+ {name}")).chain(does).collect()
            }
            Event::Deregistered { target, reason, .. } => {
                let name = self.names.remove(target).unwrap_or_default();
                vec![format!("- {name}: {reason}")]
            }
            Event::OwnerAdded { record, target, .. } => self.tell_of(*target, format!("serves {record}")),
            Event::ObserverAdded { record, target, .. } => self.tell_of(*target, format!("observes {record}")),
            Event::NamespaceOpened { namespace } => vec![format!("+ namespace {namespace}")],
            Event::NamespaceClosed { namespace } => vec![format!("- namespace {namespace}")],
            Event::NodeJoined { node } => vec![format!("+ node {node}")],
            Event::NodeLeft { node, reason } => vec![format!("- node {node}: {reason}")],
            Event::Complete => vec!["that is all there was; from here on what changes".to_owned()],
            _ => Vec::new(),
        }
    }

    fn tell_of(&mut self, target: Address, does: String) -> Vec<String> {
        if let Some(name) = self.names.get(&target) {
            return vec![format!("+ {name} {does}")];
        }
        self.early.push((target, does));
        Vec::new()
    }
}

impl Handle<Change> for Dashboard {
    fn handle(&mut self, change: &Change, ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.tell(&change.event).iter().for_each(|line| log(ctx.now(), "dashboard", line));
        Ok(())
    }
}

impl Handle<Census> for Dashboard {
    fn handle(&mut self, _census: &Census, _ctx: &mut Context<'_>) -> Result<Population, Failure> {
        Ok(Population { came: self.came, there: self.names.len() })
    }
}

handles!(Dashboard: Change, Census);
