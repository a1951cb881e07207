//! The same on a thread of its own, by the system's clock: a worker that sleeps wakes for a restart.

use std::time::{Duration, Instant};

use rohrpost::{Kernel, Restart, Setup};

use crate::world::{Ask, Fail, File, Life};

const DELAY: Duration = Duration::from_millis(30);

#[test]
fn a_sleeping_worker_wakes_for_the_restart() {
    let kernel = Kernel::builder("node").start().unwrap();
    let app = kernel.namespace("app").open().unwrap();
    let file = File::default();
    let setup = Setup::new().restart(Restart::new().backoff(DELAY..=DELAY, 1));
    let patient = app.register_factory(setup, file.factory(None)).unwrap();
    let ask = |number| kernel.ask(patient, Ask(number)).timeout(Duration::from_secs(20)).wait().unwrap();
    assert_eq!(ask(1), Life(1));
    let began = Instant::now();
    assert!(kernel.ask(patient, Fail).timeout(Duration::from_secs(20)).wait().is_err());
    assert_eq!(ask(2), Life(2), "expected it to wait for the next life");
    assert!(began.elapsed() >= DELAY, "expected the delay to be kept");
    let counters = kernel.counters();
    assert!(counters.is_balanced() && counters.restarts == 1, "{counters:?}");
}
