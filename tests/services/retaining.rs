//! A service that retains the last message gives it to a new observer first, then every later one exactly once.

use std::time::Duration;

use rohrpost::{Code, Context};

use crate::world::{Brittle, Do, Note, Probe, World, in_order, panic_quietly};

#[test]
fn a_new_observer_gets_the_last_message_first_and_then_later_ones() {
    let mut world = World::new();
    let topic = world.near.topic::<Note>().retain_last().open().unwrap();
    assert_eq!(world.kernel.notify(topic, Note(1)).unwrap_err().code(), Code::NOT_HANDLED, "expected nobody yet");
    let sender = world.near("sender");
    world.have(sender, move |_, ctx| ctx.notify(topic, Note(2)));
    assert_eq!(world.said(), ["sender back 2 NOT_HANDLED"]);
    for (worker, name) in [(0, "near"), (1, "far"), (0, "second"), (1, "other")] {
        let probe = world.probe(name);
        let observer = world.place(worker, probe);
        world.near.observe::<Note>(observer).unwrap();
        world.near.observe::<Note>(observer).unwrap();
        world.settle();
        assert_eq!(world.said(), [format!("{name} saw 2")], "expected what was kept, once");
    }
    world.have(sender, move |_, ctx| ctx.notify(topic, Note(3)));
    let mut said = world.said();
    said.sort();
    assert_eq!(said, ["far saw 3", "near saw 3", "other saw 3", "second saw 3"]);
    world.balanced();
}

#[test]
fn a_handler_that_observes_gets_the_last_message_when_it_has_returned() {
    let mut world = World::new();
    let topic = world.near.topic::<Note>().retain_last().open().unwrap();
    let _ = world.kernel.notify(topic, Note(1));
    for worker in [0, 1] {
        let probe = world.probe("me");
        let observer = world.place(worker, probe);
        world.have(observer, move |probe, ctx| {
            ctx.observe::<Note>(topic).unwrap();
            ctx.notify(topic, Note(2));
            probe.note("returns");
        });
        let said = world.said();
        in_order(&said, &["me returns", "me saw 1", "me saw 2"]);
        world.have(observer, move |_, ctx| ctx.unobserve::<Note>(topic).unwrap());
        let _ = world.kernel.notify(topic, Note(1));
        world.settle();
        assert!(world.said().is_empty());
    }
    world.balanced();
}

#[test]
fn whatever_is_on_its_way_when_somebody_observes_is_seen_once() {
    let mut world = World::new();
    let topic = world.near.topic::<Note>().retain_last().open().unwrap();
    let (first, second, sender) = (world.far("first"), world.far("second"), world.near("sender"));
    world.near.observe::<Note>(first).unwrap();
    world.settle();
    // A copy of 1 is in the hand-off of their thread when the second one comes, and 2 goes out behind that.
    world.kernel.notify(topic, Note(1)).unwrap();
    world.near.observe::<Note>(second).unwrap();
    world.tell(sender, move |_, ctx| ctx.notify(topic, Note(2)));
    world.workers[0].run_until_idle();
    world.settle();
    let said = world.said();
    for name in ["first", "second"] {
        let mine: Vec<&String> = said.iter().filter(|line| line.starts_with(name)).collect();
        assert_eq!(mine, [&format!("{name} saw 1"), &format!("{name} saw 2")], "expected each once, in order");
    }
    world.balanced();
}

#[test]
fn a_target_that_has_not_settled_yet_gets_the_last_of_what_it_missed() {
    let mut world = World::new();
    let topic = world.near.topic::<Note>().retain_last().open().unwrap();
    let sender = world.near("sender");
    let (space, log) = (world.near.clone(), world.log.clone());
    // Registered from another thread while its own is in a handler: it is not there when 2 is published there.
    let _ = world.kernel.notify(topic, Note(1));
    world.have(sender, move |_, ctx| {
        std::thread::scope(|scope| {
            let register = || {
                let probe = Probe { name: "late", log, receives: None, sees: None };
                let late = space.register(probe).unwrap();
                space.observe::<Note>(late).unwrap();
            };
            scope.spawn(register).join().unwrap();
        });
        ctx.notify(topic, Note(2));
    });
    assert_eq!(world.said(), ["sender back 2 NOT_HANDLED", "late saw 2"]);
    let _ = world.kernel.notify(topic, Note(3));
    world.settle();
    assert_eq!(world.said(), ["late saw 3"]);
    world.balanced();
}

