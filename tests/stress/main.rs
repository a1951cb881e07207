//! Stress: 8 namespaces, many targets, chains of messages that cross them at random, with panics, restarts,
//! deregistrations and replacements all the time, and with services, observers and timers that come and go with them.
//! Nothing is lost, and no memory.
//!
//! `cargo test` runs a short form; `STRESS=full` in release the whole: 100,000 targets and 10 million messages.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test says what it finds, and fails where it stands")]

mod allocator;
mod chimes;
mod citizen;
mod dice;
mod town;

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rohrpost::{Balance, Code, Failure, HeldMessage, Kernel, Namespace};

use crate::chimes::{Bells, TIMERS};
use crate::citizen::{Citizen, Hop, News, PLANNED};
use crate::dice::Dice;
use crate::town::{Quarter, Token, Town};

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

const NAMESPACES: usize = 8;
/// So tight that each of them is reached now and then.
const CAPACITY: usize = 100;
const HELD: usize = 16;
/// Messages of one chain.
const CHAIN: u32 = 500;
/// Chains at one time.
const CHAINS: usize = 200;
/// Runs of which one leaves the memory in use as it was.
const RUNS: usize = 3;
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
        Size { targets: 2000 / NAMESPACES, messages: 80_000 }
    };
    // What lives as long as the process is made by now: names, thread-locals, buffers.
    run_on_a_thread(Size { targets: 50, messages: 5000 }, Stop::AtRest);
    for stop in [Stop::AtRest, Stop::InFlight] {
        // A lock that is fought over for the first time makes room for those who wait, once for the whole process. What
        // leaks does so every time.
        let growths: Vec<isize> = (0..RUNS).map(|_| growth(size, stop)).take_while(|&growth| growth != 0).collect();
        assert!(growths.len() < RUNS, "expected the memory in use to be what it was before, {stop:?}: {growths:?}");
    }
}

/// One run, and the bytes in use that it leaves.
fn growth(size: Size, stop: Stop) -> isize {
    let before = allocator::live_bytes();
    let told = run_on_a_thread(size, stop);
    let after = allocator::live_bytes() - told.capacity().cast_signed();
    // Only now: the harness keeps what is printed.
    eprintln!("{told}");
    after - before
}

