//! The workers of a test kernel: on one thread, turn by turn, and nobody has to wait.

use std::sync::Arc;
use std::thread::{ThreadId, current};
use std::time::Duration;

use rohrpost::testing::{Probe, Stuck, TestKernel};
use rohrpost::{Code, Kernel, ManualClock, Setup};

use crate::{Add, Calculator, Note, Relay, Sum};

#[test]
fn a_namespace_has_all_its_threads_on_the_thread_of_the_test() {
    let test = TestKernel::new("node");
    let app = test.namespace("app").threads(3).open().unwrap();
    assert_eq!(app.threads(), 3);
    let threads: Vec<(usize, ThreadId)> =
        (0..3).map(|index| app.build_on(index, |thread| Ok((thread.index(), current().id()))).unwrap()).collect();
    let here = current().id();
    assert_eq!(threads, [(0, here), (1, here), (2, here)], "expected three workers, all of them here");
}

#[test]
fn a_question_is_answered_although_the_test_runs_the_workers() {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").threads(2).open().unwrap();
    let calculator = app.register_on(1, Calculator).unwrap();
    assert_eq!(test.ask(calculator, Add(2, 3)).unwrap(), Sum(5));
    // Code that knows nothing of tests asks like this.
    assert_eq!(test.kernel().ask(calculator, Add(3, 4)).wait().unwrap(), Sum(7));
    let kernel = test.kernel().clone();
    let both = test.block_on(async move {
        let (left, right) = (kernel.ask(calculator, Add(1, 1)), kernel.ask(calculator, Add(2, 2)));
        (left.await.unwrap(), right.await.unwrap())
    });
    assert_eq!(both, Ok((Sum(2), Sum(4))));
    assert!(test.kernel().counters().is_balanced());
}

#[test]
fn a_question_that_nobody_answers_says_so() {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").open().unwrap();
    let silent = Probe::new("silent");
    silent.hold::<Add>();
    let address = app.register(silent.clone()).unwrap();
    let failure = test.ask(address, Add(1, 2)).expect_err("expected no answer");
    assert_eq!(failure.code(), Code::WOULD_BLOCK);
    assert!(failure.text().contains("nobody answered: all workers are at rest"), "{failure}");
    let asked = test.kernel().ask(address, Add(1, 2));
    assert_eq!(test.block_on(asked).map(drop), Err(Stuck::Idle));
    // They have stopped waiting, so their answers are late.
    silent.take_held::<Add>().unwrap().answer(Sum(3));
    silent.take_held::<Add>().unwrap().answer(Sum(3));
    let counters = test.kernel().counters();
    assert_eq!((counters.late_answers, counters.is_balanced()), (2, true), "expected late answers: {counters:?}");
}

#[test]
fn a_step_is_one_turn_of_one_worker_and_says_which() {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").threads(2).open().unwrap();
    assert_eq!(test.step(), None, "expected nothing to do at first");
    let probe = Probe::new("probe");
    let address = app.register_on(1, probe.clone()).unwrap();
    test.kernel().notify(address, Note(1)).unwrap();
    assert_eq!(test.step().unwrap().to_string(), "app/1", "expected the worker of the probe to start it");
    probe.expect_nothing();
    assert_eq!(test.step().unwrap().to_string(), "app/1");
    assert_eq!(probe.expect::<Note>(), Note(1));
    assert_eq!(test.step(), None, "expected nothing more");
    assert_eq!(test.last_turns(), "app/1 app/1");
}

#[test]
fn workers_that_do_not_come_to_rest_are_reported() {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").threads(2).open().unwrap();
    let ring = app.register_as("ring", Relay("far".parse().unwrap())).unwrap();
    app.register_with(Setup::new().name("far").thread(1), Relay("ring".parse().unwrap())).unwrap();
    test.set_bound(50);
    test.kernel().notify(ring, Note(u32::MAX)).unwrap();
    let stuck = test.run_until_idle().expect_err("expected it not to come to rest");
    assert!(matches!(stuck, Stuck::Restless { turns: 50, .. }), "{stuck:?}");
    let text = stuck.to_string();
    assert!(text.contains("50 turns") && text.contains("app/0 app/1 app/0"), "expected the turns in: {text}");
    let failure = test.ask(ring, Note(0)).map(drop);
    assert!(failure.is_ok(), "expected a question to be answered meanwhile: {failure:?}");
}