#[test]
fn a_service_with_an_owner_retains_too_on_whichever_thread() {
    let mut world = World::new();
    for worker in [0, 1] {
        let probe = world.probe("owner");
        let owner = world.place(worker, probe);
        let space = [world.near.clone(), world.far.clone()][worker].clone();
        let service = space.service::<Note>().retain_last().owner(owner).open().unwrap();
        let (near, far, sender) = (world.near("near"), world.far("far"), world.near("sender"));
        world.have(sender, move |_, ctx| ctx.notify(service, Note(1)));
        assert_eq!(world.said(), ["owner got 1"]);
        for observer in [near, far] {
            space.observe::<Note>(observer).unwrap();
        }
        world.have(sender, move |_, ctx| ctx.notify(service, Note(2)));
        world.kernel.notify(service, Note(3)).unwrap();
        world.settle();
        let said = world.said();
        in_order(&said, &["near saw 1", "near saw 2", "near saw 3"]);
        in_order(&said, &["far saw 1", "far saw 2", "far saw 3"]);
        in_order(&said, &["owner got 2", "owner got 3"]);
        assert_eq!(said.len(), 8, "expected each once: {said:?}");
    }
    world.balanced();
}

#[test]
fn what_is_retained_does_not_expire() {
    let mut world = World::new();
    let topic = world.near.topic::<Note>().retain_last().open().unwrap();
    let (sender, observer) = (world.near("sender"), world.near("observer"));
    world.have(sender, move |_, ctx| ctx.within(Duration::from_secs(1)).notify(topic, Note(1)));
    world.clock.advance(Duration::from_secs(60));
    world.said();
    world.near.observe::<Note>(observer).unwrap();
    world.settle();
    assert_eq!(world.said(), ["observer saw 1"]);
}

#[test]
fn what_cannot_be_copied_is_not_retained_and_harms_nobody() {
    let mut world = World::new();
    let topic = world.near.topic::<Brittle>().retain_last().open().unwrap();
    let (observer, sender) = (world.near("observer"), world.near("sender"));
    world.near.observe::<Brittle>(observer).unwrap();
    world.have(sender, move |_, ctx| ctx.notify(topic, Brittle));
    world.kernel.notify(topic, Brittle).unwrap_err();
    world.settle();
    assert_eq!(world.said(), ["observer saw services.brittle"]);
    let late = world.near("late");
    world.near.observe::<Brittle>(late).unwrap();
    world.settle();
    assert!(world.said().is_empty(), "expected nothing to have been kept");
    world.balanced();
}

/// Panics when the last one is dropped.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "it is there to be dropped")]
struct Glass(std::sync::Arc<Shard>);
rohrpost::record!(Glass, "services.glass");

#[derive(Debug)]
struct Shard;

impl Drop for Shard {
    fn drop(&mut self) {
        panic_quietly("it broke");
    }
}

