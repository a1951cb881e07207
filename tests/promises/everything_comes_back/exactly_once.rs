//! Each message ends once, on each way, with each ending, and after its sender's handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rohrpost::{Address, Code, Context, Failure, Message, OnPanic, Outcome, Setup, Target};

use crate::probes::panic_quietly;
use crate::ways::{
    Do, HOUR, Habit, Large, Note, Probe, Query, Reply, Shelf, Way, World, forward_to, handle, hold_on, ignore,
    panicking, refuse,
};

/// How a message can end, as far as its receiver decides.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Handle,
    Ignore,
    Refuse,
    Panic,
    DropHeld,
    AnswerHeld,
    FinishHeld,
    FailHeld,
    ForwardNowhere,
    ForwardHeldNowhere,
}

const APPLICATION: Code = Code::application(7);

impl Ending {
    const ALL: [Self; 10] = [
        Self::Handle,
        Self::Ignore,
        Self::Refuse,
        Self::Panic,
        Self::DropHeld,
        Self::AnswerHeld,
        Self::FinishHeld,
        Self::FailHeld,
        Self::ForwardNowhere,
        Self::ForwardHeldNowhere,
    ];

    fn habit(self, shelf: &Shelf) -> Habit {
        match self {
            Self::Handle => handle(),
            Self::Ignore => ignore(),
            Self::Refuse => refuse(APPLICATION),
            Self::Panic => panicking("as the test wants it"),
            Self::ForwardNowhere => forward_to(nowhere()),
            _ => hold_on(shelf),
        }
    }

    /// Ends what is held.
    fn end(self, shelf: &Shelf) {
        for held in shelf.take() {
            match self {
                Self::AnswerHeld => held.answer(Note(1)),
                Self::FinishHeld => held.finish(APPLICATION),
                Self::FailHeld => held.fail(Failure::new(APPLICATION, "not today")),
                Self::ForwardHeldNowhere => held.forward(nowhere()),
                _ => drop(held),
            }
        }
    }

    fn code(self) -> Code {
        match self {
            Self::Handle | Self::AnswerHeld => Code::OK,
            Self::Ignore | Self::DropHeld => Code::NOT_HANDLED,
            Self::Refuse | Self::FinishHeld | Self::FailHeld => APPLICATION,
            Self::Panic => Code::EXCEPTION,
            Self::ForwardNowhere | Self::ForwardHeldNowhere => Code::NO_TARGET,
        }
    }
}

