//! Programs that once failed, each reduced to what it takes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::{
    Address, Code, Context, Driven, HeldMessage, Idle, Kernel, ManualClock, Message, OnPanic, Outcome, Setup, Target,
    record,
};

/// What a test waits at most for what has to happen soon.
const SOON: Duration = Duration::from_secs(5);

/// A target that does what its closures say.
struct Does<R, A> {
    receive: R,
    answered: A,
}

impl<R, A> Target for Does<R, A>
where
    R: FnMut(&mut Message<'_>, &mut Context<'_>) -> Outcome + 'static,
    A: FnMut(&mut Message<'_>, &mut Context<'_>) + 'static,
{
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        (self.receive)(message, ctx)
    }

    fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        (self.answered)(answer, ctx);
    }
}

/// A target that says *handled* when `receive` has run.
fn does(mut receive: impl FnMut(&mut Message<'_>, &mut Context<'_>) + 'static + Send) -> impl Target + Send {
    let receive = move |message: &mut Message<'_>, ctx: &mut Context<'_>| {
        receive(message, ctx);
        Outcome::Handled
    };
    Does { receive, answered: |_: &mut Message<'_>, _: &mut Context<'_>| {} }
}

/// A target that requests `()` of `to` whenever it gets mail, and passes on the codes of what comes back.
fn asks(to: Address, codes: Sender<Code>) -> impl Target + Send {
    Does {
        receive: move |_: &mut Message<'_>, ctx: &mut Context<'_>| {
            let _ = ctx.request(to, ());
            Outcome::Handled
        },
        answered: move |answer: &mut Message<'_>, _: &mut Context<'_>| {
            let _ = codes.send(answer.code());
        },
    }
}

/// A target that puts what it gets on the shelf.
fn keeps(shelf: Arc<Mutex<Vec<HeldMessage>>>) -> impl Target + Send {
    does(move |message, ctx| {
        if let Ok(held) = ctx.hold(message) {
            shelf.lock().unwrap().push(held);
        }
    })
}

fn kernel() -> Kernel {
    Kernel::builder("node").start().unwrap()
}

fn settle(workers: &mut [&mut Driven]) {
    for _ in 0..1000 {
        if workers.iter_mut().map(|worker| worker.run_until_idle()).sum::<usize>() == 0 {
            return;
        }
    }
    panic!("expected the workers to come to rest");
}

/// Has `run` done on another thread, `SOON` at most.
fn in_time<R: Send + 'static>(what: &str, run: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, end) = mpsc::channel();
    std::thread::spawn(move || done.send(run()));
    end.recv_timeout(SOON).unwrap_or_else(|_| panic!("expected {what} to end in {SOON:?}"))
}

#[test]
fn an_answer_to_a_worker_that_has_gone_leaves_its_successor_alone() {
    let kernel = kernel();
    let shelf = Arc::default();
    let (asking, mut first) = kernel.namespace("asking").driven().unwrap();
    let (keeping, mut keeper) = kernel.namespace("keeping").driven().unwrap();
    let held = keeping.register(keeps(Arc::clone(&shelf))).unwrap();
    let (codes, _old) = mpsc::channel();
    let asker = asking.register(asks(held, codes)).unwrap();
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut first, &mut keeper]);
    let old = shelf.lock().unwrap().pop().expect("a held request");

    let _ = asking.close(Duration::ZERO);
    drop(first);
    let (asking, mut second) = kernel.namespace("asking").driven().unwrap();
    old.finish(Code::OK);
    settle(&mut [&mut second, &mut keeper]);

    let (codes, new) = mpsc::channel();
    let asker = asking.register(asks(held, codes)).unwrap();
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut second, &mut keeper]);
    shelf.lock().unwrap().pop().expect("expected the successor's request to get through").finish(Code::OK);
    settle(&mut [&mut second, &mut keeper]);
    assert_eq!(new.try_recv(), Ok(Code::OK), "expected the successor to get its own answer");
    assert!(kernel.counters().is_balanced(), "expected balanced counters: {:?}", kernel.counters());
}

