//! How late timers are on the system's clock: `cargo bench --bench lateness`.
//!
//! Ten thousand timers within a second, each with a moment of its own, on one worker: on a thread that has nothing else
//! to do, and beside mail from another thread as fast as it is taken. The lateness of a tick is the time of its handler
//! less the time at which it was due. It is printed, not judged: how soon a sleeping thread is woken is the system's.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::sync::mpsc;
use std::time::Duration;

use rohrpost::{Clock, Time};
use rohrpost::{Code, Context, Failure, Handle, Idle, Kernel, Started, SystemClock, handles, record};

const TIMERS: u64 = 10_000;
/// A prime number of nanoseconds near 100 µs, so that no two timers have the same distance to a round moment.
const APART: u64 = 99_991;

#[derive(Clone, Debug)]
struct Beat;
record!(Beat, "lateness.beat");

/// Mail that keeps the worker busy.
#[derive(Clone, Debug)]
struct Load;
record!(Load, "lateness.load");

/// Arms all timers when it starts and tells how late each tick was.
struct Stopwatch {
    clock: SystemClock,
    late: Vec<u64>,
    done: mpsc::Sender<Vec<u64>>,
}

impl Started for Stopwatch {
    fn started(&mut self, ctx: &mut Context<'_>) {
        for number in 1..=TIMERS {
            ctx.timer(Beat).after(Duration::from_nanos(number * APART)).expect("there is room");
        }
    }
}

impl Handle<Beat> for Stopwatch {
    fn handle(&mut self, _: &Beat, ctx: &mut Context<'_>) -> Result<(), Failure> {
        let due = ctx.tick().map_or(Time::NEVER, |tick| tick.due());
        // Not the turn's moment, but the handler's.
        self.late.push(self.clock.now().since(due).as_nanos() as u64);
        if self.late.len() as u64 == TIMERS {
            // Whoever measures waits for it.
            let _ = self.done.send(std::mem::take(&mut self.late));
        }
        Ok(())
    }
}

impl Handle<Load> for Stopwatch {
    fn handle(&mut self, _: &Load, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

handles!(Stopwatch: Beat, Load; hooks started);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    Mail,
}

/// The lateness of each tick in nanoseconds, in order of size, and the mail that was handled meanwhile.
fn measure(idle: Idle, beside: Beside) -> (Vec<u64>, u64) {
    let clock = SystemClock::new();
    let kernel = Kernel::builder("bench").clock(std::sync::Arc::new(clock.clone())).start().expect("a kernel");
    let app = kernel.namespace("app").idle(idle).open().expect("a namespace");
    let (done, finished) = mpsc::channel();
    let watch = app.register(Stopwatch { clock, late: Vec::with_capacity(TIMERS as usize), done }).expect("a target");
    let mut sent = 0;
    let mut late = loop {
        if beside == Beside::Nothing {
            break finished.recv().expect("all ticks");
        }
        match kernel.notify(watch, Load) {
            Ok(()) => sent += 1,
            Err(error) => assert_eq!(error.code(), Code::BUSY, "only a full hand-off refuses"),
        }
        if let Ok(late) = finished.try_recv() {
            break late;
        }
    };
    late.sort_unstable();
    (late, sent)
}

fn main() {
    println!("{:<24} {:>10} {:>10} {:>10}   of {TIMERS} ticks", "lateness in µs", "p50", "p99", "max");
    for (name, idle, beside) in [
        ("parked", Idle::Park, Beside::Nothing),
        ("the default", Idle::default(), Beside::Nothing),
        ("spinning", Idle::Spin, Beside::Nothing),
        ("parked, beside mail", Idle::Park, Beside::Mail),
        ("spinning, beside mail", Idle::Spin, Beside::Mail),
    ] {
        let (late, sent) = measure(idle, beside);
        let at = |percent: usize| late[(late.len() - 1) * percent / 100] as f64 / 1000.0;
        let mail = if sent > 0 { format!("{sent} messages beside them") } else { String::new() };
        println!("{name:<24} {:>10.1} {:>10.1} {:>10.1}   {mail}", at(50), at(99), at(100));
    }
}
