//! What is answered at once, on the thread that asks.

use std::time::Duration;

use rohrpost::system::{
    ADDRESS, AddMonitor, AddObserver, ListNamespaces, ListServices, ListTargets, NAMESPACE, Namespaces, Ping, Pong,
    ReadCounters, RemoveMonitor, RemoveObserver, Services,
};
use rohrpost::{Address, Change, Code, Filter, Message, Nid, NodeId, Record, Time, record};

use crate::world::{Do, World};

#[derive(Clone, Debug, PartialEq)]
struct Strange(u32);
record!(Strange, "system-test.strange");

#[derive(Clone, Debug)]
struct Rumour;
record!(Rumour, "system-test.rumour");

/// Has the same asked by a plain thread, by a request and by a call, of everybody who may be asked.
#[track_caller]
fn every_way<R: Record + Clone>(world: &mut World, record: &R) -> Vec<Result<R::Answer, Code>> {
    let asker = world.asker(0);
    vec![world.ask(record.clone()), world.request(asker, record.clone()), world.call(asker, record.clone())]
}

fn is_pong(end: &Result<Pong, Code>) -> bool {
    end.as_ref().is_ok_and(|pong| pong.node == NodeId::name("node") && pong.received == Time::from_nanos(5))
}

#[test]
fn a_ping_is_answered_with_node_and_time() {
    let mut world = World::new(2);
    world.clock.advance(Duration::from_nanos(5));
    for end in every_way(&mut world, &Ping) {
        assert!(is_pong(&end), "expected node and time, not {end:?}");
    }
    let counters = world.counters();
    assert_eq!((counters.returned, counters.dead_letters), (0, 0), "expected everything to be handled");
}

#[test]
fn a_ping_needs_no_worker() {
    let world = World::new(0);
    world.clock.advance(Duration::from_nanos(5));
    let end = world.kernel.ask(world.kernel.system(), Ping).wait();
    assert!(is_pong(&end.map_err(|failure| failure.code())), "expected node and time");
    let counters = world.kernel.counters();
    assert!(counters.is_balanced(), "expected even counters, not {counters:?}");
    assert_eq!((counters.sent, counters.answered), (1, 1), "expected one question and one answer");
}

#[test]
fn the_address_prints_and_parses() {
    let world = World::new(0);
    assert_eq!(world.kernel.system().to_string(), ".SYSTEM.node", "expected its text");
    assert_eq!(".SYSTEM.node".parse(), Ok(world.kernel.system()), "expected its address");
    assert_eq!(".SYSTEM.".parse(), Ok(ADDRESS), "expected its address");
}

#[test]
fn namespaces_are_listed_as_they_come_and_go() {
    let mut world = World::new(2);
    let (first, second) = (world.spaces[0].id(), world.spaces[1].id());
    let listed = |world: &mut World| {
        let mut ends = every_way(world, &ListNamespaces);
        assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "expected one answer whoever asks: {ends:?}");
        let Namespaces(listed) = ends.remove(0).unwrap();
        assert!(listed.is_sorted(), "expected them in order: {listed:?}");
        listed.into_iter().filter(|&nid| nid != NAMESPACE).collect::<Vec<_>>()
    };
    let mut both = vec![first, second];
    both.sort_unstable();
    assert_eq!(listed(&mut world), both, "expected both");
    drop(world.workers[1].take());
    assert_eq!(listed(&mut world), [first], "expected the one that is open");
}

#[test]
fn counters_can_be_read() {
    let mut world = World::new(1);
    for end in every_way(&mut world, &ReadCounters) {
        assert_eq!(end.unwrap().registered, 1, "expected the asker to be counted");
    }
    world.counters();
}

#[test]
fn a_record_that_the_kernel_does_not_know_is_not_handled() {
    let mut world = World::new(1);
    for end in every_way(&mut world, &Strange(1)) {
        assert_eq!(end, Err(Code::NOT_HANDLED), "expected the reason");
    }
    let refused = world.kernel.notify(world.kernel.system(), Strange(2)).expect_err("expected it back");
    assert_eq!(refused.code(), Code::NOT_HANDLED, "expected the reason");
    assert_eq!(refused.into_message().take(), Some(Strange(2)), "expected the record back");
    let mut failure = world.kernel.ask(world.kernel.system(), Strange(3)).wait().expect_err("expected it back");
    assert_eq!(failure.take_record(), Some(Strange(3)), "expected the record back");
    assert_eq!(world.counters().dead_letters, 0, "expected nothing to be lost");
}

#[test]
fn a_notification_that_is_handled_ends_there() {
    let mut world = World::new(1);
    world.kernel.notify(world.kernel.system(), Ping).unwrap();
    let asker = world.asker(0);
    world.run::<()>(asker, |_, ctx, _| ctx.notify(ADDRESS, Ping));
    let counters = world.counters();
    assert_eq!((counters.handled, counters.answers), (3, 0), "expected no answers to notifications");
}

