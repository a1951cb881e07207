//! Graphviz.

use super::Diagram;
use crate::machine::{Model, Vertex};
use std::fmt::{Formatter, Result};

pub(super) fn write<M: Model>(diagram: &Diagram<'_, M>, f: &mut Formatter<'_>) -> Result {
    writeln!(f, "digraph chart {{")?;
    writeln!(f, "  compound=true;")?;
    writeln!(f, "  node [shape=box, style=rounded];")?;
    inside(diagram, f, 0, "  ")?;
    for (edge, target) in diagram.arrows() {
        let mut ends = String::new();
        for (end, vertex) in [("ltail", edge.source), ("lhead", target)] {
            if diagram.chart().composite(vertex) {
                ends.push_str(&format!(", {end}=cluster_{vertex}"));
            }
        }
        writeln!(f, "  s{} -> s{target} [label=\"{}\"{ends}];", edge.source, diagram.label(edge))?;
    }
    writeln!(f, "}}")
}

fn inside<M: Model>(diagram: &Diagram<'_, M>, f: &mut Formatter<'_>, vertex: u16, indent: &str) -> Result {
    for target in diagram.initial(vertex) {
        writeln!(f, "{indent}i{vertex} [shape=point, width=0.15];")?;
        writeln!(f, "{indent}i{vertex} -> s{target};")?;
    }
    diagram.inside(vertex).into_iter().try_for_each(|child| one(diagram, f, child, indent))
}

fn one<M: Model>(diagram: &Diagram<'_, M>, f: &mut Formatter<'_>, vertex: u16, indent: &str) -> Result {
    let fill = if diagram.is_active(vertex) { ",filled" } else { "" };
    let mut label = diagram.name(vertex);
    for edge in diagram.internal(vertex) {
        label.push_str(&format!("\\n{}", diagram.label(edge)));
    }
    if diagram.chart().composite(vertex) {
        let border = if diagram.chart().node(vertex).vertex == Vertex::Parallel { "dashed" } else { "rounded" };
        writeln!(f, "{indent}subgraph cluster_{vertex} {{")?;
        writeln!(f, "{indent}  label=\"{label}\"; style=\"{border}{fill}\"; fillcolor=\"#fff8e1\";")?;
        // Arrows can only begin and end at a node, so each cluster has one that is not seen.
        writeln!(f, "{indent}  s{vertex} [shape=point, style=invis];")?;
        inside(diagram, f, vertex, &format!("{indent}  "))?;
        return writeln!(f, "{indent}}}");
    }
    let shape = match diagram.chart().node(vertex).vertex {
        Vertex::Final => "doublecircle",
        Vertex::Choice | Vertex::Junction => "diamond",
        Vertex::ShallowHistory | Vertex::DeepHistory | Vertex::EntryPoint | Vertex::ExitPoint => "circle",
        Vertex::Fork | Vertex::Join => "underline",
        Vertex::Terminate => "plaintext",
        _ => "box",
    };
    writeln!(f, "{indent}s{vertex} [label=\"{label}\", shape={shape}, style=\"rounded{fill}\", fillcolor=\"#ffd54f\"];")
}
