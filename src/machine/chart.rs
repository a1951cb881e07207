//! Where an engine finds its table.

use super::{EventId, Model, Outcome, Table, core::Core};
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

    /// Handles an event and everything that it sets off. A static table has a faster way than the one here.
    #[doc(hidden)]
    #[inline]
    fn react(
        &self,
        event: Incoming,
        core: &mut Core,
        me: &mut Self::Model,
        ctx: &mut <Self::Model as Model>::Context<'_>,
        payload: &mut <Self::Model as Model>::Event<'_>,
    ) -> Outcome {
        self.table().react(event.id(self, payload), core, me, ctx, payload)
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
    pub fn id<C: Chart + ?Sized>(self, chart: &C, payload: &<C::Model as Model>::Event<'_>) -> EventId {
        match self {
            Self::Known(event) => event,
            Self::Unknown => chart.identify(payload),
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
