//! Faults of transitions: where they lead, and which of them compete.

use super::super::{
    EventId, Policy, Reach, Rules, Scope, Trigger, Vertex,
    fault::{FaultKind, Flaws, Other},
    ids::NONE,
    topology::{Edge, Rule, Topology},
};
use super::vertices::same_trigger;

pub(super) const fn check(chart: &Topology<'_>, flaws: &mut Flaws<'_>) {
    let mut i = 0;
    while i < chart.edges.len() {
        let edge = &chart.edges[i];
        if let Trigger::Event(EventId(event)) = edge.trigger
            && event >= chart.events
        {
            flaws.add(FaultKind::UnknownEvent, edge.source, Other::Nothing);
        }
        if targets_exist(chart, i as u16, flaws) {
            targets_fit(chart, edge, flaws);
            is_heeded(chart, edge, flaws);
        }
        if matches!(chart.semantics, Rules::Uml) {
            competes(chart, i as u16, flaws);
        }
        i += 1;
    }
    i = 0;
    while i < chart.rules.len() {
        rule(chart, &chart.rules[i], flaws);
        i += 1;
    }
    i = 0;
    while i < chart.nodes.len() {
        branches_fit(chart, i as u16, flaws);
        legs_fit(chart, i as u16, flaws);
        circle(chart, i as u16, flaws);
        choice(chart, i as u16, flaws);
        i += 1;
    }
}

const fn targets_exist(chart: &Topology<'_>, at: u16, flaws: &mut Flaws<'_>) -> bool {
    let edge = chart.edge(at);
    let before = flaws.count;
    let mut i = 0;
    while i < edge.targets {
        match chart.target(edge, i) {
            NONE => flaws.add(FaultKind::UnknownTarget, edge.source, Other::Target(at, i)),
            0 => flaws.add(FaultKind::TargetsRoot, edge.source, Other::Nothing),
            _ => {}
        }
        i += 1;
    }
    flaws.count == before
}

const fn targets_fit(chart: &Topology<'_>, edge: &Edge, flaws: &mut Flaws<'_>) {
    let source = chart.node(edge.source);
    let mut i = 0;
    while i < edge.targets {
        let target = chart.target(edge, i);
        let home = match source.vertex {
            Vertex::ShallowHistory | Vertex::DeepHistory | Vertex::EntryPoint => source.parent,
            _ => edge.source,
        };
        let begins = matches!(edge.trigger, Trigger::Initial) || home != edge.source;
        if begins && !chart.inside(target, home) {
            flaws.add(FaultKind::InitialOutside, edge.source, Other::Vertex(target));
        }
        if begins && routes_on(chart, target) {
            flaws.add(FaultKind::Detour, edge.source, Other::Vertex(target));
        }
        // SCXML lets such a transition pass as an external one.
        let strict = matches!(chart.semantics, Rules::Uml);
        if strict && matches!(edge.reach, Reach::Local) && !chart.inside(chart.border(target), edge.source) {
            flaws.add(FaultKind::LocalLeaves, edge.source, Other::Vertex(target));
        }
        if matches!(chart.node(target).vertex, Vertex::Join) {
            leg(chart, edge, target, flaws);
        }
        let mut other = i + 1;
        while other < edge.targets {
            if !together(chart, target, chart.target(edge, other)) {
                flaws.add(FaultKind::ConflictingTargets, edge.source, Other::Vertex(target));
            }
            other += 1;
        }
        i += 1;
    }
}

const fn leg(chart: &Topology<'_>, edge: &Edge, join: u16, flaws: &mut Flaws<'_>) {
    if edge.guard != NONE || !matches!(edge.trigger, Trigger::Done) {
        flaws.add(FaultKind::GuardedLeg, edge.source, Other::Vertex(join));
    }
    if edge.targets > 1 || !chart.node(edge.source).vertex.is_state() {
        flaws.add(FaultKind::StrayLeg, edge.source, Other::Vertex(join));
    }
}

