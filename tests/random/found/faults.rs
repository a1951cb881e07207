//! Panics in places where one does not look for them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use rohrpost::{Code, HeldMessage, Message, record};

use super::{asks, does, keeps, kernel, settle};

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
