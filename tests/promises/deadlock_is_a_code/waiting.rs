//! `wait()` where it would have to wait for the very thread that is to answer.

use std::time::Duration;

use rohrpost::{Address, Code, Context, Kernel, Message, Outcome, Target};

use crate::ways::{Log, Note, PATIENCE, Probe, Query, Reply, World, handle, poll};

#[test]
fn waiting_for_a_question_on_a_worker_thread_would_block() {
    for mut world in World::both() {
        let other = Kernel::builder("other").start().unwrap();
        let elsewhere =
            other.namespace("space").open().unwrap().register(Probe::new("c", &world.log, handle())).unwrap();
        let (asker, servant) = (world.near("a", handle()), world.far("b", handle()));
        let kernels = [world.kernel.clone(), world.kernel.clone(), other.clone()];
        let targets = [servant, asker, elsewhere];
        world.have(asker, move |probe, _| {
            for (kernel, to) in kernels.iter().zip(targets) {
                let mut failure = kernel.ask(to, Query(6)).timeout(PATIENCE).wait().expect_err("expected a refusal");
                let record = failure.take_record::<Query>();
                probe.log.note(format!("a read {} with {record:?}", failure.code()));
            }
        });
        let expected = ["a read WOULD_BLOCK with Some(Query(6))"; 3];
        assert_eq!(world.log.of("a read"), expected, "expected no worker to wait");
        assert_eq!(world.log.of("b got"), [""; 0], "expected nothing to have been sent");
        world.balanced();
    }
}

/// Waits for an answer in every place where user code runs.
struct Impatient {
    kernel: Kernel,
    to: Address,
    log: Log,
}

impl Impatient {
    fn wait(&self, place: &str) {
        let end = self.kernel.ask(self.to, Query(1)).timeout(PATIENCE).wait().map_err(|failure| failure.code());
        self.log.note(format!("{place} {}", end.err().unwrap_or(Code::OK)));
    }
}

impl Target for Impatient {
    fn receive(&mut self, _message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        self.wait("receive");
        let _ = ctx.request(self.to, Query(2));
        let _ = ctx.request(self.to, Query(3)).then_on(self, |me, _, _| me.wait("continuation"));
        Outcome::Handled
    }

    fn answered(&mut self, _answer: &mut Message<'_>, _ctx: &mut Context<'_>) {
        self.wait("answered");
    }

    fn started(&mut self, _ctx: &mut Context<'_>) {
        self.wait("started");
    }

    fn stopping(&mut self, _ctx: &mut Context<'_>) {
        self.wait("stopping");
    }
}

impl Drop for Impatient {
    fn drop(&mut self) {
        self.wait("drop");
    }
}

#[test]
fn no_hook_of_a_target_may_wait_either() {
    for mut world in World::both() {
        let servant = world.far("b", handle());
        let (kernel, log) = (world.kernel.clone(), world.log.clone());
        let impatient = world.near.register(Impatient { kernel, to: servant, log }).unwrap();
        world.kernel.notify(impatient, Note(1)).unwrap();
        world.settle();
        world.near.deregister(impatient).unwrap();
        world.settle();
        for place in ["started", "receive", "answered", "continuation", "stopping", "drop"] {
            assert_eq!(world.log.of(place), [format!("{place} WOULD_BLOCK")], "expected no waiting in `{place}`");
        }
        world.balanced();
    }
}

#[test]
fn whoever_drives_a_worker_may_not_wait_for_it() {
    let world = World::driven();
    for to in [world.near("a", handle()), world.far("b", handle())] {
        let mut failure = world.kernel.ask(to, Query(1)).timeout(PATIENCE).wait().expect_err("expected a refusal");
        assert_eq!(failure.code(), Code::WOULD_BLOCK, "expected the thread not to wait for itself: {failure}");
        assert!(failure.text().contains("await"), "expected the text to name the way out: {failure}");
        assert_eq!(failure.take_record(), Some(Query(1)), "expected the record back");
    }
}

#[test]
fn whoever_drives_a_worker_is_told_that_the_kernel_has_stopped() {
    let world = World::driven();
    let to = world.near("a", handle());
    assert!(!world.kernel.stop(PATIENCE).is_complete(), "expected the worker to be there still");
    let mut failure = world.kernel.ask(to, Query(1)).wait().expect_err("expected nobody to answer");
    assert_eq!(failure.code(), Code::STOPPED, "expected the reason: {failure}");
    assert_eq!(failure.take_record(), Some(Query(1)), "expected the record back");
}

#[test]
fn a_worker_may_await_what_it_may_not_wait_for() {
    for mut world in World::both() {
        let (asker, servant) = (world.near("a", handle()), world.far("b", handle()));
        let kernel = world.kernel.clone();
        let (done, asked) = std::sync::mpsc::channel();
        world.have(asker, move |_, _| {
            let mut ask = kernel.ask(servant, Query(6)).timeout(Duration::from_secs(3600));
            let early = poll(&mut ask);
            let _ = done.send((ask, early));
        });
        let (mut ask, early) = asked.recv_timeout(PATIENCE).expect("expected the question to be under way");
        world.settle();
        let end = early.or_else(|| poll(&mut ask)).expect("expected an end");
        assert_eq!(end.ok(), Some(Reply(6)), "expected an answer");
    }
}
