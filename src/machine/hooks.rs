//! The functions of a table that is built at run time.
//!
//! Each is a closure of a type of its own. Code that is made for that type calls it without a pointer, so whatever
//! consists of one closure is made here: see [`Course`].

use super::{
    Model, Outcome, Query, Step,
    course::AnyCourse,
    flow::{Course, End, Flow, Occasion},
    plan::Moved,
};
use std::sync::Arc;

/// An entry, exit or effect closure.
pub(super) type ActionBox<M> = Box<dyn Action<M>>;

/// A guard closure.
pub(super) type GuardBox<M> = Box<dyn Ask<M>>;

/// Something to do that can be put into several lists.
pub(super) trait Action<M: Model>: Send + Sync {
    fn run(&self, me: &mut M, ctx: &mut M::Context<'_>, step: &mut Step<'_, M::Event<'_>>);

    /// The same once more.
    fn again(&self) -> ActionBox<M>;

    /// The same once more, as all that an internal transition does.
    fn alone(&self) -> AnyCourse<M>;
}

/// Something to be asked that can be put into several lists.
pub(super) trait Ask<M: Model>: Send + Sync {
    fn ask(&self, me: &M, ctx: &M::Context<'_>, query: &Query<'_, M::Event<'_>>) -> bool;

    /// The same once more, which decides between two flows.
    fn fork(&self, yes: Flow<M>, no: Flow<M>) -> AnyCourse<M>;
}

struct Shared<F>(Arc<F>);

/// One action, which leads nowhere.
struct Alone<F>(Arc<F>);

/// One guard, and what happens if it holds or not.
struct Fork<M: Model, G> {
    guard: Arc<G>,
    yes: Flow<M>,
    no: Flow<M>,
}

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

    fn alone(&self) -> AnyCourse<M> {
        AnyCourse::new(Alone(self.0.clone()), End::INSIDE)
    }
}

impl<M: Model, G> Ask<M> for Shared<G>
where
    G: Fn(&M, &M::Context<'_>, &Query<'_, M::Event<'_>>) -> bool + Send + Sync + 'static,
{
    fn ask(&self, me: &M, ctx: &M::Context<'_>, query: &Query<'_, M::Event<'_>>) -> bool {
        (self.0)(me, ctx, query)
    }

    fn fork(&self, yes: Flow<M>, no: Flow<M>) -> AnyCourse<M> {
        AnyCourse::new(Fork { guard: self.0.clone(), yes, no }, End::INSIDE)
    }
}

impl<M: Model, F> Course<M> for Alone<F>
where
    F: Fn(&mut M, &mut M::Context<'_>, &mut Step<'_, M::Event<'_>>) + Send + Sync + 'static,
{
    #[inline(always)]
    fn take(
        &self,
        _: &End,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        event: &mut M::Event<'_>,
        occasion: &mut Occasion<'_, M>,
    ) -> Outcome {
        let mut step = Step::new(event);
        (self.0)(me, ctx, &mut step);
        occasion.table.finish(Moved::INSIDE, occasion.core, me, ctx, &mut step)
    }
}

impl<M: Model, G> Course<M> for Fork<M, G>
where
    G: Fn(&M, &M::Context<'_>, &Query<'_, M::Event<'_>>) -> bool + Send + Sync + 'static,
{
    #[inline(always)]
    fn take(
        &self,
        _: &End,
        me: &mut M,
        ctx: &mut M::Context<'_>,
        event: &mut M::Event<'_>,
        occasion: &mut Occasion<'_, M>,
    ) -> Outcome {
        let query = Query { event: Some(&*event), nodes: occasion.table.nodes.all(), leaves: &[occasion.core.leaf()] };
        let flow = if (self.guard)(me, ctx, &query) { &self.yes } else { &self.no };
        flow.take(me, ctx, event, occasion)
    }
}

/// Makes an action of a closure.
pub(super) fn action<M: Model>(
    action: impl Fn(&mut M, &mut M::Context<'_>, &mut Step<'_, M::Event<'_>>) + Send + Sync + 'static,
) -> ActionBox<M> {
    Box::new(Shared(Arc::new(action)))
}

/// Makes a guard of a closure.
pub(super) fn guard<M: Model>(
    guard: impl Fn(&M, &M::Context<'_>, &Query<'_, M::Event<'_>>) -> bool + Send + Sync + 'static,
) -> GuardBox<M> {
    Box::new(Shared(Arc::new(guard)))
}
