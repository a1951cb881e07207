//! Kernels that stop because the last handle is dropped, and targets that own what they live in.

use rohrpost::{Address, Code, Context, Driven, Kernel, Message, Outcome, RegisterError, Target};

use super::kernels::Scene;
use crate::hazards::eventually_balanced;
use crate::ways::{Log, Note, PATIENCE, Probe, Query, Reply, handle, poll};

#[test]
fn dropping_the_last_handle_stops_the_kernel() {
    let Scene { kernel, keeper, log, shelf, .. } = Scene::new();
    let mut ask = kernel.ask(keeper, Query(1));
    assert!(poll(&mut ask).is_none(), "expected the question to wait");
    let other = kernel.clone();
    drop(kernel);
    assert_eq!(log.of("a stopping"), [""; 0], "expected the other handle to keep the kernel");
    drop(other);
    assert_eq!(log.of("a stopping").len(), 1, "expected the targets to be told by the time the handle is gone");
    assert_eq!(log.of("b stopping").len(), 1, "expected the targets to be told by the time the handle is gone");
    let end = poll(&mut ask).expect("expected an end").map_err(|failure| failure.code());
    assert_eq!(end, Err(Code::STOPPED), "expected the reason");
    drop(shelf.take());
}

/// Drops what it has where it is told to.
struct Owner {
    kernel: Option<Kernel>,
    log: Log,
}

impl Target for Owner {
    fn receive(&mut self, _message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if self.kernel.take().is_some() {
            self.log.note("owner goes on");
            ctx.notify(ctx.address(), Note(1));
        }
        Outcome::Handled
    }

    fn stopping(&mut self, _ctx: &mut Context<'_>) {
        self.log.note("owner stopping");
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.log.note("owner dropped");
    }
}

#[test]
fn the_last_handle_may_be_dropped_by_a_handler() {
    let log = Log::default();
    let kernel = Kernel::builder("stopping").start().unwrap();
    let space = kernel.namespace("space").threads(2).open().unwrap();
    space.register_on(1, Probe::new("b", &log, handle())).unwrap();
    let owner = space.register(Owner { kernel: Some(kernel.clone()), log: log.clone() }).unwrap();
    kernel.notify(owner, Note(0)).unwrap();
    drop(kernel);
    log.wait_until(|lines| {
        let ended = ["owner goes on", "owner stopping", "owner dropped", "b stopping"];
        ended.iter().all(|line| lines.contains(&(*line).to_owned()))
    });
    let refused = space.register(Probe::new("late", &log, handle()));
    assert_eq!(refused, Err(RegisterError::Stopped), "expected nobody to be registered any more");
}

#[test]
fn the_last_handle_may_be_dropped_with_the_target_that_has_it() {
    let log = Log::default();
    let kernel = Kernel::builder("stopping").start().unwrap();
    let space = kernel.namespace("space").open().unwrap();
    let owner = space.register(Owner { kernel: Some(kernel.clone()), log: log.clone() }).unwrap();
    let other = space.register(Probe::new("b", &log, handle())).unwrap();
    let mut ask = kernel.ask(other, Query(1)).timeout(PATIENCE);
    drop(kernel);
    space.deregister(owner).unwrap();
    log.wait_until(|lines| ["owner dropped", "b stopping"].iter().all(|line| lines.contains(&(*line).to_owned())));
    let end = poll(&mut ask).expect("expected an end").map_err(|failure| failure.code());
    assert_eq!(end, Err(Code::STOPPED), "expected a question of a kernel that is gone to end");
}

#[test]
fn the_last_handle_may_be_dropped_on_a_driven_worker() {
    let log = Log::default();
    let kernel = Kernel::builder("stopping").start().unwrap();
    let (space, mut worker) = kernel.namespace("game").driven().unwrap();
    let threads = kernel.namespace("threads").open().unwrap();
    threads.register(Probe::new("b", &log, handle())).unwrap();
    let owner = space.register(Owner { kernel: Some(kernel.clone()), log: log.clone() }).unwrap();
    kernel.notify(owner, Note(0)).unwrap();
    drop(kernel);
    worker.run_until_idle();
    log.wait_until(|lines| lines.contains(&"b stopping".to_owned()));
    worker.run_until_idle();
    let expected = ["owner goes on", "owner stopping", "owner dropped"];
    assert_eq!(log.of("owner"), expected, "expected the worker to end when it is driven");
    assert!(!worker.run_once(), "expected nothing to be left to do");
}

