//! How plans are worked out.
//!
//! From the active leaf outwards, each transition that takes the event gives a route, until one needs no guard; a rule of a
//! state on the way closes the plan for transitions further out.

use super::{
    Policy, Reach, Verdict, Vertex,
    ids::NONE,
    plan::{After, GENERAL, Moved, NOBODY, Op, Route, Sheet, Used},
    topology::{Edge, Marks, Rule, Topology},
};

/// Works out the plans of a whole chart. `cells` has a row per vertex and a column per event, and one column more for the
/// events that the chart does not name; it stays unwritten if it is empty.
pub(super) const fn lay_out(chart: &Topology<'_>, cells: &mut [u32], sheet: &mut Sheet<'_>) {
    let columns = chart.events as usize + 1;
    let single = chart.node(0).width <= 1;
    let mut leaf = 1;
    while leaf < chart.nodes.len() {
        let node = chart.nodes[leaf];
        if node.vertex.is_state() && node.children == 0 {
            let mut column = 0;
            while column < columns {
                let event = if column + 1 == columns { NONE } else { column as u16 };
                let plan = if single { plan(chart, leaf as u16, event, sheet) } else { GENERAL };
                if !cells.is_empty() {
                    cells[leaf * columns + column] = plan;
                }
                column += 1;
            }
        }
        leaf += 1;
    }
}

const fn plan(chart: &Topology<'_>, leaf: u16, event: u16, sheet: &mut Sheet<'_>) -> u32 {
    let before = sheet.used;
    let mut otherwise = Verdict::Unhandled;
    let mut open = true;
    let mut at = leaf;
    while at != NONE {
        let node = chart.node(at);
        let mut i = 0;
        while i < node.edges {
            let edge = chart.edge(node.first_edge + i);
            if edge.takes(event) {
                if !open && edge.guard == NONE {
                    return answer(before, otherwise, sheet);
                }
                if !open || !is_plain(chart, edge) {
                    sheet.used = before;
                    return GENERAL;
                }
                route(chart, leaf, edge, sheet);
                if edge.guard == NONE {
                    return before.routes as u32;
                }
            }
            i += 1;
        }
        i = 0;
        while i < node.rules {
            let rule = &chart.rules[(node.first_rule + i) as usize];
            if chart.covers(rule, event) {
                if rule.guard != NONE {
                    sheet.used = before;
                    return GENERAL;
                }
                // Transitions further out do not override the rule, though they do override rules further out; of these a
                // deferral goes before everything else.
                open = false;
                otherwise = settle(otherwise, rule);
            }
            i += 1;
        }
        at = node.parent;
    }
    answer(before, otherwise, sheet)
}

/// Ends a plan that nothing may take for sure.
const fn answer(before: Used, otherwise: Verdict, sheet: &mut Sheet<'_>) -> u32 {
    if sheet.used.routes == before.routes && matches!(otherwise, Verdict::Unhandled) {
        return NOBODY;
    }
    sheet.route(Route::answer(otherwise));
    before.routes as u32
}

/// The verdict when `rule` applies and rules further in came to `inner`.
const fn settle(inner: Verdict, rule: &Rule) -> Verdict {
    match (rule.policy, inner) {
        (Policy::Defer, _) => Verdict::Deferred,
        (Policy::Reject, Verdict::Unhandled) => Verdict::Rejected,
        (Policy::Drop, Verdict::Unhandled) => Verdict::Dropped,
        (_, inner) => inner,
    }
}

/// Whether what `edge` does depends on nothing but the active leaf.
const fn is_plain(chart: &Topology<'_>, edge: &Edge) -> bool {
    if edge.targets == 0 || matches!(edge.reach, Reach::Internal) {
        return true;
    }
    if edge.targets > 1 {
        return false;
    }
    let mut at = chart.target(edge, 0);
    loop {
        if !matches!(chart.node(at).vertex, Vertex::State | Vertex::Final) {
            return false;
        }
        if !chart.composite(at) {
            return true;
        }
        at = default_target(chart, at);
    }
}