#[test]
fn targets_that_are_not_send_are_built_where_the_test_is() {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").threads(2).open().unwrap();
    // What was registered before is there before.
    app.register_with(Setup::new().thread(1).name("first"), Calculator).unwrap();
    let taken = app.build_on(1, |thread| Ok(thread.register_as("first", Calculator)?));
    assert!(taken.is_err(), "expected the name to be taken");
    let address = app.build_on(1, |thread| Ok(thread.register(Calculator)?)).unwrap();
    assert_eq!(test.ask(address, Add(1, 2)).unwrap(), Sum(3));
}

#[test]
fn targets_are_spread_over_the_workers() {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").threads(3).open().unwrap();
    let addresses: Vec<_> = (0..3).map(|_| app.register_with(Setup::new().spread(), Calculator).unwrap()).collect();
    for address in addresses {
        assert_eq!(test.ask(address, Add(1, 2)).unwrap(), Sum(3));
    }
    for thread in ["app/0", "app/1", "app/2"] {
        assert!(test.last_turns().contains(thread), "expected turns of {thread} in {}", test.last_turns());
    }
}

#[test]
fn a_handler_may_open_a_namespace_and_a_thread_of_the_program_may_too() {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").open().unwrap();
    let probe = Probe::new("probe");
    app.register(probe.clone()).unwrap();
    let kernel = test.kernel().clone();
    probe.act(move |ctx| {
        let inner = kernel.namespace("inner").threads(2).open().unwrap();
        let address = inner.register_on(1, Calculator).unwrap();
        let _ = ctx.request(address, Add(1, 2));
    });
    test.run_until_idle().unwrap();
    assert_eq!(probe.expect_answer::<Sum>(), Sum(3));

    let kernel = test.kernel().clone();
    let opening = move || kernel.namespace("outer").open().unwrap().register(Calculator).unwrap();
    let address = std::thread::spawn(opening).join().unwrap();
    assert_eq!(test.ask(address, Add(2, 3)).unwrap(), Sum(5));
}

#[test]
fn two_test_kernels_live_on_one_thread() {
    let (mut left, mut right) = (TestKernel::new("left"), TestKernel::new("right"));
    let address = left.namespace("app").open().unwrap().register(Calculator).unwrap();
    let other = right.namespace("app").open().unwrap().register(Calculator).unwrap();
    assert_eq!(left.ask(address, Add(1, 2)).unwrap(), Sum(3));
    drop(left);
    assert_eq!(right.ask(other, Add(3, 4)).unwrap(), Sum(7));
}

#[test]
fn a_driven_worker_is_ready_when_a_deadline_has_passed_and_not_when_it_has_ended() {
    let clock = Arc::new(ManualClock::new());
    let kernel = Kernel::builder("node").clock(clock.clone()).start().unwrap();
    let (app, mut worker) = kernel.namespace("app").driven().unwrap();
    let (caller, silent) = (Probe::new("caller"), Probe::new("silent"));
    silent.hold::<Add>();
    let to = app.register(silent).unwrap();
    app.register(caller.clone()).unwrap();
    caller.act(move |ctx| drop(ctx.within(Duration::from_secs(1)).request(to, Add(1, 2))));
    worker.run_until_idle();
    assert!(!worker.is_ready(), "expected it to have nothing to do before the deadline");
    clock.advance(Duration::from_secs(1));
    assert!(worker.is_ready(), "expected it to have something to do at the deadline");
    worker.run_until_idle();
    assert_eq!(caller.expect_returned::<Add>(), Code::EXPIRED);
    let _ = app.close(Duration::ZERO);
    assert!(worker.is_ready(), "expected it to be told to end");
    worker.run_until_idle();
    assert!(!worker.is_ready() && !worker.run_once(), "expected nothing more of it after its end");
}