#[test]
fn a_request_of_a_gone_worker_that_ends_at_its_successor_harms_nobody() {
    let kernel = kernel();
    let shelf = Arc::default();
    let (asking, mut first) = kernel.namespace("asking").driven().unwrap();
    let (keeping, mut keeper) = kernel.namespace("keeping").driven().unwrap();
    let held = keeping.register(keeps(Arc::clone(&shelf))).unwrap();
    let (codes, _old) = mpsc::channel();
    let asker = asking.register(asks(held, codes)).unwrap();
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut first, &mut keeper]);
    let old = shelf.lock().unwrap().pop().expect("a held request");

    drop(first);
    let (asking, mut second) = kernel.namespace("asking").driven().unwrap();
    let sink = asking.register(does(|_, _| {})).unwrap();
    old.forward(sink);
    settle(&mut [&mut second, &mut keeper]);
    let counters = kernel.counters();
    assert_eq!((counters.handled, counters.dead_answers), (2, 1), "expected an answer for nobody: {counters:?}");
}

#[test]
fn a_request_of_a_gone_worker_takes_no_room_of_its_successor() {
    let kernel = kernel();
    let shelf = Arc::default();
    let (asking, mut first) = kernel.namespace("asking").driven().unwrap();
    let (other, mut elsewhere) = kernel.namespace("other").driven().unwrap();
    let held = asking.register(keeps(Arc::clone(&shelf))).unwrap();
    let (codes, _old) = mpsc::channel();
    let asker = asking.register(asks(held, codes)).unwrap();
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut first, &mut elsewhere]);
    drop(first);

    let (asking, mut second) = kernel.namespace("asking").requests(1).driven().unwrap();
    let sink = other.register(does(|_, _| {})).unwrap();
    let forwards = {
        let shelf = Arc::clone(&shelf);
        does(move |_, _| shelf.lock().unwrap().drain(..).for_each(|held: HeldMessage| held.forward(sink)))
    };
    let forwarder = asking.register(forwards).unwrap();
    kernel.notify(forwarder, ()).unwrap();
    settle(&mut [&mut second, &mut elsewhere]);
    let (codes, code) = mpsc::channel();
    let asker = asking.register(asks(sink, codes)).unwrap();
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut second, &mut elsewhere]);
    assert_eq!(code.try_recv(), Ok(Code::OK), "expected room for a request, as none is under way");
}

#[test]
fn a_call_into_a_circle_of_forwarders_comes_back() {
    let code = in_time("a call into a circle", || {
        let kernel = kernel();
        let (app, mut worker) = kernel.namespace("app").driven().unwrap();
        let right: Address = "right..".parse().unwrap();
        let left = app.register(does(move |message, ctx| ctx.forward(message, right))).unwrap();
        let _ = app.register_as("right", does(move |message, ctx| ctx.forward(message, left))).unwrap();
        let (told, code) = mpsc::channel();
        let calls = does(move |_, ctx| {
            let _ = told.send(ctx.call(left, ()).map_err(|failure| failure.code()));
        });
        let caller = app.register(calls).unwrap();
        kernel.notify(caller, ()).unwrap();
        worker.run_until_idle();
        code.try_recv()
    });
    assert_eq!(code, Ok(Err(Code::WOULD_BLOCK)), "expected the call to be told that it goes on for ever");
}

#[test]
fn a_long_chain_of_forwards_reaches_a_target_by_its_name() {
    for length in 60..80 {
        let kernel = kernel();
        let (app, mut worker) = kernel.namespace("app").driven().unwrap();
        let mut last = app.register_as("last", does(|_, _| {})).unwrap();
        for _ in 0..length {
            let onward = last;
            last = app.register(does(move |message, ctx| ctx.forward(message, onward))).unwrap();
        }
        let (codes, code) = mpsc::channel();
        let asker = app.register(asks(last, codes)).unwrap();
        kernel.notify(asker, ()).unwrap();
        settle(&mut [&mut worker]);
        assert_eq!(code.try_recv(), Ok(Code::OK), "expected the request to be handled at the end of the chain");
    }
}

