//! Owners and observers that go leave nothing behind; those that are restarted keep their duties.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use rohrpost::{
    Address, Code, Context, Driven, Meanwhile, Message, OnPanic, Outcome, Restart, ServeError, Setup, Target, record,
};

use crate::world::{Note, PATIENCE, Probe, Query, Reply, World, panic_quietly};

const SECOND: Duration = Duration::from_secs(1);

/// The ways in which a target goes for good.
const ENDS: [fn(&mut World, Address); 4] = [
    |world, who| world.near.deregister(who).unwrap(),
    |world, who| world.far.deregister(who).unwrap(),
    |world, who| world.have(who, |_, ctx| ctx.stop()),
    |world, who| world.have(who, |_, _| panic_quietly("no")),
];

#[test]
fn a_service_goes_with_its_owner() {
    let mut world = World::new();
    let service = world.near.address();
    for end in ENDS {
        let (owner, next) = (world.near("owner"), world.near("next"));
        world.near.serve::<Query>(owner).unwrap();
        assert_eq!(world.ask(service, Query(1)), Ok(Reply(1)));
        end(&mut world, owner);
        world.settle();
        assert_eq!(world.ask(service, Query(2)), Err(Code::NO_SERVICE));
        assert!(matches!(world.near.close_service::<Query>(), Err(ServeError::NoService { .. })), "expected no entry");
        world.near.serve::<Query>(next).expect("expected the service to be free");
        assert_eq!(world.ask(service, Query(3)), Ok(Reply(3)));
        world.near.withdraw::<Query>(next).unwrap();
        assert!(world.near.close_service::<Query>().is_err(), "expected no entry");
    }
    world.balanced();
}

#[test]
fn observers_that_are_left_see_what_goes_to_the_next_owner() {
    let mut world = World::new();
    let service = world.near.address();
    let (owner, next, observer) = (world.near("owner"), world.near("next"), world.far("observer"));
    world.near.serve::<Query>(owner).unwrap();
    world.near.observe::<Query>(observer).unwrap();
    world.near.deregister(owner).unwrap();
    world.settle();
    assert_eq!(world.ask(service, Query(1)), Err(Code::NO_SERVICE));
    world.near.serve::<Query>(next).unwrap();
    assert_eq!(world.ask(service, Query(2)), Ok(Reply(2)));
    world.settle();
    let mut said = world.said();
    said.sort();
    assert_eq!(said, ["next got 2", "observer saw 2"]);
    world.near.withdraw::<Query>(next).unwrap();
    world.near.unobserve::<Query>(observer).unwrap();
    world.settle();
    assert!(world.near.close_service::<Query>().is_err(), "expected the last one to close the door");
}

#[test]
fn an_observer_that_goes_leaves_no_entry() {
    let mut world = World::new();
    let topic = world.near.topic::<Note>().open().unwrap();
    for end in ENDS {
        for worker in [0, 1] {
            let probe = world.probe("observer");
            let observer = world.place(worker, probe);
            world.near.observe::<Note>(observer).unwrap();
            world.kernel.notify(topic, Note(1)).unwrap();
            world.settle();
            end(&mut world, observer);
            world.settle();
            assert_eq!(world.kernel.notify(topic, Note(2)).unwrap_err().code(), Code::NOT_HANDLED);
        }
    }
    // It has gone before its thread hears of it.
    let gone = world.far("gone");
    world.far.deregister(gone).unwrap();
    world.near.observe::<Note>(gone).unwrap();
    world.settle();
    assert_eq!(world.kernel.notify(topic, Note(3)).unwrap_err().code(), Code::NOT_HANDLED);
    world.balanced();
}

#[test]
fn observers_of_a_namespace_that_closes_leave_no_entry() {
    let world = World::new();
    let topic = world.near.topic::<Note>().open().unwrap();
    let there = world.kernel.namespace("threads").threads(4).open().unwrap();
    for thread in 0..4 {
        for _ in 0..10 {
            let observer = there.register_on(thread, world.probe("observer")).unwrap();
            world.near.observe::<Note>(observer).unwrap();
        }
    }
    world.kernel.notify(topic, Note(1)).unwrap();
    assert!(there.close(PATIENCE).is_complete());
    assert_eq!(world.kernel.notify(topic, Note(2)).unwrap_err().code(), Code::NOT_HANDLED);
    let counters = world.balanced();
    assert_eq!(counters.observed, 40, "expected what was on its way to be seen: {counters:?}");
}

