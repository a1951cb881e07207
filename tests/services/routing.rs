//! A message without a target goes to the owner of the service that its first record names.

use std::time::Duration;

use rohrpost::{Address, Code, Message, Nid, Outcome};

use crate::world::{Note, Query, Reply, World};

#[test]
fn a_message_without_a_target_goes_to_the_owner_of_its_record() {
    let mut world = World::new();
    let (notes, queries, sender) = (world.near("notes"), world.near("queries"), world.near("sender"));
    world.near.serve::<Note>(notes).unwrap();
    world.near.serve::<Query>(queries).unwrap();
    let here: Address = Address::target(sender.tid().unwrap());
    let service = Address::service(Nid::name("near"));
    for to in [service, world.near.address(), ".near.world".parse().unwrap(), "..".parse().unwrap()] {
        world.have(sender, move |_, ctx| {
            ctx.notify(to, Note(1));
            let _ = ctx.request(to, Query(2));
            assert_eq!(ctx.call(to, Query(3)).unwrap(), Reply(3));
        });
        let expected = ["notes got 1", "queries got 2", "queries got 3", "sender back 2 OK"];
        assert_eq!(world.said(), expected, "expected the owners to get it by {to}");
    }
    assert!(here.tid().is_some());
    assert_eq!(world.ask(world.near.address(), Query(4)), Ok(Reply(4)), "expected an answer from outside, too");
    world.kernel.notify(world.near.address(), Note(5)).unwrap();
    world.settle();
    assert_eq!(world.said(), ["queries got 4", "notes got 5"]);
    let counters = world.balanced();
    assert_eq!((counters.copies, counters.returned, counters.dead_letters), (0, 0, 0));
}

#[test]
fn an_owner_on_another_thread_gets_it_through_one_hand_off() {
    let mut world = World::new();
    let (owner, sender) = (world.far("owner"), world.near("sender"));
    world.far.serve::<Query>(owner).unwrap();
    let service = world.far.address();
    world.have(sender, move |_, ctx| {
        let _ = ctx.request(service, Query(1));
        let refused = ctx.call(service, Query(2)).unwrap_err();
        assert_eq!(refused.code(), Code::WOULD_BLOCK, "expected a call not to wait for another thread");
    });
    assert_eq!(world.said(), ["owner got 1", "sender back 1 OK"]);
    world.balanced();
}

#[test]
fn several_records_are_routed_by_the_first() {
    let mut world = World::new();
    let (notes, queries) = (world.near("notes"), world.near("queries"));
    world.near.serve::<Note>(notes).unwrap();
    world.near.serve::<Query>(queries).unwrap();
    let service = world.near.address();
    world.kernel.send(Message::notification(service, Note(1)).and(Query(2))).unwrap();
    world.kernel.send(Message::notification(service, Query(3)).and(Note(4))).unwrap();
    world.settle();
    assert_eq!(world.said(), ["notes got 1+2", "queries got 3+4"]);
}

#[test]
fn a_message_for_a_service_that_there_is_not_comes_back_with_no_service() {
    let mut world = World::new();
    let (sender, owner) = (world.near("sender"), world.near("owner"));
    world.near.serve::<Note>(owner).unwrap();
    let (near, far) = (world.near.address(), world.far.address());
    let nowhere = Address::service(Nid::name("nowhere"));
    world.have(sender, move |_, ctx| {
        let _ = ctx.request(near, Query(1));
        ctx.notify(far, Note(2));
        assert_eq!(ctx.call(near, Query(3)).unwrap_err().code(), Code::NO_SERVICE);
        ctx.notify(nowhere, Note(4));
    });
    assert_eq!(world.said(), ["sender back 1 NO_SERVICE", "sender back 2 NO_SERVICE", "sender back 4 NO_NAMESPACE"]);
    assert_eq!(world.ask(near, Query(5)), Err(Code::NO_SERVICE));
    assert_eq!(world.kernel.notify(far, Note(6)).unwrap_err().code(), Code::NO_SERVICE);
    assert_eq!(world.kernel.notify(nowhere, Note(7)).unwrap_err().code(), Code::NO_NAMESPACE);
    world.balanced();
}

