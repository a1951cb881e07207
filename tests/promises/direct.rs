//! Promise 2: a message to an idle target of the sender's thread is a call on the sender's stack, done when `notify`
//! or `request` returns; one to another thread makes exactly one hand-off; there is no mailbox per target. That
//! nothing is allocated is in `tests/allocations/`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rohrpost::{Address, Context, Message, Outcome, Target};

use crate::ways::{DEPTH, Do, Large, Log, Note, PATIENCE, Probe, Query, Reply, Shelf, Way, World, handle, hold_on};

#[test]
fn mail_for_an_idle_target_has_been_handled_when_the_sender_goes_on() {
    for way in [Way::Direct, Way::Named, Way::Timed, Way::Forwarded, Way::Held, Way::OnATick] {
        for mut world in World::both() {
            let route = world.route(way, handle());
            world.along(&route, |me, ctx, to| {
                ctx.notify(to, Note(1));
                me.log.note("a sent 1");
                let _ = ctx.request(to, Query(2));
                me.log.note("a sent 2");
                let _ = ctx.send(Message::notification(to, Note(3)).and(Large(4, [4; 32])));
                me.log.note("a sent 3");
            });
            let lines: Vec<String> =
                world.log.lines().into_iter().filter(|line| line.starts_with("a ") || line.starts_with("b ")).collect();
            let expected = ["b got 1", "a sent 1", "b got 2", "a sent 2", "b got 3+4", "a sent 3", "a back 2 OK"];
            assert_eq!(lines, expected, "expected each to be handled before the next line of the sender, by {way:?}");
        }
    }
}

#[test]
fn the_receiver_runs_on_the_senders_stack() {
    // Two locals of one stack are near each other; nothing else of this size lies between the frames.
    const NEAR: usize = 256 * 1024;
    fn here() -> usize {
        let local = 0_u8;
        (&raw const local).addr()
    }
    for mut world in World::both() {
        let deep = Arc::new(AtomicUsize::new(0));
        let seen = deep.clone();
        let route = world.route(
            Way::Direct,
            Box::new(move |_, _| {
                seen.store(here(), Ordering::SeqCst);
                Outcome::Handled
            }),
        );
        world.along(&route, move |_, ctx, to| {
            ctx.notify(to, Note(1));
            let (below, above) = (here(), deep.load(Ordering::SeqCst));
            assert!(above < below && below - above < NEAR, "expected {above:#x} a little deeper than {below:#x}");
        });
        assert_eq!(world.balanced().panics, 0, "expected the assertion in the handler to hold");
    }
}

#[test]
fn a_large_record_is_not_copied_on_its_way_to_an_idle_target() {
    let mut world = World::driven();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let places = seen.clone();
    let route = world.route(
        Way::Direct,
        Box::new(move |message, _| {
            let large: *const Large = message.record::<Large>().unwrap();
            places.lock().unwrap().push(large.addr());
            Outcome::Handled
        }),
    );
    world.along(&route, move |_, ctx, to| {
        let stack = 0_u8;
        ctx.notify(to, Large(1, [1; 32]));
        let (place, here) = (seen.lock().unwrap()[0], (&raw const stack).addr());
        assert!(place.abs_diff(here) < 64 * 1024, "expected the record at {place:#x} on the sender's stack, {here:#x}");
    });
    assert_eq!(world.balanced().panics, 0, "expected the assertion in the handler to hold");
}

#[test]
fn a_chain_of_idle_targets_is_one_nested_call() {
    for mut world in World::both() {
        let log = world.log.clone();
        let last = world.near("last", handle());
        let chain = (1..DEPTH - 1).fold(last, |next, _| {
            let log = log.clone();
            world.near(
                "link",
                Box::new(move |message: &mut Message<'_>, ctx: &mut Context<'_>| {
                    let note = message.take::<Note>().unwrap();
                    ctx.notify(next, note);
                    log.note("link returns");
                    Outcome::Handled
                }),
            )
        });
        let a = world.near("a", handle());
        world.settle();
        world.log.take();
        world.have(a, move |me, ctx| {
            ctx.notify(chain, Note(1));
            me.log.note("a returns");
        });
        let mut expected = vec!["link got 1"; DEPTH - 2];
        expected.push("last got 1");
        expected.extend(vec!["link returns"; DEPTH - 2]);
        expected.push("a returns");
        assert_eq!(world.log.lines(), expected, "expected the calls to nest");
    }
}

#[test]
fn a_call_has_its_answer_when_it_returns() {
    for mut world in World::both() {
        let route = world.route(Way::Direct, handle());
        world.along(&route, |me, ctx, to| {
            for number in 0..3 {
                let Reply(answer) = ctx.call(to, Query(number)).unwrap();
                me.log.note(format!("a has {answer}"));
            }
        });
        let expected = ["b got 0", "a has 0", "b got 1", "a has 1", "b got 2", "a has 2"];
        assert_eq!(world.log.lines(), expected, "expected question and answer in turn");
    }
}

/// Sends a note to another target from every method it has.
struct Everywhere {
    log: Log,
    to: Address,
}

impl Everywhere {
    fn tell(&self, ctx: &Context<'_>, number: u32) {
        ctx.notify(self.to, Note(number));
        self.log.note(format!("sent {number}"));
    }
}

impl Target for Everywhere {
    fn receive(&mut self, _message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        self.tell(ctx, 2);
        let _ = ctx.request(self.to, Query(3));
        ctx.request(self.to, Query(4)).then_on(self, |me, _, ctx| me.tell(ctx, 5));
        Outcome::Handled
    }

    fn answered(&mut self, _answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        self.tell(ctx, 6);
    }

    fn started(&mut self, ctx: &mut Context<'_>) {
        self.tell(ctx, 1);
    }

