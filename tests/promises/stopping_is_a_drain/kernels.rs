//! Kernels that stop: from outside, from a handler, by many at once.

use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use rohrpost::{Address, Code, Kernel, Message, OpenError, RegisterError, StopReport};

use crate::hazards::{eventually, eventually_balanced};
use crate::ways::{Do, Habit, Log, Note, PATIENCE, Probe, Query, Reply, Shelf, Way, World, handle, hold_on, poll};

/// A kernel of two threads with a probe on each, and somebody who holds what he gets and gives it away.
pub(super) struct Scene {
    pub(super) kernel: Kernel,
    pub(super) first: Address,
    pub(super) second: Address,
    pub(super) keeper: Address,
    pub(super) shelf: Shelf,
    pub(super) log: Log,
}

impl Scene {
    pub(super) fn new() -> Self {
        let kernel = Kernel::builder("stopping").start().unwrap();
        let space = kernel.namespace("space").threads(2).open().unwrap();
        let (log, shelf) = (Log::default(), Shelf::default());
        let first = space.register(Probe::new("a", &log, handle())).unwrap();
        let second = space.register_on(1, Probe::new("b", &log, handle())).unwrap();
        let keeper = space.register_on(1, Probe::new("keeper", &log, hold_on(&shelf))).unwrap();
        Self { kernel, first, second, keeper, shelf, log }
    }

    /// Has a plain thread ask `to`, without a timeout, until `to` has got it.
    fn ask(&self, to: Address, number: u32) -> mpsc::Receiver<Code> {
        let (told, end) = mpsc::channel();
        let kernel = self.kernel.clone();
        std::thread::spawn(move || {
            let end = kernel.ask(to, Query(number)).wait();
            // The thread's handle must not be what keeps the kernel alive.
            drop(kernel);
            let _ = told.send(end.map_or_else(|failure| failure.code(), |Reply(_)| Code::OK));
        });
        self.log.wait_until(|lines| lines.iter().any(|line| line.ends_with(&format!("got {number}"))));
        end
    }
}

#[test]
fn mail_of_every_way_comes_back_stopped_when_the_kernel_stops() {
    for way in Way::ALL {
        let mut world = World::driven();
        let shelf = Shelf::default();
        let route = world.route(way, hold_on(&shelf));
        world.along(&route, |_, ctx, to| {
            let _ = ctx.request(to, Query(1));
            ctx.notify(to, Note(2));
        });
        let report = world.kernel.stop(PATIENCE);
        assert_eq!(report.driven.len(), 2, "expected both driven workers to be named: {report:?}");
        for held in shelf.take() {
            held.finish(Code::OK);
        }
        world.settle();
        assert_eq!(world.log.of("a stopping").len(), 1, "expected the sender to be told by {way:?}");
        assert_eq!(world.log.of("b stopping").len(), 1, "expected the receiver to be told by {way:?}");
        let refused = world.kernel.notify(route.b, Note(3)).expect_err("expected no more mail to be taken");
        assert_eq!(refused.code(), Code::STOPPED, "expected the reason: {refused}");
        world.balanced();
    }
}

