//! Promise 7: a panic unwinds only the handler that panicked; the message comes back with `EXCEPTION` and the text.
//!
//! Here the handlers; [`records`] has what messages carry, [`together`] what is dropped together, [`held`] what was held,
//! [`lives`] what becomes of the target, [`bystanders`] who else might have been harmed.

mod bystanders;
mod held;
mod lives;
mod records;
mod together;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rohrpost::{BuildError, Code, Context, Kernel, Message, OnPanic, Outcome, Setup, Target};

use crate::hazards::{Fragile, Payload, Place, ends};
use crate::ways::{Do, Log, Note, Probe, Query, Reply, Way, World, handle, panicking};

#[test]
fn a_request_whose_handler_panics_comes_back_with_the_text_on_every_way() {
    for way in Way::ALL {
        for mut world in World::both() {
            let route = world.route(way, panicking("boom"));
            let before = world.balanced();
            world.along(&route, |probe, ctx, to| {
                let _ = ctx.request(to, Query(1)).then_on(probe, |probe, answer, _ctx| {
                    let mut failure = answer.expect_err("expected no answer of a handler that panicked");
                    let record = failure.take_record::<Query>();
                    probe.log.note(format!("a read {failure} with {record:?}"));
                });
            });
            let expected = ["b got 1", "a read EXCEPTION: boom with Some(Query(1))"];
            let lines = ends(&world.log);
            assert_eq!(lines, expected, "expected the request back with the panic's text, and `b` gone, by {way:?}");
            let after = world.balanced();
            assert_eq!(after.panics - before.panics, 1, "expected one panic by {way:?}");
            assert_eq!(after.deregistered - before.deregistered, 1, "expected `b` to be deregistered by {way:?}");
        }
    }
}

#[test]
fn a_notification_whose_handler_panics_comes_back_on_every_way() {
    for way in Way::ALL {
        for mut world in World::both() {
            let route = world.route(way, panicking("boom"));
            world.along(&route, |probe, ctx, to| {
                ctx.notify(to, Note(1));
                probe.log.note("a goes on");
            });
            let mut lines = ends(&world.log);
            lines.sort();
            assert_eq!(lines, ["a back 1 EXCEPTION", "a goes on", "b got 1"], "expected it back by {way:?}");
            world.balanced();
        }
    }
}

#[test]
fn a_question_from_outside_reads_the_text_of_the_panic() {
    for mut world in World::both() {
        let fragile = world.near("b", panicking("the disk is full"));
        let mut failure = world.ask(fragile, Query(7)).expect_err("expected no answer of a handler that panicked");
        assert_eq!(failure.code(), Code::EXCEPTION, "expected the code of a panic: {failure}");
        assert_eq!(failure.text(), "the disk is full", "expected the panic's text");
        assert_eq!(failure.take_record(), Some(Query(7)), "expected the record to come back");
    }
}

#[test]
fn a_caller_goes_on_when_the_called_panics() {
    for mut world in World::both() {
        let called = world.near("b", panicking("boom"));
        let caller = world.near("a", handle());
        world.have(caller, move |probe, ctx| {
            let mut failure = ctx.call(called, Query(3)).expect_err("expected no answer of a handler that panicked");
            probe.log.note(format!("a read {failure} with {:?}", failure.take_record::<Query>()));
            let again = ctx.call(called, Query(4)).expect_err("expected nobody where a target has panicked");
            probe.log.note(format!("a read {}", again.code()));
        });
        let expected = ["b got 3", "a read EXCEPTION: boom with Some(Query(3))", "a read NO_TARGET"];
        assert_eq!(&world.log.take()[2..], expected, "expected the caller to go on");
        world.balanced();
    }
}

#[test]
fn whoever_is_below_a_panic_on_the_stack_goes_on() {
    for mut world in World::both() {
        let third = world.near("c", panicking("boom"));
        let second = world.near(
            "b",
            Box::new(move |message, ctx| {
                ctx.notify(third, Note(2));
                if message.wants_answer() {
                    message.answer(Reply(2));
                }
                Outcome::Handled
            }),
        );
        let first = world.near("a", handle());
        world.settle();
        world.log.take();
        world.have(first, move |probe, ctx| {
            ctx.notify(second, Note(1));
            probe.log.note("a goes on");
        });
        let expected = ["b got 1", "c got 2", "a goes on", "b back 2 EXCEPTION"];
        assert_eq!(world.log.take(), expected, "expected both below the panic to go on");
        assert!(world.ask(second, Query(5)).is_ok(), "expected the target below the panic to be there");
    }
}

