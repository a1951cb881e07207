//! A group spreads what it gets over its owners.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::{Context as Task, Waker};

use rohrpost::{Address, Balance, Code, HeldMessage, Outcome};

use crate::world::{Note, Query, Reply, World};

/// An owner that keeps what it gets, and what it has kept.
fn keeper(world: &mut World, name: &'static str) -> (Address, Arc<Mutex<Vec<HeldMessage>>>) {
    let shelf: Arc<Mutex<Vec<HeldMessage>>> = Arc::default();
    let keeps = shelf.clone();
    let keeper = world.probe(name).receiving(move |message, ctx| {
        keeps.lock().unwrap().extend(ctx.hold(message));
        Outcome::Handled
    });
    (world.place(0, keeper), shelf)
}

#[test]
fn a_round_robin_group_gives_each_owner_its_turn() {
    let mut world = World::new();
    let service = world.near.group::<Query>(Balance::RoundRobin).open().unwrap();
    assert_eq!(world.ask(service, Query(0)), Err(Code::NO_SERVICE), "expected nobody to answer without owners");
    for name in ["ann", "ben", "cid"] {
        let owner = world.near(name);
        world.near.serve::<Query>(owner).unwrap();
    }
    let (near, far) = (world.near("near"), world.far("far"));
    for sender in [near, far] {
        world.have(sender, move |_, ctx| (1..=6).for_each(|number| drop(ctx.request(service, Query(number)))));
        for name in ["ann", "ben", "cid"] {
            let got = world.log.lines().into_iter().filter(|line| line.starts_with(name)).count();
            assert_eq!(got, 2, "expected {name} to have had two turns");
        }
        world.said();
    }
    (1..=6).for_each(|number| world.kernel.notify(service, Query(number)).unwrap());
    world.settle();
    let said = world.said();
    assert_eq!(said.iter().filter(|line| line.starts_with("ann")).count(), 2, "expected turns from outside: {said:?}");
    world.balanced();
}

#[test]
fn a_call_goes_to_an_owner_of_the_callers_thread() {
    let mut world = World::new();
    let space = world.kernel.namespace("two").threads(2).open().unwrap();
    let service = space.group::<Query>(Balance::RoundRobin).open().unwrap();
    let probes = [0, 1].map(|thread| {
        let owner = space.register_on(thread, world.probe("owner")).unwrap();
        space.serve::<Query>(owner).unwrap();
        space.register_on(thread, world.probe("caller")).unwrap()
    });
    for caller in probes {
        let (tell, told) = std::sync::mpsc::channel();
        world.tell(caller, move |_, ctx| {
            (1..=4).for_each(|number| tell.send(ctx.call(service, Query(number)).map_err(|f| f.code())).unwrap());
        });
        let answers: Vec<_> = (0..4).map(|_| told.recv_timeout(crate::world::PATIENCE).unwrap()).collect();
        assert_eq!(answers, [1, 2, 3, 4].map(|number| Ok(Reply(number))));
    }
    let outside = world.near("outside");
    world.have(outside, move |_, ctx| {
        assert_eq!(ctx.call(service, Query(5)).unwrap_err().code(), Code::WOULD_BLOCK);
    });
    assert_eq!(world.kernel.counters().panics, 0);
    assert!(space.close(crate::world::PATIENCE).is_complete());
}

#[test]
fn a_request_goes_to_the_owner_with_the_fewest_unanswered() {
    let mut world = World::new();
    let service = world.near.group::<Query>(Balance::FewestPending).open().unwrap();
    let (ann, anns) = keeper(&mut world, "ann");
    let (ben, bens) = keeper(&mut world, "ben");
    world.near.serve::<Query>(ann).unwrap();
    world.near.serve::<Query>(ben).unwrap();
    let (near, far) = (world.near("near"), world.far("far"));
    let loads = || (anns.lock().unwrap().len(), bens.lock().unwrap().len());
    for sender in [near, far] {
        world.have(sender, move |_, ctx| (1..=4).for_each(|number| drop(ctx.request(service, Query(number)))));
    }
    assert_eq!(loads(), (4, 4), "expected both to have as many");
    // All ways in which a message ends: answered, failed, dropped, answered on a plain thread, forwarded.
    let other = world.near("other");
    let mut ends = anns.lock().unwrap().split_off(0).into_iter();
    ends.next().unwrap().answer(Reply(1));
    ends.next().unwrap().fail(Code::application(1).into());
    drop(ends.next());
    let last = ends.next().unwrap();
    std::thread::scope(|scope| scope.spawn(|| last.forward(other)).join().unwrap());
    world.settle();
    assert_eq!(loads(), (0, 4));
    world.have(near, move |_, ctx| (1..=4).for_each(|number| drop(ctx.request(service, Query(number)))));
    assert_eq!(loads(), (4, 4), "expected the one with nothing to do to catch up");
    drop(bens.lock().unwrap().split_off(2));
    world.have(far, move |_, ctx| (1..=2).for_each(|number| drop(ctx.request(service, Query(number)))));
    assert_eq!(loads(), (4, 4), "expected only what is answered to be gone");
    anns.lock().unwrap().clear();
    bens.lock().unwrap().clear();
    world.settle();
    world.balanced();
}