#[test]
fn a_requester_reads_stopped_before_it_is_told_to_go() {
    for _round in 0..20 {
        let scene = Scene::new();
        let (second, keeper) = (scene.second, scene.keeper);
        let (release, stuck) = mpsc::channel::<()>();
        // The second thread is busy, so what is sent to it is still on the way when the kernel stops.
        let busy = Do::new(move |probe, _| {
            probe.log.note("busy");
            let _ = stuck.recv_timeout(PATIENCE);
        });
        scene.kernel.notify(second, busy).unwrap();
        scene.log.wait_until(|lines| lines.contains(&"busy".to_owned()));
        let step = Do::new(move |probe, ctx| {
            let _ = ctx.request(second, Query(1));
            ctx.notify(second, Note(2));
            let _ = ctx.request(keeper, Query(3));
            probe.log.note("sent");
        });
        scene.kernel.notify(scene.first, step).unwrap();
        scene.log.wait_until(|lines| lines.contains(&"sent".to_owned()));
        let kernel = scene.kernel.clone();
        let stopper = std::thread::spawn(move || kernel.stop(PATIENCE));
        eventually("the stop has begun", || {
            scene.kernel.notify(scene.first, Note(0)).is_err_and(|refused| refused.code() == Code::STOPPED)
        });
        release.send(()).unwrap();
        let report = stopper.join().unwrap();
        assert!(report.is_complete(), "expected both threads to end: {report:?}");
        let lines = scene.log.of("a");
        let stopping = lines.iter().position(|line| line == "a stopping").expect("expected `a` to be told");
        let back: Vec<_> = lines[..stopping].iter().filter(|line| line.starts_with("a back")).collect();
        // What was in the hand-off before the order to close may still have been handled.
        assert_eq!(back.len(), scene.log.of("a back").len(), "expected nothing after the farewell: {lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("a back 1")), "expected an end of the request: {lines:?}");
        drop(scene.shelf.take());
        let counters = scene.kernel.counters();
        assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
    }
}

#[test]
fn questions_that_wait_end_with_stopped() {
    let scene = Scene::new();
    let ends: Vec<_> = (10..20).map(|number| scene.ask(scene.keeper, number)).collect();
    let mut awaited = scene.kernel.ask(scene.keeper, Query(20));
    assert!(poll(&mut awaited).is_none(), "expected the question to wait");
    let report = scene.kernel.stop(PATIENCE);
    assert!(report.is_complete(), "expected both threads to end: {report:?}");
    for end in ends {
        let end = end.recv_timeout(PATIENCE).expect("expected an end of every question");
        assert_eq!(end, Code::STOPPED, "expected the reason");
    }
    let end = poll(&mut awaited).expect("expected an end").map_err(|failure| failure.code());
    assert_eq!(end, Err(Code::STOPPED), "expected the reason");
    // What others still hold is late, and harms nobody.
    scene.shelf.take().into_iter().for_each(|held| held.answer(Reply(1)));
    let counters = scene.kernel.counters();
    assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
}

#[test]
fn after_a_stop_everything_is_refused_and_nothing_hangs() {
    let scene = Scene::new();
    let Scene { kernel, first, log, .. } = &scene;
    let space = kernel.namespace("space").open().unwrap();
    let unused = kernel.ask(*first, Query(1));
    assert!(kernel.stop(PATIENCE).is_complete(), "expected the kernel to stop");
    let code = |end: Result<Reply, rohrpost::Failure>| end.map_err(|failure| failure.code()).err();
    assert_eq!(code(unused.wait()), Some(Code::STOPPED), "expected a question asked before, sent after");
    assert_eq!(code(kernel.ask(*first, Query(1)).wait()), Some(Code::STOPPED), "expected no answer");
    let mut failure = poll(&mut kernel.ask(*first, Query(7))).unwrap().expect_err("expected no answer");
    assert_eq!(failure.take_record(), Some(Query(7)), "expected the record back");
    let mut message = kernel.notify(*first, Note(8)).expect_err("expected a refusal").into_message();
    assert_eq!(message.take(), Some(Note(8)), "expected the record back");
    assert_eq!(kernel.send(Message::notification(*first, Note(8))).map_err(|e| e.code()), Err(Code::STOPPED));
    assert!(matches!(kernel.namespace("new").open(), Err(OpenError::Stopped)), "expected nothing to open");
    assert!(matches!(kernel.namespace("space").open(), Err(OpenError::Stopped)), "expected nothing to open");
    assert!(matches!(kernel.namespace("game").driven(), Err(OpenError::Stopped)), "expected nothing to open");
    let probe = || Probe::new("late", log, handle());
    assert_eq!(space.register(probe()), Err(RegisterError::Stopped), "expected nobody to be registered");
    assert_eq!(space.register_as("late", probe()), Err(RegisterError::Stopped), "expected nobody to be registered");
    let built = space.build_on(0, |_| Ok(()));
    assert!(built.is_err(), "expected nothing to be built");
    assert!(space.deregister(*first).is_err(), "expected nobody to go");
    assert!(space.close(PATIENCE).is_complete(), "expected nothing to be left to close");
    assert!(kernel.stop(PATIENCE).is_complete(), "expected nothing to be left to stop");
    assert_eq!(log.of("late"), [""; 0], "expected nobody to have come late");
}

#[test]
fn a_kernel_may_be_stopped_by_a_handler() {
    let scene = Scene::new();
    let waits = scene.ask(scene.keeper, 10);
    let (told, reports) = mpsc::channel();
    let kernel = scene.kernel.clone();
    let step = Do::new(move |probe, _| {
        let report = kernel.stop(PATIENCE);
        probe.log.note("a goes on");
        let _ = told.send(report);
    });
    scene.kernel.notify(scene.first, step).unwrap();
    let report = reports.recv_timeout(PATIENCE).expect("expected the handler not to wait for itself");
    assert!(report.in_background, "expected the threads to end in the background: {report:?}");
    scene.log.wait_until(|lines| {
        ["a goes on", "a stopping", "b stopping"].iter().all(|line| lines.contains(&(*line).to_owned()))
    });
    let end = waits.recv_timeout(PATIENCE).expect("expected a question to end although somebody holds it still");
    assert_eq!(end, Code::STOPPED, "expected the reason");
    let refused = scene.kernel.notify(scene.second, Note(1)).expect_err("expected no more mail to be taken");
    assert_eq!(refused.code(), Code::STOPPED, "expected the reason");
    assert!(matches!(scene.kernel.namespace("new").open(), Err(OpenError::Stopped)), "expected nothing to open");
    drop(scene.shelf.take());
    eventually_balanced(&scene.kernel);
}

#[test]
fn a_question_with_a_timeout_ends_although_a_handler_stopped_the_kernel() {
    let scene = Scene::new();
    let mut ask = scene.kernel.ask(scene.keeper, Query(1)).timeout(Duration::from_millis(1));
    assert!(poll(&mut ask).is_none(), "expected the question to wait");
    let kernel = scene.kernel.clone();
    scene.kernel.notify(scene.first, Do::new(move |_, _| drop(kernel.stop(PATIENCE)))).unwrap();
    let mut end = None;
    eventually("the question ends", || {
        end = end.take().or_else(|| poll(&mut ask));
        end.is_some()
    });
    let code = end.and_then(Result::err).map(|failure| failure.code());
    assert!(matches!(code, Some(Code::EXPIRED | Code::STOPPED)), "expected one of two ends: {code:?}");
    drop(scene.shelf.take());
}

#[test]
fn many_may_stop_a_kernel_at_once_and_none_returns_before_its_threads_have_ended() {
    for _round in 0..20 {
        let scene = Scene::new();
        let start = Arc::new(Barrier::new(4));
        let stoppers: Vec<_> = (0..4)
            .map(|_| {
                let (kernel, log, start) = (scene.kernel.clone(), scene.log.clone(), start.clone());
                std::thread::spawn(move || {
                    start.wait();
                    let report = kernel.stop(PATIENCE);
                    let stopped = log.lines().iter().filter(|line| line.ends_with("stopping")).count();
                    assert_eq!(stopped, 3, "expected the end of all targets: {report:?}");
                    report
                })
            })
            .collect();
        let reports: Vec<StopReport> = stoppers.into_iter().map(|stopper| stopper.join().unwrap()).collect();
        let telling = reports.iter().filter(|report| report.ended.len() == 2).count();
        assert!(telling > 0, "expected the threads to be reported: {reports:?}");
        assert!(reports.iter().all(StopReport::is_complete), "expected nobody to miss a thread: {reports:?}");
    }
}

#[test]
fn questions_and_notifications_that_race_with_a_stop_each_have_an_end() {
    for _round in 0..30 {
        let scene = Scene::new();
        let start = Arc::new(Barrier::new(4));
        let askers: Vec<_> = (0..3)
            .map(|index| {
                let (kernel, start) = (scene.kernel.clone(), start.clone());
                let to = if index % 2 == 0 { scene.first } else { scene.second };
                let (told, end) = mpsc::channel();
                std::thread::spawn(move || {
                    start.wait();
                    let mut odd = Vec::new();
                    loop {
                        let asked = kernel.ask(to, Query(1)).wait().map_err(|failure| failure.code());
                        let sent = kernel.notify(to, Note(1)).map_err(|refused| refused.code());
                        for code in [asked.err(), sent.err()].into_iter().flatten() {
                            if ![Code::STOPPED, Code::BUSY].contains(&code) {
                                odd.push(code);
                            }
                        }
                        if sent == Err(Code::STOPPED) {
                            let _ = told.send(odd);
                            return;
                        }
                    }
                });
                end
            })
            .collect();
        start.wait();
        let report = scene.kernel.stop(PATIENCE);
        assert!(report.is_complete(), "expected both threads to end: {report:?}");
        for end in askers {
            let odd = end.recv_timeout(PATIENCE).expect("expected every question to end");
            assert_eq!(odd, [], "expected answers, then `STOPPED`");
        }
        let counters = scene.kernel.counters();
        assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
    }
}

#[test]
fn extreme_timeouts_of_a_stop_work() {
    for timeout in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let scene = Scene::new();
        let report = scene.kernel.stop(timeout);
        let told = report.ended.len() + report.detached.len();
        assert_eq!(told, 2, "expected both threads in the report of {timeout:?}: {report:?}");
        scene.log.wait_until(|lines| lines.iter().filter(|line| line.ends_with("stopping")).count() == 3);
    }
}

