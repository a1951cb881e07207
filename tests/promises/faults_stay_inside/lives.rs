//! What becomes of a target that panicked: it goes, it is kept, or its factory makes another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rohrpost::{Address, Code, Context, Message, OnPanic, Outcome, RegisterError, Setup, Target};

use crate::hazards::{Fragile, Place};
use crate::ways::{Do, Log, Note, PATIENCE, Probe, Query, Reply, Shelf, World, handle, hold_on, panicking, poll};

/// A target that counts its mail and panics at the number 13. It answers with how much it has seen in this life.
struct Superstitious {
    log: Log,
    life: usize,
    seen: u32,
}

impl Superstitious {
    fn factory(log: &Log, lives: &Arc<AtomicUsize>) -> impl FnMut() -> Self + Send + 'static {
        let (log, lives) = (log.clone(), lives.clone());
        move || Self { log: log.clone(), life: lives.fetch_add(1, Ordering::SeqCst) + 1, seen: 0 }
    }

    fn note(&self, line: &str) {
        self.log.note(format!("life {} {line}", self.life));
    }
}

impl Target for Superstitious {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        self.seen += 1;
        let number = message.record::<Query>().map(|query| query.0);
        let number = number.or_else(|| message.record::<Note>().map(|note| note.0));
        self.note(&format!("got {number:?}"));
        assert_ne!(number, Some(13), "thirteen");
        if number == Some(99) {
            ctx.stop();
        }
        message.answer(Reply(self.seen));
        Outcome::Handled
    }

    fn started(&mut self, _ctx: &mut Context<'_>) {
        self.note("started");
    }

    fn stopping(&mut self, _ctx: &mut Context<'_>) {
        self.note("stopping");
    }
}

impl Drop for Superstitious {
    fn drop(&mut self) {
        self.note("dropped");
    }
}

/// How a message gets to the target: as the first on its thread's stack, or with another thread's help.
fn with_senders(check: impl Fn(&mut World, Address)) {
    for mut world in World::both() {
        let near = world.near("sender", handle());
        check(&mut world, near);
    }
    for mut world in World::both() {
        let far = world.far("sender", handle());
        check(&mut world, far);
    }
}

/// What `sender` reads of a request to `to`.
fn read(world: &mut World, sender: Address, to: Address, number: u32) -> String {
    world.have(sender, move |probe, ctx| {
        let _ = ctx.request(to, Query(number)).then_on(probe, |probe: &mut Probe, answer, _ctx| {
            probe.log.note(match answer {
                Ok(Reply(seen)) => format!("read {seen}"),
                Err(failure) if failure.code() == Code::EXCEPTION => format!("read {failure}"),
                Err(failure) => format!("read {}", failure.code()),
            });
        });
    });
    world.log.of("read").pop().expect("expected an end of the request")
}

#[test]
fn a_target_that_panics_goes_unless_somebody_said_otherwise() {
    with_senders(|world, sender| {
        let target = world.near.register_as("b", Fragile::new("b", &world.log, Place::Receive)).unwrap();
        assert_eq!(read(world, sender, target, 1), "read EXCEPTION: boom");
        assert_eq!(read(world, sender, target, 2), "read NO_TARGET", "expected nobody where a target has panicked");
        let lines = world.log.of("b");
        assert_eq!(lines, ["b started", "b got 1", "b dropped"], "expected no farewell for one that panicked");
        let next = world.near.register_as("b", Fragile::new("next", &world.log, Place::Nowhere));
        assert_eq!(next, Ok(target), "expected the name to be free again");
    });
}

#[test]
fn a_target_that_is_kept_stays_as_the_panic_left_it() {
    with_senders(|world, sender| {
        let mut make = Superstitious::factory(&world.log, &Arc::default());
        let target = world.near.register_with(Setup::new().on_panic(OnPanic::Keep), make()).unwrap();
        assert_eq!(read(world, sender, target, 1), "read 1");
        assert_eq!(read(world, sender, target, 13).split(' ').take(2).last(), Some("EXCEPTION:"));
        assert_eq!(read(world, sender, target, 2), "read 3", "expected the panic to have changed nothing else");
        assert_eq!(world.balanced().restarts, 0, "expected no other life");
    });
}

