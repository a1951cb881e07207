//! Timers: armed and cancelled beside a thousand and a million others, and a million that are due at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use rohrpost::{
    Address, Context, Driven, Failure, Handle, Kernel, ManualClock, Namespace, NamespaceBuilder, Timer, handles, record,
};

use super::targets::{Adder, Drive, Driver, Path, Small, Took};

const MILLION: u64 = 1_000_000;
const HOUR: Duration = Duration::from_secs(3600);

/// When `0` timers are due, from now on.
#[derive(Clone, Copy, Debug)]
enum Spread {
    /// All at the same moment.
    Together,
    /// A microsecond apart, in the order in which they are armed.
    InOrder,
    /// Anywhere within a second.
    Random,
}

#[derive(Clone, Debug)]
struct Arm(u64, Spread);
/// Arms and cancels so often, as its second word says.
#[derive(Clone, Debug)]
struct Churn(u64, Churning);
#[derive(Clone, Copy, Debug)]
enum Churning {
    /// The one that was armed last.
    Last,
    /// Any of those that are armed.
    Any,
    /// Starts one of them anew.
    Retrigger,
}
record!(Arm, "bench.arm");
record!(Churn, "bench.churn" => Took);

/// Has timers.
#[derive(Default)]
struct Owner {
    timers: Vec<Timer>,
    ticks: u64,
    dice: u64,
}

impl Owner {
    /// A number below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % sides
    }
}

fn arm(ctx: &Context<'_>, after: Duration) -> Timer {
    ctx.timer(Small(1, 2)).after(after).expect("there is room")
}

impl Handle<Small> for Owner {
    fn handle(&mut self, small: &Small, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.ticks = self.ticks.wrapping_add(small.0);
        Ok(())
    }
}

impl Handle<Arm> for Owner {
    fn handle(&mut self, order: &Arm, ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.timers.clear();
        for number in 0..order.0 {
            let nanos = match order.1 {
                Spread::Together => 0,
                Spread::InOrder => number * 1000,
                Spread::Random => self.roll(1_000_000_000),
            };
            let timer = arm(ctx, HOUR + Duration::from_nanos(nanos));
            self.timers.push(timer);
        }
        Ok(())
    }
}

impl Handle<Churn> for Owner {
    fn handle(&mut self, churn: &Churn, ctx: &mut Context<'_>) -> Result<Took, Failure> {
        let started = Instant::now();
        for _ in 0..churn.0 {
            let after = Duration::from_nanos(1_000_000 + self.roll(1_000_000_000));
            let any = self.roll(self.timers.len() as u64) as usize;
            match churn.1 {
                Churning::Last => {
                    let timer = arm(ctx, after);
                    assert!(ctx.cancel(timer), "a timer that was armed just now runs");
                }
                Churning::Any => {
                    let timer = arm(ctx, after);
                    let other = std::mem::replace(&mut self.timers[any], timer);
                    assert!(ctx.cancel(other), "a timer that was armed runs");
                }
                Churning::Retrigger => assert!(ctx.retrigger(self.timers[any]), "a timer that was armed runs"),
            }
        }
        Ok(Took(started.elapsed()))
    }
}

handles!(Owner: Small, Arm, Churn);

/// A driven worker with an owner of timers, on a clock that stands still.
struct Desk {
    kernel: Kernel,
    clock: Arc<ManualClock>,
    space: Namespace,
    worker: Driven,
    owner: Address,
}

impl Desk {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let kernel = Kernel::builder("bench").clock(clock.clone()).start().expect("a kernel");
        let bounds = |builder: NamespaceBuilder| builder.timers(1 << 21);
        let (space, worker) = bounds(kernel.namespace("timers")).driven().expect("a namespace");
        let owner = space.register(Owner { dice: 1, ..Owner::default() }).expect("an owner");
        Self { kernel, clock, space, worker, owner }
    }

    fn arm(&mut self, timers: u64, spread: Spread) {
        self.kernel.notify(self.owner, Arm(timers, spread)).expect("there is room");
        self.worker.run_until_idle();
    }

    fn took<R: rohrpost::Record<Answer = Took>>(&mut self, to: Address, order: R) -> Duration {
        let ask = self.kernel.ask(to, order);
        let mut ask = std::pin::pin!(ask);
        let mut task = std::task::Context::from_waker(std::task::Waker::noop());
        loop {
            if let std::task::Poll::Ready(end) = ask.as_mut().poll(&mut task) {
                return end.expect("an answer").0;
            }
            self.worker.run_until_idle();
        }
    }
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("timers");
    for armed in [1000, MILLION] {
        let mut desk = Desk::new();
        desk.arm(armed, Spread::Random);
        for (name, churning) in [
            ("arm and cancel", Churning::Last),
            ("arm, and cancel any", Churning::Any),
            ("retrigger any", Churning::Retrigger),
        ] {
            group.bench_function(format!("{name}, {armed} armed"), |bencher| {
                let owner = desk.owner;
                bencher.iter_custom(|turns| desk.took(owner, Churn(turns, churning)));
            });
        }
    }
    group.finish();

    for (name, due) in [("ten thousand due timers", 10_000), ("a million due timers", MILLION)] {
        bench_due(criterion, name, due);
    }
}

/// So many timers that are due at once, beside as many notifications.
fn bench_due(criterion: &mut Criterion, name: &str, due: u64) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(1));
    let mut desk = Desk::new();
    let adder = desk.space.register(Adder::default()).expect("an adder");
    let driver = desk.space.register(Driver { to: adder, sum: 0 }).expect("a driver");
    group.bench_function("limit: notify", |bencher| {
        bencher.iter_custom(|rounds| desk.took(driver, Drive(Path::Notify, rounds * due)));
    });
    for (name, spread) in
        [("at one moment", Spread::Together), ("in order", Spread::InOrder), ("within a second", Spread::Random)]
    {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let mut total = Duration::ZERO;
                for _ in 0..rounds {
                    desk.arm(due, spread);
                    desk.clock.advance(2 * HOUR);
                    let before = desk.kernel.counters().handled;
                    let started = Instant::now();
                    desk.worker.run_until_idle();
                    total += started.elapsed();
                    assert_eq!(desk.kernel.counters().handled - before, due, "each of them ticks");
                }
                total
            });
        });
    }
    group.finish();
}
