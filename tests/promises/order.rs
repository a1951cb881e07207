//! Promise 4: what one sender sends to one receiver arrives in the order sent, whichever ways the messages went;
//! answers and returns keep their order with what the same target sent back earlier.

use rohrpost::{Address, Code, Context, Message, Outcome, Setup};

use crate::probes::panic_quietly;
use crate::ways::{Do, Large, Note, Probe, Query, Shelf, Way, World, forward_to, handle, hold_on, ignore, refuse};

mod mixture;

/// Sends number `number` in one of the manners there are.
fn send_somehow(ctx: &Context<'_>, to: Address, number: u32) {
    match number % 5 {
        0 => ctx.notify(to, Note(number)),
        1 => drop(ctx.request(to, Query(number))),
        2 => {
            let _ = ctx.send(Message::notification(to, Large(number, [0; 32])));
        }
        3 => {
            let _ = ctx.send(Message::request(to, Note(number)));
        }
        _ => ctx.notify(to, Large(number, [0; 32])),
    }
}

/// What `b` got, as numbers.
fn got(world: &World, who: &str) -> Vec<u32> {
    let start = format!("{who} got ");
    world.log.of(&start).iter().map(|line| line[start.len()..].parse().unwrap()).collect()
}

#[test]
fn mail_from_one_sender_arrives_in_the_order_sent_on_every_way() {
    for way in Way::ALL {
        for mut world in World::both() {
            let route = world.route(way, handle());
            world.along(&route, |_, ctx, to| (0..50).for_each(|number| send_somehow(ctx, to, number)));
            let expected: Vec<u32> = (0..50).collect();
            assert_eq!(got(&world, "b"), expected, "expected the order sent, by {way:?}");
        }
    }
}

#[test]
fn mail_that_could_go_direct_does_not_overtake_mail_that_waits_for_the_same_receiver() {
    for mut world in World::both() {
        let a = world.near("a", handle());
        let b = world.near("b", handle());
        let outer = world.near("outer", handle());
        world.have(outer, move |_, ctx| {
            // 1 finds `b` on the stack; at 2 and 3 `b` is not on the stack any more, but 1 still waits.
            let (first, step) = Do::new(move |_, ctx| ctx.notify(b, Note(1))).on_top_of(&[b], a);
            ctx.notify(first, step);
            ctx.notify(a, Do::new(move |_, ctx| ctx.notify(b, Note(2))));
            ctx.notify(a, Do::new(move |_, ctx| drop(ctx.request(b, Query(3)))));
        });
        assert_eq!(got(&world, "b"), [1, 2, 3], "expected 2 and 3 to wait behind 1");
    }
}

#[test]
fn mail_sent_past_the_depth_limit_is_not_overtaken_by_mail_sent_after_the_stack_has_shrunk() {
    for mut world in World::both() {
        let route = world.route(Way::TooDeep, handle());
        let (a, b) = (route.a, route.b);
        let below: Vec<_> = (1..crate::ways::DEPTH - 1).map(|_| world.near("below", handle())).collect();
        let outer = world.near("outer", handle());
        world.have(outer, move |_, ctx| {
            let (first, step) = Do::new(move |_, ctx| ctx.notify(b, Note(1))).on_top_of(&below, a);
            ctx.notify(first, step);
            ctx.notify(a, Do::new(move |_, ctx| ctx.notify(b, Note(2))));
        });
        assert_eq!(got(&world, "b"), [1, 2], "expected 2 to wait behind 1, although the stack is low again");
    }
}

#[test]
fn senders_on_several_threads_each_keep_their_order() {
    const EACH: u32 = 2_000;
    let mut world = World::threaded_with(|builder| builder.capacity(1 << 15));
    let b = world.near("b", handle());
    let far = [world.far("far", handle()), world.far("far", handle())];
    let plain: Vec<_> = (0..2)
        .map(|sender| {
            let kernel = world.kernel.clone();
            std::thread::spawn(move || {
                for number in 0..EACH {
                    kernel.notify(b, Note(sender * EACH + number)).unwrap();
                }
            })
        })
        .collect();
    for (sender, target) in (2..).zip(far) {
        let all = move |ctx: &Context<'_>| (0..EACH).for_each(|number| ctx.notify(b, Note(sender * EACH + number)));
        world.kernel.notify(target, Do::new(move |_, ctx| all(ctx))).unwrap();
    }
    for sender in plain {
        sender.join().unwrap();
    }
    world.settle();
    let arrived = got(&world, "b");
    for sender in 0..4 {
        let of_one: Vec<u32> = arrived.iter().copied().filter(|number| number / EACH == sender).collect();
        let expected: Vec<u32> = (sender * EACH..(sender + 1) * EACH).collect();
        assert!(of_one == expected, "expected all mail of sender {sender} in its order, got {} messages", of_one.len());
    }
}

