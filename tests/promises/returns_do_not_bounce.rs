//! Promise 6: an answer or a returned message is never returned; if the sender is gone, or was restarted meanwhile, it
//! is counted as a dead letter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rohrpost::{Address, Code, Context, HoldError, Message, OnPanic, Outcome, Setup, Target};

use crate::probes::panic_quietly;
use crate::ways::{Do, Note, PATIENCE, Probe, Query, Reply, Shelf, Way, World, handle, hold_on, ignore, poll};

/// What the counters have more than before.
struct Since(rohrpost::Counters);

impl Since {
    fn now(world: &World) -> Self {
        Self(world.kernel.counters())
    }

    fn dead(&self, world: &World) -> (u64, u64) {
        let now = world.balanced();
        (now.dead_letters - self.0.dead_letters, now.dead_answers - self.0.dead_answers)
    }
}

/// `a` sends a request that `b` handles, one that it does not, and a notification that it does not; then `a` goes.
fn send_three(me: &Probe, ctx: &Context<'_>, to: Address) {
    let _ = ctx.request(to, Query(1));
    let _ = ctx.request(to, Note(2));
    ctx.notify(to, Note(3));
    let log = me.log.clone();
    ctx.request(to, Query(4)).then_on(me, move |_, _, _| log.note("a continues"));
}

/// Handles [`Query`] only.
fn queries_only(message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
    if message.record::<Query>().is_some() {
        message.answer(Reply(0));
        return Outcome::Handled;
    }
    Outcome::NotHandled
}

#[test]
fn what_comes_back_to_a_sender_that_has_gone_is_a_dead_letter_on_every_way() {
    for way in Way::ALL {
        for mut world in World::both() {
            let route = world.route(way, Box::new(queries_only));
            let before = Since::now(&world);
            world.along(&route, |me, ctx, to| {
                send_three(me, ctx, to);
                ctx.stop();
            });
            assert_eq!(world.log.of("a "), ["a stopping"], "expected nothing to come back to nobody, by {way:?}");
            // Of a target's own mail `Do` is handled; what it sent to another is one of these.
            assert_eq!(before.dead(&world), (2, 2), "expected two dead letters and two dead answers, by {way:?}");
        }
    }
}

#[test]
fn what_an_earlier_life_sent_does_not_come_back_to_its_successor_on_any_way() {
    for way in Way::ALL {
        for mut world in World::both() {
            let shelf = Shelf::default();
            let route = world.route(way, hold_on(&shelf));
            let log = world.log.clone();
            let make = move || Probe::new("phoenix", &log, handle());
            let phoenix = world.near.register_factory(Setup::new(), make).unwrap();
            world.settle();
            world.log.take();
            let before = Since::now(&world);
            world.as_probe(&route, phoenix, |me, ctx, to| send_three(me, ctx, to));
            world.have(phoenix, |_, _| panic_quietly("and rises again"));
            world.as_probe(&route, phoenix, |_, ctx, to| drop(ctx.request(to, Query(5))));
            for held in shelf.take() {
                match held.record::<Query>() {
                    Some(&Query(number)) => held.answer(Reply(number)),
                    None => drop(held),
                }
            }
            world.settle();
            let lines = world.log.of("phoenix ");
            let expected = ["phoenix started", "phoenix back 5 OK"];
            assert_eq!(lines, expected, "expected the new life to get what it asked itself, by {way:?}");
            assert_eq!(world.log.of("a continues"), [""; 0], "expected no continuation of an earlier life, by {way:?}");
            let (letters, answers) = before.dead(&world);
            // The `Do` that panicked had no sender, so it is a dead letter, too.
            assert_eq!((letters, answers), (3, 2), "expected the mail of the earlier life to be dead, by {way:?}");
        }
    }
}

