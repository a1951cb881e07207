//! The state of a machine as plain data, to be kept and brought back.

use super::{
    Chart, Engine, StateId, Table, Trace, Vertex,
    check::together,
    core::{Rest, Spot},
    ids::NONE,
    model::Model,
    topology::Topology,
};
use std::{error, fmt};

/// Where a machine is and what its histories remember, by name, so that it outlives a change of the table that keeps the
/// names.
///
/// ```
/// use rohrpost::machine::{Engine, Model, Snapshot, State, Table, Transition};
///
/// # struct Door;
/// # impl Model for Door { type Event<'e> = (); type Context<'c> = (); }
/// let mut builder = Table::<Door>::builder();
/// let push = builder.event("push");
/// let table = builder
///     .initial(Transition::to("closed"))
///     .state(State::new("closed").on(push, Transition::to("open")))
///     .state(State::new("open"))
///     .build()?;
///
/// let mut engine = Engine::new(&table);
/// engine.start(&mut Door, &mut ());
/// engine.dispatch(push, &mut (), &mut Door, &mut ());
/// let saved: Snapshot = engine.save();
/// assert_eq!(saved.active, ["open"]);
///
/// let mut other = Engine::new(&table);
/// other.restore(&saved).expect("the table is the same");
/// assert_eq!(other.state(), engine.state());
/// # Ok::<(), rohrpost::machine::Faults>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain data that users store in their own way")]
pub struct Snapshot {
    /// The innermost active states, in document order. Empty before the start.
    pub active: Vec<String>,
    /// Each history that remembers something, with the states that it remembers.
    pub history: Vec<(String, Vec<String>)>,
    /// Raised events that are deferred, in the order in which they were raised.
    pub raised: Vec<String>,
}

/// Why a snapshot was not restored. The machine is as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RestoreError {
    /// The table has no vertex or event of this name.
    Unknown(String),
    /// The active states are not exactly one for each region.
    NotAConfiguration,
    /// This name is no history, or what it remembers is not inside its region.
    NotAHistory(String),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "the table has no `{name}`"),
            Self::NotAConfiguration => f.write_str("the active states are not exactly one for each region"),
            Self::NotAHistory(name) => write!(f, "`{name}` is no history that could remember this"),
        }
    }
}

impl error::Error for RestoreError {}

impl<C: Chart, T: Trace> Engine<C, T> {
    /// Where this machine is and what its histories remember.
    #[must_use]
    pub fn save(&self) -> Snapshot {
        let table = self.table();
        let chart = table.topology();
        let name = |state: u16| table.name_of(StateId(state)).to_owned();
        let mut history = Vec::new();
        if let Some(rest) = &self.core.rest {
            for vertex in (0..chart.nodes.len() as u16).filter(|&vertex| chart.node(vertex).vertex.is_history()) {
                let remembered: Vec<String> = rest.memory.recall(&chart, vertex).map(name).collect();
                if !remembered.is_empty() {
                    history.push((name(vertex), remembered));
                }
            }
        }
        let kept = self.core.rest.iter().flat_map(|rest| &rest.kept);
        let raised = kept.filter_map(|&event| table.event_name(event)).map(str::to_owned).collect();
        Snapshot { active: self.core.leaves(table).map(name).collect(), history, raised }
    }

    /// Puts this machine where another one was, without running any action. Timeouts of active states are armed anew.
    ///
    /// # Errors
    ///
    /// If the snapshot does not fit the table.
    pub fn restore(&mut self, saved: &Snapshot) -> Result<(), RestoreError> {
        let table = self.chart.table();
        let chart = table.topology();
        let mut leaves = find_all(table, &saved.active)?;
        leaves.sort_unstable();
        let terminated = matches!(leaves[..], [end] if chart.node(end).vertex == Vertex::Terminate);
        if !leaves.is_empty() && !terminated && !is_configuration(chart, 0, &leaves) {
            return Err(RestoreError::NotAConfiguration);
        }
        let mut rest = Box::new(Rest::new(table));
        for (name, remembered) in &saved.history {
            let wrong = || RestoreError::NotAHistory(name.clone());
            let history = find(table, name)?;
            let region = chart.node(history).parent;
            let remembered = find_all(table, remembered)?;
            let fits =
                chart.node(history).vertex.is_history() && can_be_remembered(chart, history, region, &remembered);
            if !fits || !rest.memory.fill(chart, history, remembered.into_iter()) {
                return Err(wrong());
            }
        }
        for event in &saved.raised {
            let event = table.event(event).ok_or_else(|| RestoreError::Unknown(event.clone()))?;
            rest.kept.push(event);
        }
        let mut armed: Vec<u16> = leaves.iter().flat_map(|&leaf| chart.outward(leaf)).collect();
        armed.sort_unstable();
        armed.dedup();
        if let Some(old) = &mut self.core.rest {
            old.timeouts.cancel_all();
            rest.timeouts = std::mem::take(&mut old.timeouts);
        }
        for state in armed {
            rest.arm(table, state);
        }
        let needed = !table.is_single()
            || !saved.history.is_empty()
            || !saved.raised.is_empty()
            || !rest.timeouts.requests.is_empty();
        let first = leaves.first().copied().unwrap_or(0);
        rest.leaves = leaves;
        self.core.move_to(Spot::at(first));
        self.core.rest = needed.then_some(rest);
        Ok(())
    }
}

/// Whether exactly one of `leaves` is active in each region of `state`, and nothing else.
fn is_configuration(chart: Topology<'_>, state: u16, leaves: &[u16]) -> bool {
    if !chart.composite(state) {
        return leaves == [state];
    }
    let mut covered = 0;
    let mut regions = 0;
    for child in chart.regions(state) {
        let inside: Vec<u16> = leaves.iter().copied().filter(|&leaf| chart.within(leaf, child)).collect();
        if inside.is_empty() {
            continue;
        }
        covered += inside.len();
        regions += 1;
        if !is_configuration(chart, child, &inside) {
            return false;
        }
    }
    let expected = if chart.node(state).vertex == Vertex::Parallel { chart.node(state).children } else { 1 };
    covered == leaves.len() && regions == expected
}

/// Whether `history` could have found `states` active together in `region`.
fn can_be_remembered(chart: Topology<'_>, history: u16, region: u16, states: &[u16]) -> bool {
    let shallow = chart.node(history).vertex == Vertex::ShallowHistory;
    let in_place = |&state: &u16| {
        let node = chart.node(state);
        let whole = if shallow { node.parent == region } else { node.children == 0 };
        node.vertex.is_state() && chart.inside(state, region) && whole
    };
    let apart = |(at, &one): (usize, &u16)| states[..at].iter().all(|&other| together(&chart, one, other));
    states.iter().all(in_place) && states.iter().enumerate().all(apart)
}

fn find<M: Model>(table: &Table<M>, name: &str) -> Result<u16, RestoreError> {
    match table.state(name) {
        Some(StateId(state)) if state != NONE => Ok(state),
        _ => Err(RestoreError::Unknown(name.to_owned())),
    }
}

fn find_all<M: Model>(table: &Table<M>, names: &[String]) -> Result<Vec<u16>, RestoreError> {
    names.iter().map(|name| find(table, name)).collect()
}
