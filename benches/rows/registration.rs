//! Registering and letting go of a target, beside the same with monitors that are not told of it.

use criterion::Criterion;
use rohrpost::{Filter, Kernel, Nid, Tid};

use super::direct::drive;
use super::targets::{Adder, Driver, Path};

pub(crate) fn bench(criterion: &mut Criterion) {
    let elsewhere = Filter::new().namespace(Nid::name("elsewhere"));
    let somebody = |index| Filter::new().target(Tid::number(index));
    let mut group = criterion.benchmark_group("create and drop a target");
    for (name, filters) in [
        ("limit: without monitors", Vec::new()),
        ("a monitor of another namespace", vec![elsewhere]),
        ("a monitor of another target", vec![somebody(0)]),
        ("16 monitors of other targets", (0..16).map(somebody).collect()),
    ] {
        let kernel = Kernel::builder("bench").start().expect("a kernel");
        let app = kernel.namespace("app").open().expect("a namespace");
        let driver = app.register(Driver { to: app.address(), sum: 0 }).expect("a driver");
        let told = kernel.namespace("told").open().expect("a namespace").register(Adder::default()).expect("a target");
        for filter in filters {
            kernel.monitor(filter, told).expect("a monitor");
        }
        // By now each thread knows of them.
        app.build_on(0, |_| Ok(())).expect("a thread");
        group
            .bench_function(name, |bencher| bencher.iter_custom(|turns| drive(&kernel, driver, Path::Register, turns)));
    }
    group.finish();
}