#[test]
fn a_target_with_a_factory_is_made_anew_under_the_same_address() {
    with_senders(|world, sender| {
        let lives = Arc::default();
        let setup = Setup::new().name("lucky");
        let target = world.near.register_factory(setup, Superstitious::factory(&world.log, &lives)).unwrap();
        let generated = world.near.resolve("lucky").unwrap();
        for life in 1..4 {
            for to in [target, generated] {
                let seen = read(world, sender, to, 1);
                assert!(["read 1", "read 2"].contains(&&*seen), "expected the life {life} to begin anew: {seen}");
            }
            assert!(read(world, sender, generated, 13).contains("EXCEPTION"));
        }
        let expected = ["started", "got Some(1)", "got Some(1)", "got Some(13)", "dropped"];
        assert_eq!(world.log.of("life 2"), expected.map(|line| format!("life 2 {line}")), "expected a whole life");
        let counters = world.balanced();
        assert_eq!((counters.restarts, counters.deregistered), (3, 0), "expected three restarts and nobody to go");
    });
}

#[test]
fn a_factory_does_not_restart_what_is_to_be_kept_or_to_go() {
    let mut world = World::driven();
    let sender = world.near("sender", handle());
    let lives = Arc::default();
    let keep = Setup::new().on_panic(OnPanic::Keep);
    let kept = world.near.register_factory(keep, Superstitious::factory(&world.log, &lives)).unwrap();
    assert!(read(&mut world, sender, kept, 13).contains("EXCEPTION"));
    assert_eq!(read(&mut world, sender, kept, 1), "read 2", "expected the first life to go on");
    let restart = Setup::new().on_panic(OnPanic::Restart);
    let plain = world.near.register_with(restart, Fragile::new("b", &world.log, Place::Receive)).unwrap();
    assert!(read(&mut world, sender, plain, 1).contains("EXCEPTION"));
    assert_eq!(read(&mut world, sender, plain, 1), "read NO_TARGET", "expected nobody to restart without a factory");
}

#[test]
fn mail_that_waited_for_a_target_is_delivered_to_its_next_life() {
    for mut world in World::both() {
        let target = world.near.register_factory(Setup::new(), Superstitious::factory(&world.log, &Arc::default()));
        let target = target.unwrap();
        let sender = world.near("a", handle());
        world.settle();
        world.log.take();
        // The depth of the stack makes the mail wait.
        let below: Vec<Address> = (1..crate::ways::DEPTH).map(|_| world.near("below", handle())).collect();
        let (first, step) = Do::new(move |_, ctx| {
            for number in [1, 13, 2, 3] {
                ctx.notify(target, Note(number));
            }
        })
        .on_top_of(&below, sender);
        world.kernel.notify(first, step).unwrap();
        world.settle();
        let got = |life| world.log.of(&format!("life {life} got")).len();
        assert_eq!((got(1), got(2)), (2, 2), "expected what was behind the panic in the second life");
        assert_eq!(world.log.of("a back"), ["a back 13 EXCEPTION"], "expected what caused the panic to come back");
        world.balanced();
    }
}

