//! Timeouts of states in a target: armed on entry, cancelled on exit, never stale.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::machine::Snapshot;
use rohrpost::{
    Address, Code, Driven, Kernel, MachineTarget, ManualClock, NamespaceBuilder, OnPanic, Setup, WhichState, hsm,
    record,
};

use crate::rig::{begun, end};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
struct Press;
#[derive(Clone, Debug)]
struct Again;
#[derive(Clone, Debug)]
struct Block;
#[derive(Clone, Debug)]
struct Crash;
record!(Press, "light.press");
record!(Again, "light.again");
record!(Block, "light.block");
record!(Crash, "light.crash");
#[derive(Clone, Debug)]
struct Slam;
record!(Slam, "light.slam");

hsm! {
    chart LightChart for Light;
    messages LightEvent { Press, Again, Block, Crash, Slam }

    initial Off;
    on Crash / |_, _, _| panic!("crashed");

    state Off {
        entry |light, _, _| light.note("off");
        on Press => On;
    }
    state On {
        initial Bright;
        entry |light, _, _| light.note("on");
        on Again => On;
        on Press => Off;
        on Slam => Off / |_, _, _| panic!("slammed");
        after Duration::from_secs(10) => Off / |light, _, step| light.expire(step.event().is_some());

        state Bright {
            after Duration::from_secs(4), if |light, _, _| !light.broken => Dim;
            on Block => Blocked;
        }
        state Dim {
            entry |light, _, _| light.note("dim");
        }
        state Blocked {
            defer Press;
        }
    }
}

#[derive(Clone, Default, Debug)]
struct Light {
    log: Arc<Mutex<Vec<&'static str>>>,
    broken: bool,
}

impl Light {
    fn note(&self, line: &'static str) {
        self.log.lock().unwrap().push(line);
    }

    fn expire(&self, has_event: bool) {
        self.note(if has_event { "an event" } else { "expired" });
    }
}

struct House {
    kernel: Kernel,
    space: rohrpost::Namespace,
    clock: Arc<ManualClock>,
    worker: Driven,
    light: Address,
    log: Arc<Mutex<Vec<&'static str>>>,
}

impl House {
    fn new() -> Self {
        Self::with(|builder| builder, Light::default(), Setup::new())
    }

    fn with(bounds: impl FnOnce(NamespaceBuilder) -> NamespaceBuilder, light: Light, setup: Setup) -> Self {
        let clock = Arc::new(ManualClock::new());
        let kernel = Kernel::builder("house").clock(clock.clone()).start().unwrap();
        let (space, worker) = bounds(kernel.namespace("hall")).driven().unwrap();
        let log = light.log.clone();
        let make = move || MachineTarget::new(LightChart, light.clone());
        let light = space.register_factory(setup, make).unwrap();
        let mut house = Self { kernel, space, clock, worker, light, log };
        house.worker.run_until_idle();
        house.take();
        house
    }

    fn send<R: rohrpost::Record>(&mut self, record: R) {
        self.kernel.notify(self.light, record).unwrap();
        self.worker.run_until_idle();
    }

