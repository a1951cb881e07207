//! Random charts and random mail: in a target everything happens in the order in which it does in a machine alone.
//!
//! The machine alone keeps its deferred events in a list and offers them again at once; a target holds messages and has
//! them delivered through the waiting list of its thread. Both must come to the same.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::{ProptestConfig, any, prop, prop_assert_eq, proptest};
use rohrpost::machine::{Builder, EventId, Machine, Model, Policy, Query, Scope, State, Step, Table, Transition};
use rohrpost::{Arrival, Context, Kernel, MachineTarget, Message, record};

macro_rules! records {
    ($($record:ident $name:literal)*) => {
        $(
            #[derive(Clone, Debug)]
            struct $record;
            record!($record, $name);
        )*
    };
}
records! { A "random.a" B "random.b" C "random.c" D "random.d" }

const EVENTS: usize = 4;
const LEAVES: usize = 6;

/// What a machine has done. Odd lengths open some guards.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn is_odd(&self) -> bool {
        self.0.lock().unwrap().len() % 2 == 1
    }
}

trait Logs: Model {
    fn log(&self) -> &Log;
}

struct Alone(Log);
impl Model for Alone {
    type Event<'e> = usize;
    type Context<'c> = ();
}
impl Logs for Alone {
    fn log(&self) -> &Log {
        &self.0
    }
}

struct Housed(Log);
impl Model for Housed {
    type Event<'e> = Message<'e>;
    type Context<'c> = Context<'c>;
}
impl Logs for Housed {
    fn log(&self) -> &Log {
        &self.0
    }
}

/// The same chart for the same bytes: three leaves in each of two states, with transitions and rules that the bytes choose.
fn chart<M: Logs>(builder: Builder<M>, events: [EventId; EVENTS], bytes: &[u8]) -> Table<M> {
    let mut bytes = bytes.iter().copied().cycle();
    let mut choose = move |below: usize| usize::from(bytes.next().unwrap_or(0)) % below;
    let mut builder = builder.initial(Transition::to("s0"));
    for outer in 0..2 {
        let name = format!("o{outer}");
        let mut state = State::new(&name).initial(Transition::to(format!("s{}", outer * 3)));
        state = furnish(state, &name, events, &mut choose);
        for inner in 0..3 {
            let name = format!("s{}", outer * 3 + inner);
            let mut leaf = State::new(&name);
            leaf = furnish(leaf, &name, events, &mut choose);
            // So that there is a way to each leaf.
            let next = format!("s{}", (outer * 3 + inner + 1) % LEAVES);
            state = state.state(leaf.on(events[0], Transition::to(next)));
        }
        builder = builder.state(state);
    }
    builder.build().unwrap()
}

fn furnish<M: Logs>(
    mut state: State<M>,
    name: &str,
    events: [EventId; EVENTS],
    choose: &mut impl FnMut(usize) -> usize,
) -> State<M> {
    let (entered, left) = (format!("+{name}"), format!("-{name}"));
    state = state
        .entry(move |me: &mut M, _: &mut M::Context<'_>, _: &mut Step<'_, M::Event<'_>>| me.log().note(entered.clone()))
        .exit(move |me: &mut M, _: &mut M::Context<'_>, _: &mut Step<'_, M::Event<'_>>| me.log().note(left.clone()));
    for (at, &event) in events.iter().enumerate().skip(1) {
        let said = format!("{name}:{at}");
        let effect =
            move |me: &mut M, _: &mut M::Context<'_>, _: &mut Step<'_, M::Event<'_>>| me.log().note(said.clone());
        let odd = |me: &M, _: &M::Context<'_>, _: &Query<'_, M::Event<'_>>| me.log().is_odd();
        state = match choose(7) {
            0 => state.on(event, Transition::to(format!("s{}", choose(LEAVES))).effect(effect)),
            1 => state.on(event, Transition::to(format!("s{}", choose(LEAVES))).effect(effect).when(odd)),
            2 => state.on(event, Transition::internal().effect(effect)),
            3 => state.defer(event),
            4 => state.defer_if(event, odd),
            5 => state.rule(Policy::Drop, Scope::Only, [event]),
            _ => state,
        };
    }
    state
}

fn alone(bytes: &[u8], mail: &[u8]) -> Vec<String> {
    let mut builder = Table::<Alone>::builder();
    let events = ["a", "b", "c", "d"].map(|name| builder.event(name));
    let table = chart(builder.identify(move |&event| events[event]), events, bytes);
    let log = Log::default();
    let mut machine = Machine::new(&table, Alone(log.clone())).deferring(usize::MAX);
    machine.start(Duration::ZERO, &mut ());
    for &event in mail {
        machine.handle(usize::from(event) % EVENTS, Duration::ZERO, &mut ()).expect("there is no bound");
    }
    let log = log.0.lock().unwrap();
    log.clone()
}

fn housed(bytes: &[u8], mail: &[u8]) -> Vec<String> {
    let mut builder = Table::<Housed>::builder();
    let arrivals = [Arrival::of::<A>(), Arrival::of::<B>(), Arrival::of::<C>(), Arrival::of::<D>()];
    let events = builder.messages(arrivals);
    let table = Arc::new(chart(builder, events, bytes));
    let log = Log::default();
    let kernel = Kernel::builder("random").start().unwrap();
    let (space, mut worker) = kernel.namespace("space").driven().unwrap();
    let target = space.register(MachineTarget::new(table, Housed(log.clone())).deferring(usize::MAX)).unwrap();
    // All at once: what comes later must not overtake what is recalled.
    for &event in mail {
        match usize::from(event) % EVENTS {
            0 => kernel.notify(target, A),
            1 => kernel.notify(target, B),
            2 => kernel.notify(target, C),
            _ => kernel.notify(target, D),
        }
        .unwrap();
    }
    worker.run_until_idle();
    space.deregister(target).unwrap();
    worker.run_until_idle();
    let counters = kernel.counters();
    assert!(counters.is_balanced(), "expected every message to end once: {counters:?}");
    let log = log.0.lock().unwrap();
    log.clone()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_machine_in_a_target_does_what_a_machine_alone_does(
        bytes in prop::collection::vec(any::<u8>(), 1..80),
        mail in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        prop_assert_eq!(housed(&bytes, &mail), alone(&bytes, &mail));
    }
}
