//! From a builder to a table: flatten, check, work out.

use super::{
    Builder, EventId, Faults, Model, State, Table, check,
    core::NEAR,
    draft::{Draft, EdgeDraft, RuleDraft, StateDraft},
    fault::{Flaw, Flaws},
    flow::{Flow, Plans},
    hooks::{ActionBox, GuardBox},
    ids::NONE,
    layout::lay_out,
    list::{Actions, Guards, List, Names},
    plan::{NOBODY, Op, Route, Sheet},
    topology::{Edge, Node, Rule},
};
use std::array;

/// A state with its children taken out, in its place in document order.
struct Placed<M: Model> {
    parent: u16,
    state: State<M>,
}

/// The functions of a chart, by position.
struct Hooks<M: Model> {
    actions: Vec<ActionBox<M>>,
    guards: Vec<GuardBox<M>>,
}

pub(super) fn assemble<M: Model>(builder: Builder<M>) -> Result<Table<M>, Faults> {
    let mut placed = Vec::new();
    place(builder.root, NONE, &mut placed);
    let mut hooks = Hooks { actions: Vec::new(), guards: Vec::new() };
    let states: Vec<[u16; 2]> = placed
        .iter_mut()
        .map(|placed| [hooks.action(placed.state.entry.take()), hooks.action(placed.state.exit.take())])
        .collect();
    let transitions: Vec<Vec<[u16; 2]>> =
        placed.iter_mut().map(|placed| hooks.transitions(&mut placed.state)).collect();
    let rules: Vec<Vec<u16>> = placed.iter_mut().map(|placed| hooks.rules(&mut placed.state)).collect();
    let targets: Vec<Vec<Vec<&str>>> = placed.iter().map(|placed| target_names(&placed.state)).collect();

    let state_drafts: Vec<_> = placed
        .iter()
        .zip(&states)
        .map(|(placed, &[entry, exit])| StateDraft {
            name: &placed.state.name,
            parent: placed.parent,
            vertex: placed.state.vertex,
            entry,
            exit,
            done: placed.state.done.map_or(NONE, |event| event.0),
        })
        .collect();
    let mut edge_drafts = Vec::new();
    let mut rule_drafts = Vec::new();
    for (at, placed) in placed.iter().enumerate() {
        for (i, (trigger, transition)) in placed.state.transitions.iter().enumerate() {
            let [guard, effect] = transitions[at][i];
            edge_drafts.push(EdgeDraft {
                source: at as u16,
                trigger: *trigger,
                reach: transition.reach,
                guard,
                effect,
                targets: &targets[at][i],
            });
        }
        for (i, rule) in placed.state.rules.iter().enumerate() {
            rule_drafts.push(RuleDraft {
                state: at as u16,
                policy: rule.policy,
                scope: rule.scope,
                events: &rule.events,
                guard: rules[at][i],
            });
        }
    }
    let event_names: Vec<&str> = builder.events.iter().map(String::as_str).collect();
    let draft = Draft {
        states: &state_drafts,
        edges: &edge_drafts,
        rules: &rule_drafts,
        events: u16::try_from(event_names.len()).unwrap_or(NONE),
        semantics: builder.semantics,
    };
    let parts = Parts::of(&draft, &event_names)?;
    let (rows, far) = parts.flows(&hooks, event_names.len());
    Ok(Table {
        nodes: parts.nodes,
        edges: parts.edges,
        words: parts.words,
        rules: parts.rules,
        cells: parts.cells,
        routes: parts.routes,
        ops: parts.ops,
        rows,
        far,
        actions: Actions::Owned(hooks.actions.into()),
        guards: Guards::Owned(hooks.guards.into()),
        names: Names::Owned(placed.iter().map(|placed| placed.state.name.as_str().into()).collect()),
        event_names: Names::Owned(event_names.into_iter().map(Into::into).collect()),
        semantics: builder.semantics,
        identify: builder.identify,
    })
}

