//! A machine whose hooks write down that they ran.

use rohrpost::machine::{Builder, Engine, EventId, Model, Outcome, State, Table, Transition, Verdict};
use std::rc::Rc;

/// What the hooks act on.
#[derive(Default)]
pub(crate) struct Probe {
    /// What ran since it was last asked.
    pub(crate) log: Vec<String>,
    /// What guards look at.
    pub(crate) flag: bool,
}

impl Model for Probe {
    type Event<'e> = ();
    type Context<'c> = ();
}

/// A state that notes when it is entered (`+name`) and left (`-name`).
pub(crate) fn noted(name: &'static str) -> State<Probe> {
    notes(State::new(name), name)
}

/// A state of regions that notes the same.
pub(crate) fn noted_parallel(name: &'static str) -> State<Probe> {
    notes(State::parallel(name), name)
}

fn notes(state: State<Probe>, name: &'static str) -> State<Probe> {
    state
        .entry(move |probe, _, _| probe.log.push(format!("+{name}")))
        .exit(move |probe, _, _| probe.log.push(format!("-{name}")))
}

/// A transition that notes that it was taken.
pub(crate) fn noting(transition: Transition<Probe>, effect: &'static str) -> Transition<Probe> {
    transition.effect(move |probe, _, _| probe.log.push(effect.to_owned()))
}

pub(crate) fn to(target: &str) -> Transition<Probe> {
    Transition::to(target)
}

/// A transition that is taken only while the flag is up.
pub(crate) fn flagged(transition: Transition<Probe>) -> Transition<Probe> {
    transition.when(|probe, _, _| probe.flag)
}

/// A machine that has started, with its probe.
pub(crate) struct Rig {
    pub(crate) engine: Engine<Rc<Table<Probe>>>,
    pub(crate) probe: Probe,
}

impl Rig {
    pub(crate) fn start(builder: Builder<Probe>) -> Self {
        let table = builder.build().unwrap_or_else(|faults| panic!("{faults}"));
        let mut rig = Self { engine: Engine::new(Rc::new(table)), probe: Probe::default() };
        let _ = rig.engine.start(&mut rig.probe, &mut ());
        rig
    }

    pub(crate) fn dispatch(&mut self, event: EventId) -> Outcome {
        self.engine.dispatch(event, &mut (), &mut self.probe, &mut ())
    }

    /// Handles `event` and tells what ran.
    pub(crate) fn run(&mut self, event: EventId) -> String {
        self.probe.log.clear();
        let outcome = self.dispatch(event);
        assert_ne!(outcome.verdict(), Verdict::Endless);
        self.log()
    }

    /// What ran since the start or the last event.
    pub(crate) fn log(&mut self) -> String {
        std::mem::take(&mut self.probe.log).join(" ")
    }

    /// The names of the innermost active states.
    pub(crate) fn leaves(&self) -> String {
        let names: Vec<&str> = self.engine.leaves().map(|leaf| self.engine.table().name_of(leaf)).collect();
        names.join(" ")
    }
}

/// A builder with some events.
pub(crate) fn builder<const N: usize>(events: [&str; N]) -> (Builder<Probe>, [EventId; N]) {
    let mut builder = Table::builder();
    let ids = events.map(|name| builder.event(name));
    (builder, ids)
}
