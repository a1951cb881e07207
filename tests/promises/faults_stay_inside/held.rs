//! Messages that somebody held when he panicked.

use rohrpost::{Code, Context, Held, Later, OnPanic, Outcome, Setup, handles, record};

use crate::ways::{Reply, World, poll};

#[derive(Debug)]
struct Slow(u32);
record!(Slow, "faults.later" => Reply, no_clone);

struct Keeper {
    kept: Vec<Held<Slow>>,
}

impl Later<Slow> for Keeper {
    fn handle(&mut self, held: Held<Slow>, _ctx: &mut Context<'_>) {
        match held.0 {
            0 => panic!("with the message in hand"),
            1 => {
                self.kept.push(held);
                panic!("with the message put by");
            }
            _ => held.answer(Reply(2)),
        }
    }
}
handles!(Keeper: later Slow);

#[test]
fn a_panic_with_a_held_message_in_hand_returns_it_with_exception() {
    for mut world in World::both() {
        let keeper = world.near.register(Keeper { kept: Vec::new() }).unwrap();
        let failure = world.ask(keeper, Slow(0)).expect_err("expected no answer of a handler that panicked");
        assert_eq!(failure.code(), Code::EXCEPTION, "expected the code of a panic: {failure}");
        world.balanced();
    }
}

#[test]
fn a_panic_with_a_held_message_in_hand_returns_it_with_the_text() {
    for mut world in World::both() {
        let keeper = world.near.register(Keeper { kept: Vec::new() }).unwrap();
        let failure = world.ask(keeper, Slow(0)).expect_err("expected no answer of a handler that panicked");
        assert_eq!(failure.text(), "with the message in hand", "expected the panic's text: {failure}");
    }
}

#[test]
fn a_message_that_was_put_by_returns_when_its_holder_goes() {
    for mut world in World::both() {
        let keeper = world.near.register(Keeper { kept: Vec::new() }).unwrap();
        let failure = world.ask(keeper, Slow(1)).expect_err("expected no answer of a holder that is gone");
        assert_eq!(failure.code(), Code::STOPPED, "expected the code of a holder that goes: {failure}");
        let (policy, keeper) = (Setup::new().on_panic(OnPanic::Keep), Keeper { kept: Vec::new() });
        let kept = world.near.register_with(policy, keeper).unwrap();
        let mut waiting = world.kernel.ask(kept, Slow(1));
        assert!(poll(&mut waiting).is_none(), "expected the question to wait");
        world.settle();
        assert_eq!(world.ask(kept, Slow(2)).ok(), Some(Reply(2)), "expected a holder that is kept to go on");
        assert!(poll(&mut waiting).is_none(), "expected a holder that is kept to hold still");
        world.near.deregister(kept).unwrap();
        world.settle();
        let failure = poll(&mut waiting).expect("expected an end").expect_err("expected no answer");
        assert_eq!(failure.code(), Code::STOPPED, "expected the code of a holder that goes: {failure}");
        world.balanced();
    }
}

#[test]
fn a_panic_that_the_handler_catches_itself_returns_what_it_dropped() {
    for mut world in World::both() {
        let careful = world.near(
            "b",
            Box::new(|message, ctx| {
                let held = ctx.hold(message).expect("expected the message to be held");
                let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                    let _held = held;
                    panic!("caught at once");
                }));
                assert!(caught.is_err(), "expected a panic");
                Outcome::Handled
            }),
        );
        let failure = world.ask(careful, Slow(1)).expect_err("expected no answer");
        let codes = [Code::EXCEPTION, Code::NOT_HANDLED];
        assert!(codes.contains(&failure.code()), "expected the message to come back: {failure}");
        assert!(world.ask(careful, Slow(2)).is_err(), "expected the target to be there, and to do the same again");
        let counters = world.balanced();
        assert_eq!(counters.panics, 0, "expected a panic that the handler caught to be its own affair");
    }
}

#[test]
fn what_is_answered_while_a_panic_unwinds_is_answered() {
    struct AnswersInDrop(Option<Held<Slow>>);
    impl Drop for AnswersInDrop {
        fn drop(&mut self) {
            if let Some(held) = self.0.take() {
                held.answer(Reply(3));
            }
        }
    }
    impl Later<Slow> for AnswersInDrop {
        fn handle(&mut self, held: Held<Slow>, _ctx: &mut Context<'_>) {
            let _guard = Self(Some(held));
            panic!("boom");
        }
    }
    handles!(AnswersInDrop: later Slow);

    for mut world in World::both() {
        let target = world.near.register(AnswersInDrop(None)).unwrap();
        assert_eq!(world.ask(target, Slow(1)).ok(), Some(Reply(3)), "expected the answer that was given");
        world.balanced();
    }
}
