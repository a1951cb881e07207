//! What can be asked of the kernel by message: its services in the namespace `SYSTEM`.
//!
//! They are reached like any service, at [`ADDRESS`], by the record: with [`Context::request`](crate::Context::request),
//! with [`Kernel::ask`](crate::Kernel::ask), and, but for [`ListTargets`], with [`Context::call`](crate::Context::call).
//! No thread is behind them: what is asked is done where the message is sent. Another record than those of this module
//! comes back with [`Code::NOT_HANDLED`](crate::Code::NOT_HANDLED), and so does a message of several.
//!
//! ```
//! use rohrpost::{Kernel, system};
//!
//! let kernel = Kernel::builder("car-7").start()?;
//! let app = kernel.namespace("navigation").open()?;
//!
//! let sent = kernel.now();
//! let pong = kernel.ask(kernel.system(), system::Ping).wait()?;
//! assert_eq!(pong.node.to_string(), "car-7");
//! let there = pong.received.since(sent); // and the way back in the same manner
//! # let _ = there;
//!
//! let namespaces = kernel.ask(kernel.system(), system::ListNamespaces).wait()?;
//! assert!(namespaces.0.contains(&app.id()));
//! let targets = kernel.ask(kernel.system(), system::ListTargets(app.id())).wait()?;
//! assert_eq!(targets.0, []);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::address::Address;
use crate::clock::Time;
use crate::counters::Counters;
use crate::id::{Nid, NodeId, RecordId};
use crate::monitor::{Filter, Monitor};
use crate::record;

/// The namespace of the kernel's own services.
pub const NAMESPACE: Nid = Nid::name("SYSTEM");

/// The kernel's own services on the sender's node. See [`Kernel::system`](crate::Kernel::system) for those of a kernel.
pub const ADDRESS: Address = Address::service(NAMESPACE);

/// Asks whether the node is there, and for its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping;

/// Answers a [`Ping`]. How long the round took its sender knows alone: two nodes have two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pong {
    /// Who answers.
    pub node: NodeId,
    /// When the ping was received, by the clock of that node; from a worker, the moment of its turn.
    pub received: Time,
}

/// Asks for the namespaces that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListNamespaces;

/// Answers [`ListNamespaces`]: their ids, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespaces(pub Vec<Nid>);

/// Asks for the targets of a namespace.
///
/// The question goes from worker to worker, and each adds its own, between two messages. So nobody blocks, and what
/// is answered is what each worker had at its turn, not what all had at one moment; for that see
/// [`Context::monitor`](crate::Context::monitor). A worker that is closing is passed by; one that is busy keeps the answer
/// waiting, and so does a driven one that nobody runs.
///
/// Comes back with [`Code::NO_NAMESPACE`](crate::Code::NO_NAMESPACE) if there is none with this id. A `call` comes back
/// with [`Code::WOULD_BLOCK`](crate::Code::WOULD_BLOCK), unless the namespace has the caller's thread alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListTargets(pub Nid);

/// Answers [`ListTargets`]: those who are there, in the order of their addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets(pub Vec<Resident>);

/// A target that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resident {
    /// Its address, with its generated id.
    pub target: Address,
    /// Its address by the name or number it was registered under.
    pub name: Option<Address>,
}

/// Asks for the services of a namespace.
///
/// Comes back with [`Code::NO_NAMESPACE`](crate::Code::NO_NAMESPACE) if there is none with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListServices(pub Nid);

/// Answers [`ListServices`]: what is offered, in the order of the ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services(pub Vec<Offer>);

/// A service that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer {
    /// The record by which it is reached.
    pub record: RecordId,
    /// Who answers for it; nobody of a topic.
    pub owners: Vec<Address>,
    /// How many targets observe it, those included whose thread has not heard of it yet.
    pub observers: usize,
}

/// Has a target observe a service, as [`Context::observe`](crate::Context::observe) does. What the addresses lack is
/// taken from the sender.
///
/// Comes back with [`Code::NO_SERVICE`](crate::Code::NO_SERVICE) if there is none, with the code that a message to the
/// observer would come back with, or with [`Code::NOT_HANDLED`](crate::Code::NOT_HANDLED) if the record has no copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddObserver {
    /// The address of the service's namespace.
    pub service: Address,
    /// The record by which it is reached.
    pub record: RecordId,
    /// Who is to observe it.
    pub observer: Address,
}

/// Has a target observe a service no longer, as [`Context::unobserve`](crate::Context::unobserve) does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoveObserver {
    /// The address of the service's namespace.
    pub service: Address,
    /// The record by which it is reached.
    pub record: RecordId,
    /// Who observed it.
    pub observer: Address,
}

/// Has a target told who comes and goes, as [`Context::monitor`](crate::Context::monitor) says. What its address lacks is
/// taken from the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddMonitor {
    /// What it is to be told of.
    pub filter: Filter,
    /// Who is to be told.
    pub target: Address,
}

/// Ends a monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoveMonitor(pub Monitor);

/// Asks what became of all mail so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadCounters;

/// Has the kernel stop, as [`Kernel::stop`](crate::Kernel::stop) does, in the background: it is answered first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

impl Resident {
    pub(crate) const fn new(target: Address, name: Option<Address>) -> Self {
        Self { target, name }
    }
}

record!(Ping, "rohrpost.ping" => Pong);
record!(Pong, "rohrpost.pong");
record!(ListNamespaces, "rohrpost.list-namespaces" => Namespaces);
record!(Namespaces, "rohrpost.namespaces");
record!(ListTargets, "rohrpost.list-targets" => Targets);
record!(Targets, "rohrpost.targets");
record!(ListServices, "rohrpost.list-services" => Services);
record!(Services, "rohrpost.services");
record!(AddObserver, "rohrpost.add-observer");
record!(RemoveObserver, "rohrpost.remove-observer");
record!(AddMonitor, "rohrpost.add-monitor" => Monitor);
record!(Monitor, "rohrpost.monitor");
record!(RemoveMonitor, "rohrpost.remove-monitor");
record!(ReadCounters, "rohrpost.read-counters" => Counters);
record!(Counters, "rohrpost.counters");
record!(Stop, "rohrpost.stop");
