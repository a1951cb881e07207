//! The room of answers: a request reserves it, gives it back however it ends, and so no answer is ever refused.

use rohrpost::{Code, Context};

use super::numbers;
use crate::ways::{Do, Note, Probe, Query, Reply, Shelf, World, forward_to, handle, hold_on, ignore};

/// Has `a`, which may have one request under way, find out whether it may have another.
fn room_for_a_request(world: &mut World, sender: rohrpost::Address) -> bool {
    let echo = world.far("echo", handle());
    world.settle();
    world.log.take();
    world.have(sender, move |_, ctx| {
        let _ = ctx.request(echo, Query(1));
        let _ = ctx.request(echo, Query(2));
    });
    let back = world.log.take();
    assert!(back.contains(&"a back 2 BUSY".to_owned()), "expected room for one request, not two: {back:?}");
    back.contains(&"a back 1 OK".to_owned())
}

#[test]
fn a_request_past_the_bound_comes_back_at_once() {
    for bound in [1, 4] {
        let mut world = World::driven_with(|builder| builder.requests(bound));
        let shelf = Shelf::default();
        let (sender, keeper) = (world.near("a", handle()), world.far("b", hold_on(&shelf)));
        world.settle();
        world.log.take();
        world.have(sender, move |_, ctx| {
            for number in 0..bound as u32 + 2 {
                let _ = ctx.request(keeper, Query(number));
            }
            ctx.notify(keeper, Note(100));
        });
        let back = numbers(&world.log.of("a back"), "BUSY");
        assert_eq!(back, [bound as u32, bound as u32 + 1], "expected what is past the bound");
        let held = shelf.take();
        assert_eq!(held.len(), bound + 1, "expected the others there, and the notification, which wants no answer");
        drop(held);
        world.settle();
        world.balanced();
    }
}

#[test]
fn a_request_that_was_answered_makes_room_for_another() {
    let mut world = World::driven_with(|builder| builder.requests(1));
    let sender = world.near("a", handle());
    for round in 0..5 {
        assert!(room_for_a_request(&mut world, sender), "expected room in round {round}");
    }
}

#[test]
fn a_request_that_found_the_handoff_full_makes_room_for_another() {
    let mut world = World::driven_with(|builder| builder.requests(1).capacity(1));
    let (sender, receiver) = (world.near("a", handle()), world.far("b", handle()));
    for _ in 0..3 {
        world.settle();
        world.have(sender, move |_, ctx| {
            ctx.notify(receiver, Note(1));
            let _ = ctx.request(receiver, Query(2));
        });
        assert!(world.log.take().contains(&"a back 2 BUSY".to_owned()), "expected the hand-off to be full");
    }
    let echo = world.far("echo", handle());
    world.settle();
    world.have(sender, move |_, ctx| {
        let _ = ctx.request(echo, Query(1));
    });
    let back = world.log.of("a back");
    assert_eq!(back, ["a back 1 OK"], "expected a request that never left not to take up room");
}

#[test]
fn a_request_that_was_answered_on_the_requesters_own_thread_makes_room_for_another() {
    let ways: [fn(&mut World, &Shelf) -> rohrpost::Address; 2] = [
        // Forwarded back by somebody on the other thread.
        |world, _| {
            let back = world.near("c", handle());
            world.far("gate", forward_to(back))
        },
        // Held on the other thread and answered on this one.
        |world, shelf| world.far("keeper", hold_on(shelf)),
    ];
    for way in ways {
        let mut world = World::driven_with(|builder| builder.requests(1));
        let (sender, shelf) = (world.near("a", handle()), Shelf::default());
        let to = way(&mut world, &shelf);
        let releaser = world.near("releaser", handle());
        for _ in 0..3 {
            world.settle();
            world.log.take();
            world.have(sender, move |_, ctx| {
                let _ = ctx.request(to, Query(3));
            });
            for held in shelf.take() {
                world.have(releaser, move |_, _| held.answer(Reply(3)));
            }
            assert_eq!(world.log.of("a back"), ["a back 3 OK"], "expected an answer");
        }
        assert!(room_for_a_request(&mut world, sender), "expected a request that was answered not to take up room");
    }
}

