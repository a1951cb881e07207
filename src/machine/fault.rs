//! What can be wrong with a chart, and how it is said.
//!
//! The same sentences come out of the builder and of the compiler, so a fault is first a [`Flaw`] of plain numbers and gets
//! its names at the end.

use super::draft::Draft;
use std::{error, fmt};

/// What can be wrong with a chart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FaultKind {
    /// There is no state at all.
    Empty,
    /// There are more states, transitions or events than a table can number.
    TooLarge,
    /// Two vertices have one name.
    DuplicateName,
    /// A transition leads to a name that nothing has.
    UnknownTarget,
    /// A transition or rule is about an event that the table does not name.
    UnknownEvent,
    /// A state has two initial transitions.
    TwoInitials,
    /// A state has states inside, but no initial transition.
    NoInitial,
    /// An initial or default transition leads out of the state it belongs to.
    InitialOutside,
    /// A parallel state has an initial transition.
    InitialOfParallel,
    /// A parallel state has fewer than two regions.
    TooFewRegions,
    /// Nothing leads to a vertex.
    Unreachable,
    /// A history has no state beside it.
    HistoryWithoutRegion,
    /// A history has two default transitions.
    TwoDefaults,
    /// Two transitions of one state compete for one trigger, both without guard.
    Competing,
    /// A transition stands behind one without guard for the same trigger.
    Shadowed,
    /// A state both defers an event and takes it without guard.
    DeferredAndHandled,
    /// A final state has something inside, or something to do after it was reached.
    FinalWithMore,
    /// A choice has no branch without guard.
    NoElse,
    /// A pseudostate leads nowhere.
    NoBranch,
    /// A pseudostate has a transition with a trigger.
    TriggerOnPseudostate,
    /// A fork or join has fewer than two regions.
    TooFewBranches,
    /// Two targets of one transition cannot be active together.
    ConflictingTargets,
    /// A local transition leads out of its source.
    LocalLeaves,
    /// A state waits for its completion, but has no final state inside.
    NeverCompletes,
    /// An initial or default transition leads to a vertex that only routes on.
    Detour,
    /// Junctions lead in a circle.
    Circle,
    /// An entry or exit point is on the border of no state.
    PointWithoutState,
    /// A transition into a join has a trigger of its own, or a guard.
    GuardedLeg,
    /// A transition leads to a join together with other targets, or from a pseudostate.
    StrayLeg,
    /// The states that a join waits for cannot be active together.
    LegsApart,
    /// A transition leads to the root.
    TargetsRoot,
    /// An initial or default transition, or the way in from an entry point, has a guard that nobody would ask.
    IgnoredGuard,
    /// A state has a branch, which only pseudostates have.
    BranchOnState,
    /// An internal transition has a target that it would never reach.
    InternalWithTarget,
    /// A pseudostate has something inside, or actions or rules of its own.
    PseudostateWithMore,
    /// A state has two rules for one event, both without guard.
    CompetingRules,
}

impl FaultKind {
    /// What is wrong, as the middle of a sentence between two names.
    const fn phrase(self) -> &'static str {
        match self {
            Self::Empty => "has no states",
            Self::TooLarge => "has more states, transitions or events than a table can number",
            Self::DuplicateName => "is the name of more than one state",
            Self::UnknownTarget => "has a transition to an unknown state",
            Self::UnknownEvent => "is about an event that the table does not name",
            Self::TwoInitials => "has more than one initial transition",
            Self::NoInitial => "has states inside but no initial transition",
            Self::InitialOutside => "has an initial or default transition that leads out, to",
            Self::InitialOfParallel => {
                "is parallel, so it starts in all its regions and cannot have an initial transition"
            }
            Self::TooFewRegions => "is parallel but has fewer than two regions",
            Self::Unreachable => "cannot be reached",
            Self::HistoryWithoutRegion => "is a history, but no state is beside it to be remembered",
            Self::TwoDefaults => "is a history with more than one default",
            Self::Competing => "has more than one transition without guard for",
            Self::Shadowed => "has a transition that never gets its turn, behind one without guard, for",
            Self::DeferredAndHandled => "defers and takes without guard the same event",
            Self::FinalWithMore => "is final, but has states, transitions, rules, an exit action or an event to raise",
            Self::NoElse => "is a choice, but all its branches have guards",
            Self::NoBranch => "is a pseudostate that leads nowhere",
            Self::TriggerOnPseudostate => "is a pseudostate, but has a transition with a trigger",
            Self::TooFewBranches => "forks or joins fewer than two regions",
            Self::ConflictingTargets => "has a transition to states that cannot be active together, one of them",
            Self::LocalLeaves => "has a local transition to a state that is not inside it",
            Self::NeverCompletes => "waits for its completion, but has no final state inside",
            Self::Detour => "has an initial or default transition to a junction, exit point, fork or join, namely",
            Self::Circle => "leads in a circle of junctions",
            Self::PointWithoutState => "is an entry or exit point on the border of no state",
            Self::GuardedLeg => "has a transition with a trigger or a guard into the join",
            Self::StrayLeg => "joins other targets, or starts at a pseudostate, on the way into the join",
            Self::LegsApart => "joins states that cannot be active together, one of them",
            Self::TargetsRoot => "has a transition to the root",
            Self::IgnoredGuard => "has a guard on a transition that is taken in any case, to",
            Self::BranchOnState => "is a state, but has a branch; use a transition without trigger, to",
            Self::InternalWithTarget => "has an internal transition with a target, which it does not enter,",
            Self::PseudostateWithMore => "is a pseudostate, but has states inside, rules or actions",
            Self::CompetingRules => "has more than one rule without guard for",
        }
    }
}

