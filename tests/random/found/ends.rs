//! Ends: stopping, closing, sleeping.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use rohrpost::{Code, Context, HeldMessage, Idle, Kernel, ManualClock, Message, OnPanic, Outcome, Setup, Target};

use super::{Does, SOON, does, in_time, kernel};

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

#[test]
fn a_stop_names_the_threads_that_another_thread_is_closing() {
    let kernel = kernel();
    let app = kernel.namespace("app").open().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let (told, leaving) = mpsc::channel();
    let slow = Goes(Box::new(move || {
        let _ = told.send(());
        let _ = released.recv_timeout(SOON);
    }));
    app.register(slow).unwrap();
    let closer = std::thread::spawn(move || app.close(SOON));
    leaving.recv_timeout(SOON).unwrap();
    let report = kernel.stop(Duration::from_millis(50));
    assert_eq!(report.detached, ["app/0"], "expected the thread that is still there to be named: {report:?}");
    assert_eq!(kernel.stop(Duration::ZERO).detached, ["app/0"], "expected it to be named again");
    drop(release);
    let closed = closer.join().unwrap();
    assert_eq!(closed.ended, ["app/0"], "expected the first to wait for it until its end: {closed:?}");
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

#[test]
fn a_turned_clock_wakes_whoever_goes_to_sleep_at_that_moment() {
    let clock = Arc::new(ManualClock::new());
    let kernel = Kernel::builder("node").clock(clock.clone()).start().unwrap();
    let app = kernel.namespace("app").idle(Idle::Park).open().unwrap();
    let (other, _driven) = kernel.namespace("other").capacity(4096).driven().unwrap();
    let shelf = other.register(does(|_, _| {})).unwrap();
    let (codes, code) = mpsc::channel();
    let (told, asked) = mpsc::channel();
    let asker = app
        .register(Does {
            receive: move |_: &mut Message<'_>, ctx: &mut Context<'_>| {
                let _ = ctx.within(Duration::from_secs(1)).request(shelf, ());
                let _ = told.send(());
                Outcome::Handled
            },
            answered: move |answer: &mut Message<'_>, _: &mut Context<'_>| {
                let _ = codes.send(answer.code());
            },
        })
        .unwrap();
    for round in 0..1000 {
        kernel.notify(asker, ()).unwrap();
        asked.recv_timeout(SOON).unwrap();
        clock.advance(Duration::from_secs(2));
        assert_eq!(code.recv_timeout(SOON), Ok(Code::EXPIRED), "expected an end in round {round}");
    }
}
