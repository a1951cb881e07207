//! `rohrpost watch`: who comes and goes.

use std::sync::mpsc::{self, Sender};

use rohrpost::system::{self, AddMonitor};
use rohrpost::{Change, Code, Context, Event, Failure, Filter, Message, NodeId, Outcome, Target};

use crate::arguments::Access;
use crate::out::say;
use crate::party::Party;
use crate::stopping;
use crate::trouble::Trouble;

/// What the main thread is told.
enum Told {
    Line(String),
    Returned(Failure),
    Stop,
}

/// Tells what it is told: which nodes come and go, by its own kernel, and what happens on one of them, by that one.
struct Watcher {
    node: Option<NodeId>,
    tell: Sender<Told>,
}

pub(crate) fn run(node: Option<NodeId>, access: &Access) -> Result<(), Trouble> {
    let (tell, told) = mpsc::channel();
    stopping::on_request(tell.clone(), Told::Stop)?;
    let party = Party::join(access)?;
    if let Some(node) = node {
        party.find(node)?;
    }
    let space = party.kernel.namespace("console").open().map_err(Trouble::setup)?;
    space.register(Watcher { node, tell }).map_err(Trouble::setup)?;
    loop {
        match told.recv() {
            Ok(Told::Line(line)) => say(line)?,
            Ok(Told::Returned(failure)) => {
                let from = node.map_or_else(String::new, |node| system::ADDRESS.on_node(node).to_string());
                return Err(Trouble::returned(from, failure));
            }
            Ok(Told::Stop) | Err(_) => return Ok(()),
        }
    }
}

impl Watcher {
    fn told(&self, change: &Change, ctx: &Context<'_>) {
        let of_nodes = matches!(change.event, Event::NodeJoined { .. } | Event::NodeLeft { .. });
        let here = change.event.namespace().is_some_and(|namespace| namespace.node() == ctx.address().node());
        if !of_nodes && here {
            return;
        }
        if let Some(line) = line(&change.event) {
            let mark = if change.snapshot { "=" } else { line.0 };
            let _ = self.tell.send(Told::Line(format!("{mark} {}", line.1)));
        }
        match change.event {
            // It may come back, as another life that knows of no monitor.
            Event::NodeJoined { node } if self.node == Some(node) => {
                let monitor = AddMonitor { filter: Filter::new().node(node), target: ctx.address() };
                let _ = ctx.request(system::ADDRESS.on_node(node), monitor);
            }
            _ => {}
        }
    }
}

impl Target for Watcher {
    fn started(&mut self, ctx: &mut Context<'_>) {
        if let Err(code) = ctx.monitor(Filter::new()) {
            let _ = self.tell.send(Told::Returned(code.into()));
        }
    }

    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let Some(change) = message.take::<Change>() else {
            return Outcome::NotHandled;
        };
        self.told(&change, ctx);
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, _: &mut Context<'_>) {
        // Whoever is lost is told to have left.
        if !matches!(answer.code(), Code::OK | Code::NODE_LOST | Code::NO_NODE) {
            let _ = self.tell.send(Told::Returned(Failure::new(answer.code(), answer.text().to_owned())));
        }
    }
}

/// How an event is marked, and what is printed of it.
fn line(event: &Event) -> Option<(&'static str, String)> {
    Some(match event {
        Event::NodeJoined { node } => ("+", format!("node {node}")),
        Event::NodeLeft { node, reason } => ("-", format!("node {node} ({reason})")),
        Event::NamespaceOpened { namespace } => ("+", format!("namespace {namespace}")),
        Event::NamespaceClosed { namespace } => ("-", format!("namespace {namespace}")),
        Event::Registered { target, name } => ("+", format!("target {}", name.unwrap_or(*target))),
        Event::Deregistered { target, name, reason } => ("-", format!("target {} ({reason})", name.unwrap_or(*target))),
        Event::Restarted { target, name } => ("!", format!("target {}", name.unwrap_or(*target))),
        Event::ServiceOpened { service, record } => ("+", format!("service {record} at {service}")),
        Event::ServiceClosed { service, record } => ("-", format!("service {record} at {service}")),
        Event::OwnerAdded { service, record, target } => ("+", format!("owner {target} of {record} at {service}")),
        Event::OwnerRemoved { service, record, target } => ("-", format!("owner {target} of {record} at {service}")),
        Event::ObserverAdded { service, record, target } => {
            ("+", format!("observer {target} of {record} at {service}"))
        }
        Event::ObserverRemoved { service, record, target } => {
            ("-", format!("observer {target} of {record} at {service}"))
        }
        _ => return None,
    })
}