#[test]
fn a_panic_in_the_middle_of_a_chain_takes_nothing_back_from_above_or_below() {
    for mut world in World::both() {
        let top = world.near("top", handle());
        let middle = world.near("middle", handle());
        let bottom = world.near("bottom", handle());
        world.settle();
        world.log.take();
        world.have(bottom, move |probe, ctx| {
            let step = move |_: &mut Probe, ctx: &mut Context<'_>| {
                ctx.notify(top, Note(1));
                let _ = ctx.request(top, Query(2));
                panic!("in the middle");
            };
            ctx.notify(middle, Do::new(step));
            ctx.notify(top, Note(3));
            probe.log.note("bottom goes on");
        });
        let lines = world.log.take();
        let expected = ["top got 1", "top got 2", "top got 3", "bottom goes on", "bottom back rohrpost.done EXCEPTION"];
        assert_eq!(lines, expected, "expected what was sent before the panic to arrive, and the rest to go on");
        let counters = world.balanced();
        assert_eq!(counters.dead_answers, 1, "expected the answer to the target that panicked to find nobody");
    }
}

#[test]
fn a_panic_in_answered_harms_only_the_one_that_was_answered() {
    for mut world in World::both() {
        for far in [false, true] {
            let servant = if far { world.far("b", handle()) } else { world.near("b", handle()) };
            let fragile = world.near.register(Fragile::new("a", &world.log, Place::Answered).asking(servant)).unwrap();
            world.settle();
            world.log.take();
            world.kernel.notify(fragile, Note(1)).unwrap();
            world.settle();
            let expected = ["a got 1", "b got 1", "a back 1 OK", "a dropped"];
            assert_eq!(world.log.take(), expected, "expected `a` to go, untold, after its panic");
            assert!(world.ask(servant, Query(2)).is_ok(), "expected the servant to be there");
            let gone = world.ask(fragile, Query(3)).expect_err("expected nobody there");
            assert_eq!(gone.code(), Code::NO_TARGET, "expected nobody where `a` was");
            world.balanced();
        }
    }
}

#[test]
fn a_panic_in_a_continuation_harms_only_the_one_that_was_answered() {
    for mut world in World::both() {
        let servant = world.far("b", handle());
        let fragile = Fragile::new("a", &world.log, Place::Continuation).asking(servant);
        let kept = world.near.register_with(Setup::new().on_panic(OnPanic::Keep), fragile).unwrap();
        world.settle();
        world.log.take();
        for number in [1, 2] {
            world.kernel.notify(kept, Note(number)).unwrap();
            world.settle();
            let expected = [format!("a got {number}"), format!("b got {number}"), "a continued".to_owned()];
            assert_eq!(world.log.take(), expected, "expected a target that is kept to go on after the panic");
        }
        assert_eq!(world.balanced().panics, 2, "expected each panic to be counted");
    }
}

#[test]
fn a_target_that_panics_in_started_is_gone_and_its_mail_comes_back() {
    for mut world in World::both() {
        let fragile = Fragile::new("a", &world.log, Place::Started);
        let address = world.near.register_with(Setup::new().name("fragile"), fragile).unwrap();
        let failure = world.ask(address, Query(1)).expect_err("expected no answer of a target that did not start");
        assert_eq!(failure.code(), Code::NO_TARGET, "expected nobody there: {failure}");
        assert_eq!(world.log.of("a"), ["a started", "a dropped"], "expected no mail, and no farewell");
        let again = world.near.register_as("fragile", Fragile::new("again", &world.log, Place::Nowhere));
        assert_eq!(again, Ok(address), "expected the name to be free again");
        assert_eq!(world.ask(address, Query(2)).ok(), Some(Reply(2)), "expected the second one to answer");
        world.balanced();
    }
}

#[test]
fn a_target_that_panics_in_started_harms_not_the_handler_that_registers_it() {
    for mut world in World::both() {
        let registrar = world.near("a", handle());
        world.have(registrar, |probe, ctx| {
            let address = ctx.register(Fragile::new("b", &probe.log, Place::Started)).unwrap();
            let failure = ctx.call(address, Query(1)).expect_err("expected nobody there");
            probe.log.note(format!("a read {}", failure.code()));
        });
        assert_eq!(world.log.of("a read"), ["a read NO_TARGET"], "expected the registrar to go on");
    }
}

#[test]
fn a_panic_in_stopping_or_drop_lets_the_target_go_all_the_same() {
    for place in [Place::Stopping, Place::Drop] {
        for mut world in World::both() {
            let fragile = Fragile::new("a", &world.log, place);
            let address = world.near.register_with(Setup::new().name("fragile"), fragile).unwrap();
            world.settle();
            world.near.deregister(address).unwrap();
            world.settle();
            let expected = ["a started", "a stopping", "a dropped"];
            assert_eq!(world.log.of("a"), expected, "expected the target to be told and dropped once ({place:?})");
            let again = world.near.register_as("fragile", Fragile::new("again", &world.log, Place::Nowhere));
            assert!(again.is_ok(), "expected the name to be free again: {again:?}");
            let counters = world.balanced();
            assert_eq!((counters.panics, counters.deregistered), (1, 1), "expected one panic, one target gone");
        }
    }
}

