//! A timer that is late is one event, and one that is in time is none.

use std::sync::Arc;
use std::time::Duration;

use rohrpost::testing::Probe;
use rohrpost::{Address, Driven, Kernel, ManualClock};
use tracing::Level;

use crate::listener::{Listener, Told};
use crate::office::Riddle;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A probe on a driven worker, whose clock may be ahead of it.
struct Belfry {
    kernel: Kernel,
    clock: Arc<ManualClock>,
    worker: Driven,
    probe: Probe,
    address: Address,
    listener: Listener,
}

impl Belfry {
    fn new(listener: Listener) -> Self {
        let clock = Arc::new(ManualClock::new());
        let kernel = Kernel::builder("town").clock(clock.clone()).start().unwrap();
        let (app, mut worker) = kernel.namespace("belfry").driven().unwrap();
        let probe = Probe::new("probe");
        let address = app.register(probe.clone()).unwrap();
        worker.run_until_idle();
        Self { kernel, clock, worker, probe, address, listener }
    }

    /// Moves the clock in one go, and only then runs the worker.
    fn advance(&mut self, duration: Duration) {
        self.clock.advance(duration);
        self.listener.during(|| self.worker.run_until_idle());
    }

    #[track_caller]
    fn assert_late(&self, missed: &str, lateness: &str) {
        let told = self.listener.take_one();
        let Told { level, target, .. } = &told;
        assert_eq!((*level, &**target), (Level::INFO, "late_timer"), "expected another event than {told:#?}");
        let fields = ["address", "missed", "lateness"].map(|name| told.field(name).to_owned());
        assert_eq!(fields, [&*self.address.to_string(), missed, lateness], "expected these fields in {told:#?}");
    }
}

#[test]
fn a_timer_that_is_in_time_makes_no_event() {
    let mut belfry = Belfry::new(Listener::default());
    belfry.probe.act(|ctx| {
        ctx.timer(Riddle).every(ms(100)).unwrap();
        ctx.timer(Riddle).after(ms(300)).unwrap();
    });
    belfry.advance(ms(0));
    for late in [0, 9, 3] {
        belfry.advance(ms(100 + late));
        belfry.listener.expect_nothing();
        // Back into step: the next is due 100 ms after the last.
        belfry.advance(ms(100 - late));
        belfry.listener.expect_nothing();
    }
}

#[test]
fn a_tick_that_is_late_or_has_missed_others_is_one_event() {
    let mut belfry = Belfry::new(Listener::default());
    belfry.probe.act(|ctx| _ = ctx.timer(Riddle).after(ms(50)).unwrap());
    belfry.advance(ms(0));
    belfry.advance(ms(59));
    belfry.listener.expect_nothing();
    belfry.probe.act(|ctx| _ = ctx.timer(Riddle).after(ms(50)).unwrap());
    belfry.advance(ms(0));
    belfry.advance(ms(60));
    belfry.assert_late("0", "10ms");
    belfry.probe.act(|ctx| _ = ctx.timer(Riddle).every(ms(100)).unwrap());
    belfry.advance(ms(0));
    belfry.advance(ms(350));
    belfry.assert_late("2", "50ms");
    belfry.advance(ms(150));
    belfry.assert_late("1", "0ns");
    belfry.advance(ms(100));
    belfry.listener.expect_nothing();
}

#[test]
fn a_subscriber_that_panics_at_a_late_timer_harms_nobody() {
    let mut belfry = Belfry::new(Listener::that(|_| crate::office::panic_quietly("a subscriber")));
    belfry.probe.act(|ctx| _ = ctx.timer(Riddle).every(ms(10)).unwrap());
    belfry.advance(ms(0));
    for _ in 0..3 {
        belfry.advance(ms(20));
        belfry.assert_late("1", "0ns");
        assert_eq!(belfry.probe.expect::<Riddle>(), Riddle);
    }
    let counters = belfry.kernel.counters();
    assert!(counters.is_balanced() && counters.panics == 0, "{counters:?}");
}
