//! The end of a node that has ports: they end last.

use std::time::Duration;

use rohrpost::testing::Probe;
use rohrpost::{Code, Context, Message, Origin, Outcome, Target};

use crate::world::{Add, Note, World};

#[test]
fn what_a_target_holds_goes_back_to_where_it_came_from_before_the_ports_stop() {
    let world = World::new();
    let mut world = world;
    world.clerk.hold::<Add>();
    world.bring(Message::request(world.home, Add(1, 2)), Origin::new());
    world.rest();
    let kernel = world.test.kernel().clone();
    let locker = world.locker.clone();
    world.bring(Message::request(world.home, Add(3, 4)), Origin::new());
    let report = kernel.stop(Duration::from_secs(1));
    assert!(report.is_complete(), "expected all to have ended: {report:?}");
    assert_eq!(locker.stops(), [0]);
    world.bring(Message::request(world.home, Add(5, 6)), Origin::new());
    drop(world.clerk.take_held::<Add>());
    let codes: Vec<Code> = world.returns().iter().map(|(code, _)| *code).collect();
    assert_eq!(codes.len(), 3, "expected each request to be answered: {codes:?}");
    assert!(codes.iter().all(|code| [Code::STOPPED, Code::NOT_HANDLED].contains(code)), "{codes:?}");
}

#[test]
fn what_a_port_still_has_when_it_stops_is_a_dead_letter() {
    let mut world = World::new();
    world.clerk.notify(World::lamp(), Note(1));
    world.clerk.request(World::lamp(), Add(1, 1));
    world.rest();
    let kernel = world.test.kernel().clone();
    let _ = kernel.stop(Duration::from_secs(1));
    assert_eq!(world.locker.stops(), [2]);
    let counters = kernel.counters();
    assert!(counters.is_balanced(), "expected both to be counted once: {counters:?}");
    assert_eq!(counters.dead_letters, 2, "expected nobody to be there to get them: {counters:?}");
}

#[test]
fn what_a_target_sends_as_it_stops_is_flushed_before_the_ports_stop() {
    struct Parting;
    impl Target for Parting {
        fn receive(&mut self, _: &mut Message<'_>, _: &mut Context<'_>) -> Outcome {
            Outcome::NotHandled
        }
        fn stopping(&mut self, ctx: &mut Context<'_>) {
            ctx.notify(World::lamp(), Note(1));
        }
    }
    let mut world = World::new();
    world.test.namespace("app").open().unwrap().register(Parting).unwrap();
    world.rest();
    let _ = world.test.kernel().stop(Duration::from_secs(1));
    assert_eq!((world.locker.flushes(), world.locker.stops()), (vec![1], vec![1]));
}

#[test]
fn the_namespace_of_the_ports_ends_when_they_have_stopped() {
    let world = World::new();
    let kernel = world.test.kernel().clone();
    let carrier = Probe::new("carrier");
    let home = kernel.transport().open().unwrap().register(carrier.clone()).unwrap();
    world.test.kernel().notify(home, Note(1)).unwrap();
    let report = kernel.stop(Duration::from_secs(1));
    assert!(report.is_complete(), "expected the carrier's thread to end, too: {report:?}");
    assert_eq!(report.ended.last().map(String::as_str), Some("TRANSPORT/0"), "expected it to end last: {report:?}");
    assert_eq!(carrier.expect::<Note>(), Note(1));
    assert!(kernel.transport().open().is_err(), "expected nothing to be opened on a stopped kernel");
}
