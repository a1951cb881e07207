//! A driven worker on a clock that stands still, and targets that write down what they get.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::{
    Address, Context, Driven, Kernel, ManualClock, Message, Namespace, NamespaceBuilder, Outcome, Target, Time, Timer,
    record,
};

/// What timers bring in these tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note(pub(crate) u32);
record!(Note, "timers.note");

/// Has the [`Scribe`] that gets it run a closure as its own.
pub(crate) struct Do(Box<Step>);
type Step = dyn FnOnce(&mut Scribe, &mut Context<'_>) + Send;
record!(Do, "timers.do", no_clone);

impl Do {
    pub(crate) fn new(step: impl FnOnce(&mut Scribe, &mut Context<'_>) + Send + 'static) -> Self {
        Self(Box::new(step))
    }
}

impl fmt::Debug for Do {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Do(..)")
    }
}

/// What all scribes have seen. Cloning it gives another handle to the same log.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    /// Empties the log and returns what was in it.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// What a scribe does with a [`Note`].
pub(crate) type Habit = Box<dyn FnMut(&mut Message<'_>, &mut Context<'_>) -> Outcome + Send>;

/// Writes down `a 1` for mail, `a 1 at 5 due 4` for a tick, `+2` behind it if two were missed, and `a back 1 CODE`.
pub(crate) struct Scribe {
    name: &'static str,
    pub(crate) log: Log,
    habit: Habit,
    /// The last timer that a test had it arm.
    pub(crate) timer: Option<Timer>,
}

impl Scribe {
    pub(crate) fn new(name: &'static str, log: &Log) -> Self {
        Self::with(name, log, |_, _| Outcome::Handled)
    }

    pub(crate) fn with(
        name: &'static str,
        log: &Log,
        habit: impl FnMut(&mut Message<'_>, &mut Context<'_>) -> Outcome + Send + 'static,
    ) -> Self {
        Self { name, log: log.clone(), habit: Box::new(habit), timer: None }
    }
}

impl Target for Scribe {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(Do(step)) = message.take() {
            step(self, ctx);
            return Outcome::Handled;
        }
        let number = message.record::<Note>().map_or(0, |note| note.0);
        let tick = ctx.tick().map(|tick| {
            let missed = if tick.missed() > 0 { format!(" +{}", tick.missed()) } else { String::new() };
            format!(" at {} due {}{missed}", ctx.now().as_nanos(), tick.due().as_nanos())
        });
        self.log.note(format!("{} {number}{}", self.name, tick.unwrap_or_default()));
        (self.habit)(message, ctx)
    }

    fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        let number = answer.record::<Note>().map_or(0, |note| note.0);
        let tick = if ctx.tick().is_some() { " as a tick" } else { "" };
        self.log.note(format!("{} back {number} {}{tick}", self.name, answer.code()));
    }

    fn stopping(&mut self, ctx: &mut Context<'_>) {
        let tick = if ctx.tick().is_some() { " as a tick" } else { "" };
        self.log.note(format!("{} stopping{tick}", self.name));
    }
}

/// A kernel with one driven worker.
pub(crate) struct Desk {
    pub(crate) kernel: Kernel,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) space: Namespace,
    pub(crate) worker: Driven,
    pub(crate) log: Log,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(bounds: impl FnOnce(NamespaceBuilder) -> NamespaceBuilder) -> Self {
        let clock = Arc::new(ManualClock::new());
        let kernel = Kernel::builder("desk").clock(clock.clone()).start().unwrap();
        let (space, worker) = bounds(kernel.namespace("desk")).driven().unwrap();
        Self { kernel, clock, space, worker, log: Log::default() }
    }

    /// Registers a scribe that handles everything.
    pub(crate) fn scribe(&mut self, name: &'static str) -> Address {
        self.register(Scribe::new(name, &self.log.clone()))
    }

    pub(crate) fn register(&mut self, scribe: Scribe) -> Address {
        let address = self.space.register(scribe).unwrap();
        self.run();
        address
    }

    /// Has `who` do `step`, and everything that comes of it.
    pub(crate) fn have(&mut self, who: Address, step: impl FnOnce(&mut Scribe, &mut Context<'_>) + Send + 'static) {
        self.order(who, step);
        self.run();
    }

    /// Has `who` do `step` in the next turn.
    pub(crate) fn order(&self, who: Address, step: impl FnOnce(&mut Scribe, &mut Context<'_>) + Send + 'static) {
        self.kernel.notify(who, Do::new(step)).unwrap();
    }

    pub(crate) fn run(&mut self) {
        self.worker.run_until_idle();
    }

    /// Moves the clock on by so many nanoseconds; nobody notices until the worker runs.
    pub(crate) fn pass(&self, nanos: u64) {
        self.clock.advance(Duration::from_nanos(nanos));
    }

    /// Moves the clock on, runs, and returns what was written down.
    pub(crate) fn advance(&mut self, nanos: u64) -> Vec<String> {
        self.pass(nanos);
        self.run();
        self.log.take()
    }

    /// When the worker has something to do, in nanoseconds.
    pub(crate) fn next(&self) -> Option<u64> {
        self.worker.next_deadline().map(Time::as_nanos)
    }

    /// The counters must add up.
    pub(crate) fn balanced(&self) -> rohrpost::Counters {
        let counters = self.kernel.counters();
        assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
        counters
    }
}

/// So many nanoseconds.
pub(crate) const fn nanos(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}
