//! The counters of many threads, and of threads that have ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rohrpost::{Kernel, Message, Outcome};

use super::figures;
use crate::hazards::eventually;
use crate::ways::{Habit, Log, Note, PATIENCE, Probe, Query, Reply, handle};

#[test]
fn the_counters_outlive_their_threads() {
    let kernel = Kernel::builder("counted").start().unwrap();
    let log = Log::default();
    for round in 1..=20 {
        let space = kernel.namespace("space").threads(2).open().unwrap();
        let probe = space.register_on(1, Probe::new("b", &log, handle())).unwrap();
        kernel.ask(probe, Query(1)).timeout(PATIENCE).wait().expect("expected an answer");
        assert!(space.close(PATIENCE).is_complete(), "expected the threads to end");
        let counters = kernel.counters();
        let figures = [counters.sent, counters.handled, counters.answered, counters.registered, counters.deregistered];
        assert_eq!(figures, [round; 5], "expected the figures of threads that have ended to stay");
    }
    assert!(kernel.stop(PATIENCE).is_complete(), "expected nothing to be left");
    assert_eq!(kernel.counters().sent, 20, "expected the figures of a kernel that has stopped to stay");
}

#[test]
fn a_figure_never_goes_back() {
    let kernel = Kernel::builder("counted").start().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (kernel, done) = (kernel.clone(), done.clone());
            std::thread::spawn(move || {
                let mut last = kernel.counters();
                while !done.load(Ordering::SeqCst) {
                    let now = kernel.counters();
                    let fell = figures(&last).into_iter().zip(figures(&now)).find(|(last, now)| now.1 < last.1);
                    assert_eq!(fell, None, "expected no figure to fall while threads end");
                    last = now;
                }
            })
        })
        .collect();
    let log = Log::default();
    for _round in 0..500 {
        let (space, mut worker) = kernel.namespace("space").capacity(4).driven().unwrap();
        let probe = space.register(Probe::new("b", &log, handle())).unwrap();
        kernel.notify(probe, Note(1)).unwrap();
        worker.run_until_idle();
    }
    done.store(true, Ordering::SeqCst);
    readers.into_iter().for_each(|reader| reader.join().expect("expected the reader to see what it expected"));
}

#[test]
fn no_message_is_lost_or_counted_twice_between_many_threads() {
    const SENDERS: u64 = 4;
    const EACH: u64 = 2_000;
    let kernel = Kernel::builder("counted").start().unwrap();
    let space = kernel.namespace("space").threads(3).capacity(64).open().unwrap();
    let log = Log::default();
    let quiet = || -> Habit {
        Box::new(|message, _| {
            if message.wants_answer() {
                message.answer(Reply(1));
            }
            if message.record::<Note>().is_some_and(|note| note.0 % 5 == 0) {
                Outcome::NotHandled
            } else {
                Outcome::Handled
            }
        })
    };
    let last = space.register_on(2, Probe::new("c", &log, quiet())).unwrap();
    let requests = Arc::new(AtomicU64::new(0));
    let targets = [0, 1].map(|thread| {
        let requests = requests.clone();
        let gate: Habit = Box::new(move |message, ctx| {
            let _ = ctx.request(last, Query(1));
            requests.fetch_add(1, Ordering::SeqCst);
            ctx.forward(message, last);
            Outcome::Handled
        });
        space.register_on(thread, Probe::new("gate", &log, gate)).unwrap()
    });
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let kernel = kernel.clone();
            std::thread::spawn(move || {
                let send = |number: u64| {
                    let to = targets[(sender + number) as usize % 2];
                    let number = number as u32;
                    match number % 3 {
                        0 => kernel.send(Message::request(to, Query(number))).is_ok(),
                        _ => kernel.notify(to, Note(number)).is_ok(),
                    }
                };
                (0..EACH).filter(|&number| send(number)).count() as u64
            })
        })
        .collect();
    let accepted: u64 = senders.into_iter().map(|sender| sender.join().unwrap()).sum();
    let all = || kernel.counters().sent == accepted + requests.load(Ordering::SeqCst);
    eventually("all mail has ended", || kernel.counters().is_balanced() && all());
    assert!(kernel.stop(PATIENCE).is_complete(), "expected the threads to end");
    let counters = kernel.counters();
    assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
    assert!(all(), "expected each of {accepted} messages and the gates' requests to be counted once: {counters:?}");
}
