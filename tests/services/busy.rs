//! An observer that is not idle gets its copy when it has returned, in order, within the bounds.

use rohrpost::Outcome;

use crate::world::{Note, Query, World, in_order};

#[test]
fn an_observer_on_the_stack_gets_its_copies_when_it_has_returned_in_order() {
    let mut world = World::new();
    let (owner, observer, other) = (world.near("owner"), world.near("observer"), world.near("other"));
    world.near.serve::<Note>(owner).unwrap();
    world.near.observe::<Note>(observer).unwrap();
    world.near.observe::<Note>(other).unwrap();
    let service = world.near.address();
    world.have(observer, move |probe, ctx| {
        ctx.notify(service, Note(1));
        ctx.notify(ctx.address(), Note(2));
        ctx.notify(service, Note(3));
        probe.note("returns");
    });
    let said = world.said();
    in_order(&said, &["other saw 1", "owner got 1", "other saw 3", "owner got 3", "observer returns"]);
    in_order(&said, &["observer returns", "observer saw 1", "observer got 2", "observer saw 3"]);
    let counters = world.balanced();
    assert_eq!((counters.copies, counters.observed), (4, 4));
}

#[test]
fn mail_that_waits_is_not_overtaken_by_copies_nor_the_other_way_round() {
    let mut world = World::new();
    let (topic, observer) = (world.near.topic::<Note>().open().unwrap(), world.near("observer"));
    world.near.observe::<Note>(observer).unwrap();
    let sender = world.near("sender");
    world.have(observer, move |_, ctx| {
        // The sender runs on top: to it the observer is not idle.
        ctx.notify(
            sender,
            crate::world::Do::new(move |_, ctx| {
                for number in 0..10 {
                    ctx.notify(observer, Query(2 * number));
                    ctx.notify(topic, Note(2 * number + 1));
                }
            }),
        );
    });
    let numbers: Vec<u32> = world.said().iter().filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    world.balanced();
}

#[test]
fn copies_that_wait_are_bounded_and_beyond_the_bound_they_are_lost() {
    let mut world = World::with(|builder| builder.waiting(3));
    let (topic, observer) = (world.near.topic::<Note>().open().unwrap(), world.near("observer"));
    world.near.observe::<Note>(observer).unwrap();
    world.have(observer, move |_, ctx| (1..=5).for_each(|number| ctx.notify(topic, Note(number))));
    let said = world.said();
    in_order(&said, &["observer saw 1", "observer saw 2", "observer saw 3", "observer back 4 NOT_HANDLED"]);
    assert_eq!(said.len(), 5, "expected what nobody could have to come back: {said:?}");
    let counters = world.balanced();
    assert_eq!((counters.copies, counters.observed, counters.lost_copies), (5, 3, 2));
    // The room is there again.
    world.have(observer, move |_, ctx| ctx.notify(topic, Note(6)));
    assert_eq!(world.said(), ["observer saw 6"]);
}

#[test]
fn copies_wait_where_the_stack_is_too_deep() {
    let mut world = World::with(|builder| builder.depth(2));
    let (topic, observer) = (world.near.topic::<Note>().open().unwrap(), world.near("observer"));
    world.near.observe::<Note>(observer).unwrap();
    let inner = world.probe("inner").receiving(move |_, ctx| {
        ctx.notify(topic, Note(7));
        Outcome::Handled
    });
    let (inner, outer) = (world.place(0, inner), world.near("outer"));
    world.have(outer, move |probe, ctx| {
        ctx.notify(inner, Note(1));
        probe.note("returns");
    });
    assert_eq!(world.said(), ["inner got 1", "outer returns", "observer saw 7"]);
    world.balanced();
}

#[test]
fn observers_that_publish_what_they_see_do_not_grow_the_stack() {
    let mut world = World::new();
    let topic = world.near.topic::<Note>().open().unwrap();
    for _ in 0..2 {
        let echo = world.probe("echo").seeing(move |message, ctx| {
            let number = message.record::<Note>().unwrap().0;
            if number > 0 {
                ctx.notify(topic, Note(number - 1));
            }
        });
        let echo = world.place(0, echo);
        world.near.observe::<Note>(echo).unwrap();
    }
    world.settle();
    world.kernel.notify(topic, Note(8)).unwrap();
    world.settle();
    let counters = world.balanced();
    assert_eq!(counters.observed, (1..=9).map(|generation| 1 << generation).sum::<u64>());
    assert_eq!(counters.panics, 0);
}
