//! Services across nodes: mail for whichever node offers one.

use std::time::Duration;

use rohrpost::net::Joining;
use rohrpost::net::memory::Faults;
use rohrpost::{Address, Code, Nid};

use crate::world::{Add, Calculator, Note, Sum, World};

/// Has the calculator of a node serve, or not any more.
fn serve(world: &World, node: usize) -> Address {
    let calculator = world.register(node, Calculator);
    world.nodes[node].test.namespace("app").open().unwrap().serve::<Add>(calculator).unwrap();
    calculator
}

const ANYWHERE: Address = Address::any_node(Nid::name("app"));

#[test]
fn mail_for_any_node_finds_one_that_offers_the_service() {
    let mut world = World::new(3);
    let failure = world.nodes[0].test.ask(ANYWHERE, Add(1, 1)).unwrap_err();
    assert_eq!(failure.code(), Code::NO_SERVICE);
    let calculator = serve(&world, 2);
    world.rest();
    assert_eq!(world.nodes[0].test.ask(ANYWHERE, Add(1, 2)).unwrap(), Sum(3));
    let app = world.nodes[2].test.namespace("app").open().unwrap();
    app.withdraw::<Add>(calculator).unwrap();
    world.rest();
    let failure = world.nodes[0].test.ask(ANYWHERE, Add(1, 1)).unwrap_err();
    assert_eq!(failure.code(), Code::NO_SERVICE);
    app.serve::<Add>(calculator).unwrap();
    world.rest();
    assert_eq!(world.nodes[0].test.ask(ANYWHERE, Add(1, 2)).unwrap(), Sum(3));
    world.network.crash(world.nodes[2].id);
    world.rest();
    let failure = world.nodes[0].test.ask(ANYWHERE, Add(1, 1)).unwrap_err();
    assert_eq!(failure.code(), Code::NO_SERVICE, "expected who is gone to offer nothing");
    world.check_counters();
}

#[test]
fn the_nearest_node_is_chosen_by_the_measured_round_trip() {
    let mut world = World::new(4);
    let far = Faults::new().delay(Duration::from_millis(40));
    let (near, [a, b, c]) = (Faults::new().delay(Duration::from_millis(1)), [1, 2, 3].map(|node| world.nodes[node].id));
    for (node, faults) in [(a, far), (b, near), (c, far)] {
        world.network.set_faults(world.nodes[0].id, node, faults);
        world.network.set_faults(node, world.nodes[0].id, faults);
    }
    for node in [1, 2, 3] {
        serve(&world, node);
    }
    world.run(5000);
    let handled = |world: &World, node: usize| world.nodes[node].test.kernel().counters().answers;
    let before = [1, 2, 3].map(|node| handled(&world, node));
    for _ in 0..10 {
        world.nodes[0].probe.request(ANYWHERE, Add(1, 1));
    }
    world.run(100);
    let after = [1, 2, 3].map(|node| handled(&world, node));
    assert_eq!([after[0] - before[0], after[1] - before[1], after[2] - before[2]], [0, 10, 0]);
}

#[test]
fn a_message_for_any_node_is_lost_with_the_node_it_was_given_though_another_offers_the_same() {
    let mut world = World::new(3);
    for node in &world.nodes[1..] {
        node.test.namespace("app").open().unwrap().serve::<Add>(node.home).unwrap();
        node.probe.hold::<Add>();
    }
    world.rest();
    world.nodes[0].probe.request(ANYWHERE, Add(1, 2));
    world.rest();
    let held = [1, 2].map(|node| world.nodes[node].probe.take_held::<Add>());
    let chosen = 1 + held.iter().position(Option::is_some).expect("one of them holds it");
    world.network.crash(world.nodes[chosen].id);
    world.run(5000);
    assert_eq!(world.nodes[0].probe.expect_returned::<Add>(), Code::NODE_LOST);
    let other = &world.nodes[3 - chosen].probe;
    assert!(other.take_held::<Add>().is_none(), "expected it to be given to nobody else");
    drop(held);
    // The other one was there all the time.
    world.nodes[3 - chosen].probe.reply_with(|add: &Add| Ok(Sum(add.0 + add.1)));
    assert_eq!(world.nodes[0].test.ask(ANYWHERE, Add(1, 2)).unwrap(), Sum(3));
}

#[test]
fn nodes_that_are_equally_near_take_turns() {
    let mut world = World::new(3);
    for node in [1, 2] {
        serve(&world, node);
    }
    world.run(3000);
    let handled = |world: &World, node: usize| world.nodes[node].test.kernel().counters().answers;
    let before = [1, 2].map(|node| handled(&world, node));
    for _ in 0..10 {
        world.nodes[0].probe.request(ANYWHERE, Add(1, 1));
    }
    world.rest();
    assert_eq!([1, 2].map(|node| handled(&world, node)), [before[0] + 5, before[1] + 5]);
}

#[test]
fn a_full_window_keeps_no_offer_back() {
    let mut world = World::with(2, 0, &Joining::new().window(1));
    let home = world.nodes[0].home;
    world.network.stall(world.nodes[0].id);
    // Nothing is acknowledged while the other stands still, so the window stays full.
    (0..3).for_each(|number| world.nodes[1].probe.notify(home, Note(number)));
    serve(&world, 1);
    world.run(10);
    world.network.resume(world.nodes[0].id);
    world.run(10);
    assert_eq!(world.nodes[0].test.ask(ANYWHERE, Add(1, 2)).unwrap(), Sum(3));
}
