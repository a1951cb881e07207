//! The targets of a namespace, listed by a question that goes from worker to worker.

use std::time::Duration;

use rohrpost::system::{ADDRESS, ListTargets, NAMESPACE, Targets};
use rohrpost::{Address, Code, Kernel, Nid};

use crate::world::{Asker, PATIENCE, World, poll};

fn addresses(targets: &Targets) -> Vec<Address> {
    targets.0.iter().map(|resident| resident.target).collect()
}

#[test]
fn the_targets_of_other_threads_are_listed() {
    let mut world = World::new(2);
    let (asker, other) = (world.asker(0), world.asker(1));
    let named = world.spaces[1].register_as("named", Asker).unwrap();
    world.settle();
    let nid = world.spaces[1].id();
    for end in [world.ask(ListTargets(nid)), world.request(asker, ListTargets(nid))] {
        let listed = end.unwrap();
        let resolved = world.spaces[1].resolve("named").unwrap();
        assert_eq!(addresses(&listed), [other, resolved], "expected both");
        assert_eq!(listed.0.iter().map(|resident| resident.name).collect::<Vec<_>>(), [None, Some(named)]);
    }
    world.counters();
}

#[test]
fn what_this_thread_knows_alone_is_answered_at_once() {
    let mut world = World::new(2);
    let (asker, _) = (world.asker(0), world.asker(1));
    let (own, other) = (world.spaces[0].id(), world.spaces[1].id());
    assert_eq!(addresses(&world.call(asker, ListTargets(own)).unwrap()), [asker], "expected a call to be answered");
    assert_eq!(world.call(asker, ListTargets(other)), Err(Code::WOULD_BLOCK), "expected the reason");
    assert_eq!(world.call(asker, ListTargets(NAMESPACE)).ok(), world.ask(ListTargets(NAMESPACE)).ok());
    let leaving = world.asker(0);
    let listed = world.run(leaving, move |_, ctx, told| {
        ctx.stop();
        told.send(ctx.call(ADDRESS, ListTargets(own)).map(|listed| addresses(&listed)).unwrap()).unwrap();
    });
    assert_eq!(listed, [vec![asker, leaving]], "expected who is about to leave to be there yet");
    world.counters();
}

#[test]
fn a_namespace_that_there_is_not_is_the_reason() {
    let mut world = World::new(1);
    let asker = world.asker(0);
    let nowhere = ListTargets(Nid::name("nowhere"));
    assert_eq!(world.ask(nowhere), Err(Code::NO_NAMESPACE), "expected the reason");
    assert_eq!(world.request(asker, nowhere), Err(Code::NO_NAMESPACE), "expected the reason");
    assert_eq!(world.call(asker, nowhere), Err(Code::NO_NAMESPACE), "expected the reason");
    world.counters();
}

#[test]
fn threads_are_listed_together() {
    let kernel = Kernel::builder("node").start().unwrap();
    let space = kernel.namespace("space").threads(3).open().unwrap();
    let mut made: Vec<_> = (0..30).map(|index| space.register_on(index % 3, Asker).unwrap()).collect();
    made.sort_unstable();
    let listed = kernel.ask(kernel.system(), ListTargets(space.id())).timeout(PATIENCE).wait().unwrap();
    assert_eq!(addresses(&listed), made, "expected everybody");
    assert!(kernel.stop(PATIENCE).is_complete(), "expected the kernel to stop");
    assert!(kernel.counters().is_balanced(), "expected even counters, not {:?}", kernel.counters());
}

#[test]
fn a_worker_that_ends_with_the_question_in_its_hand_off_is_passed_by() {
    let mut world = World::new(2);
    world.asker(1);
    let nid = world.spaces[1].id();
    let mut ask = world.kernel.ask(world.kernel.system(), ListTargets(nid));
    assert!(poll(&mut ask).is_none(), "expected the question to wait for its worker");
    drop(world.workers[1].take());
    let end = poll(&mut ask).expect("expected an answer from the worker that ends").unwrap();
    assert_eq!(addresses(&end), [], "expected nobody to be there any more");
    world.counters();
}

