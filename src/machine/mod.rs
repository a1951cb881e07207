//! Hierarchical state machines with UML semantics.
//!
//! A [`Table`] says everything about a machine that does not change; an [`Engine`] is one machine's place in it. The
//! engine knows no thread, no clock and no mail: it is given an event, the object it drives and a context, calls that
//! object's functions in the right order, and says what became of the event. A [`Machine`] puts an engine together with
//! what it drives, for use on its own.
//!
//! There are two ways to a table: [`hsm!`](crate::hsm) makes it part of the program and lets the compiler check it, and
//! [`Table::builder`] makes it at run time. It is the same table, and the same engine.
//!
//! # What happens on an event
//!
//! - The innermost state that takes the event wins, and in it the first transition whose guard holds. With regions each of
//!   them takes part; of two transitions that would leave the same state the inner one goes first, else the one whose
//!   region comes first in the chart (W3C SCXML 1.0, appendix D).
//! - A transition leaves states from inner to outer, does its effect, and enters states from outer to inner. What is left
//!   is everything inside the least common ancestor of *source* and target, so an external transition leaves its source; a
//!   local one stays inside it, an internal one leaves nothing (UML 2.5.1 §14.2.3.9). With regions all exits of one event
//!   come first, then all effects, then all entries.
//! - A junction is decided before anything is left; a choice when it is reached, after the states around it have been
//!   entered. The effects behind an entry point come after the entry of its state; an exit point is left with its state.
//! - Then, until nothing is left to do: a choice that was reached, completions in order, transitions without trigger,
//!   raised events in order. Only then is the machine ready for the next event from outside.
//! - A history remembers at exit. One that remembers nothing, or whose region was left completed, takes its default.
//! - An event stays [deferred](State::defer) while any active state defers it. Only a transition at or inside that state that
//!   is enabled overrides it; one further out does not, nor one in a region beside it. Whoever sent it keeps it
//!   meanwhile; a raised one is kept by the machine.
//! - A table made with [`Rules::Scxml`] differs in what a transition between regions leaves and in what the checks let pass.
//!
//! # What it costs
//!
//! For each leaf and event everything is worked out when the table is made: whom to ask, what to leave, do and enter. In a
//! table of the program that is straight code. Regions, histories, choices and compound transitions are worked out when
//! they happen, and then a machine has one box on the heap; no event allocates. A trace makes every event go that way.

mod alone;
mod assemble;
mod builder;
mod chart;
mod check;
mod core;
mod course;
mod draft;
mod engine;
mod export;
mod fault;
#[doc(hidden)]
pub mod fixed;
mod flow;
mod history;
mod hooks;
mod ids;
mod layout;
mod list;
mod macros;
mod model;
mod outcome;
mod parts;
mod plan;
mod react;
mod run;
mod snapshot;
mod table;
mod timeout;
mod topology;
mod trace;
mod unroll;
mod words;

pub use alone::{Machine, TooManyDeferred};
pub use builder::Builder;
pub use chart::Chart;
pub use engine::Engine;
pub use export::{Diagram, Format};
pub use fault::{Fault, FaultKind, Faults};
pub use ids::{EventId, StateId, TransitionId};
pub use model::{Model, Query, Step};
pub use outcome::{Outcome, Verdict};
pub use parts::{State, Transition};
pub use snapshot::{RestoreError, Snapshot};
pub use table::Table;
pub use timeout::{Timer, TimerRequest};
pub use trace::{Answer, Trace, Untraced};
pub use words::{Policy, Reach, Rules, Scope, Trigger, Vertex};
