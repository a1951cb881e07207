//! What the targets of the car know of each other: these records, and the namespace whose services they go to.

use rohrpost::{Address, Nid, record};

use crate::way::Point;

/// The services of the car, whoever they are.
pub(crate) const CAR: Address = Address::service(Nid::name("car"));
/// Where there is a map, and where a voice: here both are parts of the car.
pub(crate) const MAP: Address = CAR;
pub(crate) const VOICE: Address = CAR;

/// Where the car is. A topic.
#[derive(Clone, Debug)]
pub(crate) struct Fix {
    pub(crate) point: Point,
    pub(crate) kmh: f64,
}

/// Asks the map for the name of a place.
#[derive(Clone, Debug)]
pub(crate) struct NameOf(pub(crate) Point);
/// Nobody has named every place.
#[derive(Clone, Debug)]
pub(crate) struct Name(pub(crate) Option<String>);

/// Asks the voice to say something; answered when it has been said.
#[derive(Clone, Debug)]
pub(crate) struct Say(pub(crate) String);

/// Has the car set out.
#[derive(Clone, Debug)]
pub(crate) struct Depart;

/// Asks to be told of the arrival.
#[derive(Clone, Debug)]
pub(crate) struct Arrival;

record!(Fix, "car.fix");
record!(NameOf, "car.name-of" => Name);
record!(Name, "car.name");
record!(Say, "car.say");
record!(Depart, "car.depart");
record!(Arrival, "car.arrival");