    /// Lets the seconds pass one by one, as a thread that wakes up for each timer would see them.
    fn pass(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.clock.advance(SECOND);
            self.worker.run_until_idle();
        }
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

#[test]
fn a_state_is_left_when_its_time_has_come() {
    let mut house = House::new();
    house.send(Press);
    house.pass(3);
    assert_eq!(house.take(), ["on"]);
    house.pass(1);
    assert_eq!(house.take(), ["dim"]);
    house.pass(5);
    assert_eq!(house.take(), [""; 0]);
    house.pass(1);
    assert_eq!(house.take(), ["expired", "off"]);
    house.pass(60);
    assert_eq!(house.take(), [""; 0], "expected nothing to be armed any more");
    assert!(house.kernel.counters().is_balanced());
}

#[test]
fn a_state_that_is_left_takes_its_timeout_along() {
    let mut house = House::new();
    house.send(Press);
    house.pass(3);
    house.send(Press);
    house.take();
    assert_eq!(house.worker.next_deadline(), None, "expected nothing to be armed");
    house.pass(20);
    assert_eq!(house.take(), [""; 0]);
}

#[test]
fn a_state_that_is_entered_anew_begins_its_time_anew() {
    let mut house = House::new();
    house.send(Press);
    house.pass(3);
    house.send(Again);
    house.take();
    house.pass(3);
    assert_eq!(house.take(), [""; 0], "expected the earlier stay's time to count no more");
    house.pass(1);
    assert_eq!(house.take(), ["dim"]);
    house.pass(6);
    assert_eq!(house.take(), ["expired", "off"]);
}

#[test]
fn a_timeout_that_is_due_while_its_state_is_left_does_nothing() {
    let mut house = House::new();
    house.send(Press);
    house.take();
    // Both are there in the same turn: the time has come, and so has the message.
    house.clock.advance(SECOND * 10);
    house.kernel.notify(house.light, Again).unwrap();
    house.worker.run_until_idle();
    let once = house.take();
    assert!(
        once == ["dim", "expired", "off"] || once == ["on"],
        "expected one after the other, and nothing twice: {once:?}"
    );
}

#[test]
fn a_timeout_recalls_what_its_state_deferred() {
    let mut house = House::new();
    house.send(Press);
    house.send(Block);
    let mut press = begun(house.kernel.ask(house.light, Press));
    house.worker.run_until_idle();
    assert!(end(&mut press).is_none(), "expected the message to be deferred");
    house.take();
    house.pass(10);
    assert_eq!(house.take(), ["expired", "off", "on"]);
    assert!(end(&mut press).unwrap().is_ok());
}

#[test]
fn a_guard_that_says_no_lets_the_timeout_pass() {
    let mut house = House::with(|builder| builder, Light { broken: true, ..Light::default() }, Setup::new());
    house.send(Press);
    house.pass(9);
    assert_eq!(house.take(), ["on"]);
    house.pass(1);
    assert_eq!(house.take(), ["expired", "off"]);
}

#[test]
fn a_resumed_machine_begins_the_time_of_its_states_anew() {
    let mut house = House::new();
    let saved = Snapshot { active: vec!["Dim".to_owned()], ..Snapshot::default() };
    let light = Light::default();
    let log = light.log.clone();
    let resumed = MachineTarget::resume(LightChart, light, &saved).unwrap();
    house.light = house.space.register(resumed).unwrap();
    house.worker.run_until_idle();
    house.log = log;
    house.pass(9);
    assert_eq!(house.take(), [""; 0]);
    house.pass(1);
    assert_eq!(house.take(), ["expired", "off"]);
}

#[test]
fn timeouts_end_with_the_life_of_their_target() {
    let mut house = House::with(|builder| builder, Light::default(), Setup::new().on_panic(OnPanic::Restart));
    house.send(Press);
    house.send(Crash);
    assert_eq!(house.take(), ["on", "off"], "expected the next life to begin");
    house.pass(20);
    assert_eq!(house.take(), [""; 0]);
    house.send(Press);
    house.pass(4);
    assert_eq!(house.take(), ["on", "dim"]);
    house.space.deregister(house.light).unwrap();
    house.worker.run_until_idle();
    assert_eq!(house.worker.next_deadline(), None, "expected nothing to be armed");
}

#[test]
fn a_machine_that_is_kept_after_a_panic_keeps_the_timeouts_of_its_states() {
    let mut house = House::with(|builder| builder, Light::default(), Setup::new().on_panic(OnPanic::Keep));
    house.send(Press);
    house.pass(3);
    house.send(Slam);
    assert_eq!(house.take(), ["on"]);
    house.pass(3);
    assert_eq!(house.take(), [""; 0], "expected the time to begin anew");
    house.pass(1);
    assert_eq!(house.take(), ["dim"]);
    house.pass(6);
    assert_eq!(house.take(), ["expired", "off"]);
}

#[test]
fn a_timeout_that_cannot_be_armed_is_said_to_the_sender() {
    let mut house = House::with(|builder| builder.timers(1), Light::default(), Setup::new());
    let mut press = begun(house.kernel.ask(house.light, Press));
    house.worker.run_until_idle();
    let failure = end(&mut press).unwrap().unwrap_err();
    assert_eq!(failure.code(), Code::BUSY);
    assert!(failure.text().contains("timers"), "expected the bound to be named: {failure}");
    let mut ask = begun(house.kernel.ask(house.light, WhichState));
    house.worker.run_until_idle();
    assert_eq!(end(&mut ask).unwrap().unwrap().active, ["Bright"], "expected the transition to have been taken");
}
