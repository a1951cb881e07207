//! The clock of a test kernel: it stands still until it is moved, and then everything is due at its own moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rohrpost::testing::{Probe, Stuck, TestKernel};
use rohrpost::{Code, Kernel, ManualClock, Time};

use crate::{Add, Note, Sum};

const SECOND: Duration = Duration::from_secs(1);
const INSTANT: Duration = Duration::from_nanos(1);

/// A kernel with somebody who asks, on one worker, and somebody who does not answer, on another.
fn silence() -> (TestKernel, Probe, Probe, rohrpost::Address) {
    let test = TestKernel::new("node");
    let app = test.namespace("app").threads(2).open().unwrap();
    let (caller, silent) = (Probe::new("caller"), Probe::new("silent"));
    silent.hold::<Add>();
    app.register(caller.clone()).unwrap();
    let to = app.register_on(1, silent.clone()).unwrap();
    (test, caller, silent, to)
}

#[test]
fn a_deadline_is_met_to_the_nanosecond() {
    let (mut test, caller, _silent, to) = silence();
    caller.act(move |ctx| drop(ctx.within(SECOND).request(to, Add(1, 2))));
    test.run_until_idle().unwrap();
    assert_eq!(test.next_deadline(), Some(Time::START.after(SECOND)));
    test.advance(SECOND - INSTANT).unwrap();
    caller.expect_nothing();
    test.advance(INSTANT).unwrap();
    assert_eq!(caller.expect_returned::<Add>(), Code::EXPIRED);
    assert_eq!(test.next_deadline(), None, "expected nobody to watch the clock any more");
}

#[test]
fn each_deadline_is_met_at_its_own_moment_in_one_advance() {
    let (mut test, caller, _silent, to) = silence();
    for millis in [30, 10, 20] {
        caller.act(move |ctx| drop(ctx.within(Duration::from_millis(millis)).request(to, Add(0, millis as i64))));
    }
    test.advance(SECOND).unwrap();
    let moments: Vec<String> =
        caller.mail().iter().map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(moments, ["at 10ms", "at 20ms", "at 30ms"], "expected three returns: {:?}", caller.mail());
    assert_eq!(test.now(), Time::START.after(SECOND));
}

#[test]
fn a_deadline_set_while_the_clock_moves_is_met_in_the_same_advance() {
    let (mut test, caller, silent, to) = silence();
    let moments = Arc::new(AtomicU64::new(0));
    let seen = moments.clone();
    caller.reply_with(move |_: &Note| Ok(()));
    caller.act(move |ctx| drop(ctx.within(SECOND).request(to, Add(1, 2))));
    test.run_until_idle().unwrap();
    // The next request is sent by the one who is told of the first.
    silent.act(move |ctx| {
        seen.fetch_add(ctx.now().as_nanos(), Ordering::Relaxed);
        drop(ctx.within(SECOND * 2).request(to, Add(3, 4)));
    });
    test.advance(SECOND * 3).unwrap();
    assert_eq!(moments.load(Ordering::Relaxed), 0, "expected the request to be sent before the clock moved");
    assert_eq!(silent.expect_returned::<Add>(), Code::EXPIRED);
    assert!(silent.mail().iter().any(|line| line.starts_with("at 2s: returned EXPIRED")), "{:?}", silent.mail());
}

#[test]
fn a_question_with_a_timeout_moves_the_clock_no_further_than_it_has_to() {
    let (mut test, caller, silent, to) = silence();
    // Somebody else's deadline comes first, and lets the question be answered.
    let (helper, answering) = (caller.clone(), silent.clone());
    test.run_until_idle().unwrap();
    helper.act(move |ctx| {
        let _ = ctx.within(SECOND).request(to, Add(0, 0));
    });
    let kernel = test.kernel().clone();
    silent.reply_with(move |_: &Note| Ok(()));
    let failure = kernel.ask(to, Add(1, 2)).timeout(SECOND * 5).wait().expect_err("expected it to expire");
    assert_eq!(failure.code(), Code::EXPIRED);
    assert_eq!(test.now(), Time::START.after(SECOND * 5), "expected the clock to stand at the timeout");
    assert_eq!(caller.expect_returned::<Add>(), Code::EXPIRED, "expected what was due before to be done");
    assert!(caller.mail()[0].starts_with("at 1s"), "expected it at its own moment: {:?}", caller.mail());
    drop(answering);
    assert_eq!(test.kernel().ask(to, Note(1)).timeout(SECOND).wait().map_err(|failure| failure.code()), Ok(()));
    assert_eq!(test.now(), Time::START.after(SECOND * 5), "expected an answer in no time");
}