#[test]
fn mail_for_different_targets_of_another_thread_keeps_one_order() {
    for mut world in World::both() {
        let a = world.near("a", handle());
        let targets = [world.far("x", handle()), world.far("y", handle()), world.far("z", handle())];
        world.have(a, move |_, ctx| {
            for number in 0..9 {
                ctx.notify(targets[number as usize % 3], Note(number));
            }
        });
        let all: Vec<String> = world.log.lines().into_iter().filter(|line| line.contains(" got ")).collect();
        let expected: Vec<String> =
            (0..9).map(|number| format!("{} got {number}", ["x", "y", "z"][number % 3])).collect();
        assert_eq!(all, expected, "expected one hand-off, so one order");
    }
}

#[test]
fn answers_and_returns_come_back_in_the_order_in_which_they_were_sent_back() {
    for way in Way::ALL {
        for mut world in World::both() {
            let mut habits = [handle(), ignore(), refuse(Code::DENIED)];
            let mut turn = 0;
            let route = world.route(
                way,
                Box::new(move |message, ctx| {
                    turn += 1;
                    habits[turn % 3](message, ctx)
                }),
            );
            world.along(&route, |_, ctx, to| (0..30).for_each(|number| drop(ctx.request(to, Query(number)))));
            let expected: Vec<String> = (0..30)
                .map(|number| format!("a back {number} {}", ["NOT_HANDLED", "DENIED", "OK"][number % 3]))
                .collect();
            assert_eq!(world.log.of("a back"), expected, "expected the order in which b was done, by {way:?}");
        }
    }
}

#[test]
fn answers_of_held_requests_come_back_in_the_order_in_which_they_are_answered() {
    for way in [Way::Direct, Way::OtherThread] {
        for mut world in World::both() {
            let shelf = Shelf::default();
            let route = world.route(way, hold_on(&shelf));
            world.along(&route, |_, ctx, to| (0..4).for_each(|number| drop(ctx.request(to, Note(number)))));
            let b = route.b;
            let mut held = shelf.take();
            let last = held.pop().unwrap();
            // `b` itself answers the others, latest first; a plain thread answers the last one afterwards.
            world.have(b, move |_, _| held.into_iter().rev().for_each(|held| held.finish(Code::OK)));
            last.finish(Code::OK);
            world.settle();
            let expected = ["a back 2 OK", "a back 1 OK", "a back 0 OK", "a back 3 OK"];
            assert_eq!(world.log.of("a back"), expected, "expected the order of the answers, by {way:?}");
        }
    }
}

#[test]
fn an_answer_from_another_thread_does_not_overtake_those_that_wait_already() {
    // More than are delivered in one turn, so that some wait still when the hand-off has its turn.
    const WAITING: u32 = 150;
    let mut world = World::driven();
    let shelf = Shelf::default();
    let a = world.near("a", handle());
    let b = world.near("b", hold_on(&shelf));
    world.have(a, move |_, ctx| (0..=WAITING).for_each(|number| drop(ctx.request(b, Note(number)))));
    let mut held = shelf.take();
    let last = held.pop().unwrap();
    let answer = Do::new(move |_, _| held.into_iter().for_each(|held| held.finish(Code::OK)));
    world.kernel.notify(b, answer).unwrap();
    assert!(world.worker(0).run_once(), "expected b to be told");
    last.finish(Code::OK);
    world.settle();
    let expected: Vec<String> = (0..=WAITING).map(|number| format!("a back {number} OK")).collect();
    assert_eq!(world.log.of("a back"), expected, "expected the order of the answers");
}

#[test]
fn what_a_full_hand_off_returns_comes_back_in_the_order_sent_and_the_rest_arrives_in_it() {
    let mut world = World::driven_with(|builder| builder.capacity(4));
    let a = world.near("a", handle());
    world.settle();
    let b = world.far("b", handle());
    world.settle();
    world
        .kernel
        .notify(a, Do::new(move |_, ctx| (0..10).for_each(|number| drop(ctx.request(b, Query(number))))))
        .unwrap();
    world.worker(0).run_until_idle();
    let refused: Vec<String> = (4..10).map(|number| format!("a back {number} BUSY")).collect();
    assert_eq!(world.log.of("a back"), refused, "expected four places, and the rest back at once and in order");
    world.log.take();
    world.settle();
    assert_eq!(got(&world, "b"), [0, 1, 2, 3], "expected what was taken in the order sent");
    let answers: Vec<String> = (0..4).map(|number| format!("a back {number} OK")).collect();
    assert_eq!(world.log.of("a back"), answers, "expected the answers in order");
    world.have(a, move |_, ctx| (10..14).for_each(|number| ctx.notify(b, Note(number))));
    assert_eq!(got(&world, "b"), (0..4).chain(10..14).collect::<Vec<_>>(), "expected later mail behind it");
    world.balanced();
}

