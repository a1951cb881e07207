//! Whether a chart makes sense.
//!
//! Each file looks for one family of faults and writes down all it finds, so that a chart is refused once and with
//! everything that is wrong with it. All of it runs in constants too.

mod edges;
mod reach;
mod vertices;

pub(super) use edges::together;

use super::{
    draft::Draft,
    fault::{FaultKind, Flaws, Other},
    ids::NONE,
    topology::{Edge, Node, Rule, Topology},
};

/// Writes down all faults of a chart. `seen` has room for every vertex.
pub(super) const fn check(draft: &Draft<'_>, chart: &Topology<'_>, seen: &mut [u8], flaws: &mut Flaws<'_>) {
    vertices::check(draft, chart, flaws);
    edges::check(chart, flaws);
    // What leads where is only worth telling if everything leads somewhere.
    if flaws.count == 0 {
        reach::check(chart, seen, flaws);
    }
}

/// Whether a chart can be numbered at all; nothing else may be asked of it before.
pub(super) const fn fits(draft: &Draft<'_>, flaws: &mut Flaws<'_>) -> bool {
    let limit = NONE as usize;
    if draft.states.len() < 2 {
        flaws.add(FaultKind::Empty, 0, Other::Nothing);
    }
    let columns = draft.events as usize + 1;
    if draft.states.len() * columns >= limit || draft.edges.len() >= limit || draft.words() >= limit {
        flaws.add(FaultKind::TooLarge, 0, Other::Nothing);
    }
    flaws.count == 0
}

/// Resolves `draft` into the given slices.
pub(super) const fn resolve<'a>(
    draft: &Draft<'_>,
    nodes: &'a mut [Node],
    edges: &'a mut [Edge],
    words: &'a mut [u16],
    rules: &'a mut [Rule],
) -> Topology<'a> {
    draft.resolve(nodes, edges, words, rules);
    Topology { nodes, edges, words, rules, events: draft.events, semantics: draft.semantics }
}
