//! Timers end with their target, however it goes, and leave nothing armed.

use std::sync::Arc;
use std::time::Duration;

use rohrpost::{Meanwhile, OnPanic, Outcome, Restart, Setup, TimerError};

use crate::desk::{Desk, Do, Log, Note, Scribe, nanos};

fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("boom"))
}

fn arm_both(ctx: &rohrpost::Context<'_>) {
    ctx.timer(Note(1)).after(nanos(10)).unwrap();
    ctx.timer(Note(2)).every(nanos(3)).unwrap();
}

#[test]
fn a_target_that_is_deregistered_has_no_timers_any_more() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    let stays = desk.scribe("stays");
    desk.have(stays, |_, ctx| {
        ctx.timer(Note(3)).after(nanos(10)).unwrap();
    });
    desk.have(a, |_, ctx| arm_both(ctx));
    assert_eq!(desk.next(), Some(3));
    desk.space.deregister(a).unwrap();
    assert_eq!(desk.advance(0), ["a stopping"]);
    assert_eq!(desk.next(), Some(10), "expected only the other's timer to be armed");
    assert_eq!(desk.advance(100), ["stays 3 at 100 due 10"]);
    desk.balanced();
}

#[test]
fn a_timer_that_is_armed_by_a_target_on_its_way_out_ends_with_it() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    desk.have(a, |_, ctx| {
        ctx.stop();
        arm_both(ctx);
    });
    assert_eq!(desk.advance(100), ["a stopping"]);
    assert_eq!(desk.next(), None, "expected nothing to be armed");
}

#[test]
fn a_target_that_panics_has_no_timers_any_more_unless_it_is_kept() {
    for (policy, ticks) in [(OnPanic::Deregister, 0), (OnPanic::Keep, 2)] {
        let mut desk = Desk::new();
        let scribe = Scribe::new("a", &desk.log);
        let a = desk.space.register_with(Setup::new().on_panic(policy), scribe).unwrap();
        desk.have(a, |_, ctx| {
            arm_both(ctx);
            panic_quietly();
        });
        assert_eq!(desk.next().is_some(), ticks > 0, "expected timers as {policy:?} says");
        assert_eq!(desk.advance(10).len(), ticks, "expected ticks as {policy:?} says");
        desk.balanced();
    }
}

#[test]
fn the_timers_of_a_life_end_with_it() {
    let mut desk = Desk::new();
    let log = desk.log.clone();
    let made = move || Scribe::new("a", &log);
    let a = desk.space.register_factory(Setup::new(), made).unwrap();
    desk.have(a, |_, ctx| arm_both(ctx));
    desk.have(a, |_, _| panic_quietly());
    assert_eq!(desk.kernel.counters().restarts, 1);
    assert_eq!(desk.next(), None, "expected no timer of the first life");
    desk.have(a, |_, ctx| {
        ctx.timer(Note(9)).after(nanos(5)).unwrap();
    });
    assert_eq!(desk.advance(100), ["a 9 at 100 due 5"], "expected the second life to have timers of its own");
    desk.balanced();
}

#[test]
fn a_timer_for_a_target_that_is_to_be_made_anew_waits_for_its_next_life() {
    for meanwhile in [Meanwhile::Wait, Meanwhile::Return] {
        let mut desk = Desk::new();
        let log = desk.log.clone();
        let restart = Restart::new().backoff(nanos(1000)..=nanos(1000), 1).meanwhile(meanwhile);
        let a = desk.space.register_factory(Setup::new().restart(restart), move || Scribe::new("a", &log)).unwrap();
        desk.have(a, |_, ctx| arm_both(ctx));
        let before = desk.space.timer(a, Note(3)).after(nanos(10)).unwrap();
        desk.have(a, |_, _| panic_quietly());
        assert!(!before.is_running(), "expected the timers of the first life to end at once");
        let once = desk.space.timer(a, Note(4)).after(nanos(10)).unwrap();
        let again = desk.space.timer(a, Note(5)).every(nanos(300)).unwrap();
        let cancelled = desk.space.timer(a, Note(6)).after(nanos(10)).unwrap();
        assert_eq!(desk.advance(999), [""; 0], "expected nobody to be there");
        assert_eq!(desk.next(), Some(1000), "expected nothing to do until the target is made anew");
        assert!(once.is_running() && again.is_running() && cancelled.cancel());
        assert_eq!(desk.advance(1), ["a 4 at 1000 due 10", "a 5 at 1000 due 900 +2"], "with {meanwhile:?}");
        again.cancel();
        desk.run();
        assert_eq!(desk.next(), None);
        desk.balanced();
    }
}

