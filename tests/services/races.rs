//! Registering and publishing at once, on several threads: nothing is seen twice, nothing missed, nothing left over.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rohrpost::{Address, Code, Context, Kernel, Message, Namespace, Outcome, Target};

use crate::world::{Note, PATIENCE, Query};

/// Keeps the numbers that it sees.
struct Witness(Arc<Mutex<Vec<u32>>>);

impl Target for Witness {
    fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        Outcome::Handled
    }

    fn observed(&mut self, message: &Message<'_>, _ctx: &mut Context<'_>) {
        self.0.lock().unwrap().extend(message.record::<Note>().map(|note| note.0));
    }
}

/// Publishes a number more for each message that it gets.
struct Publisher(Address, u32);

impl Target for Publisher {
    fn receive(&mut self, _message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        self.1 += 1;
        ctx.notify(self.0, Note(self.1));
        Outcome::Handled
    }
}

/// Waits until everything that was sent to the threads of `space` before has been dealt with.
fn flush(kernel: &Kernel, space: &Namespace, flushers: &[Address]) {
    assert_eq!(space.threads(), flushers.len());
    for _ in 0..2 {
        for &flusher in flushers {
            kernel.ask(flusher, ()).timeout(PATIENCE).wait().unwrap();
        }
    }
}

#[test]
fn whoever_observes_while_somebody_publishes_sees_the_last_and_then_each_once() {
    const ROUNDS: usize = 200;
    let kernel = Kernel::builder("races").start().unwrap();
    let space = kernel.namespace("space").threads(2).capacity(1 << 16).open().unwrap();
    let topic = space.topic::<Note>().retain_last().open().unwrap();
    let flushers = [0, 1].map(|thread| space.register_on(thread, Witness(Arc::default())).unwrap());
    let publisher = space.register_on(0, Publisher(topic, 0)).unwrap();
    let done = AtomicBool::new(false);
    let (published, seen) = std::thread::scope(|scope| {
        let publish = scope.spawn(|| {
            let mut published = 0;
            while !done.load(Ordering::Relaxed) {
                // Not faster than it is dealt with, so that nothing is lost for lack of room.
                kernel.ask(publisher, ()).timeout(PATIENCE).wait().unwrap();
                published += 1;
                if published % 64 == 0 {
                    flush(&kernel, &space, &flushers);
                }
            }
            published
        });
        let started = Instant::now();
        let mut all = Vec::new();
        for round in 0..ROUNDS {
            let seen = Arc::new(Mutex::new(Vec::new()));
            let witness = space.register_on(round % 2, Witness(seen.clone())).unwrap();
            space.observe::<Note>(witness).unwrap();
            all.push(seen);
            assert!(started.elapsed() < PATIENCE, "expected {ROUNDS} observers within {PATIENCE:?}");
        }
        done.store(true, Ordering::Relaxed);
        (publish.join().unwrap(), all)
    });
    flush(&kernel, &space, &flushers);
    let counters = kernel.counters();
    assert_eq!(counters.lost_copies, 0, "expected room for everything: {counters:?}");
    for seen in seen {
        let seen = seen.lock().unwrap();
        let first = seen.first().copied().unwrap_or(published + 1);
        assert_eq!(*seen, (first..=published).collect::<Vec<_>>(), "expected each from the first on, once, in order");
    }
    assert!(counters.is_balanced(), "expected it to add up: {counters:?}");
}

#[test]
fn owners_and_observers_that_come_and_go_on_all_threads_leave_nothing() {
    let kernel = Kernel::builder("races").start().unwrap();
    let space = kernel.namespace("space").threads(2).capacity(1 << 14).open().unwrap();
    let other = kernel.namespace("other").threads(2).capacity(1 << 14).open().unwrap();
    let topic = space.topic::<Note>().open().unwrap();
    let busy = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for (index, home) in [&space, &other, &space, &other].into_iter().enumerate() {
            let (kernel, space, busy) = (&kernel, &space, &busy);
            scope.spawn(move || {
                for round in 0..200 {
                    let seen = Arc::new(Mutex::new(Vec::new()));
                    let register = |seen| home.register_on((index + round) % 2, Witness(seen));
                    // The hand-offs may be full at times; everything else is to succeed.
                    let Ok(witness) = register(seen) else {
                        busy.fetch_add(1, Ordering::Relaxed);
                        continue;
                    };
                    space.observe::<Note>(witness).unwrap();
                    let _ = home.serve::<Query>(witness);
                    let _ = kernel.notify(topic, Note(1));
                    let end = kernel.ask(home.address(), Query(2)).timeout(PATIENCE).wait();
                    let code = end.map_or_else(|failure| failure.code(), |_| Code::OK);
                    let fine = [Code::MALFORMED, Code::NO_SERVICE, Code::NO_TARGET, Code::STOPPED, Code::BUSY];
                    assert!(fine.contains(&code), "expected an answer or a good reason, not {code}");
                    match round % 3 {
                        0 => home.deregister(witness).unwrap(),
                        1 => {
                            space.unobserve::<Note>(witness).unwrap();
                            let _ = home.withdraw::<Query>(witness);
                            home.deregister(witness).unwrap();
                        }
                        _ => {
                            home.deregister(witness).unwrap();
                            let _ = space.unobserve::<Note>(witness);
                        }
                    }
                }
            });
        }
    });
    let report = other.close(PATIENCE);
    assert!(report.is_complete(), "expected all threads to end: {report:?}");
    let flushers = [0, 1].map(|thread| space.register_on(thread, Witness(Arc::default())).unwrap());
    flush(&kernel, &space, &flushers);
    assert_eq!(kernel.notify(topic, Note(3)).unwrap_err().code(), Code::NOT_HANDLED, "expected no observer to be left");
    assert!(space.close_service::<Query>().is_err(), "expected no owner to be left");
    let counters = kernel.counters();
    assert!(counters.is_balanced() && counters.panics == 0, "expected it to add up: {counters:?}");
}
