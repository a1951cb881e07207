//! Observers see a message before its owner does, and can do nothing to it.

use rohrpost::{Code, Context, Message, Observes, Outcome, handles};

use crate::world::{Note, Query, Reply, World, in_order};

#[test]
fn observers_see_a_message_before_its_owner_gets_it() {
    let mut world = World::new();
    let (owner, one, two, sender) = (world.near("owner"), world.near("one"), world.near("two"), world.near("sender"));
    world.near.serve::<Query>(owner).unwrap();
    world.near.observe::<Query>(one).unwrap();
    world.near.observe::<Query>(two).unwrap();
    let service = world.near.address();
    world.have(sender, move |_, ctx| drop(ctx.request(service, Query(1))));
    let said = world.said();
    in_order(&said, &["one saw 1", "owner got 1", "sender back 1 OK"]);
    in_order(&said, &["two saw 1", "owner got 1"]);
    assert_eq!(said.len(), 4, "expected nothing else: {said:?}");
    // The same if the owner's thread is another.
    let far = world.far("far");
    world.have(far, move |_, ctx| drop(ctx.request(service, Query(2))));
    let said = world.said();
    in_order(&said, &["one saw 2", "owner got 2", "far back 2 OK"]);
    in_order(&said, &["two saw 2", "owner got 2"]);
    let counters = world.balanced();
    assert_eq!((counters.copies, counters.observed), (4, 4));
}

#[test]
fn observers_live_on_any_thread_in_any_namespace() {
    let mut world = World::new();
    let (owner, near, far, away) = (world.near("owner"), world.near("near"), world.far("far"), world.away("away"));
    world.near.serve::<Note>(owner).unwrap();
    for observer in [near, far, away] {
        world.near.observe::<Note>(observer).unwrap();
    }
    let service = world.near.address();
    for sender in [near, far, away] {
        world.settle();
        world.have(sender, move |_, ctx| ctx.notify(service, Note(1)));
        let mut said = world.said();
        said.sort();
        assert_eq!(said, ["away saw 1", "far saw 1", "near saw 1", "owner got 1"], "expected all to see it");
    }
    world.kernel.notify(service, Note(2)).unwrap();
    world.settle();
    assert_eq!(world.said().len(), 4, "expected all to see it from outside");
    let counters = world.balanced();
    assert_eq!((counters.copies, counters.observed), (12, 12));
}

#[test]
fn a_topic_is_ok_if_somebody_observes_and_else_not_handled() {
    let mut world = World::new();
    let (near, far, sender) = (world.near("near"), world.far("far"), world.near("sender"));
    let topic = world.near.topic::<Note>().open().unwrap();
    world.have(sender, move |_, ctx| {
        ctx.notify(topic, Note(1));
        let _ = ctx.request(topic, Note(2));
        assert_eq!(ctx.call(topic, Note(3)).unwrap_err().code(), Code::NOT_HANDLED);
    });
    assert_eq!(world.said(), ["sender back 1 NOT_HANDLED", "sender back 2 NOT_HANDLED"]);
    let mut refused = world.kernel.notify(topic, Note(4)).unwrap_err().into_message();
    assert_eq!(refused.take::<Note>().map(|note| note.0), Some(4), "expected the message to come back");
    assert_eq!(world.ask(topic, Note(5)), Err(Code::NOT_HANDLED));
    for observer in [near, far] {
        world.near.observe::<Note>(observer).unwrap();
        world.settle();
        world.have(sender, move |_, ctx| {
            ctx.notify(topic, Note(1));
            let _ = ctx.request(topic, Note(2));
            ctx.call(topic, Note(3)).expect("expected a call to be answered with ()");
        });
        assert_eq!(world.ask(topic, Note(4)), Ok(()));
        world.kernel.notify(topic, Note(5)).unwrap();
        world.settle();
        let said = world.said();
        let mine = if observer == near { "near" } else { "far" };
        let seen: Vec<String> = (1..=5).map(|number| format!("{mine} saw {number}")).collect();
        in_order(&said, &seen.iter().map(String::as_str).collect::<Vec<_>>());
        in_order(&said, &["sender back rohrpost.done OK"]);
        world.near.unobserve::<Note>(observer).unwrap();
        world.settle();
    }
    assert_eq!(world.kernel.notify(topic, Note(6)).unwrap_err().code(), Code::NOT_HANDLED);
    world.balanced();
}

