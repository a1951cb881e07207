//! Who carries what, and that its order is kept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::code::Failure;
use crate::context::Context;
use crate::net::carrier::peering::transmit;
use crate::net::joining::Net;
use crate::net::memory::Network;
use crate::testing::{Probe, TestKernel};
use crate::typed::Handle;
use crate::{handles, record};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note(u32, Vec<u8>);
record!(Note, "passing.note" => Note, wire);

struct Desk(Arc<parking_lot::Mutex<Vec<u32>>>);
impl Handle<Note> for Desk {
    fn handle(&mut self, note: &Note, _: &mut Context<'_>) -> Result<Note, Failure> {
        self.0.lock().push(note.0);
        Ok(note.clone())
    }
}
handles!(Desk: Note);

struct World {
    network: Network,
    nodes: [TestKernel; 2],
    nets: [Net; 2],
    /// On the second node, and what it has read.
    desk: Address,
    read: Arc<parking_lot::Mutex<Vec<u32>>>,
}

/// Two nodes that know each other, and have nothing to do.
fn world() -> World {
    let network = Network::new();
    let mut north = TestKernel::new("north");
    let south = north.neighbour("south");
    let nets = [&north, &south].map(|node| network.join(node.kernel()).expect("a network"));
    let read = Arc::default();
    let desk = south.namespace("app").open().expect("a namespace").register(Desk(Arc::clone(&read)));
    let desk = desk.expect("a target");
    north.run_until_idle().expect("an end");
    // Names are told once, and letters acknowledged.
    assert_eq!(north.ask(desk, Note(0, Vec::new())).expect("an answer").0, 0);
    north.advance(std::time::Duration::from_millis(5)).expect("an end");
    read.lock().clear();
    World { network, nodes: [north, south], nets, desk, read }
}

fn notify(world: &World, number: u32, size: usize) {
    world.nodes[0].kernel().notify(world.desk, Note(number, vec![7; size])).expect("it is sent");
}

#[test]
fn mail_leaves_on_the_thread_of_its_sender_if_little_is_on_its_way() {
    let world = world();
    let south = world.nodes[1].kernel().node();
    notify(&world, 1, 10);
    assert_eq!(world.network.under_way(south), 1, "expected it to have left");
    for number in 2..100 {
        notify(&world, number, 10);
    }
    assert!(world.network.under_way(south) < 20, "expected the others to wait for each other");
}

#[test]
fn what_a_worker_sends_leaves_together_when_it_has_nothing_else_to_do() {
    let mut world = world();
    let south = world.nodes[1].kernel().node();
    let (clerk, desk) = (Probe::new("clerk"), world.desk);
    world.nodes[0].namespace("app").open().expect("a namespace").register(clerk.clone()).expect("a target");
    world.nodes[0].run_until_idle().expect("an end");
    let network = world.network.clone();
    clerk.act(move |ctx| {
        for number in 0..100 {
            ctx.notify(desk, Note(number, vec![7; 10]));
        }
        assert!(network.under_way(south) < 20, "expected most to be gathered");
    });
    world.nodes[0].run_until_idle().expect("an end");
    assert_eq!(*world.read.lock(), (0..100).collect::<Vec<_>>());
}

#[test]
fn what_waits_for_the_porter_is_done_before_what_comes_later() {
    let world = world();
    let south = world.nodes[1].kernel().node();
    let _ = world.nets[0].intake().with_carrier(|_| {
        for number in 1..4 {
            notify(&world, number, 10);
        }
    });
    assert_eq!(world.nets[0].intake().waiting(), 3);
    notify(&world, 4, 10);
    assert_eq!(world.nets[0].intake().waiting(), 0, "expected whoever comes to carry what waits, too");
    world.network.give_out(south);
    let mut world = world;
    world.nodes[0].run_until_idle().expect("an end");
    assert_eq!(*world.read.lock(), [1, 2, 3, 4]);
}

#[test]
fn a_sender_that_finds_the_carrier_at_work_goes_on() {
    let mut world = world();
    let south = world.nodes[1].kernel().node();
    let none = world.nets[0].intake().with_carrier(|_| {
        notify(&world, 1, 10);
        world.network.under_way(south)
    });
    assert_eq!(none, Some(0), "expected it to wait for the porter");
    world.nodes[0].run_until_idle().expect("an end");
    assert_eq!(*world.read.lock(), [1]);
}

#[test]
fn what_comes_is_brought_in_without_the_porter_and_a_large_letter_by_it() {
    for (size, left) in [(10, 0), (100_000, 1)] {
        let mut world = world();
        let south = world.nodes[1].kernel().node();
        notify(&world, 1, size);
        world.nets[0].intake().with_carrier(|carrier| {
            for peering in carrier.peers.values_mut() {
                transmit(peering, &mut *carrier.transport);
            }
        });
        world.network.give_out(south);
        assert_eq!(world.nets[1].intake().waiting(), left, "expected {size} bytes to be left to the porter: {left}");
        world.nodes[0].run_until_idle().expect("an end");
        assert_eq!(*world.read.lock(), [1]);
    }
}

#[test]
fn the_order_is_kept_whoever_carries_a_message() {
    let mut world = world();
    let mut dice = 1_u64;
    let mut sent = 0;
    for _ in 0..200 {
        for _ in 0..dice % 7 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            notify(&world, sent, if dice >> 60 == 0 { 20_000 } else { 10 });
            sent += 1;
        }
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if dice >> 63 == 0 {
            world.nodes[0].run_until_idle().expect("an end");
        }
    }
    world.nodes[0].run_until_idle().expect("an end");
    assert_eq!(*world.read.lock(), (0..sent).collect::<Vec<_>>());
    assert!(sent > 300, "expected some: {sent}");
}
