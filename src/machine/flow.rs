//! Plans of a table that is built at run time, with their functions at hand.
//!
//! Everything that a plan does lies together in one object, so that an event is one call by pointer which makes the others
//! and says what became of the event; there is nothing to do afterwards and nothing to keep for it meanwhile. What it
//! costs beyond the calls is what the processor guesses wrong about where they lead:
//!
//! - Whether there is anything to do is asked first, and where possible of what lies beside the leaf ([`Spot`]). Of the
//!   calls by pointer that it has seen the processor remembers little; of the questions, much.
//! - From one place in the program it learns best where a call leads if it always leads there. So there is code for several
//!   *places*, the same but for where it lies, and transitions share them as little as possible.

use super::{
    EventId, Model, Outcome, Step, Table,
    core::{Core, Spot},
    course::AnyCourse,
    hooks::{Action, ActionBox, GuardBox},
    ids::NONE,
    plan::{Moved, Op, Route},
};
use std::mem::ManuallyDrop;

/// How many places there are for each number of actions.
const PLACES: usize = 8;

/// Everything that a plan does.
pub(super) trait Course<M: Model>: Send + Sync {
    /// Does it, moves to `end` if it leads there, and does whatever that sets off.
    fn take(
        &self,
        end: &End,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        event: &mut M::Event<'_>,
        occasion: &mut Occasion<'_, M>,
    ) -> Outcome;
}

/// What makes a machine take a course.
///
/// It lies on the stack, and not for want of registers: with nothing else there a small event would share its word with the
/// one that makes room for it, and each event would wait until that word has been read back from memory.
pub(super) struct Occasion<'o, M: Model> {
    pub(super) table: &'o Table<M>,
    pub(super) core: &'o mut Core,
}

/// Where a course leads.
///
/// It lies beside the function and not in the object: the next event waits for the leaf, and would wait one load longer.
#[derive(Clone, Copy)]
pub(super) struct End {
    moved: Moved,
    spot: Spot,
}

impl End {
    /// For a course that leads nowhere, or finds out by itself.
    pub(super) const INSIDE: Self = Self { moved: Moved::INSIDE, spot: Spot::at(0) };
}

impl<M: Model> Occasion<'_, M> {
    /// Does what `act` does, goes to `end`, and does whatever that sets off.
    #[inline(always)]
    fn lead(
        &mut self,
        end: &End,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        event: &mut M::Event<'_>,
        act: impl FnOnce(&mut M, &mut M::Context<'_>, &mut Self, &mut Step<'_, M::Event<'_>>),
    ) -> Outcome {
        let mut step = Step::new(event);
        act(me, ctx, self, &mut step);
        // A transition tells the leaf even if that stays.
        self.core.move_to(end.spot);
        if end.moved.is_plain() & step.queue.is_untouched() {
            // Without raised events there is nothing to drop, and no need to look.
            let _ = ManuallyDrop::new(step);
            return Moved::INSIDE.outcome();
        }
        self.table.settle_last(end.moved, self.core, me, ctx, step)
    }
}

/// The plan of one leaf and one event.
pub(super) enum Flow<M: Model> {
    /// Nothing is to be done, and this becomes of the event.
    Idle(Outcome),
    /// This is to be done.
    Act(AnyCourse<M>),
}

impl<M: Model> Flow<M> {
    /// Does what is planned for an event from outside, and whatever that sets off.
    #[inline(always)]
    pub(super) fn start(
        &self,
        table: &Table<M>,
        core: &mut Core,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        event: &mut M::Event<'_>,
    ) -> Outcome {
        match self {
            Self::Act(course) => course.take(me, ctx, event, &mut Occasion { table, core }),
            Self::Idle(outcome) => *outcome,
        }
    }

    /// The same for a flow that is part of another.
    #[inline]
    pub(super) fn take(
        &self,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        event: &mut M::Event<'_>,
        occasion: &mut Occasion<'_, M>,
    ) -> Outcome {
        match self {
            Self::Act(course) => course.take(me, ctx, event, occasion),
            Self::Idle(outcome) => *outcome,
        }
    }
}

/// What flows are made of.
pub(super) struct Plans<'a, M: Model> {
    routes: &'a [Route],
    ops: &'a [Op],
    actions: &'a [ActionBox<M>],
    guards: &'a [GuardBox<M>],
    /// For each vertex a bit for each near event that finds nobody there.
    ignored: &'a [u16],
    /// How many places have been given away.
    places: usize,
}

impl<'a, M: Model> Plans<'a, M> {
    pub(super) const fn new(
        routes: &'a [Route],
        ops: &'a [Op],
        actions: &'a [ActionBox<M>],
        guards: &'a [GuardBox<M>],
        ignored: &'a [u16],
    ) -> Self {
        Self { routes, ops, actions, guards, ignored, places: 0 }
    }

