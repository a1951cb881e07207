//! A look at every step of a machine.

use super::{EventId, StateId, TransitionId};

/// Sees what a machine does, in the order in which it does it.
///
/// A machine has a trace as a type parameter, [`Untraced`] unless you say otherwise; that one costs nothing, neither time
/// nor room.
///
/// ```
/// use rohrpost::machine::{Engine, EventId, Model, State, StateId, Table, Trace, Transition};
/// use std::sync::Arc;
///
/// #[derive(Default)]
/// struct Log(Vec<String>);
///
/// impl Trace for Log {
///     fn entered(&mut self, state: StateId) {
///         self.0.push(format!("entered {}", state.index()));
///     }
/// }
///
/// # struct Door;
/// # impl Model for Door { type Event<'e> = (); type Context<'c> = (); }
/// let table = Table::<Door>::builder().initial(Transition::to("closed")).state(State::new("closed")).build()?;
/// let mut engine = Engine::traced(Arc::new(table), Log::default());
/// engine.start(&mut Door, &mut ());
/// assert_eq!(engine.trace().0, ["entered 1"]);
/// # Ok::<(), rohrpost::machine::Faults>(())
/// ```
pub trait Trace {
    /// Whether anybody looks. The code for a trace that does not is left out.
    const ACTIVE: bool = true;

    /// An event is about to be handled: one from outside or a raised one.
    fn event(&mut self, event: EventId) {
        let _ = event;
    }

    /// The guard of a transition was asked.
    fn asked(&mut self, transition: TransitionId, answer: Answer) {
        let _ = (transition, answer);
    }

    /// A state is being left; its exit action comes next.
    fn left(&mut self, state: StateId) {
        let _ = state;
    }

    /// A transition, or one segment of it, is being taken; its effect comes next.
    fn taken(&mut self, transition: TransitionId) {
        let _ = transition;
    }

    /// A state is being entered; its entry action comes next.
    fn entered(&mut self, state: StateId) {
        let _ = state;
    }

    /// A state has completed.
    fn completed(&mut self, state: StateId) {
        let _ = state;
    }
}

/// What a guard said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a guard has no third answer")]
pub enum Answer {
    /// The transition may be taken.
    Yes,
    /// It may not.
    No,
}

/// The trace of a machine that nobody looks at.
///
/// ```
/// use rohrpost::machine::{Trace, Untraced};
///
/// assert_eq!(size_of::<Untraced>(), 0);
/// assert!(!Untraced::ACTIVE);
/// ```
#[derive(Clone, Copy, Default, Debug)]
pub struct Untraced;

impl Trace for Untraced {
    const ACTIVE: bool = false;
}
