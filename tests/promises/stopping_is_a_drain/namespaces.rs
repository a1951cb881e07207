//! Namespaces that close: from outside, from their own threads, by dropping a driven worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rohrpost::{Address, Code, Context, Kernel, Message, OpenError, Outcome, RegisterError, Target};

use crate::hazards::{eventually, eventually_balanced};
use crate::ways::{Do, Log, Note, PATIENCE, Probe, Query, Reply, Shelf, Way, World, handle, hold_on, poll};

#[test]
fn mail_of_every_way_comes_back_stopped_when_the_receivers_namespace_closes() {
    for way in Way::ALL {
        let mut world = World::driven();
        let shelf = Shelf::default();
        let receiver = world.far("end", hold_on(&shelf));
        let route = world.route(way, crate::ways::forward_to(receiver));
        world.along(&route, move |_, ctx, to| {
            let _ = ctx.request(to, Query(1));
        });
        assert_eq!(world.log.of("end got"), ["end got 1"], "expected the request to be held by {way:?}");
        let report = world.far.close(PATIENCE);
        assert_eq!(report.driven, ["far/0"], "expected the driven worker to be named");
        world.along(&route, move |_, ctx, to| ctx.notify(to, Note(2)));
        let back = world.log.of("a back");
        assert!(
            matches!(&*back, [one] if one.ends_with("STOPPED") || one.ends_with("NO_NAMESPACE")),
            "expected later mail to come back by {way:?}: {back:?}"
        );
        shelf.take().remove(0).answer(Reply(1));
        world.settle();
        assert_eq!(world.log.of("a back 1"), ["a back 1 OK"], "expected what others hold to be answered still");
        world.balanced();
    }
}

#[test]
fn everything_on_the_way_to_a_closing_namespace_ends_with_stopped() {
    let mut world = World::driven();
    let mut kept = Vec::new();
    let keeper: crate::ways::Habit = Box::new(move |message, ctx| {
        kept.extend(ctx.hold(message));
        Outcome::Handled
    });
    let (keeper, receiver) = (world.far("keeper", keeper), world.far("b", handle()));
    let sender = world.near("a", handle());
    world.settle();
    world.log.take();
    // One is held, one waits in the hand-off, one waits outside, and three notifications go the same ways.
    let mut held = world.kernel.ask(keeper, Query(1));
    assert!(poll(&mut held).is_none(), "expected the question to be held");
    world.have(sender, move |_, ctx| {
        let _ = ctx.request(keeper, Query(2));
        ctx.notify(keeper, Note(3));
    });
    let send = Do::new(move |_, ctx| {
        let _ = ctx.request(receiver, Query(4));
        ctx.notify(receiver, Note(5));
    });
    world.kernel.notify(sender, send).unwrap();
    let report = world.far.close(PATIENCE);
    assert!(!report.is_complete(), "expected a driven worker to end when it is driven: {report:?}");
    world.worker(0).run_until_idle();
    let mut late = world.kernel.ask(receiver, Query(6));
    let late_end = poll(&mut late);
    world.settle();
    let codes = [poll(&mut held), late_end.or_else(|| poll(&mut late))]
        .map(|end| end.expect("expected an end").map_err(|failure| failure.code()));
    assert_eq!(codes[0], Err(Code::STOPPED), "expected what was held to come back");
    assert!(matches!(codes[1], Err(Code::STOPPED | Code::NO_NAMESPACE)), "expected nobody there: {codes:?}");
    let mut back = world.log.of("a back");
    back.sort();
    let expected = ["a back 2 STOPPED", "a back 3 STOPPED", "a back 4 STOPPED", "a back 5 STOPPED"];
    assert_eq!(back, expected, "expected everything to come back");
    assert_eq!(world.log.of("b"), ["b stopping"], "expected nobody to handle what came too late");
    world.balanced();
}