#[test]
fn what_is_refused_panics_or_is_forwarded_weighs_on_no_owner() {
    let mut world = World::with(|builder| builder.capacity(4));
    let service = world.near.group::<Query>(Balance::FewestPending).open().unwrap();
    let other = world.near("other");
    let kept = rohrpost::Setup::new().on_panic(rohrpost::OnPanic::Keep);
    // This one gets rid of everything at once, so that it always has the fewest: nothing, like the idle one.
    let quick = world.probe("quick").receiving(move |message, ctx| {
        match message.record::<Query>().unwrap().0 % 3 {
            0 => ctx.forward(message, other),
            1 => crate::world::panic_quietly("no"),
            _ => return Outcome::NotHandled,
        }
        Outcome::Handled
    });
    let quick = world.near.register_with(kept, quick).unwrap();
    let (slow, shelf) = keeper(&mut world, "slow");
    world.settle();
    world.near.serve::<Query>(quick).unwrap();
    world.near.serve::<Query>(slow).unwrap();
    let (near, far) = (world.near("near"), world.far("far"));
    world.have(near, move |_, ctx| drop(ctx.request(service, Query(2))));
    world.have(near, move |_, ctx| drop(ctx.request(service, Query(2))));
    assert_eq!(shelf.lock().unwrap().len(), 1, "expected the slow one to have one by now");
    for round in 0..10 {
        for sender in [near, far] {
            world.have(sender, move |_, ctx| drop(ctx.request(service, Query(round))));
        }
    }
    assert_eq!(shelf.lock().unwrap().len(), 1, "expected all others to go to the quick one");
    // More than the hand-off takes: what is refused was never theirs.
    world.have(far, move |_, ctx| (0..100).for_each(|_| drop(ctx.request(service, Query(2)))));
    for _ in 0..100 {
        // Polled once, so that it is sent, and given up.
        let ask = world.kernel.ask(service, Query(2));
        drop(Box::pin(ask).as_mut().poll(&mut Task::from_waker(Waker::noop())));
    }
    world.settle();
    let held = shelf.lock().unwrap().len();
    drop(shelf.lock().unwrap().split_off(0));
    world.settle();
    world.said();
    for sender in [near, far, near, far] {
        world.have(sender, move |_, ctx| drop(ctx.request(service, Query(2))));
    }
    assert!(held <= 4, "expected the hand-off to bound it: {held}");
    let slow = world.said().iter().filter(|line| line.starts_with("slow")).count();
    assert_eq!(slow, 1, "expected both to have nothing to do, so that the turn decides until one is held");
    drop(shelf.lock().unwrap().split_off(0));
    world.settle();
    world.balanced();
}

#[test]
fn notifications_are_no_unanswered_requests() {
    let mut world = World::new();
    let service = world.near.group::<Note>(Balance::FewestPending).open().unwrap();
    let (ann, anns) = keeper(&mut world, "ann");
    let (ben, bens) = keeper(&mut world, "ben");
    world.near.serve::<Note>(ann).unwrap();
    world.near.serve::<Note>(ben).unwrap();
    let sender = world.near("sender");
    world.have(sender, move |_, ctx| (0..10).for_each(|number| ctx.notify(service, Note(number))));
    assert_eq!((anns.lock().unwrap().len(), bens.lock().unwrap().len()), (5, 5), "expected turns");
    anns.lock().unwrap().clear();
    bens.lock().unwrap().clear();
    world.settle();
    world.balanced();
}

#[test]
fn owners_leave_a_group_without_a_trace() {
    let mut world = World::new();
    for balance in [Balance::RoundRobin, Balance::FewestPending] {
        let service = world.near.group::<Query>(balance).open().unwrap();
        let (ann, anns) = keeper(&mut world, "ann");
        let ben = world.near("ben");
        world.near.serve::<Query>(ann).unwrap();
        world.near.serve::<Query>(ben).unwrap();
        let sender = world.near("sender");
        world.have(sender, move |_, ctx| (0..2).for_each(|number| drop(ctx.request(service, Query(number)))));
        world.near.deregister(ann).unwrap();
        world.settle();
        world.said();
        for number in 0..5 {
            assert_eq!(world.ask(service, Query(number)), Ok(Reply(number)), "expected the other one to answer");
        }
        anns.lock().unwrap().clear();
        world.near.withdraw::<Query>(ben).unwrap();
        assert_eq!(world.ask(service, Query(6)), Err(Code::NO_SERVICE));
        world.near.serve::<Query>(ben).unwrap();
        assert_eq!(world.ask(service, Query(7)), Ok(Reply(7)));
        world.near.close_service::<Query>().unwrap();
        world.balanced();
    }
}
