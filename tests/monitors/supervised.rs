//! Targets that are restarted later: what is told of them, and to them, until then.

use std::time::Duration;

use rohrpost::{Address, Filter, Meanwhile, Restart, Setup};

use crate::monitoring::{begin, viewer};
use crate::view::{View, Viewer};
use crate::world::{Page, Scribe, World};

const SECOND: Duration = Duration::from_secs(1);

/// Restarted after a second, twice at most; mail comes back meanwhile.
fn setup() -> Setup {
    let restart = Restart::new().backoff(SECOND..=SECOND, 1).limit(2, 3600 * SECOND).meanwhile(Meanwhile::Return);
    Setup::new().name("ward").restart(restart)
}

/// Somebody who is restarted like that, and panics as soon as it is told to.
fn ward(world: &mut World, place: usize) -> Address {
    let named = world.spaces[place].register_factory(setup(), Scribe::default).unwrap();
    world.settle();
    named
}

fn wait_a_second(world: &mut World) {
    world.clock.advance(SECOND);
    world.settle();
}

#[test]
fn a_target_that_panics_too_often_has_ended_and_no_earlier() {
    for place in [0, 1] {
        let mut world = World::new(2);
        let (viewer, view) = viewer(&mut world, 0);
        let (watcher, page) = world.scribe(0);
        let monitor = begin(&mut world, viewer, Filter::new());
        let ward = ward(&mut world, place);
        world.run(watcher, move |ctx| ctx.watch(ward).unwrap());
        view.take(monitor);
        for _ in 0..2 {
            world.run(ward, |_| panic!("no ink"));
            assert_eq!(view.take(monitor), [""; 0], "expected it to be there while it is to come back");
            wait_a_second(&mut world);
            assert_eq!(view.take(monitor), [format!("restarted {ward}")], "expected the restart to be told");
        }
        assert_eq!(page.take(), [""; 0], "expected a restart to be no end");
        world.run(ward, |_| panic!("no paper"));
        let end = [format!("{ward} panicked too often: no paper")];
        assert_eq!((view.take(monitor), page.take()), (end.to_vec(), end.to_vec()), "expected the reason");
        assert_eq!(world.counters().dead_letters, 3, "expected only what it panicked at to be lost");
    }
}

#[test]
fn a_target_that_is_to_come_back_belongs_to_the_snapshot() {
    let mut world = World::new(2);
    let (viewer, view) = viewer(&mut world, 0);
    let ward = ward(&mut world, 1);
    world.run(ward, |_| panic!("no ink"));
    let monitor = begin(&mut world, viewer, Filter::new().address("ward.n1.".parse().unwrap()));
    assert_eq!(view.take(monitor), [format!("+ registered {ward}"), "+ complete".into()], "expected it to be there");
    world.spaces[1].deregister(ward).unwrap();
    world.settle();
    assert_eq!(view.take(monitor), [format!("{ward} deregistered")], "expected it to have gone");
}

#[test]
fn what_is_told_to_a_target_that_is_to_come_back_waits_for_it() {
    for place in [0, 1] {
        let mut world = World::new(2);
        let (page, view) = (Page::default(), View::default());
        let (written, seen) = (page.clone(), view.clone());
        let watcher = world.spaces[0].register_factory(setup(), move || Scribe(written.clone())).unwrap();
        let viewer = setup().name("viewer");
        let viewer = world.spaces[0].register_factory(viewer, move || Viewer(seen.clone())).unwrap();
        let (other, _) = world.scribe(place);
        world.run(watcher, move |ctx| ctx.watch(other).unwrap());
        let monitor = begin(&mut world, viewer, Filter::new().target(other.tid().unwrap()));
        view.take(monitor);
        world.run(watcher, |_| panic!("no ink"));
        world.run(viewer, |_| panic!("no ink"));
        world.spaces[place].deregister(other).unwrap();
        world.settle();
        assert_eq!((page.take(), view.take(monitor)), (Vec::new(), Vec::new()), "expected nobody to be there");
        wait_a_second(&mut world);
        let end = vec![format!("{other} deregistered")];
        assert_eq!((page.take(), view.take(monitor)), (end.clone(), end), "expected it to have waited");
        assert_eq!(world.counters().dead_letters, 2, "expected only what they panicked at to be lost");
    }
}

#[test]
fn what_was_told_to_a_target_that_does_not_come_back_is_a_dead_letter() {
    let mut world = World::new(1);
    let ward = ward(&mut world, 0);
    let (other, _) = world.scribe(0);
    world.run(ward, move |ctx| ctx.watch(other).unwrap());
    world.run(ward, |_| panic!("no ink"));
    world.spaces[0].deregister(other).unwrap();
    world.settle();
    world.spaces[0].deregister(ward).unwrap();
    assert_eq!(world.counters().dead_letters, 2, "expected the end to be lost, and what it panicked at");
}