fn place<M: Model>(mut state: State<M>, parent: u16, placed: &mut Vec<Placed<M>>) {
    let at = u16::try_from(placed.len()).unwrap_or(NONE);
    let children = std::mem::take(&mut state.children);
    placed.push(Placed { parent, state });
    for child in children {
        place(child, at, placed);
    }
}

fn target_names<M: Model>(state: &State<M>) -> Vec<Vec<&str>> {
    state.transitions.iter().map(|(_, transition)| transition.targets.iter().map(String::as_str).collect()).collect()
}

impl<M: Model> Hooks<M> {
    fn action(&mut self, action: Option<ActionBox<M>>) -> u16 {
        keep(&mut self.actions, action)
    }

    fn guard(&mut self, guard: Option<GuardBox<M>>) -> u16 {
        keep(&mut self.guards, guard)
    }

    fn transitions(&mut self, state: &mut State<M>) -> Vec<[u16; 2]> {
        let transitions = state.transitions.iter_mut();
        transitions
            .map(|(_, transition)| [self.guard(transition.guard.take()), self.action(transition.effect.take())])
            .collect()
    }

    fn rules(&mut self, state: &mut State<M>) -> Vec<u16> {
        state.rules.iter_mut().map(|rule| self.guard(rule.guard.take())).collect()
    }
}

fn keep<H>(list: &mut Vec<H>, hook: Option<H>) -> u16 {
    hook.map_or(NONE, |hook| {
        list.push(hook);
        (list.len() - 1) as u16
    })
}

/// The parts of a table that are plain data.
struct Parts {
    nodes: List<Node>,
    edges: List<Edge>,
    words: List<u16>,
    rules: List<Rule>,
    cells: List<u32>,
    routes: List<Route>,
    ops: List<Op>,
}

impl Parts {
    fn of(draft: &Draft<'_>, events: &[&str]) -> Result<Self, Faults> {
        refuse(draft, events, |flaws| {
            check::fits(draft, flaws);
        })?;
        let mut nodes = vec![Node::BLANK; draft.states.len()];
        let mut edges = vec![Edge::BLANK; draft.edges.len()];
        let mut words = vec![0; draft.words()];
        let mut rules = vec![Rule::BLANK; draft.rules.len()];
        let chart = check::resolve(draft, &mut nodes, &mut edges, &mut words, &mut rules);
        refuse(draft, events, |flaws| check::check(draft, &chart, &mut vec![0; draft.states.len()], flaws))?;

        let mut count = Sheet::new(&mut [], &mut []);
        lay_out(&chart, &mut [], &mut count);
        let used = count.used;
        let mut cells = vec![0; draft.states.len() * (usize::from(draft.events) + 1)];
        let mut routes = vec![Route::BLANK; used.routes];
        let mut ops = vec![Op::Act(NONE); used.ops];
        lay_out(&chart, &mut cells, &mut Sheet::new(&mut routes, &mut ops));
        Ok(Self {
            nodes: List::Owned(nodes.into()),
            edges: List::Owned(edges.into()),
            words: List::Owned(words.into()),
            rules: List::Owned(rules.into()),
            cells: List::Owned(cells.into()),
            routes: List::Owned(routes.into()),
            ops: List::Owned(ops.into()),
        })
    }

    /// The plans with their functions: [`Table::rows`] and [`Table::far`].
    fn flows<M: Model>(&self, hooks: &Hooks<M>, named: usize) -> (List<[Flow<M>; NEAR]>, List<Flow<M>>) {
        let cells = self.cells.all().chunks(named + 1);
        let ignored: Vec<u16> = cells
            .clone()
            .map(|vertex| (0..NEAR).map(|event| u16::from(vertex[event.min(named)] == NOBODY) << event).sum())
            .collect();
        let mut plans = Plans::new(self.routes.all(), self.ops.all(), &hooks.actions, &hooks.guards, &ignored);
        let mut flow = |vertex: &[u32], event: usize| match event < named {
            true => plans.flow(vertex[event], EventId(event as u16)),
            false => plans.flow(vertex[named], EventId::OTHER),
        };
        let rows = cells.clone().map(|vertex| array::from_fn(|event| flow(vertex, event))).collect();
        let far = cells.flat_map(|vertex| (NEAR..named + 1).map(move |event| (vertex, event)));
        let far = far.map(|(vertex, event)| flow(vertex, event)).collect();
        (List::Owned(rows), List::Owned(far))
    }
}