#[test]
fn a_namespace_closes_from_outside_and_its_threads_end() {
    let kernel = Kernel::builder("stopping").start().unwrap();
    let (space, other) =
        (kernel.namespace("space").threads(3).open().unwrap(), kernel.namespace("other").open().unwrap());
    let log = Log::default();
    let targets: Vec<Address> =
        (0..30).map(|n| space.register_on(n % 3, Probe::new("b", &log, handle())).unwrap()).collect();
    let there = other.register(Probe::new("there", &log, handle())).unwrap();
    let report = space.close(PATIENCE);
    let mut ended = report.ended.clone();
    ended.sort();
    assert_eq!(ended, ["space/0", "space/1", "space/2"], "expected the threads by name");
    assert!(report.is_complete(), "expected all of them to have ended: {report:?}");
    assert_eq!(log.of("b stopping").len(), 30, "expected every target to be told");
    for target in targets {
        let code = kernel.ask(target, Query(1)).wait().expect_err("expected nobody there").code();
        assert_eq!(code, Code::NO_NAMESPACE, "expected no namespace");
        let refused = kernel.notify(target, Note(1)).expect_err("expected nobody there");
        assert_eq!(refused.code(), Code::NO_NAMESPACE, "expected no namespace: {refused}");
    }
    let refused = space.register(Probe::new("late", &log, handle()));
    assert_eq!(refused, Err(RegisterError::Stopped), "expected nobody to be registered any more");
    let end = kernel.ask(there, Query(1)).timeout(PATIENCE).wait();
    assert_eq!(end.ok(), Some(Reply(1)), "expected the other namespace to go on");
    let again = space.close(PATIENCE);
    assert!(again.is_complete(), "expected a second close to find everything done: {again:?}");
    let counters = kernel.counters();
    assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
    assert_eq!((counters.registered, counters.deregistered), (31, 30), "expected all but one to have gone");
}

#[test]
fn a_namespace_may_be_closed_by_a_handler_of_its_own() {
    let mut world = World::threaded();
    let (sender, other) = (world.far("a", handle()), world.near("b", handle()));
    let closer = world.near("closer", handle());
    world.settle();
    world.log.take();
    let space = world.near.clone();
    let (told, reports) = mpsc::channel();
    let step = Do::new(move |probe, ctx| {
        let report = space.close(PATIENCE);
        probe.log.note("closer goes on");
        let answer = ctx.call(other, Query(1)).map_err(|failure| failure.code());
        let _ = told.send((report, answer.is_ok() || answer == Err(Code::STOPPED)));
    });
    world.kernel.notify(closer, step).unwrap();
    let (report, called) = reports.recv_timeout(PATIENCE).expect("expected the handler to go on");
    assert!(report.in_background && !report.is_complete(), "expected it not to wait for itself: {report:?}");
    assert!(called, "expected a call to be answered or refused");
    world.log.wait_until(|lines| lines.contains(&"b stopping".to_owned()));
    eventually("the namespace is gone", || kernel_code(&world.kernel, other) == Code::NO_NAMESPACE);
    assert_eq!(world.log.of("closer stopping").len(), 1, "expected the closer to be told, too");
    let end = world.kernel.ask(sender, Query(2)).timeout(PATIENCE).wait();
    assert_eq!(end.ok(), Some(Reply(2)), "expected the other namespace to go on");
    let again = world.kernel.namespace("near").open().unwrap();
    let fresh = again.register(Probe::new("fresh", &world.log, handle())).unwrap();
    let end = world.kernel.ask(fresh, Query(3)).timeout(PATIENCE).wait();
    assert_eq!(end.ok(), Some(Reply(3)), "expected the namespace to be opened anew");
    eventually_balanced(&world.kernel);
}

fn kernel_code(kernel: &Kernel, to: Address) -> Code {
    kernel.ask(to, Query(0)).timeout(PATIENCE).wait().map_or_else(|failure| failure.code(), |_| Code::OK)
}