#[test]
fn a_kernel_without_namespaces_stops() {
    let kernel = Kernel::builder("stopping").start().unwrap();
    let report = kernel.stop(PATIENCE);
    assert!(report.is_complete(), "expected nothing to be left: {report:?}");
    assert_eq!(report, StopReport::default(), "expected nobody in the report");
}

#[test]
fn a_handler_that_stops_the_kernel_and_panics_harms_nobody() {
    let scene = Scene::new();
    let kernel = scene.kernel.clone();
    let (told, done) = mpsc::channel();
    let habit: Habit = Box::new(move |_, _| {
        let report = kernel.stop(PATIENCE);
        let _ = told.send(report.in_background);
        panic!("boom");
    });
    let space = scene.kernel.namespace("space").open().unwrap();
    let stopper = space.register(Probe::new("stopper", &scene.log, habit)).unwrap();
    let end = scene.ask(stopper, 30).recv_timeout(PATIENCE).expect("expected an end of the question");
    assert!([Code::EXCEPTION, Code::STOPPED].contains(&end), "expected the panic or the stop: {end}");
    assert_eq!(done.recv_timeout(PATIENCE), Ok(true), "expected the threads to end in the background");
    scene.log.wait_until(|lines| lines.contains(&"a stopping".to_owned()) && lines.contains(&"b stopping".to_owned()));
    eventually_balanced(&scene.kernel);
}
