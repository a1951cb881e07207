//! Cross-thread rows: ping-pong spinning and parked, one-way at saturation, and asking from a plain thread.

use std::time::Instant;

use crossbeam_utils::Backoff;
use rohrpost::Address;
use rohrpost::Answers;
use rohrpost::Context;
use rohrpost::Failure;
use rohrpost::Handle;
use rohrpost::Held;
use rohrpost::Idle;
use rohrpost::Later;
use rohrpost::RequestId;
use rohrpost::handles;
use rohrpost::record;

use super::Add;
use super::Run;
use super::Seen;
use super::Took;
use super::Total;
use super::ask;
use super::end;
use super::kernel;
use super::ring;
use super::ring::Place;
use super::same_thread::Sink;
use crate::bounds;
use crate::cores;
use crate::cores::APART;
use crate::cores::Sides;
use crate::cores::TOGETHER;
use crate::harness::Group;
use crate::harness::Row;
use crate::harness::Timed;
use crate::harness::warm_up;
use crate::work::Small;
use crate::work::Tally;
use crate::work::sum_of_answers;

pub fn rows() -> Vec<Row> {
    vec![
        Row::time(Group::Spin, bounds::SPIN, |ops| ping_pong(ops, Idle::Spin, APART)),
        Row::time(Group::Park, bounds::PARK, |ops| ping_pong(ops, Idle::Park, APART)),
        Row::time(Group::ParkTogether, bounds::PARK, |ops| ping_pong(ops, Idle::Park, TOGETHER)),
        Row::time(Group::Flow, bounds::NOTIFY, flow),
        Row::time(Group::Flow, "rohrpost `kernel.notify`", flow_from_outside),
        Row::time(Group::Outside, bounds::ASK, outside),
    ]
}

fn ping_pong(ops: u64, idle: Idle, sides: Sides) -> Timed {
    let kernel = kernel();
    let space = kernel
        .namespace("pingpong")
        .threads(2)
        .idle(idle)
        .pin_to(sides.map(cores::number))
        .open()
        .expect("a namespace opens");
    let places = [0, 1].map(|thread| space.register_on(thread, Place::default()).expect("a target registers"));
    let starter = ring::starter(places[0], 2);
    let starter = space.register_on(0, starter).expect("a target registers");
    let timed = ring::run(&kernel, ops, 2, &places, starter);
    end(&kernel);
    timed
}

/// The hand-off of the rows at saturation, in messages.
const CAPACITY: usize = 4096;

/// Messages that a counter lets pass before it tells the producer: two windows are well within a hand-off.
const WINDOW: u64 = 1024;

/// Tells a producer that a window has been received.
#[derive(Clone, Debug)]
struct Credit;
record!(Credit, "compare.credit");

/// Tells a counter who its producer is.
#[derive(Clone, Debug)]
struct From(Address);
record!(From, "compare.from");

/// Sends to another thread, two windows ahead of what has been received.
struct Producer {
    to: Address,
    next: u64,
    received: u64,
    warm: u64,
    until: u64,
    start: Option<Instant>,
    run: Option<Held<Run>>,
}

handles!(Producer: Credit; later Run; answers ());

impl Answers<()> for Producer {
    fn answered(&mut self, back: Result<(), Failure>, _: Option<RequestId>, _: &mut Context<'_>) {
        back.expect("two windows fit into a hand-off");
    }
}

impl Producer {
    fn send_window(&mut self, ctx: &Context<'_>) {
        for i in self.next..self.next + WINDOW {
            ctx.notify(self.to, Small::nth(i));
        }
        self.next += WINDOW;
    }
}

impl Later<Run> for Producer {
    fn handle(&mut self, run: Held<Run>, ctx: &mut Context<'_>) {
        self.warm = warm_up(run.0).next_multiple_of(WINDOW);
        self.until = self.warm + run.0.next_multiple_of(WINDOW);
        self.run = Some(run);
        self.send_window(ctx);
    }
}