/// Whether everything that a transition says means something.
const fn is_heeded(chart: &Topology<'_>, edge: &Edge, flaws: &mut Flaws<'_>) {
    let source = chart.node(edge.source);
    let target = if edge.targets > 0 { Other::Vertex(chart.target(edge, 0)) } else { Other::Nothing };
    let begins = matches!(edge.trigger, Trigger::Initial)
        || matches!(source.vertex, Vertex::ShallowHistory | Vertex::DeepHistory | Vertex::EntryPoint);
    if begins && edge.guard != NONE {
        flaws.add(FaultKind::IgnoredGuard, edge.source, target);
    }
    if source.vertex.is_state() && matches!(edge.trigger, Trigger::Arrival) {
        flaws.add(FaultKind::BranchOnState, edge.source, target);
    }
    if matches!(edge.reach, Reach::Internal) && edge.targets > 0 {
        flaws.add(FaultKind::InternalWithTarget, edge.source, target);
    }
}

/// Whether what is entered together from `at` can be active together.
const fn branches_fit(chart: &Topology<'_>, at: u16, flaws: &mut Flaws<'_>) {
    let node = chart.node(at);
    if !matches!(node.vertex, Vertex::Fork | Vertex::EntryPoint) {
        return;
    }
    let mut i = 0;
    while i < node.edges {
        let mut j = i + 1;
        while j < node.edges {
            let one = chart.edge(node.first_edge + i);
            let other = chart.edge(node.first_edge + j);
            if one.targets > 0 && other.targets > 0 {
                let (one, other) = (chart.target(one, 0), chart.target(other, 0));
                if one != NONE && other != NONE && !together(chart, one, other) {
                    flaws.add(FaultKind::ConflictingTargets, at, Other::Vertex(other));
                }
            }
            j += 1;
        }
        i += 1;
    }
}

/// Whether all that the join `at` waits for can be active together.
const fn legs_fit(chart: &Topology<'_>, at: u16, flaws: &mut Flaws<'_>) {
    if !matches!(chart.node(at).vertex, Vertex::Join) {
        return;
    }
    let mut i = 0;
    while i < chart.edges.len() {
        let mut j = i + 1;
        while leads_to(chart, i, at) && j < chart.edges.len() {
            if leads_to(chart, j, at) && !together(chart, chart.edges[i].source, chart.edges[j].source) {
                flaws.add(FaultKind::LegsApart, at, Other::Vertex(chart.edges[j].source));
            }
            j += 1;
        }
        i += 1;
    }
}

const fn leads_to(chart: &Topology<'_>, edge: usize, target: u16) -> bool {
    let edge = &chart.edges[edge];
    edge.targets == 1 && chart.target(edge, 0) == target && chart.node(edge.source).vertex.is_state()
}

/// Whether both can be active at one time without one being inside the other.
pub(in crate::machine) const fn together(chart: &Topology<'_>, one: u16, other: u16) -> bool {
    if chart.within(one, other) || chart.within(other, one) {
        return false;
    }
    matches!(chart.node(chart.common(one, other)).vertex, Vertex::Parallel)
}

/// Whether a transition earlier in the same state leaves nothing for this one.
const fn competes(chart: &Topology<'_>, at: u16, flaws: &mut Flaws<'_>) {
    let edge = chart.edge(at);
    let source = chart.node(edge.source);
    let merging = matches!(source.vertex, Vertex::Fork | Vertex::EntryPoint);
    if merging || matches!(edge.trigger, Trigger::Initial) || source.vertex.is_history() {
        return;
    }
    let mut earlier = source.first_edge;
    while earlier < at {
        let first = chart.edge(earlier);
        if first.guard == NONE && same_trigger(first.trigger, edge.trigger) {
            let kind = if edge.guard == NONE { FaultKind::Competing } else { FaultKind::Shadowed };
            let other = match edge.trigger {
                Trigger::Event(EventId(event)) => Other::Event(event),
                Trigger::Any => Other::Event(NONE),
                _ => Other::Nothing,
            };
            flaws.add(kind, edge.source, other);
            return;
        }
        earlier += 1;
    }
}

