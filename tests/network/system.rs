//! The kernel's own services, asked from another node, as far as its gatekeeper lets.

use rohrpost::net::memory::Faults;
use rohrpost::net::{Gatekeeper, Joining, Rule};
use rohrpost::system::{
    AddMonitor, ListNamespaces, ListServices, ListTargets, Ping, ReadCounters, RemoveMonitor, Stop,
};
use rohrpost::{Code, Event, Filter, Nid, NodeId, Record};

use crate::world::{Add, Calculator, Doorman, Note, Scribe, Watcher, World};

#[test]
fn without_a_rule_only_ping_is_open_and_a_refusal_names_the_missing_rule() {
    let mut world = World::new(2);
    let there = world.nodes[1].test.kernel().system();
    let pong = world.nodes[0].test.ask(there, Ping).unwrap();
    assert_eq!(pong.node, world.nodes[1].id);
    let test = &mut world.nodes[0].test;
    let refusals = [
        test.ask(there, ListNamespaces).unwrap_err(),
        test.ask(there, ReadCounters).unwrap_err(),
        test.ask(there, Stop).unwrap_err(),
    ];
    for (failure, record) in refusals.iter().zip(["list-namespaces", "read-counters", "stop"]) {
        assert_eq!(failure.code(), Code::DENIED);
        let rule = format!("record = \"rohrpost.{record}\", namespace = \"SYSTEM\", node = \"n0\"");
        assert!(failure.text().contains(&rule), "expected the missing rule: {}", failure.text());
    }
    assert_eq!(world.nodes[1].net.counters().denied, 3, "expected the node to know what it has kept out");
    world.check_counters();
}

#[test]
fn a_rule_keeps_mail_away_from_a_namespace_and_its_sender_is_told() {
    let gatekeeper = Gatekeeper::new().rule(Rule::deny().record(Note::ID).from(NodeId::name("n0")));
    let mut world = World::with(3, 0, &Joining::new().gatekeeper(gatekeeper));
    let scribe = Scribe::default();
    let to = world.register(1, scribe.clone());
    world.nodes[0].probe.notify(to, Note(1));
    world.nodes[2].probe.notify(to, Note(2));
    world.rest();
    assert_eq!(world.nodes[0].probe.expect_returned::<Note>(), Code::DENIED);
    assert_eq!(scribe.numbers(), [2]);
    world.check_counters();
}

fn open(nodes: usize) -> World {
    World::with(nodes, 0, &Joining::new().gatekeeper(Gatekeeper::new().rule(Rule::allow())))
}

#[test]
fn another_node_lists_its_namespaces_targets_and_services() {
    let mut world = open(2);
    let calculator = world.register(1, Calculator);
    world.nodes[1].test.namespace("app").open().unwrap().serve::<Add>(calculator).unwrap();
    let there = world.nodes[1].test.kernel().system();
    let namespaces = world.nodes[0].test.ask(there, ListNamespaces).unwrap().0;
    assert!(namespaces.contains(&Nid::name("app")) && namespaces.contains(&Nid::name("TRANSPORT")), "{namespaces:?}");
    let targets = world.nodes[0].test.ask(there, ListTargets(Nid::name("app"))).unwrap().0;
    assert!(targets.iter().any(|resident| resident.target == calculator), "{targets:?}");
    let services = world.nodes[0].test.ask(there, ListServices(Nid::name("app"))).unwrap().0;
    assert_eq!(
        services.iter().map(|offer| (offer.record, offer.owners.clone())).collect::<Vec<_>>(),
        [(Add::ID, vec![calculator])]
    );
    let counters = world.nodes[0].test.ask(there, ReadCounters).unwrap();
    assert!(counters.registered > 0);
    world.check_counters();
}