#[test]
fn an_awaited_question_expires_by_the_clock_of_the_test() {
    let (mut test, _caller, silent, to) = silence();
    let kernel = test.kernel().clone();
    let (first, second) = test
        .block_on(async move {
            kernel.ask(to, Note(1)).await.expect("expected an answer before there is any timeout");
            let first = kernel.ask(to, Add(1, 2)).timeout(SECOND).await;
            let second = kernel.ask(to, Add(1, 2)).timeout(SECOND * 2).await;
            (first.map_err(|failure| failure.code()), second.map_err(|failure| failure.code()))
        })
        .unwrap();
    assert_eq!((first, second), (Err(Code::EXPIRED), Err(Code::EXPIRED)));
    assert_eq!(test.now(), Time::START.after(SECOND * 3));
    drop((silent.take_held::<Add>(), silent.take_held::<Add>()));
    assert!(test.kernel().counters().is_balanced(), "{:?}", test.kernel().counters());
}

#[test]
fn an_awaited_question_is_not_made_to_wait_for_its_timeout() {
    let mut test = TestKernel::new("node");
    let address = test.namespace("app").open().unwrap().register(crate::Calculator).unwrap();
    let kernel = test.kernel().clone();
    let sum = test.block_on(async move { kernel.ask(address, Add(1, 2)).timeout(SECOND).await }).unwrap();
    assert_eq!((sum.unwrap(), test.now()), (Sum(3), Time::START));
}

#[test]
fn an_endless_advance_ends_when_nothing_is_due_any_more() {
    let (mut test, caller, _silent, to) = silence();
    caller.act(move |ctx| drop(ctx.within(SECOND).request(to, Add(1, 2))));
    test.advance(Duration::MAX).unwrap();
    assert_eq!(caller.expect_returned::<Add>(), Code::EXPIRED);
    assert_eq!(test.now(), Time::NEVER);
    assert_eq!(test.advance(SECOND), Ok(0), "expected nothing to come after that");
}

#[test]
fn an_advance_stops_where_the_workers_do_not_come_to_rest() {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").open().unwrap();
    let ring = app.register_as("ring", crate::Relay("ring".parse().unwrap())).unwrap();
    test.set_bound(3);
    test.kernel().notify(ring, Note(u32::MAX)).unwrap();
    assert!(matches!(test.advance(SECOND), Err(Stuck::Restless { turns: 3, .. })));
    assert_eq!(test.now(), Time::START, "expected the clock to stand where they were restless");
}

#[test]
fn what_is_built_between_two_turns_sees_the_present_moment() {
    let mut test = TestKernel::new("node");
    let app = test.namespace("app").open().unwrap();
    app.build_on(0, |thread| Ok(thread.now())).unwrap();
    test.advance(SECOND).unwrap();
    assert_eq!(app.build_on(0, |thread| Ok(thread.now())).unwrap(), Time::START.after(SECOND));

    let clock = Arc::new(ManualClock::new());
    let kernel = Kernel::builder("node").clock(clock.clone()).start().unwrap();
    let (_app, mut worker) = kernel.namespace("app").driven().unwrap();
    assert_eq!(worker.build(|thread| thread.now()), Time::START);
    clock.advance(SECOND);
    assert_eq!(worker.build(|thread| thread.now()), Time::START.after(SECOND));
}