/// The manners of sending: requests and notifications in turn.
const SENDS: [fn(&Context<'_>, Address); 4] = [
    |ctx, to| drop(ctx.request(to, Note(1))),
    |ctx, to| ctx.notify(to, Note(1)),
    |ctx, to| assert!(ctx.send(Message::request(to, Note(1))).is_some(), "expected the id of a request"),
    |ctx, to| assert!(ctx.send(Message::notification(to, Note(1))).is_none(), "expected no id"),
];

fn nowhere() -> Address {
    "nobody.near.world".parse().unwrap()
}

#[test]
fn a_request_comes_back_once_and_a_notification_only_if_it_failed_on_every_way_to_every_ending() {
    for way in Way::ALL {
        for ending in Ending::ALL {
            for (number, send) in SENDS.into_iter().enumerate() {
                for mut world in World::both() {
                    let shelf = Shelf::default();
                    let route = world.route(way, ending.habit(&shelf));
                    world.along(&route, move |_, ctx, to| send(ctx, to));
                    ending.end(&shelf);
                    world.settle();
                    let wants_answer = number % 2 == 0;
                    let comes_back = wants_answer || !ending.code().is_ok();
                    let expected = comes_back.then(|| format!("a back 1 {}", ending.code()));
                    let back = world.log.of("a back");
                    assert_eq!(back, Vec::from_iter(expected), "by {way:?} with {ending:?}, manner {number}");
                    world.balanced();
                }
            }
        }
    }
}

#[test]
fn nothing_comes_back_before_the_senders_handler_has_returned() {
    for way in Way::ALL {
        for habit in [handle, ignore, || refuse(Code::DENIED), || panicking("as the test wants it")] {
            for mut world in World::both() {
                let route = world.route(way, habit());
                world.along(&route, |me, ctx, to| {
                    let _ = ctx.request(to, Query(1));
                    ctx.notify(to, Note(2));
                    let log = me.log.clone();
                    ctx.request(to, Query(3)).then_on(me, move |_, _, _| log.note("a continues"));
                    me.log.note("a returns");
                });
                let lines = world.log.of("a ");
                assert_eq!(
                    lines.first().map(String::as_str),
                    Some("a returns"),
                    "expected that first, by {way:?}: {lines:?}"
                );
                assert!(
                    lines.iter().any(|line| line == "a continues"),
                    "expected an end of each, by {way:?}: {lines:?}"
                );
            }
        }
    }
}

#[test]
fn nothing_comes_back_before_the_handler_has_returned_when_another_thread_has_long_answered() {
    let mut world = World::threaded();
    let a = world.near("a", handle());
    let b = world.far("b", handle());
    let log = world.log.clone();
    world.have(a, move |me, ctx| {
        let _ = ctx.request(b, Query(1));
        let _ = ctx.request(b, Query(2));
        // The second one has arrived, so the first answer is in the hand-off of this thread.
        log.wait_until(|lines| lines.iter().any(|line| line == "b got 2"));
        me.log.note("a returns");
    });
    let expected = ["a returns", "a back 1 OK", "a back 2 OK"];
    assert_eq!(world.log.of("a ")[1..], expected, "expected the answers after the handler");
}

#[test]
fn a_call_comes_back_as_its_result_and_not_as_a_delivery() {
    for ending in [Ending::Handle, Ending::Ignore, Ending::Refuse, Ending::Panic, Ending::ForwardNowhere] {
        let mut world = World::driven();
        let route = world.route(Way::Direct, ending.habit(&Shelf::default()));
        world.along(&route, move |me, ctx, to| match ctx.call(to, Query(1)) {
            Ok(Reply(number)) => me.log.note(format!("a called {number}")),
            Err(mut failure) => {
                let record = failure.take_record::<Query>();
                assert_eq!(record, Some(Query(1)), "expected the record back: {failure:?}");
                assert_eq!(failure.take_record::<Query>(), None, "expected it once");
                me.log.note(format!("a failed {}", failure.code()));
            }
        });
        let expected = match ending {
            Ending::Handle => "a called 1".to_owned(),
            _ => format!("a failed {}", ending.code()),
        };
        assert_eq!(world.log.of("a "), [expected], "expected the result and nothing else, {ending:?}");
        world.balanced();
    }
}

#[test]
fn a_continuation_is_called_once_and_instead_of_answered() {
    for way in Way::ALL {
        for ending in Ending::ALL {
            let mut world = World::driven();
            let shelf = Shelf::default();
            let route = world.route(way, ending.habit(&shelf));
            world.along(&route, |me, ctx, to| {
                ctx.request(to, Note(1)).then_on(me, |me, answer, _| {
                    let code = answer.map_or_else(|failure| failure.code(), |()| Code::OK);
                    me.log.note(format!("a continues {code}"));
                });
            });
            ending.end(&shelf);
            world.settle();
            // What `AnswerHeld` answers with is not of the type that a `Note` is answered with.
            let code = if matches!(ending, Ending::AnswerHeld) { Code::OK } else { ending.code() };
            let expected = [format!("a continues {code}")];
            assert_eq!(world.log.of("a "), expected, "expected the continuation once, by {way:?}, {ending:?}");
        }
    }
}

struct Stranger;
impl Target for Stranger {
    fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        Outcome::NotHandled
    }
}

#[test]
fn a_continuation_for_another_type_of_target_leaves_the_answer_to_answered() {
    let mut world = World::driven();
    let route = world.route(Way::Direct, handle());
    world.along(&route, |_, ctx, to| {
        ctx.request(to, Query(1)).then_on(&Stranger, |_, _, _| panic!("this is not a Stranger's request"));
    });
    assert_eq!(world.log.of("a "), ["a back 1 OK"], "expected `answered` to have the answer");
}

#[test]
fn a_target_answers_its_own_request_after_its_handler() {
    for mut world in World::both() {
        let a = world.near("a", handle());
        world.have(a, move |me, ctx| {
            let _ = ctx.request(a, Query(1));
            ctx.notify(a, Note(2));
            me.log.note("a returns");
        });
        let expected = ["a returns", "a got 1", "a got 2", "a back 1 OK"];
        assert_eq!(world.log.of("a ")[1..], expected, "expected mail to oneself to wait and to be answered");
    }
}

