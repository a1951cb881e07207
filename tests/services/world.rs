//! A kernel whose workers run when the test says so, records that count their clones, and targets that log what they
//! see.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as Task, Poll, Waker};
use std::time::Duration;

use rohrpost::{
    Address, Code, Context, Counters, Driven, Failure, Kernel, ManualClock, Message, Namespace, NamespaceBuilder,
    Outcome, Record, RecordRef, Target, record,
};

/// A test that has waited this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// More turns than any of these tests takes.
const MOST_TURNS: usize = 1_000_000;

/// A notification, or a request that is answered with `()`.
#[derive(Clone, Debug)]
pub(crate) struct Note(pub(crate) u32);
record!(Note, "services.note");

/// A request that is answered with a [`Reply`] of the same number.
#[derive(Clone, Debug)]
pub(crate) struct Query(pub(crate) u32);
record!(Query, "services.query" => Reply);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply(pub(crate) u32);
record!(Reply, "services.reply");

/// Nobody can have a copy of it.
#[derive(Debug)]
pub(crate) struct Unique(pub(crate) u32);
record!(Unique, "services.unique", no_clone);

/// Counts its clones.
#[derive(Debug)]
pub(crate) struct Counted(pub(crate) Arc<AtomicU64>);
record!(Counted, "services.counted");

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

/// Panics when it is cloned.
#[derive(Debug)]
pub(crate) struct Brittle;
record!(Brittle, "services.brittle");

impl Clone for Brittle {
    fn clone(&self) -> Self {
        panic_quietly("the copy broke")
    }
}

/// Has the [`Probe`] that receives it run a closure as its own.
pub(crate) struct Do(Box<Step>);
type Step = dyn FnOnce(&mut Probe, &mut Context<'_>) + Send;
record!(Do, "services.do", no_clone);

impl Do {
    pub(crate) fn new(step: impl FnOnce(&mut Probe, &mut Context<'_>) + Send + 'static) -> Self {
        Self(Box::new(step))
    }
}

impl std::fmt::Debug for Do {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Do(..)")
    }
}

/// Panics without a word on the standard error.
pub(crate) fn panic_quietly(text: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(text))
}

/// What all probes of a world have seen, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Empties the log and returns what was in it.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// What a probe does beside logging.
pub(crate) type Receives = Box<dyn FnMut(&mut Message<'_>, &mut Context<'_>) -> Outcome + Send>;
pub(crate) type Sees = Box<dyn FnMut(&Message<'_>, &mut Context<'_>) + Send>;

/// A target that logs `b got 1`, `b saw 1`, `b back 1 OK`, and answers a [`Query`] with its number.
pub(crate) struct Probe {
    pub(crate) name: &'static str,
    pub(crate) log: Log,
    pub(crate) receives: Option<Receives>,
    pub(crate) sees: Option<Sees>,
}

impl Probe {
    pub(crate) fn note(&self, line: &str) {
        self.log.note(format!("{} {line}", self.name));
    }

    pub(crate) fn receiving(
        self,
        then: impl FnMut(&mut Message<'_>, &mut Context<'_>) -> Outcome + Send + 'static,
    ) -> Self {
        Self { receives: Some(Box::new(then)), ..self }
    }

    pub(crate) fn seeing(self, then: impl FnMut(&Message<'_>, &mut Context<'_>) + Send + 'static) -> Self {
        Self { sees: Some(Box::new(then)), ..self }
    }
}

impl Target for Probe {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(Do(step)) = message.take() {
            step(self, ctx);
            return Outcome::Handled;
        }
        self.note(&format!("got {}", label(message)));
        if let Some(receives) = &mut self.receives {
            return receives(message, ctx);
        }
        if let Some(&Query(number)) = message.record().filter(|_| message.wants_answer()) {
            message.answer(Reply(number));
        }
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, _ctx: &mut Context<'_>) {
        self.note(&format!("back {} {}", label(answer), answer.code()));
    }

    fn observed(&mut self, message: &Message<'_>, ctx: &mut Context<'_>) {
        self.note(&format!("saw {}", label(message)));
        if let Some(sees) = &mut self.sees {
            sees(message, ctx);
        }
    }
}

/// The numbers of a message's records.
pub(crate) fn label(message: &Message<'_>) -> String {
    let number = |record: RecordRef<'_>| {
        let note = record.downcast::<Note>().map(|note| note.0);
        let query = record.downcast::<Query>().map(|query| query.0);
        let reply = record.downcast::<Reply>().map(|reply| reply.0);
        let unique = record.downcast::<Unique>().map(|unique| unique.0);
        let number = note.or(query).or(reply).or(unique);
        number.map_or_else(|| record.kind().name().to_owned(), |number| number.to_string())
    };
    message.records().map(number).collect::<Vec<_>>().join("+")
}

