//! Promise 8: every queue has a bound, mail past it comes back with `BUSY` at once, and answers are never refused.
//!
//! Here what is refused; [`answers`] has the room that is kept for what may not be.

mod answers;

use std::sync::mpsc;

use rohrpost::{Code, Context, HoldError, Kernel, Message, Outcome, RegisterError};

use crate::hazards::eventually_balanced;
use crate::ways::{Habit, Note, PATIENCE, Probe, Query, Reply, Shelf, Way, World, forward_to, handle, hold_on, poll};

/// Numbers of `lines` of the form `a back 3 BUSY`.
fn numbers(lines: &[String], code: &str) -> Vec<u32> {
    let number = |line: &String| line.strip_suffix(code)?.split_whitespace().last()?.parse().ok();
    lines.iter().filter_map(number).collect()
}

#[test]
fn a_full_handoff_sends_the_rest_back_in_order() {
    for capacity in [1, 2, 3, 7] {
        for request in [false, true] {
            let mut world = World::driven_with(|builder| builder.capacity(capacity));
            let (sender, receiver) = (world.near("a", handle()), world.far("b", handle()));
            world.settle();
            world.log.take();
            let sent = capacity as u32 + 3;
            world.have(sender, move |_, ctx| {
                for number in 0..sent {
                    if request {
                        let _ = ctx.request(receiver, Query(number));
                    } else {
                        ctx.notify(receiver, Note(number));
                    }
                }
            });
            let expected: Vec<u32> = (0..capacity as u32).collect();
            let got: Vec<u32> =
                world.log.of("b got").iter().filter_map(|l| l.split(' ').nth(2)?.parse().ok()).collect();
            assert_eq!(got, expected, "expected as many as the hand-off takes ({capacity})");
            let busy: Vec<u32> = (capacity as u32..sent).collect();
            assert_eq!(numbers(&world.log.of("a back"), "BUSY"), busy, "expected the rest back, in order");
            let counters = world.balanced();
            assert_eq!(counters.returned, 3, "expected three to have come back");
        }
    }
}

#[test]
fn a_full_handoff_has_room_again_when_its_mail_was_taken() {
    let mut world = World::driven_with(|builder| builder.capacity(1));
    let (sender, receiver) = (world.near("a", handle()), world.far("b", handle()));
    world.settle();
    for round in 0..100 {
        world.have(sender, move |_, ctx| {
            ctx.notify(receiver, Note(round));
            ctx.notify(receiver, Note(1000));
        });
    }
    assert_eq!(world.log.of("b got").len(), 100, "expected one message a round");
    assert_eq!(world.log.of("a back 1000 BUSY").len(), 100, "expected the other one back each time");
    world.balanced();
}

#[test]
fn an_outside_sender_gets_its_message_back_from_a_full_handoff() {
    for capacity in [1, 4] {
        let mut world = World::driven_with(|builder| builder.capacity(capacity));
        let receiver = world.near("b", handle());
        world.settle();
        let before = world.balanced();
        for number in 0..capacity as u32 {
            world.kernel.notify(receiver, Note(number)).expect("expected room");
        }
        for number in [77, 78] {
            let refused = world.kernel.notify(receiver, Note(number)).expect_err("expected no room");
            assert_eq!(refused.code(), Code::BUSY, "expected the code of a full hand-off: {refused}");
            let mut message = refused.into_message();
            assert_eq!(message.take(), Some(Note(number)), "expected the message inside");
        }
        let mut ask = world.kernel.ask(receiver, Query(9));
        let mut failure = poll(&mut ask).expect("expected an end at once").expect_err("expected no room");
        assert_eq!(failure.code(), Code::BUSY, "expected the code of a full hand-off: {failure}");
        assert_eq!(failure.take_record(), Some(Query(9)), "expected the record back");
        world.settle();
        let after = world.balanced();
        assert_eq!(after.sent - before.sent, capacity as u64, "expected what was refused not to count as sent");
        assert!(world.ask(receiver, Query(1)).is_ok(), "expected room again");
    }
}