#[test]
fn an_answer_to_an_earlier_life_reaches_nobody() {
    with_senders(|world, keeper| {
        let shelf = Shelf::default();
        let held_by = if keeper.nid() == world.near.address().nid() {
            world.near("keeper", hold_on(&shelf))
        } else {
            world.far("keeper", hold_on(&shelf))
        };
        let log = world.log.clone();
        let make = move || Probe::new("b", &log, panicking("boom"));
        let target = world.near.register_factory(Setup::new(), make).unwrap();
        world.have(target, move |probe, ctx| {
            let _ = ctx.request(held_by, Query(1));
            let _ = ctx.request(held_by, Query(2)).then_on(probe, |probe: &mut Probe, _, _| probe.note_life());
            ctx.notify(held_by, Note(3));
        });
        world.kernel.notify(target, Note(0)).unwrap();
        world.settle();
        assert_eq!(world.kernel.counters().restarts, 1, "expected a second life");
        let held = shelf.take();
        assert_eq!(held.len(), 3, "expected all three to be held");
        let before = world.kernel.counters();
        for held in held {
            let number = held.record::<Query>().map(|query| query.0);
            match number {
                Some(number) => held.answer(Reply(number)),
                None => held.finish(Code::DENIED),
            }
        }
        world.settle();
        assert_eq!(world.log.of("b back"), [""; 0], "expected the second life not to get the first one's mail");
        assert_eq!(world.log.of("b continued"), [""; 0], "expected the first life's continuation not to be called");
        let after = world.balanced();
        let dead = (after.dead_answers - before.dead_answers, after.dead_letters - before.dead_letters);
        assert_eq!(dead, (2, 1), "expected two dead answers and a dead letter");
        assert!(world.ask(target, Query(4)).is_err(), "expected the second life to panic as well");
    });
}

impl Probe {
    fn note_life(&self) {
        self.log.note("b continued");
    }
}

#[test]
fn a_factory_that_panics_at_first_registers_nobody() {
    for mut world in World::both() {
        let factory = || -> Probe { panic!("no parts") };
        // Its panic comes to light on its thread, when whoever registers has gone on.
        let address = world.near.register_factory(Setup::new().name("b"), factory).unwrap();
        world.settle();
        let failure = world.ask(address, Query(1)).expect_err("expected nobody there");
        assert_eq!(failure.code(), Code::NO_TARGET, "expected nobody under the name");
        let log = world.log.clone();
        let next = world.near.register_as("b", Probe::new("b", &log, handle()));
        assert_eq!(next, Ok(address), "expected the name to be free again");
        assert!(world.ask(address, Query(1)).is_ok(), "expected the second one to answer");
        assert_eq!(world.balanced().panics, 1, "expected one panic");
    }
}

#[test]
fn a_factory_that_panics_at_first_is_an_error_on_its_own_thread() {
    for mut world in World::both() {
        let registrar = world.near("a", handle());
        world.have(registrar, |probe, ctx| {
            let setup = Setup::new().name("b");
            let refused = ctx.thread().register_factory(setup, || -> Probe { panic!("no parts") });
            assert_eq!(refused, Err(RegisterError::Panicked("no parts".into())), "expected the panic's text");
            let next = ctx.register_as("b", Probe::new("b", &probe.log, handle()));
            assert!(next.is_ok(), "expected the name to be free: {next:?}");
        });
        assert_eq!(world.log.of("a back"), [""; 0], "expected the registrar to see what it expected");
    }
}

#[test]
fn a_factory_that_panics_later_lets_the_target_go() {
    with_senders(|world, sender| {
        let mut parts = 1;
        let log = world.log.clone();
        let factory = move || {
            assert!(parts > 0, "no parts left");
            parts -= 1;
            Fragile::new("b", &log, Place::Receive)
        };
        let target = world.near.register_factory(Setup::new().name("b"), factory).unwrap();
        assert_eq!(read(world, sender, target, 1), "read EXCEPTION: boom");
        assert_eq!(read(world, sender, target, 2), "read NO_TARGET", "expected nobody without a second life");
        assert_eq!(world.log.of("b"), ["b started", "b got 1", "b dropped"], "expected one life");
        let next = world.near.register_as("b", Fragile::new("next", &world.log, Place::Nowhere));
        assert_eq!(next, Ok(target), "expected the name to be free again");
        let counters = world.balanced();
        assert_eq!((counters.panics, counters.restarts), (2, 0), "expected two panics and no restart");
    });
}

#[test]
fn a_target_whose_drop_panics_is_made_anew_all_the_same() {
    with_senders(|world, sender| {
        let log = world.log.clone();
        let mut lives = 0;
        let factory = move || {
            lives += 1;
            Brittle { log: log.clone(), panics: lives == 1 }
        };
        let target = world.near.register_factory(Setup::new(), factory).unwrap();
        assert!(read(world, sender, target, 1).contains("EXCEPTION"));
        assert_eq!(read(world, sender, target, 2), "read 2", "expected the second life to answer");
        assert_eq!(world.balanced().panics, 2, "expected the handler's panic and that of `drop`");
    });
}

