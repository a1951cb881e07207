//! Outside callers: a question ends once; a notification fails at once with the message in the error, or becomes a
//! dead letter.

use std::time::Duration;

use rohrpost::{Code, Context, Failure, Message, Outcome, SendError};

use crate::ways::{
    Do, Large, Note, PATIENCE, Query, Reply, Shelf, World, forward_to, handle, hold_on, ignore, panicking, poll, refuse,
};

#[test]
fn a_question_from_outside_ends_once_with_every_ending() {
    for mut world in World::both() {
        let nowhere = "nobody.near.world".parse().unwrap();
        let last = world.far("last", handle());
        let cases = [
            (world.near("b", handle()), Code::OK),
            (world.near("b", ignore()), Code::NOT_HANDLED),
            (world.near("b", refuse(Code::DENIED)), Code::DENIED),
            (world.near("b", panicking("as the test wants it")), Code::EXCEPTION),
            (world.near("b", forward_to(nowhere)), Code::NO_TARGET),
            (world.near("b", forward_to(last)), Code::OK),
        ];
        for (b, code) in cases {
            let answer = world.ask(b, Query(1));
            match answer {
                Ok(reply) => assert_eq!((reply, code), (Reply(1), Code::OK), "expected an answer only if it is OK"),
                Err(mut failure) => {
                    assert_eq!(failure.code(), code, "expected the code of the one who ended it: {failure}");
                    assert_eq!(failure.take_record::<Query>(), Some(Query(1)), "expected the record back, {code}");
                }
            }
        }
        world.settle();
        let counters = world.balanced();
        assert_eq!(counters.dead_letters, 0, "expected every end to have reached its asker: {counters:?}");
    }
}

#[test]
fn a_question_that_is_held_is_answered_by_whoever_holds_it_from_any_thread() {
    for mut world in World::both() {
        let shelf = Shelf::default();
        let b = world.near("b", hold_on(&shelf));
        let mut asks = [1, 2, 3].map(|number| world.kernel.ask(b, Query(number)));
        for ask in &mut asks {
            assert!(poll(ask).is_none(), "expected the question to be under way");
        }
        world.settle();
        let mut held = shelf.take().into_iter();
        held.next().unwrap().answer(Reply(1));
        let second = held.next().unwrap();
        world.have(b, move |_, _| second.fail(Failure::new(Code::DENIED, "no")));
        drop(held);
        world.settle();
        let [one, two, three] = &mut asks;
        assert_eq!(poll(one).unwrap().unwrap(), Reply(1), "expected the answer of the plain thread");
        let failure = poll(two).unwrap().unwrap_err();
        assert_eq!((failure.code(), failure.text()), (Code::DENIED, "no"), "expected what the target said");
        let failure = poll(three).unwrap().unwrap_err();
        assert_eq!(failure.code(), Code::NOT_HANDLED, "expected a dropped one to come back");
        world.balanced();
    }
}

#[test]
fn a_notification_from_outside_that_fails_at_once_is_its_error_with_the_message_inside() {
    let mut world = World::driven_with(|builder| builder.capacity(4));
    let b = world.far("b", handle());
    world.settle();
    for number in 0..4 {
        world.kernel.notify(b, Note(number)).unwrap();
    }
    let message = Message::notification(b, Note(4)).and(Large(5, [5; 32]));
    let refused: SendError = world.kernel.send(message).unwrap_err();
    assert_eq!(refused.code(), Code::BUSY, "expected a full hand-off");
    assert!(refused.to_string().contains("BUSY"), "expected the text to say why: {refused}");
    let message = refused.into_message();
    assert_eq!(message.records().count(), 2, "expected both records");
    assert_eq!(message.record::<Large>(), Some(&Large(5, [5; 32])), "expected them unchanged");
    world.settle();
    // The very same message can be sent again.
    world.kernel.send(message).unwrap();
    world.settle();
    let got = world.log.of("b got");
    assert_eq!(got, ["b got 0", "b got 1", "b got 2", "b got 3", "b got 4+5"], "expected what was taken, in order");
    let counters = world.balanced();
    assert_eq!(counters.dead_letters, 0, "expected an error not to be a dead letter, too");

    let _report = world.kernel.stop(PATIENCE);
    let refused = world.kernel.notify(b, Note(9)).unwrap_err();
    assert_eq!(refused.code(), Code::STOPPED, "expected a stopped kernel to say so");
    assert_eq!(refused.into_message().record(), Some(&Note(9)), "expected the record back");
}

