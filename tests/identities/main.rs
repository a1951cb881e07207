//! Ids and addresses: what is printed is read back, a generated id belongs to one target for ever, and whoever comes
//! and goes leaves nothing behind that could be mistaken for somebody else.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod generated;
mod strangers;
mod text;

use std::collections::HashSet;
use std::sync::mpsc;
use std::time::Duration;

use rohrpost::{Address, Code, Context, Kernel, Message, Outcome, Setup, Target, record};

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Debug, PartialEq)]
struct Who(u32);
record!(Who, "identities.who" => Me);

#[derive(Clone, Debug, PartialEq)]
struct Me(u32);
record!(Me, "identities.me");

/// Says who it is.
struct Named(u32);

impl Target for Named {
    fn receive(&mut self, message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        if message.wants_answer() {
            message.answer(Me(self.0));
        }
        Outcome::Handled
    }
}

type Step = Box<dyn FnOnce(&mut Context<'_>) + Send>;

/// Has an [`Actor`] do something.
struct Act(Step);
record!(Act, "identities.act", no_clone);

impl Act {
    fn new(step: impl FnOnce(&mut Context<'_>) + Send + 'static) -> Self {
        Self(Box::new(step))
    }
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Act(..)")
    }
}

/// Does what it is told to, and reports what comes back to it.
struct Actor(mpsc::Sender<(String, Code)>);

impl Target for Actor {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(Act(step)) = message.take() {
            step(ctx);
        }
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, _ctx: &mut Context<'_>) {
        let shown = answer.record::<Me>().map_or_else(String::new, |me| me.0.to_string());
        let _ = self.0.send((shown, answer.code()));
    }
}

/// Forwards everything.
struct Gate(Address);

impl Target for Gate {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        ctx.forward(message, self.0);
        Outcome::Handled
    }
}

fn kernel() -> Kernel {
    Kernel::builder("identities").start().unwrap()
}

fn who(kernel: &Kernel, to: Address) -> Result<u32, Code> {
    kernel.ask(to, Who(0)).timeout(PATIENCE).wait().map(|me| me.0).map_err(|failure| failure.code())
}

#[test]
fn more_namespaces_come_and_go_than_workers_have_numbers() {
    let kernel = kernel();
    for number in 0..70_000_u32 {
        let opened = kernel.namespace(number.to_string()).capacity(1).driven();
        let (space, mut worker) = opened.unwrap_or_else(|error| panic!("expected namespace {number} to open: {error}"));
        if number % 1_000 == 0 {
            let target = space.register(Named(number)).unwrap();
            worker.run_until_idle();
            let answer = worker.build(|_| kernel.notify(target, Who(0)).map_err(|refused| refused.code()));
            assert_eq!(answer, Ok(()), "expected namespace {number} to work");
        }
        let report = space.close(Duration::ZERO);
        assert_eq!(report.driven.len(), 1, "expected the driven worker to be named");
    }
}

#[test]
fn thousands_of_threads_come_and_go() {
    let kernel = kernel();
    for round in 0..100 {
        let space = kernel.namespace("space").threads(20).stack_size(128 * 1024).open().unwrap();
        let targets: Vec<Address> =
            (0..40).map(|number| space.register_with(Setup::new().spread(), Named(number)).unwrap()).collect();
        let workers: HashSet<u64> = targets.iter().map(|target| target.tid().unwrap().raw() >> 47).collect();
        assert_eq!(workers.len(), 20, "expected the targets to be spread over all threads");
        let last = targets[39];
        assert_eq!(who(&kernel, last), Ok(39), "expected the last one to answer in round {round}");
        let report = space.close(PATIENCE);
        assert_eq!(report.ended.len(), 20, "expected all threads to end: {report:?}");
    }
}

#[test]
fn a_hundred_thousand_targets_live_together_and_go_together() {
    const TARGETS: u32 = 100_000;
    let kernel = kernel();
    let (space, mut worker) = kernel.namespace("space").driven().unwrap();
    let targets: Vec<Address> =
        worker.build(|thread| (0..TARGETS).map(|n| thread.register(Named(n)).unwrap()).collect());
    let different: HashSet<&Address> = targets.iter().collect();
    assert_eq!(different.len(), targets.len(), "expected an id of its own for each");
    let (told, ends) = mpsc::channel();
    let actor = space.register(Actor(told)).unwrap();
    worker.run_until_idle();
    let some: Vec<Address> = targets.iter().step_by(997).copied().collect();
    let asked = some.clone();
    let step = Act::new(move |ctx| asked.iter().for_each(|&target| drop(ctx.request(target, Who(0)))));
    kernel.notify(actor, step).unwrap();
    worker.run_until_idle();
    let expected: Vec<_> = (0..TARGETS).step_by(997).map(|number| (number.to_string(), Code::OK)).collect();
    assert_eq!(ends.try_iter().collect::<Vec<_>>(), expected, "expected each to be found under its own address");
    drop(worker);
    let counters = kernel.counters();
    assert_eq!(counters.deregistered, u64::from(TARGETS) + 1, "expected everybody to have gone");
}