    /// The flow of the plan that begins with the route at `at`, when it is asked about `event`.
    pub(super) fn flow(&mut self, at: u32, event: EventId) -> Flow<M> {
        let route = &self.routes[at as usize];
        let flow = self.course(route, event).map_or(Flow::Idle(route.moved.outcome()), Flow::Act);
        if route.guard == NONE {
            return flow;
        }
        let otherwise = self.flow(at + 1, event);
        Flow::Act(self.guards[usize::from(route.guard)].fork(flow, otherwise))
    }

    /// What is done on a route.
    fn course(&mut self, route: &Route, event: EventId) -> Option<AnyCourse<M>> {
        let moved = route.moved;
        if moved.is_undecided() {
            return Some(AnyCourse::new(Undecided(event), End::INSIDE));
        }
        let spot = Spot::at(moved.leaf()).ignoring(self.ignored[usize::from(moved.leaf())]);
        let end = End { moved, spot };
        let ops = &self.ops[route.first as usize..][..usize::from(route.ops)];
        let own: Option<Vec<&dyn Action<M>>> = ops.iter().map(|op| self.action(*op)).collect();
        let Some(own) = own else {
            let items =
                ops.iter().map(|op| self.action(*op).map_or(Item::Attend(*op), |action| Item::Act(action.again())));
            return Some(AnyCourse::new(Mixed { items: items.collect() }, end));
        };
        match own[..] {
            [] if moved.is_plain() && moved.stays() => None,
            [only] if moved.is_plain() && moved.stays() => Some(only.alone()),
            _ => {
                self.places += 1;
                Some(sequence(&own, end, self.places))
            }
        }
    }

    fn action(&self, op: Op) -> Option<&'a dyn Action<M>> {
        match op {
            Op::Act(at) => Some(&*self.actions[usize::from(at)]),
            _ => None,
        }
    }
}

/// Whatever has to be worked out when it happens.
struct Undecided(EventId);

impl<M: Model> Course<M> for Undecided {
    fn take(
        &self,
        _: &End,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        event: &mut M::Event<'_>,
        occasion: &mut Occasion<'_, M>,
    ) -> Outcome {
        occasion.table.decide(self.0, occasion.core, me, ctx, &mut Step::new(event))
    }
}

/// A few actions one after the other, and then where that leads.
#[repr(C)]
struct Short<M: Model, const PLACE: usize, const LEN: usize> {
    /// Has the actions lie elsewhere for each place, or the compiler would see that the code is the same and make it once.
    place: [usize; PLACE],
    actions: [ActionBox<M>; LEN],
}

impl<M: Model, const PLACE: usize, const LEN: usize> Course<M> for Short<M, PLACE, LEN> {
    #[inline(always)]
    fn take(
        &self,
        end: &End,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        event: &mut M::Event<'_>,
        occasion: &mut Occasion<'_, M>,
    ) -> Outcome {
        occasion.lead(end, me, ctx, event, |me, ctx, _, step| {
            for action in &self.actions {
                action.run(me, ctx, step);
            }
        })
    }
}

/// None, or many, or some for the machine itself.
struct Mixed<M: Model> {
    items: Box<[Item<M>]>,
}

/// One of many.
enum Item<M: Model> {
    Act(ActionBox<M>),
    /// Something for the machine itself.
    Attend(Op),
}

impl<M: Model> Course<M> for Mixed<M> {
    #[inline(always)]
    fn take(
        &self,
        end: &End,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        event: &mut M::Event<'_>,
        occasion: &mut Occasion<'_, M>,
    ) -> Outcome {
        occasion.lead(end, me, ctx, event, |me, ctx, occasion, step| {
            for item in &self.items {
                match item {
                    Item::Act(action) => action.run(me, ctx, step),
                    Item::Attend(op) => occasion.core.attend(occasion.table, *op),
                }
            }
        })
    }
}

/// The course of `own`, in a place of its own as far as there are any.
fn sequence<M: Model>(own: &[&dyn Action<M>], end: End, place: usize) -> AnyCourse<M> {
    macro_rules! short {
        ($actions:ident $len:literal; $($place:literal)*) => {{
            let actions = $actions.map(Action::again);
            match place % PLACES {
                $($place => AnyCourse::new(Short::<M, $place, $len> { actions, place: [0; _] }, end),)*
                _ => unreachable!("a remainder is less than what it was divided by"),
            }
        }};
    }
    macro_rules! lengths {
        ($($len:literal)*) => {
            match own.len() {
                $($len => {
                    let actions: [_; $len] = own.try_into().expect("it has this length");
                    short!(actions $len; 0 1 2 3 4 5 6 7)
                })*
                _ => {
                    let items = own.iter().map(|action| Item::Act(action.again())).collect();
                    AnyCourse::new(Mixed { items }, end)
                }
            }
        };
    }
    lengths!(1 2 3 4 5 6)
}
