//! [`MachineTarget`]: a target that is a state machine.
//!
//! The engine knows no mail, and the dispatcher knows no states. This is what stands between them: it tells which event a
//! message is, says in a code what became of it, and holds what a state defers.

pub(crate) mod events;
pub(crate) mod recall;

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::code::{Code, Failure};
use crate::context::Context;
use crate::machine::{
    self, Chart, Engine, EventId, Model, Outcome as Course, RestoreError, Snapshot, TimerRequest, Trace, Untraced,
    Verdict,
};
use crate::machine_target::recall::Aside;
use crate::message::Message;
use crate::target::{Outcome, Target};
use crate::timers::arming::{Timer, TimerError};
use crate::typed::each;

/// What a machine in a target drives: its events are messages, and its hooks get a [`Context`].
///
/// [`hsm!`](crate::hsm) writes the [`Model`] that this asks for when a chart lists `messages`; for a table built at run
/// time it is written by hand:
///
/// ```
/// use rohrpost::{Context, Message, machine::Model};
///
/// struct Door;
/// impl Model for Door {
///     type Event<'e> = Message<'e>;
///     type Context<'c> = Context<'c>;
/// }
/// ```
pub trait Stateful: for<'e> Model<Event<'e> = Message<'e>> + for<'c> Model<Context<'c> = Context<'c>> {}

impl<M> Stateful for M where M: for<'e> Model<Event<'e> = Message<'e>> + for<'c> Model<Context<'c> = Context<'c>> {}

/// A target that is a state machine: a chart, and the object that the chart is about.
///
/// Messages are its events, by the type of their record. A record that the chart does not list is none, and its message
/// comes back with [`Code::NOT_HANDLED`], as does a listed one that no active state takes.
///
/// - An effect may answer the message, fail it, hold it or pass it on. One that does nothing of the kind has handled it. That
///   an effect fails the message does not undo the transition: what may be refused is for a guard to decide.
/// - A **deferred** message is held, and its sender waits. When no active state defers it any more it is delivered again, in
///   the order of arrival and ahead of newer mail. It comes back if the target goes ([`Code::STOPPED`]), or with
///   [`Code::BUSY`] at once if as many are deferred as may be ([`deferring`](Self::deferring)). A
///   [`call`](Context::call) that would have to wait returns [`Code::WOULD_BLOCK`].
/// - One that a state **rejects** comes back with [`Code::REJECTED`]; one that it drops counts as handled.
/// - The **timeout** of a state (`after`) is a timer of the target: armed on entry, cancelled on exit, and gone with the
///   target's life. If it cannot be armed, because the thread has as many timers as it may, the message that led to the state
///   comes back with [`Code::BUSY`]; the state has been entered all the same.
/// - **Answers** and mail that came back are events too, if the chart lists them; others are counted and dropped.
/// - A **copy** from a service that the target observes is an event if the chart lists it as `observed`. Nobody waits for
///   it: what an effect answers is dropped, [`Context::hold`] refuses it, and a state that rejects it drops it. A state that
///   defers it keeps it, in the order of arrival with everything else that is deferred; it is forgotten if its deadline
///   passes, if the target goes, or at once if as many are deferred as may be. The machine has a clone, so what comes
///   with a record that is `no_clone` is no event.
/// - Of a message with several records each is an event; none of them can be deferred.
/// - A hook that panics leaves the machine in the configuration that it was about to leave, and the time of its states
///   begins anew; then the target's [policy](crate::OnPanic) decides.
///
/// Cost: the engine, and a word for each message that is deferred beside what holding it costs; a message is one look for
/// its event more than in a target without states.
///
/// ```
/// use rohrpost::{Code, Context, Failure, Kernel, MachineTarget, effect, hsm, record};
///
/// #[derive(Clone, Debug)]
/// struct Pay(u64);
/// #[derive(Clone, Debug)]
/// struct Receipt(u64);
/// #[derive(Clone, Debug)]
/// struct Ship;
/// record!(Pay, "shop.pay" => Receipt);
/// record!(Receipt, "shop.receipt");
/// record!(Ship, "shop.ship");
///
/// hsm! {
///     chart OrderChart for Order;
///     messages OrderEvent { Pay, Ship }
///
///     initial Open;
///     state Open {
///         on Pay => Paid / effect!(Order::pay);
///         reject Ship;
///     }
///     state Paid {
///         on Ship => Shipped;
///     }
///     state Shipped {}
/// }
///
/// #[derive(Default)]
/// struct Order { paid: u64 }
///
/// impl Order {
///     fn pay(&mut self, pay: &Pay, _ctx: &mut Context<'_>) -> Result<Receipt, Failure> {
///         self.paid = pay.0;
///         Ok(Receipt(pay.0))
///     }
/// }
///
/// let kernel = Kernel::builder("shop").start()?;
/// let order = kernel.namespace("orders").open()?.register(MachineTarget::new(OrderChart, Order::default()))?;
/// assert_eq!(kernel.ask(order, Ship).wait().unwrap_err().code(), Code::REJECTED);
/// assert_eq!(kernel.ask(order, Pay(12)).wait()?.0, 12);
/// kernel.ask(order, Ship).wait()?;
/// assert_eq!(kernel.ask(order, Pay(12)).wait().unwrap_err().code(), Code::NOT_HANDLED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MachineTarget<C: Chart, T = Untraced> {
    engine: Engine<C, T>,
    model: C::Model,
    /// In the order of arrival. While there is any, a state is active that defers.
    deferred: VecDeque<Aside>,
    /// The most messages that may be deferred at one time.
    limit: usize,
    /// The timeouts that are armed.
    timers: Vec<(machine::Timer, Timer)>,
    /// Whether the chart has timeouts.
    timed: bool,
    /// Whether the machine is where another one was, so that it is not to be started.
    resumed: bool,
}

