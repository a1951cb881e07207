//! Probes: what they record, how they answer, and what a failed assertion says.

use std::time::Duration;

use rohrpost::testing::{Probe, TestKernel};
use rohrpost::{Address, Code, Failure, Kernel, Message, Namespace, OnPanic, Setup, record};

use crate::{Add, Calculator, Note, Single, Sum, panic_of};

fn world() -> (TestKernel, Namespace, Probe, Address) {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").threads(2).open().unwrap();
    let probe = Probe::new("probe");
    let address = app.register(probe.clone()).unwrap();
    test.run_until_idle().unwrap();
    assert_eq!(probe.address(), Some(address));
    (test, app, probe, address)
}

#[test]
fn mail_is_taken_by_its_type_the_earliest_first() {
    let (mut test, _app, probe, address) = world();
    test.kernel().notify(address, Note(1)).unwrap();
    test.ask(address, Note(2)).unwrap();
    test.kernel().notify(address, Add(1, 2)).unwrap();
    test.run_until_idle().unwrap();
    assert_eq!(probe.expect::<Add>(), Add(1, 2), "expected mail of another type to be left where it is");
    assert_eq!(probe.expect::<Note>(), Note(1));
    assert_eq!(probe.expect::<Note>(), Note(2));
    probe.expect_nothing();
    assert_eq!(probe.mail().len(), 3, "expected all of it to be listed still");
}

#[test]
fn a_request_is_answered_as_the_probe_was_told() {
    let (mut test, _app, probe, address) = world();
    let failure = test.ask(address, Add(1, 2)).expect_err("expected it not to know how");
    assert_eq!(failure.code(), Code::NOT_HANDLED);
    assert!(failure.text().contains("`probe` was not told how to answer `calc.add`"), "{failure}");
    probe.reply_with(|add: &Add| add.0.checked_add(add.1).map(Sum).ok_or_else(|| Failure::from(Code::DENIED)));
    assert_eq!(test.ask(address, Add(1, 2)).unwrap(), Sum(3));
    assert_eq!(test.ask(address, Add(i64::MAX, 1)).map_err(|failure| failure.code()), Err(Code::DENIED));
    probe.reply_with(|_: &Add| Ok(Sum(0)));
    assert_eq!(test.ask(address, Add(1, 2)).unwrap(), Sum(0), "expected the later reply to count");
}

#[test]
fn a_reply_may_use_the_probe_itself() {
    let (mut test, _app, probe, address) = world();
    let itself = probe.clone();
    probe.reply_with(move |_: &Add| {
        itself.reply_with(|_: &Add| Ok(Sum(2)));
        Ok(Sum(itself.mail().len() as i64))
    });
    assert_eq!(test.ask(address, Add(1, 2)).unwrap(), Sum(1), "expected its own request to be on the list");
    assert_eq!(test.ask(address, Add(1, 2)).unwrap(), Sum(2), "expected the new reply to have stayed");
}

#[test]
fn a_reply_that_panics_is_a_panic_of_the_probe() {
    let (mut test, app, probe, _) = world();
    let setup = Setup::new().on_panic(OnPanic::Keep);
    let clumsy = Probe::new("clumsy");
    let address = app.register_with(setup, clumsy.clone()).unwrap();
    clumsy.reply_with(|_: &Add| panic!("no fingers left"));
    let failure = test.ask(address, Add(1, 2)).expect_err("expected a panic");
    assert_eq!((failure.code(), failure.text()), (Code::EXCEPTION, "no fingers left"));
    assert_eq!(clumsy.expect::<Add>(), Add(1, 2), "expected it to be on the list all the same");
    probe.expect_nothing();
}