#[test]
fn a_retained_record_that_panics_when_it_is_dropped_harms_nobody() {
    let mut world = World::new();
    let topic = world.near.topic::<Glass>().retain_last().open().unwrap();
    let (observer, sender) = (world.near("observer"), world.near("sender"));
    world.near.observe::<Glass>(observer).unwrap();
    for _ in 0..2 {
        world.have(sender, move |probe, ctx| {
            ctx.notify(topic, Glass(std::sync::Arc::new(Shard)));
            probe.note("goes on");
        });
        world.kernel.notify(topic, Glass(std::sync::Arc::new(Shard))).unwrap();
        world.settle();
    }
    let step = Do::new(move |_: &mut Probe, ctx: &mut Context<'_>| ctx.unobserve::<Glass>(topic).unwrap());
    world.kernel.notify(observer, step).unwrap();
    world.settle();
    let calm = world.said().iter().filter(|line| *line == "sender goes on").count();
    assert_eq!((calm, world.balanced().observed), (2, 4), "expected everybody to go on");
    world.near.close_service::<Glass>().expect("expected whoever closes it not to be blamed");
    let topic = world.near.topic::<Glass>().retain_last().open().unwrap();
    world.kernel.notify(topic, Glass(std::sync::Arc::new(Shard))).map_err(std::mem::forget).unwrap_err();
    let _ = world.kernel.stop(crate::world::PATIENCE);
}

#[test]
fn whoever_observes_a_topic_that_was_opened_anew_sees_nothing_older_than_its_last_message() {
    let mut world = World::new();
    let topic = world.near.topic::<Note>().retain_last().open().unwrap();
    let (first, second) = (world.far("first"), world.far("second"));
    world.near.observe::<Note>(first).unwrap();
    world.settle();
    for number in 1..=3 {
        // On its way to the thread of both, to be shown to whoever observes then.
        world.kernel.notify(topic, Note(number)).unwrap();
    }
    world.near.close_service::<Note>().unwrap();
    world.near.topic::<Note>().retain_last().open().unwrap();
    assert_eq!(world.kernel.notify(topic, Note(4)).unwrap_err().code(), Code::NOT_HANDLED);
    world.near.observe::<Note>(second).unwrap();
    world.settle();
    world.kernel.notify(topic, Note(5)).unwrap();
    world.settle();
    assert_eq!(world.said(), ["second saw 4", "second saw 5"], "expected the last message first, and then later ones");
    world.balanced();
}

#[test]
fn whoever_observes_a_topic_that_was_opened_anew_sees_nothing_that_the_one_before_left_on_its_way() {
    for (before, after) in [(false, true), (true, false), (false, false), (true, true)] {
        let mut world = World::new();
        let open = |space: &rohrpost::Namespace, retains| {
            let topic = space.topic::<Note>();
            if retains { topic.retain_last() } else { topic }.open().unwrap()
        };
        let topic = open(&world.near, before);
        let (first, second, sender) = (world.far("first"), world.far("second"), world.near("sender"));
        world.near.observe::<Note>(first).unwrap();
        world.settle();
        // One from outside and one from a thread, on their way to the thread of both.
        world.kernel.notify(topic, Note(1)).unwrap();
        world.tell(sender, move |_, ctx| ctx.notify(topic, Note(2)));
        world.workers[0].run_until_idle();
        world.near.close_service::<Note>().unwrap();
        open(&world.near, after);
        world.near.observe::<Note>(second).unwrap();
        world.settle();
        world.kernel.notify(topic, Note(3)).unwrap();
        world.settle();
        assert_eq!(world.said(), ["second saw 3"], "retaining {before}, then {after}: expected nothing of before");
        world.balanced();
    }
}

#[test]
fn whoever_observes_a_service_that_was_opened_anew_and_retains_sees_nothing_that_was_for_the_one_before() {
    let mut world = World::new();
    let (owner, first, second) = (world.far("owner"), world.far("first"), world.far("second"));
    let service = world.far.service::<Note>().owner(owner).open().unwrap();
    world.far.observe::<Note>(first).unwrap();
    world.settle();
    world.kernel.notify(service, Note(1)).unwrap();
    world.far.close_service::<Note>().unwrap();
    world.far.service::<Note>().owner(owner).retain_last().open().unwrap();
    world.far.observe::<Note>(second).unwrap();
    world.settle();
    assert_eq!(world.said(), ["owner got 1"], "expected the owner alone to get it");
    world.balanced();
}

/// Has its topic closed and opened anew while it is cloned for the first time.
#[derive(Debug)]
struct Upheaval(Option<rohrpost::Namespace>, std::sync::Arc<std::sync::atomic::AtomicBool>);
rohrpost::record!(Upheaval, "services.upheaval");

impl Clone for Upheaval {
    fn clone(&self) -> Self {
        if let Some(space) = self.0.as_ref().filter(|_| !self.1.swap(true, std::sync::atomic::Ordering::Relaxed)) {
            space.close_service::<Self>().unwrap();
            space.topic::<Self>().retain_last().open().unwrap();
        }
        Self(self.0.clone(), self.1.clone())
    }
}

#[test]
fn what_is_published_while_its_topic_is_opened_anew_is_retained_by_the_new_one() {
    let mut world = World::new();
    let topic = world.near.topic::<Upheaval>().retain_last().open().unwrap();
    let (sender, observer) = (world.near("sender"), world.near("observer"));
    let space = world.near.clone();
    world.have(sender, move |_, ctx| ctx.notify(topic, Upheaval(Some(space), std::sync::Arc::default())));
    world.said();
    world.near.observe::<Upheaval>(observer).unwrap();
    world.settle();
    assert_eq!(world.said(), ["observer saw services.upheaval"], "expected what was published last");
    world.balanced();
}
