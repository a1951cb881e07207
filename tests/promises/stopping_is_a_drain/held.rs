//! What a target that goes has held, given away or left behind.

use std::sync::Arc;

use rohrpost::{Code, Outcome};

use crate::ways::{Note, Probe, Query, Reply, Shelf, World, handle, hold_on, poll};

#[test]
fn what_a_target_held_comes_back_when_it_goes() {
    for mut world in World::both() {
        let (first, second) = (world.near("a", handle()), world.far("c", handle()));
        let mut kept = Vec::new();
        let keeper: crate::ways::Habit = Box::new(move |message, ctx| {
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
