//! The engine: one machine's place in its table, and how events move it.

use super::{
    Chart, EventId, Model, Outcome, StateId, Step, Table, Timer, TimerRequest, Trace, Untraced, Verdict, Vertex,
    chart::Incoming,
    core::Core,
    run::{self, Call},
};

type ModelOf<C> = <C as Chart>::Model;
type EventOf<'e, C> = <ModelOf<C> as Model>::Event<'e>;
type ContextOf<'c, C> = <ModelOf<C> as Model>::Context<'c>;

/// One machine: where it is in its table. What it drives is handed to it with every event.
///
/// With a table made by [`hsm!`](crate::hsm) it is sixteen bytes. It allocates nothing per event, and one box in its life if
/// the table has regions, histories, timeouts, or transitions through choices and the like. A hook that panics leaves it
/// in the configuration that it was about to leave.
///
/// ```
/// use rohrpost::machine::{Engine, Model, State, Table, Transition, Verdict};
///
/// struct Lamp {
///     lit: bool,
/// }
///
/// impl Model for Lamp {
///     type Event<'e> = &'e str;
///     type Context<'c> = ();
/// }
///
/// let mut builder = Table::<Lamp>::builder();
/// let press = builder.event("press");
/// let table = builder
///     .initial(Transition::to("off"))
///     .state(State::new("off").on(press, Transition::to("on")))
///     .state(State::<Lamp>::new("on").entry(|lamp, _, _| lamp.lit = true).exit(|lamp, _, _| lamp.lit = false))
///     .build()?;
///
/// let mut lamp = Lamp { lit: false };
/// let mut engine = Engine::new(&table);
/// engine.start(&mut lamp, &mut ());
/// let outcome = engine.dispatch(press, &mut "the button", &mut lamp, &mut ());
/// assert_eq!(outcome.verdict(), Verdict::Handled);
/// assert!(lamp.lit);
/// let outcome = engine.dispatch(press, &mut "the button", &mut lamp, &mut ());
/// assert_eq!(outcome.verdict(), Verdict::Unhandled);
/// # Ok::<(), rohrpost::machine::Faults>(())
/// ```
#[derive(Clone, Default, Debug)]
pub struct Engine<C, T = Untraced> {
    pub(super) core: Core,
    pub(super) chart: C,
    trace: T,
}

impl<C: Chart> Engine<C> {
    /// A machine that has not started; until it does, it handles nothing.
    #[must_use]
    pub fn new(chart: C) -> Self {
        Self::traced(chart, Untraced)
    }
}

impl<C: Chart, T: Trace> Engine<C, T> {
    /// A machine that tells `trace` every step.
    #[must_use]
    pub fn traced(chart: C, trace: T) -> Self {
        Self { core: Core::default(), chart, trace }
    }

    /// Enters the initial configuration and goes on until there is nothing to do without an event. A machine that has been
    /// started before starts anew, without leaving the states it was in.
    pub fn start(&mut self, me: &mut ModelOf<C>, ctx: &mut ContextOf<'_, C>) -> Outcome {
        self.core.reset(self.chart.table());
        let outcome = self.run(Call::Start, me, ctx, &mut Step::silent());
        self.core.trim(self.chart.table());
        outcome
    }

    /// Handles `event`, with `payload` for the hooks to look at, and everything that it sets off.
    #[inline]
    pub fn dispatch(
        &mut self,
        event: EventId,
        payload: &mut EventOf<'_, C>,
        me: &mut ModelOf<C>,
        ctx: &mut ContextOf<'_, C>,
    ) -> Outcome {
        self.react(Incoming::Known(event), payload, me, ctx)
    }

    /// Handles an event that the table identifies by itself; see [`Chart::identify`].
    #[inline]
    pub fn handle(&mut self, payload: &mut EventOf<'_, C>, me: &mut ModelOf<C>, ctx: &mut ContextOf<'_, C>) -> Outcome {
        self.react(Incoming::Unknown, payload, me, ctx)
    }

    /// Whether an active state would defer `event` if it came now. Guards are asked, nothing is done, and no trace sees it.
    pub fn defers(
        &mut self,
        event: EventId,
        payload: &mut EventOf<'_, C>,
        me: &mut ModelOf<C>,
        ctx: &mut ContextOf<'_, C>,
    ) -> bool {
        let mut step = Step::new(payload);
        let table = self.chart.table();
        let planned = table.foresee(event, self.core.leaf(), me, ctx, &step);
        planned.unwrap_or_else(|| run::foresee(event, table, &mut self.core, me, ctx, &mut step)) == Verdict::Deferred
    }

