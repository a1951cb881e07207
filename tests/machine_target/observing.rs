//! Copies from services, as events.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::machine::Step;
use rohrpost::{
    Address, Code, Context, Driven, Failure, Handle, Kernel, MachineTarget, ManualClock, Message, Namespace, effect,
    handles, hsm, record,
};

#[derive(Clone, Debug)]
struct Tick(u32);
/// Cannot be cloned.
#[derive(Debug)]
struct Secret;
#[derive(Clone, Debug)]
struct Open;
#[derive(Clone, Debug)]
struct Close;
/// Sent to the machine itself, and to a service.
#[derive(Clone, Debug)]
struct Both(u32);
/// Does with the copy what one may not do with a copy.
#[derive(Clone, Debug)]
struct Seize;
record!(Tick, "clock.tick");
record!(Secret, "clock.secret", no_clone);
record!(Open, "panel.open");
record!(Close, "panel.close");
record!(Both, "panel.both" => Tick);
record!(Seize, "panel.seize");

#[derive(Clone, Default)]
struct Panel {
    log: Arc<Mutex<Vec<String>>>,
}

impl Panel {
    fn note(&self, line: impl Into<String>) {
        self.log.lock().unwrap().push(line.into());
    }

    fn tick(&mut self, tick: &Tick, _: &mut Context<'_>) -> Result<(), Failure> {
        self.note(format!("tick {}", tick.0));
        Ok(())
    }

    fn both(&mut self, both: &Both, _: &mut Context<'_>) -> Result<Tick, Failure> {
        self.note(format!("told {}", both.0));
        Ok(Tick(both.0))
    }

    fn seen(&mut self, both: &Both, _: &mut Context<'_>) -> Result<Tick, Failure> {
        self.note(format!("seen {}", both.0));
        Err(Failure::new(Code::application(1), "nobody asked"))
    }

    fn seize(&self, ctx: &Context<'_>, step: &mut Step<'_, Message<'_>>) {
        let message = step.event().unwrap();
        let held = ctx.hold(message).is_ok();
        ctx.forward(message, ctx.address());
        self.note(format!("held {held}, copy {}", message.is_copy()));
    }
}

hsm! {
    chart PanelChart for Panel;

    messages PanelEvent {
        Open,
        Close,
        Both,
        Ticked = observed Tick,
        BothSeen = observed Both,
        Seized = observed Seize,
    }

    initial Closed;
    on Both / effect!(Panel::both);
    on Seized / |panel: &mut Panel, ctx, step| panel.seize(ctx, step);

    state Closed {
        on Open => Opened;
        defer Ticked, BothSeen;
        on Close => Deaf;
    }
    state Opened {
        on Ticked / effect!(Panel::tick);
        on BothSeen / effect!(Panel::seen);
        on Close => Closed;
    }
    state Deaf {
        reject Ticked;
        on Open => Opened;
    }
}

/// Owns the service of `Both`.
struct Owner;

impl Handle<Both> for Owner {
    fn handle(&mut self, both: &Both, _: &mut Context<'_>) -> Result<Tick, Failure> {
        Ok(Tick(both.0 + 100))
    }
}
handles!(Owner: Both);

/// Tells a tick and a secret to its thread.
struct Teller(Address);

impl Handle<Open> for Teller {
    fn handle(&mut self, _: &Open, ctx: &mut Context<'_>) -> Result<(), Failure> {
        ctx.send(Message::notification(self.0, Tick(1)).and(Secret));
        Ok(())
    }
}
handles!(Teller: Open);

struct Rig {
    kernel: Kernel,
    space: Namespace,
    clock: Arc<ManualClock>,
    panel: Address,
    log: Arc<Mutex<Vec<String>>>,
    worker: Driven,
}

impl Rig {
    fn new() -> Self {
        Self::with(|panel| panel)
    }

    fn with(change: impl FnOnce(MachineTarget<PanelChart>) -> MachineTarget<PanelChart>) -> Self {
        let clock = Arc::new(ManualClock::new());
        let kernel = Kernel::builder("house").clock(clock.clone()).start().unwrap();
        let (space, mut worker) = kernel.namespace("hall").driven().unwrap();
        let model = Panel::default();
        let log = model.log.clone();
        let panel = space.register(change(MachineTarget::new(PanelChart, model))).unwrap();
        space.topic::<Tick>().open().unwrap();
        space.topic::<Seize>().open().unwrap();
        space.observe::<Tick>(panel).unwrap();
        space.observe::<Seize>(panel).unwrap();
        worker.run_until_idle();
        Self { kernel, space, clock, panel, log, worker }
    }

