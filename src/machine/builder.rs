//! The front end for run time: what puts states and transitions together into a table.

use super::{EventId, Faults, Model, Rules, State, Table, Transition, assemble::assemble, table::Identify};
use std::fmt;

/// Puts together a [`Table`], where there is an example.
///
/// Everything outside of all states belongs to the root: its initial transition, its states, and transitions that are
/// looked for last.
pub struct Builder<M: Model> {
    pub(super) root: State<M>,
    pub(super) events: Vec<String>,
    pub(super) semantics: Rules,
    pub(super) identify: Option<Identify<M>>,
}

impl<M: Model> Builder<M> {
    pub(super) fn new() -> Self {
        Self { root: State::new("root"), events: Vec::new(), semantics: Rules::Uml, identify: None }
    }

    /// Names an event. Asked twice for one name, it gives the same id.
    ///
    /// What is to be done for the first sixteen events is found a little sooner, so name first what comes most often.
    pub fn event(&mut self, name: impl Into<String>) -> EventId {
        let name = name.into();
        let at = self.events.iter().position(|own| *own == name).unwrap_or_else(|| {
            self.events.push(name);
            self.events.len() - 1
        });
        EventId(u16::try_from(at).unwrap_or(EventId::OTHER.0))
    }

    /// Sets whose rules apply where UML and SCXML differ. Default: [`Rules::Uml`].
    #[must_use]
    pub const fn rules(mut self, rules: Rules) -> Self {
        self.semantics = rules;
        self
    }

    /// Sets how [`Engine::handle`](super::Engine::handle) finds out which event it is given. Default: every one is
    /// [`EventId::OTHER`].
    #[must_use]
    pub fn identify(mut self, identify: impl Fn(&M::Event<'_>) -> EventId + Send + Sync + 'static) -> Self {
        self.identify = Some(Box::new(identify));
        self
    }

    /// Has `identify` asked for events that the table cannot tell otherwise.
    pub(crate) fn also_identify(
        &mut self,
        identify: impl Fn(&M::Event<'_>) -> Option<EventId> + Send + Sync + 'static,
    ) {
        let before = self.identify.take();
        self.identify = Some(Box::new(move |event| {
            let known = before.as_ref().map_or(EventId::OTHER, |before| before(event));
            if known == EventId::OTHER { identify(event).unwrap_or(EventId::OTHER) } else { known }
        }));
    }

    /// Sets the root itself, with everything inside. Default: an empty state called `root`.
    #[must_use]
    pub fn root(mut self, root: State<M>) -> Self {
        self.root = root;
        self
    }

    /// Adds the transition that is taken at the start.
    #[must_use]
    pub fn initial(self, transition: Transition<M>) -> Self {
        self.rooted(|root| root.initial(transition))
    }

    /// Adds a state outside of all others.
    #[must_use]
    pub fn state(self, state: State<M>) -> Self {
        self.rooted(|root| root.state(state))
    }

    /// Adds a transition that is looked for when no active state takes `event`.
    #[must_use]
    pub fn on(self, event: EventId, transition: Transition<M>) -> Self {
        self.rooted(|root| root.on(event, transition))
    }

    /// Adds a transition that is looked for when no active state takes an event, whichever it is.
    #[must_use]
    pub fn on_any(self, transition: Transition<M>) -> Self {
        self.rooted(|root| root.on_any(transition))
    }

    /// Adds a transition that is taken when the machine reaches a final state outside of all others.
    #[must_use]
    pub fn done(self, transition: Transition<M>) -> Self {
        self.rooted(|root| root.done(transition))
    }

    /// Checks the chart and works out the table.
    ///
    /// # Errors
    ///
    /// All the faults of the chart, if there are any.
    pub fn build(self) -> Result<Table<M>, Faults> {
        assemble(self)
    }

    fn rooted(mut self, change: impl FnOnce(State<M>) -> State<M>) -> Self {
        self.root = change(self.root);
        self
    }
}

impl<M: Model> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("root", &self.root).field("events", &self.events).finish_non_exhaustive()
    }
}
