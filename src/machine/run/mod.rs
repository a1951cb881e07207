//! The general algorithm: any chart, any number of regions, nothing worked out ahead.
//!
//! It follows the W3C SCXML 1.0 algorithm of interpretation (appendix D), whose microsteps are those of UML 2.5.1 §14.2.3.9
//! but said precisely, with these additions: completions come before transitions without trigger, a choice is resolved as
//! soon as it is reached, and a state may have rules for events that nobody takes. Which transitions are taken is in
//! [`select`], what taking them leaves and enters in [`step`] and [`enter`].

mod enter;
mod select;
mod step;

use super::{
    EventId, Model, Outcome, StateId, Step, Table, Trace, Untraced, Verdict, Vertex,
    core::{Core, Rest, Spot},
    ids::NONE,
    topology::{Marks, Topology},
};

/// How many microsteps one event may set off.
pub(super) const PATIENCE: u32 = 10_000;

/// Room to work in.
#[derive(Clone, Default, Debug)]
pub(super) struct Scratch {
    /// The transitions of this microstep.
    taken: Vec<Taken>,
    /// Empty; what `taken` changes places with when conflicts are resolved.
    spare: Vec<Taken>,
    /// Their segments, one transition after the other.
    path: Vec<u16>,
    /// Their targets, one transition after the other.
    goals: Vec<u16>,
    /// What is left or entered, in document order.
    states: Vec<u16>,
    /// Segments whose effect comes after the entry of a state: the state and the segment.
    inner: Vec<(u16, u16)>,
    /// The active leaves as they will be.
    leaves: Vec<u16>,
    /// States that have completed and whose completion has not been handled.
    completed: Vec<u16>,
}

/// A compound transition that is enabled.
#[derive(Clone, Copy, Debug)]
struct Taken {
    /// The segment that tells it from others.
    head: u16,
    source: u16,
    /// What is inside this is left; `NONE` for a transition that goes nowhere.
    domain: u16,
    /// Where its segments and targets start and end in the scratch.
    path: (u16, u16),
    goals: (u16, u16),
}

/// What makes the machine look for a transition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// This event, or `NONE` for one without a name.
    Event(u16),
    /// Nothing but being where it is.
    Always,
    /// The completion of a state.
    Done,
}

/// What the engine is asked to run.
#[derive(Clone, Copy)]
pub(super) enum Call {
    /// Enter the initial configuration.
    Start,
    /// Handle an event from outside.
    Event(EventId),
    /// Take the transition at this position, whose time has come.
    Timeout(u16),
    /// Go on after a planned route; the leaf it led to completes if that is its nature.
    Arrived,
    /// Go on after a planned route that completed nothing.
    Settle,
}

/// One run to completion.
struct Run<'r, 's, 'c, 'e, M: Model, T> {
    table: &'r Table<M>,
    chart: Topology<'r>,
    rest: &'r mut Rest,
    /// The working room of `rest`, taken out of it so that both can be lent at one time.
    work: Scratch,
    me: &'r mut M,
    ctx: &'r mut M::Context<'c>,
    step: &'r mut Step<'s, M::Event<'e>>,
    trace: &'r mut T,
    /// Whether what was deferred may no longer be.
    recall: bool,
}

/// Runs `call` to completion.
#[cold]
#[inline(never)]
pub(super) fn run<M: Model, T: Trace>(
    call: Call,
    table: &Table<M>,
    core: &mut Core,
    me: &mut M,
    ctx: &mut M::Context<'_>,
    step: &mut Step<'_, M::Event<'_>>,
    trace: &mut T,
) -> Outcome {
    let rest = core.rest(table);
    let work = std::mem::take(&mut rest.scratch);
    let chart = table.topology();
    let mut run = Run { table, chart, rest, work, me, ctx, step, trace, recall: false };
    let mut verdict = run.begin(call);
    if verdict == Verdict::Handled && !run.settle() {
        verdict = Verdict::Endless;
    }
    let recall = run.recall;
    run.rest.scratch = run.work;
    let first = core.rest.as_ref().and_then(|rest| rest.leaves.first().copied());
    core.move_to(Spot::at(first.unwrap_or(0)));
    Outcome { verdict, recall }
}

/// What would become of `event`, without doing it.
pub(super) fn foresee<M: Model>(
    event: EventId,
    table: &Table<M>,
    core: &mut Core,
    me: &mut M,
    ctx: &mut M::Context<'_>,
    step: &mut Step<'_, M::Event<'_>>,
) -> Verdict {
    let rest = core.rest(table);
    let work = std::mem::take(&mut rest.scratch);
    let chart = table.topology();
    let mut run = Run { table, chart, rest, work, me, ctx, step, trace: &mut Untraced, recall: false };
    let verdict = run.decide(event);
    run.rest.scratch = run.work;
    verdict
}

