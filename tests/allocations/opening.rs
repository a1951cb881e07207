//! What opening a namespace allocates, it allocates with nothing locked that others look up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rohrpost::{Kernel, NamespaceBuilder, OpenError};

use crate::PATIENCE;
use crate::counting::LARGE;
use crate::targets::{Note, Receiver};

/// Whether somebody allocates a hand-off, whether mail was sent meanwhile, and whether that was seen in time.
static ALLOCATES: AtomicBool = AtomicBool::new(false);
static SENT: AtomicBool = AtomicBool::new(false);
static IN_TIME: AtomicBool = AtomicBool::new(false);

/// Waits in the allocator until mail was sent.
fn linger() {
    let started = Instant::now();
    ALLOCATES.store(true, Ordering::SeqCst);
    while !SENT.load(Ordering::SeqCst) && started.elapsed() < PATIENCE {
        std::thread::yield_now();
    }
    IN_TIME.store(SENT.load(Ordering::SeqCst), Ordering::SeqCst);
}

#[test]
fn nobody_waits_for_a_large_hand_off_that_somebody_else_opens() {
    let kernel = Kernel::builder("opening").start().unwrap();
    let space = kernel.namespace("space").open().unwrap();
    let named = space.register_as("named", Receiver(0)).unwrap();
    let ways: [fn(NamespaceBuilder) -> Result<(), OpenError>; 2] =
        [|large| large.open().map(drop), |large| large.driven().map(drop)];
    for open in ways {
        for flag in [&ALLOCATES, &SENT, &IN_TIME] {
            flag.store(false, Ordering::SeqCst);
        }
        let sender = {
            let kernel = kernel.clone();
            std::thread::spawn(move || {
                while !ALLOCATES.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                // A name takes a look-up.
                kernel.notify(named, Note(1)).unwrap();
                SENT.store(true, Ordering::SeqCst);
            })
        };
        LARGE.set(Some(linger));
        open(kernel.namespace("large").capacity(1 << 16)).unwrap();
        let lingers = LARGE.take().is_some();
        assert!(!lingers, "expected a hand-off to be allocated by whoever opens");
        assert!(IN_TIME.load(Ordering::SeqCst), "expected mail to find its way meanwhile");
        sender.join().unwrap();
        let _ = kernel.namespace("large").open().unwrap().close(PATIENCE);
    }
}
