//! Reads a vector file and runs its cases: charts as data, mapped onto the run-time builder.

use rohrpost::machine::{
    Engine, EventId, Faults, Model, Query, Reach, Rules, State, StateId, Step, Table, Trace, Transition, Trigger,
    Vertex,
};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

/// What the actions of a case act on.
#[derive(Default)]
struct World {
    vars: HashMap<String, i64>,
    events: HashMap<String, EventId>,
    states: HashMap<String, StateId>,
    /// Events for the external queue.
    outbox: Vec<EventId>,
}

impl Model for World {
    type Event<'e> = ();
    type Context<'c> = ();
}

/// One case of a file.
pub(crate) struct Case<'a>(pub(crate) &'a Value);

/// Why a case failed: the first difference.
#[derive(Debug)]
pub(crate) enum Difference {
    /// The table was not made.
    Refused(Faults),
    /// The machine is somewhere else.
    Configuration { after: String, expected: Vec<String>, found: Vec<String> },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(faults) => write!(f, "{faults}"),
            Self::Configuration { after, expected, found } => {
                write!(f, "after {after}: expected {expected:?}, found {found:?}")
            }
        }
    }
}

impl Case<'_> {
    /// The folder of the suite that the case comes from.
    pub(crate) fn group(&self) -> &str {
        text(&self.0["group"])
    }

    /// The name, unique in its group.
    pub(crate) fn name(&self) -> &str {
        text(&self.0["name"])
    }

    /// Runs the case. With a trace that looks, the general algorithm does everything; without, planned routes do their part.
    pub(crate) fn run(&self, trace: impl Trace) -> Result<(), Difference> {
        let mut builder = Table::<World>::builder();
        let names = self.event_names();
        let events = names.iter().map(|name| (name.clone(), builder.event(name))).collect();
        let mut world = World { events, ..World::default() };
        if let Some(vars) = self.0["vars"].as_object() {
            world.vars = vars.iter().map(|(name, value)| (name.clone(), number(value))).collect();
        }
        let root = list(&self.0["states"]).iter().find(|state| state["type"] == "root").expect("a case has a root");
        let root = self.state(root, &world.events);
        let table = builder.rules(Rules::Scxml).root(root).build().map_err(Difference::Refused)?;
        world.states = table.states().map(|state| (table.name_of(state).to_owned(), state)).collect();

        let mut engine = Engine::traced(Arc::new(table), trace);
        engine.start(&mut world, &mut ());
        drain(&mut engine, &mut world);
        compare("the start", &self.0["initialConfiguration"], &engine)?;
        for step in list(&self.0["events"]) {
            let event = world.events[text(&step[0])];
            engine.dispatch(event, &mut (), &mut world, &mut ());
            drain(&mut engine, &mut world);
            compare(text(&step[0]), &step[1], &engine)?;
        }
        Ok(())
    }

    /// Every event that can happen: from outside, sent or raised by an action, or by a completion.
    fn event_names(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> =
            list(&self.0["events"]).iter().map(|step| text(&step[0]).to_owned()).collect();
        for place in list(&self.0["states"]).iter().chain(list(&self.0["transitions"])) {
            for part in ["entry", "exit", "actions", "initial_actions"] {
                let sends = list(&place[part]).iter().filter(|action| matches!(text(&action[0]), "raise" | "send"));
                names.extend(sends.map(|action| text(&action[1]).to_owned()));
            }
        }
        let completing = list(&self.0["states"]).iter().filter(|state| self.completes(state));
        names.extend(completing.map(completion));
        names
    }

    /// Whether a final state inside can complete `state`.
    fn completes(&self, state: &Value) -> bool {
        let mut children = self.children(state).filter(|child| child["type"] != "history").peekable();
        if state["type"] == "parallel" {
            return children.peek().is_some() && children.all(|child| self.completes(child));
        }
        children.any(|child| child["type"] == "final")
    }

    fn children<'v>(&'v self, state: &'v Value) -> impl Iterator<Item = &'v Value> {
        list(&self.0["states"]).iter().filter(move |child| child["parent"] == state["id"])
    }

    fn state(&self, value: &Value, events: &HashMap<String, EventId>) -> State<World> {
        let vertex = match (text(&value["type"]), text(&value["history"])) {
            ("parallel", _) => Vertex::Parallel,
            ("final", _) => Vertex::Final,
            ("history", "deep") => Vertex::DeepHistory,
            ("history", _) => Vertex::ShallowHistory,
            _ => Vertex::State,
        };
        let mut state = State::vertex(vertex, text(&value["id"]));
        if let Some(actions) = actions(&value["entry"]) {
            state = state.entry(move |world, _, step| act_all(&actions, world, step));
        }
        if let Some(actions) = actions(&value["exit"]) {
            state = state.exit(move |world, _, step| act_all(&actions, world, step));
        }
        if self.completes(value) {
            state = state.raise_when_done(events[&completion(value)]);
        }
        for (targets, trigger) in [("initial", Trigger::Initial), ("default", Trigger::Arrival)] {
            if !list(&value[targets]).is_empty() {
                let mut start = Transition::to_all(names(&value[targets]));
                if let Some(actions) = actions(&value["initial_actions"]) {
                    start = start.effect(move |world, _, step| act_all(&actions, world, step));
                }
                state = state.transition(trigger, start);
            }
        }
        for value in list(&self.0["transitions"]).iter().filter(|transition| transition["source"] == value["id"]) {
            for trigger in triggers(value, events) {
                state = state.transition(trigger, transition(value));
            }
        }
        self.children(value).fold(state, |state, child| state.state(self.state(child, events)))
    }
}