#[test]
fn several_records_are_not_handled() {
    let world = World::new(0);
    let message = Message::notification(world.kernel.system(), Ping).and(Ping);
    let refused = world.kernel.send(message).expect_err("expected it back");
    assert_eq!(refused.code(), Code::NOT_HANDLED, "expected the reason");
    assert_eq!(refused.into_message().records().count(), 2, "expected the records back");
}

#[test]
fn a_question_can_be_forwarded_to_the_kernel() {
    let mut world = World::new(2);
    world.clock.advance(Duration::from_nanos(5));
    // What an asker is not told to do it forwards.
    let (first, gate) = (world.asker(0), world.asker(1));
    let mut ask = world.kernel.ask(gate, Ping);
    assert!(crate::world::poll(&mut ask).is_none(), "expected the question to wait for the gate");
    world.settle();
    let end = crate::world::poll(&mut ask).expect("expected an answer").map_err(|failure| failure.code());
    assert!(is_pong(&end), "expected node and time, not {end:?}");
    let ends = world.run(first, move |me, ctx, told| {
        ctx.request(gate, Ping).then_on(me, move |_, answer, _| {
            told.send(answer.map_err(|failure| failure.code())).unwrap();
        });
    });
    assert_eq!(ends.len(), 1, "expected one end");
    assert!(is_pong(&ends[0]), "expected node and time, not {:?}", ends[0]);
    world.counters();
}

#[test]
fn a_held_question_can_be_forwarded_to_the_kernel_from_any_thread() {
    struct Shelf(std::sync::mpsc::Sender<rohrpost::HeldMessage>);
    impl rohrpost::Target for Shelf {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut rohrpost::Context<'_>) -> rohrpost::Outcome {
            self.0.send(ctx.hold(message).unwrap()).unwrap();
            rohrpost::Outcome::Handled
        }
    }

    let mut world = World::new(1);
    world.clock.advance(Duration::from_nanos(5));
    let (keep, kept) = std::sync::mpsc::channel();
    let shelf = world.spaces[0].register(Shelf(keep)).unwrap();
    let nid = world.spaces[0].id();
    let mut ping = world.kernel.ask(shelf, Ping);
    let mut list = world.kernel.ask(shelf, ListTargets(nid));
    let mut strange = world.kernel.ask(shelf, Strange(1));
    assert!(crate::world::poll(&mut ping).is_none() && crate::world::poll(&mut list).is_none());
    assert!(crate::world::poll(&mut strange).is_none());
    world.settle();
    for held in kept.try_iter() {
        std::thread::spawn(move || held.forward(ADDRESS)).join().unwrap();
    }
    let end = crate::world::poll(&mut ping).expect("expected an answer").map_err(|failure| failure.code());
    assert!(is_pong(&end), "expected node and time, not {end:?}");
    let end = crate::world::poll(&mut strange).expect("expected an end").map_err(|failure| failure.code());
    assert_eq!(end, Err(Code::NOT_HANDLED), "expected the reason");
    world.settle();
    let end = crate::world::poll(&mut list).expect("expected an answer").unwrap();
    assert_eq!(end.0.iter().map(|resident| resident.target).collect::<Vec<_>>(), [shelf], "expected who is there");
    world.counters();
}

#[test]
fn another_nodes_services_are_not_this_kernels() {
    let mut world = World::new(1);
    let there: Address = ".SYSTEM.elsewhere".parse().unwrap();
    let failure = world.kernel.ask(there, Ping).wait().expect_err("expected no way there");
    assert_eq!(failure.code(), Code::NO_NODE, "expected the reason");
    let asker = world.asker(0);
    let ends = world.run(asker, move |_, ctx, told| {
        told.send(ctx.call(there, Ping).map_err(|failure| failure.code())).unwrap();
    });
    assert_eq!(ends, [Err(Code::NO_NODE)], "expected the reason");
}

#[test]
fn a_monitor_can_be_begun_and_ended_by_message() {
    #[derive(Default)]
    struct Told(Vec<Change>);
    impl rohrpost::Target for Told {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut rohrpost::Context<'_>) -> rohrpost::Outcome {
            match message.take::<Change>() {
                Some(change) => self.0.push(change),
                None => message.answer(Seen(std::mem::take(&mut self.0))),
            }
            let _ = ctx;
            rohrpost::Outcome::Handled
        }
    }
    #[derive(Clone, Debug)]
    struct Seen(Vec<Change>);
    record!(Seen, "system-test.seen");
    #[derive(Clone, Debug)]
    struct Look;
    record!(Look, "system-test.look" => Seen);

    let mut world = World::new(2);
    let target = world.spaces[1].register_as("told", Told::default()).unwrap();
    world.settle();
    let look = |world: &mut World| {
        let mut ask = world.kernel.ask(target, Look);
        assert!(crate::world::poll(&mut ask).is_none(), "expected the question to wait for its worker");
        world.settle();
        let Seen(changes) = crate::world::poll(&mut ask).expect("expected an answer").unwrap();
        changes
    };
    let add = AddMonitor { filter: Filter::new().namespace(world.spaces[0].id()), target };
    for end in every_way(&mut world, &add) {
        let monitor = end.unwrap();
        let told = |changes: &[Change]| changes.iter().filter(|change| change.monitor == monitor).count();
        look(&mut world);
        let asker = world.asker(0);
        assert_eq!(told(&look(&mut world)), 1, "expected the change to be told");
        assert_eq!(world.request(asker, RemoveMonitor(monitor)), Ok(()), "expected an answer");
        world.asker(0);
        assert_eq!(told(&look(&mut world)), 0, "expected the monitor to have ended");
    }
    let nobody = AddMonitor { target: "nobody.n1.".parse().unwrap(), ..add };
    for end in every_way(&mut world, &nobody) {
        assert_eq!(end, Err(Code::NO_TARGET), "expected the reason");
    }
    // A missing namespace is the sender's.
    let near = AddMonitor { target: "told".parse().unwrap(), ..add };
    let asker = world.asker(1);
    assert!(world.request(asker, near).is_ok(), "expected the address to be completed from the asker's");
    assert_eq!(world.ask(near), Err(Code::NO_NAMESPACE), "expected a plain thread to have no namespace");
    world.counters();
}