const fn rule(chart: &Topology<'_>, rule: &Rule, flaws: &mut Flaws<'_>) {
    let mut i = 0;
    while i < rule.events {
        let event = chart.words[(rule.first_event + i) as usize];
        if event >= chart.events && event != NONE {
            flaws.add(FaultKind::UnknownEvent, rule.state, Other::Nothing);
        }
        let defers = matches!((rule.policy, rule.scope), (Policy::Defer, Scope::Only));
        if defers && rule.guard == NONE && takes_surely(chart, rule.state, event) {
            flaws.add(FaultKind::DeferredAndHandled, rule.state, Other::Event(event));
        }
        if ruled_before(chart, rule, event) {
            flaws.add(FaultKind::CompetingRules, rule.state, Other::Event(event));
        }
        i += 1;
    }
}

/// Whether an earlier rule of the same state settles the same event.
const fn ruled_before(chart: &Topology<'_>, rule: &Rule, event: u16) -> bool {
    let node = chart.node(rule.state);
    let mut i = 0;
    while i < node.rules {
        let earlier = &chart.rules[(node.first_rule + i) as usize];
        if earlier.first_event >= rule.first_event {
            return false;
        }
        let listed = matches!((earlier.scope, rule.scope), (Scope::Only, Scope::Only));
        if listed && earlier.guard == NONE && rule.guard == NONE && chart.covers(earlier, event) {
            return true;
        }
        i += 1;
    }
    false
}

const fn takes_surely(chart: &Topology<'_>, state: u16, event: u16) -> bool {
    let node = chart.node(state);
    let mut i = 0;
    while i < node.edges {
        let edge = chart.edge(node.first_edge + i);
        if edge.guard == NONE && edge.takes(event) {
            return true;
        }
        i += 1;
    }
    false
}

/// Whether following first branches from the pseudostate `start` comes back to it.
const fn circle(chart: &Topology<'_>, start: u16, flaws: &mut Flaws<'_>) {
    if passes(chart, start) && comes_back(chart, start, start, chart.nodes.len()) {
        flaws.add(FaultKind::Circle, start, Other::Nothing);
    }
}

/// Whether a compound transition passes through `vertex` without stopping there.
const fn passes(chart: &Topology<'_>, vertex: u16) -> bool {
    matches!(chart.node(vertex).vertex, Vertex::Junction | Vertex::ExitPoint | Vertex::Fork)
}

const fn routes_on(chart: &Topology<'_>, vertex: u16) -> bool {
    passes(chart, vertex) || matches!(chart.node(vertex).vertex, Vertex::Join)
}

/// Whether `edge` can be taken whatever the guards say, here and on the way.
const fn is_open(chart: &Topology<'_>, edge: &Edge, steps: usize) -> bool {
    if edge.guard != NONE || steps == 0 {
        return false;
    }
    let mut t = 0;
    while t < edge.targets {
        let target = chart.target(edge, t);
        if target != NONE && passes(chart, target) && !has_open_branch(chart, target, steps - 1) {
            return false;
        }
        t += 1;
    }
    true
}

const fn has_open_branch(chart: &Topology<'_>, vertex: u16, steps: usize) -> bool {
    let node = chart.node(vertex);
    let mut i = 0;
    while i < node.edges {
        if is_open(chart, chart.edge(node.first_edge + i), steps) {
            return true;
        }
        i += 1;
    }
    false
}

/// A choice that has been reached has to lead on.
const fn choice(chart: &Topology<'_>, at: u16, flaws: &mut Flaws<'_>) {
    let node = chart.node(at);
    if matches!(node.vertex, Vertex::Choice) && node.edges > 0 && !has_open_branch(chart, at, chart.nodes.len()) {
        flaws.add(FaultKind::NoElse, at, Other::Nothing);
    }
}

const fn comes_back(chart: &Topology<'_>, from: u16, start: u16, steps: usize) -> bool {
    if steps == 0 {
        return false;
    }
    let node = chart.node(from);
    let mut i = 0;
    while i < node.edges {
        let edge = chart.edge(node.first_edge + i);
        let mut t = 0;
        while t < edge.targets {
            let target = chart.target(edge, t);
            if target == start {
                return true;
            }
            if target != NONE && passes(chart, target) && comes_back(chart, target, start, steps - 1) {
                return true;
            }
            t += 1;
        }
        i += 1;
    }
    false
}