#[test]
fn an_observer_sees_who_sent_what_to_which_service() {
    let mut world = World::new();
    let topic = world.near.topic::<Query>().open().unwrap();
    let sender = world.near("sender");
    for worker in 0..3 {
        let watcher = world.probe("watcher").seeing(move |message, _| {
            assert_eq!(message.sender(), Some(sender), "expected the sender");
            assert_eq!(message.receiver(), Some(topic), "expected the service's address");
            assert!(message.wants_answer() && message.request_id().is_some(), "expected to see a request");
            assert!(!message.is_answer() && message.code() == Code::NOT_HANDLED);
        });
        let watcher = world.place(worker, watcher);
        world.near.observe::<Query>(watcher).unwrap();
    }
    world.settle();
    world.have(sender, move |_, ctx| drop(ctx.request(topic, Query(1))));
    assert_eq!(world.balanced().panics, 0, "expected every observer to see the same");
    assert_eq!(world.balanced().observed, 3);
}

#[test]
fn what_an_observer_sends_comes_from_the_observer() {
    let mut world = World::new();
    let other = world.far("other");
    let owner = world.near("owner");
    world.near.serve::<Query>(owner).unwrap();
    let relay = world.probe("relay").seeing(move |message, ctx| {
        let copy = message.try_clone().unwrap();
        assert!(!copy.wants_answer());
        ctx.notify(other, Note(message.record::<Query>().unwrap().0 + 1));
    });
    let relay = world.place(0, relay);
    world.near.observe::<Query>(relay).unwrap();
    assert_eq!(world.ask(world.near.address(), Query(1)), Ok(Reply(1)));
    in_order(&world.said(), &["relay saw 1", "owner got 1", "other got 2"]);
    world.balanced();
}

#[test]
fn observers_that_come_and_go_meanwhile_disturb_nobody() {
    let mut world = World::new();
    let topic = world.near.topic::<Note>().open().unwrap();
    let (late, sender) = (world.near("late"), world.near("sender"));
    let mut crowd = Vec::new();
    for _ in 0..10 {
        crowd.push(world.near("one of ten"));
    }
    let (space, others) = (world.near.clone(), crowd.clone());
    // The first one has all others go, and somebody else come.
    let mut done = false;
    let boss = world.probe("boss").seeing(move |_, ctx| {
        if !std::mem::replace(&mut done, true) {
            for (index, &other) in others.iter().enumerate() {
                match index % 2 {
                    0 => space.unobserve::<Note>(other).unwrap(),
                    _ => ctx.deregister(other).unwrap(),
                }
            }
            space.observe::<Note>(late).unwrap();
            ctx.unobserve::<Note>(topic).unwrap();
        }
    });
    let boss = world.place(0, boss);
    world.near.observe::<Note>(boss).unwrap();
    for &observer in &crowd {
        world.near.observe::<Note>(observer).unwrap();
    }
    world.settle();
    world.have(sender, move |_, ctx| {
        ctx.notify(topic, Note(1));
        ctx.notify(topic, Note(2));
    });
    assert_eq!(world.said(), ["boss saw 1", "late saw 2"], "expected those who have gone to see nothing");
    world.balanced();
}

#[test]
fn observing_twice_is_the_same_as_once() {
    let mut world = World::new();
    let topic = world.near.topic::<Note>().open().unwrap();
    let (observer, far) = (world.near("observer"), world.far("far"));
    for _ in 0..3 {
        world.near.observe::<Note>(observer).unwrap();
        world.near.observe::<Note>(far).unwrap();
        world.have(far, move |_, ctx| ctx.observe::<Note>(topic).unwrap());
    }
    world.kernel.notify(topic, Note(1)).unwrap();
    world.settle();
    let mut said = world.said();
    said.sort();
    assert_eq!(said, ["far saw 1", "observer saw 1"]);
    world.near.unobserve::<Note>(far).unwrap();
    world.near.unobserve::<Note>(observer).unwrap();
    world.settle();
    assert_eq!(world.kernel.notify(topic, Note(2)).unwrap_err().code(), Code::NOT_HANDLED);
}

