//! Mail that had nobody to come back to is told to whoever observes `rohrpost.dead-letter` of `SYSTEM`.

use rohrpost::{Address, Code, DeadLetter, Namespace, Nid};

use crate::world::{Note, Query, World};

/// A world in which `postmaster` observes dead letters, and what it has seen.
fn with_postmaster(world: &mut World, worker: usize) -> (Address, std::sync::mpsc::Receiver<DeadLetter>) {
    let (tell, told) = std::sync::mpsc::channel();
    let postmaster = world.probe("postmaster").seeing(move |message, _| {
        tell.send(message.record::<DeadLetter>().unwrap().clone()).unwrap();
    });
    let postmaster = world.place(worker, postmaster);
    system(world).observe::<DeadLetter>(postmaster).unwrap();
    world.settle();
    (postmaster, told)
}

fn system(world: &World) -> Namespace {
    world.kernel.namespace("SYSTEM").open().unwrap()
}

#[test]
fn a_dead_letter_is_told_with_all_that_is_known_of_it() {
    for worker in [0, 1] {
        let mut world = World::new();
        let (postmaster, told) = with_postmaster(&mut world, worker);
        let gone = world.near("gone");
        world.have(gone, |_, ctx| ctx.stop());
        world.kernel.notify(gone, Note(1)).unwrap();
        world.settle();
        let letter = told.try_recv().expect("expected a letter");
        assert_eq!((letter.sender, letter.receiver), (None, gone));
        assert_eq!((letter.record, letter.code, &*letter.text), ("services.note", Code::NO_TARGET, ""));
        // The sender has gone when its request comes back.
        let (sender, deaf) = (world.near("sender"), world.probe("deaf"));
        let deaf = deaf.receiving(|message, _| {
            message.fail(rohrpost::Failure::new(Code::application(7), "not today"));
            rohrpost::Outcome::NotHandled
        });
        let deaf = world.place(1, deaf);
        world.have(sender, move |_, ctx| {
            ctx.notify(deaf, Query(2));
            ctx.stop();
        });
        let letter = told.try_recv().expect("expected a second letter");
        assert_eq!((letter.sender, letter.receiver), (Some(sender), deaf));
        assert_eq!((letter.code, &*letter.text), (Code::application(7), "not today"));
        let counters = world.balanced();
        assert_eq!((counters.dead_letters, counters.observed), (2, 2));
        system(&world).unobserve::<DeadLetter>(postmaster).unwrap();
        world.settle();
        world.kernel.notify(gone, Note(3)).unwrap();
        world.settle();
        assert!(told.try_recv().is_err(), "expected nothing when nobody observes");
        assert_eq!(world.balanced().copies, 2);
    }
}

#[test]
fn a_handler_can_observe_dead_letters_by_address() {
    let mut world = World::new();
    let (clerk, gone) = (world.near("clerk"), world.near("gone"));
    world.have(clerk, |_, ctx| ctx.observe::<DeadLetter>(Address::service(Nid::name("SYSTEM"))).unwrap());
    world.near.deregister(gone).unwrap();
    world.settle();
    world.kernel.notify(gone, Note(1)).unwrap();
    world.settle();
    assert_eq!(world.said(), ["clerk saw rohrpost.dead-letter"]);
}

#[test]
fn a_letter_that_is_lost_is_no_dead_letter() {
    let mut world = World::with(|builder| builder.capacity(2));
    let (_postmaster, told) = with_postmaster(&mut world, 1);
    let gone = world.near("gone");
    world.near.deregister(gone).unwrap();
    world.settle();
    for _ in 0..3 {
        (0..2).for_each(|_| world.kernel.notify(gone, Note(1)).unwrap());
        world.workers[0].run_until_idle();
    }
    world.settle();
    assert_eq!(told.try_iter().count(), 2, "expected what the hand-off takes");
    let counters = world.balanced();
    assert_eq!((counters.dead_letters, counters.copies, counters.lost_copies), (6, 6, 4));
    // Who observes dead letters and panics makes no more of them.
    let panics = world.probe("panics").seeing(|_, _| crate::world::panic_quietly("no"));
    let panics = world.place(0, panics);
    system(&world).observe::<DeadLetter>(panics).unwrap();
    world.kernel.notify(gone, Note(1)).unwrap();
    world.settle();
    assert_eq!(world.balanced().dead_letters, 7);
}

#[test]
fn what_is_sent_to_the_kernel_is_no_dead_letter() {
    let mut world = World::new();
    let (_postmaster, told) = with_postmaster(&mut world, 0);
    let system = system(&world).address();
    assert_eq!(world.ask(system, Query(1)), Err(Code::NOT_HANDLED));
    assert_eq!(world.kernel.notify(system, Note(2)).unwrap_err().code(), Code::NOT_HANDLED);
    assert!(told.try_recv().is_err(), "expected it to come back to who sent it");
}
