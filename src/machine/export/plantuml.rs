//! `PlantUML`.

use super::Diagram;
use crate::machine::{Model, Vertex};
use std::fmt::{Formatter, Result};

pub(super) fn write<M: Model>(diagram: &Diagram<'_, M>, f: &mut Formatter<'_>) -> Result {
    writeln!(f, "@startuml")?;
    inside(diagram, f, 0, "")?;
    for (edge, target) in diagram.arrows() {
        let label = diagram.label(edge);
        let colon = if label.is_empty() { "" } else { " : " };
        writeln!(f, "s{} --> s{target}{colon}{label}", edge.source)?;
    }
    writeln!(f, "@enduml")
}

fn inside<M: Model>(diagram: &Diagram<'_, M>, f: &mut Formatter<'_>, vertex: u16, indent: &str) -> Result {
    for target in diagram.initial(vertex) {
        writeln!(f, "{indent}[*] --> s{target}")?;
    }
    let parallel = diagram.chart().node(vertex).vertex == Vertex::Parallel;
    for (at, child) in diagram.inside(vertex).into_iter().enumerate() {
        if parallel && at > 0 {
            writeln!(f, "{indent}--")?;
        }
        one(diagram, f, child, indent)?;
    }
    Ok(())
}

fn one<M: Model>(diagram: &Diagram<'_, M>, f: &mut Formatter<'_>, vertex: u16, indent: &str) -> Result {
    let sign = match diagram.chart().node(vertex).vertex {
        Vertex::Final | Vertex::Terminate => " <<end>>",
        Vertex::ShallowHistory => " <<history>>",
        Vertex::DeepHistory => " <<history*>>",
        Vertex::Choice | Vertex::Junction => " <<choice>>",
        Vertex::EntryPoint => " <<entryPoint>>",
        Vertex::ExitPoint => " <<exitPoint>>",
        Vertex::Fork => " <<fork>>",
        Vertex::Join => " <<join>>",
        _ => "",
    };
    let colour = if diagram.is_active(vertex) { " #ffd54f" } else { "" };
    let composite = diagram.chart().composite(vertex);
    let brace = if composite { " {" } else { "" };
    writeln!(f, "{indent}state \"{}\" as s{vertex}{sign}{colour}{brace}", diagram.name(vertex))?;
    if composite {
        inside(diagram, f, vertex, &format!("{indent}  "))?;
        writeln!(f, "{indent}}}")?;
    }
    for edge in diagram.internal(vertex) {
        writeln!(f, "{indent}s{vertex} : {}", diagram.label(edge))?;
    }
    Ok(())
}