/// One thing that is wrong with a chart, with the names it is about.
///
/// ```
/// use rohrpost::machine::{FaultKind, Model, State, Table, Transition};
///
/// # struct Door;
/// # impl Model for Door { type Event<'e> = (); type Context<'c> = (); }
/// let mut builder = Table::<Door>::builder();
/// let open = builder.event("open");
/// let faults = builder
///     .initial(Transition::to("closed"))
///     .state(State::new("closed").on(open, Transition::to("opened")))
///     .build()
///     .expect_err("there is no such state");
/// assert_eq!(faults.list()[0].kind(), FaultKind::UnknownTarget);
/// assert_eq!(faults.list()[0].to_string(), "`closed` has a transition to an unknown state `opened`");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    kind: FaultKind,
    vertex: String,
    other: String,
}

impl Fault {
    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        self.kind
    }

    /// The name of the vertex that is at fault.
    #[must_use]
    pub fn vertex(&self) -> &str {
        &self.vertex
    }

    /// The name of what else is involved: a target or an event. Empty if there is nothing.
    #[must_use]
    pub fn other(&self) -> &str {
        &self.other
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.vertex, self.kind.phrase())?;
        if self.other.is_empty() { Ok(()) } else { write!(f, " `{}`", self.other) }
    }
}

/// Everything that is wrong with a chart.
///
/// See [`Fault`] for an example.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Faults {
    list: Vec<Fault>,
}

impl Faults {
    pub(super) fn name(flaws: &[Flaw], draft: &Draft<'_>, events: &[&str]) -> Self {
        let list = flaws
            .iter()
            .map(|flaw| Fault {
                kind: flaw.kind,
                vertex: vertex_name(flaw, draft).into(),
                other: other_name(flaw, draft, events).into(),
            })
            .collect();
        Self { list }
    }

    /// All faults, in the order of the chart.
    #[must_use]
    pub fn list(&self) -> &[Fault] {
        &self.list
    }

    /// Whether a fault of this kind is among them.
    #[must_use]
    pub fn has(&self, kind: FaultKind) -> bool {
        self.list.iter().any(|fault| fault.kind == kind)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the state machine is refused: ")?;
        for (i, fault) in self.list.iter().enumerate() {
            write!(f, "{}{fault}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl error::Error for Faults {}

/// A fault before it has names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flaw {
    pub(super) kind: FaultKind,
    pub(super) vertex: u16,
    pub(super) other: Other,
}

/// What else a fault is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Other {
    Nothing,
    Vertex(u16),
    Event(u16),
    /// A target that may be no vertex: the transition, and which of its targets.
    Target(u16, u16),
}

/// Where flaws are written down; what does not fit is only counted.
pub(super) struct Flaws<'a> {
    pub(super) list: &'a mut [Flaw],
    pub(super) count: usize,
}

impl Flaw {
    pub(super) const BLANK: Self = Self { kind: FaultKind::Empty, vertex: 0, other: Other::Nothing };
}

impl Flaws<'_> {
    pub(super) const fn add(&mut self, kind: FaultKind, vertex: u16, other: Other) {
        if self.count < self.list.len() {
            self.list[self.count] = Flaw { kind, vertex, other };
        }
        self.count += 1;
    }
}

const fn vertex_name<'a>(flaw: &Flaw, draft: &Draft<'a>) -> &'a str {
    if (flaw.vertex as usize) < draft.states.len() { draft.states[flaw.vertex as usize].name } else { "the chart" }
}

const fn other_name<'a>(flaw: &Flaw, draft: &Draft<'a>, events: &[&'a str]) -> &'a str {
    match flaw.other {
        Other::Nothing => "",
        Other::Vertex(vertex) => draft.states[vertex as usize].name,
        Other::Event(event) if (event as usize) < events.len() => events[event as usize],
        Other::Event(_) => "any event",
        Other::Target(edge, target) => draft.edges[edge as usize].targets[target as usize],
    }
}

/// The text of a refusal, put together where nothing can be allocated: in a constant.
pub(super) struct Refusal {
    text: [u8; Self::ROOM],
    used: usize,
}

impl Refusal {
    const ROOM: usize = 4096;

    pub(super) const fn new(flaws: &[Flaw], draft: &Draft<'_>, events: &[&str]) -> Self {
        let mut refusal = Self { text: [b' '; Self::ROOM], used: 0 };
        refusal.say("the state machine is refused:");
        let mut i = 0;
        while i < flaws.len() {
            refusal.say(if i == 0 { " `" } else { "; `" });
            refusal.say(vertex_name(&flaws[i], draft));
            refusal.say("` ");
            refusal.say(flaws[i].kind.phrase());
            let other = other_name(&flaws[i], draft, events);
            if !other.is_empty() {
                refusal.say(" `");
                refusal.say(other);
                refusal.say("`");
            }
            i += 1;
        }
        refusal
    }

    const fn say(&mut self, words: &str) {
        let words = words.as_bytes();
        let mut i = 0;
        while i < words.len() && self.used < Self::ROOM {
            self.text[self.used] = words[i];
            self.used += 1;
            i += 1;
        }
    }

    pub(super) const fn text(&self) -> &str {
        match std::str::from_utf8(self.text.split_at(self.used).0) {
            Ok(text) => text,
            Err(_) => "the state machine is refused",
        }
    }
}
