//! Plans of a static table as straight code.
//!
//! The table is known when the program is compiled, so for each leaf and event there can be a function whose every step is
//! a constant: which guards to ask, which actions to call, which leaf comes out. The compiler then has calls where a table
//! built at run time has calls by pointer, and puts small actions right in.
//!
//! What an event costs when it cannot be foreseen is what the processor guesses wrong. `hsm!` asks for the leaf from the
//! outermost state inwards, since a question with two answers is guessed better than a jump to one of many, and then for
//! one event after the other, since a wrong guess about such a question is noticed at once, and one about a jump only when
//! a table has been read. That is worth a fifth of an event in an order without pattern (`benches/compare-machines`).
//! Events that the leaf treats like any other are not asked for.

use std::sync::atomic::{Ordering, compiler_fence};

use super::{
    Chart, EventId, Model, Outcome, Query, StateId, Step, Table,
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
}

type ContextOf<'c, C> = <<C as Chart>::Model as Model>::Context<'c>;
type EventOf<'e, C> = <<C as Chart>::Model as Model>::Event<'e>;

/// What becomes of an event while no leaf is active.
pub const NOWHERE: Outcome = Moved::NOWHERE.outcome();

/// How many events of one leaf are asked for one after the other. Among more of them a jump is the shorter way.
const QUESTIONS: usize = 8;

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

/// Whether `event` is `EVENT`, which is special while `LEAF` is active.
#[inline(always)]
#[must_use]
pub fn is_event<C: Fixed, const LEAF: u16, const EVENT: u16>(event: EventId) -> bool {
    if const { count_special::<C>(LEAF) <= QUESTIONS } {
        // It is no instruction. It has this question stay apart from the one before, or all would become one jump.
        compiler_fence(Ordering::SeqCst);
    }
    event.0 == EVENT
}

/// Handles `event`, which is `EVENT` or treated like it while `LEAF` is active, and everything that it sets off.
#[inline(always)]
pub fn cell<C: Fixed, const LEAF: u16, const EVENT: u16>(
    event: EventId,
    core: &mut Core,
    me: &mut C::Model,
    ctx: &mut ContextOf<'_, C>,
    payload: &mut EventOf<'_, C>,
) -> Outcome {
    let mut step = Step::new(payload);
    if const { !is_short(C::TABLE, LEAF, EVENT) } {
        let moved = C::TABLE.read(C::TABLE.plan_for(LEAF, EventId(EVENT)), core, me, ctx, &mut step);
        core.follow(moved);
        return C::TABLE.finish(moved, core, me, ctx, &mut step);
    }
    macro_rules! routes {
        ($($at:literal)*) => {
            $(if const { straight(C::TABLE, LEAF, EVENT, $at).exists } {
                let route = const { &straight(C::TABLE, LEAF, EVENT, $at) };
                if route.permits::<C, LEAF>(me, ctx, &step) {
                    if route.moved.is_undecided() {
                        return C::TABLE.decide(event, core, me, ctx, &mut step);
                    }
                    route.run::<C>(core, me, ctx, &mut step);
                    core.follow(route.moved);
                    return C::TABLE.finish(route.moved, core, me, ctx, &mut step);
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

/// How many events are special while `leaf` is active.
const fn count_special<C: Fixed>(leaf: u16) -> usize {
    let mut count = 0;
    let mut event = 0;
    while event < C::TABLE.event_names.len() {
        count += is_special::<C>(StateId(leaf), event as u16) as usize;
        event += 1;
    }
    count
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
