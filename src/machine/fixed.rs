//! What `hsm!` writes: a chart as a constant, and a table that is part of the program.
//!
//! Nothing here is for people. The macro turns its input into one [`StateSpec`], a tree of literals. Constant functions
//! flatten it, check it, work out the plans, and lay the table into the program. The lengths of all lists are found first and
//! handed on as const parameters, since a constant cannot grow a list.

#![expect(missing_debug_implementations, reason = "constants that only the macro names")]

use super::{
    EventId, Model, Policy, Reach, Rules, Scope, StateId, Step, Table, Trigger, Vertex, check,
    draft::{Draft, EdgeDraft, RuleDraft, StateDraft},
    fault::{Flaw, Flaws, Refusal},
    ids::NONE,
    layout::lay_out,
    list::{Actions, Guards, List, Names},
    model::{ActionFn, GuardFn, Query},
    plan::{Op, Route, Sheet},
    topology::{Edge, Node, Rule, Topology},
};

pub use super::{
    chart::Incoming,
    core::Core,
    plan::Used,
    unroll::{Fixed, NOWHERE, cell, is_event, is_for, is_special},
};

/// A vertex with everything inside it.
pub struct StateSpec<M: Model> {
    pub name: &'static str,
    pub vertex: Vertex,
    pub entry: Option<ActionFn<M>>,
    pub exit: Option<ActionFn<M>>,
    pub edges: &'static [EdgeSpec<M>],
    pub rules: &'static [RuleSpec<M>],
    pub children: &'static [Self],
}

/// A transition, or a segment of one.
pub struct EdgeSpec<M: Model> {
    pub trigger: Trigger,
    pub reach: Reach,
    pub targets: &'static [&'static str],
    pub guard: Option<GuardFn<M>>,
    pub effect: Option<ActionFn<M>>,
}

/// What a state does with events that nobody takes.
pub struct RuleSpec<M: Model> {
    pub policy: Policy,
    pub scope: Scope,
    pub events: &'static [EventId],
    pub guard: Option<GuardFn<M>>,
}

/// How long the lists of a chart are.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub states: usize,
    pub edges: usize,
    pub rules: usize,
    pub actions: usize,
    pub guards: usize,
}

impl Size {
    /// The size of a chart.
    #[must_use]
    pub const fn of<M: Model>(root: &StateSpec<M>) -> Self {
        let mut size = Self { states: 0, edges: 0, rules: 0, actions: 0, guards: 0 };
        size.add(root);
        size
    }

    const fn add<M: Model>(&mut self, state: &StateSpec<M>) {
        self.states += 1;
        self.edges += state.edges.len();
        self.rules += state.rules.len();
        self.actions += state.entry.is_some() as usize + state.exit.is_some() as usize;
        let mut i = 0;
        while i < state.edges.len() {
            self.actions += state.edges[i].effect.is_some() as usize;
            self.guards += state.edges[i].guard.is_some() as usize;
            i += 1;
        }
        i = 0;
        while i < state.rules.len() {
            self.guards += state.rules[i].guard.is_some() as usize;
            i += 1;
        }
        i = 0;
        while i < state.children.len() {
            self.add(&state.children[i]);
            i += 1;
        }
    }
}

/// A chart in document order.
pub struct Flat<M: Model, const S: usize, const E: usize, const R: usize, const A: usize, const G: usize> {
    states: [StateDraft<'static>; S],
    names: [&'static str; S],
    edges: [EdgeDraft<'static>; E],
    rules: [RuleDraft<'static>; R],
    actions: [ActionFn<M>; A],
    guards: [GuardFn<M>; G],
    events: &'static [&'static str],
}

impl<M: Model, const S: usize, const E: usize, const R: usize, const A: usize, const G: usize> Flat<M, S, E, R, A, G> {
    /// Flattens a chart.
    #[must_use]
    pub const fn of(root: &StateSpec<M>, events: &'static [&'static str]) -> Self {
        let mut flat = Self {
            states: [StateDraft::BLANK; S],
            names: [""; S],
            edges: [EdgeDraft::BLANK; E],
            rules: [RuleDraft::BLANK; R],
            actions: [idle::<M>; A],
            guards: [refuse::<M>; G],
            events,
        };
        flat.place(root, NONE, &mut Size { states: 0, edges: 0, rules: 0, actions: 0, guards: 0 });
        flat
    }

    /// The id of the state called `name`.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub const fn id(&self, name: &str) -> StateId {
        match self.draft().find(name) {
            NONE => panic!("a state has the name it was declared with"),
            at => StateId(at),
        }
    }

    /// How many words the lists of targets and events take.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.draft().words()
    }

    /// How many cells the plans take.
    #[must_use]
    pub const fn cells(&self) -> usize {
        S * (self.events.len() + 1)
    }

    const fn place(&mut self, state: &StateSpec<M>, parent: u16, used: &mut Size) {
        let at = used.states;
        self.names[at] = state.name;
        self.states[at] = StateDraft {
            name: state.name,
            parent,
            vertex: state.vertex,
            entry: self.action(state.entry, used),
            exit: self.action(state.exit, used),
            done: NONE,
        };
        used.states += 1;
        let mut i = 0;
        while i < state.edges.len() {
            let edge = &state.edges[i];
            self.edges[used.edges] = EdgeDraft {
                source: at as u16,
                trigger: edge.trigger,
                reach: edge.reach,
                guard: self.guard(edge.guard, used),
                effect: self.action(edge.effect, used),
                targets: edge.targets,
            };
            used.edges += 1;
            i += 1;
        }
        i = 0;
        while i < state.rules.len() {
            let rule = &state.rules[i];
            self.rules[used.rules] = RuleDraft {
                state: at as u16,
                policy: rule.policy,
                scope: rule.scope,
                events: rule.events,
                guard: self.guard(rule.guard, used),
            };
            used.rules += 1;
            i += 1;
        }
        i = 0;
        while i < state.children.len() {
            self.place(&state.children[i], at as u16, used);
            i += 1;
        }
    }

