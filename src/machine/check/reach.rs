//! Whether everything in a chart can be reached.

use super::super::{
    Rules, Trigger, Vertex,
    fault::{FaultKind, Flaws, Other},
    ids::NONE,
    topology::Topology,
};

/// A vertex is entered, perhaps on the way to one inside it.
const ENTERED: u8 = 1;
/// A vertex is entered by default, so what is inside it by default is entered as well.
const DEFAULT: u8 = 2;

pub(super) const fn check(chart: &Topology<'_>, seen: &mut [u8], flaws: &mut Flaws<'_>) {
    // By the rules of SCXML a chart with idle states is well-formed.
    if matches!(chart.semantics, Rules::Scxml) {
        return;
    }
    seen[0] = ENTERED | DEFAULT;
    while spread(chart, seen) {}
    let mut at = 1;
    while at < chart.nodes.len() {
        if seen[at] == 0 {
            flaws.add(FaultKind::Unreachable, at as u16, Other::Nothing);
        }
        at += 1;
    }
}

/// Goes one step from everything seen so far; tells whether there was anything new.
const fn spread(chart: &Topology<'_>, seen: &mut [u8]) -> bool {
    let mut news = false;
    let mut at = 0;
    while at < chart.nodes.len() {
        let node = &chart.nodes[at];
        let parallel = matches!(node.vertex, Vertex::Parallel);
        let mut i = 0;
        while seen[at] != 0 && i < node.edges {
            let edge = chart.edge(node.first_edge + i);
            if !matches!(edge.trigger, Trigger::Initial) || seen[at] & DEFAULT != 0 {
                let mut t = 0;
                while t < edge.targets {
                    news = visit(chart, chart.target(edge, t), seen) || news;
                    t += 1;
                }
            }
            i += 1;
        }
        let mut child = at as u16 + 1;
        while parallel && seen[at] != 0 && child < node.end {
            if chart.node(child).vertex.is_state() {
                news = visit(chart, child, seen) || news;
            }
            child = chart.node(child).end;
        }
        // A history that has nothing to remember and no default starts its region anew.
        if seen[at] != 0 && node.vertex.is_history() && node.edges == 0 {
            news = visit(chart, node.parent, seen) || news;
        }
        at += 1;
    }
    news
}

const fn visit(chart: &Topology<'_>, vertex: u16, seen: &mut [u8]) -> bool {
    let mut news = seen[vertex as usize] & DEFAULT == 0;
    seen[vertex as usize] |= ENTERED | DEFAULT;
    let mut around = chart.node(vertex).parent;
    while around != NONE {
        news = news || seen[around as usize] == 0;
        seen[around as usize] |= ENTERED;
        around = chart.node(around).parent;
    }
    news
}