#[test]
fn mail_that_an_earlier_life_sent_in_the_very_handler_that_panicked_does_not_reach_the_successor() {
    for way in Way::ALL {
        for mut world in World::both() {
            let route = world.route(way, Box::new(queries_only));
            let log = world.log.clone();
            let make = move || Probe::new("phoenix", &log, handle());
            let phoenix = world.near.register_factory(Setup::new().on_panic(OnPanic::Restart), make).unwrap();
            world.settle();
            world.log.take();
            let panics = world.balanced().panics;
            world.as_probe(&route, phoenix, |me, ctx, to| {
                send_three(me, ctx, to);
                panic_quietly("having sent");
            });
            assert_eq!(world.log.of("phoenix "), ["phoenix started"], "expected nothing to come back, by {way:?}");
            let counters = world.balanced();
            assert_eq!(counters.panics - panics, 1, "expected one panic, by {way:?}");
            assert_eq!(counters.restarts, counters.panics, "expected a restart after it, by {way:?}");
        }
    }
}

#[test]
fn a_target_that_panicked_and_was_kept_is_the_same_sender_still() {
    for way in Way::ALL {
        let mut world = World::driven();
        let route = world.route(way, Box::new(queries_only));
        let setup = Setup::new().on_panic(OnPanic::Keep);
        let keeper = world.near.register_with(setup, Probe::new("kept", &world.log, handle())).unwrap();
        world.settle();
        world.log.take();
        world.as_probe(&route, keeper, |_, ctx, to| {
            let _ = ctx.request(to, Query(1));
            ctx.notify(to, Note(2));
            panic_quietly("and goes on");
        });
        // A tick that panics comes back to its target, which is its sender.
        let tick = (way == Way::OnATick).then_some("kept back rohrpost.done EXCEPTION");
        let expected: Vec<_> = ["kept back 0 OK", "kept back 2 NOT_HANDLED"].into_iter().chain(tick).collect();
        assert_eq!(world.log.of("kept "), expected, "expected what it sent to come back, by {way:?}");
    }
}

#[test]
fn the_next_target_in_the_same_place_gets_nothing_of_its_predecessor() {
    for far in [false, true] {
        for mut world in World::both() {
            let shelf = Shelf::default();
            let habit = hold_on(&shelf);
            let b = if far { world.far("b", habit) } else { world.near("b", habit) };
            let mut gone = Vec::new();
            let before = Since::now(&world);
            for _ in 0..50 {
                let one = world.near("one", handle());
                world.have(one, move |_, ctx| {
                    let _ = ctx.request(b, Query(1));
                    ctx.notify(b, Note(2));
                    ctx.stop();
                });
                assert!(!gone.contains(&one), "expected an address that was never used before");
                gone.push(one);
            }
            let heir = world.near("heir", handle());
            world.settle();
            world.log.take();
            for held in shelf.take() {
                match held.record::<Query>() {
                    Some(_) => held.answer(Reply(1)),
                    None => held.finish(Code::DENIED),
                }
            }
            // Mail to those who are gone reaches nobody either.
            let sender = world.near("sender", handle());
            world.have(sender, move |_, ctx| gone.into_iter().for_each(|one| ctx.notify(one, Note(3))));
            world.settle();
            assert_eq!(world.log.of("heir got"), [""; 0], "expected no mail for the heir {heir}, far: {far}");
            assert_eq!(world.log.of("heir back"), [""; 0], "expected no answers for the heir {heir}, far: {far}");
            assert_eq!(world.log.of("sender back 3 NO_TARGET").len(), 50, "expected all of it back, far: {far}");
            assert_eq!(before.dead(&world), (50, 50), "expected all answers and returns to be dead, far: {far}");
        }
    }
}