#[test]
fn answers_keep_their_order_when_there_are_more_of_them_than_the_hand_off_takes() {
    let mut world = World::driven_with(|builder| builder.capacity(4));
    let shelf = Shelf::default();
    let a = world.near("a", handle());
    let b = world.far("b", hold_on(&shelf));
    world.settle();
    for four in 0..5 {
        let numbers = four * 4..four * 4 + 4;
        world.have(a, move |_, ctx| numbers.for_each(|number| drop(ctx.request(b, Note(number)))));
    }
    // Twenty answers meet a hand-off with four places while `near` does not look at it, then one at a time.
    let mut held = shelf.take().into_iter();
    for held in held.by_ref().take(10) {
        held.finish(Code::OK);
    }
    for held in held {
        assert!(world.worker(0).run_once(), "expected near to find an answer");
        held.finish(Code::OK);
    }
    world.settle();
    let expected: Vec<String> = (0..20).map(|number| format!("a back {number} OK")).collect();
    assert_eq!(world.log.of("a back"), expected, "expected no answer to be refused, nor to overtake another");
}

#[test]
fn forwarded_mail_is_ordered_from_its_forwarder_also_with_the_forwarders_own_mail() {
    for far in [false, true] {
        for mut world in World::both() {
            let a = world.near("a", handle());
            let b = if far { world.far("b", handle()) } else { world.near("b", handle()) };
            let mut own = 100;
            let gate = world.near(
                "gate",
                Box::new(move |message: &mut Message<'_>, ctx: &mut Context<'_>| {
                    ctx.forward(message, b);
                    // Sent within the handler; the forwarding takes effect when it has returned.
                    ctx.notify(b, Note(own));
                    own += 1;
                    Outcome::Handled
                }),
            );
            world.have(a, move |_, ctx| (0..3).for_each(|number| drop(ctx.request(gate, Query(number)))));
            assert_eq!(
                got(&world, "b"),
                [100, 0, 101, 1, 102, 2],
                "expected the order in which the gate sent, far: {far}"
            );
        }
    }
}

#[test]
fn a_message_with_many_forwardings_behind_it_is_not_overtaken_by_one_with_few() {
    for far in [false, true] {
        for gates in [1, 63, 64, 65, 66, 130] {
            for mut world in World::both() {
                let a = world.near("a", handle());
                let b = if far { world.far("b", handle()) } else { world.near("b", handle()) };
                let last = world.near("last", forward_to(b));
                let first = (1..gates).fold(last, |next, _| world.near("gate", forward_to(next)));
                world.settle();
                world.have(a, move |_, ctx| {
                    ctx.notify(first, Note(1));
                    ctx.notify(last, Note(2));
                });
                let forwarded = got(&world, "last");
                assert_eq!(forwarded.len(), 2, "expected both to come by the last gate, {gates} gates, far: {far}");
                assert_eq!(
                    got(&world, "b"),
                    forwarded,
                    "expected the order of the last gate, {gates} gates, far: {far}"
                );
            }
        }
    }
}

#[test]
fn mail_from_another_thread_keeps_its_order_while_bursts_of_waiting_mail_are_delivered() {
    let mut world = World::driven();
    let route = world.route(Way::Reentered, handle());
    let far = world.far("far", handle());
    let b = route.b;
    world.settle();
    world.log.take();
    let (first, step) =
        Do::new(move |_, ctx| (0..150).for_each(|number| ctx.notify(b, Note(number)))).on_top_of(&[b], route.a);
    world.kernel.notify(first, step).unwrap();
    let all = Do::new(move |_, ctx| (1_000..1_150).for_each(|number| send_somehow(ctx, b, number)));
    world.kernel.notify(far, all).unwrap();
    world.worker(1).run_until_idle();
    world.settle();
    let (of_far, of_a): (Vec<u32>, Vec<u32>) = got(&world, "b").into_iter().partition(|&number| number >= 1_000);
    assert_eq!(of_far, (1_000..1_150).collect::<Vec<_>>(), "expected the order of the sender on the other thread");
    assert_eq!(of_a, (0..150).collect::<Vec<_>>(), "expected the order of the sender on this thread");
}

#[test]
fn mail_that_waits_for_a_restarted_target_reaches_its_successor_in_order_after_started() {
    let mut world = World::driven();
    let log = world.log.clone();
    let a = world.near("a", handle());
    let make = move || {
        let habit = |message: &mut Message<'_>, _: &mut Context<'_>| {
            if message.record() == Some(&Note(1)) {
                panic_quietly("as the test wants it");
            }
            Outcome::Handled
        };
        Probe::new("b", &log, Box::new(habit))
    };
    let b = world.near.register_factory(Setup::new(), make).unwrap();
    world.settle();
    world.log.take();
    world.have(b, move |_, ctx| {
        ctx.notify(a, Do::new(move |_, ctx| (0..4).for_each(|number| ctx.notify(b, Note(number)))));
    });
    let expected = ["b got 0", "b got 1", "b started", "a back 1 EXCEPTION", "b got 2", "b got 3"];
    let mut lines = world.log.lines();
    // The return waits behind 2 and 3; its place among them is not promised.
    lines.sort_by_key(|line| line.starts_with("a back"));
    let mut expected = expected.map(str::to_owned);
    expected.sort_by_key(|line| line.starts_with("a back"));
    assert_eq!(lines, expected, "expected the new life to start before it gets what waited");
}
