//! The navigation on three nodes: a car, a map server, and a cockpit with the voice and the dashboard.
//!
//! The targets are those of `examples/navigation`, file by file: none of them says where another is. What is new stands in
//! `services.rs` (what leaves its node, and where a service may be), `roles.rs` (what runs where, and what a node lets in)
//! and `subscriber.rs` (news of another node). Half way the map server crashes: the car goes on without the names of
//! places, and has them again when the server is back.
//!
//! ```sh
//! cargo run --features net --example fleet                  # three nodes in this process, a trip in two seconds
//! cargo run --features net --example fleet -- --processes   # three processes, of which you kill one and watch
//! ```
//!
//! Or each by hand, in any order; `--live 10` is ten times as fast:
//!
//! ```sh
//! cargo run --features net --example fleet -- --role map --listen tcp/127.0.0.1:7447
//! cargo run --features net --example fleet -- --role cockpit --connect tcp/127.0.0.1:7447
//! cargo run --features net --example fleet -- --role car --connect tcp/127.0.0.1:7447 --live 10
//! ```

#![expect(clippy::print_stderr, reason = "an example talks to its reader")]

#[path = "../navigation/dashboard.rs"]
mod dashboard;
#[path = "../navigation/gpx.rs"]
mod gpx;
#[path = "../navigation/lapse.rs"]
mod lapse;
#[path = "../navigation/log.rs"]
mod log;
#[path = "../navigation/map.rs"]
mod map;
#[path = "../navigation/position.rs"]
mod position;
mod processes;
mod roles;
#[path = "../navigation/route.rs"]
mod route;
mod services;
mod subscriber;
#[path = "../navigation/voice.rs"]
mod voice;
#[path = "../navigation/way.rs"]
mod way;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use rohrpost::net::memory::Network;
use rohrpost::{Context, Kernel, Observes, Time, handles};

use crate::dashboard::{Census, Population};
use crate::gpx::Trip;
use crate::lapse::Lapse;
use crate::log::{clock, say};
use crate::processes::Setup;
use crate::roles::Role;
use crate::services::{Arrival, CAR, Depart, Fix};

const HOUR: Duration = Duration::from_secs(3600);
/// How many times as fast as life the trip in one process is.
const FAST: f64 = 250.0;
const USAGE: &str = "usage: fleet [--processes | --role car|map|cockpit] [--listen ENDPOINT] [--connect ENDPOINT] \
                     [--live TIMES_AS_FAST]";

/// Sees the car on its way, and tells the main thread at some of its positions.
struct Milestones {
    passed: usize,
    at: Vec<usize>,
    tell: Sender<usize>,
}

impl Observes<Fix> for Milestones {
    fn observed(&mut self, _: &Fix, _: &mut Context<'_>) {
        self.passed += 1;
        if self.at.contains(&self.passed) {
            // Who does not wait any more needs not be told.
            let _ = self.tell.send(self.passed);
        }
    }
}

handles!(Milestones: observes Fix);

/// All nodes in this process, over a network in memory.
fn together() -> Result<(), Box<dyn Error>> {
    let trip = trip()?;
    say(format_args!("{trip}\n"));
    let started = Instant::now();
    let (network, lapse) = (Network::new(), Arc::new(Lapse::new(FAST)));
    let join = |role: Role| -> Result<_, Box<dyn Error>> {
        let kernel = role.start(lapse.clone())?;
        let net = network.join_with(&kernel, roles::joining(FAST))?;
        Ok((kernel, net))
    };
    let (cockpit, _) = join(Role::Cockpit)?;
    let dashboard = roles::cockpit(&cockpit)?;
    let (mut server, _) = join(Role::Map)?;
    roles::map(&server, &trip)?;
    let (car, net) = join(Role::Car)?;
    roles::car(&car, &trip)?;
    for other in [Role::Map, Role::Cockpit] {
        net.wait_for(other.node(), HOUR).then_some(()).ok_or("not all have come")?;
    }

    let (tell, milestones) = channel();
    let at = vec![trip.track.len() / 6, trip.track.len() / 2];
    let space = car.namespace("car").open()?;
    space.observe::<Fix>(space.register(Milestones { passed: 0, at, tell })?)?;
    let arrival = car.ask(CAR.on_node(car.node()), Arrival).timeout(trip.duration() + HOUR);
    car.ask(CAR.on_node(car.node()), Depart).wait()?;

    milestones.recv()?;
    say(format_args!("\nthe map server crashes"));
    network.crash(Role::Map.node());
    let _ = server.stop(HOUR);
    milestones.recv()?;
    say(format_args!("\nthe map server is started anew"));
    (server, _) = join(Role::Map)?;
    roles::map(&server, &trip)?;
    arrival.wait()?;

    let took = car.now().since(Time::START);
    let Population { came, there } = cockpit.ask(dashboard, Census).timeout(HOUR).wait()?;
    let counted = net.counters();
    for kernel in [&car, &server, &cockpit] {
        let _ = kernel.stop(HOUR);
    }
    say(format_args!("\nthe dashboard saw {came} targets of the car come; {there} are still there"));
    let trip = clock(took.as_secs());
    say(format_args!(
        "{} links opened; a trip of {} took {:.1?}",
        counted.opened,
        trip.trim_start(),
        started.elapsed()
    ));
    Ok(())
}

/// The trip that is shown.
fn trip() -> Result<Trip, gpx::GpxError> {
    Trip::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/trip.gpx"))
}

/// Drives, and waits for the arrival.
fn drive(car: &Kernel, trip: &Trip) -> Result<(), Box<dyn Error>> {
    car.ask(CAR.on_node(car.node()), Depart).wait()?;
    car.ask(CAR.on_node(car.node()), Arrival).timeout(trip.duration() + HOUR).wait()?;
    Ok(())
}

fn arguments() -> Result<Option<Setup>, String> {
    let mut setup = Setup::default();
    let mut arguments = std::env::args().skip(1);
    let mut any = false;
    while let Some(argument) = arguments.next() {
        any = true;
        let mut value = || arguments.next().ok_or(format!("`{argument}` wants a value\n{USAGE}"));
        match argument.as_str() {
            "--processes" => setup.role = None,
            "--role" => setup.role = Some(value()?.parse().map_err(|fault| format!("{fault}\n{USAGE}"))?),
            "--listen" => setup.listen = Some(value()?),
            "--connect" => setup.connect = Some(value()?),
            "--live" => {
                let factor = value()?;
                let known = factor.parse().ok().filter(|factor| (0.1..=FAST).contains(factor));
                setup.factor = known.ok_or(format!("`--live {factor}`: that is from 0.1 to {FAST}\n{USAGE}"))?;
            }
            _ => return Err(format!("there is no `{argument}`\n{USAGE}")),
        }
    }
    Ok(any.then_some(setup))
}

fn main() -> ExitCode {
    let done = match arguments() {
        Ok(None) => together(),
        Ok(Some(setup)) => processes::run(&setup),
        Err(fault) => {
            eprintln!("{fault}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = done {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