/// The time of a timeout has come. Only the machine itself sends it.
#[derive(Clone, Debug)]
struct Elapsed(machine::Timer);
crate::record!(Elapsed, "rohrpost.elapsed", local);

/// Asks a [`MachineTarget`] where it is, whatever its chart says.
///
/// The answer is a [`Snapshot`], with which [`MachineTarget::resume`] goes on, in this process or a later one.
///
/// ```
/// # use rohrpost::{Address, Failure, Kernel, machine::Snapshot};
/// # fn example(kernel: &Kernel, order: Address) -> Result<(), Failure> {
/// let snapshot: Snapshot = kernel.ask(order, rohrpost::WhichState).wait()?;
/// println!("{:?}", snapshot.active);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Default, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a question without parts")]
pub struct WhichState;

crate::record!(WhichState, "rohrpost.which-state" => Snapshot);
crate::record!(Snapshot, "rohrpost.snapshot");

impl<C: Chart<Model: Stateful>> MachineTarget<C> {
    /// A machine that starts when it is registered.
    #[must_use]
    pub fn new(chart: C, model: C::Model) -> Self {
        Self::with_engine(Engine::new(chart), model)
    }

    /// A machine that goes on where `saved` was, without running any action. Timeouts of active states begin anew.
    ///
    /// # Errors
    ///
    /// If the snapshot does not fit the chart.
    pub fn resume(chart: C, model: C::Model, saved: &Snapshot) -> Result<Self, RestoreError> {
        let mut engine = Engine::new(chart);
        engine.restore(saved)?;
        Ok(Self { resumed: !saved.active.is_empty(), ..Self::with_engine(engine, model) })
    }
}

impl<C: Chart<Model: Stateful>, T: Trace> MachineTarget<C, T> {
    /// A machine around an engine, which may be traced.
    #[must_use]
    pub fn with_engine(engine: Engine<C, T>, model: C::Model) -> Self {
        let timed = engine.table().has_timeouts();
        Self { timed, engine, model, deferred: VecDeque::new(), limit: 64, timers: Vec::new(), resumed: false }
    }

