//! Timers that tick once: when, in which order, and how far ahead.

use std::time::Duration;

use rohrpost::{Code, Outcome, Time, TimerError};

use crate::desk::{Desk, Do, Note, Scribe, nanos};

#[test]
fn a_timer_ticks_at_its_nanosecond_and_not_before() {
    for delay in [1, 2, 63, 64, 65, 4095, 4096, 1_000_000_007, u64::from(u32::MAX), 1 << 50] {
        let mut desk = Desk::new();
        let a = desk.scribe("a");
        desk.pass(17);
        desk.have(a, move |_, ctx| {
            ctx.timer(Note(1)).after(nanos(delay)).unwrap();
        });
        assert_eq!(desk.next(), Some(17 + delay), "expected to know when");
        assert_eq!(desk.advance(delay - 1), [""; 0], "expected nothing a nanosecond before {delay}");
        assert!(!desk.worker.is_ready());
        desk.pass(1);
        assert!(desk.worker.is_ready(), "expected the worker to be ready at {delay}");
        assert_eq!(desk.advance(0), [format!("a 1 at {0} due {0}", 17 + delay)]);
        assert_eq!(desk.next(), None, "expected nothing to be left");
        assert_eq!(desk.advance(1 << 51), [""; 0], "expected one tick");
        desk.balanced();
    }
}

#[test]
fn timers_tick_in_the_order_of_their_times_and_of_their_arming() {
    let mut desk = Desk::new();
    let (a, b) = (desk.scribe("a"), desk.scribe("b"));
    desk.have(a, |_, ctx| {
        for (number, delay) in [(1, 30), (2, 10), (3, 20), (4, 10)] {
            ctx.timer(Note(number)).after(nanos(delay)).unwrap();
        }
    });
    desk.have(b, |_, ctx| {
        ctx.timer(Note(5)).after(nanos(10)).unwrap();
    });
    let ticks = desk.advance(100);
    let expected =
        ["a 2 at 100 due 10", "a 4 at 100 due 10", "b 5 at 100 due 10", "a 3 at 100 due 20", "a 1 at 100 due 30"];
    assert_eq!(ticks, expected);
}

#[test]
fn a_time_that_is_past_is_now_and_so_is_zero() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    desk.pass(50);
    desk.order(a, |scribe, ctx| {
        ctx.timer(Note(1)).at(Time::from_nanos(49)).unwrap();
        ctx.timer(Note(2)).at(Time::START).unwrap();
        ctx.timer(Note(3)).after(Duration::ZERO).unwrap();
        ctx.timer(Note(4)).at(Time::from_nanos(51)).unwrap();
        scribe.log.note("armed");
    });
    assert_eq!(desk.advance(0), ["armed", "a 1 at 50 due 50", "a 2 at 50 due 50", "a 3 at 50 due 50"]);
    assert_eq!(desk.advance(1), ["a 4 at 51 due 51"]);
}

#[test]
fn a_time_that_does_not_come_is_no_error() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    desk.pass(9);
    desk.have(a, |scribe, ctx| {
        ctx.timer(Note(1)).after(Duration::MAX).unwrap();
        ctx.timer(Note(2)).at(Time::NEVER).unwrap();
        ctx.timer(Note(3)).every(Duration::MAX).unwrap();
        scribe.timer = Some(ctx.timer(Note(4)).after(nanos(u64::MAX)).unwrap());
    });
    assert_eq!(desk.next(), None, "expected nothing to wait for");
    desk.clock.advance(Duration::MAX);
    assert_eq!(desk.advance(0), [""; 0], "expected never not to come");
    desk.have(a, |scribe, ctx| {
        let timer = scribe.timer.unwrap();
        assert!(ctx.is_running(timer), "expected it to be armed all the same");
        assert!(ctx.cancel(timer) && !ctx.is_running(timer) && !ctx.cancel(timer));
    });
}

