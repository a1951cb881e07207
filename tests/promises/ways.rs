//! The ways a message can take, and the worlds, targets and records with which every promise is put to the test.
//!
//! A [`World`] is a kernel with two namespaces, `near` and `far`, one worker each: driven by the test, which makes
//! every step repeatable, or with threads of their own. Its targets are [`Probe`]s. A [`Route`] is a sender `a`, a
//! receiver `b` and a [`Way`] between them.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Task, Poll, Waker};
use std::time::{Duration, Instant};

use rohrpost::{
    Address, Ask, Code, Context, Counters, Driven, Failure, Kernel, ManualClock, Message, Namespace, NamespaceBuilder,
    Outcome, Record, Restart, Setup, Target,
};

use crate::hazards::Mine;
pub(crate) use crate::probes::{
    Do, Habit, Large, Log, Note, Probe, Query, Reply, Shelf, forward_to, handle, hold_on, ignore, label, panic_quietly,
    panicking, refuse,
};

/// A test that has waited this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A deadline that no test comes near.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// A driven world that has taken so many turns does not come to rest.
const MOST_TURNS: usize = 1_000_000;

/// How long somebody is away who is to come back. No deadline passes meanwhile.
const AWAY: Duration = Duration::from_nanos(1);

/// Targets that may be on the stack of a world's worker at once.
pub(crate) const DEPTH: usize = 8;

/// How a message gets from `a` to `b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A call on the sender's stack.
    Direct,
    /// The same by the receiver's name.
    Named,
    /// The same with a deadline.
    Timed,
    /// The receiver is on the stack, so the message waits.
    Reentered,
    /// [`DEPTH`] targets are on the stack, so the message waits.
    TooDeep,
    /// The receiver lives on another worker.
    OtherThread,
    /// By somebody on the sender's thread who forwards it.
    Forwarded,
    /// By somebody on another thread who forwards it back to the sender's.
    ForwardedByFar,
    /// By somebody who holds it and passes it on within the same handler.
    Held,
    /// To the service that the receiver owns, on the sender's thread, before the eyes of an observer.
    Service,
    /// The same with the receiver on another worker.
    ServiceElsewhere,
    /// By somebody who holds it; a plain thread passes it on when everything else is done.
    HeldOutside,
    /// A call on the stack of a sender that handles the tick of a timer.
    OnATick,
    /// The receiver has panicked and comes back after a delay, so the message waits. On threads it is back already.
    Away,
}

impl Way {
    pub(crate) const ALL: [Self; 14] = [
        Self::Direct,
        Self::Named,
        Self::Timed,
        Self::Reentered,
        Self::TooDeep,
        Self::OtherThread,
        Self::Forwarded,
        Self::ForwardedByFar,
        Self::Held,
        Self::Service,
        Self::ServiceElsewhere,
        Self::HeldOutside,
        Self::OnATick,
        Self::Away,
    ];
}

/// A sender, a receiver and a way between them.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) way: Way,
    /// The sender.
    pub(crate) a: Address,
    /// The receiver.
    pub(crate) b: Address,
    /// Where `a` sends to, so that its message takes this way to `b`.
    pub(crate) to: Address,
    /// Who is on the stack below `a`, from the outermost on.
    below: Vec<Address>,
    shelf: Shelf,
}

/// A kernel with the namespaces `near` and `far`, one worker each. `a` of a [`Route`] lives in `near`.
pub(crate) struct World {
    pub(crate) kernel: Kernel,
    pub(crate) near: Namespace,
    pub(crate) far: Namespace,
    pub(crate) log: Log,
    /// The clock of a driven world; one with threads goes by the system's.
    pub(crate) clock: Arc<ManualClock>,
    workers: Vec<Driven>,
    /// A target on each worker that has threads, for [`settle`](Self::settle).
    flushers: [Address; 2],
}

impl World {
    /// A world whose workers run in [`settle`](Self::settle), on the test's thread.
    pub(crate) fn driven() -> Self {
        Self::driven_with(|builder| builder)
    }

    /// The same with bounds of its own.
    pub(crate) fn driven_with(bounds: impl Fn(NamespaceBuilder) -> NamespaceBuilder) -> Self {
        let clock = Arc::new(ManualClock::new());
        let kernel = Kernel::builder("world").clock(clock.clone()).start().unwrap();
        let (near, near_worker) = bounds(kernel.namespace("near").depth(DEPTH)).driven().unwrap();
        let (far, far_worker) = bounds(kernel.namespace("far").depth(DEPTH)).driven().unwrap();
        Self::of(kernel, near, far, clock, vec![near_worker, far_worker])
    }

    /// A world whose workers have threads of their own.
    pub(crate) fn threaded() -> Self {
        Self::threaded_with(|builder| builder)
    }

    /// The same with bounds of its own.
    pub(crate) fn threaded_with(bounds: impl Fn(NamespaceBuilder) -> NamespaceBuilder) -> Self {
        let kernel = Kernel::builder("world").start().unwrap();
        let near = bounds(kernel.namespace("near").depth(DEPTH)).open().unwrap();
        let far = bounds(kernel.namespace("far").depth(DEPTH)).open().unwrap();
        Self::of(kernel, near, far, Arc::default(), Vec::new())
    }

