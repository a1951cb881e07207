//! Targets in a circle, by nested `notify` and by `forward`; two of them on two threads are a ping-pong.

use std::time::Instant;

use rohrpost::Address;
use rohrpost::Context;
use rohrpost::Failure;
use rohrpost::Handle;
use rohrpost::Held;
use rohrpost::Kernel;
use rohrpost::Later;
use rohrpost::Message;
use rohrpost::Outcome;
use rohrpost::Target;
use rohrpost::handles;
use rohrpost::record;

use super::Run;
use super::Seen;
use super::Took;
use super::Total;
use super::ask;
use super::end;
use super::kernel;
use crate::bounds;
use crate::harness::Group;
use crate::harness::Row;
use crate::harness::Timed;
use crate::harness::warm_up;
use crate::work::Tally;

pub fn rows() -> Vec<Row> {
    vec![
        Row::time(Group::Ring, bounds::NOTIFY, |ops| ring(ops, Place::default)),
        Row::time(Group::Ring, bounds::FORWARD, |ops| ring(ops, Passer::default)),
    ]
}

/// Travels until nothing is left.
#[derive(Clone, Debug)]
struct Hop {
    left: u64,
}
record!(Hop, "compare.hop");

/// Says that the last hop has arrived.
#[derive(Clone, Debug)]
struct Done;
record!(Done, "compare.done");

/// Tells a place where to send hops, and whom to tell of the last one.
#[derive(Clone, Debug)]
struct Link {
    next: Address,
    starter: Address,
}
record!(Link, "compare.link");

/// Sends hops into a ring and answers when the last has arrived.
pub struct Starter {
    first: Address,
    /// Hops per operation.
    hops: u64,
    start: Option<Instant>,
    run: Option<Held<Run>>,
}

handles!(Starter: Done; later Run);

impl Later<Run> for Starter {
    fn handle(&mut self, run: Held<Run>, ctx: &mut Context<'_>) {
        let left = warm_up(run.0) * self.hops;
        self.run = Some(run);
        ctx.notify(self.first, Hop { left });
    }
}

impl Handle<Done> for Starter {
    fn handle(&mut self, _: &Done, ctx: &mut Context<'_>) -> Result<(), Failure> {
        let Some(run) = self.run.take() else {
            return Ok(());
        };
        let ops = run.0;
        if let Some(start) = self.start {
            run.answer(Took::since(start, ops));
            return Ok(());
        }
        self.run = Some(run);
        self.start = Some(Instant::now());
        ctx.notify(self.first, Hop { left: ops * self.hops });
        Ok(())
    }
}

/// Sends every hop on anew.
#[derive(Default)]
pub struct Place {
    tally: Tally,
    link: Option<Link>,
}

handles!(Place: Hop, Link, Total);

impl Handle<Hop> for Place {
    fn handle(&mut self, hop: &Hop, ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.tally.count += 1;
        if let Some(link) = &self.link {
            match hop.left - 1 {
                0 => ctx.notify(link.starter, Done),
                left => ctx.notify(link.next, Hop { left }),
            }
        }
        Ok(())
    }
}

impl Handle<Link> for Place {
    fn handle(&mut self, link: &Link, _: &mut Context<'_>) -> Result<(), Failure> {
        self.link = Some(link.clone());
        Ok(())
    }
}

impl Handle<Total> for Place {
    fn handle(&mut self, _: &Total, _: &mut Context<'_>) -> Result<Seen, Failure> {
        Ok(Seen(self.tally))
    }
}

/// Forwards every hop.
#[derive(Default)]
struct Passer {
    tally: Tally,
    link: Option<Link>,
}

impl Target for Passer {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(hop) = message.record_mut::<Hop>() {
            self.tally.count += 1;
            hop.left -= 1;
            if let Some(link) = &self.link {
                match hop.left {
                    0 => ctx.notify(link.starter, Done),
                    _ => ctx.forward(message, link.next),
                }
            }
        } else if let Some(link) = message.record::<Link>() {
            self.link = Some(link.clone());
            message.answer(());
        } else {
            message.answer(Seen(self.tally));
        }
        Outcome::Handled
    }
}

/// Links `places` into a ring, sends the hops of so many operations around it, and counts them.
pub fn run(kernel: &Kernel, ops: u64, hops: u64, places: &[Address], starter: Address) -> Timed {
    for (i, place) in places.iter().enumerate() {
        let next = places[(i + 1) % places.len()];
        ask(kernel, *place, Link { next, starter });
    }
    let Took(timed) = ask(kernel, starter, Run(ops));
    let count: u64 = places.iter().map(|place| ask(kernel, *place, Total).0.count).sum();
    assert_eq!(count, (warm_up(ops) + ops) * hops);
    timed
}

pub fn starter(first: Address, hops: u64) -> Starter {
    Starter { first, hops, start: None, run: None }
}

fn ring<T: Target + Send>(ops: u64, place: fn() -> T) -> Timed {
    const RING: usize = 100;
    let kernel = kernel();
    let space = kernel.namespace("ring").open().expect("a namespace opens");
    let places: Vec<Address> = (0..RING).map(|_| space.register(place()).expect("a target registers")).collect();
    let starter = space.register(starter(places[0], 1)).expect("a target registers");
    let timed = run(&kernel, ops, 1, &places, starter);
    end(&kernel);
    timed
}