    /// Sets how many messages may be deferred at one time. Default: 64. The messages that a worker may hold are another
    /// bound ([`NamespaceBuilder::held`](crate::NamespaceBuilder::held)).
    #[must_use]
    pub const fn deferring(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Has the engine do something. A hook that panics may have cancelled timeouts of states that stay active: their time
    /// begins anew, in case the target is kept.
    #[inline(always)]
    fn drive(
        &mut self,
        ctx: &mut Context<'_>,
        run: impl FnOnce(&mut Engine<C, T>, &mut C::Model, &mut Context<'_>) -> Course,
    ) -> Course {
        if !self.timed {
            return run(&mut self.engine, &mut self.model, ctx);
        }
        let Self { engine, model, .. } = self;
        match catch_unwind(AssertUnwindSafe(|| run(engine, model, ctx))) {
            Ok(course) => course,
            Err(payload) => {
                self.engine.restart_timers();
                let _ = self.set_timers(ctx);
                resume_unwind(payload)
            }
        }
    }

    /// What is not an event of the chart.
    #[cold]
    fn receive_other(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(&Elapsed(timer)) = message.record() {
            self.timers.retain(|(armed, _)| *armed != timer);
            let course = self.drive(ctx, |engine, model, ctx| engine.fire(timer, model, ctx));
            let _ = self.follow_up(course, ctx);
            return Outcome::Handled;
        }
        if message.record::<WhichState>().is_some() {
            message.answer(self.engine.save());
            return Outcome::Handled;
        }
        Outcome::NotHandled
    }

    /// Does what the engine wants done after an event; says if a timeout cannot be armed.
    #[inline]
    fn follow_up(&mut self, course: Course, ctx: &mut Context<'_>) -> Result<(), TimerError> {
        if course.recall() && !self.deferred.is_empty() {
            self.recall(ctx);
        }
        if self.engine.asks_for_timers() { self.set_timers(ctx) } else { Ok(()) }
    }

    #[cold]
    fn set_timers(&mut self, ctx: &Context<'_>) -> Result<(), TimerError> {
        let mut result = Ok(());
        for request in self.engine.timers() {
            match request {
                TimerRequest::Arm(timer, delay) => match ctx.timer(Elapsed(timer)).after(delay) {
                    Ok(armed) => self.timers.push((timer, armed)),
                    Err(error) => result = Err(error),
                },
                TimerRequest::Cancel(timer) => {
                    if let Some(at) = self.timers.iter().position(|(armed, _)| *armed == timer) {
                        ctx.cancel(self.timers.swap_remove(at).1);
                    }
                }
            }
        }
        result
    }

    /// Takes a copy, or one record of it, as an event.
    fn see(&mut self, copy: &mut Message<'static>, ctx: &mut Context<'_>) {
        let event = self.engine.chart().identify(copy);
        if event == EventId::OTHER {
            return;
        }
        let course = self.drive(ctx, |engine, model, ctx| engine.dispatch(event, copy, model, ctx));
        let _ = self.follow_up(course, ctx);
        let room = self.deferred.len() < self.limit && !copy.is_in_parts();
        if course.verdict() == Verdict::Deferred && room {
            copy.life = ctx.life();
            self.deferred.push_back(Aside::Copy(copy.take_all()));
        }
    }

    /// Says in a code what became of a message that no transition took.
    #[cold]
    fn refuse(&mut self, verdict: Verdict, message: &mut Message<'_>, ctx: &Context<'_>) -> Outcome {
        match verdict {
            Verdict::Dropped => return Outcome::Handled,
            Verdict::Rejected => message.set_code(Code::REJECTED),
            Verdict::Endless => message.fail(Failure::new(Code::EXCEPTION, "the machine does not come to rest")),
            Verdict::Deferred if self.deferred.len() >= self.limit && !message.is_called() => {
                message.set_code(Code::BUSY);
            }
            Verdict::Deferred => {
                if let Ok(held) = ctx.hold(message) {
                    self.deferred.push_back(Aside::Held(held));
                    return Outcome::Handled;
                }
            }
            _ => {}
        }
        Outcome::NotHandled
    }

    /// Has everything that is deferred delivered again if any of it is deferred no longer. All of it, because that way it
    /// keeps its order whatever is deferred anew.
    #[cold]
    fn recall(&mut self, ctx: &mut Context<'_>) {
        let Self { engine, model, deferred, .. } = self;
        let free = deferred.iter_mut().filter_map(Aside::message_mut).any(|message| {
            let event = engine.chart().identify(message);
            !engine.defers(event, message, model, ctx)
        });
        if free {
            let (core, me) = ctx.home();
            for mail in deferred.drain(..).rev() {
                core.deliver_first(me, mail);
            }
        }
    }
}

impl<C: Chart<Model: Stateful> + 'static, T: Trace + 'static> Target for MachineTarget<C, T> {
    #[inline]
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if message.has_several() {
            return each(self, message, ctx);
        }
        let event = self.engine.chart().identify(message);
        if event == EventId::OTHER {
            return self.receive_other(message, ctx);
        }
        let course = self.drive(ctx, |engine, model, ctx| engine.dispatch(event, message, model, ctx));
        if let Err(error) = self.follow_up(course, ctx) {
            message.fail(Failure::new(Code::BUSY, error.to_string()));
        }
        if course.is_handled() {
            return Outcome::Handled;
        }
        self.refuse(course.verdict(), message, ctx)
    }

    fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        let event = self.engine.chart().identify(answer);
        if event == EventId::OTHER {
            return ctx.ignore(answer);
        }
        let course = self.drive(ctx, |engine, model, ctx| engine.dispatch(event, answer, model, ctx));
        let _ = self.follow_up(course, ctx);
        match course.verdict() {
            Verdict::Handled | Verdict::Dropped | Verdict::Endless => {}
            Verdict::Deferred if self.deferred.len() < self.limit => {
                self.deferred.push_back(Aside::Answer(answer.take_all()));
            }
            _ => ctx.ignore(answer),
        }
    }

    fn observed(&mut self, message: &Message<'_>, ctx: &mut Context<'_>) {
        let (core, _) = ctx.home();
        // Hooks may change the event, and this one belongs to somebody else.
        let Ok(Some(mut copy)) = core.guard(|| message.copy()) else {
            return;
        };
        if copy.has_several() {
            let records = copy.records().count();
            copy.begin_parts();
            for index in 0..records {
                copy.bring_forward(index);
                self.see(&mut copy, ctx);
                copy.bring_forward(index);
            }
        } else {
            self.see(&mut copy, ctx);
        }
        core.discard(&mut copy);
    }

    fn started(&mut self, ctx: &mut Context<'_>) {
        if !self.resumed {
            self.drive(ctx, |engine, model, ctx| engine.start(model, ctx));
        }
        let _ = self.set_timers(ctx);
    }
}

impl<C: Chart<Model: fmt::Debug> + fmt::Debug, T: fmt::Debug> fmt::Debug for MachineTarget<C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineTarget")
            .field("engine", &self.engine)
            .field("model", &self.model)
            .field("deferred", &self.deferred.len())
            .finish_non_exhaustive()
    }
}
