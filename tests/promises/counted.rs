//! Promise 12: sent = handled + returned + dead letters, and answers have an equation of their own. Each message is
//! counted once, where it ends.

mod threads;

use std::time::Duration;

use rohrpost::{Code, Context, Counters, Failure, Handle, Message, OnPanic, Setup, handles};

use crate::hazards::{Fragile, Place, eventually_balanced};
use crate::ways::{
    Habit, Log, Note, Probe, Query, Reply, Shelf, Way, World, forward_to, handle, hold_on, ignore, panicking, poll,
    refuse,
};

/// The counters by name.
fn figures(counters: &Counters) -> [(&'static str, u64); 14] {
    [
        ("sent", counters.sent),
        ("handled", counters.handled),
        ("returned", counters.returned),
        ("dead letters", counters.dead_letters),
        ("answers", counters.answers),
        ("answered", counters.answered),
        ("late answers", counters.late_answers),
        ("dead answers", counters.dead_answers),
        ("expired", counters.expired),
        ("ignored", counters.ignored),
        ("panics", counters.panics),
        ("restarts", counters.restarts),
        ("registered", counters.registered),
        ("deregistered", counters.deregistered),
    ]
}

/// What has been counted between two readings.
fn changes(before: &Counters, after: &Counters) -> Vec<(&'static str, u64)> {
    let both = figures(before).into_iter().zip(figures(after));
    both.map(|((name, before), (_, after))| (name, after - before)).filter(|(_, change)| *change != 0).collect()
}

type Step = Box<dyn FnOnce(&mut Probe, &mut Context<'_>, rohrpost::Address) + Send>;

/// What `step` along `way` to a `b` with this habit has counted, without the messages that make `a` take the step.
fn counted(
    way: Way,
    habit: Habit,
    step: impl FnOnce(&mut Probe, &mut Context<'_>, rohrpost::Address) + Send + 'static,
) -> Vec<(&'static str, u64)> {
    let changed = |habit, step| {
        let mut world = World::driven();
        let route = world.route(way, habit);
        let before = world.balanced();
        world.along(&route, step);
        (before, world.balanced())
    };
    let (idle, done) = changed(handle(), Box::new(|_: &mut Probe, _: &mut Context<'_>, _| ()) as Step);
    let overhead = done.sent - idle.sent;
    let (before, after) = changed(habit, Box::new(step));
    let without = |(name, change): (&'static str, u64)| match name {
        "sent" | "handled" => (name, change - overhead),
        // Its receiver comes back to handle it.
        "restarts" if way == Way::Away => (name, change - 1),
        _ => (name, change),
    };
    changes(&before, &after).into_iter().map(without).filter(|(_, change)| *change != 0).collect()
}

#[test]
fn each_message_is_counted_once_on_every_way() {
    let notify = |_: &mut Probe, ctx: &mut Context<'_>, to| ctx.notify(to, Note(1));
    let request = |_: &mut Probe, ctx: &mut Context<'_>, to| {
        let _ = ctx.request(to, Query(1));
    };
    for way in Way::ALL {
        let handled = [("sent", 1), ("handled", 1)];
        assert_eq!(counted(way, handle(), notify), handled, "expected a notification to be handled by {way:?}");
        let answered = [("sent", 1), ("handled", 1), ("answers", 1), ("answered", 1)];
        assert_eq!(counted(way, handle(), request), answered, "expected a request to be answered by {way:?}");
        let returned = [("sent", 1), ("returned", 1)];
        assert_eq!(counted(way, ignore(), notify), returned, "expected a notification back by {way:?}");
        assert_eq!(counted(way, refuse(Code::DENIED), request), returned, "expected a request back by {way:?}");
        let panicked = [("sent", 1), ("returned", 1), ("panics", 1), ("deregistered", 1)];
        assert_eq!(counted(way, panicking("boom"), notify), panicked, "expected a panic to be counted by {way:?}");
        assert_eq!(counted(way, panicking("boom"), request), panicked, "expected a panic to be counted by {way:?}");
    }
}

#[test]
fn a_large_record_and_a_second_one_change_no_figure() {
    for way in Way::ALL {
        let large = |_: &mut Probe, ctx: &mut Context<'_>, to| {
            ctx.notify(to, crate::ways::Large(1, [0; 32]));
            ctx.send(Message::notification(to, Note(1)).and(Note(2)).and(Note(3)));
        };
        assert_eq!(counted(way, handle(), large), [("sent", 2), ("handled", 2)], "expected two messages by {way:?}");
        assert_eq!(counted(way, ignore(), large), [("sent", 2), ("returned", 2)], "expected two back by {way:?}");
    }
}

#[test]
fn a_call_is_counted_as_sent_and_as_handled_or_returned() {
    let call = |_: &mut Probe, ctx: &mut Context<'_>, to| drop(ctx.call(to, Query(1)));
    for way in Way::ALL {
        let reached =
            matches!(way, Way::Direct | Way::Named | Way::Timed | Way::Forwarded | Way::Service | Way::OnATick);
        let expected = [("sent", 1), if reached { ("handled", 1) } else { ("returned", 1) }];
        let mut counted = counted(way, handle(), call);
        // Whoever would hold it says that it cannot by a panic.
        counted.retain(|(name, _)| way != Way::Held || !["panics", "deregistered"].contains(name));
        assert_eq!(counted, expected, "expected one end of the call by {way:?}");
    }
}

#[test]
fn a_held_message_is_counted_when_it_ends() {
    type End = fn(rohrpost::HeldMessage);
    let ends: [(End, &[(&str, u64)]); 4] = [
        (|held| held.answer(Reply(1)), &[("handled", 1), ("answers", 1), ("answered", 1)]),
        (|held| held.finish(Code::DENIED), &[("returned", 1)]),
        (|held| held.fail(Failure::new(Code::DENIED, "not today")), &[("returned", 1)]),
        (drop, &[("returned", 1)]),
    ];
    for way in Way::ALL {
        for (end, expected) in ends {
            let mut world = World::driven();
            let shelf = Shelf::default();
            let route = world.route(way, hold_on(&shelf));
            world.along(&route, |_, ctx, to| {
                let _ = ctx.request(to, Query(1));
            });
            let before = world.kernel.counters();
            assert!(!before.is_balanced(), "expected a message that is held not to have ended by {way:?}");
            end(shelf.take().remove(0));
            world.settle();
            let after = world.balanced();
            assert_eq!(changes(&before, &after), expected, "expected one end by {way:?}");
        }
    }
}

#[test]
fn a_request_that_expired_and_its_late_answer_are_counted_apart() {
    for way in Way::ALL {
        let mut world = World::driven();
        let shelf = Shelf::default();
        let route = world.route(way, hold_on(&shelf));
        world.along(&route, |_, ctx, to| {
            let _ = ctx.within(Duration::from_millis(1)).request(to, Query(1));
        });
        let before = world.kernel.counters();
        world.clock.advance(Duration::from_millis(1));
        world.settle();
        let told = world.kernel.counters();
        assert_eq!(changes(&before, &told), [("expired", 1)], "expected the requester to be told by {way:?}");
        shelf.take().remove(0).answer(Reply(1));
        world.settle();
        let after = world.balanced();
        let late = [("handled", 1), ("answers", 1), ("late answers", 1)];
        assert_eq!(changes(&told, &after), late, "expected the answer to be late by {way:?}");
    }
}

#[test]
fn what_finds_its_sender_gone_is_dead() {
    for way in Way::ALL {
        let gone = |request: bool| {
            move |_: &mut Probe, ctx: &mut Context<'_>, to| {
                if request {
                    let _ = ctx.request(to, Query(1));
                } else {
                    ctx.notify(to, Note(1));
                }
                ctx.stop();
            }
        };
        let answer = [("sent", 1), ("handled", 1), ("answers", 1), ("dead answers", 1), ("deregistered", 1)];
        assert_eq!(counted(way, handle(), gone(true)), answer, "expected a dead answer by {way:?}");
        let letter = [("sent", 1), ("dead letters", 1), ("deregistered", 1)];
        assert_eq!(counted(way, ignore(), gone(true)), letter, "expected a dead letter by {way:?}");
        assert_eq!(counted(way, ignore(), gone(false)), letter, "expected a dead letter by {way:?}");
    }
}

#[test]
fn outside_mail_is_counted_like_any_other() {
    type Act = fn(&mut World, rohrpost::Address);
    /// What is done, to whom, and what that counts.
    type Case = (Act, fn() -> Habit, &'static [(&'static str, u64)]);
    let notify: Act = |world, to| world.kernel.notify(to, Note(1)).unwrap();
    let ask: Act = |world, to| drop(world.ask(to, Query(1)));
    let forget: Act = |world, to| {
        let mut ask = world.kernel.ask(to, Query(1));
        assert!(poll(&mut ask).is_none(), "expected the question to wait");
    };
    let unsent: Act = |world, to| drop(world.kernel.ask(to, Query(1)));
    let request: Act = |world, to| world.kernel.send(Message::request(to, Query(1))).unwrap();
    let nowhere: Act = |world, _| {
        let nobody = "nobody.near.".parse().unwrap();
        assert!(world.kernel.notify(nobody, Note(1)).is_err(), "expected nobody there");
        assert!(world.ask(nobody, Query(1)).is_err(), "expected nobody there");
    };
    let cases: [Case; 10] = [
        (notify, handle, &[("sent", 1), ("handled", 1)]),
        (notify, ignore, &[("sent", 1), ("dead letters", 1)]),
        (request, handle, &[("sent", 1), ("handled", 1)]),
        (request, ignore, &[("sent", 1), ("dead letters", 1)]),
        (ask, handle, &[("sent", 1), ("handled", 1), ("answers", 1), ("answered", 1)]),
        (ask, ignore, &[("sent", 1), ("returned", 1)]),
        (forget, handle, &[("sent", 1), ("handled", 1), ("answers", 1), ("late answers", 1)]),
        (forget, ignore, &[("sent", 1), ("dead letters", 1)]),
        (unsent, handle, &[]),
        (nowhere, handle, &[]),
    ];
    for far in [false, true] {
        for (index, (act, habit, expected)) in cases.iter().enumerate() {
            let mut world = World::driven();
            let receiver = if far { world.far("b", habit()) } else { world.near("b", habit()) };
            world.settle();
            let before = world.balanced();
            act(&mut world, receiver);
            world.settle();
            let after = world.balanced();
            assert_eq!(changes(&before, &after), *expected, "expected these figures of case {index}");
        }
    }
}