impl<M: Model, T: Trace> Run<'_, '_, '_, '_, M, T> {
    fn begin(&mut self, call: Call) -> Verdict {
        self.work.completed.clear();
        match call {
            Call::Start => self.enter_initially(),
            Call::Event(event) => return self.event(event),
            Call::Timeout(edge) => return self.timeout(edge),
            Call::Arrived => {
                for at in 0..self.rest.leaves.len() {
                    self.note_completion(self.rest.leaves[at]);
                }
            }
            Call::Settle => {}
        }
        Verdict::Handled
    }

    fn event(&mut self, event: EventId) -> Verdict {
        if T::ACTIVE {
            self.trace.event(event);
        }
        let verdict = self.decide(event);
        if verdict == Verdict::Handled {
            self.microstep();
        }
        verdict
    }

    /// Selects what `event` starts, unless a rule says otherwise.
    fn decide(&mut self, event: EventId) -> Verdict {
        let event = if event.0 < self.chart.events { event.0 } else { NONE };
        self.select(Cause::Event(event));
        match self.ruling(event) {
            Verdict::Unhandled if !self.work.taken.is_empty() => Verdict::Handled,
            ruled => ruled,
        }
    }

    fn timeout(&mut self, edge: u16) -> Verdict {
        self.clear();
        if !self.try_edge(edge) {
            return Verdict::Unhandled;
        }
        self.microstep();
        Verdict::Handled
    }

    /// Takes what needs no event from outside until there is nothing more; tells whether it came to an end.
    fn settle(&mut self) -> bool {
        for _ in 0..PATIENCE {
            if !self.settle_once() {
                return true;
            }
        }
        while self.step.queue.pop().is_some() {}
        false
    }

    fn settle_once(&mut self) -> bool {
        if let Some(choice) = self.pending_choice() {
            self.branch(choice);
            return true;
        }
        if !self.work.completed.is_empty() {
            let state = self.work.completed.remove(0);
            self.complete(state);
            return true;
        }
        self.select(Cause::Always);
        if !self.work.taken.is_empty() {
            self.microstep();
            return true;
        }
        let Some(event) = self.step.queue.pop() else {
            return false;
        };
        // What follows is no longer the doing of the event from outside.
        self.step.event = None;
        if self.event(event) == Verdict::Deferred {
            self.rest.kept.push(event);
        }
        true
    }

    fn pending_choice(&self) -> Option<u16> {
        self.rest.leaves.iter().copied().find(|&leaf| self.chart.node(leaf).vertex == Vertex::Choice)
    }

    fn branch(&mut self, choice: u16) {
        self.clear();
        let open = self.chart.edges_from(choice).any(|edge| self.try_edge(edge));
        assert!(open, "a choice that may lead nowhere is refused when the table is made");
        self.microstep();
    }

    fn complete(&mut self, state: u16) {
        if !self.is_active(state) || !self.is_complete(state) {
            return;
        }
        if T::ACTIVE {
            self.trace.completed(StateId(state));
        }
        let raised = self.chart.node(state).done_event;
        if raised != NONE {
            self.step.raise(EventId(raised));
        }
        if self.chart.node(state).marks.has(Marks::DONE) {
            self.clear();
            if self.try_state(state, Cause::Done) {
                self.microstep();
            }
        }
    }

    /// Takes note of what entering `leaf` completes.
    fn note_completion(&mut self, leaf: u16) {
        let node = self.chart.node(leaf);
        if node.vertex == Vertex::Final {
            self.note_completed(node.parent);
        } else if node.marks.has(Marks::DONE) || node.done_event != NONE {
            self.work.completed.push(leaf);
        }
    }

    fn note_completed(&mut self, state: u16) {
        self.work.completed.push(state);
        let around = self.chart.node(state).parent;
        if around != NONE && self.chart.node(around).vertex == Vertex::Parallel && self.is_complete(around) {
            self.note_completed(around);
        }
    }

    fn is_active(&self, state: u16) -> bool {
        self.rest.leaves.iter().any(|&leaf| self.chart.within(leaf, state))
    }

    /// Whether `state`, which is active, has nothing more to do of itself.
    fn is_complete(&self, state: u16) -> bool {
        if !self.chart.composite(state) {
            return true;
        }
        if self.chart.node(state).vertex == Vertex::Parallel {
            return self.chart.regions(state).all(|region| self.chart.composite(region) && self.is_complete(region));
        }
        self.rest
            .leaves
            .iter()
            .any(|&leaf| self.chart.node(leaf).parent == state && self.chart.node(leaf).vertex == Vertex::Final)
    }
}
