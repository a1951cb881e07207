//! Monitors: what a target is told that wants to know who comes and goes.
//!
//! A monitor is told first what is there, then every change: whoever keeps a list by what it is told has at rest what
//! the kernel has. Here stand the words for it; how a monitor is kept is another matter.

use crate::address::Address;
use crate::ending::{Parting, Reason};
use crate::id::{Nid, NodeId, RecordId, Tid};
use crate::record;

/// A monitor that runs, to end it by. It is a number, `Copy`, and every [`Change`] that it causes has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monitor(pub(crate) u64);

/// What a monitor is to be told of: the parts that are filled in must match.
///
/// ```
/// use rohrpost::{Filter, Nid, RecordId, Tid};
///
/// let everything = Filter::new();
/// let one_namespace = Filter::new().namespace(Nid::name("navigation"));
/// let one_target = one_namespace.target(Tid::name("router"));
/// let one_service = one_namespace.service(RecordId::name("map.tile"));
/// # let _ = (everything, one_target, one_service);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Filter {
    pub(crate) target: Option<Tid>,
    pub(crate) namespace: Option<Nid>,
    pub(crate) node: Option<NodeId>,
    pub(crate) service: Option<RecordId>,
    /// Whether only services are meant, of whichever record.
    pub(crate) services: bool,
}

/// Tells a monitor's target what has changed, or what was there when it began.
///
/// A notification without a sender. A target that does not handle it makes it a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The monitor that tells it: a target can have several.
    pub monitor: Monitor,
    /// What has changed.
    pub event: Event,
    /// Whether it belongs to what was there when the monitor began, rather than having changed since.
    pub snapshot: bool,
}

record!(Change, "rohrpost.change");

/// What a monitor tells of.
///
/// A `target` has its generated id, which is never used twice: by it the events of one target belong together. A
/// service is the address of its namespace and the id of its record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A target is there.
    Registered {
        /// Its address.
        target: Address,
        /// Its address by the name or number it was registered under.
        name: Option<Address>,
    },
    /// A target is not there any more.
    Deregistered {
        /// Its address.
        target: Address,
        /// Its address by the name or number it was registered under.
        name: Option<Address>,
        /// Why it has gone.
        reason: Reason,
    },
    /// A target panicked and was made anew by its factory, under the same address.
    Restarted {
        /// Its address.
        target: Address,
        /// Its address by the name or number it was registered under.
        name: Option<Address>,
    },
    /// A namespace is open.
    NamespaceOpened {
        /// Its address.
        namespace: Address,
    },
    /// A namespace takes no more mail. Its targets are told to have gone later, as its threads let go of them; it can
    /// be told to be open anew before that.
    NamespaceClosed {
        /// Its address.
        namespace: Address,
    },
    /// A service is there.
    ServiceOpened {
        /// The address of its namespace.
        service: Address,
        /// The record by which it is reached.
        record: RecordId,
    },
    /// A service is not there any more. Its observers are told to have gone later, as their threads hear of it.
    ServiceClosed {
        /// The address of its namespace.
        service: Address,
        /// The record by which it is reached.
        record: RecordId,
    },
    /// A target serves a service.
    OwnerAdded {
        /// The address of its namespace.
        service: Address,
        /// The record by which it is reached.
        record: RecordId,
        /// Who serves.
        target: Address,
    },
    /// A target does not serve a service any more.
    OwnerRemoved {
        /// The address of its namespace.
        service: Address,
        /// The record by which it is reached.
        record: RecordId,
        /// Who served.
        target: Address,
    },
    /// A target observes a service.
    ObserverAdded {
        /// The address of its namespace.
        service: Address,
        /// The record by which it is reached.
        record: RecordId,
        /// Who observes.
        target: Address,
    },
    /// A target does not observe a service any more.
    ObserverRemoved {
        /// The address of its namespace.
        service: Address,
        /// The record by which it is reached.
        record: RecordId,
        /// Who observed.
        target: Address,
    },
    /// Another node is there: a port reaches it.
    NodeJoined {
        /// The node.
        node: NodeId,
    },
    /// Another node is not there any more.
    NodeLeft {
        /// The node.
        node: NodeId,
        /// Why it has gone.
        reason: Parting,
    },
    /// All has been told that was there when the monitor began. From here on changes are told.
    Complete,
}

impl Filter {
    /// Everything.
    pub const fn new() -> Self {
        Self { target: None, namespace: None, node: None, service: None, services: false }
    }

    /// Only what concerns this target: by its generated id, or, but for services, by the name or number it was
    /// registered under.
    pub const fn target(self, target: Tid) -> Self {
        Self { target: Some(target), ..self }
    }

    /// Only what happens in this namespace: to itself, its targets and its services.
    pub const fn namespace(self, namespace: Nid) -> Self {
        Self { namespace: Some(namespace), ..self }
    }

    /// Only what happens on this node; of another, whether it is there. What happens on another node that node tells: see
    /// [`AddMonitor`](crate::system::AddMonitor).
    pub const fn node(self, node: NodeId) -> Self {
        Self { node: Some(node), ..self }
    }

    /// Only what concerns the services with this record.
    pub const fn service(self, record: RecordId) -> Self {
        Self { service: Some(record), ..self }
    }

    /// Only what concerns services, whatever their records.
    pub const fn services(self) -> Self {
        Self { services: true, ..self }
    }

    /// Only what concerns this address: the parts that it has.
    pub fn address(self, address: Address) -> Self {
        Self {
            target: address.tid().or(self.target),
            namespace: address.nid().or(self.namespace),
            node: address.node().or(self.node),
            ..self
        }
    }