#[test]
fn what_comes_back_to_a_closed_namespace_is_dead_and_harms_no_namespace_opened_anew() {
    let mut world = World::threaded();
    let shelf = Shelf::default();
    let b = world.far("b", hold_on(&shelf));
    let first = world.kernel.namespace("short").open().unwrap();
    let a = first.register(Probe::new("a", &world.log, handle())).unwrap();
    world.kernel.notify(a, Do::new(move |me, ctx| send_three(me, ctx, b))).unwrap();
    world.log.wait_until(|lines| lines.iter().filter(|line| line.starts_with("b got")).count() == 4);
    world.settle();
    assert!(first.close(PATIENCE).is_complete(), "expected the thread to end");
    let second = world.kernel.namespace("short").open().unwrap();
    let heir = second.register(Probe::new("heir", &world.log, handle())).unwrap();
    let before = Since::now(&world);
    for held in shelf.take() {
        match held.record::<Query>() {
            Some(_) => held.answer(Reply(1)),
            None => drop(held),
        }
    }
    assert_eq!(world.ask(heir, Query(9)).unwrap(), Reply(9), "expected the new thread to be well");
    // The heir's own requests are answered as ever.
    world.kernel.notify(heir, Do::new(move |_, ctx| drop(ctx.request(b, Query(5))))).unwrap();
    world.log.wait_until(|lines| lines.iter().any(|line| line == "b got 5"));
    world.settle();
    shelf.take().pop().unwrap().answer(Reply(5));
    world.log.wait_until(|lines| lines.iter().any(|line| line == "heir back 5 OK"));
    assert_eq!(world.log.of("heir back"), ["heir back 5 OK"], "expected nothing of the predecessor's");
    assert_eq!(world.log.of("a continues"), [""; 0], "expected no continuation of the predecessor's");
    world.settle();
    assert_eq!(before.dead(&world), (2, 2), "expected what came back too late to be dead");
}

/// Does to what comes back whatever could make it travel again.
struct Stubborn {
    log: crate::ways::Log,
    panics: Arc<AtomicBool>,
}

impl Target for Stubborn {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let Some(&Note(_)) = message.record() else {
            return Outcome::NotHandled;
        };
        let nobody: Address = "nobody".parse().unwrap();
        ctx.notify(nobody, Note(1));
        let _ = ctx.request(nobody, Query(2));
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        self.log.note(format!("back {}", crate::ways::label(answer)));
        assert_eq!(ctx.hold(answer).map(drop), Err(HoldError::Taken), "expected an answer not to be held");
        ctx.forward(answer, ctx.address());
        answer.set_code(Code::application(1));
        answer.fail(Code::BUSY.into());
        answer.answer(Reply(1));
        answer.set_code(Code::NOT_HANDLED);
        if self.panics.load(Ordering::SeqCst) {
            panic_quietly("over an answer");
        }
    }
}

#[test]
fn nothing_that_is_done_to_a_returned_message_sends_it_anywhere() {
    for panics in [false, true] {
        for mut world in World::both() {
            let flag = Arc::new(AtomicBool::new(panics));
            let stubborn = Stubborn { log: world.log.clone(), panics: flag };
            let setup = Setup::new().on_panic(OnPanic::Keep);
            let stubborn = world.near.register_with(setup, stubborn).unwrap();
            world.kernel.notify(stubborn, Note(0)).unwrap();
            world.settle();
            assert_eq!(world.log.lines(), ["back 1", "back 2"], "expected both back once, panics: {panics}");
            let counters = world.balanced();
            assert_eq!(counters.panics, if panics { 2 } else { 0 }, "expected the assertions to hold");
            assert_eq!((counters.returned, counters.dead_letters), (2, 0), "expected two returns: {counters:?}");
        }
    }
}

#[test]
fn a_sender_that_panics_over_what_comes_back_and_goes_does_not_send_it_back() {
    for mut world in World::both() {
        let stubborn = Stubborn { log: world.log.clone(), panics: Arc::new(AtomicBool::new(true)) };
        let stubborn = world.near.register(stubborn).unwrap();
        world.kernel.notify(stubborn, Note(0)).unwrap();
        world.settle();
        assert_eq!(world.log.lines(), ["back 1"], "expected the first to be the last");
        let counters = world.balanced();
        assert_eq!((counters.returned, counters.dead_letters), (1, 1), "expected the second to be dead: {counters:?}");
    }
}

