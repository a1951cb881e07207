//! Through a service instead of an address, and what observers cost.

use std::time::Duration;

use criterion::Criterion;
use rohrpost::{Address, Context, Kernel, Namespace, Observes, handles};

use super::direct::drive;
use super::limits;
use super::targets::{Add, Adder, Driver, Path, Small};

/// Observers of the topic.
const OBSERVERS: u64 = 100;

/// Adds up what it sees.
#[derive(Default)]
struct Watcher(u64);

impl Observes<Small> for Watcher {
    fn observed(&mut self, small: &Small, _ctx: &mut Context<'_>) {
        self.0 = self.0.wrapping_add(small.0);
    }
}

handles!(Watcher: observes Small);

pub(crate) fn bench(criterion: &mut Criterion) {
    let kernel = Kernel::builder("bench").start().expect("a kernel");
    let app = kernel.namespace("direct").waiting(1 << 24).open().expect("a namespace");
    let owner = app.register(Adder::default()).expect("an adder");
    app.serve::<Add>(owner).expect("nobody else serves it");
    app.serve::<Small>(owner).expect("nobody else serves it");

    for (name, path) in [("notify", Path::Notify), ("call", Path::Call), ("request, sent", Path::Request)] {
        let mut group = criterion.benchmark_group(format!("through a service: {name}"));
        for (name, to) in [("limit: by address", owner), ("by service", app.address())] {
            let driver = driver(&app, to);
            group.bench_function(name, |bencher| bencher.iter_custom(|turns| drive(&kernel, driver, path, turns)));
        }
        group.finish();
    }

    let mut group = criterion.benchmark_group("publish to 100 observers, each");
    group.bench_function("limit: dyn call", |bencher| bencher.iter_custom(limits::dyn_calls));
    let publisher = publisher(&kernel);
    group.bench_function("publish", |bencher| {
        bencher.iter_custom(|turns| publish(&kernel, publisher, turns));
    });
    group.finish();
}

fn driver(app: &Namespace, to: Address) -> Address {
    app.register(Driver { to, sum: 0 }).expect("a driver")
}

/// A driver on whose thread everybody observes what it sends.
fn publisher(kernel: &Kernel) -> Address {
    let app = kernel.namespace("topics").open().expect("a namespace");
    let topic = app.topic::<Small>().open().expect("a topic");
    for _ in 0..OBSERVERS {
        let watcher = app.register(Watcher::default()).expect("a watcher");
        app.observe::<Small>(watcher).expect("the topic is open");
    }
    driver(&app, topic)
}

fn publish(kernel: &Kernel, publisher: Address, deliveries: u64) -> Duration {
    drive(kernel, publisher, Path::Notify, deliveries.div_ceil(OBSERVERS))
}
