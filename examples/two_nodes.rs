//! One program on two nodes: a weather station, and somebody who asks it. Nothing in either target says where the other is.
//!
//! Without arguments both nodes run in this process, over a network in memory. With `--listen` and `--connect` they are
//! two processes:
//!
//! ```text
//! cargo run --features net --example two_nodes -- --listen tcp/127.0.0.1:7447
//! cargo run --features net --example two_nodes -- --connect tcp/127.0.0.1:7447
//! ```
//!
//! Stop the station while the other one asks: each question comes back with a code, and the answers go on when it is
//! started again.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to its reader")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use rohrpost::net::Net;
use rohrpost::net::memory::Network;
use rohrpost::{
    Address, Change, Code, Context, Event, Failure, Filter, Handle, Kernel, NodeId, Record, Started, handles, record,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Temperature {
    place: String,
}
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Degrees(i32);

// The mark `wire` gives them a form in which they leave the process.
record!(Temperature, "weather.temperature" => Degrees, wire);
record!(Degrees, "weather.degrees", wire);

const STATION: NodeId = NodeId::name("station");

/// Knows how warm it is.
struct Station;

impl Handle<Temperature> for Station {
    fn handle(&mut self, question: &Temperature, _: &mut Context<'_>) -> Result<Degrees, Failure> {
        match question.place.as_str() {
            "beach" => Ok(Degrees(24)),
            "summit" => Ok(Degrees(-3)),
            place => Err(Failure::new(Code::REJECTED, format!("there is no thermometer at the {place}"))),
        }
    }
}

handles!(Station: Temperature);

/// Says which nodes come and go.
struct Doorman;

impl Started for Doorman {
    fn started(&mut self, ctx: &mut Context<'_>) {
        if let Err(code) = ctx.monitor(Filter::new().node(STATION)) {
            println!("nobody will tell who comes and goes: {code}");
        }
    }
}

impl Handle<Change> for Doorman {
    fn handle(&mut self, change: &Change, _: &mut Context<'_>) -> Result<(), Failure> {
        match change.event {
            Event::NodeJoined { node } => println!("  ({node} is there)"),
            Event::NodeLeft { node, reason } => println!("  ({node} has left: {reason})"),
            _ => {}
        }
        Ok(())
    }
}

handles!(Doorman: Change; hooks started);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // As its text: a `main` that returns it prints how it is made.
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => both(),
        ["--listen", endpoint] => {
            let kernel = station()?;
            let _net = rohrpost::zenoh::Network::new().listen(endpoint).join(&kernel)?;
            println!("the station listens on {endpoint}; stop it with Ctrl-C");
            loop {
                std::thread::park();
            }
        }
        ["--connect", endpoint] => {
            let kernel = visitor()?;
            let net = rohrpost::zenoh::Network::new().connect(endpoint).join(&kernel)?;
            if !net.wait_for(STATION, Duration::from_secs(5)) {
                println!("the station is not there yet");
            }
            loop {
                ask_around(&kernel, &net)?;
                std::thread::sleep(Duration::from_secs(2));
            }
        }
        _ => Err("say nothing, `--listen ENDPOINT` or `--connect ENDPOINT`, such as tcp/127.0.0.1:7447".into()),
    }
}

/// Both nodes in this process.
fn both() -> Result<(), Box<dyn Error>> {
    let network = Network::new();
    let (station, visitor) = (station()?, visitor()?);
    network.join(&station)?;
    let net = network.join(&visitor)?;
    net.wait_for(STATION, Duration::from_secs(5)).then_some(()).ok_or("the station did not join")?;
    ask_around(&visitor, &net)?;
    let _ = station.stop(Duration::from_secs(5));
    ask_around(&visitor, &net)
}

fn station() -> Result<Kernel, Box<dyn Error>> {
    let kernel = Kernel::builder("station").start()?;
    let weather = kernel.namespace("weather").open()?;
    weather.serve::<Temperature>(weather.register(Station)?)?;
    Ok(kernel)
}

fn visitor() -> Result<Kernel, Box<dyn Error>> {
    let kernel = Kernel::builder("visitor").start()?;
    kernel.namespace("hall").open()?.register(Doorman)?;
    Ok(kernel)
}

/// Asks the station by its node's name, and then whoever offers that service.
fn ask_around(kernel: &Kernel, net: &Net) -> Result<(), Box<dyn Error>> {
    println!("{} other node(s) there", net.nodes().len());
    // Read from text, an address prints by its names, whoever has heard of them.
    let addresses: [Address; 2] = [".weather.station".parse()?, ".weather.*".parse()?];
    for (address, place) in addresses.into_iter().zip(["beach", "volcano"]).chain([(addresses[1], "summit")]) {
        let question = Temperature { place: place.to_owned() };
        match kernel.ask(address, question).timeout(Duration::from_secs(2)).wait() {
            Ok(Degrees(degrees)) => println!("{address} says {degrees} degrees at the {place}"),
            Err(failure) => println!("{} to {address} came back: {}", Temperature::NAME, failure.code()),
        }
    }
    Ok(())
}
