//! Where an engine finds its table.

use super::{
    EventId, Model, Query, Step, Table, Verdict,
    core::Core,
    ids::NONE,
    plan::{Moved, Op, Route},
};
use std::{rc::Rc, sync::Arc};

/// A table, or a pointer to one: what an [`Engine`](super::Engine) is made with.
///
/// [`hsm!`](crate::hsm) makes a type of no size that implements it; `&Table`, `Rc<Table>` and `Arc<Table>` do too.
///
/// ```
/// use rohrpost::machine::{Chart, Model, State, Table, Transition};
///
/// # struct Door;
/// # impl Model for Door { type Event<'e> = (); type Context<'c> = (); }
/// fn count_states(chart: &impl Chart) -> usize {
///     chart.table().states().count()
/// }
///
/// let table = Table::<Door>::builder().initial(Transition::to("closed")).state(State::new("closed")).build()?;
/// assert_eq!(count_states(&&table), 2);
/// # Ok::<(), rohrpost::machine::Faults>(())
/// ```
pub trait Chart {
    /// What the table is about.
    type Model: Model;

    /// The table.
    fn table(&self) -> &Table<Self::Model>;

    /// Which event of the table `event` is.
    fn identify(&self, event: &<Self::Model as Model>::Event<'_>) -> EventId {
        self.table().identify.as_ref().map_or(EventId::OTHER, |identify| identify(event))
    }

    /// Does what is planned for the active leaf and the event, and moves to where it leads. A static table has a faster way than the one here, which reads
    /// the plan: it asks for the leaf first and then for the event, each once.
    #[doc(hidden)]
    #[inline]
    fn follow(
        &self,
        event: Incoming,
        core: &mut Core,
        me: &mut Self::Model,
        ctx: &mut <Self::Model as Model>::Context<'_>,
        step: &mut Step<'_, <Self::Model as Model>::Event<'_>>,
    ) -> Moved {
        self.table().follow(event.id(self, step), core, me, ctx, step)
    }
}

/// The event at hand, before or after it was found out which one it is.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "only the macro and the engine name it")]
pub enum Incoming {
    /// It is this one.
    Known(EventId),
    /// It has to be looked at.
    Unknown,
}

impl Incoming {
    /// Which event of the table it is.
    #[inline(always)]
    pub fn id<C: Chart + ?Sized>(self, chart: &C, step: &Step<'_, <C::Model as Model>::Event<'_>>) -> EventId {
        match (self, &step.event) {
            (Self::Known(event), _) => event,
            (Self::Unknown, Some(event)) => chart.identify(event),
            (Self::Unknown, None) => EventId::OTHER,
        }
    }
}

impl<M: Model> Chart for &Table<M> {
    type Model = M;

    #[inline]
    fn table(&self) -> &Table<M> {
        self
    }
}

impl<M: Model> Chart for Rc<Table<M>> {
    type Model = M;

    #[inline]
    fn table(&self) -> &Table<M> {
        self
    }
}

impl<M: Model> Chart for Arc<Table<M>> {
    type Model = M;

    #[inline]
    fn table(&self) -> &Table<M> {
        self
    }
}

impl<M: Model> Table<M> {
    /// Does what is planned for the active leaf and `event`, and moves to where it leads.
    #[doc(hidden)]
    #[inline(always)]
    pub fn follow(
        &self,
        event: EventId,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        step: &mut Step<'_, M::Event<'_>>,
    ) -> Moved {
        if let Some(flow) = self.flows.all().get(self.cell_of(core.leaf(), event)) {
            return flow.take(core, me, ctx, step);
        }
        Moved::UNREAD
    }

    /// Does what is planned by reading the plan that begins at `at`.
    #[inline(never)]
    pub(super) fn read(
        &self,
        at: u32,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        step: &mut Step<'_, M::Event<'_>>,
    ) -> Moved {
        let mut route = self.route_at(at);
        if route.guard != NONE {
            route = self.first_open(at, core.leaf(), me, ctx, step);
        }
        for &op in &self.ops.all()[route.first as usize..][..usize::from(route.ops)] {
            match op {
                Op::Act(action) => self.actions.run(action, me, ctx, step),
                op => core.attend(self, op),
            }
        }
        route.moved
    }

    /// What would become of `event` while `leaf` is active, as far as it is planned.
    pub(super) fn foresee(
        &self,
        event: EventId,
        leaf: u16,
        me: &M,
        ctx: &M::Context<'_>,
        step: &Step<'_, M::Event<'_>>,
    ) -> Option<Verdict> {
        let moved = self.first_open(self.plan_for(leaf, event), leaf, me, ctx, step).moved;
        (!moved.is_undecided()).then(|| moved.verdict())
    }

    /// The first route of a plan whose guard holds; the last one has none.
    fn first_open(
        &self,
        mut at: u32,
        leaf: u16,
        me: &M,
        ctx: &M::Context<'_>,
        step: &Step<'_, M::Event<'_>>,
    ) -> &Route {
        let query = Query { event: step.event.as_deref(), nodes: self.nodes.all(), leaves: &[leaf] };
        loop {
            let route = self.route_at(at);
            if route.guard == NONE || self.guards.ask(route.guard, me, ctx, &query) {
                return route;
            }
            at += 1;
        }
    }
}