#[test]
fn a_tick_that_waits_for_a_target_that_goes_is_not_sent() {
    type End = fn(&mut rohrpost::Context<'_>);
    let ends: [End; 2] = [|ctx| ctx.stop(), |_| panic_quietly()];
    for factory in [false, true] {
        for end in ends {
            let mut desk = Desk::new();
            let log = desk.log.clone();
            let a = if factory {
                desk.space.register_factory(Setup::new(), move || Scribe::new("a", &log)).unwrap()
            } else {
                desk.space.register(Scribe::new("a", &log)).unwrap()
            };
            let b = desk.scribe("b");
            desk.have(a, |_, ctx| arm_both(ctx));
            desk.order(a, move |_, ctx| {
                ctx.notify(
                    b,
                    Do::new(move |_, ctx| {
                        (0..99).for_each(|_| ctx.notify(a, Do::new(|_, _| ())));
                        ctx.notify(a, Do::new(move |_, ctx| end(ctx)));
                    }),
                );
            });
            assert!(desk.worker.run_once());
            desk.pass(10);
            desk.run();
            let log: Vec<_> =
                desk.log.take().into_iter().filter(|line| line.starts_with("a ") && line != "a stopping").collect();
            assert_eq!(log, [""; 0], "expected no tick");
            assert_eq!(desk.next(), None, "expected nothing to be armed");
            let counters = desk.balanced();
            assert_eq!(counters.returned + counters.dead_letters, counters.panics, "expected no tick on its way");
        }
    }
}

#[test]
fn a_tick_whose_handler_panics_is_counted_and_its_target_goes() {
    let mut desk = Desk::new();
    let log = desk.log.clone();
    let a = desk.register(Scribe::with("a", &log, |_, _| panic_quietly()));
    desk.have(a, |_, ctx| arm_both(ctx));
    assert_eq!(desk.advance(3), ["a 2 at 3 due 3"]);
    assert_eq!(desk.advance(100), [""; 0]);
    let counters = desk.balanced();
    assert_eq!((counters.panics, counters.dead_letters, counters.deregistered), (1, 1, 1));
}

#[test]
fn what_a_timer_was_to_bring_is_dropped_with_it() {
    #[derive(Clone, Debug)]
    #[expect(dead_code, reason = "its weight counts, and that it is on the heap")]
    struct Heavy(Arc<()>, [u64; 8]);
    rohrpost::record!(Heavy, "timers.heavy");
    let weight = Arc::new(());
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    let (once, again, cancelled) = (weight.clone(), weight.clone(), weight.clone());
    desk.have(a, move |_, ctx| {
        ctx.timer(Heavy(once, [0; 8])).after(nanos(10)).unwrap();
        ctx.timer(Heavy(again, [0; 8])).every(nanos(10)).unwrap();
        let timer = ctx.timer(Heavy(cancelled, [0; 8])).every(nanos(10)).unwrap();
        ctx.cancel(timer);
    });
    assert_eq!(Arc::strong_count(&weight), 3, "expected the cancelled one to be dropped");
    desk.advance(25);
    assert_eq!(Arc::strong_count(&weight), 2, "expected the one that ticked to be dropped");
    desk.space.deregister(a).unwrap();
    desk.run();
    assert_eq!(Arc::strong_count(&weight), 1, "expected the last to go with its target");
}

#[test]
fn a_record_that_panics_in_its_drop_harms_nobody() {
    #[derive(Debug)]
    struct Grudge;
    impl Drop for Grudge {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic_quietly();
            }
        }
    }
    rohrpost::record!(Grudge, "timers.grudge", no_clone);
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    desk.have(a, |scribe, ctx| {
        let timer = ctx.timer(Grudge).after(nanos(10)).unwrap();
        assert!(ctx.cancel(timer));
        ctx.timer(Grudge).after(nanos(10)).unwrap();
        ctx.timer(Grudge).after(nanos(10)).unwrap();
        scribe.log.note("still there");
    });
    desk.space.deregister(a).unwrap();
    desk.run();
    assert_eq!(desk.advance(100), ["still there", "a stopping"]);
    assert_eq!(desk.balanced().panics, 3, "expected each to be counted");
}

#[test]
fn nothing_ticks_in_a_namespace_that_closes() {
    let mut desk = Desk::new();
    let log = desk.log.clone();
    let a = desk.register(Scribe::with("a", &log, |_, _| Outcome::Handled));
    desk.have(a, |_, ctx| arm_both(ctx));
    assert_eq!(desk.next(), Some(3));
    let _ = desk.space.close(Duration::ZERO);
    assert!(desk.worker.run_once(), "expected a turn in which the worker learns of it");
    assert_eq!(desk.next(), None, "expected no timer to wake the worker");
    assert_eq!(desk.advance(100), ["a stopping"], "expected no tick");
    desk.balanced();
}

#[test]
fn a_target_that_is_told_to_stop_cannot_arm_timers_when_its_namespace_closes() {
    struct Late(Log);
    impl rohrpost::Target for Late {
        fn receive(&mut self, _: &mut rohrpost::Message<'_>, _: &mut rohrpost::Context<'_>) -> Outcome {
            Outcome::Handled
        }
        fn stopping(&mut self, ctx: &mut rohrpost::Context<'_>) {
            let refused = ctx.timer(Note(1)).after(nanos(1)).unwrap_err();
            assert_eq!(refused, TimerError::Stopped);
            self.0.note(refused.to_string());
        }
    }
    let desk = Desk::new();
    desk.space.register(Late(desk.log.clone())).unwrap();
    let (log, mut worker) = (desk.log, desk.worker);
    worker.run_until_idle();
    drop(worker);
    assert_eq!(log.take().len(), 1, "expected to be told why");
}
