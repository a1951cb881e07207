//! Messages that somebody held when he panicked.

use rohrpost::{Code, Context, Held, Later, OnPanic, Setup, handles, record};

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
