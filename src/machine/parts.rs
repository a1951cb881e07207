//! What a builder is given: states and transitions as values.

use super::{
    EventId, Model, Policy, Query, Reach, Scope, Step, Trigger, Vertex,
    hooks::{self, ActionBox, GuardBox},
};
use std::{fmt, time::Duration};

/// A state or pseudostate on its way into a table, with everything inside it.
///
/// ```
/// use rohrpost::machine::{Model, State, Table, Transition};
/// use std::time::Duration;
///
/// # struct Player;
/// # impl Model for Player { type Event<'e> = (); type Context<'c> = (); }
/// let mut builder = Table::<Player>::builder();
/// let (play, stop) = (builder.event("play"), builder.event("stop"));
/// let table = builder
///     .initial(Transition::to("stopped"))
///     .state(State::new("stopped").on(play, Transition::to("resume")))
///     .state(
///         State::new("playing")
///             .on(stop, Transition::to("stopped"))
///             .initial(Transition::to("first track"))
///             .state(State::shallow_history("resume"))
///             .state(State::new("first track").after(Duration::from_secs(200), Transition::to("second track")))
///             .state(State::new("second track")),
///     )
///     .build()?;
/// assert!(table.state("second track").is_some());
/// # Ok::<(), rohrpost::machine::Faults>(())
/// ```
pub struct State<M: Model> {
    pub(super) name: String,
    pub(super) vertex: Vertex,
    pub(super) entry: Option<ActionBox<M>>,
    pub(super) exit: Option<ActionBox<M>>,
    pub(super) done: Option<EventId>,
    pub(super) transitions: Vec<(Trigger, Transition<M>)>,
    pub(super) rules: Vec<RuleValue<M>>,
    pub(super) children: Vec<Self>,
}

/// A rule on its way into a table.
pub(super) struct RuleValue<M: Model> {
    pub(super) policy: Policy,
    pub(super) scope: Scope,
    pub(super) events: Vec<EventId>,
    pub(super) guard: Option<GuardBox<M>>,
}

