//! A timer that was cancelled or started anew delivers nothing of before, even if that was on its way already.

use std::sync::{Arc, Mutex};

use rohrpost::{Context, NewTimer, Timer};

use crate::desk::{Desk, Do, Note, Scribe, nanos};

type Course = fn(NewTimer<'_>) -> Timer;

const ONCE: Course = |timer| timer.after(nanos(10)).unwrap();
const AGAIN: Course = |timer| timer.every(nanos(10)).unwrap();

/// More than one turn delivers.
const MUCH: usize = 100;

/// A desk whose target `a` has a timer for 10 ns and much mail when that falls due, so that the tick waits behind the
/// mail. The last of the mail is that `a` does `meddle`.
fn while_the_tick_waits(
    course: Course,
    meddle: impl FnOnce(Timer, &mut Scribe, &mut Context<'_>) + Send + 'static,
) -> Desk {
    let mut desk = Desk::new();
    let (a, b) = (desk.scribe("a"), desk.scribe("b"));
    desk.have(a, move |scribe, ctx| scribe.timer = Some(course(ctx.timer(Note(1)))));
    let meddle = Do::new(move |scribe, ctx| {
        let timer = scribe.timer.unwrap();
        assert!(ctx.is_running(timer), "expected a timer whose tick waits to run");
        meddle(timer, scribe, ctx);
    });
    // `a` is on the stack below `b`, so its mail waits.
    let fill = Do::new(move |_, ctx| {
        (1..MUCH).for_each(|_| ctx.notify(a, Do::new(|_, _| ())));
        ctx.notify(a, meddle);
    });
    desk.order(a, move |_, ctx| ctx.notify(b, fill));
    assert!(desk.worker.run_once());
    desk.pass(10);
    assert!(desk.worker.run_once(), "expected a turn in which the tick takes its place");
    assert_eq!(desk.log.take(), [""; 0], "expected the tick to wait");
    desk.run();
    desk
}

#[test]
fn a_tick_for_a_target_that_is_not_idle_waits_behind_its_mail() {
    for course in [ONCE, AGAIN] {
        let mut desk = while_the_tick_waits(course, |_, scribe, _| scribe.log.note("the last of the mail"));
        assert_eq!(desk.log.take(), ["the last of the mail", "a 1 at 10 due 10"]);
        desk.run();
        desk.balanced();
    }
}

#[test]
fn a_timer_that_is_cancelled_while_its_tick_waits_does_not_tick() {
    for course in [ONCE, AGAIN] {
        let mut desk = while_the_tick_waits(course, |timer, _, ctx| {
            assert!(ctx.cancel(timer) && !ctx.is_running(timer) && !ctx.cancel(timer));
        });
        assert_eq!(desk.log.take(), [""; 0], "expected no tick");
        assert_eq!(desk.advance(1000), [""; 0], "expected none later");
        // To register, to arm, to fill, the filling, and the mail.
        assert_eq!(desk.balanced().sent, 3 + MUCH as u64, "expected a tick that was cancelled not to be sent");
        assert_eq!(desk.next(), None);
    }
}

#[test]
fn a_timer_that_is_started_anew_while_its_tick_waits_ticks_a_whole_time_later() {
    for (course, later) in [(ONCE, "a 1 at 20 due 20"), (AGAIN, "a 1 at 20 due 20")] {
        let mut desk = while_the_tick_waits(course, |timer, _, ctx| assert!(ctx.retrigger(timer)));
        assert_eq!(desk.log.take(), [""; 0], "expected nothing of the old tick");
        assert_eq!(desk.advance(9), [""; 0], "expected nothing before a whole time has passed");
        assert_eq!(desk.advance(1), [later]);
        desk.balanced();
    }
}

#[test]
fn a_timer_can_fall_due_anew_while_the_place_of_its_old_tick_is_still_kept() {
    let desk = while_the_tick_waits(ONCE, |timer, _, ctx| {
        assert!(ctx.cancel(timer));
        // Another one, due at once: its tick has a place of its own.
        ctx.timer(Note(2)).after(nanos(0)).unwrap();
    });
    assert_eq!(desk.log.take(), ["a 2 at 10 due 10"]);
    desk.balanced();
}

#[test]
fn the_ticks_of_a_periodic_timer_that_wait_are_one() {
    let mut desk = Desk::new();
    let (a, b) = (desk.scribe("a"), desk.scribe("b"));
    desk.have(a, |_, ctx| {
        ctx.timer(Note(1)).every(nanos(10)).unwrap();
    });
    desk.order(a, move |_, ctx| {
        ctx.notify(b, Do::new(move |_, ctx| (0..300).for_each(|_| ctx.notify(a, Do::new(|_, _| ())))));
    });
    assert!(desk.worker.run_once());
    for _ in 0..4 {
        desk.pass(10);
        assert!(desk.worker.run_once());
    }
    assert_eq!(desk.log.take(), [""; 0], "expected the ticks to wait");
    desk.run();
    assert_eq!(desk.log.take(), ["a 1 at 40 due 40 +3"], "expected those before to be missed");
    assert_eq!(desk.next(), Some(50));
}

#[test]
fn a_timer_is_cancelled_by_an_earlier_tick_of_the_same_turn() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    desk.have(a, |scribe, ctx| {
        ctx.timer(Do::new(|scribe, ctx| assert!(ctx.cancel(scribe.timer.unwrap())))).after(nanos(10)).unwrap();
        scribe.timer = Some(ctx.timer(Note(1)).after(nanos(10)).unwrap());
        ctx.timer(Note(2)).after(nanos(10)).unwrap();
    });
    assert_eq!(desk.advance(10), ["a 2 at 10 due 10"], "expected both to be due, and one of them cancelled");
    desk.balanced();
}

#[test]
fn retriggering_puts_a_timer_off_each_time() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    desk.have(a, |scribe, ctx| scribe.timer = Some(ctx.timer(Note(1)).after(nanos(10)).unwrap()));
    for _ in 0..100 {
        assert_eq!(desk.advance(9), [""; 0]);
        desk.have(a, |scribe, ctx| assert!(ctx.retrigger(scribe.timer.unwrap())));
    }
    assert_eq!(desk.advance(10), ["a 1 at 910 due 910"]);
}