#[test]
fn a_tick_that_is_not_handled_comes_back_to_its_target() {
    let mut desk = Desk::new();
    let log = desk.log.clone();
    let deaf = desk.register(Scribe::with("deaf", &log, |_, _| Outcome::NotHandled));
    let rude = desk.register(Scribe::with("rude", &log, |message, ctx| {
        assert_eq!(message.sender(), Some(ctx.address()), "expected the target to be its own sender");
        assert_eq!((message.expires(), message.wants_answer()), (None, false));
        message.set_code(Code::DENIED);
        Outcome::Handled
    }));
    for target in [deaf, rude] {
        desk.have(target, |_, ctx| {
            ctx.within(nanos(1)).timer(Note(1)).after(nanos(5)).unwrap();
        });
    }
    let ticks = desk.advance(5);
    assert_eq!(ticks, ["deaf 1 at 5 due 5", "rude 1 at 5 due 5", "deaf back 1 NOT_HANDLED", "rude back 1 DENIED"]);
    assert_eq!(desk.balanced().returned, 2);
}

#[test]
fn a_record_without_a_copy_ticks_once_but_not_again_and_again() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    desk.have(a, |_, ctx| {
        let refused = ctx.timer(Do::new(|_, _| ())).every(nanos(1)).unwrap_err();
        assert_eq!(refused, TimerError::NoClone { record: "timers.do" });
        assert!(refused.to_string().contains("timers.do"), "expected the record's name: {refused}");
        assert_eq!(ctx.timer(Note(1)).every(Duration::ZERO).unwrap_err(), TimerError::ZeroPeriod);
        ctx.timer(Do::new(|scribe, ctx| {
            assert!(ctx.tick().is_some());
            scribe.log.note("done");
        }))
        .after(nanos(3))
        .unwrap();
    });
    assert_eq!(desk.advance(3), ["done"]);
}

#[test]
fn only_the_handler_of_a_tick_handles_one() {
    let mut desk = Desk::new();
    let log = desk.log.clone();
    let b = desk.scribe("b");
    let c = desk.register(Scribe::with("c", &log, move |message, ctx| {
        // What it gets is forwarded, and it sends something of its own besides.
        ctx.notify(b, Note(7));
        ctx.forward(message, b);
        Outcome::Handled
    }));
    let a = desk.register(Scribe::with("a", &log, move |message, ctx| {
        if ctx.tick().is_some() {
            ctx.notify(b, Note(8));
            assert!(ctx.tick().is_some(), "expected the tick to last as long as its handler");
            ctx.forward(message, c);
        }
        Outcome::Handled
    }));
    desk.have(a, |_, ctx| {
        ctx.timer(Note(1)).after(nanos(5)).unwrap();
    });
    assert_eq!(desk.advance(5), ["a 1 at 5 due 5", "b 8", "c 1", "b 7", "b 1"], "expected only `a` to know of a tick");
    desk.balanced();
}

#[test]
fn a_target_that_stops_in_a_tick_is_told_outside_of_it() {
    let mut desk = Desk::new();
    let log = desk.log.clone();
    let a = desk.register(Scribe::with("a", &log, |_, ctx| {
        ctx.stop();
        Outcome::NotHandled
    }));
    desk.have(a, |_, ctx| {
        ctx.timer(Note(1)).after(nanos(5)).unwrap();
    });
    assert_eq!(desk.advance(5), ["a 1 at 5 due 5", "a stopping"]);
    assert_eq!(desk.balanced().dead_letters, 1, "expected the tick to find nobody to come back to");
}

#[test]
fn a_tick_can_be_held_and_answered_later() {
    let mut desk = Desk::new();
    let log = desk.log.clone();
    let shelf = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = shelf.clone();
    let a = desk.register(Scribe::with("a", &log, move |message, ctx| {
        keep.lock().unwrap().push(ctx.hold(message).unwrap());
        Outcome::Handled
    }));
    desk.have(a, |_, ctx| {
        ctx.timer(Note(1)).after(nanos(5)).unwrap();
    });
    assert_eq!(desk.advance(5), ["a 1 at 5 due 5"]);
    assert!(!desk.kernel.counters().is_balanced(), "expected the tick not to have ended");
    shelf.lock().unwrap().pop().unwrap().finish(Code::BUSY);
    assert_eq!(desk.advance(0), ["a back 1 BUSY"]);
    desk.balanced();
}