#[test]
fn a_copy_for_a_thread_that_closes_is_lost_and_counted() {
    let mut world = World::new();
    let topic = world.near.topic::<Note>().open().unwrap();
    let observer = world.far("observer");
    world.near.observe::<Note>(observer).unwrap();
    world.settle();
    world.tell(observer, |_, ctx| {
        // The rest of the hand-off finds it closing.
        ctx.stop();
    });
    let _ = world.far.close(Duration::ZERO);
    let counters = world.kernel.counters();
    let sent = world.kernel.notify(topic, Note(1));
    world.settle();
    world.workers.remove(1);
    assert!(world.said().is_empty(), "expected nobody to see it");
    let after = world.balanced();
    assert_eq!(after.observed, counters.observed);
    assert_eq!(after.copies - counters.copies, after.lost_copies - counters.lost_copies);
    drop(sent);
}

/// Ends another worker while it is shown a message.
struct Ender(Rc<RefCell<Option<Driven>>>);

impl Target for Ender {
    fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        Outcome::Handled
    }

    fn observed(&mut self, _message: &Message<'_>, _ctx: &mut Context<'_>) {
        drop(self.0.take());
    }
}

/// Panics when a copy of it is dropped.
#[derive(Debug)]
struct Bomb {
    is_copy: bool,
}
record!(Bomb, "services.bomb");

impl Clone for Bomb {
    fn clone(&self) -> Self {
        Self { is_copy: true }
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.is_copy && !std::thread::panicking() {
            panic_quietly("the copy went off");
        }
    }
}

#[test]
fn a_copy_for_a_thread_that_has_ended_meanwhile_is_lost_and_counted_and_harms_nobody() {
    let mut world = World::new();
    let topic = world.near.topic::<Bomb>().open().unwrap();
    let (sender, far) = (world.near("sender"), world.far("far"));
    let ending = Rc::new(RefCell::new(Some(world.workers.remove(1))));
    let ender = world.workers[0].build(|thread| thread.register(Ender(ending.clone()))).unwrap();
    for observer in [ender, far] {
        world.near.observe::<Bomb>(observer).unwrap();
    }
    ending.borrow_mut().as_mut().unwrap().run_until_idle();
    world.settle();
    world.have(sender, move |probe, ctx| {
        ctx.notify(topic, Bomb { is_copy: false });
        probe.note("goes on");
    });
    assert_eq!(world.said(), ["sender goes on"]);
    let counters = world.balanced();
    assert_eq!((counters.observed, counters.lost_copies), (1, 1), "expected both copies to be counted: {counters:?}");
    assert_eq!(counters.panics, 1, "expected the copy to go off, and to be caught: {counters:?}");
}

#[test]
fn a_restarted_target_keeps_what_it_serves_and_observes() {
    let mut world = World::new();
    let log = world.log.clone();
    let make = move || Probe { name: "phoenix", log: log.clone(), receives: None, sees: None };
    let phoenix = world.near.register_factory(Setup::new().on_panic(OnPanic::Restart), make).unwrap();
    let topic = world.far.topic::<Note>().open().unwrap();
    world.near.serve::<Query>(phoenix).unwrap();
    world.far.observe::<Note>(phoenix).unwrap();
    world.settle();
    for life in 1..=3 {
        // What is published while it is away waits until it is back.
        world.tell(phoenix, move |_, ctx| {
            ctx.notify(topic, Note(1));
            panic_quietly("again");
        });
        world.settle();
        assert_eq!(world.said(), ["phoenix saw 1"]);
        assert_eq!(world.kernel.counters().restarts, life);
        assert_eq!(world.ask(world.near.address(), Query(2)), Ok(Reply(2)));
        world.kernel.notify(topic, Note(3)).unwrap();
        world.settle();
        assert_eq!(world.said(), ["phoenix got 2", "phoenix saw 3"]);
    }
    world.balanced();
}