#[test]
fn a_long_chain_of_forwards_reaches_another_thread() {
    for length in 60..80 {
        let kernel = kernel();
        let (app, mut worker) = kernel.namespace("app").driven().unwrap();
        let (other, mut elsewhere) = kernel.namespace("other").driven().unwrap();
        // A number of a slot that the first worker does not have.
        let lasts: Vec<_> = (0..200).map(|_| other.register(does(|_, _| {})).unwrap()).collect();
        let mut last = lasts[199];
        for _ in 0..length {
            let onward = last;
            last = app.register(does(move |message, ctx| ctx.forward(message, onward))).unwrap();
        }
        let (codes, code) = mpsc::channel();
        let asker = app.register(asks(last, codes)).unwrap();
        kernel.notify(asker, ()).unwrap();
        settle(&mut [&mut worker, &mut elsewhere]);
        assert_eq!(code.try_recv(), Ok(Code::OK), "expected the request to be handled at the end of {length}");
    }
}

#[test]
fn a_refused_request_gives_its_room_back() {
    let kernel = kernel();
    let (app, mut worker) = kernel.namespace("app").requests(2).driven().unwrap();
    let (other, mut elsewhere) = kernel.namespace("other").capacity(1).driven().unwrap();
    let sink = other.register(does(|_, _| {})).unwrap();
    let (codes, code) = mpsc::channel();
    let asker = app.register(asks(sink, codes)).unwrap();
    settle(&mut [&mut worker, &mut elsewhere]);
    for _ in 0..5 {
        kernel.notify(sink, ()).unwrap();
        kernel.notify(asker, ()).unwrap();
        settle(&mut [&mut worker]);
        assert_eq!(code.try_recv(), Ok(Code::BUSY), "expected the hand-off to be full");
        settle(&mut [&mut elsewhere]);
    }
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut worker, &mut elsewhere]);
    assert_eq!(code.try_recv(), Ok(Code::OK), "expected room for a request, as none is under way");
}

#[test]
fn a_request_that_is_answered_at_home_after_a_detour_gives_its_room_back() {
    let kernel = kernel();
    let (app, mut worker) = kernel.namespace("app").requests(2).driven().unwrap();
    let (other, mut elsewhere) = kernel.namespace("other").driven().unwrap();
    let home = app.register(does(|_, _| {})).unwrap();
    let detour = other.register(does(move |message, ctx| ctx.forward(message, home))).unwrap();
    let (codes, code) = mpsc::channel();
    let asker = app.register(asks(detour, codes)).unwrap();
    for round in 0..5 {
        kernel.notify(asker, ()).unwrap();
        settle(&mut [&mut worker, &mut elsewhere]);
        assert_eq!(code.try_recv(), Ok(Code::OK), "expected room for a request in round {round}");
    }
}

#[test]
fn a_worker_that_goes_in_a_panic_still_returns_what_its_targets_keep() {
    let kernel = kernel();
    let (app, mut worker) = kernel.namespace("app").driven().unwrap();
    let mut kept = Vec::new();
    let keeper = app.register(does(move |message, ctx| kept.extend(ctx.hold(message)))).unwrap();
    let (other, mut elsewhere) = kernel.namespace("other").driven().unwrap();
    let (codes, code) = mpsc::channel();
    let asker = other.register(asks(keeper, codes)).unwrap();
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut worker, &mut elsewhere]);
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _worker = worker;
        std::panic::resume_unwind(Box::new("planned"));
    }));
    assert!(broken.is_err(), "expected the panic to go on");
    settle(&mut [&mut elsewhere]);
    assert_eq!(code.try_recv(), Ok(Code::STOPPED), "expected the request back from the worker that went");
}