    /// Whether a monitor with this filter is told of `event`. Every monitor is told [`Event::Complete`].
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        if let Event::NodeJoined { node } | Event::NodeLeft { node, .. } = *event {
            return self.is_about_nodes() && self.node.is_none_or(|asked| asked == node);
        }
        let Some(home) = event.namespace() else {
            return true;
        };
        let target = |tid| [event.target(), event.name()].into_iter().flatten().any(|known| known.tid() == Some(tid));
        let kind = !self.services || event.record().is_some();
        kind && self.reaches(home)
            && self.target.is_none_or(target)
            && self.service.is_none_or(|id| event.record() == Some(id))
    }

    /// Whether anything in the namespace `home` matches.
    pub(crate) fn reaches(&self, home: Address) -> bool {
        self.namespace.is_none_or(|nid| nid == home.nid) && self.node.is_none_or(|node| node == home.node)
    }

    /// Whether only what happens in a namespace of another node than `node` can match.
    pub(crate) fn is_elsewhere(&self, node: NodeId) -> bool {
        !self.is_about_nodes() && self.node.is_some_and(|asked| asked != node)
    }

    /// Whether the coming and going of nodes can match.
    const fn is_about_nodes(&self) -> bool {
        self.target.is_none() && self.namespace.is_none() && self.service.is_none() && !self.services
    }

    /// The one target that it is about.
    pub(crate) const fn of_one(&self) -> Option<Tid> {
        self.target
    }

    /// Whether the coming and going of targets can match, and not only that of services.
    pub(crate) const fn is_about_targets(&self) -> bool {
        self.service.is_none() && !self.services
    }
}

impl Event {
    /// The target that it concerns.
    #[must_use]
    pub const fn target(&self) -> Option<Address> {
        match *self {
            Self::Registered { target, .. }
            | Self::Deregistered { target, .. }
            | Self::Restarted { target, .. }
            | Self::OwnerAdded { target, .. }
            | Self::OwnerRemoved { target, .. }
            | Self::ObserverAdded { target, .. }
            | Self::ObserverRemoved { target, .. } => Some(target),
            _ => None,
        }
    }

    /// The record of the service that it concerns.
    #[must_use]
    pub const fn record(&self) -> Option<RecordId> {
        match *self {
            Self::ServiceOpened { record, .. }
            | Self::ServiceClosed { record, .. }
            | Self::OwnerAdded { record, .. }
            | Self::OwnerRemoved { record, .. }
            | Self::ObserverAdded { record, .. }
            | Self::ObserverRemoved { record, .. } => Some(record),
            _ => None,
        }
    }

    /// The namespace in which it happened: that of the service, if it concerns one. `None` for what concerns a node.
    #[must_use]
    pub const fn namespace(&self) -> Option<Address> {
        match *self {
            Self::Registered { target, .. } | Self::Deregistered { target, .. } | Self::Restarted { target, .. } => {
                Some(Address { tid: Tid::UNSET, ..target })
            }
            Self::NamespaceOpened { namespace } | Self::NamespaceClosed { namespace } => Some(namespace),
            Self::ServiceOpened { service, .. }
            | Self::ServiceClosed { service, .. }
            | Self::OwnerAdded { service, .. }
            | Self::OwnerRemoved { service, .. }
            | Self::ObserverAdded { service, .. }
            | Self::ObserverRemoved { service, .. } => Some(service),
            Self::NodeJoined { .. } | Self::NodeLeft { .. } | Self::Complete => None,
        }
    }

    /// The target by the name it was registered under.
    const fn name(&self) -> Option<Address> {
        match *self {
            Self::Registered { name, .. } | Self::Deregistered { name, .. } | Self::Restarted { name, .. } => name,
            _ => None,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Event, Filter};
    use crate::address::Address;
    use crate::ending::Parting;
    use crate::id::{Nid, NodeId, RecordId, Tid};

    const HOME: Address = Address::service(Nid::number(1)).on_node(NodeId::number(9));

    fn target(tid: u32) -> Address {
        Address { tid: Tid::number(tid), ..HOME }
    }

    #[test]
    fn every_part_that_is_filled_in_must_match() {
        let (record, other) = (RecordId::number(5), RecordId::number(6));
        let namespace = Event::NamespaceOpened { namespace: HOME };
        let registered = Event::Registered { target: target(2), name: Some(target(3)) };
        let observer = Event::ObserverAdded { service: HOME, record, target: target(2) };
        let left = Event::NodeLeft { node: NodeId::number(8), reason: Parting::Closed };
        let none = Filter::new();
        let cases = [
            (none, [true, true, true, true]),
            (none.namespace(Nid::number(1)), [true, true, true, false]),
            (none.namespace(Nid::number(2)), [false, false, false, false]),
            (none.node(NodeId::number(9)), [true, true, true, false]),
            (none.node(NodeId::number(8)), [false, false, false, true]),
            (none.target(Tid::number(2)), [false, true, true, false]),
            (none.target(Tid::number(3)), [false, true, false, false]),
            (none.service(record), [false, false, true, false]),
            (none.service(other), [false, false, false, false]),
            (none.services(), [false, false, true, false]),
            (none.service(record).target(Tid::number(2)), [false, false, true, false]),
            (none.service(record).target(Tid::number(4)), [false, false, false, false]),
            (none.address(target(2)), [false, true, true, false]),
            (none.address(HOME), [true, true, true, false]),
        ];
        for (filter, expected) in cases {
            let told = [&namespace, &registered, &observer, &left].map(|event| filter.matches(event));
            assert_eq!(told, expected, "expected namespace, target, observer and node to be told or not to {filter:?}");
            assert!(filter.matches(&Event::Complete), "expected the marker to be told to {filter:?}");
        }
    }
}