/// Runs a check twice: to count the faults, and to write them down.
fn refuse(draft: &Draft<'_>, events: &[&str], mut check: impl FnMut(&mut Flaws<'_>)) -> Result<(), Faults> {
    let mut count = Flaws { list: &mut [], count: 0 };
    check(&mut count);
    if count.count == 0 {
        return Ok(());
    }
    let mut list = vec![Flaw::BLANK; count.count];
    check(&mut Flaws { list: &mut list, count: 0 });
    Err(Faults::name(&list, draft, events))
}

#[cfg(test)]
mod tests {
    use super::{EventId, Model, State, Table};
    use crate::machine::{Engine, Transition};

    struct Walker;

    impl Model for Walker {
        type Event<'e> = ();
        type Context<'c> = ();
    }

    /// A ring of `len` states that `next` goes around, where only the last one takes `stop`.
    fn ring(len: usize) -> Table<Walker> {
        let mut builder = Table::<Walker>::builder();
        let (next, stop) = (builder.event("next"), builder.event("stop"));
        let builder = (0..len).fold(builder.initial(Transition::to("0")), |builder, at| {
            let state = State::new(at.to_string()).on(next, Transition::to(((at + 1) % len).to_string()));
            builder.state(if at + 1 == len { state.on(stop, Transition::internal()) } else { state })
        });
        builder.build().expect("the chart has no faults")
    }

    #[test]
    fn plans_are_found_whatever_the_number_of_states() {
        for len in 1..10 {
            let table = ring(len);
            let mut engine = Engine::new(&table);
            engine.start(&mut Walker, &mut ());
            let takes = |event, engine: &mut Engine<_>| {
                engine.dispatch(EventId(event), &mut (), &mut Walker, &mut ()).is_handled()
            };
            for at in 0..2 * len {
                let name = (at % len).to_string();
                assert_eq!(Some(engine.state()), table.state(&name), "expected state {name} of {len}");
                assert_eq!(takes(1, &mut engine), at % len + 1 == len, "`stop` in state {name} of {len}");
                assert!(
                    !takes(2, &mut engine),
                    "expected an event without a name to be left alone, in {name} of {len}"
                );
                assert!(!takes(u16::MAX, &mut engine), "expected the same of the last of them");
                assert!(takes(0, &mut engine), "expected `next` to be taken in {name} of {len}");
            }
        }
    }

    /// Two states of `len` events: `a` takes those that can be divided by three, `b` takes any, and each moves to the other.
    fn pair(len: u16) -> Table<Walker> {
        let mut builder = Table::<Walker>::builder();
        let events: Vec<EventId> = (0..len).map(|at| builder.event(at.to_string())).collect();
        let a = events.iter().step_by(3).fold(State::new("a"), |a, &event| a.on(event, Transition::to("b")));
        let b = State::new("b").on_any(Transition::to("a"));
        builder.initial(Transition::to("a")).state(a).state(b).build().expect("the chart has no faults")
    }

    #[test]
    fn plans_are_found_whatever_the_number_of_events() {
        for len in [1, 2, 14, 15, 16, 17, 18, 40] {
            let table = pair(len);
            let mut engine = Engine::new(&table);
            engine.start(&mut Walker, &mut ());
            let mut handled = |event| engine.dispatch(EventId(event), &mut (), &mut Walker, &mut ()).is_handled();
            for event in (0..len + 20).chain([u16::MAX]) {
                let takes = event < len && event % 3 == 0;
                assert_eq!(handled(event), takes, "event {event} of {len} in `a`");
                if !takes {
                    assert!(handled(0), "expected the first event of {len} to be taken in `a`");
                }
                assert!(handled(event), "expected event {event} of {len} to be taken in `b`");
            }
        }
    }
}