#[test]
fn a_forwarded_or_held_message_can_go_to_a_service() {
    let mut world = World::new();
    let (near, far) = (world.near.address(), world.far.address());
    let (owner, there) = (world.near("owner"), world.far("there"));
    world.near.serve::<Query>(owner).unwrap();
    world.far.serve::<Query>(there).unwrap();
    for service in [near, far] {
        let gate = world.probe("gate").receiving(move |message, ctx| {
            ctx.forward(message, service);
            Outcome::Handled
        });
        let keeper = world.probe("keeper").receiving(move |message, ctx| {
            ctx.hold(message).unwrap().forward(service);
            Outcome::Handled
        });
        for probe in [gate, keeper] {
            let through = world.place(0, probe);
            assert_eq!(world.ask(through, Query(7)), Ok(Reply(7)));
        }
    }
    let said = world.said();
    assert_eq!(said.iter().filter(|line| *line == "owner got 7").count(), 2, "expected both in {said:#?}");
    assert_eq!(said.iter().filter(|line| *line == "there got 7").count(), 2, "expected both in {said:#?}");
    world.balanced();
}

#[test]
fn a_held_message_is_forwarded_to_a_service_from_any_thread() {
    let mut world = World::new();
    let owner = world.far("owner");
    world.far.serve::<Query>(owner).unwrap();
    let shelf = std::sync::Arc::new(std::sync::Mutex::new(None));
    let keeps = shelf.clone();
    let keeper = world.probe("keeper").receiving(move |message, ctx| {
        *keeps.lock().unwrap() = ctx.hold(message).ok();
        Outcome::Handled
    });
    let (keeper, sender, service) = (world.place(0, keeper), world.near("sender"), world.far.address());
    world.have(sender, move |_, ctx| drop(ctx.request(keeper, Query(1))));
    let held = shelf.lock().unwrap().take().unwrap();
    std::thread::scope(|scope| scope.spawn(|| held.forward(service)).join().unwrap());
    world.settle();
    assert_eq!(world.said(), ["keeper got 1", "owner got 1", "sender back 1 OK"]);
    world.balanced();
}

#[test]
fn a_service_changes_hands_at_once_for_all_threads() {
    let mut world = World::new();
    let (first, second, sender) = (world.near("first"), world.near("second"), world.far("sender"));
    let service = world.near.address();
    for owner in [first, second] {
        world.near.serve::<Note>(owner).unwrap();
        world.kernel.notify(service, Note(1)).unwrap();
        world.have(sender, move |_, ctx| ctx.notify(service, Note(2)));
        world.near.withdraw::<Note>(owner).unwrap();
        world.have(sender, move |_, ctx| ctx.notify(service, Note(3)));
    }
    assert_eq!(
        world.said(),
        [
            "first got 1",
            "first got 2",
            "sender back 3 NO_SERVICE",
            "second got 1",
            "second got 2",
            "sender back 3 NO_SERVICE"
        ]
    );
    world.balanced();
}

#[test]
fn an_expired_message_is_neither_shown_nor_handled() {
    let mut world = World::new();
    let (owner, near, far, sender) = (world.far("owner"), world.near("near"), world.away("away"), world.near("sender"));
    world.far.serve::<Query>(owner).unwrap();
    let there = world.far("there");
    for observer in [near, far, there] {
        world.far.observe::<Query>(observer).unwrap();
    }
    world.settle();
    let (service, clock) = (world.far.address(), world.clock.clone());
    // On its way when the deadline passes: whoever is to look later does not.
    world.tell(sender, move |_, ctx| {
        let _ = ctx.within(Duration::from_secs(1)).request(service, Query(1));
        clock.advance(Duration::from_secs(2));
    });
    world.settle();
    in_any_order(world.said(), &["near saw 1", "sender back services.query EXPIRED"]);
    // Expired before it is sent: nobody looks.
    let clock = world.clock.clone();
    world.tell(sender, move |_, ctx| {
        let late = ctx.within(Duration::ZERO);
        let _ = late.request(service, Query(2));
        drop(clock);
    });
    world.settle();
    let said = world.said();
    assert!(
        !said.iter().any(|line| line.contains("saw") || line.contains("got")),
        "expected nobody to see it: {said:?}"
    );
    let counters = world.balanced();
    assert_eq!((counters.copies, counters.observed, counters.lost_copies), (3, 1, 2));
}

/// Whether the lines are these, in whatever order; a record that is elsewhere has no number.
fn in_any_order(said: Vec<String>, expected: &[&str]) {
    let mut said: Vec<String> = said
        .into_iter()
        .map(|line| line.replace("rohrpost.absent", "services.query").replace("back 1 ", "back services.query "))
        .collect();
    said.sort();
    assert_eq!(said, expected);
}
