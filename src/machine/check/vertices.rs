//! Faults of single vertices: names, what is inside, initial transitions.

use super::super::{
    Rules, Trigger, Vertex,
    draft::Draft,
    fault::{FaultKind, Flaws, Other},
    ids::NONE,
    topology::{Marks, Node, Topology},
};

pub(super) const fn check(draft: &Draft<'_>, chart: &Topology<'_>, flaws: &mut Flaws<'_>) {
    let mut at = 0;
    while at < chart.nodes.len() {
        if draft.repeats(at) {
            flaws.add(FaultKind::DuplicateName, at as u16, Other::Nothing);
        }
        let node = &chart.nodes[at];
        match node.vertex {
            Vertex::State | Vertex::Parallel => state(chart, at as u16, flaws),
            Vertex::Final => final_state(node, at as u16, flaws),
            _ => pseudostate(chart, at as u16, flaws),
        }
        at += 1;
    }
}

const fn state(chart: &Topology<'_>, at: u16, flaws: &mut Flaws<'_>) {
    let node = chart.node(at);
    let strict = matches!(chart.semantics, Rules::Uml);
    let initials = count(chart, node, Trigger::Initial);
    if initials > 1 {
        flaws.add(FaultKind::TwoInitials, at, Other::Nothing);
    }
    if matches!(node.vertex, Vertex::Parallel) {
        if initials > 0 {
            flaws.add(FaultKind::InitialOfParallel, at, Other::Nothing);
        }
        if node.children < if strict { 2 } else { 1 } {
            flaws.add(FaultKind::TooFewRegions, at, Other::Nothing);
        }
    } else if initials == 0 && node.children > 0 && strict {
        flaws.add(FaultKind::NoInitial, at, Other::Nothing);
    }
    if initials > 0 && node.children == 0 {
        flaws.add(FaultKind::InitialOutside, at, Other::Nothing);
    }
    if (node.marks.has(Marks::DONE) || node.done_event != NONE) && node.children > 0 && !completes(chart, at) {
        flaws.add(FaultKind::NeverCompletes, at, Other::Nothing);
    }
}

/// Whether something inside `state` can complete it.
const fn completes(chart: &Topology<'_>, state: u16) -> bool {
    let parallel = matches!(chart.node(state).vertex, Vertex::Parallel);
    let mut child = state + 1;
    while child < chart.node(state).end {
        let node = chart.node(child);
        if parallel && node.vertex.is_state() && !completes(chart, child) {
            return false;
        }
        if !parallel && matches!(node.vertex, Vertex::Final) {
            return true;
        }
        child = node.end;
    }
    parallel
}

const fn final_state(node: &Node, at: u16, flaws: &mut Flaws<'_>) {
    if node.end > at + 1 || node.edges > 0 || node.rules > 0 || node.exit != NONE || node.done_event != NONE {
        flaws.add(FaultKind::FinalWithMore, at, Other::Nothing);
    }
}

const fn pseudostate(chart: &Topology<'_>, at: u16, flaws: &mut Flaws<'_>) {
    let node = chart.node(at);
    let branches = node.edges;
    if node.end > at + 1 || node.rules > 0 || node.entry != NONE || node.exit != NONE || node.done_event != NONE {
        flaws.add(FaultKind::PseudostateWithMore, at, Other::Nothing);
    }
    let mut i = 0;
    while i < branches {
        let edge = chart.edge(node.first_edge + i);
        let joined = matches!(node.vertex, Vertex::Join) && matches!(edge.trigger, Trigger::Event(_) | Trigger::Any);
        if !matches!(edge.trigger, Trigger::Arrival) && !joined {
            flaws.add(FaultKind::TriggerOnPseudostate, at, Other::Nothing);
        }
        i += 1;
    }
    match node.vertex {
        Vertex::ShallowHistory | Vertex::DeepHistory => {
            if chart.node(node.parent).children == 0 {
                flaws.add(FaultKind::HistoryWithoutRegion, at, Other::Nothing);
            }
            if branches > 1 {
                flaws.add(FaultKind::TwoDefaults, at, Other::Nothing);
            }
        }
        Vertex::EntryPoint | Vertex::ExitPoint if node.parent == 0 => {
            flaws.add(FaultKind::PointWithoutState, at, Other::Nothing);
        }
        Vertex::Fork if branches == 1 && chart.edge(node.first_edge).targets < 2 => {
            flaws.add(FaultKind::TooFewBranches, at, Other::Nothing);
        }
        Vertex::Join if legs(chart, at) < 2 => flaws.add(FaultKind::TooFewBranches, at, Other::Nothing),
        _ => {}
    }
    let leads =
        matches!(node.vertex, Vertex::Choice | Vertex::Junction | Vertex::ExitPoint | Vertex::Fork | Vertex::Join);
    if leads && branches == 0 {
        flaws.add(FaultKind::NoBranch, at, Other::Nothing);
    }
}

/// How many transitions lead into the join `at`.
const fn legs(chart: &Topology<'_>, at: u16) -> usize {
    let mut legs = 0;
    let mut i = 0;
    while i < chart.edges.len() {
        if chart.edges[i].targets == 1 && chart.target(&chart.edges[i], 0) == at {
            legs += 1;
        }
        i += 1;
    }
    legs
}

const fn count(chart: &Topology<'_>, node: &Node, trigger: Trigger) -> usize {
    let mut count = 0;
    let mut i = 0;
    while i < node.edges {
        if same_trigger(chart.edge(node.first_edge + i).trigger, trigger) {
            count += 1;
        }
        i += 1;
    }
    count
}

/// Whether two transitions of one state start with the same.
pub(super) const fn same_trigger(one: Trigger, other: Trigger) -> bool {
    match (one, other) {
        (Trigger::Event(one), Trigger::Event(other)) => one.0 == other.0,
        (Trigger::Any, Trigger::Any)
        | (Trigger::Always, Trigger::Always)
        | (Trigger::Done, Trigger::Done)
        | (Trigger::Initial, Trigger::Initial)
        | (Trigger::Arrival, Trigger::Arrival) => true,
        (Trigger::After(one), Trigger::After(other)) => one.as_nanos() == other.as_nanos(),
        _ => false,
    }
}