#[test]
fn a_handler_does_not_wait_for_a_thread_that_is_stuck() {
    let (release, stuck) = mpsc::channel::<()>();
    let (busy, told) = mpsc::channel();
    let kernel = Kernel::builder("bounded").start().unwrap();
    let space = kernel.namespace("space").threads(2).capacity(2).open().unwrap();
    let log = crate::ways::Log::default();
    let block: Habit = Box::new(move |_, _| {
        let _ = stuck.recv_timeout(PATIENCE);
        Outcome::Handled
    });
    let blocked = space.register_on(1, Probe::new("stuck", &log, block)).unwrap();
    let sender = space.register(Probe::new("a", &log, handle())).unwrap();
    kernel.notify(blocked, Note(0)).unwrap();
    log.wait_until(|lines| lines.contains(&"stuck got 0".to_owned()));
    let step = move |probe: &mut Probe, ctx: &mut Context<'_>| {
        for number in 1..=5 {
            let busy = busy.clone();
            let _ = ctx.request(blocked, Query(number)).then_on(probe, move |_: &mut Probe, answer, _| {
                let _ = busy.send((number, answer.map_err(|failure| failure.code())));
            });
        }
    };
    kernel.notify(sender, crate::ways::Do::new(step)).unwrap();
    let refused: Vec<u32> = (0..3)
        .map(|_| match told.recv_timeout(PATIENCE).expect("expected three requests back while the thread is stuck") {
            (number, Err(Code::BUSY)) => number,
            other => panic!("expected `BUSY`, not {other:?}"),
        })
        .collect();
    assert_eq!(refused, [3, 4, 5], "expected what did not fit into the hand-off, in order");
    release.send(()).unwrap();
    drop(release);
    let answered: Vec<_> = (0..2).map(|_| told.recv_timeout(PATIENCE).expect("expected two answers")).collect();
    assert!(answered.iter().all(|(_, answer)| answer.is_err()), "expected `()` not to be a `Reply`: {answered:?}");
    eventually_balanced(&kernel);
}

#[test]
fn the_waiting_list_sends_the_rest_back_in_order() {
    for bound in [1, 2, 5] {
        for way in [Way::Reentered, Way::TooDeep] {
            let mut world = World::driven_with(|builder| builder.waiting(bound));
            let route = world.route(way, handle());
            let sent = bound as u32 + 2;
            world.along(&route, move |_, ctx, to| {
                for number in 0..sent {
                    ctx.notify(to, Note(number));
                }
            });
            assert_eq!(world.log.of("b got").len(), bound, "expected as many as may wait ({bound}) by {way:?}");
            let busy: Vec<u32> = (bound as u32..sent).collect();
            let back = world.log.of("a back");
            assert_eq!(numbers(&back, "BUSY"), busy, "expected the rest back, in order, by {way:?}");
            world.log.take();
            world.along(&route, |_, ctx, to| ctx.notify(to, Note(7)));
            assert_eq!(world.log.of("b got"), ["b got 7"], "expected room again by {way:?}");
            world.balanced();
        }
    }
}

#[test]
fn answers_do_not_count_as_waiting_mail() {
    let mut world = World::driven_with(|builder| builder.waiting(1));
    let (sender, receiver) = (world.near("a", handle()), world.near("b", handle()));
    world.settle();
    world.log.take();
    world.have(sender, move |_, ctx| {
        for number in 0..50 {
            let _ = ctx.request(receiver, Query(number));
        }
        ctx.notify(ctx.address(), Note(1));
        ctx.notify(ctx.address(), Note(2));
    });
    let back = world.log.of("a back");
    assert_eq!(numbers(&back, "OK"), (0..50).collect::<Vec<_>>(), "expected every answer, in order");
    assert_eq!(numbers(&back, "BUSY"), [2], "expected one message to itself to wait, and the other to come back");
    assert_eq!(world.log.of("a got"), ["a got 1"], "expected one message to itself to wait");
}

#[test]
fn a_thread_holds_as_many_messages_as_it_may_wherever_they_are() {
    for bound in [1, 3] {
        for mut world in [
            World::driven_with(move |builder| builder.held(bound)),
            World::threaded_with(move |builder| builder.held(bound)),
        ] {
            let shelf = Shelf::default();
            let (first, second) = (world.near("b", hold_on(&shelf)), world.near("c", hold_on(&shelf)));
            let mut asks: Vec<_> = (0..bound).map(|n| world.kernel.ask(first, Query(n as u32))).collect();
            for ask in &mut asks {
                assert!(poll(ask).is_none(), "expected the question to be held");
            }
            world.settle();
            for keeper in [first, second] {
                let failure = world.ask(keeper, Query(99)).expect_err("expected no more to be held");
                assert_eq!(failure.code(), Code::BUSY, "expected the bound to be the thread's: {failure}");
            }
            let mut held = shelf.take();
            assert_eq!(held.len(), bound, "expected as many as may be held");
            // A message that another thread has in hand is still held by this one.
            let last = held.pop().unwrap();
            let last = std::thread::spawn(move || last).join().unwrap();
            assert!(world.ask(first, Query(99)).is_err(), "expected no room while the message lives");
            last.answer(Reply(1));
            let mut again = world.kernel.ask(second, Query(5));
            assert!(poll(&mut again).is_none(), "expected room again");
            world.settle();
            assert_eq!(shelf.take().len(), 1, "expected one more to be held");
            world.settle();
            drop(held);
            world.settle();
            let ends = asks.iter_mut().filter_map(poll).count() + usize::from(poll(&mut again).is_some());
            assert_eq!(ends, bound + 1, "expected every question to have an end");
            world.balanced();
        }
    }
}