/// A kernel with the driven namespaces `near`, `far` and `away`.
pub(crate) struct World {
    pub(crate) kernel: Kernel,
    pub(crate) near: Namespace,
    pub(crate) far: Namespace,
    pub(crate) log: Log,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) workers: Vec<Driven>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// The same with bounds of its own.
    pub(crate) fn with(bounds: impl Fn(NamespaceBuilder) -> NamespaceBuilder) -> Self {
        let clock = Arc::new(ManualClock::new());
        let kernel = Kernel::builder("world").clock(clock.clone()).start().unwrap();
        let mut workers = Vec::new();
        let [near, far, _] = ["near", "far", "away"].map(|name| {
            let (space, worker) = bounds(kernel.namespace(name)).driven().unwrap();
            workers.push(worker);
            space
        });
        Self { kernel, near, far, log: Log::default(), clock, workers }
    }

    pub(crate) fn probe(&self, name: &'static str) -> Probe {
        Probe { name, log: self.log.clone(), receives: None, sees: None }
    }

    /// Registers a probe in `near`, where it is at once.
    pub(crate) fn near(&mut self, name: &'static str) -> Address {
        let probe = self.probe(name);
        self.place(0, probe)
    }

    /// Registers a probe in `far`.
    pub(crate) fn far(&mut self, name: &'static str) -> Address {
        let probe = self.probe(name);
        self.place(1, probe)
    }

    /// Registers a probe in `away`.
    pub(crate) fn away(&mut self, name: &'static str) -> Address {
        let probe = self.probe(name);
        self.place(2, probe)
    }

    /// Registers a probe of a worker: 0 is that of `near`, 1 that of `far`, 2 that of `away`.
    pub(crate) fn place(&mut self, worker: usize, probe: Probe) -> Address {
        self.workers[worker].build(|thread| thread.register(probe)).unwrap()
    }

    /// Has the probe `who` do `step`, without waiting for anything.
    pub(crate) fn tell(&self, who: Address, step: impl FnOnce(&mut Probe, &mut Context<'_>) + Send + 'static) {
        self.kernel.notify(who, Do::new(step)).unwrap();
    }

    /// Has the probe `who` do `step`, and waits until everything is at rest.
    pub(crate) fn have(&mut self, who: Address, step: impl FnOnce(&mut Probe, &mut Context<'_>) + Send + 'static) {
        self.tell(who, step);
        self.settle();
    }

    /// Runs the workers until they have nothing to do.
    pub(crate) fn settle(&mut self) {
        let round = |workers: &mut [Driven]| workers.iter_mut().filter_map(|w| w.run_once().then_some(())).count();
        let turns = (0..MOST_TURNS).take_while(|_| round(&mut self.workers) > 0).count();
        assert!(turns < MOST_TURNS, "expected the world to come to rest within {MOST_TURNS} turns");
    }

    /// Asks from outside and runs the workers.
    pub(crate) fn ask<R: Record>(&mut self, to: Address, record: R) -> Result<R::Answer, Code> {
        let mut ask = self.kernel.ask(to, record);
        let mut poll = || Pin::new(&mut ask).poll(&mut Task::from_waker(Waker::noop()));
        for _ in 0..2 {
            if let Poll::Ready(end) = poll() {
                return end.map_err(|failure: Failure| failure.code());
            }
            self.settle();
        }
        panic!("expected an end of the question once the workers are idle")
    }

    /// What the log says now, and nothing later.
    pub(crate) fn said(&self) -> Vec<String> {
        self.log.take()
    }

    /// The counters, which must add up.
    pub(crate) fn balanced(&self) -> Counters {
        let counters = self.kernel.counters();
        assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
        counters
    }
}

/// A record that counts its clones, and how many there are so far.
pub(crate) fn counted() -> (Counted, impl Fn() -> u64) {
    let clones = Arc::new(AtomicU64::new(0));
    let known = clones.clone();
    (Counted(clones), move || known.load(Ordering::Relaxed))
}

/// Whether `said` has these lines in this order, and others between them.
pub(crate) fn in_order(said: &[String], lines: &[&str]) {
    let mut rest = said.iter();
    for line in lines {
        assert!(rest.any(|said| said == line), "expected {lines:?} in this order in {said:#?}");
    }
}
