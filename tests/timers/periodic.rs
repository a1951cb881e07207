//! Timers that tick again and again: they do not drift, do not pile up, and say what was missed.

use rohrpost::{Code, Outcome, Record, RecordType};

use crate::desk::{Desk, Note, Scribe, nanos};

#[test]
fn tick_k_is_due_k_periods_after_the_start() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    desk.pass(11);
    desk.have(a, |_, ctx| {
        ctx.timer(Note(1)).every(nanos(7)).unwrap();
    });
    for k in 1..=1000 {
        let due = 11 + 7 * k;
        assert_eq!(desk.next(), Some(due));
        let now = desk.kernel.now().as_nanos();
        // Sometimes late, but never by a period.
        let late = [0, 3, 6, 1][k as usize % 4];
        let expected = format!("a 1 at {} due {due}", due + late);
        assert_eq!(desk.advance(due + late - now), [expected], "expected tick {k} in its time");
    }
    assert_eq!(desk.balanced().handled, 1001);
}

#[test]
fn ticks_that_come_too_late_are_one_that_says_how_many() {
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    desk.have(a, |_, ctx| {
        ctx.timer(Note(1)).every(nanos(10)).unwrap();
    });
    assert_eq!(desk.advance(10), ["a 1 at 10 due 10"]);
    assert_eq!(desk.advance(34), ["a 1 at 44 due 40 +2"], "expected 20 and 30 to be missed");
    assert_eq!(desk.advance(6), ["a 1 at 50 due 50"], "expected the next one in its time");
    assert_eq!(desk.advance(1_000_000_000), ["a 1 at 1000000050 due 1000000050 +99999999"]);
    assert_eq!(desk.next(), Some(1_000_000_060));
}

#[test]
fn a_handler_can_end_its_own_timer_and_arm_others() {
    let mut desk = Desk::new();
    let log = desk.log.clone();
    let mut left = 3;
    let a = desk.register(Scribe::with("a", &log, move |_, ctx| {
        let Some(tick) = ctx.tick() else { return Outcome::Handled };
        assert!(ctx.is_running(tick.timer()), "expected a periodic timer to run during its tick");
        left -= 1;
        if left == 0 {
            assert!(ctx.cancel(tick.timer()) && !ctx.is_running(tick.timer()));
            ctx.timer(Note(2)).after(nanos(1)).unwrap();
        }
        Outcome::Handled
    }));
    desk.have(a, |_, ctx| {
        ctx.timer(Note(1)).every(nanos(10)).unwrap();
    });
    for due in [10, 20, 30] {
        assert_eq!(desk.advance(10), [format!("a 1 at {due} due {due}")]);
    }
    assert_eq!(desk.advance(1), ["a 2 at 31 due 31"]);
    assert_eq!(desk.advance(1000), [""; 0], "expected nothing to be left");
}

#[test]
fn a_timer_that_ticks_once_has_ended_in_its_tick() {
    let mut desk = Desk::new();
    let log = desk.log.clone();
    let a = desk.register(Scribe::with("a", &log, move |_, ctx| {
        let timer = ctx.tick().unwrap().timer();
        assert!(!ctx.is_running(timer) && !ctx.retrigger(timer) && !ctx.cancel(timer), "expected it to have ended");
        Outcome::Handled
    }));
    desk.have(a, |_, ctx| {
        ctx.timer(Note(1)).after(nanos(10)).unwrap();
    });
    assert_eq!(desk.advance(10), ["a 1 at 10 due 10"]);
    assert_eq!(desk.balanced().panics, 0);
}

#[test]
fn a_tick_that_panics_in_its_clone_is_missed_and_the_timer_goes_on() {
    #[derive(Debug)]
    struct Brittle(std::sync::Arc<std::sync::atomic::AtomicU32>);
    impl Clone for Brittle {
        fn clone(&self) -> Self {
            let turn = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            if turn % 3 != 2 {
                std::panic::resume_unwind(Box::new("no copy today"));
            }
            Self(self.0.clone())
        }
    }
    impl Record for Brittle {
        type Answer = ();
        const NAME: &'static str = "timers.brittle";
        const TYPE: &'static RecordType = &RecordType::of::<Self>();
    }
    let mut desk = Desk::new();
    let a = desk.scribe("a");
    desk.have(a, |_, ctx| {
        ctx.timer(Brittle(Default::default())).every(nanos(10)).unwrap();
    });
    assert_eq!(desk.advance(10), [""; 0]);
    assert_eq!(desk.advance(10), [""; 0]);
    assert_eq!(desk.advance(10), ["a 0 at 30 due 30 +2"], "expected the two before to be missed");
    assert_eq!(desk.balanced().panics, 2);
}

#[test]
fn every_tick_that_comes_back_comes_back_once() {
    let mut desk = Desk::new();
    let log = desk.log.clone();
    let a = desk.register(Scribe::with("a", &log, |message, _| {
        message.set_code(Code::REJECTED);
        Outcome::Handled
    }));
    desk.have(a, |_, ctx| {
        ctx.timer(Note(1)).every(nanos(10)).unwrap();
    });
    for due in [10, 20] {
        assert_eq!(desk.advance(10), [format!("a 1 at {due} due {due}"), "a back 1 REJECTED".to_owned()]);
    }
    let counters = desk.balanced();
    assert_eq!((counters.returned, counters.dead_letters), (2, 0));
}
