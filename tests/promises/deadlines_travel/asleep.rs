//! Deadlines pass while threads sleep, spin, or are busy with something else; whoever waits is told all the same.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rohrpost::{Address, Clock, Code, Context, Idle, Kernel, ManualClock, Message, Outcome, SystemClock, Target};

use crate::hazards::{eventually, eventually_balanced};
use crate::ways::{Do, Log, Note, PATIENCE, Probe, Query, Reply, Shelf, handle, hold_on};

const LIMIT: Duration = Duration::from_millis(10);

/// What a thread may do when it has nothing to do.
const IDLES: [Idle; 6] = [
    Idle::Adaptive,
    Idle::Park,
    Idle::Spin,
    Idle::SpinThenPark(Duration::ZERO),
    Idle::SpinThenPark(Duration::from_millis(50)),
    Idle::SpinThenPark(Duration::MAX),
];

/// A thread with somebody who holds everything and somebody who asks.
struct Scene {
    kernel: Kernel,
    keeper: Address,
    asker: Address,
    shelf: Shelf,
    log: Log,
}

impl Scene {
    fn new(clock: Arc<dyn Clock>, idle: Idle) -> Self {
        let kernel = Kernel::builder("asleep").clock(clock).start().unwrap();
        let space = kernel.namespace("space").idle(idle).open().unwrap();
        let (shelf, log) = (Shelf::default(), Log::default());
        let keeper = space.register(Probe::new("keeper", &log, hold_on(&shelf))).unwrap();
        let asker = space.register(Probe::new("a", &log, handle())).unwrap();
        Self { kernel, keeper, asker, shelf, log }
    }

    /// Has a target ask the keeper.
    fn request(&self) {
        let keeper = self.keeper;
        let step = Do::new(move |_, ctx| {
            let _ = ctx.within(LIMIT).request(keeper, Query(1));
        });
        self.kernel.notify(self.asker, step).unwrap();
        self.log.wait_until(|lines| lines.contains(&"keeper got 1".to_owned()));
    }

    /// Has a plain thread ask the keeper.
    fn ask(&self, idle: Idle) -> Receiver<Code> {
        let (kernel, keeper) = (self.kernel.clone(), self.keeper);
        let (told, end) = mpsc::channel();
        std::thread::spawn(move || {
            let end = kernel.ask(keeper, Query(2)).timeout(LIMIT).idle(idle).wait();
            let _ = told.send(end.map_or_else(|failure| failure.code(), |Reply(_)| Code::OK));
        });
        end
    }

    /// Answers `number` held messages.
    fn answer(&self, number: usize) {
        let mut held = Vec::new();
        eventually("the messages are held", || {
            held.extend(self.shelf.take());
            held.len() >= number
        });
        held.into_iter().for_each(|held| held.answer(Reply(9)));
    }

    fn expect_expired(&self, what: &str) {
        let back = |lines: &[String]| lines.iter().any(|line| line.starts_with("a back"));
        self.log.wait_until(back);
        let back = self.log.of("a back");
        assert!(back.iter().all(|line| line.ends_with("EXPIRED")), "expected {what} to expire: {back:?}");
    }
}

#[test]
fn a_requester_is_told_in_time_whatever_its_thread_does_meanwhile() {
    for idle in IDLES {
        let scene = Scene::new(Arc::new(SystemClock::new()), idle);
        scene.request();
        scene.expect_expired(&format!("a request on a thread with {idle:?}"));
        scene.shelf.take();
    }
}

#[test]
fn a_clock_that_is_turned_by_hand_wakes_whoever_waits_for_it() {
    for idle in IDLES {
        for _ in 0..20 {
            let clock = Arc::new(ManualClock::new());
            let scene = Scene::new(clock.clone(), idle);
            scene.request();
            clock.advance(LIMIT);
            scene.expect_expired(&format!("a request on a thread with {idle:?}"));
        }
    }
}

#[test]
fn a_plain_thread_is_told_in_time_however_it_waits() {
    for idle in IDLES {
        let scene = Scene::new(Arc::new(SystemClock::new()), Idle::Park);
        let end = scene.ask(idle).recv_timeout(PATIENCE);
        assert_eq!(end, Ok(Code::EXPIRED), "expected the question to end while it is waited for with {idle:?}");
    }
}

#[test]
fn a_plain_thread_that_waits_is_woken_by_a_clock_that_is_turned_by_hand() {
    for idle in IDLES {
        let clock = Arc::new(ManualClock::new());
        let scene = Scene::new(clock.clone(), Idle::Park);
        let end = scene.ask(idle);
        scene.log.wait_until(|lines| lines.contains(&"keeper got 2".to_owned()));
        clock.advance(LIMIT);
        let end = end.recv_timeout(PATIENCE);
        assert_eq!(end, Ok(Code::EXPIRED), "expected the question to end while it is waited for with {idle:?}");
    }
}