#[test]
fn the_kernels_own_topic_is_listed_by_name() {
    let mut world = World::new(1);
    let Services(listed) = world.ask(ListServices(NAMESPACE)).unwrap();
    let records: Vec<_> = listed.into_iter().map(|offer| offer.record.to_string()).collect();
    assert_eq!(records, ["rohrpost.dead-letter"]);
}

#[test]
fn services_are_listed_with_owners_and_observers() {
    let mut world = World::new(2);
    let (owner, observer) = (world.asker(0), world.asker(1));
    let space = world.spaces[0].clone();
    space.serve::<Strange>(owner).unwrap();
    space.observe::<Strange>(observer).unwrap();
    space.topic::<Rumour>().open().unwrap();
    for end in every_way(&mut world, &ListServices(space.id())) {
        let Services(mut listed) = end.unwrap();
        listed.sort_by_key(|offer| offer.record != Strange::ID);
        let told: Vec<_> = listed.into_iter().map(|offer| (offer.record, offer.owners, offer.observers)).collect();
        assert_eq!(told, [(Strange::ID, vec![owner], 1), (Rumour::ID, Vec::new(), 0)], "expected both");
    }
    for end in every_way(&mut world, &ListServices(Nid::name("nowhere"))) {
        assert_eq!(end, Err(Code::NO_NAMESPACE), "expected the reason");
    }
}

#[test]
fn an_observer_can_be_attached_and_detached_by_message() {
    let mut world = World::new(2);
    let asker = world.asker(0);
    let observer = world.asker(1);
    let topic = world.spaces[0].topic::<Rumour>().open().unwrap();
    let add = AddObserver { service: topic, record: Rumour::ID, observer };
    let remove = RemoveObserver { service: topic, record: Rumour::ID, observer };
    let observed = |world: &mut World| {
        let before = world.counters().observed;
        let _ = world.kernel.notify(topic, Rumour);
        world.counters().observed - before
    };
    for _ in 0..2 {
        assert_eq!(world.request(asker, add), Ok(()), "expected an answer");
        assert_eq!(observed(&mut world), 1, "expected it to observe");
        assert_eq!(world.request(asker, remove), Ok(()), "expected an answer");
        assert_eq!(observed(&mut world), 0, "expected it to observe no longer");
    }
    for end in every_way(&mut world, &add) {
        assert_eq!(end, Ok(()), "expected an answer");
    }
    for end in every_way(&mut world, &remove) {
        assert_eq!(end, Ok(()), "expected an answer");
    }
    let cases = [
        (AddObserver { record: Strange::ID, ..add }, Code::NO_SERVICE),
        (AddObserver { observer: "nobody.n0.".parse().unwrap(), ..add }, Code::NO_TARGET),
        (AddObserver { service: asker, ..add }, Code::NO_SERVICE),
        (AddObserver { service: ".n0.elsewhere".parse().unwrap(), ..add }, Code::NO_SERVICE),
    ];
    for (wrong, code) in cases {
        for end in every_way(&mut world, &wrong) {
            assert_eq!(end, Err(code), "expected the reason for {wrong:?}");
        }
    }
    // What is missing is the sender's.
    let near = AddObserver { service: Address::service(world.spaces[0].id()), observer: world.asker(0), ..add };
    assert_eq!(world.request(asker, near), Ok(()), "expected the node to be completed");
    world.counters();
}

#[test]
fn a_question_past_its_deadline_is_not_answered() {
    let mut world = World::new(1);
    let asker = world.asker(0);
    world.clock.advance(Duration::from_secs(1));
    let ends = world.run(asker, |_, ctx, told| {
        let end = ctx.within(Duration::ZERO).call(ADDRESS, Ping);
        told.send(end.map_err(|failure| failure.code())).unwrap();
        ctx.notify(ctx.address(), Do::new(|_, _| ()));
    });
    assert_eq!(ends, [Err(Code::EXPIRED)], "expected the reason");
}