#[test]
fn a_monitor_of_another_node_tells_what_is_there_and_then_every_change() {
    let mut world = open(2);
    let watcher = Watcher::default();
    let target = world.register(0, watcher.clone());
    let calculator = world.register(1, Calculator);
    let there = world.nodes[1].test.kernel().system();
    let add = AddMonitor { filter: Filter::new().namespace(Nid::name("app")), target };
    let monitor = world.nodes[0].test.ask(there, add).unwrap();
    world.rest();
    let told = watcher.told();
    assert!(told.iter().any(|event| matches!(event, Event::Registered { target, .. } if *target == calculator)));
    assert_eq!(told.last(), Some(&Event::Complete));
    let more = [(); 200].map(|()| world.register(1, Calculator));
    world.run(10);
    let registered: Vec<_> = watcher.told().iter().filter_map(Event::target).collect();
    assert_eq!(registered, more, "expected each change once and in order");
    world.nodes[0].test.ask(there, RemoveMonitor(monitor)).unwrap();
    world.register(1, Calculator);
    world.run(10);
    assert_eq!(watcher.told(), [], "expected nothing after the monitor's end");
    world.check_counters();
}

#[test]
fn a_monitor_that_is_asked_for_at_each_joining_tells_each_change_once_whoever_found_the_other_silent() {
    for direction in [(0, 1), (1, 0)] {
        let mut world = open(2);
        let watcher = Watcher::default();
        let target = world.register(0, watcher.clone());
        let doorman = Doorman::default();
        let door = world.register(0, doorman.clone());
        let n1 = world.nodes[1].id;
        world.nodes[0].test.kernel().monitor(Filter::new().node(n1), door).unwrap();
        let there = world.nodes[1].test.kernel().system();
        let add = AddMonitor { filter: Filter::new().namespace(Nid::name("app")), target };
        world.nodes[0].test.ask(there, add).unwrap();
        world.run(5);
        assert_eq!(doorman.told(), ["+n1"]);
        let (from, to) = world.ids(direction.0, direction.1);
        world.network.set_faults(from, to, Faults::new().cut());
        world.run(5000);
        world.network.heal();
        world.run(10_000);
        let told = doorman.told();
        assert_eq!(told.last().map(String::as_str), Some("+n1"), "expected a new session to be told: {told:?}");
        world.nodes[0].test.ask(there, add).unwrap();
        world.run(5);
        watcher.told();
        let calculator = world.register(1, Calculator);
        world.run(5);
        let registered: Vec<_> = watcher.told().iter().filter_map(Event::target).collect();
        assert_eq!(registered, [calculator], "expected it to be told once");
        world.check_counters();
    }
}

#[test]
fn a_full_window_and_a_full_hand_off_end_no_monitor() {
    let gatekeeper = Gatekeeper::new().rule(Rule::allow());
    let mut world = World::with(2, 0, &Joining::new().window(1).requests(1).gatekeeper(gatekeeper));
    let watcher = Watcher::default();
    let narrow = world.nodes[0].test.namespace("narrow").capacity(1).open().unwrap();
    world.rest();
    let target = narrow.register(watcher.clone()).unwrap();
    let there = world.nodes[1].test.kernel().system();
    let add = AddMonitor { filter: Filter::new().namespace(Nid::name("app")), target };
    world.nodes[0].test.ask(there, add).unwrap();
    world.run(5);
    watcher.told();
    let more = [(); 100].map(|()| {
        let home = world.nodes[0].home;
        world.nodes[1].probe.notify(home, Note(1));
        world.nodes[1].probe.notify(target, Note(1));
        world.register(1, Calculator)
    });
    world.run(50);
    let registered: Vec<_> = watcher.told().iter().filter_map(Event::target).collect();
    assert_eq!(registered, more, "expected each change once and in order");
}

#[test]
fn a_monitor_of_another_node_ends_with_its_target() {
    let mut world = open(2);
    let target = world.register(0, Watcher::default());
    let there = world.nodes[1].test.kernel().system();
    world.nodes[0].test.ask(there, AddMonitor { filter: Filter::new(), target }).unwrap();
    world.run(10);
    world.nodes[0].test.namespace("app").open().unwrap().deregister(target).unwrap();
    world.register(1, Calculator);
    world.run(10);
    world.register(1, Calculator);
    world.run(10);
    let sent = world.nodes[1].test.kernel().counters().sent;
    world.register(1, Calculator);
    world.run(10);
    assert_eq!(world.nodes[1].test.kernel().counters().sent, sent, "expected nobody to be told any more");
}