#[test]
fn what_a_panic_drops_between_two_turns_comes_back() {
    let kernel = kernel();
    let shelf: Arc<Mutex<Vec<HeldMessage>>> = Arc::default();
    let (app, mut worker) = kernel.namespace("app").driven().unwrap();
    let keeper = app.register(keeps(Arc::clone(&shelf))).unwrap();
    let (codes, code) = mpsc::channel();
    let asker = app.register(asks(keeper, codes)).unwrap();
    kernel.notify(asker, ()).unwrap();
    settle(&mut [&mut worker]);
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        worker.build(|_| {
            let _held = shelf.lock().unwrap().pop();
            std::panic::resume_unwind(Box::new("planned"));
        })
    }));
    assert!(broken.is_err(), "expected the panic to go on");
    settle(&mut [&mut worker]);
    assert!(code.try_recv().is_ok(), "expected the request back from whoever dropped it");
}

#[test]
fn a_stop_from_a_handler_ends_every_ask() {
    in_time("the ask", || {
        let kernel = kernel();
        let shelf: Arc<Mutex<Vec<HeldMessage>>> = Arc::default();
        let app = kernel.namespace("app").open().unwrap();
        let (told, kept) = mpsc::channel();
        let keep = {
            let shelf = shelf.clone();
            does(move |message, ctx| {
                shelf.lock().unwrap().extend(ctx.hold(message));
                let _ = told.send(());
            })
        };
        let keeper = app.register(keep).unwrap();
        let own = kernel.clone();
        let stopper = app
            .register(does(move |_, _| {
                let _ = own.stop(SOON);
            }))
            .unwrap();
        let asking = kernel.clone();
        let asker = std::thread::spawn(move || asking.ask(keeper, ()).wait().map_err(|failure| failure.code()));
        kept.recv_timeout(SOON).unwrap();
        kernel.notify(stopper, ()).unwrap();
        assert_eq!(asker.join().unwrap(), Err(Code::STOPPED));
    });
}

#[test]
fn a_stop_names_the_threads_that_were_closed_in_the_background() {
    let kernel = kernel();
    let (app, other) = (kernel.namespace("app").open().unwrap(), kernel.namespace("other").open().unwrap());
    let (release, released) = mpsc::channel::<()>();
    let (told, leaving) = mpsc::channel();
    let slow = Goes(Box::new(move || {
        let _ = told.send(());
        let _ = released.recv_timeout(SOON);
    }));
    other.register(slow).unwrap();
    let closer = app
        .register(does(move |_, _| {
            let _ = other.close(SOON);
        }))
        .unwrap();
    kernel.notify(closer, ()).unwrap();
    leaving.recv_timeout(SOON).unwrap();
    let report = kernel.stop(Duration::from_millis(50));
    assert!(!report.is_complete(), "expected the thread that is still there to be named: {report:?}");
    drop(release);
}

/// A target that does something when it is stopped.
struct Goes(Box<dyn FnMut() + Send>);

impl Target for Goes {
    fn receive(&mut self, _: &mut Message<'_>, _: &mut Context<'_>) -> Outcome {
        Outcome::Handled
    }

    fn stopping(&mut self, _: &mut Context<'_>) {
        (self.0)();
    }
}

#[test]
fn a_target_that_sends_again_what_comes_back_does_not_keep_its_worker_from_ending() {
    in_time("dropping the worker", || {
        let kernel = kernel();
        let (app, mut worker) = kernel.namespace("app").driven().unwrap();
        let (other, _elsewhere) = kernel.namespace("other").driven().unwrap();
        let never = other.register(does(|_, _| {})).unwrap();
        let stubborn = app
            .register(Does {
                receive: move |_: &mut Message<'_>, ctx: &mut Context<'_>| {
                    ctx.notify(never, ());
                    Outcome::Handled
                },
                answered: move |_: &mut Message<'_>, ctx: &mut Context<'_>| ctx.notify(never, ()),
            })
            .unwrap();
        let _ = other.close(Duration::ZERO);
        kernel.notify(stubborn, ()).unwrap();
        for _ in 0..3 {
            let _ = worker.run_once();
        }
        drop(worker);
    });
}