#[test]
fn a_worker_may_outlive_its_kernel() {
    let log = Log::default();
    let kernel = Kernel::builder("stopping").start().unwrap();
    let (space, worker) = kernel.namespace("game").driven().unwrap();
    space.register(Probe::new("b", &log, handle())).unwrap();
    drop(kernel);
    drop(worker);
    assert_eq!(log.of("b got"), [""; 0], "expected nothing to be handled");
    assert!(log.of("b started").len() == log.of("b stopping").len(), "expected whoever started to be told");
}

#[test]
fn a_driven_worker_may_live_in_a_target_of_another_kernel() {
    /// Drives a kernel of its own with every message.
    struct Nested {
        inner: Kernel,
        worker: Driven,
        target: Address,
    }
    impl Target for Nested {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            let before = ctx.address();
            let mut ask = self.inner.ask(self.target, Query(7));
            let early = poll(&mut ask);
            self.worker.run_until_idle();
            let answer = early.or_else(|| poll(&mut ask)).and_then(Result::ok);
            assert_eq!(ctx.address(), before, "expected the outer context to be as it was");
            if let (Some(answer), true) = (answer, message.wants_answer()) {
                message.answer(answer);
            }
            Outcome::Handled
        }
    }

    let (log, inner_log) = (Log::default(), Log::default());
    let outer = Kernel::builder("outer").start().unwrap();
    let space = outer.namespace("space").open().unwrap();
    let made = inner_log.clone();
    let built = space.build_on(0, move |thread| {
        let inner = Kernel::builder("inner").start()?;
        let (space, mut worker) = inner.namespace("game").driven()?;
        let target = space.register(Probe::new("inner", &made, handle()))?;
        worker.run_until_idle();
        Ok(thread.register(Nested { inner, worker, target })?)
    });
    let nested = built.unwrap();
    for _ in 0..3 {
        let end = outer.ask(nested, Query(1)).timeout(PATIENCE).wait();
        assert_eq!(end.ok(), Some(Reply(7)), "expected the inner target's answer");
    }
    let other = space.register(Probe::new("b", &log, handle())).unwrap();
    assert!(outer.ask(other, Query(2)).timeout(PATIENCE).wait().is_ok(), "expected the outer thread to go on");
    assert!(outer.stop(PATIENCE).is_complete(), "expected the outer kernel to stop");
    assert_eq!(inner_log.of("inner stopping").len(), 1, "expected the inner target to be told when its driver goes");
}

#[test]
fn a_target_may_close_and_stop_from_its_last_hooks() {
    /// Stops everything when it goes.
    struct Last {
        kernel: Kernel,
        in_drop: bool,
        log: Log,
    }
    impl Last {
        fn stop(&self, here: bool) {
            if here {
                let report = self.kernel.stop(PATIENCE);
                self.log.note(format!("last {}", report.in_background));
            }
        }
    }
    impl Target for Last {
        fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            Outcome::Handled
        }

        fn stopping(&mut self, _ctx: &mut Context<'_>) {
            self.stop(!self.in_drop);
        }
    }
    impl Drop for Last {
        fn drop(&mut self) {
            self.stop(self.in_drop);
        }
    }

    for in_drop in [false, true] {
        let scene = Scene::new();
        let space = scene.kernel.namespace("space").open().unwrap();
        let last = Last { kernel: scene.kernel.clone(), in_drop, log: scene.log.clone() };
        let last = space.register(last).unwrap();
        space.deregister(last).unwrap();
        scene.log.wait_until(|lines| {
            ["last true", "a stopping", "b stopping"].iter().all(|line| lines.contains(&(*line).to_owned()))
        });
        eventually_balanced(&scene.kernel);
    }
}
