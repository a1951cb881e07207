//! Loads a chart from a JSON file and steps it from standard input.
//!
//! ```text
//! cargo run --example statechart                              a small chart of its own
//! cargo run --example statechart -- FILE.json                 which charts are in the file
//! cargo run --example statechart -- FILE.json GROUP/NAME      one of them
//! cargo run --example statechart -- FILE.json GROUP/NAME --dot    its diagram, for Graphviz
//! ```
//!
//! Each line from standard input is an event; if there is none, the chart's own events are played.
//!
//! Look at `Loader`: the builder of the library takes a chart that is known only at run time, checks it, and names all its
//! faults. Look at `Steps`: a trace sees everything that a machine does. The file has charts as the vectors of the
//! conformance test have them: `states` and `transitions` in document order, with guards and actions on counters.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to its reader")]

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::io::{BufRead, stdin};
use std::process::ExitCode;
use std::rc::Rc;

use rohrpost::machine::{
    Engine, EventId, Format, Model, Query, Reach, Rules, State, StateId, Step, Table, Trace, Transition, Trigger,
    Verdict, Vertex,
};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A machine that makes coffee, while its lamp tells what it does.
fn built_in() -> Value {
    json!({
        "group": "example", "name": "coffee", "vars": { "beans": 2 },
        "states": [
            { "id": "root", "type": "root", "initial": ["machine"] },
            { "id": "machine", "type": "parallel", "parent": "root" },
            { "id": "work", "type": "state", "parent": "machine", "initial": ["idle"] },
            { "id": "idle", "type": "state", "parent": "work" },
            { "id": "brewing", "type": "state", "parent": "work", "entry": [["op", "beans", "-", 1]] },
            { "id": "empty", "type": "state", "parent": "work" },
            { "id": "lamp", "type": "state", "parent": "machine", "initial": ["green"] },
            { "id": "green", "type": "state", "parent": "lamp" },
            { "id": "red", "type": "state", "parent": "lamp" },
        ],
        "transitions": [
            { "source": "idle", "events": ["coffee"], "targets": ["brewing"], "guard": ["not", ["eq", "beans", 0]] },
            { "source": "idle", "events": ["coffee"], "targets": ["empty"] },
            { "source": "brewing", "events": ["ready"], "targets": ["idle"] },
            { "source": "empty", "events": ["fill"], "targets": ["idle"], "actions": [["set", "beans", 2]] },
            { "source": "green", "events": [], "targets": ["red"], "guard": ["not", ["in", "idle"]] },
            { "source": "red", "events": [], "targets": ["green"], "guard": ["in", "idle"] },
        ],
        "events": [["coffee", []], ["ready", []], ["coffee", []], ["ready", []], ["coffee", []], ["fill", []]],
    })
}

/// What the actions of a chart act on.
#[derive(Default)]
struct World {
    counters: HashMap<String, i64>,
    events: HashMap<String, EventId>,
    states: HashMap<String, StateId>,
    /// Events for when the present one is done.
    outbox: Vec<EventId>,
}

impl Model for World {
    type Event<'e> = ();
    type Context<'c> = ();
}

/// Writes down what the machine does.
#[derive(Clone, Default)]
struct Steps(Rc<RefCell<Vec<(char, u16)>>>);

impl Trace for Steps {
    fn left(&mut self, state: StateId) {
        self.0.borrow_mut().push(('-', state.index()));
    }

    fn entered(&mut self, state: StateId) {
        self.0.borrow_mut().push(('+', state.index()));
    }
}

/// Makes a table of one case.
struct Loader<'a> {
    case: &'a Value,
    events: HashMap<String, EventId>,
}

