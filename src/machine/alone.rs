//! A machine on its own: an engine with its model, its deferred events and its timers.

use super::{Chart, Engine, Model, StateId, Timer, TimerRequest, Trace, Untraced, Verdict};
use std::{collections::VecDeque, error, fmt, time::Duration};

/// An engine that owns what it drives, keeps deferred events, and knows what time it is when it is told.
///
/// Inside a target the messages that a state defers are kept by the target; use this where there is no target. Time is a
/// duration since any moment of your choice.
///
/// ```
/// use rohrpost::machine::{Machine, Model, State, Table, Transition};
/// use std::time::Duration;
///
/// #[derive(Clone, Copy, Debug)]
/// enum Event { Pay, Ship }
///
/// #[derive(Default)]
/// struct Order { shipped: bool }
///
/// impl Model for Order {
///     type Event<'e> = Event;
///     type Context<'c> = ();
/// }
///
/// let mut builder = Table::<Order>::builder();
/// let (pay, ship) = (builder.event("pay"), builder.event("ship"));
/// let table = builder
///     .identify(move |event| match event { Event::Pay => pay, Event::Ship => ship })
///     .initial(Transition::to("open"))
///     .state(State::new("open").defer(ship).on(pay, Transition::to("paid")))
///     .state(State::new("paid").on(ship, Transition::<Order>::internal().effect(|order, _, _| order.shipped = true)))
///     .build()?;
///
/// let mut machine = Machine::new(&table, Order::default());
/// let now = Duration::ZERO;
/// machine.start(now, &mut ());
/// machine.handle(Event::Ship, now, &mut ())?;
/// assert!(!machine.model().shipped);
/// machine.handle(Event::Pay, now, &mut ())?;
/// assert!(machine.model().shipped);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Machine<C: Chart, E, T = Untraced> {
    engine: Engine<C, T>,
    model: C::Model,
    /// In the order in which they arrived.
    deferred: VecDeque<E>,
    /// The most events that may be deferred at one time.
    limit: usize,
    /// The timers that are armed, and when they are due.
    timers: Vec<(Duration, Timer)>,
}

/// An event that a state defers, one too many: it is handed back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TooManyDeferred<E>(
    /// The event.
    pub E,
);

impl<E> fmt::Display for TooManyDeferred<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many events are deferred")
    }
}

impl<E: fmt::Debug> error::Error for TooManyDeferred<E> {}

impl<C: Chart, E> Machine<C, E>
where
    C::Model: for<'e> Model<Event<'e> = E>,
{
    /// A machine that has not started.
    #[must_use]
    pub fn new(chart: C, model: C::Model) -> Self {
        Self::with_engine(Engine::new(chart), model)
    }
}

impl<C: Chart, E, T: Trace> Machine<C, E, T>
where
    C::Model: for<'e> Model<Event<'e> = E>,
{
    /// A machine around an engine, which may be traced or restored.
    #[must_use]
    pub fn with_engine(engine: Engine<C, T>, model: C::Model) -> Self {
        Self { engine, model, deferred: VecDeque::new(), limit: 64, timers: Vec::new() }
    }

    /// Sets how many events may be deferred at one time. Default: 64.
    #[must_use]
    pub const fn deferring(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Enters the initial configuration.
    pub fn start(&mut self, now: Duration, ctx: &mut <C::Model as Model>::Context<'_>) {
        let _ = self.engine.start(&mut self.model, ctx);
        self.fetch_timers(now);
    }

    /// Handles `event`, and then whatever was deferred and is deferred no longer.
    ///
    /// # Errors
    ///
    /// The event, if it is to be deferred and there is no room for it.
    pub fn handle(
        &mut self,
        mut event: E,
        now: Duration,
        ctx: &mut <C::Model as Model>::Context<'_>,
    ) -> Result<Verdict, TooManyDeferred<E>> {
        let outcome = self.engine.handle(&mut event, &mut self.model, ctx);
        self.fetch_timers(now);
        if outcome.verdict() == Verdict::Deferred {
            if self.deferred.len() >= self.limit {
                return Err(TooManyDeferred(event));
            }
            self.deferred.push_back(event);
        }
        if outcome.recall() {
            self.recall(now, ctx);
        }
        Ok(outcome.verdict())
    }

    /// Takes the transitions whose time has come by `now`, in the order in which they are due.
    pub fn advance(&mut self, now: Duration, ctx: &mut <C::Model as Model>::Context<'_>) {
        while let Some(at) = self.next_timer().filter(|&at| self.timers[at].0 <= now) {
            let (due, timer) = self.timers.remove(at);
            let outcome = self.engine.fire(timer, &mut self.model, ctx);
            // What starts to run does so from the moment its timer was due, so that late calls do not add up.
            self.fetch_timers(due);
            if outcome.recall() {
                self.recall(due, ctx);
            }
        }
    }

    /// When [`advance`](Self::advance) has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.next_timer().map(|at| self.timers[at].0)
    }

    /// What is driven.
    #[must_use]
    pub const fn model(&self) -> &C::Model {
        &self.model
    }

    /// What is driven, to change it.
    pub const fn model_mut(&mut self) -> &mut C::Model {
        &mut self.model
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> &Engine<C, T> {
        &self.engine
    }

    /// The events that are deferred, oldest first.
    pub fn deferred(&self) -> impl Iterator<Item = &E> {
        self.deferred.iter()
    }

    /// Whether `state` is active.
    #[must_use]
    pub fn is_in(&self, state: impl Into<StateId>) -> bool {
        self.engine.is_in(state)
    }

    /// Offers the deferred events again, oldest first; begins anew whenever one of them changes what is deferred.
    fn recall(&mut self, now: Duration, ctx: &mut <C::Model as Model>::Context<'_>) {
        let mut at = 0;
        while at < self.deferred.len() {
            let outcome = self.engine.handle(&mut self.deferred[at], &mut self.model, ctx);
            self.fetch_timers(now);
            if outcome.verdict() == Verdict::Deferred {
                at += 1;
                continue;
            }
            self.deferred.remove(at);
            if outcome.recall() {
                at = 0;
            }
        }
    }

    fn fetch_timers(&mut self, now: Duration) {
        for request in self.engine.timers() {
            match request {
                TimerRequest::Arm(timer, delay) => self.timers.push((now.saturating_add(delay), timer)),
                TimerRequest::Cancel(timer) => self.timers.retain(|(_, armed)| *armed != timer),
            }
        }
    }

    /// The timer that is due first; of several, the one armed first.
    fn next_timer(&self) -> Option<usize> {
        (0..self.timers.len()).min_by_key(|&at| self.timers[at].0)
    }
}