#[test]
fn what_a_probe_holds_is_answered_by_the_test() {
    let (mut test, app, probe, address) = world();
    probe.hold::<Add>();
    let caller = Probe::new("caller");
    caller.request(address, Add(1, 2));
    caller.request(address, Add(3, 4));
    app.register_on(1, caller.clone()).unwrap();
    test.run_until_idle().unwrap();
    let first = probe.take_held::<Add>().expect("expected a request to be held");
    assert_eq!(*first, Add(1, 2));
    first.answer(Sum(3));
    test.run_until_idle().unwrap();
    assert_eq!(caller.expect_answer::<Sum>(), Sum(3));
    // What it still holds comes back when it goes.
    app.deregister(address).unwrap();
    test.run_until_idle().unwrap();
    assert_eq!(caller.expect_returned::<Add>(), Code::STOPPED);
    assert!(probe.take_held::<Add>().is_none());
}

#[test]
fn answers_and_returns_of_its_own_are_seen() {
    let (mut test, app, probe, _) = world();
    let calculator = app.register_on(1, Calculator).unwrap();
    probe.request(calculator, Add(2, 3));
    probe.notify(calculator, Note(1));
    probe.act(|ctx| ctx.notify("nobody".parse().unwrap(), Note(2)));
    test.run_until_idle().unwrap();
    assert_eq!(probe.expect_answer::<Sum>(), Sum(5));
    // Nobody of that name was there at once; the calculator's thread took longer.
    assert_eq!(probe.expect_returned::<Note>(), Code::NO_TARGET);
    assert_eq!(probe.expect_returned::<Note>(), Code::NOT_HANDLED);
    probe.expect_nothing();
}

#[test]
fn what_a_probe_does_by_itself_is_done_in_a_handler_of_its_own() {
    let (mut test, app, probe, address) = world();
    let calculator = app.register(Calculator).unwrap();
    test.run_until_idle().unwrap();
    let before = test.kernel().counters();
    probe.act(move |ctx| {
        assert_eq!(ctx.address(), address);
        assert_eq!(ctx.call(calculator, Add(1, 2)).unwrap(), Sum(3));
        let itself = ctx.call(address, Note(1)).unwrap_err();
        assert_eq!(itself.code(), Code::WOULD_DEADLOCK, "expected the probe to be on the stack");
        ctx.notify(address, Note(2));
    });
    test.run_until_idle().unwrap();
    assert_eq!(probe.expect::<Note>(), Note(2));
    let after = test.kernel().counters();
    assert_eq!((after.sent - before.sent, after.panics), (3, 0), "expected no mail but its own: {after:?}");
}

#[test]
fn a_record_that_cannot_be_copied_is_kept_if_it_came_with_a_notification() {
    let (mut test, _app, probe, address) = world();
    test.kernel().notify(address, Single(7)).unwrap();
    test.ask(address, Single(8)).unwrap();
    assert_eq!(probe.expect::<Single>(), Single(7));
    let text = panic_of(|| probe.expect::<Single>());
    assert!(text.contains("2. at 0ns: request from outside: test.single Single(8)"), "{text}");
    assert!(test.kernel().counters().is_balanced());
}

#[test]
fn a_failed_assertion_lists_the_mail_that_did_arrive() {
    let (mut test, app, probe, address) = world();
    let calculator = app.register_as("calculator", Calculator).unwrap();
    test.kernel().notify(address, Note(1)).unwrap();
    test.kernel().send(Message::notification(address, Note(2)).and(Add(1, 2))).unwrap();
    test.run_until_idle().unwrap();
    probe.expect::<Note>();
    test.advance(Duration::from_millis(5)).unwrap();
    probe.request(calculator, Add(2, 3));
    probe.notify(calculator, Note(3));
    test.run_until_idle().unwrap();
    let text = panic_of(|| probe.expect::<Sum>());
    let home = app.resolve("calculator").unwrap();
    let expected = format!(
        "the probe `probe` expected a notification or request `calc.sum`, and had this mail:\n  \
         1. at 0ns: notification from outside: test.note Note(1), as expected before\n  \
         2. at 0ns: notification from outside: test.note Note(2) and calc.add Add(1, 2)\n  \
         3. at 5ms: answer from {home}: calc.sum Sum(5)\n  \
         4. at 5ms: returned NOT_HANDLED from {home}: test.note Note(3)"
    );
    assert_eq!(text, expected);
    let text = panic_of(|| probe.expect_answer::<Add>());
    assert!(text.starts_with("the probe `probe` expected an answer `calc.add`, and had this mail:\n  1."), "{text}");
    let text = panic_of(|| probe.expect_returned::<Add>());
    assert!(text.starts_with("the probe `probe` expected the return of its `calc.add`, and had this"), "{text}");
    let text = panic_of(|| probe.expect_nothing());
    assert!(text.starts_with("the probe `probe` expected nothing more, and had this mail:\n  1."), "{text}");
}

