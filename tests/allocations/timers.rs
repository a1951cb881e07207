//! Timers: a tick, and arming where there were as many before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rohrpost::{Clock, Context, Driven, Failure, Handle, Kernel, Namespace, Sleeper, Time, Timer, handles, record};

use crate::MESSAGES;
use crate::counting::assert_none;

const PERIOD: Duration = Duration::from_millis(10);

#[derive(Clone, Debug)]
struct Beat;
record!(Beat, "allocations.beat");

/// Has a [`Keeper`] arm a timer for each period.
#[derive(Clone, Debug)]
struct Begin(Vec<Duration>);
record!(Begin, "allocations.begin");

/// Has a [`Keeper`] arm and cancel, or start anew, so often.
#[derive(Clone, Debug)]
enum Churn {
    ArmAndCancel(u32),
    Retrigger(u32),
}
record!(Churn, "allocations.churn");

#[derive(Default)]
struct Keeper {
    ticks: u64,
    timers: Vec<Timer>,
}

impl Handle<Beat> for Keeper {
    fn handle(&mut self, _: &Beat, ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.ticks += u64::from(ctx.tick().is_some());
        Ok(())
    }
}

impl Handle<Begin> for Keeper {
    fn handle(&mut self, begin: &Begin, ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.timers.extend(begin.0.iter().map(|&period| ctx.timer(Beat).every(period).unwrap()));
        Ok(())
    }
}

impl Handle<Churn> for Keeper {
    fn handle(&mut self, churn: &Churn, ctx: &mut Context<'_>) -> Result<(), Failure> {
        match *churn {
            Churn::ArmAndCancel(times) => {
                for turn in 0..times {
                    // Within the present span of the wheel, and beyond it.
                    let micros = u64::from(turn) * if turn % 2 == 0 { 977 } else { 1 };
                    let timer = ctx.timer(Beat).after(Duration::from_micros(micros % 100_000)).unwrap();
                    assert!(ctx.cancel(timer));
                }
            }
            Churn::Retrigger(times) => {
                for turn in 0..times as usize {
                    assert!(ctx.retrigger(self.timers[turn % self.timers.len()]));
                }
            }
        }
        Ok(())
    }
}

handles!(Keeper: Beat, Begin, Churn);

/// A clock that is turned by hand and wakes nobody, which would allocate.
#[derive(Debug, Default)]
struct Hand(AtomicU64);

impl Hand {
    fn advance(&self, duration: Duration) {
        self.0.fetch_add(duration.as_nanos() as u64, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, _deadline: Time) -> Option<Duration> {
        None
    }

    fn follow(&self, _sleeper: Weak<dyn Sleeper>) {}
}

/// A driven worker with a [`Keeper`] that has a timer for each of `periods`.
struct Desk {
    kernel: Kernel,
    clock: Arc<Hand>,
    _space: Namespace,
    worker: Driven,
    keeper: rohrpost::Address,
}

impl Desk {
    fn new(periods: Vec<Duration>) -> Self {
        let clock = Arc::new(Hand::default());
        let kernel = Kernel::builder("desk").clock(clock.clone()).start().unwrap();
        let (space, mut worker) = kernel.namespace("desk").driven().unwrap();
        let keeper = space.register(Keeper::default()).unwrap();
        kernel.notify(keeper, Begin(periods)).unwrap();
        worker.run_until_idle();
        Self { kernel, clock, _space: space, worker, keeper }
    }

    fn churn(&mut self, churn: Churn) {
        self.kernel.notify(self.keeper, churn).unwrap();
        self.worker.run_until_idle();
    }
}

#[test]
fn a_periodic_timer_allocates_nothing() {
    let mut desk = Desk::new(vec![PERIOD]);
    let mut ticks = desk.kernel.counters().handled;
    assert_none("ticks", &[], || {
        for _ in 0..MESSAGES {
            desk.clock.advance(PERIOD);
            desk.worker.run_until_idle();
        }
        let handled = desk.kernel.counters().handled;
        assert_eq!(handled - ticks, u64::from(MESSAGES), "expected a tick a period");
        ticks = handled;
    });
}

#[test]
fn many_periodic_timers_allocate_nothing() {
    let mut desk = Desk::new((1..=50).map(|timer| Duration::from_micros(33 * timer)).collect());
    assert_none("ticks of 50 timers", &[], || {
        for _ in 0..MESSAGES {
            desk.clock.advance(Duration::from_micros(777));
            desk.worker.run_until_idle();
        }
    });
}

#[test]
fn arming_and_cancelling_allocates_nothing() {
    let mut desk = Desk::new(vec![PERIOD; 10]);
    assert_none("arm and cancel", &[], || desk.churn(Churn::ArmAndCancel(MESSAGES)));
}

#[test]
fn starting_anew_allocates_nothing() {
    let mut desk = Desk::new(vec![PERIOD; 10]);
    assert_none("retrigger", &[], || desk.churn(Churn::Retrigger(MESSAGES)));
}
