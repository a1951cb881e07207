//! Promise 10: at the deadline the requester reads `EXPIRED`, wherever the message is; what has expired is not handled.
//!
//! Here what becomes of one message; [`inherited`] follows a deadline from hop to hop, [`asleep`] looks at threads that
//! sleep or spin meanwhile.

mod asleep;
mod inherited;

use std::time::Duration;

use rohrpost::{Absent, Code, Context, Message, Setup, Time};

use crate::ways::{Do, Note, Probe, Query, Reply, Shelf, Way, World, handle, hold_on, ignore, poll};

const LIMIT: Duration = Duration::from_millis(10);
const INSTANT: Duration = Duration::from_nanos(1);

/// Sends a request with the deadline [`LIMIT`] to `to`.
fn request(_: &mut Probe, ctx: &mut Context<'_>, to: rohrpost::Address) {
    let _ = ctx.within(LIMIT).request(to, Query(1));
}

#[test]
fn a_request_that_is_held_expires_on_every_way_and_its_answer_is_late() {
    for way in Way::ALL {
        let mut world = World::driven();
        let shelf = Shelf::default();
        let route = world.route(way, hold_on(&shelf));
        let sent = world.kernel.now();
        world.along(&route, request);
        world.clock.advance(LIMIT - INSTANT - world.kernel.now().since(sent));
        world.settle();
        assert_eq!(world.log.of("a back"), [""; 0], "expected nothing before the deadline by {way:?}");
        world.clock.advance(INSTANT);
        world.settle();
        let back = world.log.of("a back");
        assert_eq!(back, ["a back rohrpost.absent EXPIRED"], "expected `EXPIRED` at the deadline by {way:?}");
        let held = shelf.take().remove(0);
        held.answer(Reply(1));
        world.settle();
        assert_eq!(world.log.of("a back").len(), 1, "expected one end of the request by {way:?}");
        let counters = world.balanced();
        assert_eq!((counters.expired, counters.late_answers), (1, 1), "expected the answer to be late by {way:?}");
    }
}

#[test]
fn a_request_that_is_held_expires_while_threads_have_clocks_of_their_own() {
    for way in Way::ALL {
        let mut world = World::threaded();
        let shelf = Shelf::default();
        let route = world.route(way, hold_on(&shelf));
        world.along(&route, request);
        world.log.wait_until(|lines| lines.iter().any(|line| line.starts_with("a back") && line.ends_with("EXPIRED")));
        // A slow machine may have let it expire before it was held.
        shelf.take().into_iter().for_each(|held| held.answer(Reply(1)));
        world.settle();
        assert_eq!(world.log.of("a back").len(), 1, "expected one end of the request by {way:?}");
        world.balanced();
    }
}

#[test]
fn an_answer_in_time_ends_the_watch() {
    for way in Way::ALL {
        let mut world = World::driven();
        let route = world.route(way, handle());
        world.along(&route, request);
        assert_eq!(world.log.of("a back"), ["a back 1 OK"], "expected an answer by {way:?}");
        assert_eq!(world.worker(0).next_deadline(), None, "expected nobody to watch the clock by {way:?}");
        world.clock.advance(LIMIT * 2);
        world.settle();
        assert_eq!(world.log.of("a back").len(), 1, "expected one end of the request by {way:?}");
        assert_eq!(world.balanced().expired, 0, "expected nothing to expire by {way:?}");
    }
}

#[test]
fn a_message_that_has_expired_in_the_handoff_is_not_handled() {
    let mut world = World::driven();
    let (sender, receiver) = (world.near("a", handle()), world.far("b", handle()));
    world.settle();
    world.log.take();
    let send = Do::new(move |_, ctx| {
        let _ = ctx.within(LIMIT).request(receiver, Query(1));
        ctx.within(LIMIT).notify(receiver, Note(2));
        ctx.within(LIMIT * 2).notify(receiver, Note(3));
    });
    world.kernel.notify(sender, send).unwrap();
    world.worker(0).run_until_idle();
    world.clock.advance(LIMIT);
    world.settle();
    assert_eq!(world.log.of("b got"), ["b got 3"], "expected only what had time left");
    let mut back = world.log.of("a back");
    back.sort();
    let expected = ["a back 2 EXPIRED", "a back rohrpost.absent EXPIRED"];
    assert_eq!(back, expected, "expected one end of each, the notification with its record");
    let counters = world.balanced();
    assert_eq!(counters.returned, 2, "expected the request to be counted where it ended");
}

#[test]
fn a_message_that_has_expired_in_the_waiting_list_is_not_handled() {
    for way in [Way::Reentered, Way::TooDeep] {
        let mut world = World::driven();
        let route = world.route(way, handle());
        let clock = world.clock.clone();
        world.along(&route, move |_, ctx, to| {
            let _ = ctx.within(LIMIT).request(to, Query(1));
            ctx.within(LIMIT).notify(to, Note(2));
            ctx.notify(to, Note(3));
            clock.advance(LIMIT);
        });
        assert_eq!(world.log.of("b got"), ["b got 3"], "expected only what had time left by {way:?}");
        let back = world.log.of("a back");
        assert_eq!(back.len(), 2, "expected one end of each by {way:?}: {back:?}");
        assert!(back.iter().all(|line| line.ends_with("EXPIRED")), "expected both to expire by {way:?}: {back:?}");
        world.balanced();
    }
}

