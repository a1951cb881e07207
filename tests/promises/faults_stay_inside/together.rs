//! Several values that panic in `Drop` and are dropped together: a second panic must not meet the first one.

use rohrpost::{Address, Code, Context, Failure, Handle, Message, OnPanic, Outcome, Setup, Target, handles};

use crate::hazards::{Charge, Mine};
use crate::ways::{Note, PATIENCE, Probe, Query, Shelf, World, handle, hold_on};

/// Answers all that it receives with `()`.
struct Curt;

impl Target for Curt {
    fn receive(&mut self, message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        message.answer(());
        Outcome::Handled
    }
}

/// Answers each record with one of its kind.
struct Typed;

impl Handle<Mine> for Typed {
    fn handle(&mut self, mine: &Mine, _ctx: &mut Context<'_>) -> Result<Mine, Failure> {
        Ok(Mine(mine.0 + 10))
    }
}
handles!(Typed: Mine);

/// One of `near` and `far` that is kept when it panics.
fn kept(world: &World, far: bool, target: impl Target + Send) -> Address {
    let space = if far { &world.far } else { &world.near };
    space.register_with(Setup::new().on_panic(OnPanic::Keep), target).unwrap()
}

/// Ends a world; the panics that it has counted by then.
fn panics_until_the_end_of(world: World) -> u64 {
    let kernel = world.kernel.clone();
    if world.is_driven() {
        drop(world);
    } else {
        assert!(kernel.stop(PATIENCE).is_complete(), "expected the worker to end");
    }
    kernel.counters().panics
}

/// Sends what `make` makes and returns how it ended for its sender.
fn end_of(world: &mut World, make: impl FnOnce() -> Message<'static> + Send + 'static) -> Vec<String> {
    let sender = world.near("a", handle());
    world.settle();
    world.log.take();
    world.have(sender, move |_, ctx| {
        let _ = ctx.send(make());
    });
    let ends = world.log.of("a back");
    assert!(world.ask(sender, Query(1)).is_ok(), "expected the sender to be there: {ends:?}");
    ends
}

#[test]
fn every_record_of_a_message_that_is_answered_may_panic_in_drop() {
    for far in [false, true] {
        for mut world in World::both() {
            let curt = kept(&world, far, Curt);
            let ends = end_of(&mut world, move || Message::request(curt, Mine(1)).and(Mine(2)).and(Mine(3)));
            assert_eq!(ends, ["a back rohrpost.done EXCEPTION"], "expected what one such record does (far: {far})");
            assert!(world.ask(curt, Note(2)).is_ok(), "expected the target that answered to be there");
            world.balanced();
        }
    }
}

/// Has a typed target answer two such records and whatever `add` adds, and expects it to be there afterwards.
fn have_typed_answer(add: fn(Message<'static>) -> Message<'static>) {
    for far in [false, true] {
        for mut world in World::both() {
            let typed = kept(&world, far, Typed);
            let ends = end_of(&mut world, move || add(Message::request(typed, Mine(1)).and(Mine(2))));
            assert_eq!(ends.len(), 1, "expected one end of the request (far: {far}): {ends:?}");
            let there = world.ask(typed, Query(2)).map_err(|failure| failure.code());
            assert_eq!(there, Err(Code::NOT_HANDLED), "expected the target that answered to be there");
            world.balanced();
        }
    }
}

#[test]
fn every_record_that_a_typed_target_answers_may_panic_in_drop() {
    have_typed_answer(|message| message.and(Mine(3)));
}

#[test]
fn answers_that_are_not_wanted_because_a_later_record_was_not_handled_may_panic_in_drop() {
    have_typed_answer(|message| message.and(Note(3)));
}

#[test]
fn records_of_held_messages_that_are_answered_in_a_row_may_panic_in_drop() {
    for mut world in World::both() {
        let shelf = Shelf::default();
        let keeper = world.near("keeper", hold_on(&shelf));
        let releaser = world.near("releaser", handle());
        let sender = world.far("a", handle());
        world.have(sender, move |_, ctx| {
            for _ in 1..=2 {
                let _ = ctx.send(Message::request(keeper, Charge).and(Charge));
            }
        });
        let held = shelf.take();
        world.have(releaser, move |_, _| held.into_iter().for_each(|held| held.answer(())));
        assert_eq!(world.log.of("a back").len(), 2, "expected an end of both");
        world.balanced();
    }
}

/// A resource of a thread that panics when it is dropped.
#[derive(Default)]
struct Wire<const NUMBER: usize>;

impl<const NUMBER: usize> Drop for Wire<NUMBER> {
    fn drop(&mut self) {
        panic!("the wire {NUMBER} went off in `drop`");
    }
}

#[test]
fn all_resources_of_a_thread_may_panic_in_drop() {
    for mut world in World::both() {
        let user = world.near("a", handle());
        world.have(user, |_, ctx| {
            drop((ctx.local::<Wire<1>>(), ctx.local::<Wire<2>>(), ctx.local::<Wire<3>>()));
        });
        assert_eq!(panics_until_the_end_of(world), 3, "expected each to be dropped");
    }
}

#[test]
fn what_waits_for_answers_that_never_come_may_panic_in_drop() {
    for mut world in World::both() {
        let shelf = Shelf::default();
        let keeper = world.far("keeper", hold_on(&shelf));
        let requester = world.near("a", handle());
        world.have(requester, move |probe, ctx| {
            for number in 1..=2 {
                let charge = Charge;
                let _ = ctx.request(keeper, Query(number)).then_on(probe, move |_: &mut Probe, _answer, _ctx| {
                    let _charge = &charge;
                });
            }
        });
        assert_eq!(panics_until_the_end_of(world), 2, "expected each to be dropped");
        drop(shelf.take());
    }
}