    fn stopping(&mut self, ctx: &mut Context<'_>) {
        self.tell(ctx, 7);
    }
}

#[test]
fn mail_is_direct_from_every_method_of_a_target() {
    for mut world in World::both() {
        let b = world.near("b", handle());
        world.settle();
        world.log.take();
        let target = world.near.register(Everywhere { log: world.log.clone(), to: b }).unwrap();
        world.settle();
        world.kernel.notify(target, Note(0)).unwrap();
        world.settle();
        world.near.deregister(target).unwrap();
        world.settle();
        let expected = [
            "b got 1", "sent 1", "b got 2", "sent 2", "b got 3", "b got 4", "b got 6", "sent 6", "b got 5", "sent 5",
            "b got 7", "sent 7",
        ];
        assert_eq!(world.log.lines(), expected, "expected each to be handled before the next line of its sender");
    }
}

#[test]
fn a_target_that_was_registered_in_this_handler_is_started_and_idle_at_once() {
    for mut world in World::both() {
        let a = world.near("a", handle());
        world.settle();
        world.log.take();
        world.have(a, move |me, ctx| {
            let log = me.log.clone();
            let b = ctx.register(Probe::new("b", &log, handle())).unwrap();
            ctx.notify(b, Note(1));
            log.note("a sent 1");
            ctx.deregister(b).unwrap();
            log.note("a has deregistered b");
        });
        let expected = ["b started", "b got 1", "a sent 1", "b stopping", "a has deregistered b"];
        assert_eq!(world.log.lines(), expected, "expected everything within one handler");
    }
}

#[test]
fn a_target_is_idle_again_when_what_waited_for_it_has_been_delivered() {
    for way in [Way::Reentered, Way::TooDeep] {
        for mut world in World::both() {
            let route = world.route(way, handle());
            world.along(&route, |me, ctx, to| {
                ctx.notify(to, Note(1));
                me.log.note("a sent 1");
            });
            let to = route.b;
            world.have(route.a, move |me, ctx| {
                ctx.notify(to, Note(2));
                me.log.note("a sent 2");
            });
            let expected = ["a sent 1", "b got 1", "b got 2", "a sent 2"];
            assert_eq!(world.log.lines(), expected, "expected the first to wait and the second to be direct, {way:?}");
        }
    }
}

#[test]
fn a_message_to_another_thread_is_one_hand_off_and_its_answer_another() {
    const MESSAGES: u32 = 100;
    let mut world = World::driven();
    let route = world.route(Way::OtherThread, handle());
    let to = route.to;
    world
        .kernel
        .notify(route.a, Do::new(move |_, ctx| (0..MESSAGES).for_each(|number| drop(ctx.request(to, Query(number))))))
        .unwrap();
    // A turn takes one message from the hand-off, so turns count hand-offs.
    assert_eq!(world.worker(0).run_until_idle(), 1, "expected one message for a");
    assert_eq!(world.log.lines(), [""; 0], "expected nothing to be handled before far runs");
    assert_eq!(world.worker(1).run_until_idle(), MESSAGES as usize, "expected one hand-off for each message");
    assert_eq!(world.log.of("b got").len(), MESSAGES as usize, "expected each to be handled");
    assert_eq!(world.log.of("a back").len(), 0, "expected no answer before near runs");
    assert_eq!(world.worker(0).run_until_idle(), MESSAGES as usize, "expected one hand-off for each answer");
    assert_eq!(world.log.of("a back").len(), MESSAGES as usize, "expected each answer");
    assert!(!world.worker(1).run_once(), "expected nothing else to have been sent");
}

#[test]
fn a_handled_notification_sends_nothing_back() {
    let mut world = World::driven();
    let route = world.route(Way::OtherThread, handle());
    let to = route.to;
    world.kernel.notify(route.a, Do::new(move |_, ctx| ctx.notify(to, Note(1)))).unwrap();
    world.worker(0).run_until_idle();
    assert_eq!(world.worker(1).run_until_idle(), 1, "expected one hand-off");
    assert!(!world.worker(0).is_ready(), "expected nothing to come back");
}

#[test]
fn another_thread_of_the_same_namespace_is_reached_by_one_hand_off() {
    let world = World::threaded();
    let space = world.kernel.namespace("pair").threads(2).open().unwrap();
    let log = world.log.clone();
    let [a, b] =
        [(0, "a"), (1, "b")].map(|(thread, name)| space.register_on(thread, Probe::new(name, &log, handle())).unwrap());
    // `b` cannot be called on the stack of `a`, which waits for it: both threads run at once.
    let waits = log.clone();
    world
        .kernel
        .notify(
            a,
            Do::new(move |_, ctx| {
                ctx.notify(b, Note(1));
                waits.wait_until(|lines| lines.iter().any(|line| line == "b got 1"));
                waits.note("a has seen it");
            }),
        )
        .unwrap();
    log.wait_until(|lines| lines.iter().any(|line| line == "a has seen it"));
    assert!(world.kernel.stop(PATIENCE).is_complete(), "expected both threads to end");
    world.balanced();
}

#[test]
fn a_held_message_leaves_its_target_idle() {
    for mut world in World::both() {
        let shelf = Shelf::default();
        let route = world.route(Way::Direct, hold_on(&shelf));
        world.along(&route, |me, ctx, to| {
            for number in 0..3 {
                let _ = ctx.request(to, Query(number));
                me.log.note(format!("a sent {number}"));
            }
        });
        let expected = ["b got 0", "a sent 0", "b got 1", "a sent 1", "b got 2", "a sent 2"];
        assert_eq!(world.log.lines(), expected, "expected a target that holds mail to take more of it directly");
        drop(shelf.take());
        world.settle();
        world.balanced();
    }
}
