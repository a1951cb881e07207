//! A thread that does not come back is named and left to itself; everybody else is answered.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use rohrpost::{Address, Code, Idle, Kernel, Namespace};

use crate::hazards::eventually_balanced;
use crate::ways::{Do, Log, Note, PATIENCE, Probe, Query, Reply, handle, poll};

/// How long a stop waits for the thread that is stuck: long enough for the others on a machine that is busy.
const SHORT: Duration = Duration::from_secs(2);

/// A namespace of two threads, the second of which is stuck until `release` is used or dropped.
struct Scene {
    kernel: Kernel,
    space: Namespace,
    free: Address,
    stuck: Address,
    release: Sender<()>,
    log: Log,
}

impl Scene {
    fn new() -> Self {
        let kernel = Kernel::builder("stuck").start().unwrap();
        let space = kernel.namespace("space").threads(2).open().unwrap();
        let log = Log::default();
        let free = space.register(Probe::new("free", &log, handle())).unwrap();
        let stuck = space.register_on(1, Probe::new("stuck", &log, handle())).unwrap();
        let (release, blocked) = mpsc::channel::<()>();
        let block = Do::new(move |probe, ctx| {
            probe.log.note("blocked");
            let _ = blocked.recv_timeout(PATIENCE * 3);
            ctx.notify(free, Note(99));
        });
        kernel.notify(stuck, block).unwrap();
        log.wait_until(|lines| lines.contains(&"blocked".to_owned()));
        Self { kernel, space, free, stuck, release, log }
    }

    /// Has a plain thread ask the thread that is stuck, without a timeout.
    fn ask(&self, idle: Idle) -> Receiver<Code> {
        let (told, end) = mpsc::channel();
        let (kernel, stuck, sent) = (self.kernel.clone(), self.stuck, self.kernel.counters().sent);
        std::thread::spawn(move || {
            let end = kernel.ask(stuck, Query(1)).idle(idle).wait();
            let _ = told.send(end.map_or_else(|failure| failure.code(), |Reply(_)| Code::OK));
        });
        crate::hazards::eventually("the question is sent", || self.kernel.counters().sent > sent);
        end
    }
}

#[test]
fn a_thread_that_does_not_come_back_is_named_and_the_others_end() {
    let scene = Scene::new();
    let report = scene.kernel.stop(SHORT);
    assert_eq!(report.detached, ["space/1"], "expected the thread by name: {report:?}");
    assert_eq!(report.ended, ["space/0"], "expected the other one to have ended: {report:?}");
    assert!(!report.is_complete() && !report.in_background, "expected the report to say so: {report:?}");
    assert_eq!(scene.log.of("free"), ["free started", "free stopping"], "expected its target to be told");
    assert_eq!(scene.log.of("stuck stopping"), [""; 0], "expected the target that is stuck to be left alone");
    drop(scene.release);
    scene.log.wait_until(|lines| lines.contains(&"stuck stopping".to_owned()));
    eventually_balanced(&scene.kernel);
}

#[test]
fn questions_to_a_thread_that_is_stuck_end_with_stopped() {
    for idle in [Idle::Park, Idle::Spin, Idle::default(), Idle::SpinThenPark(Duration::MAX)] {
        let scene = Scene::new();
        let end = scene.ask(idle);
        let mut awaited = scene.kernel.ask(scene.stuck, Query(2)).timeout(Duration::from_secs(3600));
        assert!(poll(&mut awaited).is_none(), "expected the question to wait");
        let report = scene.kernel.stop(SHORT);
        assert_eq!(report.detached, ["space/1"], "expected the thread by name: {report:?}");
        let code = end.recv_timeout(PATIENCE);
        assert_eq!(code, Ok(Code::STOPPED), "expected a question that is waited for with {idle:?} to end");
        let code = poll(&mut awaited).expect("expected an end").map_err(|failure| failure.code());
        assert_eq!(code, Err(Code::STOPPED), "expected a question that is awaited to end");
        drop(scene.release);
        scene.log.wait_until(|lines| lines.contains(&"stuck stopping".to_owned()));
        eventually_balanced(&scene.kernel);
        let counters = scene.kernel.counters();
        let late = counters.late_answers + counters.dead_letters;
        assert_eq!(late, 2, "expected whatever became of the questions to be late: {counters:?}");
    }
}

#[test]
fn questions_to_a_thread_that_is_stuck_end_although_a_handler_stopped_the_kernel() {
    let scene = Scene::new();
    let end = scene.ask(Idle::Park);
    let kernel = scene.kernel.clone();
    scene.kernel.notify(scene.free, Do::new(move |_, _| drop(kernel.stop(SHORT)))).unwrap();
    let code = end.recv_timeout(PATIENCE);
    assert_eq!(code, Ok(Code::STOPPED), "expected the question to end while the thread is stuck");
    drop(scene.release);
    eventually_balanced(&scene.kernel);
}

#[test]
fn questions_to_a_thread_that_is_stuck_end_when_the_last_handle_is_dropped_by_a_handler() {
    let Scene { kernel, free, stuck, release, log, space } = Scene::new();
    let mut ask = kernel.ask(stuck, Query(1));
    assert!(poll(&mut ask).is_none(), "expected the question to wait");
    let owner = kernel.clone();
    kernel.notify(free, Do::new(move |_, _| drop(owner))).unwrap();
    drop(kernel);
    // Asked as long as it takes: the waker would do as well.
    let mut end = None;
    crate::hazards::eventually("the question ends", || {
        end = end.take().or_else(|| poll(&mut ask));
        end.is_some()
    });
    let code = end.and_then(Result::err).map(|failure| failure.code());
    assert_eq!(code, Some(Code::STOPPED), "expected the reason");
    drop((release, space));
    log.wait_until(|lines| lines.contains(&"stuck stopping".to_owned()));
}

