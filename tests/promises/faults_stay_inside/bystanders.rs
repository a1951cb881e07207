//! What a panic must leave as it was: the thread, its stack, what its targets share, and whoever waits elsewhere.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Wake};

use rohrpost::{Code, OnPanic, Setup};

use crate::hazards::{Fragile, Place};
use crate::ways::{DEPTH, Do, Note, Query, Reply, Shelf, World, handle, hold_on, ignore};

#[test]
fn panics_do_not_use_up_the_nesting() {
    for mut world in World::both() {
        let keep = Setup::new().on_panic(OnPanic::Keep);
        let fragile = world.near.register_with(keep, Fragile::new("fragile", &world.log, Place::Receive)).unwrap();
        let sender = world.near("a", handle());
        world.have(sender, move |_, ctx| (0..100).for_each(|number| ctx.notify(fragile, Note(number))));
        assert_eq!(world.balanced().panics, 100, "expected a hundred panics");
        let below: Vec<_> = (2..DEPTH).map(|_| world.near("below", handle())).collect();
        let top = world.near("top", handle());
        let (first, step) = Do::new(move |probe, ctx| {
            let code = ctx.call(top, Query(1)).map_or_else(|failure| failure.code(), |_| Code::OK);
            probe.log.note(format!("top {code}"));
        })
        .on_top_of(&below, sender);
        world.kernel.notify(first, step).unwrap();
        world.settle();
        assert_eq!(world.log.of("top OK"), ["top OK"], "expected {DEPTH} targets to fit on the stack still");
    }
}

#[test]
fn a_panic_leaves_what_targets_share_on_their_thread_usable() {
    for mut world in World::both() {
        let (first, second) = (world.near("a", handle()), world.near("b", ignore()));
        world.have(second, |_, ctx| {
            let shared = ctx.local::<std::cell::RefCell<Vec<u32>>>();
            let mut numbers = shared.borrow_mut();
            numbers.push(1);
            panic!("with a borrow in hand");
        });
        world.have(first, |probe, ctx| {
            let shared = ctx.local::<std::cell::RefCell<Vec<u32>>>();
            let numbers = shared.try_borrow_mut().expect("expected the borrow to have ended with the panic");
            probe.log.note(format!("a sees {numbers:?}"));
        });
        assert_eq!(world.log.of("a sees"), ["a sees [1]"], "expected the resource as the panic left it");
    }
}

/// Panics when somebody asks for it first.
struct Brittle;

impl Default for Brittle {
    fn default() -> Self {
        panic!("no resource");
    }
}

#[test]
fn a_resource_that_cannot_be_made_harms_only_the_handler_that_asks_for_it() {
    for mut world in World::both() {
        let (first, second) = (world.near("a", handle()), world.near("b", handle()));
        for _ in 0..2 {
            world.have(first, move |_, ctx| {
                let step = Do::new(|_, ctx| drop(ctx.local::<Brittle>()));
                let failure = ctx.call(second, step).expect_err("expected no resource");
                assert!([Code::EXCEPTION, Code::NO_TARGET].contains(&failure.code()), "expected a panic: {failure}");
            });
        }
        assert!(world.ask(first, Query(1)).is_ok(), "expected the thread to go on");
        assert_eq!(world.balanced().panics, 1, "expected one panic");
    }
}

#[test]
fn a_task_that_panics_when_it_is_woken_harms_no_worker() {
    struct Grumpy;
    impl Wake for Grumpy {
        fn wake(self: Arc<Self>) {
            panic!("do not wake me");
        }
    }

    for mut world in World::both() {
        let shelf = Shelf::default();
        let (keeper, releaser) = (world.near("keeper", hold_on(&shelf)), world.near("releaser", handle()));
        let waker = Arc::new(Grumpy).into();
        let mut ask = world.kernel.ask(keeper, Query(1));
        let first = Pin::new(&mut ask).poll(&mut std::task::Context::from_waker(&waker));
        assert!(first.is_pending(), "expected the question to be held");
        world.settle();
        let held = shelf.take().remove(0);
        world.have(releaser, move |_, _| held.answer(Reply(1)));
        assert!(world.ask(releaser, Query(2)).is_ok(), "expected the target that answered to be there");
        match Pin::new(&mut ask).poll(&mut std::task::Context::from_waker(&waker)) {
            Poll::Ready(Ok(Reply(1))) => {}
            other => panic!("expected the answer, not {other:?}"),
        }
        world.balanced();
    }
}