#[test]
fn a_request_whose_receiver_goes_before_its_turn_comes_back_stopped_and_later_ones_find_nobody() {
    for mut world in World::both() {
        let a = world.near("a", handle());
        let b = world.near("b", handle());
        world.have(b, move |_, ctx| {
            ctx.notify(
                a,
                Do::new(move |_, ctx| {
                    let _ = ctx.request(b, Query(1));
                    ctx.notify(b, Note(2));
                }),
            );
            ctx.stop();
        });
        assert_eq!(world.log.of("a back"), ["a back 1 STOPPED", "a back 2 STOPPED"], "expected waiting mail back");
        world.have(a, move |_, ctx| drop(ctx.request(b, Query(3))));
        let last = world.log.of("a back").pop();
        assert_eq!(last.as_deref(), Some("a back 3 NO_TARGET"), "expected nobody to be there");
        world.balanced();
    }
}

#[test]
fn what_a_target_held_comes_back_stopped_when_the_target_goes() {
    for way in [Way::Direct, Way::OtherThread, Way::Reentered] {
        for mut world in World::both() {
            let shelf = Shelf::default();
            let route = world.route(way, hold_on(&shelf));
            world.along(&route, |_, ctx, to| {
                let _ = ctx.request(to, Query(1));
                ctx.notify(to, Note(2));
            });
            let held = shelf.take();
            assert_eq!(held.len(), 2, "expected both to be held, by {way:?}");
            world.have(route.b, move |me, ctx| {
                me.kept = held;
                ctx.stop();
            });
            let expected = ["a back 1 STOPPED", "a back 2 STOPPED"];
            assert_eq!(world.log.of("a back"), expected, "expected what went with its holder, by {way:?}");
            world.balanced();
        }
    }
}

#[test]
fn mail_that_waits_for_a_target_that_panics_comes_back_or_reaches_its_successor() {
    let policies = [(OnPanic::Deregister, "STOPPED"), (OnPanic::Keep, "OK"), (OnPanic::Restart, "OK")];
    for (policy, code) in policies {
        let mut world = World::driven();
        let a = world.near("a", handle());
        let log = world.log.clone();
        let make = move || Probe::new("b", &log, handle());
        let b = world.near.register_factory(Setup::new().on_panic(policy), make);
        let b = if policy == OnPanic::Deregister { Ok(world.near("b", handle())) } else { b }.unwrap();
        world.have(b, move |_, ctx| {
            ctx.notify(a, Do::new(move |_, ctx| drop(ctx.request(b, Query(1)))));
            panic_quietly("while a request waits");
        });
        assert_eq!(world.log.of("a back"), [format!("a back 1 {code}")], "expected one end, {policy:?}");
        world.balanced();
    }
}

#[test]
fn requests_that_are_answered_in_any_manner_at_once_or_later_are_all_answered_once() {
    const REQUESTS: u32 = 500;
    let mut world = World::threaded();
    let shelf = Shelf::default();
    let second = world.near("c", ignore());
    let turn = Arc::new(AtomicU32::new(0));
    let on_shelf = shelf.clone();
    let anyhow = move || -> Habit {
        let (shelf, turn) = (on_shelf.clone(), turn.clone());
        let mut habits = [handle(), ignore(), refuse(Code::BUSY), forward_to(second), hold_on(&shelf)];
        Box::new(move |message, ctx| habits[turn.fetch_add(1, Ordering::Relaxed) as usize % 5](message, ctx))
    };
    let receivers = [world.near("b", anyhow()), world.far("b", anyhow()), world.near("gate", forward_to(second))];
    let a = world.near("a", handle());
    for hundred in 0..REQUESTS / 100 {
        world.have(a, move |_, ctx| {
            for number in 0..100 {
                let receiver = receivers[number as usize % receivers.len()];
                let within = ctx.within(HOUR);
                let ctx = if number % 2 == 0 { &*ctx } else { &within };
                let _ = ctx.request(receiver, Large(hundred * 100 + number, [1; 32]));
            }
        });
    }
    let helper = std::thread::spawn(move || shelf.take().into_iter().for_each(|held| held.finish(Code::DENIED)));
    helper.join().unwrap();
    world.settle();
    let mut numbers: Vec<u32> =
        world.log.of("a back").iter().map(|line| line.split(' ').nth(2).unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..REQUESTS).collect::<Vec<_>>(), "expected each request to come back once");
    world.balanced();
}
