//! A target that watches one of another node is told its end, or that the node has left, exactly once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::net::memory::Faults;
use rohrpost::net::{Gatekeeper, Joining, Rule};
use rohrpost::{
    Address, Code, Context, Ended, Failure, Handle, Kernel, Nid, OnPanic, RecordId, Setup, handles, record,
};

use crate::world::{Calculator, Note, World};

#[derive(Clone, Debug)]
struct Guard(Address);
#[derive(Clone, Debug)]
struct LetGo(Address);
record!(Guard, "watching.guard" => Verdict);
record!(LetGo, "watching.let-go");
#[derive(Clone, Debug, PartialEq)]
struct Verdict(Result<(), Code>);
record!(Verdict, "watching.verdict");

/// Watches whom it is told to, and writes down how they end.
#[derive(Clone, Default)]
struct Keeper(Arc<Mutex<Vec<String>>>);

impl Handle<Guard> for Keeper {
    fn handle(&mut self, &Guard(ward): &Guard, ctx: &mut Context<'_>) -> Result<Verdict, Failure> {
        Ok(Verdict(ctx.watch(ward)))
    }
}
impl Handle<LetGo> for Keeper {
    fn handle(&mut self, &LetGo(ward): &LetGo, ctx: &mut Context<'_>) -> Result<(), Failure> {
        ctx.unwatch(ward);
        Ok(())
    }
}
impl Handle<Ended> for Keeper {
    fn handle(&mut self, ended: &Ended, _: &mut Context<'_>) -> Result<(), Failure> {
        self.0.lock().unwrap().push(format!("{} {}", ended.address, ended.reason));
        Ok(())
    }
}
handles!(Keeper: Guard, LetGo, Ended);

