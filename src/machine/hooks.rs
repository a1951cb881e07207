//! The functions of a table that is built at run time.
//!
//! Each is a closure of a type of its own. What a transition does from one leaf is a list of them, laid out once so that
//! taking it is a walk over calls and no look-up.

use super::{
    Model, Query, Step,
    ids::NONE,
    plan::{Moved, Op, Route},
};
use std::sync::Arc;

/// An entry, exit or effect closure.
pub(super) type ActionBox<M> = Box<dyn Action<M>>;

/// A guard closure.
pub(super) type GuardBox<M> =
    Box<dyn Fn(&M, &<M as Model>::Context<'_>, &Query<'_, <M as Model>::Event<'_>>) -> bool + Send + Sync>;

/// Something to do that can be put into several lists.
pub(super) trait Action<M: Model>: Send + Sync {
    fn run(&self, me: &mut M, ctx: &mut M::Context<'_>, step: &mut Step<'_, M::Event<'_>>);

    /// The same once more.
    fn again(&self) -> ActionBox<M>;
}

/// Nothing to do.
struct Nothing;

impl<M: Model> Action<M> for Nothing {
    fn run(&self, _: &mut M, _: &mut M::Context<'_>, _: &mut Step<'_, M::Event<'_>>) {}

    fn again(&self) -> ActionBox<M> {
        Box::new(Self)
    }
}

struct Shared<F>(Arc<F>);

impl<M: Model, F> Action<M> for Shared<F>
where
    F: Fn(&mut M, &mut M::Context<'_>, &mut Step<'_, M::Event<'_>>) + Send + Sync + 'static,
{
    #[inline]
    fn run(&self, me: &mut M, ctx: &mut M::Context<'_>, step: &mut Step<'_, M::Event<'_>>) {
        (self.0)(me, ctx, step);
    }

    fn again(&self) -> ActionBox<M> {
        Box::new(Self(self.0.clone()))
    }
}

/// Makes an action of a closure.
pub(super) fn action<M: Model>(
    action: impl Fn(&mut M, &mut M::Context<'_>, &mut Step<'_, M::Event<'_>>) + Send + Sync + 'static,
) -> ActionBox<M> {
    Box::new(Shared(Arc::new(action)))
}

/// The plan of one leaf and one event with its actions at hand.
pub(super) struct Flow<M: Model> {
    /// Does nothing if there is nothing to do: the processor guesses the target of one call at a time, and a call that is
    /// always there is one guess where asking first would be two.
    pub(super) first: ActionBox<M>,
    pub(super) rest: Box<[ActionBox<M>]>,
    /// What it comes to.
    pub(super) moved: Moved,
}

impl<M: Model> Flow<M> {
    pub(super) fn of(route: &Route, ops: &[Op], actions: &[ActionBox<M>]) -> Self {
        let ops = &ops[route.first as usize..][..usize::from(route.ops)];
        let plain = route.guard == NONE && ops.iter().all(|op| matches!(op, Op::Act(_)));
        let mut own = ops.iter().filter(|_| plain).filter_map(|op| match *op {
            Op::Act(at) => Some(actions[usize::from(at)].again()),
            _ => None,
        });
        Self {
            first: own.next().unwrap_or_else(|| Box::new(Nothing)),
            rest: own.collect(),
            moved: if plain { route.moved } else { Moved::UNREAD },
        }
    }
}