#[test]
fn an_old_timer_tells_nothing_of_a_new_one() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    desk.have(a, |_, ctx| {
        let old = ctx.timer(Note(1)).after(nanos(10)).unwrap();
        assert!(ctx.cancel(old));
        let new = ctx.timer(Note(2)).after(nanos(10)).unwrap();
        assert_ne!(old, new);
        assert!(!ctx.cancel(old) && !ctx.retrigger(old) && !ctx.is_running(old) && ctx.is_running(new));
    });
    assert_eq!(desk.advance(10), ["a 2 at 10 due 10"]);
}

#[test]
fn another_target_of_the_thread_can_cancel_but_one_of_another_thread_cannot() {
    let mut desk = Desk::new();
    let (far, mut far_worker) = desk.kernel.namespace("far").driven().unwrap();
    let (a, b) = (desk.scribe("a"), desk.scribe("b"));
    let c = far.register(Scribe::new("c", &desk.log)).unwrap();
    let told = Arc::new(Mutex::new(None));
    let tell = told.clone();
    desk.have(a, move |_, ctx| {
        *tell.lock().unwrap() = Some(ctx.timer(Note(1)).after(nanos(10)).unwrap());
    });
    let timer = told.lock().unwrap().unwrap();
    desk.order(c, move |_, ctx| {
        // So that there is a timer in the same place.
        ctx.timer(Note(2)).after(nanos(10)).unwrap();
        assert!(!ctx.is_running(timer) && !ctx.retrigger(timer) && !ctx.cancel(timer), "expected it to be another's");
    });
    far_worker.run_until_idle();
    desk.have(b, move |_, ctx| assert!(ctx.is_running(timer) && ctx.retrigger(timer) && ctx.cancel(timer)));
    assert_eq!(desk.advance(10), [""; 0], "expected the timer of `a` to be cancelled");
    far_worker.run_until_idle();
    assert_eq!(desk.log.take(), ["c 2 at 10 due 10"]);
    assert_eq!(desk.balanced().panics, 0);
}
