//! A report names whoever has not ended, once, and nobody else, however often somebody stops or closes.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use rohrpost::{Kernel, Namespace, StopReport};

use crate::hazards::eventually;
use crate::ways::{Do, Log, PATIENCE, Probe, handle};

/// How long the last handle would wait for a thread that is still there.
const LAST: Duration = Duration::from_secs(5);

/// A namespace whose one thread is stuck until what comes back with it is used or dropped.
fn stuck(kernel: &Kernel) -> (Namespace, mpsc::Sender<()>) {
    let space = kernel.namespace("space").open().unwrap();
    let log = Log::default();
    let target = space.register(Probe::new("stuck", &log, handle())).unwrap();
    let (release, blocked) = mpsc::channel::<()>();
    let block = Do::new(move |probe, _| {
        probe.log.note("blocked");
        let _ = blocked.recv_timeout(PATIENCE * 3);
    });
    kernel.notify(target, block).unwrap();
    log.wait_until(|lines| lines.contains(&"blocked".to_owned()));
    (space, release)
}

fn kernel() -> Kernel {
    Kernel::builder("reports").start().unwrap()
}

#[test]
fn a_driven_worker_that_was_dropped_is_not_waited_for() {
    let kernel = kernel();
    let mut closed = Vec::new();
    for _ in 0..3 {
        let (space, worker) = kernel.namespace("game").driven().unwrap();
        drop(worker);
        closed.push(space.close(PATIENCE));
    }
    closed.push(kernel.stop(PATIENCE));
    assert_eq!(closed, vec![StopReport::default(); 4], "expected nobody to be left");
}

#[test]
fn a_driven_worker_is_named_until_it_has_ended() {
    let kernel = kernel();
    let (space, mut worker) = kernel.namespace("game").driven().unwrap();
    let (_other, dropped) = kernel.namespace("other").driven().unwrap();
    assert_eq!(space.close(PATIENCE).driven, ["game/0"], "expected the worker's name");
    for _ in 0..2 {
        let mut driven = kernel.stop(PATIENCE).driven;
        driven.sort();
        assert_eq!(driven, ["game/0", "other/0"], "expected both, as long as they are there");
    }
    worker.run_until_idle();
    assert_eq!(kernel.stop(PATIENCE).driven, ["other/0"], "expected one to have ended by being driven");
    drop(dropped);
    let report = kernel.stop(PATIENCE);
    assert!(report.is_complete(), "expected the other to have ended by being dropped: {report:?}");
    assert!(space.close(PATIENCE).is_complete(), "expected nothing to be left to close");
}

#[test]
fn every_stop_names_a_thread_that_is_still_there() {
    let kernel = kernel();
    let (space, release) = stuck(&kernel);
    for _ in 0..3 {
        let report = kernel.stop(Duration::ZERO);
        assert_eq!(report.detached, ["space/0"], "expected the thread by name: {report:?}");
        assert!(!report.is_complete(), "expected the report to say so: {report:?}");
    }
    assert_eq!(space.close(Duration::ZERO).detached, ["space/0"], "expected the same of its namespace");
    drop(release);
    let report = kernel.stop(PATIENCE);
    assert!(report.is_complete(), "expected another stop to wait for it: {report:?}");
    let report = kernel.stop(PATIENCE);
    assert_eq!(report, StopReport::default(), "expected nobody to be left");
}

#[test]
fn a_stop_names_a_thread_that_a_close_left_behind() {
    let kernel = kernel();
    let (space, release) = stuck(&kernel);
    assert_eq!(space.close(Duration::ZERO).detached, ["space/0"], "expected the thread not to be back");
    let report = kernel.stop(Duration::ZERO);
    assert_eq!(report.detached, ["space/0"], "expected the thread by name: {report:?}");
    drop(release);
    let report = kernel.stop(PATIENCE);
    assert!(report.is_complete(), "expected another stop to wait for it: {report:?}");
}

#[test]
fn a_stop_names_each_thread_once() {
    let kernel = kernel();
    let (_space, release) = stuck(&kernel);
    let _ports = kernel.transport().open().unwrap();
    for _ in 0..2 {
        let report = kernel.stop(Duration::ZERO);
        let told = [&*report.ended, &*report.detached].concat();
        let times = |name: &str| told.iter().filter(|told| *told == name).count();
        assert_eq!(times("space/0"), 1, "expected the thread that is stuck, once: {report:?}");
        assert!(times("TRANSPORT/0") <= 1, "expected that of the ports once at most: {report:?}");
    }
    drop(release);
    assert!(kernel.stop(PATIENCE).is_complete(), "expected another stop to wait for both");
}

/// What a handler of another kernel is told when it stops `kernel`.
fn stop_in_a_handler(kernel: &Kernel) -> StopReport {
    let other = Kernel::builder("other").start().unwrap();
    let space = other.namespace("space").open().unwrap();
    let target = space.register(Probe::new("stopper", &Log::default(), handle())).unwrap();
    let (told, report) = mpsc::channel();
    let kernel = kernel.clone();
    let stop = Do::new(move |_, _| told.send(kernel.stop(PATIENCE)).unwrap());
    other.notify(target, stop).unwrap();
    report.recv_timeout(PATIENCE).expect("expected the handler not to wait")
}

#[test]
fn a_stop_in_a_handler_names_each_driven_worker_once() {
    let kernel = kernel();
    let (_game, worker) = kernel.namespace("game").driven().unwrap();
    let (_ports, carrier) = kernel.transport().driven().unwrap();
    let report = stop_in_a_handler(&kernel);
    assert_eq!(report.driven, ["game/0", "TRANSPORT/0"], "expected each once: {report:?}");
    assert!(!report.in_background, "expected no thread to end in the background: {report:?}");
    drop((worker, carrier));
    assert!(stop_in_a_handler(&kernel).is_complete(), "expected nobody to be left");
}

#[test]
fn nothing_ends_in_the_background_that_has_ended() {
    let kernel = kernel();
    let (_space, release) = stuck(&kernel);
    for _ in 0..2 {
        let report = stop_in_a_handler(&kernel);
        assert!(report.in_background, "expected the thread to end some time: {report:?}");
    }
    drop(release);
    eventually("nothing is left in the background", || !stop_in_a_handler(&kernel).in_background);
    assert!(stop_in_a_handler(&kernel).is_complete(), "expected nobody to be left");
}

#[test]
fn dropping_the_last_handle_of_a_stopped_kernel_waits_for_nobody_again() {
    let kernel = kernel();
    let (space, release) = stuck(&kernel);
    assert!(!kernel.stop(Duration::ZERO).is_complete(), "expected the thread not to be back");
    let started = Instant::now();
    drop((kernel, space));
    assert!(started.elapsed() < LAST, "expected nobody to wait for a thread that was left to itself");
    drop(release);
}