#[test]
fn everybody_else_is_answered_while_one_thread_is_stuck() {
    let scene = Scene::new();
    let (other, asker) = (scene.kernel.namespace("other").threads(2).open().unwrap(), scene.log.clone());
    let far = other.register(Probe::new("far", &asker, handle())).unwrap();
    let near = other.register_on(1, Probe::new("near", &asker, handle())).unwrap();
    let stuck = scene.stuck;
    let step = Do::new(move |probe, ctx| {
        let _ = ctx.request(stuck, Query(1));
        let _ = ctx.request(far, Query(2));
        probe.log.note("sent");
    });
    scene.kernel.notify(near, step).unwrap();
    scene.log.wait_until(|lines| lines.contains(&"near back 2 OK".to_owned()));
    let report = scene.kernel.stop(SHORT);
    let mut ended = report.ended.clone();
    ended.sort();
    assert_eq!(ended, ["other/0", "other/1", "space/0"], "expected all but one to end: {report:?}");
    for name in ["near", "far", "free"] {
        let told = scene.log.of(&format!("{name} stopping"));
        assert_eq!(told.len(), 1, "expected `{name}` to be told");
    }
    drop(scene.release);
    scene.log.wait_until(|lines| lines.contains(&"stuck stopping".to_owned()));
    eventually_balanced(&scene.kernel);
    let counters = scene.kernel.counters();
    assert_eq!(counters.dead_answers + counters.dead_letters, 1, "expected the requester to be gone: {counters:?}");
    assert_eq!(scene.log.of("stuck back").len(), 1, "expected its last words to come back: {counters:?}");
}

#[test]
fn a_namespace_with_a_stuck_thread_closes_without_it() {
    let scene = Scene::new();
    let other = scene.kernel.namespace("other").open().unwrap();
    let there = other.register(Probe::new("there", &scene.log, handle())).unwrap();
    let report = scene.space.close(SHORT);
    assert_eq!((report.detached, report.ended), (vec!["space/1".into()], vec!["space/0".into()]));
    let end = scene.kernel.ask(there, Query(1)).timeout(PATIENCE).wait();
    assert_eq!(end.ok(), Some(Reply(1)), "expected the other namespace to go on");
    let refused = scene.kernel.notify(scene.free, Note(1)).expect_err("expected nobody there");
    assert_eq!(refused.code(), Code::NO_NAMESPACE, "expected later mail to find nobody: {refused}");
    drop(scene.release);
    scene.log.wait_until(|lines| lines.contains(&"stuck stopping".to_owned()));
    eventually_balanced(&scene.kernel);
}

#[test]
fn a_thread_that_comes_back_in_time_is_waited_for() {
    let scene = Scene::new();
    let end = scene.ask(Idle::Park);
    let (kernel, release) = (scene.kernel.clone(), scene.release);
    let stopper = std::thread::spawn(move || kernel.stop(PATIENCE * 2));
    crate::hazards::eventually("the stop has begun", || {
        scene.kernel.notify(scene.free, Note(0)).is_err_and(|refused| refused.code() == Code::STOPPED)
    });
    release.send(()).unwrap();
    let report = stopper.join().unwrap();
    assert!(report.is_complete(), "expected both threads to end: {report:?}");
    let code = end.recv_timeout(PATIENCE).expect("expected an end of the question");
    assert!([Code::OK, Code::STOPPED].contains(&code), "expected an answer or the stop: {code}");
    let counters = scene.kernel.counters();
    assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
}

#[test]
fn what_a_slow_thread_has_not_come_to_by_the_stop_goes_back() {
    let scene = Scene::new();
    for number in 0..10 {
        scene.kernel.notify(scene.stuck, Note(number)).unwrap();
    }
    let mut ask = scene.kernel.ask(scene.stuck, Query(1));
    assert!(poll(&mut ask).is_none(), "expected the question to wait");
    let report = scene.kernel.stop(Duration::ZERO);
    assert!(report.detached.contains(&"space/1".to_owned()), "expected nobody to be waited for: {report:?}");
    drop(scene.release);
    scene.log.wait_until(|lines| lines.contains(&"stuck stopping".to_owned()));
    assert_eq!(scene.log.of("stuck got"), [""; 0], "expected nothing to be handled after the stop");
    eventually_balanced(&scene.kernel);
}

#[test]
fn a_stop_waits_for_namespaces_that_close_in_the_background() {
    let scene = Scene::new();
    let space = scene.space.clone();
    let (told, closing) = mpsc::channel();
    let close = Do::new(move |_, _| {
        let _ = told.send(space.close(PATIENCE).in_background);
    });
    scene.kernel.notify(scene.free, close).unwrap();
    assert_eq!(closing.recv_timeout(PATIENCE), Ok(true), "expected the namespace to close in the background");
    let report = scene.kernel.stop(SHORT);
    assert!(!report.is_complete(), "expected the report not to pass over the thread that is stuck: {report:?}");
    assert!(report.detached.contains(&"space/1".to_owned()), "expected the thread by name: {report:?}");
    drop(scene.release);
    scene.log.wait_until(|lines| lines.contains(&"stuck stopping".to_owned()));
    eventually_balanced(&scene.kernel);
}

#[test]
fn a_thread_that_is_detached_may_outlive_the_kernel() {
    let Scene { kernel, release, log, .. } = Scene::new();
    let report = kernel.stop(Duration::ZERO);
    assert!(report.detached.contains(&"space/1".to_owned()), "expected the thread by name: {report:?}");
    drop(kernel);
    drop(release);
    log.wait_until(|lines| lines.contains(&"stuck stopping".to_owned()));
}
