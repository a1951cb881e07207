//! Paths within one thread, beside a call through a `dyn` reference.

use std::time::Duration;

use criterion::Criterion;
use rohrpost::{Address, Kernel, Namespace};

use super::limits;
use super::targets::{Adder, Drive, Driver, Hop, Passing, Path, Small, Took};

const HOPS: usize = 100;

pub(crate) fn bench(criterion: &mut Criterion) {
    let kernel = Kernel::builder("bench").start().expect("a kernel");
    let app = kernel.namespace("direct").depth(2 * HOPS).waiting(1 << 24).open().expect("a namespace");
    let to = app.register(Adder::default()).expect("an adder");
    let driver = app.register(Driver { to, sum: 0 }).expect("a driver");

    let mut group = criterion.benchmark_group("direct");
    group.bench_function("limit: dyn call", |bencher| bencher.iter_custom(limits::dyn_calls));
    for (name, path) in [
        ("notify", Path::Notify),
        ("notify large (1 KiB)", Path::NotifyLarge),
        ("call", Path::Call),
        ("request, sent", Path::Request),
        ("create and drop a target", Path::Register),
    ] {
        group.bench_function(name, |bencher| bencher.iter_custom(|turns| drive(&kernel, driver, path, turns)));
    }
    group.finish();

    let mut group = criterion.benchmark_group("ring of 100, whole round");
    group.bench_function("limit: dyn calls", |bencher| {
        bencher.iter_custom(|rounds| limits::dyn_calls(rounds * HOPS as u64));
    });
    for (name, by) in [("nested notify", Passing::Notify), ("forward", Passing::Forward)] {
        let driver = ring(&app, by);
        group.bench_function(name, |bencher| bencher.iter_custom(|turns| drive(&kernel, driver, Path::Notify, turns)));
    }
    group.finish();
}

/// Has the driver take its own time; requests in portions, so that their answers have room to wait.
pub(crate) fn drive(kernel: &Kernel, driver: Address, path: Path, turns: u64) -> Duration {
    let portion = if matches!(path, Path::Request) { 1024 } else { u64::MAX };
    let mut left = turns;
    let mut total = Duration::ZERO;
    while left > 0 {
        let turns = left.min(portion);
        let Took(time) = kernel.ask(driver, Drive(path, turns)).wait().expect("the driver answers");
        total += time;
        left -= turns;
    }
    total
}

/// A driver before a chain of targets, each of which passes on what it gets.
fn ring(app: &Namespace, by: Passing) -> Address {
    let first = app.build_on(0, move |thread| {
        let mut next = None;
        for _ in 0..HOPS {
            next = Some(thread.register(Hop { next, by })?);
        }
        Ok(next.expect("a ring has hops"))
    });
    app.register(Driver { to: first.expect("a ring"), sum: Small(0, 0).0 }).expect("a driver")
}
