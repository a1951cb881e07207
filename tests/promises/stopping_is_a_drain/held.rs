//! What a target that goes has held, given away or left behind.

use std::sync::Arc;

use rohrpost::{Address, Code, Context, Message, Outcome, Setup, Target};

use crate::ways::{HOUR, Habit, Note, Probe, Query, Reply, Shelf, World, handle, hold_on, panic_quietly, poll};

#[test]
fn what_a_target_held_comes_back_when_it_goes() {
    for mut world in World::both() {
        let (first, second) = (world.near("a", handle()), world.far("c", handle()));
        let mut kept = Vec::new();
        let keeper: Habit = Box::new(move |message, ctx| {
            kept.extend(ctx.hold(message));
            Outcome::Handled
        });
        let keeper = world.near("keeper", keeper);
        let mut ask = world.kernel.ask(keeper, Query(1));
        assert!(poll(&mut ask).is_none(), "expected the question to be held");
        for sender in [first, second] {
            world.have(sender, move |_, ctx| {
                let _ = ctx.request(keeper, Query(2));
                ctx.notify(keeper, Note(3));
            });
        }
        world.near.deregister(keeper).unwrap();
        world.settle();
        let end = poll(&mut ask).expect("expected an end").map_err(|failure| failure.code());
        assert_eq!(end, Err(Code::STOPPED), "expected the question to end");
        for name in ["a", "c"] {
            let expected = [format!("{name} back 2 STOPPED"), format!("{name} back 3 STOPPED")];
            assert_eq!(world.log.of(&format!("{name} back")), expected, "expected both to come back to `{name}`");
        }
        world.balanced();
    }
}

#[test]
fn a_message_outlives_the_target_that_gave_it_away() {
    for mut world in World::both() {
        let shelf = Shelf::default();
        let keeper = world.near("keeper", hold_on(&shelf));
        let mut ask = world.kernel.ask(keeper, Query(1));
        assert!(poll(&mut ask).is_none(), "expected the question to be held");
        world.settle();
        world.near.deregister(keeper).unwrap();
        world.settle();
        assert!(poll(&mut ask).is_none(), "expected the question to wait for whoever has it now");
        shelf.take().remove(0).answer(Reply(1));
        let end = poll(&mut ask).expect("expected an end");
        assert_eq!(end.ok(), Some(Reply(1)), "expected the answer");
        world.balanced();
    }
}

/// Holds each question until somebody else has answered one of its own. It goes, or panics, when it is told so.
struct Relay(Address);

impl Target for Relay {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        match message.record::<Note>() {
            Some(Note(0)) => ctx.stop(),
            Some(_) => panic_quietly("told so"),
            None => {
                let held = ctx.hold(message).expect("a question can be held");
                let _ = ctx.request(self.0, Query(9)).then_on(self, move |_, _, _| held.answer(Reply(1)));
            }
        }
        Outcome::Handled
    }
}

#[test]
fn what_a_continuation_holds_comes_back_when_its_target_goes_or_is_restarted() {
    for (far, told) in [(false, 0), (false, 1), (true, 0), (true, 1)] {
        for mut world in World::both() {
            let shelf = Shelf::default();
            let keeper = if far { world.far("b", hold_on(&shelf)) } else { world.near("b", hold_on(&shelf)) };
            let relay = world.near.register_factory(Setup::new(), move || Relay(keeper)).unwrap();
            let mut ask = world.kernel.ask(relay, Query(1));
            assert!(poll(&mut ask).is_none(), "expected the question to wait for another answer");
            world.settle();
            world.kernel.notify(relay, Note(told)).unwrap();
            world.settle();
            let end = poll(&mut ask).expect("expected an end").map_err(|failure| failure.code());
            assert_eq!(end, Err(Code::STOPPED), "expected the question back at once (far: {far}, told {told})");
            let answer: Habit = Box::new({
                let shelf = shelf.clone();
                move |_, _| {
                    shelf.take().into_iter().for_each(|held| held.answer(Reply(1)));
                    Outcome::Handled
                }
            });
            let answerer = if far { world.far("c", answer) } else { world.near("c", answer) };
            world.kernel.notify(answerer, Note(1)).unwrap();
            world.settle();
            assert_eq!(world.balanced().dead_answers, 1, "expected the answer to find nobody");
        }
    }
}

#[test]
fn an_answer_on_the_same_thread_ends_its_deadline_though_nobody_is_left_to_hear_it() {
    let mut world = World::driven();
    let shelf = Shelf::default();
    let keeper = world.near("b", hold_on(&shelf));
    let requester = world.near("a", handle());
    world.have(requester, move |_, ctx| {
        let _ = ctx.within(HOUR).request(keeper, Query(1));
        ctx.stop();
    });
    let answerer = world.near("c", handle());
    world.have(answerer, move |_, _| shelf.take().into_iter().for_each(|held| held.answer(Reply(1))));
    world.clock.advance(HOUR);
    world.settle();
    let counters = world.balanced();
    assert_eq!((counters.dead_answers, counters.expired), (1, 0), "expected the answer to be counted once");
}

#[test]
fn what_a_continuation_keeps_is_dropped_when_nobody_is_left_to_call_it() {
    for (far, stop_first) in [(false, false), (false, true), (true, false), (true, true)] {
        for mut world in World::both() {
            let shelf = Shelf::default();
            let keeper = if far { world.far("b", hold_on(&shelf)) } else { world.near("b", hold_on(&shelf)) };
            let requester = world.near("a", handle());
            let kept = Arc::new(());
            let captured = kept.clone();
            world.have(requester, move |probe, ctx| {
                if stop_first {
                    ctx.stop();
                }
                let _ = ctx.request(keeper, Query(1)).then_on(probe, move |_: &mut Probe, _, _| drop(captured));
                ctx.stop();
            });
            shelf.take().into_iter().for_each(|held| held.answer(Reply(1)));
            world.settle();
            let releaser = world.near("releaser", handle());
            world.settle();
            assert!(world.ask(releaser, Query(1)).is_ok(), "expected the thread to go on");
            assert_eq!(Arc::strong_count(&kept), 1, "expected nothing to be left of the continuation (far: {far})");
            assert_eq!(world.balanced().dead_answers, 1, "expected the answer to find nobody");
        }
    }
}