#[test]
fn a_notification_from_outside_that_fails_later_is_a_dead_letter() {
    for mut world in World::both() {
        let shelf = Shelf::default();
        let nowhere = "nobody.near.world".parse().unwrap();
        let targets = [
            world.near("b", ignore()),
            world.near("b", refuse(Code::DENIED)),
            world.near("b", panicking("as the test wants it")),
            world.near("b", forward_to(nowhere)),
            world.near("b", hold_on(&shelf)),
        ];
        for b in targets {
            world.kernel.notify(b, Note(1)).unwrap();
        }
        world.settle();
        drop(shelf.take());
        let gone = world.near("gone", handle());
        world.near.deregister(gone).unwrap();
        world.settle();
        world.kernel.notify(gone, Note(2)).unwrap();
        world.settle();
        let counters = world.balanced();
        assert_eq!(counters.dead_letters, 6, "expected one dead letter for each: {counters:?}");
        assert_eq!(counters.returned, 0, "expected nothing to have come back to anybody: {counters:?}");
    }
}

#[test]
fn a_request_that_is_sent_as_a_notification_from_outside_is_handled_and_answers_nobody() {
    for mut world in World::both() {
        let b = world.near("b", handle());
        world.kernel.send(Message::request(b, Query(1))).unwrap();
        world.settle();
        assert_eq!(world.log.of("b got"), ["b got 1"], "expected it to be handled");
        let counters = world.balanced();
        assert_eq!(counters.dead_answers, 0, "expected no answer that nobody gets: {counters:?}");
    }
}

#[test]
fn every_one_of_many_questions_from_many_threads_ends_once() {
    const THREADS: u32 = 4;
    const EACH: u32 = 300;
    let world = World::threaded();
    let near = world.near("b", handle());
    let far = world.far("b", handle());
    let gate = world.far("gate", forward_to(near));
    let through = world.far(
        "through",
        Box::new(move |message: &mut Message<'_>, ctx: &mut Context<'_>| {
            ctx.hold(message).unwrap().forward(near);
            Outcome::Handled
        }),
    );
    let askers: Vec<_> = (0..THREADS)
        .map(|thread| {
            let kernel = world.kernel.clone();
            std::thread::spawn(move || {
                for number in 0..EACH {
                    let to = [near, far, gate, through][number as usize % 4];
                    let question = thread * EACH + number;
                    let answer = kernel.ask(to, Query(question)).timeout(PATIENCE).wait();
                    assert_eq!(answer.unwrap(), Reply(question), "expected the answer to this very question");
                }
            })
        })
        .collect();
    for asker in askers {
        asker.join().unwrap();
    }
    let counters = world.balanced();
    assert_eq!(counters.late_answers + counters.dead_answers, 0, "expected every answer in time: {counters:?}");
}

#[test]
fn a_question_sent_to_a_target_that_goes_meanwhile_ends() {
    for mut world in World::both() {
        let b = world.near("b", handle());
        let a = world.near("a", handle());
        world.settle();
        // `b` is on the stack and goes; the question waits behind it.
        let kernel = world.kernel.clone();
        let (send, asked) = std::sync::mpsc::channel();
        world.have(b, move |_, ctx| {
            ctx.notify(a, Do::new(move |_, ctx| ctx.notify(b, Note(1))));
            let mut ask = kernel.ask(b, Query(2)).timeout(Duration::from_secs(3600));
            assert!(poll(&mut ask).is_none(), "expected it to be under way");
            send.send(ask).unwrap();
            ctx.stop();
        });
        world.settle();
        let mut ask = asked.try_recv().unwrap();
        let code = poll(&mut ask).expect("expected an end").unwrap_err().code();
        assert!([Code::STOPPED, Code::NO_TARGET].contains(&code), "expected one of both, got {code}");
        assert_eq!(world.log.of("a back"), ["a back 1 STOPPED"], "expected waiting mail back");
        world.balanced();
    }
}
