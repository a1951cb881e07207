//! The three nodes: what runs on each, and what each lets in.

use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rohrpost::net::{Gatekeeper, Joining, Rule};
use rohrpost::system::{self, AddMonitor, AddObserver};
use rohrpost::{Address, Filter, Kernel, NodeId, Record, StartError};

use crate::dashboard::Dashboard;
use crate::gpx::Trip;
use crate::lapse::Lapse;
use crate::map::Map;
use crate::position::Position;
use crate::route::{Pace, Route};
use crate::services::{Arrival, CAR, Depart, Fix, NameOf};
use crate::subscriber::{News, Subscriber};
use crate::voice::Voice;
use crate::way::Way;

/// What a node is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Car,
    Map,
    Cockpit,
}

impl Role {
    pub(crate) const ALL: [Self; 3] = [Self::Map, Self::Cockpit, Self::Car];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Car => "car",
            Self::Map => "map",
            Self::Cockpit => "cockpit",
        }
    }

    pub(crate) const fn node(self) -> NodeId {
        NodeId::name(self.name())
    }

    /// A kernel for it.
    pub(crate) fn start(self, clock: Arc<Lapse>) -> Result<Kernel, StartError> {
        Kernel::builder(self.name()).clock(clock).start()
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let role = Self::ALL.into_iter().find(|role| role.name() == text);
        role.ok_or_else(|| format!("`{text}` is none of the roles car, map and cockpit"))
    }
}

/// How all of them join. The network's times go by the kernel's clock, too, so a clock that runs faster needs longer ones.
pub(crate) fn joining(factor: f64) -> Joining {
    let lets_in = |record, role: Role| Rule::allow().record(record).to(system::NAMESPACE).from(role.node());
    // Of the kernel's own services all but ping are closed to other nodes.
    let gatekeeper =
        Gatekeeper::new().rule(lets_in(AddObserver::ID, Role::Map)).rule(lets_in(AddMonitor::ID, Role::Cockpit));
    let faster = factor.max(1.0);
    Joining::new()
        .lease(Duration::from_secs(4).mul_f64(faster))
        .heartbeat(Duration::from_secs(1).mul_f64(faster))
        .gatekeeper(gatekeeper)
}

/// The car: where it is, and its way.
pub(crate) fn car(kernel: &Kernel, trip: &Trip) -> Result<(), Box<dyn Error>> {
    let way = Way::along(trip.track.iter().map(|&(_, point)| point));
    let pace = Pace { patience: trip.interval() * 3, progress: trip.duration() / 8 };
    let car = kernel.namespace("car").open()?;
    car.topic::<Fix>().retain_last().open()?;
    let route = car.register_as("route", Route::new(way, pace))?;
    car.serve::<Arrival>(route)?;
    car.observe::<Fix>(route)?;
    car.serve::<Depart>(car.register_as("position", Position::new(trip.track.clone()))?)?;
    Ok(())
}

/// The map server, which follows the car to have its tiles in memory.
pub(crate) fn map(kernel: &Kernel, trip: &Trip) -> Result<(), Box<dyn Error>> {
    let space = kernel.namespace("map").open()?;
    let map = space.register_as("map", Map::new(trip.places.clone()))?;
    space.serve::<NameOf>(map)?;
    let service = CAR.on_node(Role::Car.node());
    let news = News::Observe(AddObserver { service, record: Fix::ID, observer: map });
    space.register(Subscriber::new(Role::Car.node(), news))?;
    Ok(())
}

/// The cockpit: the voice, and the dashboard, which it returns.
pub(crate) fn cockpit(kernel: &Kernel) -> Result<Address, Box<dyn Error>> {
    let space = kernel.namespace("cockpit").open()?;
    let dashboard = space.register_as("dashboard", Dashboard::default())?;
    for other in [Role::Car, Role::Map] {
        kernel.monitor(Filter::new().node(other.node()), dashboard)?;
    }
    let filter = Filter::new().namespace(CAR.nid().ok_or("the car has a namespace")?);
    let news = News::Monitor(AddMonitor { filter, target: dashboard });
    space.register(Subscriber::new(Role::Car.node(), news))?;
    space.register_as("voice", Voice::default())?;
    Ok(dashboard)
}