#[test]
fn mail_that_a_target_sends_in_stopping_finds_it_gone_when_it_comes_back() {
    /// Sends to whom it knows when it stops.
    struct Leaves(Address);
    impl Target for Leaves {
        fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            Outcome::Handled
        }

        fn answered(&mut self, _answer: &mut Message<'_>, _ctx: &mut Context<'_>) {
            panic!("nothing can come back to a target that has gone");
        }

        fn stopping(&mut self, ctx: &mut Context<'_>) {
            let _ = ctx.request(self.0, Query(1));
            ctx.notify(self.0, Note(2));
            let _ = ctx.request(ctx.address(), Query(3));
        }
    }

    for far in [false, true] {
        for mut world in World::both() {
            let b = if far { world.far("b", Box::new(queries_only)) } else { world.near("b", Box::new(queries_only)) };
            let leaves = world.near.register(Leaves(b)).unwrap();
            world.settle();
            let before = Since::now(&world);
            world.near.deregister(leaves).unwrap();
            world.settle();
            assert_eq!(world.log.of("b got"), ["b got 1", "b got 2"], "expected its mail to arrive, far: {far}");
            assert_eq!(before.dead(&world), (2, 1), "expected what came back to be dead, far: {far}");
            assert_eq!(world.balanced().panics, 0, "expected nothing to reach it, far: {far}");
        }
    }
}

#[test]
fn the_end_of_a_question_that_nobody_waits_for_any_more_is_late_or_dead() {
    for mut world in World::both() {
        let shelf = Shelf::default();
        let b = world.near("b", hold_on(&shelf));
        let before = world.kernel.counters();
        for number in 0..4 {
            let mut ask = world.kernel.ask(b, Query(number));
            assert!(poll(&mut ask).is_none(), "expected it to be under way");
            drop(ask);
        }
        world.settle();
        for (number, held) in shelf.take().into_iter().enumerate() {
            if number % 2 == 0 { held.answer(Reply(0)) } else { drop(held) }
        }
        world.settle();
        let counters = world.balanced();
        let late = counters.late_answers - before.late_answers;
        let dead = counters.dead_letters - before.dead_letters;
        assert_eq!((late, dead), (2, 2), "expected two late answers and two dead letters");
    }
}

#[test]
fn an_answer_that_nobody_lists_is_counted_and_not_returned() {
    #[derive(Default)]
    struct Deaf;
    impl rohrpost::Handle<Note> for Deaf {
        fn handle(&mut self, _note: &Note, ctx: &mut Context<'_>) -> Result<(), rohrpost::Failure> {
            let nobody: Address = "nobody".parse().unwrap();
            ctx.notify(nobody, Note(1));
            let _ = ctx.request(ctx.address(), Note(2));
            Ok(())
        }
    }
    rohrpost::handles!(Deaf: Note);

    let mut world = World::driven();
    let deaf = world.near.register(Deaf).unwrap();
    world.kernel.notify(deaf, Note(0)).unwrap();
    // Its request to itself makes another one, and so on, so it goes after the first turns.
    for _ in 0..4 {
        world.worker(0).run_once();
    }
    world.near.deregister(deaf).unwrap();
    world.settle();
    let counters = world.balanced();
    assert!(counters.ignored > 0, "expected answers and returns that it does not list: {counters:?}");
    assert_eq!(counters.panics, 0, "expected nothing else: {counters:?}");
}

#[test]
fn a_returned_message_of_a_forwarded_one_goes_to_its_first_sender_only() {
    for mut world in World::both() {
        let a = world.near("a", handle());
        let b = world.far("b", ignore());
        let gate = world.near("gate", crate::ways::forward_to(b));
        world.have(a, move |_, ctx| {
            ctx.notify(gate, Note(1));
            let _ = ctx.request(gate, Query(2));
        });
        let expected = ["a back 1 NOT_HANDLED", "a back 2 NOT_HANDLED"];
        assert_eq!(world.log.of("a back"), expected, "expected the first sender to get them");
        assert_eq!(world.log.of("gate back"), [""; 0], "expected the forwarder to get nothing");
    }
}