#[test]
fn a_request_that_found_nobody_or_expired_makes_room_for_another_when_it_is_back() {
    let mut world = World::driven_with(|builder| builder.requests(1));
    let (sender, gone) = (world.near("a", handle()), world.far("gone", handle()));
    world.far.deregister(gone).unwrap();
    for _ in 0..3 {
        world.have(sender, move |_, ctx| {
            let _ = ctx.request(gone, Query(3));
        });
    }
    assert_eq!(world.log.of("a back"), ["a back 3 NO_TARGET"; 3], "expected nobody there");
    let shelf = Shelf::default();
    let keeper = world.far("keeper", hold_on(&shelf));
    world.have(sender, move |_, ctx| {
        let _ = ctx.within(std::time::Duration::from_secs(1)).request(keeper, Query(4));
    });
    world.clock.advance(std::time::Duration::from_secs(2));
    world.settle();
    shelf.take().remove(0).answer(Reply(4));
    assert!(room_for_a_request(&mut world, sender), "expected a request that has ended not to take up room");
}

#[test]
fn answers_and_returns_are_taken_although_the_handoff_is_full() {
    for capacity in [1, 2] {
        let mut world = World::driven_with(|builder| builder.capacity(16));
        let small = world.kernel.namespace("small").capacity(capacity).driven();
        let (small, mut worker) = small.unwrap();
        let (requester, refuser) = (world.log.clone(), world.far("refuser", ignore()));
        let requester = small.register(Probe::new("a", &requester, handle())).unwrap();
        let receiver = world.far("b", handle());
        worker.run_until_idle();
        world.settle();
        let step = move |_: &mut Probe, ctx: &mut Context<'_>| {
            for number in 0..5 {
                let _ = ctx.request(receiver, Query(number));
            }
            for number in 5..8 {
                ctx.notify(refuser, Note(number));
            }
        };
        world.kernel.notify(requester, Do::new(step)).unwrap();
        worker.run_until_idle();
        for number in 0..capacity as u32 {
            world.kernel.notify(requester, Note(100 + number)).expect("expected room");
        }
        world.settle();
        let refused = world.kernel.notify(requester, Note(200)).expect_err("expected no room");
        assert_eq!(refused.code(), Code::BUSY, "expected the hand-off to be full");
        world.log.take();
        worker.run_until_idle();
        let back = world.log.of("a back");
        assert_eq!(numbers(&back, "OK"), [0, 1, 2, 3, 4], "expected every answer, in order");
        assert_eq!(numbers(&back, "NOT_HANDLED"), [5, 6, 7], "expected every return, in order");
        assert_eq!(world.log.of("a got").len(), capacity, "expected what was there before");
        world.kernel.notify(requester, Note(300)).expect("expected room again");
        worker.run_until_idle();
        world.balanced();
    }
}

#[test]
fn a_thread_whose_returns_pile_up_may_not_send_more_until_it_has_taken_them() {
    let mut world = World::driven();
    let (small, mut worker) = world.kernel.namespace("small").capacity(1).driven().unwrap();
    let sender = small.register(Probe::new("a", &world.log, handle())).unwrap();
    worker.run_until_idle();
    let (deaf, ear) = (world.far("deaf", ignore()), world.far("ear", handle()));
    world.settle();
    let burst = move |_: &mut Probe, ctx: &mut Context<'_>| (0..50).for_each(|number| ctx.notify(deaf, Note(number)));
    world.kernel.notify(sender, Do::new(burst)).unwrap();
    worker.run_until_idle();
    let more = move |_: &mut Probe, ctx: &mut Context<'_>| ctx.notify(ear, Note(77));
    world.kernel.notify(sender, Do::new(more)).unwrap();
    world.settle();
    world.log.take();
    assert!(worker.run_once(), "expected a turn");
    worker.run_until_idle();
    world.settle();
    let lines = world.log.take();
    let refused = lines.iter().filter(|line| *line == "a back 77 BUSY").count();
    let arrived = lines.iter().filter(|line| *line == "ear got 77").count();
    assert_eq!(refused + arrived, 1, "expected the message to arrive or to come back: {lines:?}");
    assert_eq!(numbers(&lines, "NOT_HANDLED"), (0..50).collect::<Vec<_>>(), "expected every return, in order");
    world.balanced();
}
