//! Stress: 8 namespaces, many targets, chains of messages that cross them at random, with panics, restarts,
//! deregistrations and replacements all the time. Nothing is lost, and no memory.
//!
//! `cargo test` runs a short form; `STRESS=full` in release the whole: 100,000 targets and 10 million messages.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test says what it finds, and fails where it stands")]

mod allocator;
mod citizen;
mod town;

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rohrpost::{Code, Failure, HeldMessage, Kernel, Namespace};

use crate::citizen::{Citizen, Dice, Hop, PLANNED};
use crate::town::{Quarter, Token, Town};

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

const NAMESPACES: usize = 8;
/// Messages of one chain.
const CHAIN: u32 = 500;
/// Chains at one time.
const CHAINS: usize = 200;
/// How long something may take that needs no more than a moment.
const SOON: Duration = Duration::from_secs(60);

/// How much is done.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// Targets of each namespace.
    targets: usize,
    messages: u64,
}

/// When the kernel is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// When nothing is under way.
    AtRest,
    InFlight,
}

#[test]
fn nothing_is_lost_under_stress() {
    print_no_planned_panics();
    let size = if std::env::var("STRESS").is_ok_and(|size| size == "full") {
        Size { targets: 100_000 / NAMESPACES, messages: 10_000_000 }
    } else {
        Size { targets: 2000 / NAMESPACES, messages: 40_000 }
    };
    // What lives as long as the process is made by now: names, thread-locals, buffers.
    run(Size { targets: 50, messages: 5000 }, Stop::AtRest);
    for stop in [Stop::AtRest, Stop::InFlight] {
        let before = allocator::live_bytes();
        run(size, stop);
        let after = allocator::live_bytes();
        assert_eq!(after, before, "expected the memory in use to be what it was before the run, {stop:?}");
    }
}

fn run(size: Size, stop: Stop) {
    let started = Instant::now();
    let kernel = Kernel::builder("stress").start().unwrap();
    let town = Town::new(NAMESPACES);
    let helper = hire_helper(&town);
    let namespaces: Vec<_> = (0..NAMESPACES)
        .map(|number| {
            let namespace = kernel.namespace(format!("quarter{number}")).capacity(256).open().unwrap();
            let targets = settle(&namespace, number, size.targets, &town);
            *town.quarters[number].write().unwrap() = targets;
            namespace
        })
        .collect();

    let launched = launch(&kernel, &town, size.messages);
    if stop == Stop::AtRest {
        wait_until("all chains ended", &town, || town.chains.load(Ordering::SeqCst) == 0);
        wait_until("all held messages ended", &town, || town.held.load(Ordering::SeqCst) == 0);
        wait_until("the counters are balanced", &town, || kernel.counters().is_balanced());
        town.at_rest.store(true, Ordering::SeqCst);
    }
    let report = kernel.stop(SOON);
    assert!(report.is_complete(), "expected all threads to end: {report:?}");
    *town.helper.lock().unwrap() = None;
    helper.join().unwrap();
    check(&kernel, &town, launched);
    drop((kernel, namespaces));
    assert_eq!(town.chains.load(Ordering::SeqCst), 0, "expected every record to be dropped");
    assert_eq!(Arc::strong_count(&town), 1, "expected nobody to be left in town");
    eprintln!("{size:?} {stop:?}: {:?}, {:?}", started.elapsed(), town.counts);
}

/// Registers the targets of a namespace, on its thread.
fn settle(namespace: &Namespace, number: usize, targets: usize, town: &Arc<Town>) -> Vec<rohrpost::Address> {
    let town = town.clone();
    let build = move |thread: rohrpost::Thread<'_>| {
        let quarter = thread.local::<Quarter>();
        quarter.number.set(number);
        let _ = quarter.town.set(town);
        Ok((0..targets).filter_map(|place| Citizen::settle(&quarter, place, thread)).collect())
    };
    namespace.build_on(0, build).unwrap()
}

/// Starts chains until so many messages have been sent; how many of them were sent from here.
fn launch(kernel: &Kernel, town: &Arc<Town>, messages: u64) -> u64 {
    let mut launched = 0;
    let mut dice = Dice(0x5eed);
    while kernel.counters().sent < messages {
        if town.chains.load(Ordering::SeqCst) >= CHAINS {
            std::thread::yield_now();
            continue;
        }
        let to = town.at(dice.below(NAMESPACES), dice.below(1 << 20));
        let hop = Hop { token: Some(Token::new(town)), left: CHAIN, dice: Dice(dice.0 | 1) };
        let sent = if launched % 2 == 0 {
            kernel.notify(to, hop).is_ok()
        } else {
            let answer = kernel.ask(to, hop).timeout(SOON).wait();
            let code = answer.err().map_or(Code::OK, |failure| failure.code());
            assert_ne!(code, Code::EXPIRED, "expected an answer from {to}");
            // Where it says that it was full, or nobody there, it is not known whether that was before it was sent.
            code.is_ok() || !matches!(code, Code::BUSY | Code::NO_TARGET)
        };
        launched += u64::from(sent);
    }
    launched
}

fn wait_until(what: &str, town: &Town, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < SOON, "expected that {what} within {SOON:?}: {town:?}");
        std::thread::yield_now();
    }
}

/// Compares what the kernel counted with what the targets saw.
fn check(kernel: &Kernel, town: &Town, launched: u64) {
    let counters = kernel.counters();
    let counts = &town.counts;
    let read = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::SeqCst);
    assert!(counters.is_balanced(), "expected every message to have ended once: {counters:?}");
    assert_eq!(counters.registered, counters.deregistered, "expected every target to have gone: {counters:?}");
    let sent = read(&counts.sent) + launched;
    assert!(counters.sent >= sent, "expected {sent} messages at least: {counters:?}, {counts:?}");
    assert_eq!(counters.panics, read(&counts.panics), "expected every panic to be counted");
    assert_eq!(read(&counts.unknown), 0, "expected nothing to come back twice");
    assert_eq!(read(&counts.lost), 0, "expected every request to be answered");
    assert_eq!(
        read(&counts.ended) + read(&counts.abandoned),
        read(&counts.requests),
        "expected every request to end once: {counts:?}"
    );
}

/// A thread that ends held messages in all ways that there are.
fn hire_helper(town: &Arc<Town>) -> JoinHandle<()> {
    let (to_helper, work) = mpsc::channel::<HeldMessage>();
    *town.helper.lock().unwrap() = Some(to_helper);
    let town = town.clone();
    std::thread::spawn(move || {
        let mut dice = Dice(0xd1ce);
        while let Ok(held) = work.recv() {
            match dice.below(4) {
                0 => held.answer(()),
                1 => held.fail(Failure::new(Code::application(0), "as planned")),
                2 => held.forward(town.at(dice.below(NAMESPACES), dice.below(1 << 20))),
                _ => drop(held),
            }
            town.held.fetch_sub(1, Ordering::SeqCst);
        }
    })
}

fn print_no_planned_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str() != Some(PLANNED) {
            print(panic);
        }
    }));
}
