//! Records that panic in `Clone` and `Drop`: whoever is merely near them is not harmed.

use rohrpost::{Code, Context, Message, Outcome, Target};

use crate::hazards::{Charge, Mine, eventually_balanced};
use crate::ways::{Habit, Note, Probe, Query, Shelf, Way, World, handle, hold_on, ignore, poll, refuse};

/// Handles everything and leaves the records where they are.
fn accept() -> Habit {
    Box::new(|_, _| Outcome::Handled)
}

/// Sends a [`Mine`] with `way`'s help and looks whether everybody is still there.
fn sent_along(way: Way, habit: fn() -> Habit, check: impl Fn(&mut World, &[String])) {
    for mut world in World::both() {
        let route = world.route(way, habit());
        world.along(&route, |probe, ctx, to| {
            ctx.notify(to, Mine(1));
            probe.log.note("a goes on");
        });
        let lines = world.log.take();
        check(&mut world, &lines);
        for target in [route.a, route.b] {
            let there = world.ask(target, Note(2)).map_err(|failure| failure.code());
            assert_ne!(there, Err(Code::NO_TARGET), "expected {target} to be there by {way:?}: {lines:?}");
            assert_ne!(there, Err(Code::STOPPED), "expected the worker to be there by {way:?}: {lines:?}");
        }
        world.balanced();
    }
}

#[test]
fn a_record_that_panics_in_drop_harms_nobody_when_it_was_handled() {
    for way in Way::ALL {
        sent_along(way, accept, |_, lines| {
            assert!(lines.contains(&"a goes on".to_owned()), "expected the sender to go on by {way:?}: {lines:?}");
            let back = lines.iter().any(|line| line.contains("back"));
            assert!(!back, "expected a message that was handled not to come back by {way:?}: {lines:?}");
        });
    }
}

#[test]
fn a_record_that_panics_in_drop_harms_nobody_when_it_comes_back() {
    for way in Way::ALL {
        sent_along(way, ignore, |_, lines| {
            assert!(lines.contains(&"a goes on".to_owned()), "expected the sender to go on by {way:?}: {lines:?}");
            let back = "a back hazards.mine NOT_HANDLED".to_owned();
            assert!(lines.contains(&back), "expected the message to come back by {way:?}: {lines:?}");
        });
    }
}

#[test]
fn a_dead_letter_that_panics_in_drop_harms_no_worker() {
    for mut world in World::both() {
        let deaf = world.near("deaf", ignore());
        let rude = world.near("rude", refuse(Code::application(1)));
        let gone = world.near("gone", handle());
        world.near.deregister(gone).unwrap();
        world.settle();
        for to in [deaf, rude, gone] {
            world.kernel.notify(to, Mine(1)).unwrap();
            world.settle();
            let alive = world.ask(deaf, Query(1)).map_err(|failure| failure.code());
            assert_eq!(alive, Err(Code::NOT_HANDLED), "expected the worker to go on after a dead letter to {to}");
        }
        assert_eq!(world.balanced().dead_letters, 3, "expected three dead letters");
    }
}

#[test]
fn an_answer_that_nobody_waits_for_any_more_may_panic_in_drop() {
    for mut world in World::both() {
        let shelf = Shelf::default();
        let keeper = world.near("keeper", hold_on(&shelf));
        let releaser = world.near("releaser", handle());
        let mut ask = world.kernel.ask(keeper, Query(1));
        assert!(poll(&mut ask).is_none(), "expected the question to wait");
        world.settle();
        drop(ask);
        let held = shelf.take().remove(0);
        world.have(releaser, move |_, _| held.answer(Mine(1)));
        assert!(world.ask(releaser, Query(2)).is_ok(), "expected the target that answered to be there");
        assert_eq!(world.balanced().late_answers, 1, "expected the answer to be late");
    }
}