#[test]
fn a_message_that_is_forwarded_far_is_counted_once() {
    for far in [false, true] {
        for mut world in World::both() {
            let end = world.near("end", handle());
            let gate = (0..300).fold(end, |next, index| {
                let (name, habit) = ("gate", forward_to(next));
                if far && index % 2 == 0 { world.far(name, habit) } else { world.near(name, habit) }
            });
            let sender = world.near("a", handle());
            world.settle();
            world.log.take();
            let before = world.balanced();
            world.have(sender, move |_, ctx| {
                ctx.notify(gate, Note(1));
                let _ = ctx.request(gate, Query(2));
            });
            // What is forwarded between two threads changes no figure on its way.
            eventually_balanced(&world.kernel);
            world.settle();
            let after = world.balanced();
            assert_eq!(world.log.of("end"), ["end got 1", "end got 2"], "expected both to arrive (far: {far})");
            // The worlds with threads ask questions of their own to find out whether everything is at rest.
            let flushes = (after.answers - before.answers) - 1;
            let others = after.sent - before.sent - flushes;
            assert_eq!(others, 3, "expected the step and its two messages to be counted, however far they went");
        }
    }
}

#[test]
fn what_a_busy_thread_refuses_is_returned_once() {
    for request in [false, true] {
        let mut world = World::driven_with(|builder| builder.capacity(2));
        let (sender, receiver) = (world.near("a", handle()), world.far("b", handle()));
        world.settle();
        let before = world.balanced();
        world.have(sender, move |_, ctx| {
            for number in 0..10 {
                if request {
                    let _ = ctx.request(receiver, Query(number));
                } else {
                    ctx.notify(receiver, Note(number));
                }
            }
        });
        let after = world.balanced();
        let mut expected = vec![("sent", 11), ("handled", 3), ("returned", 8)];
        if request {
            expected.extend([("answers", 2), ("answered", 2)]);
        }
        assert_eq!(changes(&before, &after), expected, "expected two to fit, and eight to come back");
    }
}

