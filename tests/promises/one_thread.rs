//! Promise 1: a target's code always runs on the same worker thread, never twice at once, and targets on one thread
//! may share what is not `Send`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread::{ThreadId, current};

use rohrpost::{Address, Context, Driven, Message, OnPanic, Outcome, Setup, Target};

use crate::probes::panic_quietly;
use crate::ways::{Do, Note, PATIENCE, Probe, Query, Way, World, handle};

/// Reports on which thread each of its methods runs. Its `Rc` keeps the compiler from sending it anywhere.
struct Homebody {
    seen: Sender<(&'static str, ThreadId)>,
    inside: Rc<Cell<bool>>,
}

impl Homebody {
    fn new(seen: Sender<(&'static str, ThreadId)>) -> Self {
        let homebody = Self { seen, inside: Rc::default() };
        homebody.note("made");
        homebody
    }

    fn note(&self, method: &'static str) {
        // Nobody listens any more when the test is over.
        let _ = self.seen.send((method, current().id()));
    }

    fn once(&self, method: &'static str) -> impl Drop + use<> {
        struct Leave(Rc<Cell<bool>>);
        impl Drop for Leave {
            fn drop(&mut self) {
                self.0.set(false);
            }
        }

        self.note(method);
        assert!(!self.inside.replace(true), "expected `{method}` not to run inside another method");
        Leave(self.inside.clone())
    }
}

impl Target for Homebody {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let _once = self.once("receive");
        if let Some(&To(peer)) = message.record::<To>() {
            // To itself it waits; to the peer it goes as it can.
            ctx.notify(ctx.address(), Note(1));
            let _ = ctx.request(peer, Query(1));
            ctx.request(peer, Query(2)).then_on(self, |me, _, _| drop(me.once("continuation")));
            if message.sender().is_none() {
                ctx.notify(peer, To(ctx.address()));
            }
        }
        if message.record::<Boom>().is_some() {
            panic_quietly("as told");
        }
        if let Some(&Query(number)) = message.record() {
            message.answer(crate::ways::Reply(number));
        }
        Outcome::Handled
    }

    fn answered(&mut self, _answer: &mut Message<'_>, _ctx: &mut Context<'_>) {
        let _once = self.once("answered");
    }

    fn started(&mut self, _ctx: &mut Context<'_>) {
        let _once = self.once("started");
    }