#[test]
fn an_answer_whose_requester_is_gone_may_panic_in_drop() {
    for far in [false, true] {
        for mut world in World::both() {
            let shelf = Shelf::default();
            let keeper = world.near("keeper", hold_on(&shelf));
            let requester = if far { world.far("a", handle()) } else { world.near("a", handle()) };
            let releaser = world.near("releaser", handle());
            world.have(requester, move |_, ctx| {
                let _ = ctx.request(keeper, Query(1));
                ctx.stop();
            });
            let held = shelf.take().remove(0);
            world.have(releaser, move |_, _| held.answer(Mine(1)));
            assert!(world.ask(releaser, Query(2)).is_ok(), "expected the target that answered to be there");
            let there = world.far("other", handle());
            assert!(world.ask(there, Query(3)).is_ok(), "expected the requester's worker to be there");
            assert_eq!(world.balanced().dead_answers, 1, "expected the answer to find nobody");
        }
    }
}

#[test]
fn every_record_of_a_message_may_panic_in_drop() {
    for far in [false, true] {
        for mut world in World::both() {
            let sink = if far { world.far("b", accept()) } else { world.near("b", accept()) };
            let sender = world.near("a", handle());
            world.settle();
            world.log.take();
            world.have(sender, move |probe, ctx| {
                ctx.send(Message::notification(sink, Note(1)).and(Mine(2)).and(Mine(3)));
                probe.log.note("a goes on");
            });
            let mut lines = world.log.take();
            lines.sort();
            let expected = ["a goes on", "b got 1+hazards.mine+hazards.mine"];
            assert_eq!(lines, expected, "expected neither sender nor receiver to be harmed");
            for target in [sender, sink] {
                assert!(world.ask(target, Note(4)).is_ok(), "expected {target} to be there");
            }
            world.balanced();
        }
    }
}

#[test]
fn every_record_of_a_message_from_outside_may_panic_in_drop() {
    for (habit, handled) in [(accept as fn() -> Habit, 1), (ignore, 0)] {
        for mut world in World::both() {
            let sink = world.near("b", habit());
            world.settle();
            let before = world.balanced();
            world.kernel.send(Message::notification(sink, Note(1)).and(Mine(2)).and(Mine(3))).unwrap();
            world.settle();
            let after = world.balanced();
            let ends = (after.handled - before.handled, after.dead_letters - before.dead_letters);
            // `settle` asks questions of its own where workers have threads.
            assert!(ends.0 >= handled && ends.1 == 1 - handled, "expected one end of the message: {ends:?}");
            let there = world.ask(sink, Note(4)).map_err(|failure| failure.code());
            assert_ne!(there, Err(Code::NO_TARGET), "expected the target to be there");
            assert_ne!(there, Err(Code::STOPPED), "expected the worker to be there");
        }
    }
}

/// Handles a record by its reference, as a typed target does.
struct Sweeper;

impl rohrpost::Handle<Mine> for Sweeper {
    fn handle(&mut self, _mine: &Mine, _ctx: &mut Context<'_>) -> Result<Mine, rohrpost::Failure> {
        Ok(Mine(0))
    }
}
rohrpost::handles!(Sweeper: Mine);

#[test]
fn a_request_that_panics_in_drop_is_answered_once_all_the_same() {
    for mut world in World::both() {
        let sweeper = world.near.register(Sweeper).unwrap();
        let requester = world.far("a", handle());
        world.settle();
        world.log.take();
        world.have(requester, move |_, ctx| {
            let _ = ctx.request(sweeper, Mine(1));
        });
        let lines = world.log.take();
        assert_eq!(lines.len(), 1, "expected one end of the request: {lines:?}");
        assert!(world.ask(requester, Query(2)).is_ok(), "expected the requester to be there: {lines:?}");
        world.balanced();
    }
}

#[test]
fn a_requester_whose_answer_has_no_record_is_not_harmed_by_its_own() {
    // Where nobody sets an answer the request itself comes back, and is dropped on the way to the `()` that it means.
    for far in [false, true] {
        for mut world in World::both() {
            let sink = if far { world.far("b", accept()) } else { world.near("b", accept()) };
            let requester = world.near("a", handle());
            world.have(requester, move |probe, ctx| {
                let _ = ctx.request(sink, Charge).then_on(probe, |probe: &mut Probe, answer, _ctx| {
                    let code = answer.map_or_else(|failure| failure.code(), |()| Code::OK);
                    probe.log.note(format!("a read {code}"));
                });
            });
            assert_eq!(world.log.of("a read"), ["a read OK"], "expected an answer (far: {far})");
            assert!(world.ask(requester, Query(2)).is_ok(), "expected the requester to be there (far: {far})");
            world.balanced();
        }
    }
}