#[test]
fn a_namespace_can_be_opened_anew_while_the_old_one_ends() {
    let kernel = Kernel::builder("stopping").start().unwrap();
    let log = Log::default();
    let (release, stuck) = mpsc::channel::<()>();
    let old = kernel.namespace("space").open().unwrap();
    let busy = old.register(Probe::new("busy", &log, handle())).unwrap();
    let named = old.register_as("named", Probe::new("old", &log, handle())).unwrap();
    let resolved = old.resolve("named").unwrap();
    let step = Do::new(move |probe, _| {
        probe.log.note("stuck");
        let _ = stuck.recv_timeout(PATIENCE);
    });
    kernel.notify(busy, step).unwrap();
    log.wait_until(|lines| lines.contains(&"stuck".to_owned()));
    let report = old.close(Duration::ZERO);
    assert_eq!(report.detached, ["space/0"], "expected the thread not to be back");
    let new = kernel.namespace("space").open().unwrap();
    let again = new.register_as("named", Probe::new("new", &log, handle())).unwrap();
    assert_eq!(again, named, "expected the name to be free in the new namespace");
    let end = kernel.ask(named, Query(1)).timeout(PATIENCE).wait();
    assert_eq!(end.ok(), Some(Reply(1)), "expected the new target to answer");
    assert_eq!(log.of("new got"), ["new got 1"], "expected the new one, not the old one");
    assert_ne!(new.resolve("named").unwrap(), resolved, "expected another generated id");
    release.send(()).unwrap();
    log.wait_until(|lines| lines.contains(&"old stopping".to_owned()));
    let end = kernel.ask(named, Query(2)).timeout(PATIENCE).wait();
    assert_eq!(end.ok(), Some(Reply(2)), "expected the old one to have taken nothing with it");
    eventually_balanced(&kernel);
}

#[test]
fn dropping_a_driven_worker_closes_its_namespace() {
    let kernel = Kernel::builder("stopping").start().unwrap();
    let log = Log::default();
    let mut last = None;
    for round in 0..5 {
        let (space, mut worker) = kernel.namespace("game").driven().expect("expected the namespace to be free");
        let target = space.register_as("b", Probe::new("b", &log, handle())).unwrap();
        worker.run_until_idle();
        let resolved = space.resolve("b").unwrap();
        if let Some(old) = last.replace(resolved) {
            assert_ne!(old, resolved, "expected another generated id");
            let refused = kernel.notify(old, Note(1)).map_err(|refused| refused.code());
            worker.run_until_idle();
            assert!(refused.is_ok() || refused == Err(Code::NO_TARGET), "expected nobody there: {refused:?}");
            assert_eq!(log.of("b got").len(), 0, "expected mail to the old one to find nobody");
        }
        let mut ask = kernel.ask(target, Query(1));
        assert!(poll(&mut ask).is_none(), "expected the question to wait");
        drop(worker);
        let end = poll(&mut ask).expect("expected an end").map_err(|failure| failure.code());
        assert_eq!(end, Err(Code::STOPPED), "expected the question to come back");
        assert_eq!(log.of("b stopping").len(), round + 1, "expected the target to be told");
        let refused = space.register(Probe::new("late", &log, handle()));
        assert_eq!(refused, Err(RegisterError::Stopped), "expected nobody to be registered any more");
        assert_eq!(kernel_code(&kernel, target), Code::NO_NAMESPACE, "expected no namespace");
    }
    let counters = kernel.counters();
    assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
}

#[test]
fn a_driven_namespace_that_was_closed_can_be_opened_before_its_worker_is_dropped() {
    let kernel = Kernel::builder("stopping").start().unwrap();
    let (first, mut old) = kernel.namespace("game").driven().unwrap();
    assert!(matches!(kernel.namespace("game").driven(), Err(OpenError::AlreadyOpen(_))), "expected one driver");
    assert_eq!(first.close(PATIENCE).driven, ["game/0"], "expected the driven worker to be named");
    let (second, mut new) = kernel.namespace("game").driven().expect("expected the namespace to be free");
    let log = Log::default();
    let target = second.register(Probe::new("b", &log, handle())).unwrap();
    old.run_until_idle();
    drop(old);
    new.run_until_idle();
    let mut ask = kernel.ask(target, Query(1));
    assert!(poll(&mut ask).is_none(), "expected the question to wait");
    new.run_until_idle();
    assert_eq!(poll(&mut ask).and_then(Result::ok), Some(Reply(1)), "expected the new one to go on");
}

