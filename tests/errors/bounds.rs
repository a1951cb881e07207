//! Threads, cores, bounds and times out of their range, and at its ends.

use std::error::Error;
use std::time::Duration;

use rohrpost::{Code, Idle, NamespaceBuilder, OpenError, PinError, RegisterError};

use crate::{Echo, PATIENCE, Ping, Pong, kernel, ping, ping_until_there_is_room, says};

#[test]
fn a_namespace_has_at_least_one_thread_and_not_too_many() {
    let kernel = kernel();
    for threads in [0, 1025, usize::MAX] {
        let error = kernel.namespace("space").threads(threads).open().expect_err("expected no namespace");
        says(&error, &[&threads.to_string(), "1 to 1024", "driven"]);
    }
    assert!(matches!(kernel.namespace("space").driven(), Ok((space, _)) if space.threads() == 1));
}

type Setting = fn(NamespaceBuilder, usize) -> NamespaceBuilder;

/// The bounds by name, each with the least that is allowed.
const BOUNDS: [(&str, Setting, usize); 7] = [
    ("capacity", NamespaceBuilder::capacity, 1),
    ("waiting", NamespaceBuilder::waiting, 1),
    ("held", NamespaceBuilder::held, 1),
    ("requests", NamespaceBuilder::requests, 1),
    ("timers", NamespaceBuilder::timers, 1),
    ("depth", NamespaceBuilder::depth, 1),
    ("stack_size", NamespaceBuilder::stack_size, 128 * 1024),
];

#[test]
fn a_bound_that_is_too_small_is_refused_with_its_range() {
    let kernel = kernel();
    for (name, set, least) in BOUNDS {
        for value in [0, least - 1] {
            let parts = [name, &format!("not {value}"), &least.to_string()];
            says(&set(kernel.namespace("space"), value).open().expect_err("expected no namespace"), &parts);
            let error = set(kernel.namespace("space"), value).driven().map(|_| ());
            says(&error.expect_err("expected no driven namespace"), &parts);
        }
        let space = set(kernel.namespace("space"), least).open().expect("expected the least to do");
        let echo = space.register(Echo::new(5)).unwrap();
        let answer = ping_until_there_is_room(&kernel, echo);
        assert_eq!(answer, Ok(Pong(5)), "expected a namespace with `{name}` {least} to work");
        assert!(space.close(PATIENCE).is_complete(), "expected the thread to end");
    }
}

#[test]
fn a_bound_that_is_too_large_is_refused_with_its_range() {
    let kernel = kernel();
    for (name, set, _) in BOUNDS {
        let error = set(kernel.namespace("space"), usize::MAX).open().expect_err("expected no namespace");
        says(&error, &[name, &usize::MAX.to_string()]);
        if name == "stack_size" {
            continue;
        }
        let error = set(kernel.namespace("space"), (1 << 24) + 1).open().expect_err("expected no namespace");
        says(&error, &[name, "16777217", "16777216"]);
        assert!(matches!(error, OpenError::Bound { most: 16_777_216, .. }), "expected the range: {error:?}");
    }
}

#[test]
fn a_thread_that_the_system_does_not_start_is_named() {
    let kernel = kernel();
    let huge = isize::MAX as usize;
    for threads in [1, 3] {
        let error = kernel.namespace("space").threads(threads).stack_size(huge).open().expect_err("expected no thread");
        says(&error, &["space/0"]);
        assert!(matches!(error, OpenError::Spawn { .. }), "expected the system's reason: {error:?}");
        assert!(error.source().is_some(), "expected the system's error behind it");
    }
    let space = kernel.namespace("space").open().expect("expected nothing to be left of it");
    let echo = space.register(Echo::new(6)).unwrap();
    assert_eq!(ping(&kernel, echo), Ok(Pong(6)), "expected the namespace to work");
}

#[test]
fn a_core_that_does_not_exist_is_named_with_those_that_do() {
    let kernel = kernel();
    assert!(kernel.namespace("free").pin_to([]).open().is_ok(), "expected no cores to mean no pinning");
    let error = kernel.namespace("space").pin_to([99_999]).open().expect_err("expected no namespace");
    if !cfg!(target_os = "linux") {
        return says(&error, &["pin_to"]);
    }
    says(&error, &["99999", "may use"]);
    let OpenError::Pin(PinError::NoSuchCore { core: 99_999, usable }) = error else {
        panic!("expected the core that was asked for: {error:?}");
    };
    let first = *usable.first().expect("expected the cores there are");
    let error = kernel.namespace("space").pin_to([first, usize::MAX]).open().expect_err("expected no namespace");
    says(&error, &[&usize::MAX.to_string(), &format!("{usable:?}")]);
    let pinned = kernel.namespace("space").threads(2).pin_to([first]).open().expect("expected two threads on one core");
    let echo = pinned.register_on(1, Echo::new(7)).unwrap();
    assert_eq!(ping(&kernel, echo), Ok(Pong(7)), "expected a pinned thread to work");
}

#[test]
fn the_longest_times_mean_without_end() {
    let kernel = kernel();
    let space = kernel.namespace("space").idle(Idle::SpinThenPark(Duration::MAX)).open().unwrap();
    let echo = space.register(Echo::new(2)).unwrap();
    let asked = kernel.ask(echo, Ping(1)).timeout(Duration::MAX).idle(Idle::SpinThenPark(Duration::MAX));
    assert_eq!(asked.wait().ok(), Some(Pong(2)), "expected an answer within the longest time");
    let expired = kernel.ask(echo, Ping(1)).timeout(Duration::ZERO).wait().map_err(|failure| failure.code());
    assert_eq!(expired, Err(Code::EXPIRED), "expected no answer in no time");
    assert!(space.close(Duration::MAX).is_complete(), "expected the thread to end within the longest time");
    assert!(kernel.stop(Duration::MAX).is_complete(), "expected the kernel to stop within the longest time");
}

#[test]
fn the_least_of_everything_works() {
    let kernel = kernel();
    let least = |name: &str| {
        let builder = kernel.namespace(name).threads(1).capacity(1).waiting(1).held(1).requests(1).timers(1).depth(1);
        builder.stack_size(128 * 1024).idle(Idle::Park)
    };
    let space = least("space").open().unwrap();
    for number in 0..20 {
        let echo = loop {
            match space.register(Echo::new(number)) {
                Ok(echo) => break echo,
                Err(RegisterError::Busy) => std::thread::yield_now(),
                Err(other) => panic!("expected a place in the end, not {other}"),
            }
        };
        let answer = ping_until_there_is_room(&kernel, echo);
        assert_eq!(answer, Ok(Pong(number)), "expected an answer with the least of everything");
    }
    let (_, worker) = least("driven").driven().expect("expected the least to do for a driven worker");
    drop(worker);
}
