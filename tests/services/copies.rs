//! What observers cost: a borrow on the thread that routes, one hand-off and one clone for each other thread.

use rohrpost::{Address, Kernel, Message};

use crate::world::{Brittle, Counted, Note, Probe, Unique, World, counted};

#[test]
fn observers_on_the_owners_thread_see_a_borrow() {
    let mut world = World::new();
    let (owner, sender, far) = (world.near("owner"), world.near("sender"), world.far("far"));
    world.near.serve::<Counted>(owner).unwrap();
    for _ in 0..100 {
        let observer = world.near("observer");
        world.near.observe::<Counted>(observer).unwrap();
    }
    let service = world.near.address();
    for from in [sender, far] {
        let (record, clones) = counted();
        world.have(from, move |_, ctx| ctx.notify(service, record));
        assert_eq!(clones(), 0, "expected no clone");
    }
    let (record, clones) = counted();
    world.kernel.notify(service, record).unwrap();
    world.settle();
    assert_eq!(clones(), 0, "expected no clone from outside");
    assert_eq!(world.balanced().observed, 300);
}

#[test]
fn observers_on_the_senders_thread_see_a_borrow_of_what_goes_to_a_topic() {
    let mut world = World::new();
    let (sender, topic) = (world.near("sender"), world.far.topic::<Counted>().open().unwrap());
    for _ in 0..10 {
        let observer = world.near("observer");
        world.far.observe::<Counted>(observer).unwrap();
    }
    let (record, clones) = counted();
    world.have(sender, move |_, ctx| ctx.notify(topic, record));
    assert_eq!((clones(), world.balanced().observed), (0, 10));
}

#[test]
fn ten_thousand_observers_on_four_threads_take_four_hand_offs_and_four_clones() {
    const EACH: usize = 2_500;
    let kernel = Kernel::builder("square").start().unwrap();
    let (space, mut worker) = kernel.namespace("stage").driven().unwrap();
    let topic = space.topic::<Counted>().open().unwrap();
    let mut crowds: Vec<_> = (0..4)
        .map(|index| {
            let (space, worker) = kernel.namespace(format!("crowd-{index}")).capacity(1).driven().unwrap();
            (space, worker)
        })
        .collect();
    for (_, worker) in &mut crowds {
        let observers: Vec<Address> = worker.build(|thread| {
            let watcher = || Probe { name: "crowd", log: crate::world::Log::default(), receives: None, sees: None };
            (0..EACH).map(|_| thread.register(watcher()).unwrap()).collect()
        });
        for observer in observers {
            space.observe::<Counted>(observer).unwrap();
        }
        worker.run_until_idle();
    }
    let publishers: [&dyn Fn(Counted); 2] = [&|record| kernel.notify(topic, record).unwrap(), &|record| {
        let sender = Probe { name: "sender", log: crate::world::Log::default(), receives: None, sees: None };
        let sender = space.register(sender).unwrap();
        let step = move |_: &mut Probe, ctx: &mut rohrpost::Context<'_>| ctx.notify(topic, record);
        kernel.notify(sender, crate::world::Do::new(step)).unwrap();
    }];
    for (round, publish) in publishers.into_iter().enumerate() {
        let (record, clones) = counted();
        publish(record);
        worker.run_until_idle();
        assert_eq!(clones(), 4, "expected one clone a thread");
        for (_, worker) in &mut crowds {
            // Each hand-off has room for one message: a second one would have been refused.
            assert!(worker.run_once(), "expected one hand-off a thread");
            assert!(!worker.run_once(), "expected no other");
        }
        let counters = kernel.counters();
        assert_eq!((clones(), counters.observed), (4, 10_000 * (round as u64 + 1)));
        assert!(counters.is_balanced() && counters.lost_copies == 0, "expected nothing to be lost: {counters:?}");
    }
}

#[test]
fn a_copy_that_finds_a_hand_off_full_is_counted_as_lost() {
    let mut world = World::with(|builder| builder.capacity(2));
    let (near, far, away) = (world.near("near"), world.far("far"), world.away("away"));
    let topic = world.near.topic::<Note>().open().unwrap();
    for observer in [near, far, away] {
        world.near.observe::<Note>(observer).unwrap();
        world.settle();
    }
    world.tell(near, move |_, ctx| (1..=5).for_each(|number| ctx.notify(topic, Note(number))));
    world.workers[0].run_until_idle();
    let counters = world.kernel.counters();
    assert_eq!((counters.lost_copies, counters.returned), (6, 0), "expected three to be lost for each of two threads");
    world.settle();
    let counters = world.balanced();
    assert_eq!((counters.copies, counters.observed, counters.dead_letters), (15, 9, 0));
}

#[test]
fn what_is_refused_with_its_message_is_counted_as_lost_too() {
    let mut world = World::with(|builder| builder.capacity(1));
    let (owner, observer, sender) = (world.far("owner"), world.far("observer"), world.near("sender"));
    world.far.serve::<Note>(owner).unwrap();
    world.settle();
    world.far.observe::<Note>(observer).unwrap();
    world.settle();
    let service = world.far.address();
    world.have(sender, move |_, ctx| {
        ctx.notify(service, Note(1));
        ctx.notify(service, Note(2));
    });
    assert_eq!(world.said(), ["observer saw 1", "owner got 1", "sender back 2 BUSY"]);
    world.kernel.notify(service, Note(3)).unwrap();
    assert!(world.kernel.notify(service, Note(4)).is_err());
    world.settle();
    let counters = world.balanced();
    assert_eq!((counters.observed, counters.lost_copies), (2, 2));
}

#[test]
fn a_record_that_cannot_be_cloned_is_seen_where_no_copy_is_needed() {
    let mut world = World::new();
    let topic = world.near.topic::<Note>().open().unwrap();
    let (near, far) = (world.near("near"), world.far("far"));
    for observer in [near, far] {
        world.near.observe::<Note>(observer).unwrap();
    }
    world.settle();
    let sender = world.near("sender");
    world.have(sender, move |_, ctx| {
        assert!(ctx.send(Message::notification(topic, Note(1)).and(Unique(2))).is_none());
    });
    assert_eq!(world.said(), ["near saw 1+2"]);
    let counters = world.balanced();
    assert_eq!((counters.copies, counters.observed, counters.lost_copies), (2, 1, 1));
}

#[test]
fn a_panic_in_clone_costs_one_copy_and_nobody_else() {
    let mut world = World::new();
    let (owner, near, far, away) = (world.near("owner"), world.near("near"), world.far("far"), world.away("away"));
    world.near.serve::<Brittle>(owner).unwrap();
    for observer in [near, far, away] {
        world.near.observe::<Brittle>(observer).unwrap();
    }
    world.settle();
    let service = world.near.address();
    let sender = world.near("sender");
    world.have(sender, move |_, ctx| ctx.notify(service, Brittle));
    world.kernel.notify(service, Brittle).unwrap();
    world.settle();
    let seen = ["near saw services.brittle", "owner got services.brittle"];
    assert_eq!(world.said(), [seen, seen].concat());
    let counters = world.balanced();
    assert_eq!((counters.panics, counters.lost_copies, counters.observed), (4, 4, 2));
}