#[test]
fn threads_that_talk_without_end_end_all_the_same() {
    /// Answers every message with another one.
    struct Chatter(Option<Address>);
    impl Target for Chatter {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            if let Some(to) = message.sender().or(self.0) {
                ctx.notify(to, Note(1));
                let _ = ctx.request(to, Note(2));
            }
            Outcome::Handled
        }

        fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
            if let Some(to) = answer.sender() {
                ctx.notify(to, Note(3));
            }
        }
    }

    for own_namespaces in [false, true] {
        let kernel = Kernel::builder("stopping").start().unwrap();
        let first = kernel.namespace("first").threads(2).capacity(64).open().unwrap();
        let second = if own_namespaces { kernel.namespace("second").open().unwrap() } else { first.clone() };
        let a = first.register(Chatter(None)).unwrap();
        let b =
            if own_namespaces { second.register(Chatter(Some(a))) } else { second.register_on(1, Chatter(Some(a))) };
        kernel.notify(b.unwrap(), Note(0)).unwrap();
        eventually("they talk", || kernel.counters().handled > 1_000);
        let report = kernel.stop(PATIENCE);
        assert!(report.is_complete(), "expected the threads to end: {report:?}");
        let counters = kernel.counters();
        assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
    }
}

#[test]
fn targets_that_are_registered_while_their_namespace_closes_are_dropped_once() {
    struct Counted(Arc<AtomicUsize>);
    impl Target for Counted {
        fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            Outcome::Handled
        }
    }
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    let kernel = Kernel::builder("stopping").start().unwrap();
    for _round in 0..50 {
        let space = kernel.namespace("space").threads(2).open().unwrap();
        let (made, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let start = Arc::new(std::sync::Barrier::new(3));
        let registrars: Vec<_> = (0..2)
            .map(|thread| {
                let (space, made, dropped, start) = (space.clone(), made.clone(), dropped.clone(), start.clone());
                std::thread::spawn(move || {
                    start.wait();
                    for number in 0..200 {
                        made.fetch_add(1, Ordering::SeqCst);
                        let name = format!("t{thread}x{number}");
                        match space.register_as(&name, Counted(dropped.clone())) {
                            Ok(_) | Err(RegisterError::Busy | RegisterError::Stopped) => {}
                            Err(other) => panic!("expected a registration, or that it is too late, not {other}"),
                        }
                    }
                })
            })
            .collect();
        start.wait();
        let report = space.close(PATIENCE);
        assert!(report.is_complete(), "expected the threads to end: {report:?}");
        registrars.into_iter().for_each(|registrar| registrar.join().unwrap());
        drop(space);
        let (made, dropped) = (made.load(Ordering::SeqCst), dropped.load(Ordering::SeqCst));
        assert_eq!(made, dropped, "expected every target to be dropped once");
    }
    let counters = kernel.counters();
    assert_eq!(counters.registered, counters.deregistered, "expected whoever came to have gone");
}

#[test]
fn a_target_that_registers_others_in_stopping_does_not_keep_its_namespace_open() {
    struct Hydra;
    impl Target for Hydra {
        fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            Outcome::Handled
        }

        fn stopping(&mut self, ctx: &mut Context<'_>) {
            for _ in 0..2 {
                if let Err(refused) = ctx.register(Self) {
                    assert_eq!(refused, RegisterError::Stopped, "expected the reason");
                }
            }
        }
    }

    let kernel = Kernel::builder("stopping").start().unwrap();
    let space = kernel.namespace("space").open().unwrap();
    space.register(Hydra).unwrap();
    let report = space.close(PATIENCE);
    assert!(report.is_complete(), "expected the thread to end: {report:?}");
    let counters = kernel.counters();
    assert_eq!((counters.registered, counters.deregistered, counters.panics), (1, 1, 0), "expected one head");
}