fn transition(value: &Value) -> Transition<World> {
    let reach = if value["type"] == "internal" { Reach::Local } else { Reach::External };
    let mut transition = Transition::new(reach, names(&value["targets"]));
    if !value["guard"].is_null() {
        let guard = value["guard"].clone();
        transition = transition.when(move |world, _, query| holds(&guard, world, query));
    }
    if let Some(actions) = actions(&value["actions"]) {
        transition = transition.effect(move |world, _, step| act_all(&actions, world, step));
    }
    transition
}

/// The triggers of a transition: patterns become the events that they match.
fn triggers(value: &Value, events: &HashMap<String, EventId>) -> Vec<Trigger> {
    let patterns = names(&value["events"]);
    if patterns.is_empty() {
        return vec![Trigger::Always];
    }
    if patterns.contains(&"*") {
        return vec![Trigger::Any];
    }
    let matching = events.iter().filter(|(name, _)| patterns.iter().any(|pattern| matches(pattern, name)));
    matching.map(|(_, &event)| Trigger::Event(event)).collect()
}

/// Whether `pattern` is `name`, or a part of it up to a dot.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern = pattern.strip_suffix(".*").unwrap_or(pattern);
    name.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn completion(state: &Value) -> String {
    format!("done.state.{}", text(&state["id"]))
}

fn actions(value: &Value) -> Option<Vec<Value>> {
    let actions = list(value).to_vec();
    (!actions.is_empty()).then_some(actions)
}

fn act_all(actions: &[Value], world: &mut World, step: &mut Step<'_, ()>) {
    for action in actions {
        act(action, world, step);
    }
}

fn act(action: &Value, world: &mut World, step: &mut Step<'_, ()>) {
    let name = text(&action[1]);
    match text(&action[0]) {
        "raise" => step.raise(world.events[name]),
        "send" => world.outbox.push(world.events[name]),
        "set" => drop(world.vars.insert(name.to_owned(), number(&action[2]))),
        "op" => {
            let (value, by) = (world.vars.entry(name.to_owned()).or_default(), number(&action[3]));
            *value = match text(&action[2]) {
                "+" => *value + by,
                "-" => *value - by,
                "*" => *value * by,
                "^" => value.pow(u32::try_from(by).expect("an exponent")),
                operator => panic!("unknown operator {operator}"),
            };
        }
        unknown => panic!("unknown action {unknown}"),
    }
}

fn holds(guard: &Value, world: &World, query: &Query<'_, ()>) -> bool {
    match text(&guard[0]) {
        "const" => guard[1] == true,
        "in" => query.is_in(world.states[text(&guard[1])]),
        "eq" => world.vars.get(text(&guard[1])).copied().unwrap_or(0) == number(&guard[2]),
        "and" => list(guard).iter().skip(1).all(|part| holds(part, world, query)),
        "not" => !holds(&guard[1], world, query),
        unknown => panic!("unknown guard {unknown}"),
    }
}

/// Handles what actions have sent to the external queue.
fn drain<T: Trace>(engine: &mut Engine<Arc<Table<World>>, T>, world: &mut World) {
    while !world.outbox.is_empty() {
        let event = world.outbox.remove(0);
        engine.dispatch(event, &mut (), world, &mut ());
    }
}

fn compare<T: Trace>(after: &str, expected: &Value, engine: &Engine<Arc<Table<World>>, T>) -> Result<(), Difference> {
    let expected: BTreeSet<&str> = names(expected).into_iter().collect();
    let found: BTreeSet<&str> = engine.leaves().map(|state| engine.table().name_of(state)).collect();
    if expected == found {
        return Ok(());
    }
    let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
    Err(Difference::Configuration { after: after.to_owned(), expected: owned(expected), found: owned(found) })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn number(value: &Value) -> i64 {
    value.as_i64().expect("a number")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn names(value: &Value) -> Vec<&str> {
    list(value).iter().map(text).collect()
}
