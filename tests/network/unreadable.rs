//! Records that one node cannot write, or another not read.

use rohrpost::{Code, record};
use serde::{Deserialize, Deserializer, Serialize};

use crate::world::{Calculator, Homely, World};

/// A record that no node can read: two versions of a program do not agree about it.
#[derive(Clone, Debug, Serialize)]
struct Altered(u32);
record!(Altered, "net.altered", wire);

impl<'de> Deserialize<'de> for Altered {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("expected another version"))
    }
}

/// One that cannot even be looked at.
#[derive(Clone, Debug)]
struct Cursed;
record!(Cursed, "net.cursed", wire);

impl Serialize for Cursed {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("no ink")
    }
}

impl<'de> Deserialize<'de> for Cursed {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("no glasses")
    }
}

#[test]
fn a_request_that_the_other_node_cannot_read_comes_back_malformed() {
    let mut world = World::new(2);
    let calculator = world.register(1, Calculator);
    let failure = world.nodes[0].test.ask(calculator, Altered(1)).unwrap_err();
    assert_eq!(failure.code(), Code::MALFORMED);
    assert!(failure.text().contains("net.altered"), "expected the record in `{}`", failure.text());
    world.check_counters();
}

#[test]
fn a_notification_that_the_other_node_cannot_read_comes_back_too() {
    let mut world = World::new(2);
    let calculator = world.register(1, Calculator);
    world.nodes[0].probe.notify(calculator, Altered(1));
    world.rest();
    world.run(5);
    assert_eq!(world.nodes[0].test.kernel().counters().returned, 1, "expected the sender to be told");
    world.check_counters();
}

#[test]
fn what_cannot_be_written_stays_at_home() {
    let mut world = World::new(2);
    let calculator = world.register(1, Calculator);
    let cases = [
        (world.nodes[0].test.ask(calculator, Homely).unwrap_err(), Code::NOT_ROUTABLE, "net.homely"),
        (world.nodes[0].test.ask(calculator, Cursed).unwrap_err(), Code::EXCEPTION, "no ink"),
    ];
    for (failure, code, word) in cases {
        assert_eq!(failure.code(), code);
        assert!(failure.text().contains(word), "expected `{word}` in `{}`", failure.text());
    }
    world.check_counters();
}
