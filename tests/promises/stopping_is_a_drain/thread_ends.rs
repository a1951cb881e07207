//! What lies in a thread-local variable goes with its thread, when those of the library are gone already.

use std::cell::RefCell;
use std::sync::mpsc;
use std::time::Duration;

use rohrpost::testing::TestKernel;
use rohrpost::{Address, Code, Idle, Kernel, RegisterError, Target};

use crate::ways::{HOUR, Log, Note, PATIENCE, Probe, Query, Reply, handle, poll};

/// Has what `make` makes dropped as a thread's first variable, and so after those that are used later.
fn kept_until_the_thread_ends<T: 'static>(make: impl FnOnce() -> T + Send) {
    thread_local! {
        static KEPT: RefCell<Vec<Box<dyn std::any::Any>>> = const { RefCell::new(Vec::new()) };
    }
    let body = || KEPT.with_borrow_mut(|kept| kept.push(Box::new(make())));
    let ended = std::thread::scope(|scope| scope.spawn(body).join());
    assert!(ended.is_ok(), "expected the thread to end as any other");
}

fn answering(log: &Log) -> impl Target + Send + use<> {
    Probe::new("a", log, handle())
}

#[test]
fn a_driven_worker_that_its_thread_keeps_ends_with_it() {
    let kernel = Kernel::builder("loop").start().unwrap();
    let log = Log::default();
    let (tell, told) = mpsc::channel();
    kept_until_the_thread_ends(|| {
        let (space, mut worker) = kernel.namespace("game").driven().unwrap();
        let target = space.register(answering(&log)).unwrap();
        kernel.notify(target, Note(1)).unwrap();
        worker.run_until_idle();
        let mut waits = kernel.ask(target, Query(2));
        assert!(poll(&mut waits).is_none(), "expected nobody to run the worker");
        tell.send((target, waits)).unwrap();
        worker
    });
    let (target, mut waits) = told.recv().unwrap();
    let end = poll(&mut waits).expect("expected an end of what waited").map_err(|failure| failure.code());
    assert_eq!(end, Err(Code::STOPPED), "expected what waited to come back");
    assert_eq!(log.of("a"), ["a started", "a got 1", "a stopping"], "expected the target to be told");
    let refused = kernel.notify(target, Note(3)).expect_err("expected nobody there").code();
    assert_eq!(refused, Code::NO_NAMESPACE, "expected the namespace to be closed");
}

#[test]
fn a_kernel_that_its_thread_keeps_stops_with_it() {
    let log = Log::default();
    let (tell, told) = mpsc::channel();
    kept_until_the_thread_ends(|| {
        let kernel = Kernel::builder("kept").start().unwrap();
        let space = kernel.namespace("space").open().unwrap();
        let target = space.register(answering(&log)).unwrap();
        assert_eq!(kernel.ask(target, Query(1)).timeout(PATIENCE).wait().ok(), Some(Reply(1)));
        tell.send(space).unwrap();
        kernel
    });
    assert_eq!(log.of("a stopping").len(), 1, "expected the target to be told by the time the thread has ended");
    let late = told.recv().unwrap().register(answering(&log));
    assert_eq!(late, Err(RegisterError::Stopped), "expected the kernel to be stopped");
}

/// Asks when it is dropped.
struct Asking(Kernel, Address, mpsc::Sender<Result<Reply, Code>>);

impl Asking {
    fn ask(&self, idle: Idle, timeout: Duration) {
        let end = self.0.ask(self.1, Query(1)).idle(idle).timeout(timeout).wait();
        self.2.send(end.map_err(|failure| failure.code())).unwrap();
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.ask(Idle::Park, HOUR);
        self.ask(Idle::Spin, HOUR);
        self.ask(Idle::Park, Duration::MAX);
    }
}

#[test]
fn a_question_of_a_thread_that_ends_is_answered() {
    let log = Log::default();
    let (tell, told) = mpsc::channel();
    let kernel = Kernel::builder("asked").start().unwrap();
    let target = kernel.namespace("space").open().unwrap().register(answering(&log)).unwrap();
    kept_until_the_thread_ends(|| {
        let asking = Asking(kernel.clone(), target, tell);
        asking.ask(Idle::Park, HOUR);
        asking
    });
    assert_eq!(told.iter().collect::<Vec<_>>(), vec![Ok(Reply(1)); 4], "expected the answers");
}

#[test]
fn a_kernel_for_tests_that_its_thread_keeps_ends_with_it() {
    let log = Log::default();
    kept_until_the_thread_ends(|| {
        let mut test = TestKernel::new("kept");
        let target = test.namespace("space").open().unwrap().register(answering(&log)).unwrap();
        assert_eq!(test.ask(target, Query(1)).ok(), Some(Reply(1)));
        test
    });
    assert_eq!(log.of("a stopping").len(), 1, "expected the target to be told");
}