#[test]
fn copies_for_a_target_that_is_away_wait_or_are_lost_as_its_policy_says() {
    let away =
        [(Meanwhile::Wait, ["phoenix saw 1", "phoenix got 2", "phoenix saw 3"].as_slice()), (Meanwhile::Return, &[])];
    for (meanwhile, seen) in away {
        let mut world = World::new();
        let log = world.log.clone();
        let make = move || Probe { name: "phoenix", log: log.clone(), receives: None, sees: None };
        let restart = Restart::new().backoff(SECOND..=SECOND, 1).limit(1, 100 * SECOND).meanwhile(meanwhile);
        let phoenix = world.near.register_factory(Setup::new().restart(restart), make).unwrap();
        let (topic, sender) = (world.near.topic::<Note>().open().unwrap(), world.near("sender"));
        world.near.observe::<Note>(phoenix).unwrap();
        world.near.serve::<Query>(phoenix).unwrap();
        world.settle();
        let send = move |_: &mut Probe, ctx: &mut Context<'_>| {
            ctx.notify(topic, Note(1));
            ctx.notify(".near.".parse().unwrap(), Query(2));
            ctx.notify(topic, Note(3));
        };
        world.have(phoenix, |_, _| panic_quietly("again"));
        world.have(sender, send);
        assert!(!world.said().iter().any(|line| line.starts_with("phoenix")), "expected it to be away");
        world.clock.advance(2 * SECOND);
        world.settle();
        assert_eq!(world.said(), seen, "expected what its policy says: {meanwhile:?}");
        world.kernel.notify(topic, Note(4)).unwrap();
        world.settle();
        assert_eq!(world.said(), ["phoenix saw 4"], "expected it to observe as before");
        // Once more than its policy allows.
        world.have(phoenix, |_, _| panic_quietly("again"));
        world.have(sender, send);
        assert_eq!(world.kernel.notify(topic, Note(5)).unwrap_err().code(), Code::NOT_HANDLED, "expected no entry");
        assert!(world.near.close_service::<Query>().is_err(), "expected no entry");
        world.balanced();
    }
}

#[test]
fn copies_that_were_laid_by_are_lost_with_their_observer() {
    let mut world = World::new();
    let log = world.log.clone();
    let make = move || Probe { name: "phoenix", log: log.clone(), receives: None, sees: None };
    let restart = Restart::new().backoff(SECOND..=SECOND, 1);
    let phoenix = world.near.register_factory(Setup::new().restart(restart), make).unwrap();
    let topic = world.near.topic::<Note>().open().unwrap();
    world.near.observe::<Note>(phoenix).unwrap();
    world.settle();
    world.have(phoenix, |_, _| panic_quietly("again"));
    (1..=3).for_each(|number| world.kernel.notify(topic, Note(number)).unwrap());
    world.settle();
    world.near.deregister(phoenix).unwrap();
    world.settle();
    let counters = world.balanced();
    assert_eq!((counters.copies, counters.lost_copies, counters.dead_letters), (3, 3, 1), "expected one panic back");
    assert_eq!(world.kernel.notify(topic, Note(4)).unwrap_err().code(), Code::NOT_HANDLED);
}

#[test]
fn a_target_can_still_use_its_services_while_it_stops() {
    let mut world = World::new();
    let topic = world.near.topic::<Note>().open().unwrap();
    let (observer, sender) = (world.near("observer"), world.near("sender"));
    world.near.observe::<Note>(observer).unwrap();
    world.near.serve::<Query>(sender).unwrap();
    world.have(sender, move |_, ctx| {
        ctx.stop();
        ctx.notify(topic, Note(1));
        let _ = ctx.request(".near.".parse().unwrap(), Query(2));
    });
    assert_eq!(world.said(), ["observer saw 1"]);
    let counters = world.balanced();
    assert_eq!(counters.dead_letters, 1, "expected its own request to find nobody to come back to");
}

#[test]
fn a_kernel_that_stops_answers_everything_that_went_to_services() {
    let kernel = rohrpost::Kernel::builder("stopping").start().unwrap();
    let space = kernel.namespace("space").threads(2).open().unwrap();
    let log = crate::world::Log::default();
    let probe = || Probe { name: "probe", log: log.clone(), receives: None, sees: None };
    for thread in [0, 1] {
        let owner = space.register_on(thread, probe()).unwrap();
        let _ = space.serve::<Query>(owner);
        for _ in 0..10 {
            let observer = space.register_on(thread, probe()).unwrap();
            space.observe::<Query>(observer).unwrap();
        }
    }
    let asks = std::thread::scope(|scope| {
        let asks = scope.spawn(|| {
            let ask = |number| kernel.ask(space.address(), Query(number)).timeout(PATIENCE).wait();
            (0..10_000)
                .map(ask)
                .take_while(|end| !matches!(end, Err(failure) if failure.code() == Code::STOPPED))
                .count()
        });
        std::thread::yield_now();
        assert!(kernel.stop(PATIENCE).is_complete());
        asks.join().unwrap()
    });
    assert!(asks <= 10_000);
    assert!(kernel.counters().is_balanced(), "expected it to add up: {:?}", kernel.counters());
}