impl Keeper {
    /// What it has been told since the last time.
    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Two nodes: a keeper on the first, and somebody on the second whom it watches.
fn watched() -> (World, Address, Keeper, Address) {
    let mut world = World::new(2);
    let keeper = Keeper::default();
    let home = world.register(0, keeper.clone());
    let ward = world.register(1, Calculator);
    guard(&mut world, home, ward);
    world.run(5);
    assert_eq!(keeper.told(), [""; 0], "expected nothing to be told while it is there");
    (world, home, keeper, ward)
}

fn guard(world: &mut World, keeper: Address, ward: Address) {
    assert_eq!(world.nodes[0].test.ask(keeper, Guard(ward)).unwrap(), Verdict(Ok(())));
}

fn deregister(world: &World, target: Address) {
    world.nodes[1].test.namespace("app").open().unwrap().deregister(target).unwrap();
}

/// How many targets of a node there are.
fn targets(kernel: &Kernel) -> u64 {
    let counters = kernel.counters();
    counters.registered - counters.deregistered
}

#[test]
fn the_end_of_a_target_on_another_node_is_told_once_with_its_reason() {
    let (mut world, home, keeper, ward) = watched();
    guard(&mut world, home, ward);
    deregister(&world, ward);
    world.run(5);
    assert_eq!(keeper.told(), [format!("{ward} deregistered")], "expected it once, though it was watched twice");
    world.network.crash(world.nodes[1].id);
    world.run(5);
    assert_eq!(keeper.told(), [""; 0], "expected nothing more of who has ended");
    assert_eq!(world.nodes[0].test.kernel().counters().dead_letters, 0);
}

#[test]
fn a_panic_on_another_node_is_told_with_its_text_and_a_restart_is_no_end() {
    let (mut world, home, keeper, _) = watched();
    struct Brittle;
    impl Handle<Note> for Brittle {
        fn handle(&mut self, note: &Note, _: &mut Context<'_>) -> Result<(), Failure> {
            panic!("no ink for {}", note.0)
        }
    }
    handles!(Brittle: Note);
    let app = world.nodes[1].test.namespace("app").open().unwrap();
    let again = app.register_factory(Setup::new().name("again").on_panic(OnPanic::Restart), || Brittle).unwrap();
    let once = app.register_as("once", Brittle).unwrap();
    for ward in [once, again] {
        guard(&mut world, home, ward);
        world.nodes[0].probe.notify(ward, Note(7));
    }
    world.run(5);
    assert_eq!(keeper.told(), [format!("{once} panicked: no ink for 7")]);
}

#[test]
fn nobody_there_is_told_as_gone_and_no_node_there_is_refused_at_once() {
    let (mut world, home, keeper, _) = watched();
    let nobody: Address = "nobody.app.n1".parse().unwrap();
    let nowhere: Address = "nobody.nowhere.n1".parse().unwrap();
    for ward in [nobody, nowhere] {
        guard(&mut world, home, ward);
        world.run(5);
        assert_eq!(keeper.told(), [format!("{ward} gone already")]);
    }
    let mut refused = |ward: Address| world.nodes[0].test.ask(home, Guard(ward)).unwrap();
    assert_eq!(refused("nobody.app.n7".parse().unwrap()), Verdict(Err(Code::NO_NODE)));
    assert_eq!(refused(".app.n1".parse().unwrap()), Verdict(Err(Code::NO_SERVICE)));
    assert_eq!(refused(Address::any_node(Nid::name("app"))), Verdict(Err(Code::NO_NODE)));
}

#[test]
fn a_node_that_leaves_ends_what_is_watched_there_and_says_how_it_left() {
    let (mut world, _, keeper, ward) = watched();
    world.network.crash(world.nodes[1].id);
    world.run(5);
    assert_eq!(keeper.told(), [format!("{ward} its node left: crashed")]);

    let (mut world, _, keeper, ward) = watched();
    let _ = world.nodes[1].test.kernel().stop(Duration::from_secs(1));
    world.run(5);
    let told = keeper.told();
    let (closed, stopped) = (format!("{ward} its node left: closed"), format!("{ward} namespace closed"));
    assert!(told == [closed] || told == [stopped] || told == [format!("{ward} kernel stopped")], "{told:?}");

    let (mut world, home, keeper, ward) = watched();
    let (n0, n1) = world.ids(0, 1);
    world.network.cut(n0, n1);
    world.run(6000);
    assert_eq!(keeper.told(), [format!("{ward} its node left: silent")]);
    world.network.heal();
    world.run(10_000);
    deregister(&world, ward);
    world.run(5);
    assert_eq!(keeper.told(), [""; 0], "expected it to be over for good");
    guard(&mut world, home, ward);
    world.run(5);
    assert_eq!(keeper.told(), [format!("{ward} gone already")], "expected it to be possible again");
}

#[test]
fn a_watch_that_is_begun_before_the_nodes_have_met_holds() {
    let mut world = World::new(1);
    let keeper = Keeper::default();
    let home = world.register(0, keeper.clone());
    let late = world.nodes[0].test.neighbour("late");
    let ward = late.namespace("app").open().unwrap().register(Calculator).unwrap();
    let _net = world.network.join(late.kernel()).unwrap();
    let mut turns = 0;
    // From the first moment on in which mail for it is taken.
    while world.nodes[0].test.ask(home, Guard(ward)).unwrap() != Verdict(Ok(())) {
        turns += 1;
        assert!(turns < 100, "expected the nodes to meet");
    }
    world.run(50);
    assert_eq!(keeper.told(), [""; 0]);
    late.namespace("app").open().unwrap().deregister(ward).unwrap();
    world.run(5);
    assert_eq!(keeper.told(), [format!("{ward} deregistered")]);
}

#[test]
fn who_watches_no_more_or_has_ended_leaves_nobody_behind_on_the_other_node() {
    let (mut world, home, keeper, ward) = watched();
    let other = world.register(1, Calculator);
    world.rest();
    let before = targets(world.nodes[1].test.kernel());
    guard(&mut world, home, other);
    world.run(5);
    assert_eq!(targets(world.nodes[1].test.kernel()), before + 1, "expected somebody to stand in for the watcher");
    world.nodes[0].test.ask(home, LetGo(other)).unwrap();
    world.run(5);
    assert_eq!(targets(world.nodes[1].test.kernel()), before);
    deregister(&world, other);
    world.run(5);
    assert_eq!(keeper.told(), [""; 0], "expected nothing of whom it watches no more");
    world.nodes[0].test.namespace("app").open().unwrap().deregister(home).unwrap();
    world.run(5);
    assert_eq!(targets(world.nodes[1].test.kernel()), before - 2, "expected `other` and the last stand-in to be gone");
    deregister(&world, ward);
    world.run(5);
    world.check_counters();
}

#[test]
fn a_gatekeeper_that_lets_no_watcher_in_is_told_as_the_reason() {
    let rule = Rule::deny().record(RecordId::name("rohrpost.watch")).to(Nid::name("app"));
    let mut world = World::with(2, 0, &Joining::new().gatekeeper(Gatekeeper::new().rule(rule)));
    let keeper = Keeper::default();
    let home = world.register(0, keeper.clone());
    let ward = world.register(1, Calculator);
    guard(&mut world, home, ward);
    world.run(5);
    assert_eq!(keeper.told(), [format!("{ward} not to be watched: DENIED")]);
    assert_eq!(world.nodes[1].net.counters().denied, 1);
}

#[test]
fn a_full_window_keeps_no_end_back() {
    let mut world = World::with(2, 0, &Joining::new().window(1));
    let keeper = Keeper::default();
    let home = world.register(0, keeper.clone());
    let wards = [(); 40].map(|()| world.register(1, Calculator));
    for ward in wards {
        guard(&mut world, home, ward);
    }
    world.run(5);
    wards.into_iter().for_each(|ward| deregister(&world, ward));
    world.run(50);
    assert_eq!(keeper.told(), wards.map(|ward| format!("{ward} deregistered")), "expected each, in order");
}

#[test]
fn whatever_goes_wrong_each_watch_ends_exactly_once() {
    for seed in 0..if cfg!(debug_assertions) { 40 } else { 400 } {
        let mut world = World::with(2, seed, &Joining::new());
        let keeper = Keeper::default();
        let home = world.register(0, keeper.clone());
        let (n0, n1) = world.ids(0, 1);
        let faults = Faults::new().delay(Duration::from_millis(3)).jitter(Duration::from_millis(20));
        let [there, back] = [seed % 3, seed / 3 % 3].map(|kind| match kind {
            0 => faults,
            1 => faults.loss(0.3),
            _ => faults.duplication(0.5),
        });
        world.network.set_faults(n0, n1, there);
        world.network.set_faults(n1, n0, back);
        let (mut begun, mut told) = (0, 0);
        for round in 0..20 {
            let ward = world.register(1, Calculator);
            // A link may be about to open anew.
            begun += usize::from(world.nodes[0].test.ask(home, Guard(ward)).unwrap() == Verdict(Ok(())));
            world.run((seed * 7 + round * 13) % 50);
            deregister(&world, ward);
            world.run((seed * 11 + round * 17) % 400);
            told += keeper.told().len();
            assert!(told <= begun, "seed {seed}: expected no watch to end twice");
        }
        world.network.heal();
        world.run(20_000);
        told += keeper.told().len();
        assert_eq!(told, begun, "seed {seed}: expected each watch to end once");
        world.check_counters();
    }
}