impl Handle<Credit> for Producer {
    fn handle(&mut self, _: &Credit, ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.received += WINDOW;
        if self.received == self.warm {
            // Nothing is under way: the clock starts, and with it the second window.
            self.start = Some(Instant::now());
            self.send_window(ctx);
        }
        let end = if self.start.is_some() { self.until } else { self.warm };
        if self.next < end {
            self.send_window(ctx);
        }
        if self.received == self.until
            && let (Some(run), Some(start)) = (self.run.take(), self.start)
        {
            run.answer(Took::since(start, self.until - self.warm));
        }
        Ok(())
    }
}

/// Counts, and tells its producer of every window.
#[derive(Default)]
struct Counter {
    tally: Tally,
    producer: Option<Address>,
}

handles!(Counter: Small, From, Total);

impl Handle<Small> for Counter {
    fn handle(&mut self, small: &Small, ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.tally.put(*small);
        if self.tally.count.is_multiple_of(WINDOW)
            && let Some(producer) = self.producer
        {
            ctx.notify(producer, Credit);
        }
        Ok(())
    }
}

impl Handle<From> for Counter {
    fn handle(&mut self, from: &From, _: &mut Context<'_>) -> Result<(), Failure> {
        self.producer = Some(from.0);
        Ok(())
    }
}

impl Handle<Total> for Counter {
    fn handle(&mut self, _: &Total, _: &mut Context<'_>) -> Result<Seen, Failure> {
        Ok(Seen(self.tally))
    }
}

fn flow(ops: u64) -> Timed {
    let kernel = kernel();
    let space = kernel.namespace("flow").threads(2).capacity(CAPACITY).open().expect("a namespace opens");
    let counter = space.register_on(1, Counter::default()).expect("a target registers");
    let producer = Producer { to: counter, next: 0, received: 0, warm: 0, until: 0, start: None, run: None };
    let producer = space.register_on(0, producer).expect("a target registers");
    ask(&kernel, counter, From(producer));
    let Took(timed) = ask(&kernel, producer, Run(ops));
    let Seen(tally) = ask(&kernel, counter, Total);
    let sent = warm_up(ops).next_multiple_of(WINDOW) + ops.next_multiple_of(WINDOW);
    assert_eq!(tally, Tally::of_puts(sent));
    end(&kernel);
    timed
}

fn flow_from_outside(ops: u64) -> Timed {
    let kernel = kernel();
    let space = kernel.namespace("flow").capacity(CAPACITY).open().expect("a namespace opens");
    let sink = space.register(Sink::default()).expect("a target registers");
    let pass = |from: u64, until: u64| {
        for i in from..until {
            let backoff = Backoff::new();
            while kernel.notify(sink, Small::nth(i)).is_err() {
                backoff.snooze();
            }
        }
        loop {
            // The hand-off may be full of what is to be counted.
            if let Ok(Seen(tally)) = kernel.ask(sink, Total).wait()
                && tally.count == until
            {
                return tally;
            }
        }
    };
    let warm = warm_up(ops);
    pass(0, warm);
    let start = Instant::now();
    let tally = pass(warm, warm + ops);
    let timed = Timed::since(start, ops);
    assert_eq!(tally, Tally::of_puts(warm + ops));
    end(&kernel);
    timed
}

fn outside(ops: u64) -> Timed {
    let kernel = kernel();
    let space = kernel.namespace("outside").idle(Idle::Spin).open().expect("a namespace opens");
    let sink = space.register(Sink::default()).expect("a target registers");
    let warm = warm_up(ops);
    let mut sum = 0;
    let mut add = |i| {
        let answer = kernel.ask(sink, Add(i)).idle(Idle::Spin).wait();
        sum += answer.expect("the sink answers").0;
    };
    (0..warm).for_each(&mut add);
    let start = Instant::now();
    (warm..warm + ops).for_each(&mut add);
    let timed = Timed::since(start, ops);
    assert_eq!(sum, sum_of_answers(warm + ops));
    assert_eq!(ask(&kernel, sink, Total).0.count, warm + ops);
    end(&kernel);
    timed
}