#[test]
fn a_message_that_has_expired_while_it_was_held_is_not_handled_when_it_is_passed_on() {
    for far in [false, true] {
        let mut world = World::driven();
        let shelf = Shelf::default();
        let (sender, keeper) = (world.near("a", handle()), world.near("keeper", hold_on(&shelf)));
        let receiver = if far { world.far("b", handle()) } else { world.near("b", handle()) };
        world.settle();
        world.log.take();
        world.have(sender, move |_, ctx| {
            let _ = ctx.within(LIMIT).request(keeper, Query(1));
            ctx.within(LIMIT).notify(keeper, Note(2));
        });
        world.clock.advance(LIMIT);
        shelf.take().into_iter().for_each(|held| held.forward(receiver));
        world.settle();
        assert_eq!(world.log.of("b got"), [""; 0], "expected nothing that has expired to be handled");
        let back = world.log.of("a back");
        assert_eq!(back.len(), 2, "expected one end of each: {back:?}");
        assert!(back.iter().all(|line| line.ends_with("EXPIRED")), "expected both to expire: {back:?}");
        world.balanced();
    }
}

#[test]
fn a_late_answer_reaches_nobody_whatever_it_says() {
    let ends: [fn(rohrpost::HeldMessage); 4] =
        [|held| held.answer(Reply(1)), |held| held.finish(Code::OK), |held| held.finish(Code::DENIED), drop];
    for (index, end) in ends.into_iter().enumerate() {
        let mut world = World::driven();
        let shelf = Shelf::default();
        let route = world.route(Way::OtherThread, hold_on(&shelf));
        world.along(&route, request);
        world.clock.advance(LIMIT);
        world.settle();
        end(shelf.take().remove(0));
        world.settle();
        assert_eq!(world.log.of("a back"), ["a back rohrpost.absent EXPIRED"], "expected one end of the request");
        let counters = world.balanced();
        let late = (counters.late_answers, counters.returned);
        assert_eq!(late, if index < 2 { (1, 0) } else { (0, 1) }, "expected the end number {index} to be counted");
    }
}

#[test]
fn an_answer_that_was_given_in_time_does_not_expire_on_its_own_thread() {
    let mut world = World::driven();
    let (sender, receiver) = (world.near("a", handle()), world.near("b", handle()));
    let clock = world.clock.clone();
    world.have(sender, move |_, ctx| {
        let _ = ctx.within(LIMIT).request(receiver, Query(1));
        clock.advance(LIMIT * 100);
    });
    assert_eq!(world.log.of("a back"), ["a back 1 OK"], "expected the answer that was there before the deadline");
    assert_eq!(world.balanced().expired, 0, "expected nothing to expire");
}

#[test]
fn a_continuation_reads_that_its_request_has_expired() {
    for mut world in World::both() {
        let shelf = Shelf::default();
        let (sender, keeper) = (world.near("a", handle()), world.far("keeper", hold_on(&shelf)));
        world.have(sender, move |probe, ctx| {
            let _ = ctx.within(LIMIT).request(keeper, Query(1)).then_on(probe, |probe: &mut Probe, answer, _| {
                let mut failure = answer.expect_err("expected no answer");
                let absent = failure.take_record::<Absent>().map(|absent| absent.record().name());
                probe.log.note(format!("a read {}, {absent:?}", failure.code()));
            });
        });
        world.clock.advance(LIMIT);
        if world.is_driven() {
            world.settle();
        }
        world.log.wait_until(|lines| lines.iter().any(|line| line.starts_with("a read")));
        let expected = ["a read EXPIRED, Some(\"promises.query\")"];
        // With threads it may have come back itself, if the machine was slow.
        let read = world.log.of("a read");
        assert!(read == expected || read == ["a read EXPIRED, None"], "expected an end by name: {read:?}");
        assert_eq!(world.log.of("a back"), [""; 0], "expected the continuation to be the only one to hear of it");
    }
}

#[test]
fn a_driven_worker_tells_its_next_deadline() {
    let mut world = World::driven();
    let shelf = Shelf::default();
    let (sender, keeper) = (world.near("a", handle()), world.near("keeper", hold_on(&shelf)));
    world.settle();
    assert_eq!(world.worker(0).next_deadline(), None, "expected no deadline without requests");
    world.have(sender, move |_, ctx| {
        for millis in [30, 10, 20] {
            let _ = ctx.within(Duration::from_millis(millis)).request(keeper, Query(millis as u32));
        }
        ctx.within(Duration::from_millis(5)).notify(keeper, Note(5));
    });
    for (millis, expired) in [(10, 1), (20, 2), (30, 3)] {
        let due = Time::START.after(Duration::from_millis(millis));
        assert_eq!(world.worker(0).next_deadline(), Some(due), "expected the earliest deadline of a request");
        assert!(!world.worker(0).run_once(), "expected nothing to do before it");
        world.clock.advance(Duration::from_millis(10));
        world.settle();
        assert_eq!(world.log.of("a back").len(), expired, "expected the requests to expire one by one");
    }
    assert_eq!(world.worker(0).next_deadline(), None, "expected no deadline when nobody waits");
}

