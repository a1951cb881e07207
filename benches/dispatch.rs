//! Each path of a message beside its physical limit, in one run.
//!
//! `cargo bench --bench dispatch`. Rows of a group are to be read as ratios: machines differ, and this one may be
//! busy. Peers are in `benches/compare/`. What services, observers, timers and monitors cost, with the lateness of timers:
//! `cargo bench --bench dispatch --bench lateness -- 'service|observers|timers|a target'`.

use criterion::{criterion_group, criterion_main};

mod rows;

criterion_group!(direct, rows::direct::bench);
criterion_group!(threads, rows::threads::bench);
criterion_group!(services, rows::services::bench);
criterion_group!(storage, rows::storage::bench);
criterion_group!(registration, rows::registration::bench);
criterion_group!(timers, rows::timers::bench);
criterion_main!(direct, services, threads, storage, registration, timers);
