//! Records that a node does not know: it carries them as the bytes they came in.
//!
//! All nodes of a process know the same records with a wire form. So the first test is about one that none of them can read,
//! and in the second a node has in its hands, as bytes, what it would have of a record that only the others know.

use std::sync::{Arc, Mutex};

use rohrpost::net::Opaque;
use rohrpost::testing::Probe;
use rohrpost::{Address, Context, Message, Nid, Outcome, Record, Target, record};

use crate::world::{Note, Scribe, World};

/// A record without a wire form: no node can read one that comes from another.
#[derive(Clone, Debug)]
struct Tile;
record!(Tile, "net.tile");

/// Keeps what it is sent, or sees, as long as it is bytes.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Vec<Opaque>>>);

impl Shelf {
    fn keep(&self, message: &Message<'_>) -> Outcome {
        let Some(opaque) = message.record::<Opaque>() else {
            return Outcome::NotHandled;
        };
        self.0.lock().unwrap().push(opaque.clone());
        Outcome::Handled
    }

    fn kept(&self) -> Vec<Opaque> {
        self.0.lock().unwrap().clone()
    }
}

impl Target for Shelf {
    fn receive(&mut self, message: &mut Message<'_>, _: &mut Context<'_>) -> Outcome {
        self.keep(message)
    }

    fn observed(&mut self, message: &Message<'_>, _: &mut Context<'_>) {
        self.keep(message);
    }
}

#[test]
fn a_record_that_a_node_does_not_know_is_observed_there_and_forwarded_as_it_was() {
    let mut world = World::new(3);
    let (observer, end) = (Shelf::default(), Shelf::default());
    let eye = world.register(1, observer.clone());
    let there = world.register(2, end.clone());
    let app = world.nodes[1].test.namespace("app").open().unwrap();
    app.serve::<Tile>(world.nodes[1].home).unwrap();
    app.observe::<Tile>(eye).unwrap();
    world.nodes[1].probe.hold::<Opaque>();
    let service = Address::service(Nid::name("app")).on_node(world.nodes[1].id);
    let tile = Opaque::new(Tile::ID, &[3, 1, 4, 1, 5, 0xff]);
    world.nodes[0].probe.request(service, tile.clone());
    world.rest();
    assert_eq!(observer.kept(), std::slice::from_ref(&tile), "expected the service's observer to see it");
    world.nodes[1].probe.take_held::<Opaque>().expect("the service's owner holds it").forward(there);
    world.rest();
    assert_eq!(end.kept(), [tile], "expected the same bytes behind the second node");
    world.nodes[0].probe.expect_answer::<()>();
    world.check_counters();
}

#[test]
fn a_record_that_a_node_has_only_as_bytes_is_read_where_it_is_known() {
    let mut world = World::new(3);
    let scribe = Scribe::default();
    let there = world.register(2, scribe.clone());
    let porter = world.nodes[1].home;
    let sender = Probe::new("sender");
    let home = world.register(1, sender.clone());
    world.nodes[1].probe.hold::<Opaque>();
    // What is sent on one node is not read there.
    sender.notify(porter, Opaque::new(Note::ID, &[7]));
    world.rest();
    world.nodes[1].probe.take_held::<Opaque>().expect("a note as bytes").forward(there);
    world.rest();
    assert_eq!(*scribe.0.lock().unwrap(), [(Some(home), 7)], "expected the third node to read a note");
    world.check_counters();
}
