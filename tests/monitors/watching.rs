//! A target that watches another is told its end, with the reason, exactly once.

use std::time::Duration;

use rohrpost::{Address, Code, Context, Ended, Message, OnPanic, Outcome, Setup, Target};

use crate::world::{Do, Page, Scribe, World};

/// Where a watched target lives: on the watcher's thread, or on another.
const PLACES: [usize; 2] = [0, 1];

/// A watcher on worker 0, its page, and somebody on worker `place` whom it watches.
fn watched(world: &mut World, place: usize) -> (Address, Page, Address) {
    let (watcher, page) = world.scribe(0);
    let (ward, _) = world.scribe(place);
    world.run(watcher, move |ctx| ctx.watch(ward).unwrap());
    assert_eq!(page.take(), [""; 0], "expected nothing to be told while it is there");
    (watcher, page, ward)
}

#[test]
fn the_end_of_a_watched_target_is_told_with_its_reason() {
    for place in PLACES {
        let mut world = World::new(2);
        let (_, page, ward) = watched(&mut world, place);
        world.spaces[0].deregister(ward).unwrap();
        world.settle();
        assert_eq!(page.take(), [format!("{ward} deregistered")], "expected the reason");
        world.settle();
        assert_eq!(page.take(), [""; 0], "expected it once");
        assert_eq!(world.counters().dead_letters, 0, "expected no dead letters");
    }
}

#[test]
fn a_target_that_stops_itself_is_told_when_its_handler_has_returned() {
    for place in PLACES {
        let mut world = World::new(2);
        let (_, page, ward) = watched(&mut world, place);
        let seen = page.clone();
        world.run(ward, move |ctx| {
            ctx.stop();
            assert_eq!(seen.lines(), [""; 0], "expected it to be there while its handler runs");
        });
        assert_eq!(page.take(), [format!("{ward} deregistered")], "expected the reason");
    }
}

#[test]
fn a_panic_is_told_with_its_text() {
    for place in PLACES {
        let mut world = World::new(2);
        let (_, page, ward) = watched(&mut world, place);
        world.run(ward, |_| panic!("no ink"));
        assert_eq!(page.take(), [format!("{ward} panicked: no ink")], "expected the text");
    }
}

#[test]
fn a_namespace_that_closes_is_the_reason() {
    let mut world = World::new(2);
    let (_, page, ward) = watched(&mut world, 1);
    world.close(1);
    world.settle();
    assert_eq!(page.take(), [format!("{ward} namespace closed")], "expected the reason");
}

#[test]
fn a_panic_in_the_last_words_is_not_the_reason() {
    struct Bad;
    impl Target for Bad {
        fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            Outcome::NotHandled
        }
        fn stopping(&mut self, _ctx: &mut Context<'_>) {
            panic!("too late");
        }
    }

    let mut world = World::new(2);
    let (watcher, page) = world.scribe(0);
    let bad = world.spaces[1].register(Bad).unwrap();
    world.settle();
    world.run(watcher, move |ctx| ctx.watch(bad).unwrap());
    world.close(1);
    world.settle();
    assert_eq!(page.take(), [format!("{bad} namespace closed")], "expected it to have been told to go before");
}

#[test]
fn a_kernel_that_stops_tells_nobody_who_stops_with_it() {
    let mut world = World::new(2);
    let (_, page, _) = watched(&mut world, 1);
    let _ = world.kernel.stop(Duration::ZERO);
    world.close(1);
    world.close(0);
    assert_eq!(page.take(), [""; 0], "expected nothing to be told to who goes, too");
    assert!(world.kernel.counters().is_balanced(), "expected even counters");
    assert_eq!(world.kernel.counters().dead_letters, 0, "expected no dead letters");
}

#[test]
fn who_is_gone_already_is_told_at_once() {
    for place in PLACES {
        let mut world = World::new(2);
        let (watcher, page) = world.scribe(0);
        let (gone, _) = world.scribe(place);
        world.spaces[place].deregister(gone).unwrap();
        world.settle();
        world.run(watcher, move |ctx| ctx.watch(gone).unwrap());
        assert_eq!(page.take(), [format!("{gone} gone already")], "expected the reason");
        let nobody: Address = "nobody.n1.".parse().unwrap();
        world.run(watcher, move |ctx| ctx.watch(nobody).unwrap());
        assert_eq!(page.take(), ["nobody.n1.node gone already"], "expected the address as it was named");
        let nowhere: Address = "nobody.nowhere.".parse().unwrap();
        world.run(watcher, move |ctx| ctx.watch(nowhere).unwrap());
        assert_eq!(page.take(), ["nobody.nowhere.node gone already"], "expected the address as it was named");
    }
}

