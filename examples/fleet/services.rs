//! What the nodes know of each other: these records, and the namespaces whose services they go to.
//!
//! They are those of the navigation. Two things are new: the mark `wire` on what leaves its node, and addresses that say
//! where a service may be.

use rohrpost::{Address, Nid, record};
use serde::{Deserialize, Serialize};

use crate::way::Point;

/// The services of the car, on its own node.
pub(crate) const CAR: Address = Address::service(Nid::name("car"));
/// Whichever node has a map, and whichever can speak.
pub(crate) const MAP: Address = Address::any_node(Nid::name("map"));
pub(crate) const VOICE: Address = Address::any_node(Nid::name("cockpit"));

/// Where the car is. A topic.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fix {
    pub(crate) point: Point,
    pub(crate) kmh: f64,
}

/// Asks the map for the name of a place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NameOf(pub(crate) Point);
/// Nobody has named every place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Name(pub(crate) Option<String>);

/// Asks the voice to say something; answered when it has been said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Say(pub(crate) String);

/// Has the car set out.
#[derive(Clone, Debug)]
pub(crate) struct Depart;

/// Asks to be told of the arrival.
#[derive(Clone, Debug)]
pub(crate) struct Arrival;

record!(Fix, "car.fix", wire);
record!(NameOf, "car.name-of" => Name, wire);
record!(Name, "car.name", wire);
record!(Say, "car.say", wire);
record!(Depart, "car.depart", local);
record!(Arrival, "car.arrival", local);