#[test]
fn a_message_that_cannot_be_held_stays_in_its_handler() {
    let mut world = World::driven_with(|builder| builder.held(1));
    let mut kept = Vec::new();
    let keeper = world.near(
        "b",
        Box::new(move |message, ctx| match ctx.hold(message) {
            Ok(held) => {
                kept.push(held);
                Outcome::Handled
            }
            Err(refused) => {
                assert_eq!(refused, HoldError::Busy, "expected the reason");
                assert_eq!(message.code(), Code::BUSY, "expected the code to say the same");
                message.answer(Reply(42));
                Outcome::Handled
            }
        }),
    );
    let mut first = world.kernel.ask(keeper, Query(1));
    assert!(poll(&mut first).is_none(), "expected the first one to be held");
    assert_eq!(world.ask(keeper, Query(2)).ok(), Some(Reply(42)), "expected the handler to answer what it cannot hold");
}

#[test]
fn what_is_forwarded_to_a_full_handoff_comes_back_to_its_first_sender() {
    let mut world = World::driven_with(|builder| builder.capacity(1));
    let (sender, receiver) = (world.near("a", handle()), world.far("b", handle()));
    world.settle();
    let gate = world.near("gate", forward_to(receiver));
    world.settle();
    let shelf = Shelf::default();
    let keeper = world.near("keeper", hold_on(&shelf));
    world.settle();
    world.log.take();
    world.have(sender, move |_, ctx| {
        ctx.notify(receiver, Note(0));
        let _ = ctx.request(gate, Query(1));
        ctx.notify(gate, Note(2));
        let _ = ctx.request(keeper, Query(3));
    });
    let back = world.log.of("a back");
    assert_eq!(numbers(&back, "BUSY"), [1, 2], "expected both back at their first sender: {back:?}");
    world.log.take();
    world.kernel.notify(receiver, Note(0)).unwrap();
    shelf.take().remove(0).forward(receiver);
    world.settle();
    assert_eq!(world.log.of("a back"), ["a back 3 BUSY"], "expected what was held back at its first sender");
    world.balanced();
}

#[test]
fn a_registration_takes_a_place_and_leaves_nothing_behind_when_there_is_none() {
    let mut world = World::driven_with(|builder| builder.capacity(1));
    let first = world.near.register_as("first", Probe::new("first", &world.log, handle())).unwrap();
    let refused = world.near.register_as("second", Probe::new("second", &world.log, handle()));
    assert_eq!(refused, Err(RegisterError::Busy), "expected no room for another registration");
    assert_eq!(world.near.resolve("second"), Err(Code::NO_TARGET), "expected the name not to be kept");
    world.settle();
    world.near.register_as("second", Probe::new("second", &world.log, handle())).expect("expected room again");
    assert!(world.near.deregister(first).is_ok(), "expected an order to go never to be refused");
    world.settle();
    assert_eq!(world.log.of("first"), ["first started", "first stopping"], "expected the order to be obeyed");
}

#[test]
fn small_bounds_are_enough_for_every_way() {
    // To make the stack too deep takes more registrations at once than fit.
    for way in Way::ALL.into_iter().filter(|way| *way != Way::TooDeep) {
        let least = |builder: rohrpost::NamespaceBuilder| builder.capacity(4).waiting(1).held(1).requests(1);
        for mut world in [World::driven_with(least), World::threaded_with(least)] {
            let habit: Habit = Box::new(|message: &mut Message<'_>, _: &mut Context<'_>| {
                if message.wants_answer() {
                    message.answer(Reply(1));
                }
                Outcome::Handled
            });
            let route = world.route(way, habit);
            for number in 0..3 {
                world.along(&route, move |_, ctx, to| {
                    let _ = ctx.request(to, Query(number));
                });
            }
            let back = world.log.of("a back");
            assert_eq!(back, ["a back 1 OK"; 3], "expected every request to be answered by {way:?}");
            world.balanced();
        }
    }
}

#[test]
fn mail_past_the_nesting_bound_waits_and_arrives() {
    for depth in [1, 2, 3] {
        for mut world in [
            World::driven_with(move |builder| builder.depth(depth)),
            World::threaded_with(move |builder| builder.depth(depth)),
        ] {
            let last = world.near("e", handle());
            let names = ["d", "c", "b", "a"];
            let first = names.iter().fold(last, |next, name| {
                let pass: Habit = Box::new(move |message, ctx| {
                    if let Some(&Note(number)) = message.record() {
                        ctx.notify(next, Note(number + 1));
                    }
                    Outcome::Handled
                });
                world.near(name, pass)
            });
            world.settle();
            world.log.take();
            world.kernel.notify(first, Note(1)).unwrap();
            world.settle();
            let expected = ["a got 1", "b got 2", "c got 3", "d got 4", "e got 5"];
            assert_eq!(world.log.take(), expected, "expected the chain to go on with {depth} on the stack");
            world.balanced();
        }
    }
}