#[test]
fn a_worker_that_has_gone_has_nobody_left() {
    let mut world = World::new(2);
    let (watcher, page) = world.scribe(0);
    let (gone, _) = world.scribe(1);
    world.close(1);
    world.run(watcher, move |ctx| ctx.watch(gone).unwrap());
    assert_eq!(page.take(), [format!("{gone} gone already")], "expected the reason");
}

#[test]
fn what_no_target_can_be_is_refused() {
    let mut world = World::new(1);
    let (watcher, page) = world.scribe(0);
    world.run(watcher, |ctx| {
        assert_eq!(
            ctx.watch("a.n0.elsewhere".parse().unwrap()),
            Err(Code::NO_NODE),
            "expected another node's to be refused"
        );
        assert_eq!(ctx.watch(".n0.".parse().unwrap()), Err(Code::NO_SERVICE), "expected a service to be refused");
    });
    assert_eq!(page.take(), [""; 0], "expected nothing to be told");
}

#[test]
fn watching_twice_is_watching_once() {
    for place in PLACES {
        let mut world = World::new(2);
        let (watcher, page, ward) = watched(&mut world, place);
        world.run(watcher, move |ctx| {
            ctx.watch(ward).unwrap();
            ctx.watch(ward).unwrap();
        });
        world.spaces[0].deregister(ward).unwrap();
        world.settle();
        assert_eq!(page.take(), [format!("{ward} deregistered")], "expected it once");
    }
}

#[test]
fn a_named_target_is_told_as_it_was_named() {
    for place in PLACES {
        let mut world = World::new(2);
        let (watcher, page) = world.scribe(0);
        let named = world.spaces[place].register_as("ward", Scribe::default()).unwrap();
        world.settle();
        let resolved = world.spaces[place].resolve("ward").unwrap();
        world.run(watcher, move |ctx| {
            ctx.watch(named).unwrap();
            ctx.watch(resolved).unwrap();
        });
        world.spaces[place].deregister(named).unwrap();
        world.settle();
        assert_eq!(page.take(), [format!("{named} deregistered")], "expected one end, and the first name");
    }
}

#[test]
fn who_watches_no_more_is_told_nothing() {
    for place in PLACES {
        let mut world = World::new(2);
        let (watcher, page, ward) = watched(&mut world, place);
        world.run(watcher, move |ctx| ctx.unwatch(ward));
        world.spaces[0].deregister(ward).unwrap();
        world.settle();
        assert_eq!(page.take(), [""; 0], "expected nothing to be told");
        assert_eq!(world.counters().dead_letters, 0, "expected no dead letters");
    }
}

#[test]
fn a_name_that_was_watched_can_be_let_go_of_when_it_is_somebody_elses() {
    let mut world = World::new(2);
    let (watcher, page) = world.scribe(0);
    let named = world.spaces[1].register_as("ward", Scribe::default()).unwrap();
    world.settle();
    world.run(watcher, move |ctx| ctx.watch(named).unwrap());
    world.start(world.spaces[1].resolve("ward").unwrap(), |ctx| ctx.stop());
    world.workers[1].as_mut().unwrap().run_until_idle();
    world.spaces[1].register_as("ward", Scribe::default()).unwrap();
    world.start(watcher, move |ctx| ctx.unwatch(named));
    world.settle();
    assert_eq!(page.take().len(), 1, "expected the end that was on its way before");
}

#[test]
fn an_end_that_crosses_an_unwatch_is_not_told() {
    let mut world = World::new(2);
    let (watcher, page, ward) = watched(&mut world, 1);
    world.start(watcher, move |ctx| ctx.unwatch(ward));
    world.spaces[1].deregister(ward).unwrap();
    world.workers[1].as_mut().unwrap().run_until_idle();
    world.settle();
    assert_eq!(page.take(), [""; 0], "expected nothing to be told to who watches no more");
}