    fn stopping(&mut self, _ctx: &mut Context<'_>) {
        let _once = self.once("stopping");
    }
}

impl Drop for Homebody {
    fn drop(&mut self) {
        self.note("dropped");
    }
}

/// Tells a [`Homebody`] whom to talk to.
#[derive(Clone, Debug)]
struct To(Address);
rohrpost::record!(To, "one-thread.to");

/// Tells a [`Homebody`] to panic.
#[derive(Clone, Debug)]
struct Boom;
rohrpost::record!(Boom, "one-thread.boom");

#[test]
fn every_method_of_a_target_runs_on_the_thread_it_lives_on() {
    for mut world in World::both() {
        let (seen, reports) = channel();
        let home =
            if world.is_driven() { current().id() } else { world.near.build_on(0, |_| Ok(current().id())).unwrap() };
        let make = move || Homebody::new(seen.clone());
        let one = world.near.register_factory(Setup::new(), make.clone()).unwrap();
        let same_thread = world.near.register_factory(Setup::new(), make).unwrap();
        let other_thread = world.far("other", handle());
        for peer in [same_thread, other_thread, one] {
            world.kernel.notify(one, To(peer)).unwrap();
            world.kernel.notify(one, Boom).unwrap();
            world.settle();
        }
        world.near.deregister(one).unwrap();
        world.settle();
        let _report = world.kernel.stop(PATIENCE);
        drop(world);

        let reports: Vec<_> = reports.try_iter().collect();
        for method in ["made", "started", "receive", "answered", "continuation", "stopping", "dropped"] {
            assert!(reports.iter().any(|(seen, _)| *seen == method), "expected `{method}` to have run: {reports:?}");
        }
        let strays: Vec<_> = reports.iter().filter(|(_, thread)| *thread != home).collect();
        assert!(strays.is_empty(), "expected everything on {home:?}, also factory, restart and `Drop`: {strays:?}");
    }
}

#[test]
fn whichever_way_a_message_takes_it_is_handled_on_the_receivers_thread_and_answered_on_the_senders() {
    for way in Way::ALL {
        let mut world = World::threaded();
        let (seen, threads) = channel();
        let handled = seen.clone();
        let route = world.route(
            way,
            Box::new(move |message, _| {
                handled.send(("b", current().id())).unwrap();
                message.answer(crate::ways::Reply(1));
                Outcome::Handled
            }),
        );
        world.along(&route, move |me, ctx, to| {
            seen.send(("a", current().id())).unwrap();
            let answered = seen.clone();
            ctx.request(to, Query(1)).then_on(me, move |_, answer, _| {
                assert_eq!(answer.unwrap(), crate::ways::Reply(1), "expected the answer to Query(1)");
                answered.send(("a", current().id())).unwrap();
            });
        });
        let near = world.near.build_on(0, |_| Ok(current().id())).unwrap();
        let far = world.far.build_on(0, |_| Ok(current().id())).unwrap();
        let home_of_b = if matches!(way, Way::OtherThread | Way::ServiceElsewhere) { far } else { near };
        let threads: Vec<_> = threads.try_iter().collect();
        let expected = [("a", near), ("b", home_of_b), ("a", near)];
        assert_eq!(threads, expected, "expected a to send, b to handle, a to be answered, each at home: {way:?}");
    }
}

#[test]
fn senders_on_many_threads_never_meet_inside_a_target() {
    const SENDERS: usize = 4;
    const EACH: usize = 500;

    struct Alone(Arc<AtomicUsize>, Arc<AtomicUsize>);
    impl Target for Alone {
        fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            assert_eq!(self.0.fetch_add(1, Ordering::SeqCst), 0, "expected nobody else inside");
            std::thread::yield_now();
            self.0.fetch_sub(1, Ordering::SeqCst);
            self.1.fetch_add(1, Ordering::SeqCst);
            Outcome::Handled
        }
    }

    let mut world = World::threaded_with(|builder| builder.capacity(1 << 14));
    let (inside, handled) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let alone = world.near.register(Alone(inside, handled.clone())).unwrap();
    let talker = world.far("talker", handle());
    let together = Arc::new(Barrier::new(SENDERS));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (kernel, together) = (world.kernel.clone(), together.clone());
            std::thread::spawn(move || {
                together.wait();
                for _ in 0..EACH {
                    if sender % 2 == 0 {
                        kernel.notify(alone, Note(1)).unwrap();
                    } else {
                        kernel.notify(talker, Do::new(move |_, ctx| ctx.notify(alone, Note(1)))).unwrap();
                    }
                }
            })
        })
        .collect();
    for sender in senders {
        sender.join().unwrap();
    }
    world.settle();
    assert_eq!(handled.load(Ordering::SeqCst), SENDERS * EACH, "expected every message to have been handled");
    assert_eq!(world.balanced().panics, 0, "expected no panic, so nobody met anybody");
}

