//! Ticks come before mail, and do not keep it waiting; how many timers there may be.

use rohrpost::{Code, NamespaceBuilder, TimerError};

use crate::desk::{Desk, Do, Note, Scribe, nanos};

#[test]
fn a_timeout_beats_a_late_answer() {
    let mut desk = Desk::new();
    let (far, mut far_worker) = desk.kernel.namespace("far").driven().unwrap();
    let b = far.register(Scribe::new("b", &desk.log)).unwrap();
    far_worker.run_until_idle();
    let a = desk.scribe("a");
    desk.have(a, move |_, ctx| {
        let _ = ctx.request(b, Note(2));
        ctx.timer(Note(1)).after(nanos(10)).unwrap();
    });
    far_worker.run_until_idle();
    // The answer is in the hand-off when the timer falls due.
    let log = desk.advance(10);
    assert_eq!(log, ["b 2", "a 1 at 10 due 10", "a back 2 OK"], "expected the timeout before the answer");
}

#[test]
fn many_ticks_leave_turns_to_the_mail() {
    const TIMERS: u32 = 10_000;
    let mut desk = Desk::new();
    let (a, b) = (desk.scribe("a"), desk.scribe("b"));
    desk.have(a, |_, ctx| {
        for number in 0..TIMERS {
            ctx.timer(Note(number)).after(nanos(10)).unwrap();
        }
    });
    desk.kernel.notify(b, Note(1)).unwrap();
    desk.pass(10);
    assert!(desk.worker.run_once());
    let log = desk.log.take();
    assert_eq!(log.len(), 65, "expected 64 ticks and one message in a turn");
    assert_eq!(log.last().unwrap(), "b 1");
    desk.run();
    assert_eq!(desk.log.len(), TIMERS as usize - 64, "expected the other ticks in the turns after it");
    desk.balanced();
}

#[test]
fn ticks_that_arm_the_next_at_once_leave_turns_to_the_mail() {
    fn again(log: crate::desk::Log) -> Do {
        Do::new(move |_, ctx| {
            log.note("tick");
            ctx.timer(again(log.clone())).after(nanos(0)).unwrap();
        })
    }
    let mut desk = Desk::new();
    let (a, b) = (desk.scribe("a"), desk.scribe("b"));
    let step = again(desk.log.clone());
    desk.order(a, move |_, ctx| {
        ctx.timer(step).after(nanos(0)).unwrap();
    });
    desk.kernel.notify(b, Note(1)).unwrap();
    assert!(desk.worker.run_once() && desk.worker.run_once());
    let log = desk.log.take();
    assert!(log.len() <= 65 && log.contains(&"b 1".to_owned()), "expected the mail to have its turn: {log:?}");
}

#[test]
fn there_are_as_many_timers_as_the_bound_says() {
    for bound in [1, 5] {
        let mut desk = Desk::with(|builder: NamespaceBuilder| builder.timers(bound));
        let (a, b) = (desk.scribe("a"), desk.scribe("b"));
        desk.have(a, move |scribe, ctx| {
            for _ in 0..bound {
                scribe.timer = Some(ctx.timer(Note(1)).after(nanos(10)).unwrap());
            }
            let refused = ctx.timer(Note(2)).after(nanos(10)).unwrap_err();
            assert_eq!(refused, TimerError::TooMany { bound });
            assert!(refused.to_string().contains("`timers`"), "expected the bound's name: {refused}");
        });
        // It is the thread's bound, whoever has the timers.
        desk.have(b, |_, ctx| assert!(ctx.timer(Note(2)).after(nanos(10)).is_err()));
        let refused = desk.space.timer(b, Note(2)).after(nanos(10)).unwrap_err();
        assert_eq!(refused, TimerError::TooMany { bound });
        // One that ends makes room: cancelled, ticked, or gone with its target.
        desk.have(a, |scribe, ctx| {
            assert!(ctx.cancel(scribe.timer.unwrap()));
            ctx.timer(Note(1)).after(nanos(10)).unwrap();
        });
        assert_eq!(desk.advance(10).len(), bound);
        desk.have(a, move |_, ctx| {
            (0..bound).for_each(|_| {
                ctx.timer(Note(1)).after(nanos(10)).unwrap();
            });
        });
        desk.space.deregister(a).unwrap();
        desk.run();
        for _ in 0..bound {
            desk.space.timer(b, Note(3)).after(nanos(10)).unwrap();
        }
        assert!(desk.space.timer(b, Note(3)).after(nanos(10)).is_err());
        assert_eq!(desk.balanced().panics, 0);
        assert_eq!(desk.advance(10).len(), bound + 1, "expected the ticks, and that `a` stopped");
        // For targets that are not there no room is kept.
        for _ in 0..3 * bound {
            let gone = desk.space.timer(a, Note(4)).after(nanos(10)).unwrap();
            desk.run();
            assert!(!gone.is_running(), "expected a timer of nobody not to run");
        }
        let nobody = "nobody".parse().unwrap();
        let refused = desk.space.timer(nobody, Note(4)).after(nanos(10)).unwrap_err();
        assert!(matches!(refused, TimerError::NoTarget { code: Code::NO_TARGET, .. }), "{refused}");
    }
}