#[test]
fn an_end_that_crosses_another_watch_is_told_once() {
    let mut world = World::new(2);
    let (watcher, page, ward) = watched(&mut world, 1);
    world.start(watcher, move |ctx| {
        ctx.unwatch(ward);
        ctx.watch(ward).unwrap();
    });
    world.spaces[1].deregister(ward).unwrap();
    world.workers[1].as_mut().unwrap().run_until_idle();
    world.settle();
    assert_eq!(page.take(), [format!("{ward} deregistered")], "expected one end for one watch");
}

#[test]
fn a_restart_is_no_end() {
    for place in PLACES {
        let mut world = World::new(2);
        let (watcher, page) = world.scribe(0);
        let ward = world.spaces[place].register_factory(Setup::new(), Scribe::default).unwrap();
        world.settle();
        world.run(watcher, move |ctx| ctx.watch(ward).unwrap());
        world.run(ward, |_| panic!("again"));
        assert_eq!(page.take(), [""; 0], "expected a restart not to be an end");
        world.spaces[place].deregister(ward).unwrap();
        world.settle();
        assert_eq!(page.take(), [format!("{ward} deregistered")], "expected the watch to have outlived the restart");
    }
}

#[test]
fn a_watcher_that_is_restarted_goes_on_watching() {
    for place in PLACES {
        let mut world = World::new(2);
        let page = Page::default();
        let written = page.clone();
        let watcher = world.spaces[0].register_factory(Setup::new(), move || Scribe(written.clone())).unwrap();
        let (ward, _) = world.scribe(place);
        world.run(watcher, move |ctx| {
            ctx.watch(ward).unwrap();
            panic!("again");
        });
        world.spaces[place].deregister(ward).unwrap();
        world.settle();
        assert_eq!(page.take(), [format!("{ward} deregistered")], "expected its next life to be told");
    }
}

#[test]
fn a_factory_that_panics_is_the_end() {
    let mut world = World::new(2);
    let (watcher, page) = world.scribe(0);
    let mut made = false;
    let factory = move || {
        assert!(!std::mem::replace(&mut made, true), "no second one");
        Scribe::default()
    };
    let ward = world.spaces[1].register_factory(Setup::new(), factory).unwrap();
    world.settle();
    world.run(watcher, move |ctx| ctx.watch(ward).unwrap());
    world.run(ward, |_| panic!("the first one"));
    assert_eq!(page.take(), [format!("{ward} panicked: no second one")], "expected the text of the last panic");
}

#[test]
fn a_panic_that_is_kept_is_no_end() {
    let mut world = World::new(2);
    let (watcher, page) = world.scribe(0);
    let ward = world.spaces[1].register_with(Setup::new().on_panic(OnPanic::Keep), Scribe::default()).unwrap();
    world.settle();
    world.run(watcher, move |ctx| ctx.watch(ward).unwrap());
    world.run(ward, |_| panic!("never mind"));
    assert_eq!(page.take(), [""; 0], "expected it to be there");
}

#[test]
fn a_watcher_that_goes_leaves_nothing_behind() {
    for place in PLACES {
        let mut world = World::new(2);
        let (watcher, page, ward) = watched(&mut world, place);
        world.spaces[0].deregister(watcher).unwrap();
        world.settle();
        world.spaces[0].deregister(ward).unwrap();
        assert_eq!(world.counters().dead_letters, 0, "expected nobody to be told");
        assert_eq!(page.take(), [""; 0], "expected nobody to be told");
    }
}

#[test]
fn who_watches_itself_is_told_nothing() {
    let mut world = World::new(1);
    let (own, page) = world.scribe(0);
    world.run(own, |ctx| {
        ctx.watch(ctx.address()).unwrap();
        ctx.stop();
    });
    assert_eq!(page.take(), [""; 0], "expected nobody to be told");
    assert_eq!(world.counters().dead_letters, 0, "expected no dead letters");
}

#[test]
fn two_who_watch_each_other_go_in_peace() {
    for place in PLACES {
        let mut world = World::new(2);
        let (left, left_page, right) = watched(&mut world, place);
        world.run(right, move |ctx| ctx.watch(left).unwrap());
        world.start(left, |ctx| ctx.stop());
        world.start(right, |ctx| ctx.stop());
        assert_eq!(world.counters().dead_letters, 0, "expected no dead letters");
        assert!(left_page.take().len() <= 1, "expected at most one end");
    }
}

