//! How a test kernel ends: like one with threads, only that the test runs them to their end.

use std::time::Duration;

use rohrpost::testing::{Probe, TestKernel, explore};
use rohrpost::{Code, Context, Message, OpenError, Outcome, Target};

use crate::{Add, Calculator, Note};

const PATIENCE: Duration = Duration::from_secs(1);

#[test]
fn closing_runs_the_workers_to_their_end() {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").threads(3).open().unwrap();
    let other = test.namespace("other").open().unwrap();
    let (inside, outside) = (Probe::new("inside"), Probe::new("outside"));
    inside.hold::<Add>();
    let held = app.register_on(2, inside.clone()).unwrap();
    other.register(outside.clone()).unwrap();
    outside.request(held, Add(1, 2));
    test.run_until_idle().unwrap();

    let report = app.close(PATIENCE);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.ended.len(), 3, "expected three workers to have ended: {report:?}");
    test.run_until_idle().unwrap();
    assert_eq!(outside.expect_returned::<Add>(), Code::STOPPED);
    assert_eq!(inside.address(), None, "expected the probe to have been told");
    let failure = test.ask(held, Add(1, 2)).expect_err("expected nobody there");
    assert_eq!(failure.code(), Code::NO_NAMESPACE);
    // The name is free again.
    let app = test.namespace("app").threads(2).open().unwrap();
    let calculator = app.register_on(1, Calculator).unwrap();
    assert!(test.ask(calculator, Add(1, 2)).is_ok());
    assert!(test.kernel().counters().is_balanced());
}

#[test]
fn workers_that_close_together_return_what_they_owe_each_other_in_every_order() {
    explore(0..200, |test| {
        let app = test.namespace("app").threads(3).open()?;
        let probes = [Probe::new("zero"), Probe::new("one"), Probe::new("two")];
        let mut addresses = Vec::new();
        for (index, probe) in probes.iter().enumerate() {
            addresses.push(app.register_on(index, probe.clone())?);
        }
        test.run_until_idle()?;
        for (index, probe) in probes.iter().enumerate() {
            probe.request(addresses[(index + 1) % 3], Add(index as i64, 0));
            probe.request(addresses[(index + 2) % 3], Add(index as i64, 1));
        }
        // Some of it is on the way when the end begins, each time something else.
        for _ in 0..test.seed() % 7 {
            test.step();
        }
        let report = app.close(PATIENCE);
        assert!(report.is_complete(), "{report:?}");
        let counters = test.kernel().counters();
        assert!(counters.is_balanced(), "{counters:?}");
        assert_eq!(counters.registered, counters.deregistered);
        let ends = (counters.returned, counters.dead_letters);
        assert_eq!(ends, (counters.sent, 0), "expected all of it to come back to somebody: {counters:?}");
        Ok(())
    });
}

#[test]
fn a_stop_ends_everything_and_nothing_opens_any_more() {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").threads(2).open().unwrap();
    let address = app.register_on(1, Calculator).unwrap();
    let report = test.kernel().stop(PATIENCE);
    assert!(report.is_complete() && report.ended.len() == 2, "{report:?}");
    assert_eq!(test.step(), None);
    assert_eq!(test.ask(address, Add(1, 2)).expect_err("expected it to have stopped").code(), Code::STOPPED);
    assert!(matches!(test.namespace("app").open(), Err(OpenError::Stopped)));
}

/// Closes its own namespace when it gets mail.
struct Closer(rohrpost::Namespace);
impl Target for Closer {
    fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        let report = self.0.close(PATIENCE);
        assert!(report.in_background && !report.is_complete(), "{report:?}");
        Outcome::Handled
    }
}

#[test]
fn a_namespace_that_a_handler_closes_ends_in_the_turns_that_follow() {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").threads(2).open().unwrap();
    let probe = Probe::new("probe");
    app.register_on(1, probe.clone()).unwrap();
    let closer = app.register(Closer(app.clone())).unwrap();
    test.run_until_idle().unwrap();
    test.ask(closer, Note(1)).unwrap();
    test.run_until_idle().unwrap();
    assert_eq!(probe.address(), None, "expected the probe to be gone");
    let counters = test.kernel().counters();
    assert_eq!(counters.registered, counters.deregistered, "{counters:?}");
}

#[test]
fn dropping_the_test_kernel_tells_every_target() {
    let test = TestKernel::new("node");
    let app = test.namespace("app").threads(2).open().unwrap();
    let (kernel, probe) = (test.kernel().clone(), Probe::new("probe"));
    let address = app.register_on(1, probe.clone()).unwrap();
    drop(app.build_on(1, |_| Ok(())));
    assert_eq!(probe.address(), Some(address));
    drop(test);
    assert_eq!(probe.address(), None, "expected the probe to have been told");
    assert!(kernel.namespace("app").open().is_err(), "expected the kernel to have stopped");
    let text = crate::panic_of(|| probe.notify(address, Note(1)));
    assert!(text.contains("`probe`") && text.contains("deregistered"), "{text}");
}

#[test]
fn a_kernel_that_outlives_a_failed_test_has_been_stopped() {
    let kernel = std::sync::Mutex::new(None);
    let text = crate::panic_of(|| {
        let test = TestKernel::new("node");
        let app = test.namespace("app").threads(2).open().unwrap();
        app.register_on(1, Calculator).unwrap();
        *kernel.lock().unwrap() = Some(test.kernel().clone());
        panic!("the test fails");
    });
    assert_eq!(text, "the test fails");
    let kernel = kernel.lock().unwrap().take().unwrap();
    let counters = kernel.counters();
    assert_eq!((counters.registered, counters.deregistered), (1, 1), "expected the target to be gone: {counters:?}");
}
