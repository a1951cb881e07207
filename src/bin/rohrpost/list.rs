//! `rohrpost list`: the nodes that are there, or what one of them has.

use std::time::{Duration, Instant};

use rohrpost::system::{self, ListNamespaces, ListServices, ListTargets, Ping, Resident};
use rohrpost::{Address, Code, Nid, NodeId};

use crate::arguments::Access;
use crate::out::{Table, say};
use crate::party::Party;
use crate::trouble::Trouble;

/// When no further node has come for so long, those that are there are all.
const QUIET: Duration = Duration::from_millis(300);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) fn run(node: Option<NodeId>, access: &Access) -> Result<(), Trouble> {
    let party = Party::join(access)?;
    match node {
        Some(node) => contents(&party, node),
        None => nodes(&party),
    }
}

fn nodes(party: &Party) -> Result<(), Trouble> {
    let gathered = gathered(party);
    if gathered.is_empty() {
        return Err(party.alone());
    }
    let mut table = Table::new(["NODE", "ROUND TRIP"]);
    for node in gathered {
        let there = system::ADDRESS.on_node(node);
        // The first opens the link, and is no measure of the way.
        let far = party.ask(there, Ping).and_then(|_| {
            let start = Instant::now();
            party.ask(there, Ping).map(|_| start.elapsed())
        });
        let far = match far {
            Ok(far) => format!("{far:.1?}"),
            Err(Trouble::Returned { failure, .. }) => failure.code().to_string(),
            Err(other) => return Err(other),
        };
        table.row([node.to_string(), far]);
    }
    say(table)
}

/// The nodes that are there, by name.
fn gathered(party: &Party) -> Vec<NodeId> {
    let start = Instant::now();
    let (mut nodes, mut changed) = (Vec::new(), start);
    while start.elapsed() < party.timeout && (nodes.is_empty() || changed.elapsed() < QUIET) {
        let now = party.net.nodes();
        if now.len() != nodes.len() {
            (nodes, changed) = (now, Instant::now());
        }
        std::thread::sleep(LOOK);
    }
    nodes.sort_by_key(ToString::to_string);
    nodes
}

fn contents(party: &Party, node: NodeId) -> Result<(), Trouble> {
    party.find(node)?;
    let there = system::ADDRESS.on_node(node);
    let mut table = Table::new(["NAMESPACE", "WHAT", "NAME", "WHO", "OBSERVERS"]);
    for namespace in party.ask(there, ListNamespaces)?.0 {
        match rows(party, there, namespace) {
            Ok(rows) => rows.into_iter().for_each(|row| table.row(row)),
            // It has been closed since.
            Err(Trouble::Returned { failure, .. }) if failure.code() == Code::NO_NAMESPACE => {}
            Err(other) => return Err(other),
        }
    }
    say(table)
}

fn rows(party: &Party, there: Address, namespace: Nid) -> Result<Vec<[String; 5]>, Trouble> {
    let targets = party.ask(there, ListTargets(namespace))?.0;
    let services = party.ask(there, ListServices(namespace))?.0;
    let called = |target: Address| {
        let same = |resident: &&Resident| resident.target == target;
        targets.iter().find(same).and_then(|resident| resident.name).unwrap_or(target).to_string()
    };
    let mut rows = Vec::new();
    for target in &targets {
        let name = target.name.and_then(Address::tid).map_or_else(|| "-".to_owned(), |tid| tid.to_string());
        let row = ["target", &name, &target.target.to_string(), ""].map(str::to_owned);
        rows.push(row);
    }
    for service in &services {
        let owners = service.owners.iter().map(|owner| called(*owner)).collect::<Vec<_>>().join(" ");
        let what = if owners.is_empty() { "topic" } else { "service" };
        let who = if owners.is_empty() { "-" } else { &owners };
        rows.push([what, &service.record.to_string(), who, &service.observers.to_string()].map(str::to_owned));
    }
    if rows.is_empty() {
        rows.push(["-", "-", "-", ""].map(str::to_owned));
    }
    Ok(rows
        .into_iter()
        .map(|[what, name, who, observers]| [namespace.to_string(), what, name, who, observers])
        .collect())
}
