//! Plans of a static table as straight code.
//!
//! The table is known when the program is compiled, so for each leaf and event there can be a function whose every step is
//! a constant: which guards to ask, which actions to call, which leaf comes out. The compiler then has calls where a table
//! built at run time has calls by pointer, and puts small actions right in.
//!
//! What an event costs when it cannot be foreseen is what the processor guesses wrong. `hsm!` asks for the leaf from the
//! outermost state inwards, since a question with two answers is guessed better than a jump to one of many, and only then
//! for the event, which becomes a jump that needs nothing of the event before. Events that the leaf treats like any
//! other are not asked for.

use super::{
    Chart, EventId, Model, Outcome, Query, StateId, Step, Table,
    chart::Incoming,
    core::Core,
    ids::NONE,
    list::{Actions, Guards},
    model::{ActionFn, GuardFn},
    plan::{Moved, Op, Route},
};

/// A chart whose table is part of the program.
pub trait Fixed: Chart {
    /// The table.
    const TABLE: &'static Table<Self::Model>;

    /// Does what is planned for the active leaf and the event, and moves to where it leads. It asks for the leaf first and
    /// then for the event, each once.
    fn follow(
        &self,
        event: Incoming,
        core: &mut Core,
        me: &mut Self::Model,
        ctx: &mut ContextOf<'_, Self>,
        step: &mut Step<'_, EventOf<'_, Self>>,
    ) -> Moved;
}

type ContextOf<'c, C> = <<C as Chart>::Model as Model>::Context<'c>;
type EventOf<'e, C> = <<C as Chart>::Model as Model>::Event<'e>;

/// Which event of the table the one at hand is.
#[inline(always)]
pub fn identify<C: Fixed>(chart: &C, event: Incoming, step: &Step<'_, EventOf<'_, C>>) -> EventId {
    step.event.as_deref().map_or(EventId::OTHER, |payload| event.id(chart, payload))
}

/// Handles an event and everything that it sets off.
#[inline(always)]
pub fn react<C: Fixed>(
    chart: &C,
    event: Incoming,
    core: &mut Core,
    me: &mut C::Model,
    ctx: &mut ContextOf<'_, C>,
    payload: &mut EventOf<'_, C>,
) -> Outcome {
    let mut step = Step::new(payload);
    let moved = chart.follow(event, core, me, ctx, &mut step);
    if moved.is_undecided() {
        let event = identify(chart, event, &step);
        return C::TABLE.decide(event, core, me, ctx, &mut step);
    }
    C::TABLE.finish(moved, core, me, ctx, &mut step)
}

/// How many routes of one plan, and operations of one route, are written out. A plan with more is read.
const ROUTES: u32 = 4;
const OPS: usize = 10;

/// One route, with what it refers to looked up.
struct Straight<M: Model> {
    exists: bool,
    guard: Option<GuardFn<M>>,
    todo: [Todo<M>; OPS],
    moved: Moved,
}

/// What there is to do at one position of a route.
enum Todo<M: Model> {
    Nothing,
    Act(ActionFn<M>),
    /// Something for the machine itself.
    Attend(Op),
}

/// Whether `leaf` is `STATE` or inside it, if it is no state before that one.
#[inline(always)]
#[must_use]
pub const fn is_for<C: Fixed, const STATE: u16>(leaf: u16) -> bool {
    let end = const { C::TABLE.nodes.all()[STATE as usize].end };
    if end == STATE + 1 { leaf == STATE } else { leaf < end }
}

/// Whether `event` is not handled like those without a name while `leaf` is active.
#[must_use]
pub const fn is_special<C: Fixed>(leaf: StateId, event: u16) -> bool {
    C::TABLE.plan_for(leaf.0, EventId(event)) != C::TABLE.plan_for(leaf.0, EventId::OTHER)
}

/// Handles `EVENT` while `LEAF` is active, and moves to where that leads.
#[inline(always)]
pub fn cell<C: Fixed, const LEAF: u16, const EVENT: u16>(
    core: &mut Core,
    me: &mut C::Model,
    ctx: &mut ContextOf<'_, C>,
    step: &mut Step<'_, EventOf<'_, C>>,
) -> Moved {
    if const { !is_short(C::TABLE, LEAF, EVENT) } {
        let moved = C::TABLE.read(C::TABLE.plan_for(LEAF, EventId(EVENT)), core, me, ctx, step);
        core.follow(moved);
        return moved;
    }
    macro_rules! routes {
        ($($at:literal)*) => {
            $(if const { straight(C::TABLE, LEAF, EVENT, $at).exists } {
                let route = const { &straight(C::TABLE, LEAF, EVENT, $at) };
                if route.permits::<C, LEAF>(me, ctx, step) {
                    route.run::<C>(core, me, ctx, step);
                    core.follow(route.moved);
                    return route.moved;
                }
            })*
        };
    }
    routes!(0 1 2 3);
    unreachable!("the last route of a plan has no guard")
}

impl<M: Model> Straight<M> {
    #[inline(always)]
    fn permits<C: Fixed<Model = M>, const LEAF: u16>(
        &self,
        me: &M,
        ctx: &M::Context<'_>,
        step: &Step<'_, M::Event<'_>>,
    ) -> bool {
        let Some(guard) = self.guard else {
            return true;
        };
        let query = Query { event: step.event.as_deref(), nodes: C::TABLE.nodes.all(), leaves: &[LEAF] };
        guard(me, ctx, &query)
    }

    #[inline(always)]
    fn run<C: Fixed<Model = M>>(
        &self,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        step: &mut Step<'_, M::Event<'_>>,
    ) {
        macro_rules! ops {
            ($($at:literal)*) => {
                $(match self.todo[$at] {
                    Todo::Nothing => return,
                    Todo::Act(action) => action(me, ctx, step),
                    Todo::Attend(op) => core.attend(C::TABLE, op),
                })*
            };
        }
        ops!(0 1 2 3 4 5 6 7 8 9);
    }
}

/// How many routes the plan for `event` has while `leaf` is active.
const fn length<M: Model>(table: &Table<M>, leaf: u16, event: u16) -> u32 {
    let first = table.plan_for(leaf, EventId(event));
    let mut last = first;
    while table.route_at(last).guard != NONE {
        last += 1;
    }
    last - first + 1
}

const fn is_short<M: Model>(table: &Table<M>, leaf: u16, event: u16) -> bool {
    let first = table.plan_for(leaf, EventId(event));
    let length = length(table, leaf, event);
    let mut short = length <= ROUTES;
    let mut i = 0;
    while i < length {
        short = short && table.route_at(first + i).ops as usize <= OPS;
        i += 1;
    }
    short
}

/// The route at one position of a plan. Constants are worked out for those that do not exist too, and never looked at.
const fn straight<M: Model>(table: &Table<M>, leaf: u16, event: u16, index: u32) -> Straight<M> {
    let exists = is_short(table, leaf, event) && index < length(table, leaf, event);
    let first = table.plan_for(leaf, EventId(event));
    let route = if exists { *table.route_at(first + index) } else { Route::BLANK };
    let mut todo = [const { Todo::Nothing }; OPS];
    let mut i = 0;
    while i < route.ops {
        todo[i as usize] = match (table.op_at(route.first + i as u32), &table.actions) {
            (Op::Act(at), Actions::Static(list)) => Todo::Act(list[at as usize]),
            (op, _) => Todo::Attend(op),
        };
        i += 1;
    }
    let guard = match &table.guards {
        Guards::Static(list) if route.guard != NONE => Some(list[route.guard as usize]),
        _ => None,
    };
    Straight { exists, guard, todo, moved: route.moved }
}