/// Panics in its handler and its `Drop`, or in neither.
struct Brittle {
    log: Log,
    panics: bool,
}

impl Target for Brittle {
    fn receive(&mut self, message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        assert!(!self.panics, "in the handler");
        let number = message.record::<Query>().map_or(0, |query| query.0);
        message.answer(Reply(number));
        Outcome::Handled
    }
}

impl Drop for Brittle {
    fn drop(&mut self) {
        self.log.note("brittle dropped");
        assert!(!self.panics || std::thread::panicking(), "in `drop`");
    }
}

#[test]
fn a_target_that_panics_in_started_again_and_again_starves_nobody() {
    for mut world in World::both() {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = tries.clone();
        let log = world.log.clone();
        let factory = move || {
            let place = if counted.fetch_add(1, Ordering::SeqCst) < 5_000 { Place::Started } else { Place::Nowhere };
            Fragile::new("b", &log, place)
        };
        let target = world.near.register_factory(Setup::new(), factory).unwrap();
        let other = world.near("a", handle());
        assert_eq!(world.ask(other, Query(1)).ok(), Some(Reply(1)), "expected others on the thread to be served");
        world.settle();
        assert_eq!(world.ask(target, Query(2)).ok(), Some(Reply(2)), "expected the life that starts to answer");
        world.balanced();
    }
}

#[test]
fn a_target_that_deregistered_itself_before_its_panic_is_not_made_anew() {
    for mut world in World::both() {
        let lives = Arc::new(AtomicUsize::new(0));
        let counted = lives.clone();
        let log = world.log.clone();
        let habit = || -> crate::ways::Habit {
            Box::new(|_, ctx| {
                ctx.stop();
                panic!("boom");
            })
        };
        let factory = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Probe::new("b", &log, habit())
        };
        let target = world.near.register_factory(Setup::new().name("b"), factory).unwrap();
        let failure = world.ask(target, Query(1)).expect_err("expected no answer of a handler that panicked");
        assert_eq!(failure.code(), Code::EXCEPTION, "expected the code of the panic");
        let failure = world.ask(target, Query(1)).expect_err("expected nobody there");
        assert_eq!(failure.code(), Code::NO_TARGET, "expected nobody there");
        assert_eq!(lives.load(Ordering::SeqCst), 1, "expected no second life");
    }
}

#[test]
fn a_restart_ends_what_the_earlier_life_held() {
    for mut world in World::both() {
        let log = world.log.clone();
        let target =
            world.near.register_factory(Setup::new(), move || Probe::new("b", &log, hold_in_itself())).unwrap();
        let mut waiting = world.kernel.ask(target, Query(1));
        assert!(poll(&mut waiting).is_none(), "expected the question to wait");
        world.settle();
        world.have(target, |_, _| panic!("boom"));
        let failure = poll(&mut waiting).expect("expected an end").expect_err("expected no answer");
        assert_eq!(failure.code(), Code::STOPPED, "expected the code of a holder that is gone");
        world.balanced();
    }
}

/// Holds everything until the target goes.
fn hold_in_itself() -> crate::ways::Habit {
    let mut held = Vec::new();
    Box::new(move |message, ctx| {
        held.extend(ctx.hold(message));
        Outcome::Handled
    })
}

#[test]
fn restarts_during_a_stop_do_not_hinder_it() {
    let log = Log::default();
    let kernel = rohrpost::Kernel::builder("lives").start().unwrap();
    let space = kernel.namespace("space").open().unwrap();
    let made = log.clone();
    space.register_factory(Setup::new(), move || Fragile::new("b", &made, Place::Stopping)).unwrap();
    let report = kernel.stop(PATIENCE);
    assert!(report.is_complete(), "expected the thread to end: {report:?}");
    assert_eq!(log.of("b stopping").len(), 1, "expected a target that goes not to be made anew");
    assert_eq!(kernel.counters().restarts, 0, "expected no restart");
}