impl Loader<'_> {
    fn load(case: &Value) -> Result<(Table<World>, World)> {
        let mut builder = Table::<World>::builder();
        let loader =
            Loader { case, events: event_names(case).map(|name| (name.clone(), builder.event(name))).collect() };
        let root = list(&case["states"]).iter().find(|state| state["type"] == "root");
        let root = loader.state(root.ok_or("the chart has no state of type \"root\"")?)?;
        let table = builder.rules(Rules::Scxml).root(root).build()?;
        let counters = case["vars"].as_object().into_iter().flatten();
        let world = World {
            counters: counters.map(|(name, value)| Ok((name.clone(), number(value)?))).collect::<Result<_>>()?,
            states: table.states().map(|state| (table.name_of(state).to_owned(), state)).collect(),
            events: loader.events,
            outbox: Vec::new(),
        };
        Ok((table, world))
    }

    fn state(&self, value: &Value) -> Result<State<World>> {
        let vertex = match (text(&value["type"]), text(&value["history"])) {
            ("root" | "state", _) => Vertex::State,
            ("parallel", _) => Vertex::Parallel,
            ("final", _) => Vertex::Final,
            ("history", "deep") => Vertex::DeepHistory,
            ("history", _) => Vertex::ShallowHistory,
            (other, _) => return Err(format!("{:?} is no type of a state, in {value}", other).into()),
        };
        let mut state = State::vertex(vertex, text(&value["id"]));
        if let Some(run) = actions(&value["entry"])? {
            state = state.entry(move |world, _, step| run.iter().for_each(|action| action.run(world, step)));
        }
        if let Some(run) = actions(&value["exit"])? {
            state = state.exit(move |world, _, step| run.iter().for_each(|action| action.run(world, step)));
        }
        for (targets, trigger) in [("initial", Trigger::Initial), ("default", Trigger::Arrival)] {
            if !list(&value[targets]).is_empty() {
                let start = transition(Reach::External, &value[targets], &value["initial_actions"])?;
                state = state.transition(trigger, start);
            }
        }
        if let Some(&done) = self.events.get(&format!("done.state.{}", text(&value["id"]))) {
            state = state.raise_when_done(done);
        }
        for value in list(&self.case["transitions"]).iter().filter(|edge| edge["source"] == value["id"]) {
            for trigger in self.triggers(value) {
                let reach = if value["type"] == "internal" { Reach::Local } else { Reach::External };
                let mut transition = transition(reach, &value["targets"], &value["actions"])?;
                if let Some(guard) = Guard::read(&value["guard"])? {
                    transition = transition.when(move |world, _, query| guard.holds(world, query));
                }
                state = state.transition(trigger, transition);
            }
        }
        for child in list(&self.case["states"]).iter().filter(|child| child["parent"] == value["id"]) {
            state = state.state(self.state(child)?);
        }
        Ok(state)
    }

    /// A pattern stands for all events that begin with it, up to a dot.
    fn triggers(&self, value: &Value) -> Vec<Trigger> {
        let patterns: Vec<&str> = list(&value["events"]).iter().map(text).collect();
        if patterns.is_empty() {
            return vec![Trigger::Always];
        }
        if patterns.contains(&"*") {
            return vec![Trigger::Any];
        }
        let matches = |name: &str, pattern: &&str| {
            let rest = name.strip_prefix(pattern.strip_suffix(".*").unwrap_or(pattern));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let known = self.events.iter().filter(|(name, _)| patterns.iter().any(|pattern| matches(name, pattern)));
        known.map(|(_, &event)| Trigger::Event(event)).collect()
    }
}

fn transition(reach: Reach, targets: &Value, effects: &Value) -> Result<Transition<World>> {
    let transition = Transition::new(reach, list(targets).iter().map(text));
    Ok(match actions(effects)? {
        None => transition,
        Some(run) => transition.effect(move |world, _, step| run.iter().for_each(|action| action.run(world, step))),
    })
}

enum Action {
    Raise(String),
    Send(String),
    Set(String, i64),
    Add(String, i64),
    Multiply(String, i64),
    Power(String, u32),
}

impl Action {
    fn read(value: &Value) -> Result<Self> {
        let name = text(&value[1]).to_owned();
        Ok(match (text(&value[0]), text(&value[2])) {
            ("raise", _) => Self::Raise(name),
            ("send", _) => Self::Send(name),
            ("set", _) => Self::Set(name, number(&value[2])?),
            ("op", "+") => Self::Add(name, number(&value[3])?),
            ("op", "-") => Self::Add(name, -number(&value[3])?),
            ("op", "*") => Self::Multiply(name, number(&value[3])?),
            ("op", "^") => Self::Power(name, u32::try_from(number(&value[3])?)?),
            _ => return Err(format!("this is no action: {value}").into()),
        })
    }

    fn run(&self, world: &mut World, step: &mut Step<'_, ()>) {
        match self {
            Self::Raise(event) => world.events.get(event).into_iter().for_each(|&event| step.raise(event)),
            Self::Send(event) => world.outbox.extend(world.events.get(event)),
            Self::Set(name, value) => *world.counters.entry(name.clone()).or_default() = *value,
            Self::Add(name, value) => world.change(name, |counter| counter.wrapping_add(*value)),
            Self::Multiply(name, value) => world.change(name, |counter| counter.wrapping_mul(*value)),
            Self::Power(name, value) => world.change(name, |counter| counter.wrapping_pow(*value)),
        }
    }
}

impl World {
    fn change(&mut self, name: &str, change: impl FnOnce(i64) -> i64) {
        let counter = self.counters.entry(name.to_owned()).or_default();
        *counter = change(*counter);
    }
}

enum Guard {
    Constant(bool),
    In(String),
    Equal(String, i64),
    All(Vec<Self>),
    Not(Box<Self>),
}

impl Guard {
    fn read(value: &Value) -> Result<Option<Self>> {
        if value.is_null() {
            return Ok(None);
        }
        let part = |value| Self::read(value)?.ok_or_else(|| format!("a guard is missing in {value}").into());
        Ok(Some(match text(&value[0]) {
            "const" => Self::Constant(value[1] == true),
            "in" => Self::In(text(&value[1]).to_owned()),
            "eq" => Self::Equal(text(&value[1]).to_owned(), number(&value[2])?),
            "and" => Self::All(list(value).iter().skip(1).map(part).collect::<Result<_>>()?),
            "not" => Self::Not(Box::new(part(&value[1])?)),
            _ => return Err(format!("this is no guard: {value}").into()),
        }))
    }

