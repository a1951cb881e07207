//! Timers that are armed with a namespace's handle, from any thread.

use std::time::Duration;

use rohrpost::{Code, Context, TimerError};

use crate::desk::{Desk, Do, Note, Scribe, nanos};

#[test]
fn a_timer_counts_from_the_moment_at_which_it_is_armed() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    desk.pass(5);
    let once = desk.space.timer(a, Note(1)).after(nanos(10)).unwrap();
    let again = desk.space.timer(a, Note(2)).every(nanos(10)).unwrap();
    let at = desk.space.timer(a, Note(3)).at(rohrpost::Time::from_nanos(12)).unwrap();
    let never = desk.space.timer(a, Note(4)).after(Duration::MAX).unwrap();
    // The thread learns of them late.
    assert_eq!(desk.advance(7), ["a 3 at 12 due 12"]);
    assert_eq!(desk.next(), Some(15));
    assert!(once.is_running() && again.is_running() && never.is_running() && !at.is_running());
    assert_eq!(desk.advance(3), ["a 1 at 15 due 15", "a 2 at 15 due 15"]);
    assert!(!once.is_running() && again.is_running());
    assert_eq!(desk.advance(31), ["a 2 at 46 due 45 +2"]);
    desk.balanced();
}

#[test]
fn no_tick_begins_after_cancel_has_returned() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    for armed in [false, true] {
        for again in [false, true] {
            let new = desk.space.timer(a, Note(1));
            let timer = if again { new.every(nanos(10)) } else { new.after(nanos(10)) }.unwrap();
            if armed {
                desk.run();
            }
            desk.pass(10);
            assert!(timer.cancel() && !timer.is_running() && !timer.cancel() && !timer.retrigger());
            // The thread finds the timer due before the order to cancel it.
            assert_eq!(desk.advance(0), [""; 0], "expected no tick: armed {armed}, again {again}");
            assert_eq!(desk.advance(100), [""; 0]);
            assert_eq!(desk.next(), None, "expected nothing to stay armed");
        }
    }
    desk.balanced();
}

#[test]
fn no_old_tick_begins_after_retrigger_has_returned() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    for again in [false, true] {
        let start = desk.kernel.now().as_nanos();
        let new = desk.space.timer(a, Note(1));
        let timer = if again { new.every(nanos(10)) } else { new.after(nanos(10)) }.unwrap();
        desk.run();
        desk.pass(10);
        assert!(timer.retrigger());
        desk.pass(2);
        assert!(timer.retrigger());
        // The thread finds the timer due before the orders to start it anew.
        assert_eq!(desk.advance(0), [""; 0], "expected the old tick not to begin");
        assert_eq!(desk.advance(9), [""; 0]);
        let due = start + 22;
        assert_eq!(desk.advance(1), [format!("a 1 at {due} due {due}")]);
        assert_eq!(timer.is_running(), again);
        timer.cancel();
        desk.run();
    }
    assert_eq!(desk.next(), None);
}

#[test]
fn a_handle_knows_when_the_handler_or_the_targets_end_has_ended_the_timer() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    let by_handler = desk.space.timer(a, Do::new(|_, _| ())).after(nanos(10)).unwrap();
    let log = desk.log.clone();
    let b = desk.register(Scribe::with("b", &log, |_, ctx| {
        assert!(ctx.cancel(ctx.tick().unwrap().timer()));
        rohrpost::Outcome::Handled
    }));
    let by_tick = desk.space.timer(b, Note(1)).every(nanos(10)).unwrap();
    let with_target = desk.space.timer(a, Note(2)).every(nanos(1000)).unwrap();
    assert_eq!(desk.advance(10), ["b 1 at 10 due 10"]);
    assert!(!by_handler.is_running() && !by_tick.is_running() && with_target.is_running());
    desk.space.deregister(a).unwrap();
    desk.run();
    assert!(!with_target.is_running() && !with_target.cancel() && !with_target.retrigger());
    assert_eq!(desk.balanced().panics, 0);
}

#[test]
fn a_timer_armed_from_a_handler_of_its_own_thread_is_cancelled_at_once() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    let space = desk.space.clone();
    desk.have(a, move |_, ctx: &mut Context<'_>| {
        let timer = space.timer(ctx.address(), Note(1)).after(Duration::ZERO).unwrap();
        let other = space.timer(ctx.address(), Note(2)).after(Duration::ZERO).unwrap();
        assert!(timer.cancel() && other.is_running());
    });
    assert_eq!(desk.log.take(), ["a 2 at 0 due 0"]);
}

#[test]
fn a_name_is_found_when_the_timer_is_armed() {
    let mut desk = Desk::new();
    let log = desk.log.clone();
    let router = desk.space.register_as("router", Scribe::new("router", &log)).unwrap();
    let short = "router".parse().unwrap();
    desk.space.timer(short, Note(1)).after(nanos(1)).unwrap();
    desk.space.timer(router, Note(2)).after(nanos(1)).unwrap();
    assert_eq!(desk.advance(1), ["router 1 at 1 due 1", "router 2 at 1 due 1"]);
}

#[test]
fn an_error_says_what_is_wrong() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    let space = &desk.space;
    let refused = space.timer(a, Do::new(|_, _| ())).every(nanos(1)).unwrap_err();
    assert_eq!(refused, TimerError::NoClone { record: "timers.do" });
    assert_eq!(space.timer(a, Note(1)).every(Duration::ZERO).unwrap_err(), TimerError::ZeroPeriod);
    for (text, code) in [("a.b.", Code::NO_NAMESPACE), ("a.desk.mars", Code::NO_NODE), (".desk.", Code::NO_SERVICE)] {
        let refused = space.timer(text.parse().unwrap(), Note(1)).after(nanos(1)).unwrap_err();
        assert!(matches!(&refused, TimerError::NoTarget { code: found, .. } if *found == code), "{text}: {refused}");
        assert!(refused.to_string().contains(&code.to_string()), "expected {code} in `{refused}`");
    }
    let running = space.timer(a, Note(1)).every(nanos(1)).unwrap();
    let Desk { kernel, space, worker, .. } = desk;
    let _ = space.close(Duration::ZERO);
    let refused = space.timer(a, Note(1)).after(nanos(1)).unwrap_err();
    assert_eq!(refused, TimerError::Stopped, "expected a worker that closes to take no timers");
    drop(worker);
    let refused = space.timer(a, Note(1)).after(nanos(1)).unwrap_err();
    assert!(matches!(refused, TimerError::NoTarget { code: Code::NO_NAMESPACE, .. }), "{refused}");
    assert!(!running.is_running() && !running.cancel(), "expected it to end with the worker");
    let _ = kernel.stop(Duration::ZERO);
    assert_eq!(space.timer(a, Note(1)).after(nanos(1)).unwrap_err(), TimerError::Stopped);
}