#[test]
fn a_message_without_time_left_is_not_handled_at_all() {
    for mut world in World::both() {
        let (sender, near, far) = (world.near("a", handle()), world.near("b", handle()), world.far("b", handle()));
        world.settle();
        world.log.take();
        world.have(sender, move |probe, ctx| {
            let hurried = ctx.within(Duration::ZERO);
            for to in [near, far] {
                hurried.notify(to, Note(1));
                let _ = hurried.request(to, Query(2));
            }
            let mut failure = hurried.call(near, Query(3)).expect_err("expected no answer in no time");
            let record = failure.take_record::<Query>();
            probe.log.note(format!("a read {} with {record:?}", failure.code()));
        });
        assert_eq!(world.log.of("b got"), [""; 0], "expected nothing to be handled");
        assert_eq!(world.log.of("a read"), ["a read EXPIRED with Some(Query(3))"], "expected the call's code");
        let back = world.log.of("a back");
        let expected = ["a back 1 EXPIRED", "a back 2 EXPIRED", "a back 1 EXPIRED", "a back 2 EXPIRED"];
        assert_eq!(back, expected, "expected all to come back with their records, in order");
        world.balanced();
    }
}

#[test]
fn an_outside_notification_that_expires_is_a_dead_letter() {
    let mut world = World::driven();
    let receiver = world.near("b", handle());
    world.settle();
    world.log.take();
    let deadline = world.kernel.now().after(LIMIT);
    world.kernel.send(Message::notification(receiver, Note(1)).deadline(deadline)).unwrap();
    world.clock.advance(LIMIT);
    world.settle();
    assert_eq!(world.log.take(), [""; 0], "expected what has expired not to be handled");
    assert_eq!(world.balanced().dead_letters, 1, "expected a dead letter");
}

#[test]
fn a_question_whose_time_is_over_before_the_worker_looks_is_not_handled() {
    let mut world = World::driven();
    let receiver = world.near("b", handle());
    world.settle();
    world.log.take();
    let mut ask = world.kernel.ask(receiver, Query(1)).timeout(LIMIT);
    assert!(poll(&mut ask).is_none(), "expected the question to wait for the worker");
    world.clock.advance(LIMIT);
    world.settle();
    assert_eq!(world.log.take(), [""; 0], "expected what has expired not to be handled");
    crate::hazards::eventually("the question ends", || match poll(&mut ask) {
        Some(end) => {
            let code = end.expect_err("expected no answer").code();
            assert_eq!(code, Code::EXPIRED, "expected the code of a deadline");
            true
        }
        None => false,
    });
    world.balanced();
}

#[test]
fn nobody_is_told_of_a_request_of_an_earlier_life() {
    let mut world = World::driven();
    let shelf = Shelf::default();
    let keeper = world.far("keeper", hold_on(&shelf));
    let log = world.log.clone();
    let factory = move || Probe::new("a", &log, crate::ways::panicking("boom"));
    let sender = world.near.register_factory(Setup::new(), factory).unwrap();
    world.have(sender, move |_, ctx| {
        let _ = ctx.within(LIMIT).request(keeper, Query(1));
    });
    world.kernel.notify(sender, Note(1)).unwrap();
    world.settle();
    world.clock.advance(LIMIT);
    world.settle();
    assert_eq!(world.log.of("a back"), [""; 0], "expected the second life not to hear of the first one's requests");
    shelf.take().remove(0).answer(Reply(1));
    world.settle();
    assert_eq!(world.log.of("a back"), [""; 0], "expected the second life not to get the first one's answers");
    world.balanced();
}

#[test]
fn a_request_ends_once_whichever_comes_first() {
    // Refused, answered, returned and expired at the same moment: each request has one end.
    let mut world = World::driven();
    let shelf = Shelf::default();
    let (sender, keeper) = (world.near("a", handle()), world.far("keeper", hold_on(&shelf)));
    let (deaf, gone) = (world.far("deaf", ignore()), world.far("gone", handle()));
    world.settle();
    world.far.deregister(gone).unwrap();
    for _round in 0..20 {
        let step = Do::new(move |_, ctx| {
            for to in [keeper, deaf, gone] {
                let _ = ctx.within(LIMIT).request(to, Query(1));
            }
        });
        world.kernel.notify(sender, step).unwrap();
        world.worker(0).run_until_idle();
        world.worker(1).run_until_idle();
        world.clock.advance(LIMIT);
        shelf.take().into_iter().for_each(|held| held.answer(Reply(1)));
        world.settle();
    }
    assert_eq!(world.log.of("a back").len(), 60, "expected one end of each request");
    world.balanced();
}