    /// Takes the transition whose time has come, unless the state that asked for it has been left since.
    pub fn fire(&mut self, timer: Timer, me: &mut ModelOf<C>, ctx: &mut ContextOf<'_, C>) -> Outcome {
        let valid = self.core.rest.as_mut().is_some_and(|rest| rest.timeouts.spend(timer));
        let edges = self.chart.table().topology().edges;
        let edge = edges.iter().position(|edge| edge.timer == timer.timer);
        match edge {
            Some(edge) if valid => self.run(Call::Timeout(edge as u16), me, ctx, &mut Step::silent()),
            _ => Outcome { verdict: Verdict::Stale, recall: false },
        }
    }

    /// What the caller's clock has to do since this was last asked. To be called after each of the methods above if the table
    /// has timeouts.
    pub fn timers(&mut self) -> impl Iterator<Item = TimerRequest> {
        self.core.rest.as_mut().map(|rest| rest.timeouts.requests.drain(..)).into_iter().flatten()
    }

    /// Has the timeouts of all active states begin anew: what to do after a hook has panicked, which may have cancelled some
    /// of them.
    pub fn restart_timers(&mut self) {
        let table = self.chart.table();
        let chart = table.topology();
        let mut active: Vec<u16> = self.core.leaves(table).flat_map(|leaf| chart.outward(leaf)).collect();
        active.sort_unstable();
        active.dedup();
        let rest = self.core.rest(table);
        rest.timeouts.cancel_all();
        for state in active {
            rest.arm(table, state);
        }
    }

    /// Whether [`timers`](Self::timers) has anything to tell.
    #[inline]
    #[must_use]
    pub fn asks_for_timers(&self) -> bool {
        self.core.rest.as_ref().is_some_and(|rest| !rest.timeouts.requests.is_empty())
    }

    /// The trace.
    #[must_use]
    pub const fn trace(&self) -> &T {
        &self.trace
    }

    /// The trace, to change it.
    pub const fn trace_mut(&mut self) -> &mut T {
        &mut self.trace
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &Table<ModelOf<C>> {
        self.chart.table()
    }

    /// Where the table is found.
    #[must_use]
    pub const fn chart(&self) -> &C {
        &self.chart
    }

    /// The innermost active state; with regions, that of the first. The root before the start.
    #[inline]
    #[must_use]
    pub const fn state(&self) -> StateId {
        StateId(self.core.leaf())
    }

    /// The innermost active states, one for each region, in document order. None before the start.
    pub fn leaves(&self) -> impl Iterator<Item = StateId> {
        self.core.leaves(self.chart.table()).map(StateId)
    }

    /// Whether `state` is active, itself or by a state inside it.
    #[must_use]
    pub fn is_in(&self, state: impl Into<StateId>) -> bool {
        let StateId(state) = state.into();
        let table = self.chart.table();
        let chart = table.topology();
        usize::from(state) < chart.nodes.len() && self.core.leaves(table).any(|leaf| chart.within(leaf, state))
    }

    /// Whether the machine has come to its end: a final state of the root, or a terminate vertex.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let node = self.chart.table().topology().node(self.core.leaf());
        match node.vertex {
            Vertex::Final => node.parent == 0,
            Vertex::Terminate => true,
            _ => false,
        }
    }

    #[inline]
    fn react(
        &mut self,
        event: Incoming,
        payload: &mut EventOf<'_, C>,
        me: &mut ModelOf<C>,
        ctx: &mut ContextOf<'_, C>,
    ) -> Outcome {
        if T::ACTIVE && cfg!(not(rohrpost_bare_machines)) {
            let event = event.id(&self.chart, payload);
            return self.run(Call::Event(event), me, ctx, &mut Step::new(payload));
        }
        self.chart.react(event, &mut self.core, me, ctx, payload)
    }

    fn run(
        &mut self,
        call: Call,
        me: &mut ModelOf<C>,
        ctx: &mut ContextOf<'_, C>,
        step: &mut Step<'_, EventOf<'_, C>>,
    ) -> Outcome {
        run::run(call, self.chart.table(), &mut self.core, me, ctx, step, &mut self.trace)
    }
}
