//! What storing a record in its message buys, beside a box.

use std::any::Any;
use std::hint::black_box;

use criterion::Criterion;
use rohrpost::{Address, Message, Tid};

use super::targets::Small;

pub(crate) fn bench(criterion: &mut Criterion) {
    let to = Address::target(Tid::number(1));
    let mut group = criterion.benchmark_group("record storage");
    group.bench_function("peer: Box<dyn Any>", |bencher| {
        bencher.iter(|| {
            let boxed: Box<dyn Any> = black_box(Box::new(Small(1, 2)));
            boxed.downcast_ref::<Small>().map(|small| small.0)
        });
    });
    group.bench_function("message built by hand", |bencher| {
        bencher.iter(|| {
            let message = black_box(Message::notification(to, Small(1, 2)));
            message.record::<Small>().map(|small| small.0)
        });
    });
    group.finish();
}