#[test]
fn a_caller_whose_answer_has_no_record_is_not_harmed_by_its_own() {
    for mut world in World::both() {
        let (sink, caller) = (world.near("b", accept()), world.near("a", handle()));
        world.have(caller, move |probe, ctx| {
            let code = ctx.call(sink, Charge).map_or_else(|failure| failure.code(), |()| Code::OK);
            probe.log.note(format!("a read {code}"));
        });
        assert_eq!(world.log.of("a read"), ["a read OK"], "expected an answer");
        assert!(world.ask(caller, Query(2)).is_ok(), "expected the caller to be there");
        world.balanced();
    }
}

/// Lists the answer `()`.
struct Listening(rohrpost::Address, crate::ways::Log);

impl rohrpost::Started for Listening {
    fn started(&mut self, ctx: &mut Context<'_>) {
        let _ = ctx.request(self.0, Charge);
    }
}

impl rohrpost::Answers<()> for Listening {
    fn answered(
        &mut self,
        answer: Result<(), rohrpost::Failure>,
        _request: Option<rohrpost::RequestId>,
        _ctx: &mut Context<'_>,
    ) {
        self.1.note(format!("listening {}", answer.map_or_else(|failure| failure.code(), |()| Code::OK)));
    }
}
rohrpost::handles!(Listening: answers (); hooks started);

#[test]
fn a_typed_requester_whose_answer_has_no_record_is_not_harmed_by_its_own() {
    for mut world in World::both() {
        let sink = world.far("b", accept());
        world.near.register_as("listening", Listening(sink, world.log.clone())).unwrap();
        world.settle();
        assert_eq!(world.log.of("listening"), ["listening OK"], "expected an answer");
        assert!(world.near.resolve("listening").is_ok(), "expected the requester to be there");
        world.balanced();
    }
}

/// Clones what it receives.
struct Copier;

impl Target for Copier {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(copy) = message.try_clone() {
            ctx.send(copy);
        }
        Outcome::Handled
    }
}

#[test]
fn a_record_that_panics_in_clone_harms_only_the_handler_that_clones_it() {
    for mut world in World::both() {
        let copier = world.near.register(Copier).unwrap();
        let sender = world.near("a", handle());
        world.settle();
        world.log.take();
        world.have(sender, move |probe, ctx| {
            let _ = ctx.request(copier, Mine(1)).then_on(probe, |probe: &mut Probe, answer, _ctx| {
                let mut failure = answer.expect_err("expected no answer of a handler that panicked");
                probe.log.note(format!("a read {failure}"));
                // What comes back is intact; it would go off here.
                let _mine = std::mem::ManuallyDrop::new(failure.take_record::<Mine>());
            });
        });
        let expected = ["a read EXCEPTION: the mine 1 went off in `clone`"];
        assert_eq!(world.log.take(), expected, "expected the panic's text");
        assert!(world.ask(sender, Query(2)).is_ok(), "expected the sender to be there");
        world.balanced();
    }
}

#[test]
fn mail_that_panics_in_drop_does_not_hinder_a_namespace_from_closing() {
    for mut world in World::both() {
        let deaf = world.near("deaf", ignore());
        let sender = world.far("a", handle());
        world.settle();
        world.have(sender, move |_, ctx| {
            for number in 0..3 {
                ctx.notify(deaf, Mine(number));
            }
            ctx.stop();
        });
        for number in 3..6 {
            world.kernel.notify(deaf, Mine(number)).unwrap();
        }
        let _ = world.near.close(crate::ways::PATIENCE);
        if world.is_driven() {
            world.settle();
        }
        let there = world.far("other", handle());
        assert!(world.ask(there, Query(3)).is_ok(), "expected the other worker to be there");
        eventually_balanced(&world.kernel);
    }
}
