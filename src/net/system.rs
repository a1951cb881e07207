//! The wire forms of the library's own records: those of [`system`](crate::system), and what targets are told of each other.
//!
//! They stand here so that the core knows no serde. Each definition repeats a type of the core, field for field, which the
//! compiler checks.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::codec::Codec;
use super::opaque::describe;
use crate::address::Address;
use crate::clock::Time;
use crate::code::Code;
use crate::counters::Counters;
use crate::ending::{Ended, Parting, Reason};
use crate::id::{Nid, NodeId, RecordId, Tid};
use crate::monitor::{Change, Event, Filter, Monitor};
use crate::record::Absent;
use crate::serving::dead_letter::DeadLetter;
use crate::system::{
    AddMonitor, AddObserver, ListNamespaces, ListServices, ListTargets, Namespaces, Offer, Ping, Pong, ReadCounters,
    RemoveMonitor, RemoveObserver, Resident, Services, Stop, Targets,
};

/// Has types of the core written and read as their definitions here say.
macro_rules! as_defined {
    ($($core:ident by $definition:ident),* $(,)?) => {$(
        impl Serialize for $core {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $definition::serialize(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $core {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $definition::deserialize(deserializer)
            }
        }
    )*};
}

/// Makes the wire forms of records known.
macro_rules! wired {
    ($($record:ty),* $(,)?) => {$(
        inventory::submit! { Codec::of::<$record>() }
    )*};
}

wired!(
    Ping,
    Pong,
    ListNamespaces,
    Namespaces,
    ListTargets,
    Targets,
    ListServices,
    Services,
    AddObserver,
    RemoveObserver,
    AddMonitor,
    Monitor,
    RemoveMonitor,
    ReadCounters,
    Counters,
    Stop,
    Change,
    Ended,
    Absent,
    DeadLetter,
);

as_defined!(
    Ping by PingWire,
    Pong by PongWire,
    ListNamespaces by ListNamespacesWire,
    Namespaces by NamespacesWire,
    ListTargets by ListTargetsWire,
    Targets by TargetsWire,
    Resident by ResidentWire,
    ListServices by ListServicesWire,
    Services by ServicesWire,
    Offer by OfferWire,
    AddObserver by AddObserverWire,
    RemoveObserver by RemoveObserverWire,
    AddMonitor by AddMonitorWire,
    Filter by FilterWire,
    Monitor by MonitorWire,
    RemoveMonitor by RemoveMonitorWire,
    ReadCounters by ReadCountersWire,
    Counters by CountersWire,
    Stop by StopWire,
    Change by ChangeWire,
    Event by EventWire,
    Ended by EndedWire,
    Reason by ReasonWire,
    Parting by PartingWire,
);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Ping")]
struct PingWire;

#[derive(Serialize, Deserialize)]
#[serde(remote = "Pong")]
struct PongWire {
    node: NodeId,
    received: Time,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ListNamespaces")]
struct ListNamespacesWire;

#[derive(Serialize, Deserialize)]
#[serde(remote = "Namespaces")]
struct NamespacesWire(Vec<Nid>);

#[derive(Serialize, Deserialize)]
#[serde(remote = "ListTargets")]
struct ListTargetsWire(Nid);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Targets")]
struct TargetsWire(Vec<Resident>);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Resident")]
struct ResidentWire {
    target: Address,
    name: Option<Address>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ListServices")]
struct ListServicesWire(Nid);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Services")]
struct ServicesWire(Vec<Offer>);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Offer")]
struct OfferWire {
    record: RecordId,
    owners: Vec<Address>,
    observers: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "AddObserver")]
struct AddObserverWire {
    service: Address,
    record: RecordId,
    observer: Address,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RemoveObserver")]
struct RemoveObserverWire {
    service: Address,
    record: RecordId,
    observer: Address,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "AddMonitor")]
struct AddMonitorWire {
    filter: Filter,
    target: Address,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Filter")]
struct FilterWire {
    target: Option<Tid>,
    namespace: Option<Nid>,
    node: Option<NodeId>,
    service: Option<RecordId>,
    services: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Monitor")]
struct MonitorWire(u64);

#[derive(Serialize, Deserialize)]
#[serde(remote = "RemoveMonitor")]
struct RemoveMonitorWire(Monitor);

#[derive(Serialize, Deserialize)]
#[serde(remote = "ReadCounters")]
struct ReadCountersWire;

#[derive(Serialize, Deserialize)]
#[serde(remote = "Counters")]
struct CountersWire {
    sent: u64,
    handled: u64,
    returned: u64,
    dead_letters: u64,
    answers: u64,
    answered: u64,
    late_answers: u64,
    dead_answers: u64,
    expired: u64,
    copies: u64,
    observed: u64,
    lost_copies: u64,
    ignored: u64,
    panics: u64,
    restarts: u64,
    registered: u64,
    deregistered: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Stop")]
struct StopWire;

#[derive(Serialize, Deserialize)]
#[serde(remote = "Change")]
struct ChangeWire {
    monitor: Monitor,
    event: Event,
    snapshot: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Event")]
enum EventWire {
    Registered { target: Address, name: Option<Address> },
    Deregistered { target: Address, name: Option<Address>, reason: Reason },
    Restarted { target: Address, name: Option<Address> },
    NamespaceOpened { namespace: Address },
    NamespaceClosed { namespace: Address },
    ServiceOpened { service: Address, record: RecordId },
    ServiceClosed { service: Address, record: RecordId },
    OwnerAdded { service: Address, record: RecordId, target: Address },
    OwnerRemoved { service: Address, record: RecordId, target: Address },
    ObserverAdded { service: Address, record: RecordId, target: Address },
    ObserverRemoved { service: Address, record: RecordId, target: Address },
    NodeJoined { node: NodeId },
    NodeLeft { node: NodeId, reason: Parting },
    Complete,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Ended")]
struct EndedWire {
    address: Address,
    reason: Reason,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Reason")]
enum ReasonWire {
    Deregistered,
    Panicked(String),
    TooManyRestarts(String),
    NamespaceClosed,
    KernelStopped,
    Gone,
    NodeLeft(Parting),
    Refused(Code),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Parting")]
enum PartingWire {
    Closed,
    Crashed,
    Silent,
    Replaced,
}

/// A dead letter names its record; the name's text is what the reading node has for good.
#[derive(Serialize, Deserialize)]
struct DeadLetterWire {
    sender: Option<Address>,
    receiver: Address,
    record: RecordId,
    code: Code,
    text: String,
}

impl Serialize for DeadLetter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let &Self { sender, receiver, record, code, ref text } = self;
        // One that this process has no name for is called by its number.
        let record = record.parse().map_or_else(|_| RecordId::name(record), RecordId::from_raw);
        DeadLetterWire { sender, receiver, record, code, text: text.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DeadLetter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let DeadLetterWire { sender, receiver, record, code, text } = Deserialize::deserialize(deserializer)?;
        Ok(Self { sender, receiver, record: describe(record).name(), code, text })
    }
}

impl Serialize for Absent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.record().id().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Absent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RecordId::deserialize(deserializer).map(|id| Self::of(describe(id)))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{
        AddMonitor, AddObserver, Address, Change, Code, Counters, DeadLetter, Ended, Event, Filter, ListNamespaces,
        ListServices, ListTargets, Monitor, Namespaces, Nid, NodeId, Offer, Parting, Ping, Pong, ReadCounters, Reason,
        RecordId, RemoveMonitor, RemoveObserver, Resident, Services, Stop, Targets, Tid, Time,
    };
    use crate::body::Body;
    use crate::message::Message;
    use crate::net::codec::{self, Codec};
    use crate::net::opaque::describe;
    use crate::record::{Absent, Record};

    const SERVICE: Address = Address::service(Nid::name("system-wire")).on_node(NodeId::number(3));
    const TARGET: Address = Address::target(Tid::number(7)).in_namespace(Nid::number(2));
    const RECORD: RecordId = RecordId::name("system.record");

    fn through<R: Record>(record: R) -> Body<'static> {
        let codec: &Codec = codec::of(R::ID).unwrap_or_else(|| panic!("expected a wire form of {}", R::NAME));
        let message = Message::notification(TARGET, record);
        let mut bytes = Vec::new();
        codec.encode(message.records().next().expect("a record"), &mut bytes, 4096).expect("expected it to be written");
        codec.decode(&bytes).expect("expected it to be read")
    }

    fn same<R: Record + Clone + PartialEq>(record: R) {
        let again = record.clone();
        let body = through(record);
        assert_eq!(body.get::<R>(), Some(&again), "expected the same record again");
    }

    #[test]
    fn what_can_be_asked_of_a_kernel_and_its_answers_come_back_as_they_were() {
        same(Ping);
        same(Pong { node: NodeId::name("car-7"), received: Time::from_nanos(9) });
        same(ListNamespaces);
        same(Namespaces(vec![Nid::number(1), Nid::name("system-wire")]));
        same(ListTargets(Nid::number(1)));
        same(Targets(vec![Resident { target: TARGET, name: None }, Resident { target: TARGET, name: Some(SERVICE) }]));
        same(ListServices(Nid::number(1)));
        same(Services(vec![Offer { record: RECORD, owners: vec![TARGET], observers: 12 }]));
        same(AddObserver { service: SERVICE, record: RECORD, observer: TARGET });
        same(RemoveObserver { service: SERVICE, record: RECORD, observer: TARGET });
        same(AddMonitor { filter: Filter::new().target(Tid::number(1)).node(NodeId::number(3)), target: TARGET });
        same(AddMonitor { filter: Filter::new().namespace(Nid::number(1)).service(RECORD), target: TARGET });
        same(Monitor(u64::MAX));
        same(RemoveMonitor(Monitor(4)));
        same(ReadCounters);
        same(Counters { sent: 3, deregistered: u64::MAX, ..Counters::default() });
        same(Stop);
    }

    #[test]
    fn what_targets_are_told_of_each_other_comes_back_as_it_was() {
        let reasons = [
            Reason::Deregistered,
            Reason::Panicked("no ink".into()),
            Reason::TooManyRestarts("again".into()),
            Reason::NamespaceClosed,
            Reason::KernelStopped,
            Reason::Gone,
            Reason::NodeLeft(Parting::Crashed),
            Reason::Refused(Code::DENIED),
        ];
        for reason in reasons {
            same(Ended { address: TARGET, reason });
        }
        let (service, record, target, node) = (SERVICE, RECORD, TARGET, NodeId::number(5));
        let mut events = vec![
            Event::Registered { target, name: Some(SERVICE) },
            Event::Deregistered { target, name: None, reason: Reason::Gone },
            Event::Restarted { target, name: None },
            Event::NamespaceOpened { namespace: SERVICE },
            Event::NamespaceClosed { namespace: SERVICE },
            Event::ServiceOpened { service, record },
            Event::ServiceClosed { service, record },
            Event::OwnerAdded { service, record, target },
            Event::OwnerRemoved { service, record, target },
            Event::ObserverAdded { service, record, target },
            Event::ObserverRemoved { service, record, target },
            Event::NodeJoined { node },
            Event::Complete,
        ];
        let partings = [Parting::Closed, Parting::Crashed, Parting::Silent, Parting::Replaced];
        events.extend(partings.map(|reason| Event::NodeLeft { node, reason }));
        for event in events {
            same(Change { monitor: Monitor(4), event, snapshot: true });
        }
    }

    #[test]
    fn a_record_that_is_elsewhere_or_dead_is_named_though_nobody_here_knows_it() {
        for id in [Ping::ID, RecordId::name("system.nobody-knows-this")] {
            let absent = through(Absent::of(describe(id)));
            assert_eq!(absent.get::<Absent>().map(|absent| absent.record().id()), Some(id));
        }
        let text = "no ink".to_owned();
        same(DeadLetter { sender: Some(TARGET), receiver: SERVICE, record: Ping::NAME, code: Code::EXCEPTION, text });
    }
}
