//! A car's navigation: position, route, map and voice, which know each other only by services.
//!
//! Look at `services.rs`: these records are all that the targets know of each other. Then look at the lines of the
//! dashboard, a monitor: the voice is there from the start, but serves only when it has booted, and what was to be said
//! before that comes back. Timers drive all of it, and the trip takes its time:
//!
//! ```sh
//! cargo run --example navigation -- --fast               # the whole trip at once, by a clock that is turned by hand
//! cargo run --example navigation -- --live               # in real time; `--live 20` is twenty times as fast
//! cargo run --example navigation -- --fast my-ride.gpx   # a track of your own
//! ```
//!
//! What drives the trip does not know which clock it is. See `drive` and `Lapse`.

#![expect(clippy::print_stderr, reason = "an example talks to its reader")]

mod dashboard;
mod gpx;
mod lapse;
mod log;
mod map;
mod position;
mod route;
mod services;
mod voice;
mod way;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rohrpost::testing::TestKernel;
use rohrpost::{Filter, Kernel, Setup, Time};

use crate::dashboard::{Census, Dashboard, Population};
use crate::gpx::Trip;
use crate::lapse::Lapse;
use crate::log::{clock, say};
use crate::map::Map;
use crate::position::Position;
use crate::route::{Pace, Route};
use crate::services::{Arrival, Depart, Fix, NameOf};
use crate::voice::Voice;
use crate::way::Way;

const HOUR: Duration = Duration::from_secs(3600);
const USAGE: &str = "usage: navigation [--fast | --live [TIMES_AS_FAST]] [FILE.gpx]";

/// By which clock to drive.
enum Pass {
    Fast,
    Live(f64),
}

/// Has everybody do their work on the way from the start to the arrival.
fn drive(kernel: &Kernel, trip: Trip) -> Result<(), Box<dyn Error>> {
    let way = Way::along(trip.track.iter().map(|&(_, point)| point));
    let pace = Pace {
        patience: (trip.interval() * 3).max(Duration::from_secs(15)),
        progress: (trip.duration() / 8).max(Duration::from_secs(60)),
    };
    let limit = trip.duration() + HOUR;

    let car = kernel.namespace("car").threads(2).open()?;
    car.topic::<Fix>().retain_last().open()?;
    let on = |thread, name| Setup::new().thread(thread).name(name);
    let map = car.register_with(on(1, "map"), Map::new(trip.places))?;
    car.serve::<NameOf>(map)?;
    car.observe::<Fix>(map)?;
    let dashboard = kernel.namespace("dashboard").open()?.register(Dashboard::default())?;
    kernel.monitor(Filter::new().namespace(car.id()), dashboard)?;
    car.register_with(on(1, "voice"), Voice::default())?; // serves when it can speak
    let route = car.register_with(on(0, "route"), Route::new(way, pace))?;
    car.serve::<Arrival>(route)?;
    car.observe::<Fix>(route)?;
    let position = car.register_with(on(0, "position"), Position::new(trip.track))?;
    car.serve::<Depart>(position)?;

    kernel.ask(car.address(), Depart).timeout(HOUR).wait()?;
    kernel.ask(car.address(), Arrival).timeout(limit).wait()?;
    let _ = car.close(Duration::from_secs(5));
    let Population { came, there } = kernel.ask(dashboard, Census).timeout(HOUR).wait()?;
    say(format_args!("\n{came} targets came, {there} are still there"));
    Ok(())
}

/// Drives, and says how it went.
fn run(file: &Path, pass: &Pass) -> Result<(), Box<dyn Error>> {
    let trip = Trip::read(file)?;
    say(format_args!("{trip}\n"));
    let started = Instant::now();
    let kernel = match *pass {
        Pass::Fast => {
            let test = TestKernel::new("car-7");
            let kernel = test.kernel().clone();
            drive(&kernel, trip)?;
            kernel
        }
        Pass::Live(factor) => {
            let kernel = Kernel::builder("car-7").clock(Arc::new(Lapse::new(factor))).start()?;
            drive(&kernel, trip)?;
            kernel
        }
    };
    let (now, mail) = (kernel.now().since(Time::START), kernel.counters());
    let (trip, took) = (clock(now.as_secs()), started.elapsed());
    let (sent, seen, trip) = (mail.sent, mail.observed, trip.trim_start());
    say(format_args!("{sent} messages, {seen} copies; a trip of {trip} took {took:.0?}"));
    Ok(())
}

fn arguments() -> Result<(PathBuf, Option<Pass>), String> {
    let (mut file, mut pass) = (None, None);
    let mut arguments = std::env::args_os().skip(1).peekable();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--fast") => pass = Some(Pass::Fast),
            Some("--live") => {
                let factor = arguments.peek().and_then(|text| text.to_str()?.parse::<f64>().ok());
                pass = Some(Pass::Live(factor.unwrap_or(1.0)));
                factor.map(|_| arguments.next());
            }
            Some(option) if option.starts_with("--") => return Err(format!("there is no option {option}\n{USAGE}")),
            _ if file.is_some() => return Err(format!("one file at a time\n{USAGE}")),
            _ => file = Some(PathBuf::from(argument)),
        }
    }
    if let Some(Pass::Live(factor)) = pass
        && !(0.01..=10_000.0).contains(&factor)
    {
        return Err(format!("`--live {factor}`: so many times as fast is from 0.01 to 10000\n{USAGE}"));
    }
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok((file.unwrap_or_else(|| home.join("examples/data/trip.gpx")), pass))
}

fn main() -> ExitCode {
    let (file, pass) = match arguments() {
        Ok(arguments) => arguments,
        Err(fault) => {
            eprintln!("{fault}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = run(&file, pass.as_ref().unwrap_or(&Pass::Fast)) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    if pass.is_none() {
        say(format_args!("To watch it as it happens: cargo run --example navigation -- --live 20"));
    }
    ExitCode::SUCCESS
}
