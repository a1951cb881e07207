//! Timers on the clock of a test.

use std::time::Duration;

use rohrpost::testing::{Probe, TestKernel, explore};
use rohrpost::{Address, Namespace, Time};

use crate::Note;

const SECOND: Duration = Duration::from_secs(1);
const INSTANT: Duration = Duration::from_nanos(1);

/// A kernel with a probe on each of two threads.
fn world(test: &mut TestKernel) -> (Namespace, [Probe; 2]) {
    let app = test.namespace("app").threads(2).open().unwrap();
    let probes = [Probe::new("first"), Probe::new("second")];
    for (thread, probe) in probes.iter().enumerate() {
        app.register_on(thread, probe.clone()).unwrap();
    }
    test.run_until_idle().unwrap();
    (app, probes)
}

fn arm(probe: &Probe, duration: Duration, note: u32) {
    probe.act(move |ctx| {
        ctx.timer(Note(note)).after(duration).unwrap();
    });
}

/// When a probe got its mail.
fn moments(probe: &Probe) -> Vec<String> {
    probe.mail().iter().map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_timer_ticks_at_its_nanosecond_and_not_before() {
    let mut test = TestKernel::new("node");
    let (_app, [probe, _]) = world(&mut test);
    arm(&probe, SECOND, 1);
    test.run_until_idle().unwrap();
    assert_eq!(
        test.next_deadline(),
        Some(Time::START.after(SECOND)),
        "expected it to be known when there is more to do"
    );
    test.advance(SECOND - INSTANT).unwrap();
    probe.expect_nothing();
    test.advance(INSTANT).unwrap();
    assert_eq!(probe.expect::<Note>(), Note(1));
    assert_eq!(test.next_deadline(), None, "expected it to have ended");
}

#[test]
fn a_kernel_is_idle_while_its_timers_are_not_due() {
    let mut test = TestKernel::new("node");
    let (_app, [probe, _]) = world(&mut test);
    probe.act(|ctx| {
        ctx.timer(Note(1)).every(SECOND).unwrap();
    });
    test.run_until_idle().unwrap();
    assert_eq!(test.run_until_idle(), Ok(0), "expected a timer that is not due to be no work");
    assert_eq!(test.now(), Time::START, "expected the clock to stand still");
    probe.expect_nothing();
}

#[test]
fn each_tick_comes_at_its_own_moment_in_one_advance() {
    let mut test = TestKernel::new("node");
    let (_app, [first, second]) = world(&mut test);
    first.act(|ctx| {
        ctx.timer(Note(1)).every(SECOND).unwrap();
    });
    arm(&second, SECOND / 2, 1);
    test.advance(SECOND * 3).unwrap();
    assert_eq!(moments(&first), ["at 1s", "at 2s", "at 3s"], "expected none to be missed: {:?}", first.mail());
    assert_eq!(moments(&second), ["at 500ms"]);
}

#[test]
fn a_timer_that_a_tick_arms_ticks_in_the_same_advance() {
    let mut test = TestKernel::new("node");
    let (_app, [probe, _]) = world(&mut test);
    let again = probe.clone();
    probe.reply_with(move |note: &Note| {
        if note.0 < 3 {
            arm(&again, SECOND, note.0 + 1);
        }
        Ok(())
    });
    arm(&probe, SECOND, 1);
    test.advance(SECOND * 10).unwrap();
    assert_eq!(moments(&probe), ["at 1s", "at 2s", "at 3s"], "expected each from the one before: {:?}", probe.mail());
}

#[test]
fn a_timer_that_is_cancelled_in_time_never_ticks_by_whichever_seed() {
    explore(0..32, |test| {
        let (app, [probe, _]) = world(test);
        let address: Address = probe.address().unwrap();
        let timer = app.timer(address, Note(1)).after(SECOND)?;
        test.advance(SECOND - INSTANT)?;
        assert!(timer.cancel(), "expected it to run until now");
        test.advance(SECOND)?;
        probe.expect_nothing();
        Ok(())
    });
}