/// Where entering the composite `state` by default leads.
const fn default_target(chart: &Topology<'_>, state: u16) -> u16 {
    match chart.node(state).initial {
        NONE => chart.first_child(state),
        initial => chart.target(chart.edge(initial), 0),
    }
}

const fn route(chart: &Topology<'_>, leaf: u16, edge: &Edge, sheet: &mut Sheet<'_>) {
    let first = sheet.used.ops;
    let mut at = leaf;
    let mut after = After::NOTHING;
    if edge.targets == 0 || matches!(edge.reach, Reach::Internal) {
        after = After::STAY;
        sheet.act(edge.effect);
    } else {
        let target = chart.target(edge, 0);
        let domain = if chart.stays_inside(edge.reach, edge.source, target) {
            edge.source
        } else {
            chart.settle_domain(chart.common(edge.source, target))
        };
        while at != domain {
            leave(chart, at, sheet);
            at = chart.node(at).parent;
        }
        sheet.act(edge.effect);
        at = enter_down_to(chart, at, target, sheet);
        while chart.composite(at) {
            let initial = chart.node(at).initial;
            if initial != NONE {
                sheet.act(chart.edge(initial).effect);
            }
            at = enter_down_to(chart, at, default_target(chart, at), sheet);
        }
        if completes_on_entry(chart, at) {
            after = after.with(After::COMPLETE);
        }
    }
    if always_inside(chart, at) {
        after = after.with(After::FOLLOW);
    }
    if defers_around(chart, leaf) {
        after = after.with(After::RECALL);
    }
    let ops = (sheet.used.ops - first) as u16;
    let moved = Moved::new(at, Verdict::Handled, after);
    sheet.route(Route { first: first as u32, ops, guard: edge.guard, moved });
}

const fn leave(chart: &Topology<'_>, state: u16, sheet: &mut Sheet<'_>) {
    let node = chart.node(state);
    if node.marks.has(Marks::REMEMBERED) {
        sheet.op(Op::Record(state));
    }
    if node.marks.has(Marks::TIMED) {
        sheet.op(Op::Disarm(state));
    }
    sheet.act(node.exit);
}

/// Enters what is inside `from` on the way to `target`, and returns `target`.
const fn enter_down_to(chart: &Topology<'_>, from: u16, target: u16, sheet: &mut Sheet<'_>) -> u16 {
    let mut at = from;
    while at != target {
        let mut next = target;
        while chart.node(next).parent != at {
            next = chart.node(next).parent;
        }
        at = next;
        sheet.act(chart.node(at).entry);
        if chart.node(at).marks.has(Marks::TIMED) {
            sheet.op(Op::Arm(at));
        }
    }
    target
}

/// Whether entering the leaf `state` completes it or the state around it, and somebody cares.
const fn completes_on_entry(chart: &Topology<'_>, state: u16) -> bool {
    let node = chart.node(state);
    matches!(node.vertex, Vertex::Final) || node.marks.has(Marks::DONE) || node.done_event != NONE
}

const fn always_inside(chart: &Topology<'_>, leaf: u16) -> bool {
    let mut at = leaf;
    while at != NONE {
        if chart.node(at).marks.has(Marks::ALWAYS) {
            return true;
        }
        at = chart.node(at).parent;
    }
    false
}

/// Whether `leaf` or a state around it defers anything: what is deferred stays so as long as nothing happens, so whatever
/// happens while such a state is active may be what it waited for.
pub(super) const fn defers_around(chart: &Topology<'_>, leaf: u16) -> bool {
    let mut at = leaf;
    while at != NONE {
        let node = chart.node(at);
        let mut i = 0;
        while i < node.rules {
            if matches!(chart.rules[(node.first_rule + i) as usize].policy, Policy::Defer) {
                return true;
            }
            i += 1;
        }
        at = node.parent;
    }
    false
}
