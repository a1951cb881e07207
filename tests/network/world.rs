//! Nodes in one network, all on the test's thread.

use std::sync::{Arc, Mutex};

use rohrpost::net::memory::Network;
use rohrpost::net::{Joining, Net};
use rohrpost::testing::{Probe, TestKernel};
use rohrpost::{
    Address, Change, Code, Context, Event, Failure, Handle, Message, NodeId, Outcome, Target, handles, record,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Add(pub(crate) i64, pub(crate) i64);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sum(pub(crate) i64);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note(pub(crate) u32);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Load(pub(crate) Vec<u8>);
#[derive(Clone, Debug)]
pub(crate) struct Homely;
record!(Add, "net.add" => Sum, wire);
record!(Sum, "net.sum", wire);
record!(Note, "net.note", wire);
record!(Load, "net.load", wire);
record!(Homely, "net.homely");

/// Adds, and fails when the sum is 13.
pub(crate) struct Calculator;
impl Handle<Add> for Calculator {
    fn handle(&mut self, add: &Add, _: &mut Context<'_>) -> Result<Sum, Failure> {
        match add.0 + add.1 {
            13 => Err(Failure::new(Code::REJECTED, "thirteen is not a number")),
            sum => Ok(Sum(sum)),
        }
    }
}
handles!(Calculator: Add);

/// Writes down the numbers of the notes that come, and from whom.
#[derive(Clone, Default)]
pub(crate) struct Scribe(pub(crate) Arc<Mutex<Vec<Entry>>>);

/// Who sent a note, and its number.
pub(crate) type Entry = (Option<Address>, u32);

impl Target for Scribe {
    fn receive(&mut self, message: &mut Message<'_>, _: &mut Context<'_>) -> Outcome {
        let Some(&Note(number)) = message.record() else {
            return Outcome::NotHandled;
        };
        self.0.lock().unwrap().push((message.sender(), number));
        Outcome::Handled
    }
}

impl Scribe {
    pub(crate) fn numbers(&self) -> Vec<u32> {
        self.0.lock().unwrap().iter().map(|&(_, number)| number).collect()
    }
}

/// Writes down which nodes it is told to have joined and left.
#[derive(Clone, Default)]
pub(crate) struct Doorman(Arc<Mutex<Vec<String>>>);

impl Handle<Change> for Doorman {
    fn handle(&mut self, change: &Change, _: &mut Context<'_>) -> Result<(), Failure> {
        let told = match &change.event {
            Event::NodeJoined { node } => format!("+{node}"),
            Event::NodeLeft { node, reason } => format!("-{node} {reason}"),
            _ => return Ok(()),
        };
        self.0.lock().unwrap().push(told);
        Ok(())
    }
}
handles!(Doorman: Change);

impl Doorman {
    /// What it has been told since the last time.
    pub(crate) fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Writes down all events that it is told.
#[derive(Clone, Default)]
pub(crate) struct Watcher(Arc<Mutex<Vec<Event>>>);

impl Handle<Change> for Watcher {
    fn handle(&mut self, change: &Change, _: &mut Context<'_>) -> Result<(), Failure> {
        self.0.lock().unwrap().push(change.event.clone());
        Ok(())
    }
}
handles!(Watcher: Change);

impl Watcher {
    /// What it has been told since the last time.
    pub(crate) fn told(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// A node with a probe that sends.
pub(crate) struct Node {
    pub(crate) test: TestKernel,
    pub(crate) net: Net,
    pub(crate) id: NodeId,
    pub(crate) probe: Probe,
    /// The probe's address.
    pub(crate) home: Address,
}

/// Some nodes in one network, which have met.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) nodes: Vec<Node>,
}

impl World {
    pub(crate) fn new(nodes: usize) -> Self {
        Self::with(nodes, 0, &Joining::new())
    }

    pub(crate) fn with(nodes: usize, seed: u64, settings: &Joining) -> Self {
        Self::over(Network::with_seed(seed), nodes, seed, settings)
    }

    /// The same over a network that may have a seed of its own.
    pub(crate) fn over(network: Network, nodes: usize, seed: u64, settings: &Joining) -> Self {
        let mut world = Self { network, nodes: Vec::new() };
        let first = TestKernel::with_seed("n0", seed);
        let more: Vec<_> = (1..nodes).map(|index| first.neighbour(&format!("n{index}"))).collect();
        for test in std::iter::once(first).chain(more) {
            world.take_in(test, settings);
        }
        // So that all have acknowledged what they have heard of each other.
        world.run(10);
        world
    }

    /// Adds a node, which meets the others; gives its number.
    pub(crate) fn add(&mut self, name: &str, settings: &Joining) -> usize {
        self.take_in(self.nodes[0].test.neighbour(name), settings);
        self.run(10);
        self.nodes.len() - 1
    }

    fn take_in(&mut self, test: TestKernel, settings: &Joining) {
        let net = self.network.join_with(test.kernel(), settings.clone()).unwrap();
        let probe = Probe::new("probe");
        let home = test.namespace("app").open().unwrap().register(probe.clone()).unwrap();
        self.nodes.push(Node { id: test.kernel().node(), test, net, probe, home });
    }

    /// Runs all nodes until nothing is left to do at this moment.
    pub(crate) fn rest(&mut self) {
        self.nodes[0].test.run_until_idle().unwrap();
    }

    /// Runs all nodes for so many milliseconds.
    pub(crate) fn run(&mut self, millis: u64) {
        self.nodes[0].test.advance(std::time::Duration::from_millis(millis)).unwrap();
    }

    /// Registers a target on a node.
    pub(crate) fn register(&self, node: usize, target: impl Target + Send) -> Address {
        self.nodes[node].test.namespace("app").open().unwrap().register(target).unwrap()
    }

    pub(crate) fn ids(&self, one: usize, other: usize) -> (NodeId, NodeId) {
        (self.nodes[one].id, self.nodes[other].id)
    }

    /// Looks whether every node has counted its mail once.
    pub(crate) fn check_counters(&mut self) {
        // By then all has been acknowledged.
        self.run(10);
        for node in &self.nodes {
            let counters = node.test.kernel().counters();
            assert!(counters.is_balanced(), "expected the counters of {} to add up: {counters:?}", node.id);
        }
    }
}