#[test]
fn an_observer_can_be_the_owner_and_the_sender_too() {
    let mut world = World::new();
    let owner = world.near("owner");
    world.near.serve::<Note>(owner).unwrap();
    world.near.observe::<Note>(owner).unwrap();
    let service = world.near.address();
    world.have(owner, move |_, ctx| ctx.notify(service, Note(1)));
    assert_eq!(world.said(), ["owner saw 1", "owner got 1"]);
    world.balanced();
}

/// A typed observer.
struct Typed(crate::world::Log);

impl Observes<Note> for Typed {
    fn observed(&mut self, note: &Note, ctx: &mut Context<'_>) {
        self.0.note(format!("note {} at {}", note.0, ctx.address().nid().unwrap()));
    }
}

impl Observes<Query> for Typed {
    fn observed(&mut self, query: &Query, _ctx: &mut Context<'_>) {
        self.0.note(format!("query {}", query.0));
    }
}

handles!(Typed: observes Note, Query);

#[test]
fn a_typed_observer_sees_each_record_that_it_lists_in_order() {
    let mut world = World::new();
    let topic = world.near.topic::<Query>().open().unwrap();
    let (near, far) = (Typed(world.log.clone()), Typed(world.log.clone()));
    for observer in [world.near.register(near).unwrap(), world.far.register(far).unwrap()] {
        world.near.observe::<Query>(observer).unwrap();
        world.settle();
        let message = Message::notification(topic, Query(1)).and(Reply(2)).and(Note(3)).and(Query(4));
        world.kernel.send(message).unwrap();
        world.kernel.notify(topic, Query(5)).unwrap();
        world.settle();
        let space = observer.nid().unwrap();
        assert_eq!(world.said(), ["query 1".into(), format!("note 3 at {space}"), "query 4".into(), "query 5".into()]);
        world.near.unobserve::<Query>(observer).unwrap();
        world.settle();
    }
}

#[test]
fn a_panic_in_observed_is_the_observers_own() {
    let mut world = World::new();
    let owner = world.near("owner");
    world.near.serve::<Query>(owner).unwrap();
    let mut observers = Vec::new();
    for worker in [0, 0, 1] {
        let before = world.probe("calm");
        let panics = world.probe("panics").seeing(|_, _| crate::world::panic_quietly("no"));
        let after = world.probe("calm");
        for probe in [before, panics, after] {
            let observer = world.place(worker, probe);
            world.near.observe::<Query>(observer).unwrap();
            observers.push(observer);
        }
    }
    world.settle();
    assert_eq!(world.ask(world.near.address(), Query(1)), Ok(Reply(1)), "expected the message to be as it was");
    let said = world.said();
    assert_eq!(said.iter().filter(|line| *line == "calm saw 1").count(), 6, "expected all others to see it: {said:?}");
    assert_eq!(said.iter().filter(|line| *line == "panics saw 1").count(), 3);
    assert_eq!(world.ask(world.near.address(), Query(2)), Ok(Reply(2)));
    assert_eq!(world.said().len(), 7, "expected those that panicked to be gone");
    let counters = world.balanced();
    assert_eq!((counters.panics, counters.observed, counters.lost_copies), (3, 15, 0));
}

#[test]
fn an_owner_that_does_not_handle_it_sends_it_back_all_the_same() {
    let mut world = World::new();
    let deaf = world.probe("deaf").receiving(|_, _| Outcome::NotHandled);
    let (deaf, observer, sender) = (world.place(0, deaf), world.near("observer"), world.near("sender"));
    world.near.serve::<Note>(deaf).unwrap();
    world.near.observe::<Note>(observer).unwrap();
    let service = world.near.address();
    world.have(sender, move |_, ctx| ctx.notify(service, Note(1)));
    assert_eq!(world.said(), ["observer saw 1", "deaf got 1", "sender back 1 NOT_HANDLED"]);
    world.balanced();
}