#[test]
fn a_question_that_stops_with_the_kernel_ends() {
    let mut world = World::new(2);
    let asker = world.asker(0);
    let nid = world.spaces[1].id();
    let mut ask = world.kernel.ask(world.kernel.system(), ListTargets(nid));
    assert!(poll(&mut ask).is_none(), "expected the question to wait for its worker");
    let (told, heard) = std::sync::mpsc::channel();
    let step = crate::world::Do::new(move |me, ctx| {
        ctx.request(ADDRESS, ListTargets(nid)).then_on(me, move |_, end, _| {
            told.send(end.map(|_| ()).map_err(|failure| failure.code())).unwrap();
        });
    });
    world.kernel.notify(asker, step).unwrap();
    world.workers[0].as_mut().unwrap().run_until_idle();
    let _ = world.kernel.stop(Duration::ZERO);
    let end = poll(&mut ask).expect("expected an end").map_err(|failure| failure.code());
    assert_eq!(end, Err(Code::STOPPED), "expected the reason");
    drop(world.workers[1].take());
    drop(world.workers[0].take());
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [Ok(())], "expected the request to end once");
    let counters = world.kernel.counters();
    assert!(counters.is_balanced(), "expected even counters, not {counters:?}");
}

#[test]
fn a_question_expires_where_nobody_answers() {
    let mut world = World::new(2);
    let asker = world.asker(0);
    let nid = world.spaces[1].id();
    let (told, heard) = std::sync::mpsc::channel();
    let step = crate::world::Do::new(move |me, ctx| {
        ctx.within(Duration::from_secs(1)).request(ADDRESS, ListTargets(nid)).then_on(me, move |_, end, _| {
            told.send(end.map(|_| ()).map_err(|failure| failure.code())).unwrap();
        });
    });
    world.kernel.notify(asker, step).unwrap();
    world.workers[0].as_mut().unwrap().run_until_idle();
    world.clock.advance(Duration::from_secs(2));
    world.workers[0].as_mut().unwrap().run_until_idle();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [Err(Code::EXPIRED)], "expected the reason");
    assert_eq!(world.counters().late_answers, 1, "expected the answer to be late");
}

#[test]
fn questions_under_way_are_bounded_like_other_requests() {
    // A worker of this world may have two.
    let mut world = World::new(2);
    let asker = world.asker(0);
    let nid = world.spaces[1].id();
    for round in 0..3 {
        let ends = world.run(asker, move |me, ctx, told| {
            for _ in 0..3 {
                let told = told.clone();
                ctx.request(ADDRESS, ListTargets(nid)).then_on(me, move |_, end, _| {
                    told.send(end.map(|_| ()).map_err(|failure| failure.code())).unwrap();
                });
            }
        });
        assert_eq!(ends, [Err(Code::BUSY), Ok(()), Ok(())], "expected room for two in round {round}");
    }
    world.counters();
}

#[test]
fn a_thread_does_not_wait_for_what_it_drives_itself() {
    let mut world = World::new(1);
    let nid = world.spaces[0].id();
    let failure = world.kernel.ask(world.kernel.system(), ListTargets(nid)).wait().expect_err("expected no deadlock");
    assert_eq!(failure.code(), Code::WOULD_BLOCK, "expected the reason");
    assert!(world.ask(ListTargets(nid)).is_ok(), "expected it to be answered where it is awaited");
}

#[test]
fn a_worker_that_has_ended_lets_the_question_go_on() {
    let kernel = Kernel::builder("node").start().unwrap();
    let space = kernel.namespace("space").threads(2).open().unwrap();
    let busy = space.register_on(1, Asker).unwrap();
    let (release, released) = std::sync::mpsc::channel();
    let (told, begun) = std::sync::mpsc::channel();
    let step = crate::world::Do::new(move |_, _| {
        told.send(()).unwrap();
        released.recv_timeout(PATIENCE).unwrap();
    });
    kernel.notify(busy, step).unwrap();
    begun.recv_timeout(PATIENCE).unwrap();
    // The last thread is asked first, and has no time.
    let mut ask = kernel.ask(kernel.system(), ListTargets(space.id()));
    assert!(poll(&mut ask).is_none(), "expected the question to wait for a thread that is busy");
    while !space.close(Duration::from_millis(50)).ended.contains(&"space/0".to_owned()) {}
    release.send(()).unwrap();
    let end = space.close(PATIENCE);
    assert!(end.is_complete(), "expected both threads to have ended: {end:?}");
    let listed = poll(&mut ask).expect("expected an answer").map_err(|failure| failure.code());
    assert_eq!(listed.map(|listed| addresses(&listed)), Ok(vec![busy]), "expected who was there at its turn");
    assert!(kernel.counters().is_balanced(), "expected even counters, not {:?}", kernel.counters());
}
