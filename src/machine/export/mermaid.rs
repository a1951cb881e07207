//! Mermaid.

use super::Diagram;
use crate::machine::{Model, Vertex};
use std::fmt::{Formatter, Result};

pub(super) fn write<M: Model>(diagram: &Diagram<'_, M>, f: &mut Formatter<'_>) -> Result {
    writeln!(f, "stateDiagram-v2")?;
    inside(diagram, f, 0, "    ")?;
    for (edge, target) in diagram.arrows() {
        arrow(f, &format!("s{} --> s{target}", edge.source), &diagram.label(edge))?;
    }
    let chart = diagram.chart();
    let active: Vec<u16> = (1..chart.nodes.len() as u16).filter(|&vertex| diagram.is_active(vertex)).collect();
    if !active.is_empty() {
        writeln!(f, "    classDef active fill:#ffd54f,stroke:#b28704")?;
    }
    // A class on a composite state would colour all that is inside it.
    for vertex in active.into_iter().filter(|&vertex| !chart.composite(vertex)) {
        writeln!(f, "    class s{vertex} active")?;
    }
    Ok(())
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
        Vertex::Choice => "choice",
        Vertex::Fork => "fork",
        Vertex::Join => "join",
        _ => "",
    };
    if !sign.is_empty() {
        return writeln!(f, "{indent}state s{vertex} <<{sign}>>");
    }
    writeln!(f, "{indent}state \"{}\" as s{vertex}", diagram.described(vertex))?;
    for edge in diagram.internal(vertex) {
        writeln!(f, "{indent}s{vertex} : {}", diagram.label(edge))?;
    }
    if diagram.chart().composite(vertex) {
        writeln!(f, "{indent}state s{vertex} {{")?;
        inside(diagram, f, vertex, &format!("{indent}    "))?;
        writeln!(f, "{indent}}}")?;
    }
    Ok(())
}

fn arrow(f: &mut Formatter<'_>, arrow: &str, label: &str) -> Result {
    if label.is_empty() { writeln!(f, "    {arrow}") } else { writeln!(f, "    {arrow} : {label}") }
}