#[test]
fn everybody_who_watches_is_told() {
    let mut world = World::new(3);
    let (ward, _) = world.scribe(1);
    let watchers: Vec<_> = (0..9).map(|index| world.scribe(index % 3)).collect();
    for &(watcher, _) in &watchers {
        world.run(watcher, move |ctx| ctx.watch(ward).unwrap());
    }
    world.spaces[1].deregister(ward).unwrap();
    world.settle();
    for (_, page) in watchers {
        assert_eq!(page.take(), [format!("{ward} deregistered")], "expected each to be told");
    }
}

#[test]
fn an_end_that_is_not_handled_is_a_dead_letter() {
    struct Deaf;
    impl Target for Deaf {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            let Some(ward) = message.record::<Ward>() else {
                return Outcome::NotHandled;
            };
            ctx.watch(ward.0).unwrap();
            Outcome::Handled
        }
    }
    #[derive(Clone, Debug)]
    struct Ward(Address);
    rohrpost::record!(Ward, "monitors.ward");

    let mut world = World::new(1);
    let deaf = world.spaces[0].register(Deaf).unwrap();
    let (ward, _) = world.scribe(0);
    world.kernel.notify(deaf, Ward(ward)).unwrap();
    world.settle();
    world.spaces[0].deregister(ward).unwrap();
    assert_eq!(world.counters().dead_letters, 1, "expected the end to be a dead letter");
}

#[test]
fn an_end_finds_room_where_nothing_else_does() {
    let mut world = World::new(0);
    let (space, worker) = world.kernel.namespace("narrow").capacity(1).waiting(1).driven().unwrap();
    world.spaces.push(space);
    world.workers.push(Some(worker));
    world.open("wide");
    let (watcher, page) = world.scribe(0);
    let near: Vec<_> = (0..20).map(|_| world.scribe(0).0).collect();
    let far: Vec<_> = (0..20).map(|_| world.scribe(1).0).collect();
    let wards: Vec<_> = near.iter().chain(&far).copied().collect();
    world.run(watcher, move |ctx| {
        for &ward in &wards {
            ctx.watch(ward).unwrap();
        }
    });
    let gone = near.clone();
    world.run(watcher, move |ctx| {
        ctx.notify(ctx.address(), Do::new(|_| ()));
        for &ward in &gone {
            ctx.deregister(ward).unwrap();
        }
        ctx.notify(ctx.address(), Do::new(|_| ()));
    });
    let told: Vec<_> = near.iter().map(|ward| format!("{ward} deregistered")).collect();
    assert_eq!(page.take(), told, "expected each end, in order, in a waiting list of one");
    for &ward in &far {
        world.spaces[1].deregister(ward).unwrap();
    }
    world.workers[1].as_mut().unwrap().run_until_idle();
    world.settle();
    let told: Vec<_> = far.iter().map(|ward| format!("{ward} deregistered")).collect();
    assert_eq!(page.take(), told, "expected each end, in order, through a hand-off of one");
    let counters = world.counters();
    assert_eq!((counters.returned, counters.dead_letters), (1, 0), "expected only the second note to find no room");
}

#[test]
fn an_end_that_is_forwarded_waits_like_other_mail() {
    /// Sends a note to somebody, has it wait, and forwards the end behind it.
    struct Forwarder(Address);
    impl Target for Forwarder {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            if let Some(Do(step)) = message.take() {
                step(ctx);
            } else if message.record::<Ended>().is_some() {
                let to = self.0;
                ctx.notify(to, Do::new(move |ctx| ctx.notify(to, Do::new(|_| ()))));
                ctx.forward(message, to);
            }
            Outcome::Handled
        }
    }

    let mut world = World::new(0);
    let (space, worker) = world.kernel.namespace("narrow").waiting(3).driven().unwrap();
    world.spaces.push(space);
    world.workers.push(Some(worker));
    let (last, page) = world.scribe(0);
    let forwarder = world.spaces[0].register(Forwarder(last)).unwrap();
    for round in 1..10 {
        let (ward, _) = world.scribe(0);
        world.run(forwarder, move |ctx| ctx.watch(ward).unwrap());
        world.spaces[0].deregister(ward).unwrap();
        world.settle();
        assert_eq!(page.take(), [format!("{ward} deregistered")], "expected the end to arrive in round {round}");
    }
    assert_eq!(world.counters().dead_letters, 0, "expected room for everything");
}
