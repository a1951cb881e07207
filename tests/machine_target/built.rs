//! A table built at run time in a target, with the same records and methods.

use std::rc::Rc;
use std::sync::Arc;

use rohrpost::machine::{Engine, EventId, Model, State, StateId, Table, Trace, Transition};
use rohrpost::{Arrival, Code, Context, Failure, Kernel, MachineTarget, Message, effect, guard, record};

use crate::rig::{begun, end};

#[derive(Clone, Debug)]
struct Insert(u32);
#[derive(Clone, Debug)]
struct Push;
#[derive(Clone, Debug, PartialEq)]
struct Change(u32);
record!(Insert, "gate.insert" => Change);
record!(Push, "gate.push");
record!(Change, "gate.change");

struct Gate;

impl Model for Gate {
    type Event<'e> = Message<'e>;
    type Context<'c> = Context<'c>;
}

impl Gate {
    fn fits(&self, coin: &Insert, _ctx: &Context<'_>) -> bool {
        coin.0 >= 2
    }

    fn take(&mut self, coin: &Insert, _ctx: &mut Context<'_>) -> Result<Change, Failure> {
        Ok(Change(coin.0 - 2))
    }
}

fn table() -> Table<Gate> {
    let mut builder = Table::<Gate>::builder();
    let [insert] = builder.messages([Arrival::of::<Insert>()]);
    let [push] = builder.messages([Arrival::of::<Push>()]);
    builder
        .initial(Transition::to("locked"))
        .state(
            State::new("locked")
                .on(insert, Transition::to("open").when(guard!(Gate::fits)).effect(effect!(Gate::take)))
                .defer(push),
        )
        .state(State::new("open").on(push, Transition::to("locked")))
        .build()
        .unwrap()
}

#[test]
fn a_table_built_at_run_time_is_a_target_like_any_other() {
    let kernel = Kernel::builder("station").start().unwrap();
    let (hall, mut worker) = kernel.namespace("hall").driven().unwrap();
    let gate = hall.register(MachineTarget::new(Arc::new(table()), Gate)).unwrap();
    let mut push = begun(kernel.ask(gate, Push));
    worker.run_until_idle();
    assert!(end(&mut push).is_none(), "expected the push to wait for a coin");
    let (mut little, mut enough) = (begun(kernel.ask(gate, Insert(1))), begun(kernel.ask(gate, Insert(5))));
    worker.run_until_idle();
    assert_eq!(end(&mut little).unwrap().unwrap_err().code(), Code::NOT_HANDLED);
    assert_eq!(end(&mut enough).unwrap().unwrap(), Change(3));
    assert!(end(&mut push).unwrap().is_ok(), "expected the push to be recalled");
}

#[test]
fn machines_of_one_thread_may_share_a_table_and_be_traced() {
    #[derive(Clone, Default)]
    struct Steps(Rc<std::cell::RefCell<Vec<String>>>);
    impl Trace for Steps {
        fn event(&mut self, event: EventId) {
            self.0.borrow_mut().push(format!("event {}", event.index()));
        }
        fn entered(&mut self, state: StateId) {
            self.0.borrow_mut().push(format!("entered {}", state.index()));
        }
    }

    let kernel = Kernel::builder("station").start().unwrap();
    let (hall, mut worker) = kernel.namespace("hall").driven().unwrap();
    let (table, steps) = (Rc::new(table()), Steps::default());
    let traced = MachineTarget::with_engine(Engine::traced(table.clone(), steps.clone()), Gate);
    let gates = worker
        .build(|thread| [thread.register(traced).unwrap(), thread.register(MachineTarget::new(table, Gate)).unwrap()]);
    for gate in gates {
        kernel.notify(gate, Insert(2)).unwrap();
    }
    worker.run_until_idle();
    assert_eq!(*steps.0.borrow(), ["entered 1", "event 0", "entered 2"]);
    drop(hall);
}