#[test]
fn a_question_ends_in_time_although_the_thread_it_asks_is_stuck() {
    let (release, stuck) = mpsc::channel::<()>();
    let scene = Scene::new(Arc::new(SystemClock::new()), Idle::Park);
    let step = Do::new(move |probe, _| {
        probe.log.note("stuck");
        let _ = stuck.recv_timeout(PATIENCE * 2);
    });
    scene.kernel.notify(scene.asker, step).unwrap();
    scene.log.wait_until(|lines| lines.contains(&"stuck".to_owned()));
    let end = scene.ask(Idle::default()).recv_timeout(PATIENCE);
    assert_eq!(end, Ok(Code::EXPIRED), "expected the question to end while the thread is stuck");
    release.send(()).unwrap();
    eventually_balanced(&scene.kernel);
    assert_eq!(scene.log.of("keeper got"), [""; 0], "expected what has expired not to be handled");
}

#[test]
fn deadlines_pass_on_a_thread_that_never_rests() {
    struct Restless;
    impl Target for Restless {
        fn receive(&mut self, _message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            ctx.notify(ctx.address(), Note(1));
            Outcome::Handled
        }
    }

    let scene = Scene::new(Arc::new(SystemClock::new()), Idle::Park);
    let space = scene.kernel.namespace("space").open().unwrap();
    let restless = space.register(Restless).unwrap();
    scene.kernel.notify(restless, Note(1)).unwrap();
    eventually("it is restless", || scene.kernel.counters().handled > 10_000);
    scene.request();
    scene.expect_expired("a request beside somebody who never rests");
    let end = scene.ask(Idle::default()).recv_timeout(PATIENCE);
    assert_eq!(end, Ok(Code::EXPIRED), "expected a question to end as well");
    scene.shelf.take();
    let report = scene.kernel.stop(PATIENCE);
    assert!(report.is_complete(), "expected the thread to end all the same: {report:?}");
    let counters = scene.kernel.counters();
    assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
}

#[test]
fn extreme_times_are_no_deadline_at_all() {
    for timeout in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(600 * 366 * 24 * 3600)] {
        let scene = Scene::new(Arc::new(SystemClock::new()), Idle::default());
        let keeper = scene.keeper;
        let step = Do::new(move |probe, ctx| {
            let inner = ctx.within(timeout);
            probe.log.note(format!("expires {:?}", inner.expires()));
            let _ = inner.request(keeper, Query(1));
        });
        scene.kernel.notify(scene.asker, step).unwrap();
        let (kernel, asked) = (scene.kernel.clone(), scene.keeper);
        let (told, end) = mpsc::channel();
        std::thread::spawn(move || {
            let _ = told.send(kernel.ask(asked, Query(2)).timeout(timeout).wait().map_err(|failure| failure.code()));
        });
        scene.answer(2);
        assert_eq!(scene.log.of("expires"), ["expires None"], "expected {timeout:?} to be no deadline");
        assert_eq!(end.recv_timeout(PATIENCE), Ok(Ok(Reply(9))), "expected an answer within {timeout:?}");
        scene.log.wait_until(|lines| lines.contains(&"a back 9 OK".to_owned()));
    }
}

#[test]
fn a_question_that_is_awaited_expires_although_no_thread_waits_for_it() {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, Wake};

    struct Tell(mpsc::Sender<()>);
    impl Wake for Tell {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(());
        }
    }

    let clock = Arc::new(ManualClock::new());
    let scene = Scene::new(clock.clone(), Idle::Park);
    let (told, woken) = mpsc::channel();
    let waker = Arc::new(Tell(told)).into();
    let mut ask = scene.kernel.ask(scene.keeper, Query(3)).timeout(LIMIT);
    let first = Pin::new(&mut ask).poll(&mut Context::from_waker(&waker));
    assert!(first.is_pending(), "expected the question to be held");
    scene.log.wait_until(|lines| lines.contains(&"keeper got 3".to_owned()));
    clock.advance(LIMIT);
    woken.recv_timeout(PATIENCE).expect("expected the task to be woken at the deadline");
    match Pin::new(&mut ask).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(Err(failure)) => assert_eq!(failure.code(), Code::EXPIRED, "expected the code of a deadline"),
        other => panic!("expected an end at the deadline, not {other:?}"),
    }
    scene.answer(1);
    assert_eq!(scene.kernel.counters().late_answers, 1, "expected the answer to be late");
}