impl<M: Model> State<M> {
    /// A state: simple, or composite once it gets states inside.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self::vertex(Vertex::State, name)
    }

    /// A vertex of any kind.
    #[must_use]
    pub fn vertex(vertex: Vertex, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            vertex,
            entry: None,
            exit: None,
            done: None,
            transitions: Vec::new(),
            rules: Vec::new(),
            children: Vec::new(),
        }
    }

    /// A state whose children are orthogonal regions.
    #[must_use]
    pub fn parallel(name: impl Into<String>) -> Self {
        Self::vertex(Vertex::Parallel, name)
    }

    /// A state that completes the one around it.
    #[must_use]
    pub fn last(name: impl Into<String>) -> Self {
        Self::vertex(Vertex::Final, name)
    }

    /// A vertex that stands for the child of its parent that was active last; until then for its [`branch`](Self::branch),
    /// or without one for the initial state.
    #[must_use]
    pub fn shallow_history(name: impl Into<String>) -> Self {
        Self::vertex(Vertex::ShallowHistory, name)
    }

    /// A vertex that stands for everything in its parent that was active last; until then for its [`branch`](Self::branch), or
    /// without one for the initial state.
    #[must_use]
    pub fn deep_history(name: impl Into<String>) -> Self {
        Self::vertex(Vertex::DeepHistory, name)
    }

    /// A branch whose guards are read on arrival. One [`branch`](Self::branch) has no guard.
    #[must_use]
    pub fn choice(name: impl Into<String>) -> Self {
        Self::vertex(Vertex::Choice, name)
    }

    /// A branch whose guards are read before the transition starts; if none holds, it does not.
    #[must_use]
    pub fn junction(name: impl Into<String>) -> Self {
        Self::vertex(Vertex::Junction, name)
    }

    /// A way into the state around it: the effects of its [`branch`](Self::branch)es come after the entry of that state.
    #[must_use]
    pub fn entry_point(name: impl Into<String>) -> Self {
        Self::vertex(Vertex::EntryPoint, name)
    }

    /// A way out of the state around it, on by its [`branch`](Self::branch).
    #[must_use]
    pub fn exit_point(name: impl Into<String>) -> Self {
        Self::vertex(Vertex::ExitPoint, name)
    }

    /// One transition into several regions: each [`branch`](Self::branch) leads into one.
    #[must_use]
    pub fn fork(name: impl Into<String>) -> Self {
        Self::vertex(Vertex::Fork, name)
    }

    /// Several regions out by one transition. Transitions lead into it by [`done`](Self::done); its way on is a
    /// [`branch`](Self::branch), taken once all of them are ready, or waits for an event besides.
    #[must_use]
    pub fn join(name: impl Into<String>) -> Self {
        Self::vertex(Vertex::Join, name)
    }

    /// The end of the machine, without leaving what is active.
    #[must_use]
    pub fn terminate(name: impl Into<String>) -> Self {
        Self::vertex(Vertex::Terminate, name)
    }

    /// Sets what is done on entry.
    #[must_use]
    pub fn entry(
        mut self,
        action: impl Fn(&mut M, &mut M::Context<'_>, &mut Step<'_, M::Event<'_>>) + Send + Sync + 'static,
    ) -> Self {
        self.entry = Some(hooks::action(action));
        self
    }

    /// Sets what is done on exit.
    #[must_use]
    pub fn exit(
        mut self,
        action: impl Fn(&mut M, &mut M::Context<'_>, &mut Step<'_, M::Event<'_>>) + Send + Sync + 'static,
    ) -> Self {
        self.exit = Some(hooks::action(action));
        self
    }

    /// Adds a state or pseudostate inside.
    #[must_use]
    pub fn state(mut self, state: Self) -> Self {
        self.children.push(state);
        self
    }

    /// Adds the transition that is taken when this state is entered by default. It may lead deep.
    #[must_use]
    pub fn initial(self, transition: Transition<M>) -> Self {
        self.transition(Trigger::Initial, transition)
    }

    /// Adds a transition for `event`. Of several for one event, the first whose guard holds is taken.
    #[must_use]
    pub fn on(self, event: EventId, transition: Transition<M>) -> Self {
        self.transition(Trigger::Event(event), transition)
    }

    /// Adds a transition for every event.
    #[must_use]
    pub fn on_any(self, transition: Transition<M>) -> Self {
        self.transition(Trigger::Any, transition)
    }

    /// Adds a transition that needs no event.
    #[must_use]
    pub fn always(self, transition: Transition<M>) -> Self {
        self.transition(Trigger::Always, transition)
    }

    /// Adds a transition for when this state completes: a final state inside was reached, in every region if it is parallel;
    /// a simple state completes on entry.
    #[must_use]
    pub fn done(self, transition: Transition<M>) -> Self {
        self.transition(Trigger::Done, transition)
    }

    /// Raises `event` when this state completes.
    #[must_use]
    pub fn raise_when_done(mut self, event: EventId) -> Self {
        self.done = Some(event);
        self
    }

    /// Adds a transition for when this state has been active for `delay`.
    #[must_use]
    pub fn after(self, delay: Duration, transition: Transition<M>) -> Self {
        self.transition(Trigger::After(delay), transition)
    }

    /// Adds a way on from a pseudostate.
    #[must_use]
    pub fn branch(self, transition: Transition<M>) -> Self {
        self.transition(Trigger::Arrival, transition)
    }

    /// Adds a transition with any trigger.
    #[must_use]
    pub fn transition(mut self, trigger: Trigger, transition: Transition<M>) -> Self {
        self.transitions.push((trigger, transition));
        self
    }

    /// Defers `event` while this state is active, unless a transition at or inside this state takes it.
    #[must_use]
    pub fn defer(self, event: EventId) -> Self {
        self.rule(Policy::Defer, Scope::Only, [event])
    }

    /// Defers `event` while this state is active and `guard` holds.
    #[must_use]
    pub fn defer_if(
        self,
        event: EventId,
        guard: impl Fn(&M, &M::Context<'_>, &Query<'_, M::Event<'_>>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.rule_if(Policy::Defer, [event], guard)
    }

    /// Makes this state modal: every event but those of `listed` meets `policy`, unless a transition at or inside this state
    /// takes it.
    #[must_use]
    pub fn modal(self, policy: Policy, listed: impl IntoIterator<Item = EventId>) -> Self {
        self.rule(policy, Scope::AllBut, listed)
    }

    /// Sets what this state does with events that no transition at or inside it takes.
    #[must_use]
    pub fn rule(mut self, policy: Policy, scope: Scope, events: impl IntoIterator<Item = EventId>) -> Self {
        self.rules.push(RuleValue { policy, scope, events: events.into_iter().collect(), guard: None });
        self
    }

    /// Sets what this state does with `events` that no transition at or inside it takes, while `guard` holds.
    #[must_use]
    pub fn rule_if(
        mut self,
        policy: Policy,
        events: impl IntoIterator<Item = EventId>,
        guard: impl Fn(&M, &M::Context<'_>, &Query<'_, M::Event<'_>>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let guard: Option<GuardBox<M>> = Some(hooks::guard(guard));
        self.rules.push(RuleValue { policy, scope: Scope::Only, events: events.into_iter().collect(), guard });
        self
    }
}

impl<M: Model> fmt::Debug for State<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("name", &self.name)
            .field("vertex", &self.vertex)
            .field("transitions", &self.transitions)
            .field("children", &self.children)
            .finish_non_exhaustive()
    }
}

/// A transition on its way into a table. What starts it is said where it is added to a [`State`], where there is an example.
pub struct Transition<M: Model> {
    pub(super) reach: Reach,
    pub(super) targets: Vec<String>,
    pub(super) guard: Option<GuardBox<M>>,
    pub(super) effect: Option<ActionBox<M>>,
}

impl<M: Model> Transition<M> {
    /// To the state called `target`, leaving the source.
    #[must_use]
    pub fn to(target: impl Into<String>) -> Self {
        Self::to_all([target])
    }

    /// To several states in different regions at once, leaving the source.
    #[must_use]
    pub fn to_all(targets: impl IntoIterator<Item: Into<String>>) -> Self {
        Self::new(Reach::External, targets)
    }

    /// To a state inside the source, which is not left.
    #[must_use]
    pub fn local(target: impl Into<String>) -> Self {
        Self::new(Reach::Local, [target])
    }

    /// To nowhere: only the effect is done.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Reach::Internal, [""; 0])
    }

    /// Of any reach, to any number of targets.
    #[must_use]
    pub fn new(reach: Reach, targets: impl IntoIterator<Item: Into<String>>) -> Self {
        Self { reach, targets: targets.into_iter().map(Into::into).collect(), guard: None, effect: None }
    }

    /// Sets the condition on which it is taken.
    #[must_use]
    pub fn when(
        mut self,
        guard: impl Fn(&M, &M::Context<'_>, &Query<'_, M::Event<'_>>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.guard = Some(hooks::guard(guard));
        self
    }

    /// Sets what is done between leaving and entering.
    #[must_use]
    pub fn effect(
        mut self,
        action: impl Fn(&mut M, &mut M::Context<'_>, &mut Step<'_, M::Event<'_>>) + Send + Sync + 'static,
    ) -> Self {
        self.effect = Some(hooks::action(action));
        self
    }
}

impl<M: Model> fmt::Debug for Transition<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transition").field("reach", &self.reach).field("targets", &self.targets).finish_non_exhaustive()
    }
}
