//! What the targets of the car know of each other: these records, and the namespace whose services they go to.

use std::fmt;
use std::io::Write;

use rohrpost::{Address, Nid, Time, record};

use crate::way::Point;

/// The services of the car, whoever they are.
pub(crate) const CAR: Address = Address::service(Nid::name("car"));

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

/// Prints a line of the log.
pub(crate) fn log(now: Time, who: &str, what: &str) {
    say(format_args!("{}  {who:<9} {what}", clock(now.since(Time::START).as_secs())));
}

/// Prints a line, while anybody reads it.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Hours, if there are any, minutes and seconds.
pub(crate) fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes:2}:{seconds:02}") }
}
