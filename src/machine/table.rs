//! The table: everything about a machine that does not change while it runs.

use super::{
    EventId, Model, Rules, StateId, TransitionId, Vertex,
    builder::Builder,
    core::NEAR,
    flow::Flow,
    ids::NONE,
    list::{Actions, Guards, List, Names},
    plan::{NOBODY, Op, Route},
    topology::{Edge, Node, Rule, Topology},
};
use std::fmt;

/// Tells which event of the table an event from outside is.
pub(super) type Identify<M> = Box<dyn for<'e> Fn(&<M as Model>::Event<'e>) -> EventId + Send + Sync>;

/// A checked chart with everything worked out that does not depend on the moment.
///
/// One table serves any number of machines. It is made by [`hsm!`](crate::hsm) as part of the program, or at run time:
///
/// ```
/// use rohrpost::machine::{Engine, Model, State, Step, Table, Transition};
/// use std::sync::Arc;
///
/// #[derive(Default)]
/// struct Door {
///     squeaks: u32,
/// }
///
/// impl Model for Door {
///     type Event<'e> = ();
///     type Context<'c> = ();
/// }
///
/// impl Door {
///     fn squeak(&mut self, _: &mut (), _: &mut Step<'_, ()>) {
///         self.squeaks += 1;
///     }
/// }
///
/// let mut builder = Table::<Door>::builder();
/// let push = builder.event("push");
/// let table = builder
///     .initial(Transition::to("closed"))
///     .state(State::new("closed").on(push, Transition::to("open").effect(Door::squeak)))
///     .state(State::new("open").on(push, Transition::to("closed")))
///     .build()?;
///
/// let mut door = Door::default();
/// let mut engine = Engine::new(Arc::new(table));
/// engine.start(&mut door, &mut ());
/// assert!(engine.dispatch(push, &mut (), &mut door, &mut ()).is_handled());
/// assert_eq!(engine.table().name_of(engine.state()), "open");
/// assert_eq!(door.squeaks, 1);
/// # Ok::<(), rohrpost::machine::Faults>(())
/// ```
pub struct Table<M: Model> {
    pub(super) nodes: List<Node>,
    pub(super) edges: List<Edge>,
    pub(super) words: List<u16>,
    pub(super) rules: List<Rule>,
    /// The plan for each vertex and event; the last column is for events without a name.
    pub(super) cells: List<u32>,
    pub(super) routes: List<Route>,
    pub(super) ops: List<Op>,
    /// The plans once more with their functions at hand: for each vertex those of the near events. None in a table of the
    /// program, which has straight code instead.
    pub(super) rows: List<[Flow<M>; NEAR]>,
    /// For each vertex those of the other events, the last one for events without a name.
    pub(super) far: List<Flow<M>>,
    pub(super) actions: Actions<M>,
    pub(super) guards: Guards<M>,
    pub(super) names: Names,
    pub(super) event_names: Names,
    pub(super) semantics: Rules,
    pub(super) identify: Option<Identify<M>>,
}

impl<M: Model> Table<M> {
    /// Starts a table that is described at run time.
    #[must_use]
    pub fn builder() -> Builder<M> {
        Builder::new()
    }

    /// The state called `name`.
    #[must_use]
    pub fn state(&self, name: &str) -> Option<StateId> {
        self.names.find(name).map(|at| StateId(at as u16))
    }

    /// The name of `state`.
    ///
    /// # Panics
    ///
    /// If `state` comes from a larger table.
    #[must_use]
    pub fn name_of(&self, state: StateId) -> &str {
        self.names.at(usize::from(state.0)).expect("the state is one of this table")
    }

    /// All states and pseudostates, in document order.
    pub fn states(&self) -> impl Iterator<Item = StateId> + use<M> {
        (0..self.names.len() as u16).map(StateId)
    }

    /// What kind of vertex `state` is.
    ///
    /// # Panics
    ///
    /// If `state` comes from a larger table.
    #[must_use]
    pub fn vertex(&self, state: StateId) -> Vertex {
        self.topology().node(state.0).vertex
    }

    /// The state around `state`; none for the root.
    ///
    /// # Panics
    ///
    /// If `state` comes from a larger table.
    #[must_use]
    pub fn parent(&self, state: StateId) -> Option<StateId> {
        match self.topology().node(state.0).parent {
            NONE => None,
            parent => Some(StateId(parent)),
        }
    }

    /// The event called `name`.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<EventId> {
        self.event_names.find(name).map(|at| EventId(at as u16))
    }

    /// The name of `event`, if the table names it.
    #[must_use]
    pub fn event_name(&self, event: EventId) -> Option<&str> {
        self.event_names.at(usize::from(event.0))
    }

    /// All events that the table names.
    pub fn events(&self) -> impl Iterator<Item = EventId> + use<M> {
        (0..self.event_names.len() as u16).map(EventId)
    }

    /// The source of `transition`.
    ///
    /// # Panics
    ///
    /// If `transition` comes from a larger table.
    #[must_use]
    pub fn source(&self, transition: TransitionId) -> StateId {
        StateId(self.topology().edge(transition.0).source)
    }

    /// The targets of `transition`; none if it goes nowhere.
    ///
    /// # Panics
    ///
    /// If `transition` comes from a larger table.
    pub fn targets(&self, transition: TransitionId) -> impl Iterator<Item = StateId> {
        let chart = self.topology();
        chart.targets(chart.edge(transition.0)).iter().map(|&target| StateId(target))
    }

    /// Whether any state has a timeout.
    #[must_use]
    pub fn has_timeouts(&self) -> bool {
        self.topology().edges.iter().any(|edge| edge.delay().is_some())
    }

    #[inline]
    pub(super) const fn topology(&self) -> Topology<'_> {
        Topology {
            nodes: self.nodes.all(),
            edges: self.edges.all(),
            words: self.words.all(),
            rules: self.rules.all(),
            events: self.event_names.len() as u16,
            semantics: self.semantics,
        }
    }

    /// Whether at most one leaf is active at one time.
    #[inline]
    pub(super) const fn is_single(&self) -> bool {
        self.nodes.all()[0].width <= 1
    }

    /// The position of `event` while `leaf` is active among the cells; past the last one before there are any.
    #[inline]
    pub(super) const fn cell_of(&self, leaf: u16, event: EventId) -> usize {
        let named = self.event_names.len();
        let column = if (event.0 as usize) < named { event.0 as usize } else { named };
        leaf as usize * (named + 1) + column
    }

    /// The plan for `event` while `leaf` is active.
    #[inline]
    pub(super) const fn plan_for(&self, leaf: u16, event: EventId) -> u32 {
        let cells = self.cells.all();
        let cell = self.cell_of(leaf, event);
        if cell < cells.len() { cells[cell] } else { NOBODY }
    }

    #[inline]
    pub(super) const fn route_at(&self, at: u32) -> &Route {
        &self.routes.all()[at as usize]
    }

    pub(super) const fn op_at(&self, at: u32) -> Op {
        self.ops.all()[at as usize]
    }
}

impl<M: Model> fmt::Debug for Table<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("states", &self.names).field("events", &self.event_names).finish_non_exhaustive()
    }
}