#[test]
fn a_target_that_never_starts_does_not_keep_its_worker_from_ending() {
    struct Never;
    impl Target for Never {
        fn receive(&mut self, _: &mut Message<'_>, _: &mut Context<'_>) -> Outcome {
            Outcome::Handled
        }
        fn started(&mut self, _: &mut Context<'_>) {
            std::panic::resume_unwind(Box::new("planned"));
        }
    }
    in_time("dropping the worker", || {
        let kernel = kernel();
        let (app, mut worker) = kernel.namespace("app").driven().unwrap();
        let _ = app.register_factory(Setup::new().on_panic(OnPanic::Restart), || Never).unwrap();
        let _ = worker.run_once();
        drop(worker);
    });
}

#[derive(Clone, Debug)]
struct Bomb;
record!(Bomb, "random.bomb");
impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::resume_unwind(Box::new("planned"));
        }
    }
}

#[test]
fn a_second_record_that_panics_when_it_is_dropped_harms_nobody() {
    let kernel = kernel();
    let (app, mut worker) = kernel.namespace("app").driven().unwrap();
    let got = Arc::new(AtomicU32::new(0));
    let sink = {
        let got = got.clone();
        app.register(does(move |_, _| {
            got.fetch_add(1, Ordering::Relaxed);
        }))
        .unwrap()
    };
    kernel.send(Message::notification(sink, ()).and(Bomb)).unwrap();
    settle(&mut [&mut worker]);
    assert_eq!(got.load(Ordering::Relaxed), 1, "expected one delivery");
    assert!(kernel.counters().is_balanced(), "expected balanced counters: {:?}", kernel.counters());
}

#[test]
fn a_dead_letter_that_panics_when_it_is_dropped_harms_nobody() {
    let kernel = kernel();
    let (app, mut worker) = kernel.namespace("app").driven().unwrap();
    let sink = app.register(does(|_, _| {})).unwrap();
    settle(&mut [&mut worker]);
    kernel.notify(sink, Bomb).unwrap();
    app.deregister(sink).unwrap();
    kernel.notify(sink, Bomb).unwrap();
    settle(&mut [&mut worker]);
    let counters = kernel.counters();
    assert_eq!((counters.handled, counters.dead_letters), (1, 1), "expected one dead letter: {counters:?}");
}

#[test]
fn a_turned_clock_wakes_whoever_goes_to_sleep_at_that_moment() {
    let clock = Arc::new(ManualClock::new());
    let kernel = Kernel::builder("node").clock(clock.clone()).start().unwrap();
    let app = kernel.namespace("app").idle(Idle::Park).open().unwrap();
    let (other, _driven) = kernel.namespace("other").capacity(4096).driven().unwrap();
    let shelf = other.register(does(|_, _| {})).unwrap();
    let (codes, code) = mpsc::channel();
    let asker = app
        .register(Does {
            receive: move |_: &mut Message<'_>, ctx: &mut Context<'_>| {
                let _ = ctx.within(Duration::from_secs(1)).request(shelf, ());
                Outcome::Handled
            },
            answered: move |answer: &mut Message<'_>, _: &mut Context<'_>| {
                let _ = codes.send(answer.code());
            },
        })
        .unwrap();
    for round in 0..1000 {
        kernel.notify(asker, ()).unwrap();
        let handled = kernel.counters().handled;
        while kernel.counters().handled < handled.max(round + 1) {
            std::hint::spin_loop();
        }
        clock.advance(Duration::from_secs(2));
        assert_eq!(code.recv_timeout(SOON), Ok(Code::EXPIRED), "expected an end in round {round}");
    }
}
