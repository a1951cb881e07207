//! The functions of a table that is built at run time.
//!
//! Each is a closure of a type of its own.

use super::{Model, Query, Step, core::Core, flow::Course};
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

    /// The same once more, as all that a transition does.
    fn alone(&self) -> Box<dyn Course<M>>;
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

    fn alone(&self) -> Box<dyn Course<M>> {
        Box::new(Self(self.0.clone()))
    }
}

impl<M: Model, F> Course<M> for Shared<F>
where
    F: Fn(&mut M, &mut M::Context<'_>, &mut Step<'_, M::Event<'_>>) + Send + Sync + 'static,
{
    fn take(&self, _: &mut Core, me: &mut M, ctx: &mut M::Context<'_>, step: &mut Step<'_, M::Event<'_>>) {
        (self.0)(me, ctx, step);
    }
}

/// Makes an action of a closure.
pub(super) fn action<M: Model>(
    action: impl Fn(&mut M, &mut M::Context<'_>, &mut Step<'_, M::Event<'_>>) + Send + Sync + 'static,
) -> ActionBox<M> {
    Box::new(Shared(Arc::new(action)))
}