    fn service(&self) -> Address {
        Address::service(self.space.id())
    }

    fn run(&mut self) {
        self.worker.run_until_idle();
    }

    #[track_caller]
    fn shows(&mut self, expected: &[&str]) {
        self.run();
        assert_eq!(std::mem::take(&mut *self.log.lock().unwrap()), expected);
    }

    fn tick(&self, number: u32) {
        self.kernel.notify(self.service(), Tick(number)).unwrap();
    }

    fn open(&self) {
        self.kernel.notify(self.panel, Open).unwrap();
    }
}

#[test]
fn a_copy_from_a_service_is_an_event_of_the_machine_that_observes_it() {
    let mut rig = Rig::new();
    rig.open();
    rig.tick(1);
    rig.shows(&["tick 1"]);
    assert!(rig.kernel.counters().is_balanced());
}

#[test]
fn a_message_and_a_copy_with_the_same_record_are_two_events() {
    let mut rig = Rig::new();
    let owner = rig.space.register(Owner).unwrap();
    rig.run();
    rig.space.serve::<Both>(owner).unwrap();
    rig.space.observe::<Both>(rig.panel).unwrap();
    rig.open();
    rig.run();
    rig.kernel.notify(rig.panel, Both(1)).unwrap();
    rig.kernel.notify(rig.service(), Both(2)).unwrap();
    rig.shows(&["told 1", "seen 2"]);
    let counters = rig.kernel.counters();
    assert_eq!(counters.returned, 0, "expected nobody to hear of what an effect says of a copy: {counters:?}");
    assert!(counters.is_balanced(), "{counters:?}");
}

#[test]
fn a_deferred_copy_is_seen_again_in_the_order_of_arrival() {
    let mut rig = Rig::new();
    for number in 1..=3 {
        rig.tick(number);
    }
    rig.shows(&[]);
    rig.open();
    rig.tick(4);
    rig.shows(&["tick 1", "tick 2", "tick 3", "tick 4"]);
    let counters = rig.kernel.counters();
    assert_eq!(counters.observed, 4, "expected each copy to be counted once: {counters:?}");
    assert!(counters.is_balanced(), "{counters:?}");
}

#[test]
fn the_one_deferred_copy_too_many_is_forgotten() {
    let mut rig = Rig::with(|panel| panel.deferring(2));
    for number in 1..=3 {
        rig.tick(number);
    }
    rig.open();
    rig.shows(&["tick 1", "tick 2"]);
}

#[test]
fn a_deferred_copy_is_forgotten_when_its_deadline_has_passed() {
    let mut rig = Rig::new();
    let due = rig.kernel.now().after(Duration::from_secs(1));
    rig.kernel.send(Message::notification(rig.service(), Tick(1)).deadline(due)).unwrap();
    rig.tick(2);
    rig.run();
    rig.clock.advance(Duration::from_secs(2));
    rig.open();
    rig.shows(&["tick 2"]);
}

#[test]
fn a_deferred_copy_goes_with_its_target() {
    let mut rig = Rig::new();
    rig.tick(1);
    rig.run();
    rig.space.deregister(rig.panel).unwrap();
    rig.shows(&[]);
    assert!(rig.kernel.counters().is_balanced());
}

#[test]
fn a_copy_that_a_state_rejects_is_dropped() {
    let mut rig = Rig::new();
    rig.kernel.notify(rig.panel, Close).unwrap();
    rig.tick(1);
    rig.open();
    rig.tick(2);
    rig.shows(&["tick 2"]);
    assert_eq!(rig.kernel.counters().returned, 0);
}

#[test]
fn a_copy_is_no_event_if_one_of_its_records_cannot_be_cloned() {
    let mut rig = Rig::new();
    rig.open();
    let teller = rig.space.register(Teller(rig.service())).unwrap();
    rig.kernel.notify(teller, Open).unwrap();
    rig.tick(2);
    rig.shows(&["tick 2"]);
}

#[test]
fn each_record_of_a_copy_is_an_event_and_none_of_them_is_deferred() {
    let mut rig = Rig::new();
    let two = |rig: &Rig, first| Message::notification(rig.service(), Tick(first)).and(Tick(first + 1));
    rig.kernel.send(two(&rig, 1)).unwrap();
    rig.open();
    rig.kernel.send(two(&rig, 3)).unwrap();
    rig.shows(&["tick 3", "tick 4"]);
}

#[test]
fn a_copy_can_be_neither_held_nor_forwarded() {
    let mut rig = Rig::new();
    rig.kernel.notify(rig.service(), Seize).unwrap();
    rig.shows(&["held false, copy true"]);
    assert!(rig.kernel.counters().is_balanced());
}