    fn holds(&self, world: &World, query: &Query<'_, ()>) -> bool {
        match self {
            Self::Constant(value) => *value,
            Self::In(state) => world.states.get(state).is_some_and(|&state| query.is_in(state)),
            Self::Equal(name, value) => world.counters.get(name).copied().unwrap_or(0) == *value,
            Self::All(parts) => parts.iter().all(|part| part.holds(world, query)),
            Self::Not(part) => !part.holds(world, query),
        }
    }
}

/// Everything that can happen: what the case sends, what transitions wait for, what actions raise.
fn event_names(case: &Value) -> impl Iterator<Item = String> {
    let sent = list(&case["events"]).iter().map(|step| text(&step[0]));
    let awaited = list(&case["transitions"]).iter().flat_map(|edge| list(&edge["events"])).map(text);
    let places = list(&case["states"]).iter().chain(list(&case["transitions"]));
    let lists = places.flat_map(|place| ["entry", "exit", "actions", "initial_actions"].map(|part| &place[part]));
    let actions = lists.flat_map(list).filter(|action| matches!(text(&action[0]), "raise" | "send"));
    let names = sent.chain(awaited).chain(actions.map(|action| text(&action[1])));
    names.filter(|name| !name.contains('*')).map(str::to_owned).collect::<BTreeSet<_>>().into_iter()
}

fn actions(value: &Value) -> Result<Option<Vec<Action>>> {
    let actions = list(value).iter().map(Action::read).collect::<Result<Vec<_>>>()?;
    Ok(Some(actions).filter(|actions| !actions.is_empty()))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> Result<i64> {
    value.as_i64().ok_or_else(|| format!("{value} is no whole number").into())
}

/// A machine on the way.
struct Session<'t> {
    engine: Engine<&'t Table<World>, Steps>,
    world: World,
    steps: Steps,
}

impl Session<'_> {
    /// Hands the machine an event, and what its actions have sent.
    fn handle(&mut self, name: &str) {
        let Some(&event) = self.world.events.get(name) else {
            let mut known: Vec<&str> = self.world.events.keys().map(String::as_str).collect();
            known.sort_unstable();
            return println!("{name:<12} is no event; there are {}", known.join(", "));
        };
        let outcome = self.engine.dispatch(event, &mut (), &mut self.world, &mut ());
        while !self.world.outbox.is_empty() {
            let sent = self.world.outbox.remove(0);
            self.engine.dispatch(sent, &mut (), &mut self.world, &mut ());
        }
        self.show(name, outcome.verdict());
    }

    fn show(&self, cause: &str, verdict: Verdict) {
        let table = self.engine.table();
        let steps = self.steps.0.take();
        let steps: Vec<String> =
            steps.iter().map(|&(sign, state)| format!("{sign}{}", table.name_of(StateId::new(state)))).collect();
        let active: Vec<&str> = self.engine.leaves().map(|state| table.name_of(state)).collect();
        let mut counters: Vec<_> = self.world.counters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        counters.sort_unstable();
        let verdict = if verdict == Verdict::Handled { String::new() } else { format!(" ({verdict:?})") };
        println!("{cause:<12} [{}] {}{verdict}  {}", active.join(" "), counters.join(" "), steps.join(" "));
    }
}

/// The chart that the arguments name; none if they only ask which there are.
fn choose(arguments: &[String]) -> Result<Option<Value>> {
    let mut names = arguments.iter().filter(|argument| !argument.starts_with("--"));
    let Some(file) = names.next() else {
        return Ok(Some(built_in()));
    };
    let content = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let content: Value = serde_json::from_str(&content).map_err(|error| format!("{file}: {error}"))?;
    if content["states"].is_array() {
        return Ok(Some(content));
    }
    let cases = list(if content.is_array() { &content } else { &content["cases"] });
    let title = |case: &Value| format!("{}/{}", text(&case["group"]), text(&case["name"]));
    let wanted = names.next();
    let found = match (cases, wanted) {
        ([], _) => return Err(format!("{file} has no chart: neither `states` nor `cases`").into()),
        ([only], None) => Some(only),
        (_, None) => {
            cases.iter().for_each(|case| println!("{}", title(case)));
            return Ok(None);
        }
        (_, Some(wanted)) => cases.iter().find(|case| title(case) == *wanted),
    };
    found.cloned().map(Some).ok_or_else(|| format!("{file} has no chart {}", wanted.map_or("", |name| name)).into())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(case) = choose(&arguments)? else {
        return Ok(());
    };
    let (table, mut world) = Loader::load(&case)?;
    let steps = Steps::default();
    let mut engine = Engine::traced(&table, steps.clone());
    let outcome = engine.start(&mut world, &mut ());
    if arguments.iter().any(|argument| argument == "--dot") {
        println!("{}", table.diagram(Format::Dot).mark(engine.leaves()));
        return Ok(());
    }
    let mut session = Session { engine, world, steps };
    session.show("(start)", outcome.verdict());
    let mut lines = 0;
    for line in stdin().lock().lines() {
        session.handle(line?.trim());
        lines += 1;
    }
    if lines == 0 {
        list(&case["events"]).iter().for_each(|step| session.handle(text(&step[0])));
    }
    Ok(())
}
