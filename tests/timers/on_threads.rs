//! Workers with threads of their own: they sleep until a timer is due, and others cancel while they run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rohrpost::{
    Context, Failure, Handle, Idle, Kernel, ManualClock, Message, Outcome, Started, Target, handles, record,
};

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
struct Beat;
record!(Beat, "threads.beat");

/// Says what it gets and what time it is.
struct Teller(mpsc::Sender<u64>);

impl Handle<Beat> for Teller {
    fn handle(&mut self, _: &Beat, ctx: &mut Context<'_>) -> Result<(), Failure> {
        // The test may have gone.
        let _ = self.0.send(ctx.tick().map_or(0, |tick| tick.due().as_nanos()));
        Ok(())
    }
}

/// Begins a timer when it starts.
struct Metronome(Teller, Duration);
impl Started for Metronome {
    fn started(&mut self, ctx: &mut Context<'_>) {
        ctx.timer(Beat).every(self.1).unwrap();
    }
}
impl Handle<Beat> for Metronome {
    fn handle(&mut self, beat: &Beat, ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.0.handle(beat, ctx)
    }
}
handles!(Metronome: Beat; hooks started);
handles!(Teller: Beat);

#[test]
fn a_thread_that_sleeps_is_woken_by_a_clock_that_is_turned() {
    for idle in [Idle::Park, Idle::default(), Idle::Spin] {
        let clock = Arc::new(ManualClock::new());
        let kernel = Kernel::builder("node").clock(clock.clone()).start().unwrap();
        let app = kernel.namespace("app").idle(idle).open().unwrap();
        let (tell, told) = mpsc::channel();
        app.build_on(0, move |thread| Ok(thread.register(Metronome(Teller(tell), Duration::from_secs(60)))?)).unwrap();
        for minute in 1..=3_u64 {
            clock.advance(Duration::from_secs(59));
            clock.advance(Duration::from_secs(1));
            let due = told.recv_timeout(PATIENCE).expect("expected a tick");
            assert_eq!(due, minute * 60_000_000_000, "expected the tick of minute {minute} with {idle:?}");
        }
        assert!(told.try_recv().is_err(), "expected no other tick");
    }
}

#[test]
fn ticks_come_by_the_systems_clock() {
    for idle in [Idle::Park, Idle::default(), Idle::Spin] {
        let kernel = Kernel::builder("node").start().unwrap();
        let app = kernel.namespace("app").idle(idle).open().unwrap();
        let (tell, told) = mpsc::channel();
        app.register(Metronome(Teller(tell), Duration::from_millis(1))).unwrap();
        let first = told.recv_timeout(PATIENCE).expect("expected a tick");
        for _ in 0..10 {
            let due = told.recv_timeout(PATIENCE).expect("expected another tick");
            assert_eq!((due - first) % 1_000_000, 0, "expected a whole number of periods after the first");
        }
    }
}

/// Sets what a test looks at for as long as its handler runs.
struct Witness {
    cancelled: Arc<AtomicBool>,
    after: Arc<AtomicU64>,
    begun: Arc<AtomicU64>,
}

impl Target for Witness {
    fn receive(&mut self, _: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if ctx.tick().is_some() {
            self.begun.fetch_add(1, Ordering::SeqCst);
            if self.cancelled.load(Ordering::SeqCst) {
                self.after.fetch_add(1, Ordering::SeqCst);
            }
        }
        Outcome::Handled
    }
}

/// Waits until the target's thread has done what it was told to before.
fn flush(kernel: &Kernel, target: rohrpost::Address) {
    kernel.ask(target, ()).timeout(PATIENCE).wait().unwrap();
}

#[test]
fn a_timer_that_ticks_once_either_ticks_or_is_cancelled() {
    let kernel = Kernel::builder("node").start().unwrap();
    let app = kernel.namespace("app").idle(Idle::Spin).open().unwrap();
    let begun = Arc::new(AtomicU64::new(0));
    let witness = Witness { cancelled: Arc::default(), after: Arc::default(), begun: begun.clone() };
    let target = app.register(witness).unwrap();
    let mut cancelled = 0;
    let rounds = if cfg!(miri) { 10 } else { 2_000 };
    for round in 0..rounds {
        let timer = app.timer(target, Beat).after(Duration::from_nanos(round % 7 * 100)).unwrap();
        for _ in 0..round % 50 {
            std::hint::spin_loop();
        }
        cancelled += u64::from(timer.cancel());
        assert!(!timer.is_running());
        if round % 100 == 99 {
            flush(&kernel, target);
        }
    }
    flush(&kernel, target);
    assert_eq!(begun.load(Ordering::SeqCst) + cancelled, rounds, "expected each to tick or to be cancelled");
    assert!(kernel.counters().is_balanced());
}

#[test]
fn a_tick_that_begins_after_the_one_that_was_going_on_is_not_of_a_cancelled_timer() {
    let kernel = Kernel::builder("node").start().unwrap();
    let app = kernel.namespace("app").idle(Idle::Spin).open().unwrap();
    let cancelled = Arc::new(AtomicBool::new(false));
    let (after, begun) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let witness = Witness { cancelled: cancelled.clone(), after: after.clone(), begun: begun.clone() };
    let target = app.register(witness).unwrap();
    for _ in 0..if cfg!(miri) { 2 } else { 200 } {
        let timer = app.timer(target, Beat).every(Duration::from_nanos(1)).unwrap();
        let start = begun.load(Ordering::SeqCst);
        while begun.load(Ordering::SeqCst) < start + 3 {
            std::thread::yield_now();
        }
        assert!(timer.cancel());
        cancelled.store(true, Ordering::SeqCst);
        flush(&kernel, target);
        // One may have begun before `cancel` and have looked behind it.
        assert!(after.swap(0, Ordering::SeqCst) <= 1, "expected no tick to begin after `cancel` has returned");
        cancelled.store(false, Ordering::SeqCst);
    }
    assert!(kernel.counters().is_balanced());
}

#[test]
fn timers_do_not_keep_a_kernel_from_stopping() {
    let kernel = Kernel::builder("node").start().unwrap();
    let app = kernel.namespace("app").threads(2).open().unwrap();
    let (tell, told) = mpsc::channel();
    let mut timers = Vec::new();
    for thread in 0..2 {
        let target = app.register_on(thread, Metronome(Teller(tell.clone()), Duration::from_nanos(100))).unwrap();
        timers.push(app.timer(target, Beat).every(Duration::from_secs(3600)).unwrap());
    }
    told.recv_timeout(PATIENCE).unwrap();
    assert!(kernel.stop(PATIENCE).is_complete(), "expected every thread to end");
    assert!(timers.iter().all(|timer| !timer.is_running()), "expected the timers to end with their targets");
    let counters = kernel.counters();
    assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
}