#[test]
fn a_failed_assertion_without_any_mail_says_so() {
    let (_test, _app, probe, _) = world();
    let text = panic_of(|| probe.expect::<Note>());
    assert_eq!(
        text,
        "the probe `probe` expected a notification or request `test.note`, and had this mail: none at all"
    );
    probe.expect_nothing();
}

#[test]
fn an_expired_request_reads_as_one_whose_record_is_elsewhere() {
    let (mut test, app, probe, _) = world();
    let silent = Probe::new("silent");
    silent.hold::<Add>();
    let to = app.register_on(1, silent.clone()).unwrap();
    probe.act(move |ctx| drop(ctx.within(Duration::from_secs(1)).request(to, Add(1, 2))));
    test.advance(Duration::from_secs(1)).unwrap();
    let expected = format!("at 1s: returned EXPIRED from {to}: calc.add (it is elsewhere)");
    assert_eq!(probe.mail(), [expected]);
    assert_eq!(probe.expect_returned::<Add>(), Code::EXPIRED);
}

#[derive(Clone, Debug)]
struct Twice(Note, Sum);
record!(Twice, "test.twice");

#[test]
fn a_probe_can_be_a_probe_of_threads_too() {
    let kernel = Kernel::builder("node").start().unwrap();
    let app = kernel.namespace("app").threads(2).open().unwrap();
    let (left, right) = (Probe::new("left").patience(Duration::from_secs(20)), Probe::new("right"));
    let right = right.patience(Duration::from_secs(20));
    let to = app.register_on(1, right.clone()).unwrap();
    right.reply_with(|add: &Add| Ok(Sum(add.0 + add.1)));
    app.register(left.clone()).unwrap();
    left.request(to, Add(1, 2));
    left.notify(to, Twice(Note(1), Sum(2)));
    assert_eq!(left.expect_answer::<Sum>(), Sum(3), "expected the probe to wait for what is on its way");
    assert_eq!(right.expect::<Add>(), Add(1, 2));
    let Twice(note, sum) = right.expect();
    assert_eq!((note, sum), (Note(1), Sum(2)));
    right.expect_nothing();
    let impatient = left.patience(Duration::ZERO);
    let text = panic_of(|| impatient.expect::<Note>());
    assert!(text.contains("the probe `left` expected"), "{text}");
}

#[test]
fn a_large_record_is_shown_as_far_as_a_page_has_room() {
    #[derive(Clone, Debug)]
    struct Load(#[expect(dead_code, reason = "it is only printed")] Vec<String>);
    record!(Load, "test.load");
    let mut test = TestKernel::new("node");
    let probe = Probe::new("probe");
    let address = test.namespace("app").open().unwrap().register(probe.clone()).unwrap();
    test.kernel().notify(address, Load(vec!["ä".repeat(7); 100_000])).unwrap();
    test.run_until_idle().unwrap();
    let text = &probe.mail()[0];
    assert!(text.len() < 600 && text.contains("test.load Load([\"ää") && text.ends_with('…'), "{} bytes", text.len());
}