/// Threads that ask keep some room for answers as long as they live; this one does not.
fn run_on_a_thread(size: Size, stop: Stop) -> String {
    match std::thread::spawn(move || run(size, stop)).join() {
        Ok(told) => told,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// One run; what became of it, in a line.
fn run(size: Size, stop: Stop) -> String {
    let started = Instant::now();
    let kernel = Kernel::builder("stress").start().unwrap();
    let namespaces: Vec<_> = (0..NAMESPACES).map(|number| open(&kernel, number)).collect();
    let town = Town::new(namespaces.iter().map(Namespace::address).collect());
    let helper = hire_helper(&town);
    for (number, namespace) in namespaces.iter().enumerate() {
        let targets = settle(namespace, number, size.targets, &town);
        *town.quarters[number].write().unwrap() = targets;
    }

    let mut bells = Bells::default();
    let launched = launch(&kernel, &namespaces, &town, &mut bells, size.messages);
    if stop == Stop::AtRest {
        wait_until("all chains ended", &town, || town.chains.load(Ordering::SeqCst) == 0);
        wait_until("all held messages ended", &town, || town.held.load(Ordering::SeqCst) == 0);
        wait_until("all timers ended", &town, || town.chimes.load(Ordering::SeqCst) == 0);
        wait_until("the counters are balanced", &town, || kernel.counters().is_balanced());
        town.at_rest.store(true, Ordering::SeqCst);
    }
    let report = kernel.stop(SOON);
    assert!(report.is_complete(), "expected all threads to end: {report:?}");
    *town.helper.lock().unwrap() = None;
    helper.join().unwrap();
    check(&kernel, &town, launched);
    check_that_much_happened(&kernel, &town, size);
    let (rung, stale) = bells.rung();
    assert!(rung > 0, "expected timers that were armed from outside to tick");
    assert_eq!(stale, 0, "expected none of {rung} timers to tick that were cancelled");
    drop((kernel, namespaces, bells));
    assert_eq!(town.chimes.load(Ordering::SeqCst), 0, "expected all that timers were to bring to be dropped");
    assert_eq!(town.chains.load(Ordering::SeqCst), 0, "expected every record to be dropped");
    assert_eq!(Arc::strong_count(&town), 1, "expected nobody to be left in town");
    format!("{size:?} {stop:?}: {:?}, {:?}", started.elapsed(), town.counts)
}

fn open(kernel: &Kernel, number: usize) -> Namespace {
    let namespace =
        kernel.namespace(format!("quarter{number}")).capacity(CAPACITY).held(HELD).timers(TIMERS).open().unwrap();
    let balance = if number.is_multiple_of(2) { Balance::RoundRobin } else { Balance::FewestPending };
    namespace.group::<Hop>(balance).open().unwrap();
    let news = namespace.topic::<News>();
    let news = if number.is_multiple_of(2) { news } else { news.retain_last() };
    news.open().unwrap();
    namespace
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

/// Starts chains until so many messages have been sent. How many of them were sent from here, and of how many others
/// that is not known.
fn launch(kernel: &Kernel, namespaces: &[Namespace], town: &Arc<Town>, bells: &mut Bells, messages: u64) -> (u64, u64) {
    let (mut sent, mut unknown) = (0, 0);
    let mut dice = Dice(0x5eed);
    while kernel.counters().sent < messages {
        if town.chains.load(Ordering::SeqCst) >= CHAINS {
            std::thread::yield_now();
            continue;
        }
        let quarter = dice.below(NAMESPACES);
        let to = town.at(quarter, dice.below(1 << 20));
        bells.ring(town, &namespaces[quarter], to, &mut dice);
        let hop = Hop { token: Some(Token::new(town)), left: CHAIN, dice: Dice(dice.0 | 1) };
        if dice.below(2) == 0 {
            sent += u64::from(kernel.notify(to, hop).is_ok());
            continue;
        }
        let answer = kernel.ask(to, hop).timeout(SOON).wait();
        match answer.map_err(|failure| failure.code()) {
            Err(Code::EXPIRED) => panic!("expected an answer from {to} within {SOON:?}"),
            // It may have been refused before it was sent, or when it was forwarded.
            Err(Code::BUSY | Code::NO_TARGET) => unknown += 1,
            _ => sent += 1,
        }
    }
    (sent, unknown)
}

fn wait_until(what: &str, town: &Town, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < SOON, "expected that {what} within {SOON:?}: {town:?}");
        std::thread::yield_now();
    }
}

/// Compares what the kernel counted with what the targets saw.
fn check(kernel: &Kernel, town: &Town, (launched, unknown): (u64, u64)) {
    let counters = kernel.counters();
    let counts = &town.counts;
    let read = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::SeqCst);
    assert!(counters.is_balanced(), "expected every message to have ended once: {counters:?}");
    assert_eq!(counters.registered, counters.deregistered, "expected every target to have gone: {counters:?}");
    let sent = read(&counts.sent) + launched;
    let known = sent..=sent + unknown;
    assert!(known.contains(&counters.sent), "expected {known:?} messages to have been sent: {counters:?}, {counts:?}");
    assert_eq!(counters.panics, read(&counts.panics), "expected every panic to be counted");
    assert_eq!(counters.observed, read(&counts.observed), "expected every copy that was seen to be counted");
    assert_eq!(read(&counts.stale), 0, "expected every tick at its time, and none of a timer that has ended");
    assert_eq!(read(&counts.unknown), 0, "expected nothing to come back twice");
    assert_eq!(read(&counts.lost), 0, "expected every request to be answered");
    assert_eq!(
        read(&counts.ended) + read(&counts.abandoned),
        read(&counts.requests),
        "expected every request to end once: {counts:?}"
    );
}

/// Whether the run was what it was meant to be.
fn check_that_much_happened(kernel: &Kernel, town: &Town, size: Size) {
    let counters = kernel.counters();
    assert!(counters.sent >= size.messages, "expected {} messages: {counters:?}", size.messages);
    for (what, count) in [
        ("handled", counters.handled),
        ("returned", counters.returned),
        ("dead letters", counters.dead_letters),
        ("answered", counters.answered),
        ("dead answers", counters.dead_answers),
        ("observed", counters.observed),
        ("ticks", town.counts.ticks.load(Ordering::SeqCst)),
        ("panics", counters.panics),
        ("restarts", counters.restarts),
    ] {
        assert!(count > size.messages / 100_000, "expected more {what}: {counters:?}");
    }
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