/// Handles notes, and lists no answers.
struct Deaf;
impl Handle<Note> for Deaf {
    fn handle(&mut self, note: &Note, ctx: &mut Context<'_>) -> Result<(), Failure> {
        if note.0 > 0 {
            let me = ctx.address();
            let _ = ctx.request(me, Note(0));
            ctx.notify(me, Query(1));
        }
        Ok(())
    }
}
handles!(Deaf: Note);

#[test]
fn answers_that_a_typed_target_does_not_list_are_counted_as_ignored() {
    let mut world = World::driven();
    let deaf = world.near.register(Deaf).unwrap();
    world.settle();
    let before = world.balanced();
    world.kernel.notify(deaf, Note(1)).unwrap();
    world.settle();
    let after = world.balanced();
    let expected = [("sent", 3), ("handled", 2), ("returned", 1), ("answers", 1), ("answered", 1), ("ignored", 2)];
    assert_eq!(changes(&before, &after), expected, "expected an answer and a return to be ignored");
}

#[test]
fn targets_that_come_and_go_are_counted() {
    for mut world in World::both() {
        let before = world.balanced();
        let log = Log::default();
        let named = world.near.register_as("named", Fragile::new("named", &log, Place::Nowhere)).unwrap();
        let taken = world.near.register_as("named", Fragile::new("taken", &log, Place::Nowhere));
        assert!(taken.is_err(), "expected the name to be taken");
        let started = world.near.register(Fragile::new("b", &log, Place::Started)).unwrap();
        let made = log.clone();
        let factory = move || Fragile::new("c", &made, Place::Receive);
        let restarted = world.near.register_factory(Setup::new(), factory).unwrap();
        let keep = Setup::new().on_panic(OnPanic::Keep);
        let kept = world.near.register_with(keep, Fragile::new("d", &log, Place::Receive)).unwrap();
        world.settle();
        for target in [restarted, kept] {
            world.kernel.notify(target, Note(1)).unwrap();
        }
        world.settle();
        for target in [named, started, restarted] {
            let _ = world.near.deregister(target);
        }
        world.settle();
        let after = world.balanced();
        let lives: Vec<(&str, u64)> = changes(&before, &after)
            .into_iter()
            .filter(|(name, _)| ["panics", "restarts", "registered", "deregistered"].contains(name))
            .collect();
        let expected = [("panics", 3), ("restarts", 1), ("registered", 4), ("deregistered", 3)];
        assert_eq!(lives, expected, "expected one of four to be left");
    }
}