    const fn action(&mut self, action: Option<ActionFn<M>>, used: &mut Size) -> u16 {
        let Some(action) = action else { return NONE };
        self.actions[used.actions] = action;
        used.actions += 1;
        (used.actions - 1) as u16
    }

    const fn guard(&mut self, guard: Option<GuardFn<M>>, used: &mut Size) -> u16 {
        let Some(guard) = guard else { return NONE };
        self.guards[used.guards] = guard;
        used.guards += 1;
        (used.guards - 1) as u16
    }

    const fn draft(&self) -> Draft<'_> {
        Draft {
            states: &self.states,
            edges: &self.edges,
            rules: &self.rules,
            events: self.events.len() as u16,
            semantics: Rules::Uml,
        }
    }

    /// Stops the compiler if there are flaws, and says which.
    const fn refuse_if(&self, flaws: &Flaws<'_>) {
        let count = if flaws.count < flaws.list.len() { flaws.count } else { flaws.list.len() };
        if count > 0 {
            panic!("{}", Refusal::new(flaws.list.split_at(count).0, &self.draft(), self.events).text());
        }
    }
}

/// A chart with its names resolved.
pub struct Resolved<const S: usize, const E: usize, const R: usize, const W: usize> {
    nodes: [Node; S],
    edges: [Edge; E],
    rules: [Rule; R],
    words: [u16; W],
    events: u16,
}

impl<const S: usize, const E: usize, const R: usize, const W: usize> Resolved<S, E, R, W> {
    /// Resolves the names of a chart and checks it.
    ///
    /// # Panics
    ///
    /// If the chart has faults: the message names all of them.
    #[must_use]
    pub const fn of<M: Model, const A: usize, const G: usize>(flat: &Flat<M, S, E, R, A, G>) -> Self {
        let mut resolved = Self {
            nodes: [Node::BLANK; S],
            edges: [Edge::BLANK; E],
            rules: [Rule::BLANK; R],
            words: [0; W],
            events: flat.events.len() as u16,
        };
        let draft = flat.draft();
        let mut list = [Flaw::BLANK; 64];
        let mut flaws = Flaws { list: &mut list, count: 0 };
        check::fits(&draft, &mut flaws);
        flat.refuse_if(&flaws);
        draft.resolve(&mut resolved.nodes, &mut resolved.edges, &mut resolved.words, &mut resolved.rules);
        check::check(&draft, &resolved.topology(), &mut [0; S], &mut flaws);
        flat.refuse_if(&flaws);
        resolved
    }

    /// How many routes and operations there are.
    #[must_use]
    pub const fn plans(&self) -> Used {
        let mut sheet = Sheet::new(&mut [], &mut []);
        lay_out(&self.topology(), &mut [], &mut sheet);
        sheet.used
    }

    const fn topology(&self) -> Topology<'_> {
        Topology {
            nodes: &self.nodes,
            edges: &self.edges,
            words: &self.words,
            rules: &self.rules,
            events: self.events,
            semantics: Rules::Uml,
        }
    }
}

/// The plans of a chart.
pub struct Plans<const C: usize, const R: usize, const O: usize> {
    cells: [u32; C],
    routes: [Route; R],
    ops: [Op; O],
}

impl<const C: usize, const R: usize, const O: usize> Plans<C, R, O> {
    /// Works out the plans of a chart.
    #[must_use]
    pub const fn of<const S: usize, const E: usize, const L: usize, const W: usize>(
        resolved: &Resolved<S, E, L, W>,
    ) -> Self {
        let mut plans = Self { cells: [0; C], routes: [Route::BLANK; R], ops: [Op::Act(NONE); O] };
        let mut sheet = Sheet::new(&mut plans.routes, &mut plans.ops);
        lay_out(&resolved.topology(), &mut plans.cells, &mut sheet);
        plans
    }
}

impl<M: Model> Table<M> {
    /// The table over lists that are part of the program.
    #[doc(hidden)]
    #[must_use]
    pub const fn fixed<
        const S: usize,
        const E: usize,
        const L: usize,
        const A: usize,
        const G: usize,
        const W: usize,
        const C: usize,
        const R: usize,
        const O: usize,
    >(
        flat: &'static Flat<M, S, E, L, A, G>,
        resolved: &'static Resolved<S, E, L, W>,
        plans: &'static Plans<C, R, O>,
    ) -> Self {
        Self {
            nodes: List::Static(&resolved.nodes),
            edges: List::Static(&resolved.edges),
            words: List::Static(&resolved.words),
            rules: List::Static(&resolved.rules),
            cells: List::Static(&plans.cells),
            routes: List::Static(&plans.routes),
            ops: List::Static(&plans.ops),
            rows: List::Static(&[]),
            far: List::Static(&[]),
            actions: Actions::Static(&flat.actions),
            guards: Guards::Static(&flat.guards),
            names: Names::Static(&flat.names),
            event_names: Names::Static(flat.events),
            semantics: Rules::Uml,
            identify: None,
        }
    }
}

/// Fills a list of actions before they are known.
const fn idle<M: Model>(_: &mut M, _: &mut M::Context<'_>, _: &mut Step<'_, M::Event<'_>>) {}

/// Fills a list of guards before they are known.
const fn refuse<M: Model>(_: &M, _: &M::Context<'_>, _: &Query<'_, M::Event<'_>>) -> bool {
    false
}
