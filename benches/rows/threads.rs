//! Paths between two threads, beside a cache line that goes to and fro and a thread that is woken.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use rohrpost::{Address, Code, Idle, Kernel};

use super::limits;
use super::targets::{Add, Adder, Player, Small};

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hand-off, round trip");
    group.bench_function("limit: spinning", |bencher| bencher.iter_custom(limits::spinning_round_trips));
    group.bench_function("notify, spinning", |bencher| bencher.iter_custom(|rounds| ping_pong(rounds, Idle::Spin)));
    group.bench_function("ask, spinning", |bencher| bencher.iter_custom(asks));
    group.bench_function("limit: park and unpark", |bencher| bencher.iter_custom(limits::parked_round_trips));
    group.bench_function("notify, parked", |bencher| bencher.iter_custom(|rounds| ping_pong(rounds, Idle::Park)));
    group.finish();

    let mut group = criterion.benchmark_group("hand-off, one way");
    group.bench_function("limit: sync_channel(1024)", |bencher| bencher.iter_custom(limits::channel_one_way));
    group.bench_function("notify from outside", |bencher| bencher.iter_custom(one_way));
    group.finish();
}

/// Two targets on two threads that send a count back and forth.
fn ping_pong(rounds: u64, idle: Idle) -> Duration {
    let kernel = Kernel::builder("bench").start().expect("a kernel");
    let app = kernel.namespace("ping").threads(2).idle(idle).open().expect("a namespace");
    let (done, finished) = mpsc::channel();
    let there = app.register_on(1, Player { other: None, done: Some(done.clone()) }).expect("a player");
    let here = app.register_on(0, Player { other: Some(there), done: Some(done) }).expect("a player");
    let started = Instant::now();
    kernel.notify(here, Small(2 * rounds, 0)).expect("there is room");
    finished.recv().expect("the players finish");
    started.elapsed()
}

fn asks(rounds: u64) -> Duration {
    let (kernel, adder) = spinning_adder();
    let started = Instant::now();
    for round in 0..rounds {
        kernel.ask(adder, Add(round, 1)).idle(Idle::Spin).wait().expect("an answer");
    }
    started.elapsed()
}

/// From a plain thread, as fast as the hand-off takes it.
fn one_way(messages: u64) -> Duration {
    let (kernel, adder) = spinning_adder();
    let started = Instant::now();
    for message in 0..messages {
        while let Err(error) = kernel.notify(adder, Small(message, 0)) {
            assert_eq!(error.code(), Code::BUSY, "expected only a full hand-off to refuse");
            std::hint::spin_loop();
        }
    }
    kernel.ask(adder, Add(1, 1)).idle(Idle::Spin).wait().expect("the last one");
    started.elapsed()
}

fn spinning_adder() -> (Kernel, Address) {
    let kernel = Kernel::builder("bench").start().expect("a kernel");
    let app = kernel.namespace("sink").idle(Idle::Spin).open().expect("a namespace");
    let adder = app.register(Adder::default()).expect("an adder");
    (kernel, adder)
}