#[test]
fn targets_of_one_thread_share_what_is_not_send() {
    struct Adds(Rc<RefCell<Vec<u32>>>);
    impl Target for Adds {
        fn receive(&mut self, message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            let Some(&Note(number)) = message.record() else {
                return Outcome::NotHandled;
            };
            self.0.borrow_mut().push(number);
            Outcome::Handled
        }
    }
    struct Tells(Rc<RefCell<Vec<u32>>>);
    impl Target for Tells {
        fn receive(&mut self, message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            message.answer(crate::ways::Reply(self.0.borrow().iter().sum()));
            Outcome::Handled
        }
    }

    let mut world = World::threaded();
    let (adds, tells) = world
        .near
        .build_on(0, |thread| {
            let shared = Rc::new(RefCell::new(Vec::new()));
            Ok((thread.register(Adds(shared.clone()))?, thread.register(Tells(shared))?))
        })
        .unwrap();
    let other = world.far("other", handle());
    world.have(other, move |_, ctx| (1..=10).for_each(|number| ctx.notify(adds, Note(number))));
    let sum = world.ask(tells, Query(0)).unwrap();
    assert_eq!(sum, crate::ways::Reply(55), "expected both targets to see the same list");
}

#[test]
fn a_local_resource_is_one_for_all_targets_of_a_thread_and_another_on_each_thread() {
    #[derive(Default)]
    struct Resource(Cell<u32>);
    struct Counts;
    impl Target for Counts {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            let resource = ctx.local::<Resource>();
            resource.0.set(resource.0.get() + 1);
            message.answer(crate::ways::Reply(resource.0.get()));
            Outcome::Handled
        }
    }

    let mut world = World::threaded();
    let space = world.kernel.namespace("pair").threads(2).open().unwrap();
    let targets = [0, 0, 1].map(|thread| space.register_on(thread, Counts).unwrap());
    let counts = targets.map(|target| world.ask(target, Query(0)).unwrap().0);
    assert_eq!(counts, [1, 2, 1], "expected thread 0 to share its resource and thread 1 to have its own");
}

#[test]
fn a_panic_with_restart_does_not_move_a_target() {
    let mut world = World::threaded();
    let (seen, reports) = channel();
    let setup = Setup::new().on_panic(OnPanic::Restart);
    let target = world.near.register_factory(setup, move || Homebody::new(seen.clone())).unwrap();
    let caller = world.near("caller", handle());
    for _ in 0..3 {
        world.have(caller, move |_, ctx| ctx.notify(target, Boom));
    }
    let home = world.near.build_on(0, |_| Ok(current().id())).unwrap();
    let made: Vec<_> = reports.try_iter().filter(|(method, _)| *method == "made").map(|(_, thread)| thread).collect();
    assert_eq!(made, vec![home; 4], "expected one target and three successors, all made at home");
}

#[test]
fn a_worker_may_be_driven_from_a_handler_of_another_worker_and_keeps_its_targets_apart() {
    /// Drives a worker of its own when it is told to.
    struct Drives(Driven);
    impl Target for Drives {
        fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            self.0.run_until_idle();
            Outcome::Handled
        }
    }

    let mut world = World::threaded();
    let (kernel, log) = (world.kernel.clone(), world.log.clone());
    let outer = world.near("outer", handle());
    let (drives, inner) = world
        .near
        .build_on(0, move |thread| {
            let (space, worker) = kernel.namespace("inner").driven().unwrap();
            let inner = space.register(Probe::new("inner", &log, handle()))?;
            Ok((thread.register(Drives(worker))?, inner))
        })
        .unwrap();
    // `inner` runs on the same system thread as `outer`, on top of it; still that is another worker.
    world
        .kernel
        .notify(
            inner,
            Do::new(move |me, ctx| {
                let code = ctx.call(outer, Query(1)).unwrap_err().code();
                me.log.note(format!("inner called {code}"));
                let _ = ctx.request(outer, Query(2));
                me.log.note("inner returns");
            }),
        )
        .unwrap();
    for _ in 0..2 {
        world.kernel.notify(drives, Note(0)).unwrap();
        world.settle();
    }
    let lines = world.log.lines();
    let of_both: Vec<&String> = lines.iter().filter(|line| !line.ends_with("started")).collect();
    let expected = ["inner called WOULD_BLOCK", "inner returns", "outer got 2", "inner back 2 OK"];
    assert_eq!(of_both, expected, "expected a hand-off each way");
    world.near.deregister(drives).unwrap();
    world.settle();
    world.balanced();
}
