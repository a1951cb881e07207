//! Who is there: nodes that join, leave, crash and come back.

use std::time::Duration;

use rohrpost::net::memory::Network;
use rohrpost::net::{JoinError, Joining};
use rohrpost::testing::TestKernel;
use rohrpost::{Code, Filter, NodeId};

use crate::world::{Add, Calculator, Doorman, Sum, World};

/// Nodes of which the first has a doorman, who is told of the second.
fn watched(nodes: usize) -> (World, Doorman) {
    let mut world = World::new(nodes);
    let doorman = Doorman::default();
    let address = world.register(0, doorman.clone());
    world.nodes[0].test.kernel().monitor(Filter::new().node(NodeId::name("n1")), address).unwrap();
    world.rest();
    assert_eq!(doorman.told(), ["+n1"], "expected to be told who is there already");
    (world, doorman)
}

#[test]
fn a_monitor_is_told_who_joins_and_why_somebody_left() {
    let (mut world, doorman) = watched(2);
    let (n0, n1) = world.ids(0, 1);
    world.network.sever(n0, n1);
    world.rest();
    assert_eq!(doorman.told(), ["-n1 crashed"]);
    world.network.heal();
    world.run(5000);
    assert_eq!(doorman.told(), ["+n1"]);
    let _ = world.nodes[1].test.kernel().stop(Duration::from_secs(1));
    world.rest();
    assert_eq!(doorman.told(), ["-n1 closed"]);
    let calculator = world.nodes[1].home;
    let failure = world.nodes[0].test.ask(calculator, Add(1, 1)).unwrap_err();
    assert_eq!(failure.code(), Code::NO_NODE, "expected mail for who has left to come back");
}

#[test]
fn a_node_whose_way_is_cut_is_silent_after_three_heartbeats_and_back_when_it_heals() {
    let (mut world, doorman) = watched(2);
    let (n0, n1) = world.ids(0, 1);
    world.network.cut(n0, n1);
    world.run(6000);
    assert_eq!(doorman.told().first().map(String::as_str), Some("-n1 silent"));
    world.network.heal();
    world.run(10_000);
    assert_eq!(doorman.told().last().map(String::as_str), Some("+n1"));
    let calculator = world.register(1, Calculator);
    assert_eq!(world.nodes[0].test.ask(calculator, Add(1, 2)).unwrap(), Sum(3));
}

#[test]
fn a_node_that_comes_back_in_another_life_gets_no_mail_of_the_old_one() {
    let (mut world, doorman) = watched(2);
    let calculator = world.register(1, Calculator);
    world.network.stall(world.nodes[1].id);
    world.nodes[0].probe.request(calculator, Add(1, 1));
    world.rest();
    world.network.crash(world.nodes[1].id);
    world.rest();
    assert_eq!(world.nodes[0].probe.expect_returned::<Add>(), Code::NODE_LOST);
    let again = world.nodes[0].test.neighbour("n1");
    world.network.join(again.kernel()).unwrap();
    world.rest();
    let changes = doorman.told();
    assert_eq!(changes, ["-n1 crashed", "+n1"]);
    world.nodes[0].probe.request(calculator, Add(1, 1));
    world.rest();
    assert_eq!(world.nodes[0].probe.expect_returned::<Add>(), Code::NO_NAMESPACE);
}

#[test]
fn a_node_whose_next_life_comes_before_anybody_has_seen_it_go_is_replaced() {
    let (mut world, doorman) = watched(2);
    let n1 = world.nodes[1].id;
    world.network.stall(n1);
    world.nodes[0].probe.request(world.nodes[1].home, Add(1, 1));
    world.rest();
    let again = world.nodes[0].test.neighbour("n1");
    world.network.join(again.kernel()).unwrap();
    world.rest();
    assert_eq!(doorman.told(), ["-n1 replaced", "+n1"]);
    assert_eq!(world.nodes[0].probe.expect_returned::<Add>(), Code::NODE_LOST);
}

#[test]
fn a_second_node_of_the_same_name_is_refused_and_the_first_goes_on() {
    let mut world = World::new(2);
    let second = TestKernel::new("n1");
    let refused = world.network.join(second.kernel()).unwrap_err();
    assert!(matches!(&refused, JoinError::Taken { node, .. } if node.to_string() == "n1"), "{refused}");
    let JoinError::Taken { by, own, .. } = &refused else { panic!("expected the name to be taken: {refused}") };
    assert!(by != own && refused.to_string().contains(by) && refused.to_string().contains(own), "{refused}");
    assert_eq!(world.nodes[1].net.counters().doubled, 1, "expected the first to know of it");
    let calculator = world.register(1, Calculator);
    assert_eq!(world.nodes[0].test.ask(calculator, Add(1, 2)).unwrap(), Sum(3));
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let test = TestKernel::new("n0");
    let network = Network::new();
    let wrong = [
        (Joining::new().window(0), "window is 0"),
        (Joining::new().requests(1 << 30), "requests is 1073741824"),
        (Joining::new().max_message(10), "max_message is 10"),
        (Joining::new().compress(63), "compress is 63"),
        (Joining::new().lease(Duration::ZERO), "lease is 0ns"),
        (Joining::new().heartbeat(Duration::MAX), "heartbeat is"),
    ];
    for (settings, text) in wrong {
        let error = network.join_with(test.kernel(), settings).unwrap_err().to_string();
        assert!(error.contains(text), "expected the value to be named: {error}");
    }
    let net = network.join(test.kernel()).unwrap();
    assert_eq!(net.nodes(), []);
}