#[test]
fn panics_in_stopping_and_drop_do_not_hinder_a_kernel_from_stopping() {
    let log = Log::default();
    let kernel = Kernel::builder("faults").start().unwrap();
    let space = kernel.namespace("space").threads(2).open().unwrap();
    for place in [Place::Stopping, Place::Drop, Place::Nowhere, Place::Stopping, Place::Drop] {
        space.register_with(Setup::new().spread(), Fragile::new("a", &log, place)).unwrap();
    }
    let report = kernel.stop(crate::ways::PATIENCE);
    assert!(report.is_complete(), "expected both threads to end: {report:?}");
    let count = |line: &str| log.of(line).len();
    let told = (count("a stopping"), count("a dropped"));
    assert_eq!(told, (5, 5), "expected every target to be told and dropped");
    assert_eq!(kernel.counters().panics, 4, "expected the panics to be counted");
}

#[test]
fn a_panic_while_targets_are_built_is_the_error_of_whoever_builds() {
    let kernel = Kernel::builder("faults").start().unwrap();
    let space = kernel.namespace("space").open().unwrap();
    let log = Log::default();
    let first = Fragile::new("a", &log, Place::Nowhere);
    let built: Result<(), _> = space.build_on(0, |thread| {
        thread.register_as("first", first)?;
        panic!("no database")
    });
    let failure = built.expect_err("expected no targets");
    assert!(matches!(&failure, BuildError::Panicked(text) if text == "no database"), "expected the text: {failure}");
    let first = space.resolve("first").expect("expected what was built before the panic to stay");
    assert_eq!(kernel.ask(first, Query(1)).timeout(crate::ways::PATIENCE).wait().ok(), Some(Reply(1)));
}

#[test]
fn a_panic_whose_payload_panics_when_it_is_dropped_stays_inside() {
    // A payload of the last kind would never come to an end by itself.
    for (bombs, most) in [(1, 2), (3, 4), (100_000, 1_000)] {
        for mut world in World::both() {
            let dropped = Arc::new(AtomicUsize::new(0));
            let counted = dropped.clone();
            let throw = move || std::panic::panic_any(Payload::new(bombs, &counted));
            let fragile = world.near("b", Box::new(move |_, _| throw()));
            let failure = world.ask(fragile, Query(1)).expect_err("expected no answer of a handler that panicked");
            assert_eq!(failure.code(), Code::EXCEPTION, "expected the code of a panic");
            assert!(!failure.text().is_empty(), "expected some text for a payload that is none");
            let dropped = dropped.load(Ordering::SeqCst);
            assert!(dropped <= most, "expected the payloads to be given up at last, not {dropped} to be dropped");
        }
    }
}

#[test]
fn a_panic_after_forward_brings_the_message_back_to_its_first_sender() {
    for mut world in World::both() {
        let never = world.near("never", handle());
        let gate = world.near(
            "b",
            Box::new(move |message, ctx| {
                ctx.forward(message, never);
                panic!("boom");
            }),
        );
        let failure = world.ask(gate, Query(1)).expect_err("expected no answer of a handler that panicked");
        assert_eq!((failure.code(), failure.text()), (Code::EXCEPTION, "boom"), "expected the panic to prevail");
        assert_eq!(world.log.of("never got"), [""; 0], "expected nothing to be forwarded");
        world.balanced();
    }
}

/// A target type for [`the_type_of_a_panic_does_not_matter`].
struct Thrower(fn());

impl Target for Thrower {
    fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        (self.0)();
        Outcome::Handled
    }
}

#[test]
fn the_type_of_a_panic_does_not_matter() {
    let throws: [(fn(), &str); 4] = [
        (|| panic!("a text"), "a text"),
        (|| panic!("a text of {}", 2), "a text of 2"),
        (|| std::panic::panic_any(3_u8), "a panic without a text"),
        (|| std::panic::resume_unwind(Box::new("resumed")), "resumed"),
    ];
    for (throw, text) in throws {
        let mut world = World::driven();
        let thrower = world.near.register(Thrower(throw)).unwrap();
        let failure = world.ask(thrower, Query(1)).expect_err("expected no answer of a handler that panicked");
        assert_eq!(failure.text(), text, "expected the panic's text, or that it has none");
    }
}
