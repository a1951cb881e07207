//! Probes that observe a service.

use rohrpost::Address;
use rohrpost::testing::{Probe, TestKernel};

use crate::{Note, panic_of};

/// A kernel with a topic, and a probe that observes it.
fn world() -> (TestKernel, Address, Probe) {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").threads(2).open().unwrap();
    let probe = Probe::new("probe");
    let address = app.register_on(1, probe.clone()).unwrap();
    let topic = app.topic::<Note>().open().unwrap();
    app.observe::<Note>(address).unwrap();
    test.run_until_idle().unwrap();
    (test, topic, probe)
}

#[test]
fn what_a_probe_observes_is_taken_apart_from_its_own_mail() {
    let (mut test, topic, probe) = world();
    test.kernel().notify(topic, Note(1)).unwrap();
    test.kernel().notify(probe.address().unwrap(), Note(2)).unwrap();
    test.run_until_idle().unwrap();
    assert_eq!(probe.expect::<Note>(), Note(2), "expected its own mail, and not what it observed");
    assert_eq!(probe.expect_observed::<Note>(), Note(1));
    probe.expect_nothing();
}

#[test]
fn what_was_not_observed_is_told_with_the_mail_that_was() {
    let (mut test, topic, probe) = world();
    test.kernel().notify(topic, Note(1)).unwrap();
    test.run_until_idle().unwrap();
    assert!(panic_of(|| probe.expect_nothing()).contains("observed from outside: test.note Note(1)"));
    assert_eq!(probe.expect_observed::<Note>(), Note(1));
    let text = panic_of(|| probe.expect_observed::<Note>());
    let expected = "the probe `probe` expected to observe `test.note`, and had this mail:\n  \
                    1. at 0ns: observed from outside: test.note Note(1), as expected before";
    assert_eq!(text, expected);
}
