//! Tables as pictures: the text that a drawing tool makes a diagram of.

mod dot;
mod mermaid;
mod plantuml;

use super::{
    Model, Reach, StateId, Table, TransitionId, Trigger, Vertex,
    ids::NONE,
    topology::{Edge, Topology},
};
use std::fmt;

/// Which tool a diagram is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Format {
    /// Mermaid, `stateDiagram-v2`: what code forges draw in their pages. It has no sign for histories and borders, which become
    /// states with a label that says so.
    Mermaid,
    /// The language of Graphviz.
    Dot,
    /// `PlantUML`.
    PlantUml,
}

/// A table as text for a drawing tool, by its [`Display`](fmt::Display).
///
/// Guards and effects are functions, so all that can be shown of them is that they are there: `[?]` and `/ !`.
///
/// ```
/// use rohrpost::machine::{Engine, Format, Model, State, Table, Transition};
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
/// let mut engine = Engine::new(&table);
/// engine.start(&mut Door, &mut ());
///
/// let diagram = table.diagram(Format::Mermaid).mark(engine.leaves()).to_string();
/// assert!(diagram.starts_with("stateDiagram-v2\n"));
/// assert!(diagram.contains("s1 --> s2 : push\n"));
/// assert!(diagram.contains("class s1 active\n"));
/// # Ok::<(), rohrpost::machine::Faults>(())
/// ```
pub struct Diagram<'t, M: Model> {
    table: &'t Table<M>,
    format: Format,
    active: Vec<StateId>,
}

impl<M: Model> Table<M> {
    /// This table as text for a drawing tool.
    #[must_use]
    pub const fn diagram(&self, format: Format) -> Diagram<'_, M> {
        Diagram { table: self, format, active: Vec::new() }
    }
}

impl<M: Model> Diagram<'_, M> {
    /// Marks `states` and the states around them as active.
    #[must_use]
    pub fn mark(mut self, states: impl IntoIterator<Item = StateId>) -> Self {
        self.active.extend(states);
        self
    }

    const fn chart(&self) -> Topology<'_> {
        self.table.topology()
    }

    fn is_active(&self, vertex: u16) -> bool {
        self.active.iter().any(|active| self.chart().within(active.0, vertex))
    }

    fn name(&self, vertex: u16) -> String {
        self.table.name_of(StateId(vertex)).replace('"', "'")
    }

    /// The vertices directly inside `vertex`.
    fn inside(&self, vertex: u16) -> Vec<u16> {
        self.chart().children(vertex).collect()
    }

    /// All transitions that lead somewhere, one for each target; those that begin a state are not among them.
    fn arrows(&self) -> Vec<(&Edge, u16)> {
        let chart = self.chart();
        let edges = chart.edges.iter().filter(|edge| edge.trigger != Trigger::Initial);
        edges.flat_map(|edge| chart.targets(edge).iter().map(move |&target| (edge, target))).collect()
    }

    /// The transitions of `vertex` that lead nowhere.
    fn internal(&self, vertex: u16) -> impl Iterator<Item = &Edge> {
        let chart = self.chart();
        chart.edges_from(vertex).map(move |edge| chart.edge(edge)).filter(|edge| edge.targets == 0)
    }

    /// Where `vertex` begins by default: the targets of its initial transition.
    fn initial(&self, vertex: u16) -> &[u16] {
        let chart = self.chart();
        match chart.node(vertex).initial {
            NONE => &[],
            initial => chart.targets(chart.edge(initial)),
        }
    }

    /// What starts a transition, whether it asks and whether it does something.
    fn label(&self, edge: &Edge) -> String {
        let mut label = match edge.trigger {
            Trigger::Event(event) => self.table.event_name(event).unwrap_or("?").replace('"', "'"),
            Trigger::Any => "any".to_owned(),
            Trigger::Done => "done".to_owned(),
            Trigger::After(delay) => format!("after {delay:?}"),
            Trigger::Always | Trigger::Initial | Trigger::Arrival => String::new(),
        };
        let signs =
            [(edge.guard != NONE, "[?]"), (edge.reach == Reach::Local, "(local)"), (edge.effect != NONE, "/ !")];
        for (_, sign) in signs.iter().filter(|(shown, _)| *shown) {
            if !label.is_empty() {
                label.push(' ');
            }
            label.push_str(sign);
        }
        label
    }

    /// The name with a word for what the vertex is, where the tool has no sign for it.
    fn described(&self, vertex: u16) -> String {
        let name = self.name(vertex);
        match self.chart().node(vertex).vertex {
            Vertex::Final => format!("{name} (final)"),
            Vertex::ShallowHistory => format!("{name} (H)"),
            Vertex::DeepHistory => format!("{name} (H*)"),
            Vertex::Junction => format!("{name} (junction)"),
            Vertex::EntryPoint => format!("{name} (entry)"),
            Vertex::ExitPoint => format!("{name} (exit)"),
            Vertex::Terminate => format!("{name} (terminate)"),
            _ => name,
        }
    }
}

impl<M: Model> fmt::Display for Diagram<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            Format::Mermaid => mermaid::write(self, f),
            Format::Dot => dot::write(self, f),
            Format::PlantUml => plantuml::write(self, f),
        }
    }
}

impl<M: Model> fmt::Debug for Diagram<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diagram").field("format", &self.format).field("active", &self.active).finish_non_exhaustive()
    }
}

impl<M: Model> Table<M> {
    /// A short text for `transition`: where it starts, what starts it, where it leads.
    ///
    /// # Panics
    ///
    /// If `transition` comes from a larger table.
    #[must_use]
    pub fn describe(&self, transition: TransitionId) -> String {
        let edge = self.topology().edge(transition.0);
        let targets: Vec<&str> = self.targets(transition).map(|target| self.name_of(target)).collect();
        let label = self.diagram(Format::Dot).label(edge);
        format!("{} --{label}--> {}", self.name_of(self.source(transition)), targets.join(", "))
    }
}