    fn of(kernel: Kernel, near: Namespace, far: Namespace, clock: Arc<ManualClock>, workers: Vec<Driven>) -> Self {
        let log = Log::default();
        let flushers = [&near, &far].map(|space| space.register(Flusher).unwrap());
        let mut world = Self { kernel, near, far, log, clock, workers, flushers };
        world.settle();
        world
    }

    /// One world of either kind.
    pub(crate) fn both() -> [Self; 2] {
        [Self::driven(), Self::threaded()]
    }

    /// Whether the test runs the workers.
    pub(crate) const fn is_driven(&self) -> bool {
        !self.workers.is_empty()
    }

    /// A driven worker: 0 is that of `near`, 1 that of `far`.
    pub(crate) fn worker(&mut self, index: usize) -> &mut Driven {
        &mut self.workers[index]
    }

    /// Registers a probe in `near`.
    pub(crate) fn near(&self, name: &'static str, habit: Habit) -> Address {
        self.near.register(Probe::new(name, &self.log, habit)).unwrap()
    }

    /// Registers a probe in `far`.
    pub(crate) fn far(&self, name: &'static str, habit: Habit) -> Address {
        self.far.register(Probe::new(name, &self.log, habit)).unwrap()
    }

    /// Has the probe `who` do `step`, and waits until everything is at rest.
    pub(crate) fn have(&mut self, who: Address, step: impl FnOnce(&mut Probe, &mut Context<'_>) + Send + 'static) {
        self.kernel.notify(who, Do::new(step)).unwrap();
        self.settle();
    }

    /// Registers `a` and `b` and whoever is on the way between them. `b` does what `habit` says.
    pub(crate) fn route(&mut self, way: Way, habit: Habit) -> Route {
        let a = self.near("a", handle());
        let b = match way {
            Way::OtherThread | Way::ServiceElsewhere => self.far("b", habit),
            Way::Away => self.near_in_lives("b", habit),
            Way::Named => self.near.register_as("b", Probe::new("b", &self.log, habit)).unwrap(),
            _ => self.near("b", habit),
        };
        let shelf = Shelf::default();
        let to = match way {
            Way::Forwarded => self.near("gate", forward_to(b)),
            Way::ForwardedByFar => self.far("gate", forward_to(b)),
            Way::Held => self.near(
                "keeper",
                Box::new(move |message, ctx| {
                    ctx.hold(message).unwrap().forward(b);
                    Outcome::Handled
                }),
            ),
            Way::Service => self.serve(&self.near, b),
            Way::ServiceElsewhere => self.serve(&self.far, b),
            Way::HeldOutside => self.near("keeper", hold_on(&shelf)),
            _ => b,
        };
        let below = match way {
            Way::Reentered => vec![b],
            Way::TooDeep => (1..DEPTH).map(|_| self.near("below", handle())).collect(),
            _ => Vec::new(),
        };
        self.settle();
        if way == Way::Away {
            self.kernel.notify(b, Do::new(|_, _| panic_quietly("goes away"))).unwrap();
            self.settle();
        }
        self.log.take();
        Route { way, a, b, to, below, shelf }
    }

    /// Makes `owner` the owner of all services that these tests use, each observed on both threads; their address.
    fn serve(&self, space: &Namespace, owner: Address) -> Address {
        let here = space.register(Observer).unwrap();
        let there = if space.id() == self.near.id() { &self.far } else { &self.near }.register(Observer).unwrap();
        for observer in [here, there] {
            serve::<Note>(space, owner, observer);
            serve::<Query>(space, owner, observer);
            serve::<Large>(space, owner, observer);
            serve::<Mine>(space, owner, observer);
        }
        space.address()
    }

    /// Has the sender of `route` do `step`, which is given the address to send to; waits until everything is at rest.
    pub(crate) fn along(
        &mut self,
        route: &Route,
        step: impl FnOnce(&mut Probe, &mut Context<'_>, Address) + Send + 'static,
    ) {
        self.as_probe(route, route.a, step);
    }

    /// The same with another probe for the sender.
    pub(crate) fn as_probe(
        &mut self,
        route: &Route,
        sender: Address,
        step: impl FnOnce(&mut Probe, &mut Context<'_>, Address) + Send + 'static,
    ) {
        let (way, to) = (route.way, route.to);
        let step = Do::new(move |probe, ctx| match way {
            Way::Timed => step(probe, &mut ctx.within(HOUR), to),
            _ => step(probe, ctx, to),
        });
        let (first, step) = step.on_top_of(&route.below, sender);
        if way == Way::OnATick {
            self.near.timer(first, step).after(Duration::ZERO).unwrap();
        } else {
            self.kernel.notify(first, step).unwrap();
        }
        self.settle();
        self.release(route);
    }

    /// The same with a sender of another type, which receives what `order` makes of the address to send to.
    pub(crate) fn as_other<R: Record>(
        &mut self,
        route: &Route,
        sender: Address,
        order: impl FnOnce(Address) -> R + Send + 'static,
    ) {
        let (order, timed) = (order(route.to), route.way == Way::Timed);
        let (&last, below) = route.below.split_last().unwrap_or((&route.a, &[]));
        let step = Do::new(move |_, ctx| {
            if timed {
                ctx.within(HOUR).notify(sender, order);
            } else {
                ctx.notify(sender, order);
            }
        });
        let (first, step) = step.on_top_of(below, last);
        self.kernel.notify(first, step).unwrap();
        self.settle();
        self.release(route);
    }

    /// Registers a probe in `near` that is made anew after its first panic: after a while, by the clock of a driven world. Its later
    /// lives do not say that they have started.
    fn near_in_lives(&self, name: &'static str, habit: Habit) -> Address {
        let delay = if self.is_driven() { AWAY } else { Duration::ZERO };
        let setup = Setup::new().restart(Restart::new().backoff(delay..=delay, 1).limit(1, Duration::MAX));
        let (log, habit, mut lives) = (self.log.clone(), Arc::new(Mutex::new(habit)), 0);
        let make = move || {
            lives += 1;
            let habit = habit.clone();
            let habit: Habit =
                Box::new(move |message, ctx| habit.lock().unwrap_or_else(PoisonError::into_inner)(message, ctx));
            Probe::in_life(lives, name, &log, habit)
        };
        self.near.register_factory(setup, make).unwrap()
    }

    /// Passes on what was held on the way, or waits for its receiver.
    pub(crate) fn release(&mut self, route: &Route) {
        if route.way == Way::Away && self.is_driven() {
            self.clock.advance(AWAY);
            self.settle();
        }
        for held in route.shelf.take() {
            held.forward(route.b);
        }
        self.settle();
    }

    /// Asks from outside; runs the workers meanwhile if they are driven.
    pub(crate) fn ask<R: Record>(&mut self, to: Address, record: R) -> Result<R::Answer, Failure> {
        let ask = self.kernel.ask(to, record);
        if !self.is_driven() {
            return ask.timeout(PATIENCE).wait();
        }
        self.drive(ask)
    }

    /// Polls `ask`, which must be answered by what the driven workers do.
    pub(crate) fn drive<R: Record>(&mut self, mut ask: Ask<R>) -> Result<R::Answer, Failure> {
        for _ in 0..2 {
            if let Some(end) = poll(&mut ask) {
                return end;
            }
            self.settle();
        }
        poll(&mut ask).expect("expected an end of the question once the workers are idle")
    }

    /// Waits until no worker has anything to do, and nothing is on its way.
    pub(crate) fn settle(&mut self) {
        if self.is_driven() {
            let round = |workers: &mut [Driven]| workers.iter_mut().filter_map(|w| w.run_once().then_some(())).count();
            let turns = (0..MOST_TURNS).take_while(|_| round(&mut self.workers) > 0).count();
            assert!(turns < MOST_TURNS, "expected the world to come to rest within {MOST_TURNS} turns");
            return;
        }
        // A round of questions through all workers that changes no counter but by itself has found nothing.
        let started = Instant::now();
        let mut before = self.flush();
        loop {
            let after = self.flush();
            let mut alone = before;
            for counter in [&mut alone.sent, &mut alone.handled, &mut alone.answers, &mut alone.answered] {
                *counter += self.flushers.len() as u64;
            }
            if alone == after {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "expected the world to come to rest: {after:?}");
            before = after;
        }
    }

    fn flush(&self) -> Counters {
        let started = Instant::now();
        for flusher in self.flushers {
            // A small hand-off may be full at this moment.
            while let Err(failure) = self.kernel.ask(flusher, ()).timeout(PATIENCE).wait() {
                let alive = failure.code() == Code::BUSY && started.elapsed() < PATIENCE;
                assert!(alive, "expected the worker to be alive: {failure}");
            }
        }
        self.kernel.counters()
    }

    /// The counters, which must add up.
    pub(crate) fn balanced(&self) -> Counters {
        let counters = self.kernel.counters();
        assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
        counters
    }
}

/// The end of `ask`, if it has come.
pub(crate) fn poll<R: Record>(ask: &mut Ask<R>) -> Option<Result<R::Answer, Failure>> {
    match Pin::new(ask).poll(&mut Task::from_waker(Waker::noop())) {
        Poll::Ready(end) => Some(end),
        Poll::Pending => None,
    }
}

fn serve<R: Record>(space: &Namespace, owner: Address, observer: Address) {
    space.serve::<R>(owner).unwrap();
    space.observe::<R>(observer).unwrap();
}

/// Sees everything, and says nothing.
struct Observer;

impl Target for Observer {
    fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        Outcome::NotHandled
    }
}

struct Flusher;

impl Target for Flusher {
    fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        Outcome::Handled
    }
}
