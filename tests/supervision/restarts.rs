//! When a target comes back, and when it does not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rohrpost::{Code, Meanwhile, OnPanic, Restart, Setup, Time};

use crate::world::{Ask, Beside, Fail, File, INSTANT, Life, SECOND, Told, Ward};

fn doubling() -> Restart {
    Restart::new().backoff(SECOND..=SECOND * 60, 2).limit(100, SECOND * 3600)
}

#[test]
fn a_target_comes_back_after_the_delay_to_the_nanosecond_under_its_address_and_name() {
    for beside in Beside::BOTH {
        let mut ward = Ward::beside(beside, doubling());
        let before = ward.app.resolve("patient").unwrap();
        ward.fail();
        assert_eq!(ward.test.next_deadline(), Some(Time::START.after(SECOND)));
        ward.advance(SECOND - INSTANT);
        ward.probe.expect_nothing();
        assert_eq!(ward.file.lives(), 1, "expected no other life yet");
        ward.advance(INSTANT);
        assert_eq!(ward.probe.expect::<Told>(), Told("started", 2));
        ward.probe.expect_nothing();
        assert_eq!(ward.test.ask(ward.patient, Ask(1)).unwrap(), Life(2));
        assert_eq!(ward.app.resolve("patient").unwrap(), before, "expected the generated id to be kept, too");
        assert_eq!(ward.test.next_deadline(), None, "expected nobody to watch the clock any more");
        let counters = ward.counters();
        assert_eq!((counters.restarts, counters.deregistered, counters.panics), (1, 0, 1), "{counters:?}");
    }
}

#[test]
fn each_delay_is_longer_than_the_last_up_to_the_most() {
    let mut ward = Ward::new(Restart::new().backoff(SECOND..=SECOND * 5, 2).limit(100, SECOND * 3600));
    for (life, seconds) in [(2, 1), (3, 2), (4, 4), (5, 5), (6, 5)] {
        ward.fail();
        ward.advance(SECOND * seconds - INSTANT);
        ward.probe.expect_nothing();
        ward.advance(INSTANT);
        assert_eq!(ward.probe.expect::<Told>(), Told("started", life), "expected it after {seconds} s");
    }
}

#[test]
fn a_long_life_begins_with_the_first_delay_again() {
    let mut ward = Ward::new(Restart::new().backoff(SECOND..=SECOND * 60, 10).limit(3, SECOND * 100));
    for seconds in [1, 10] {
        ward.fail();
        ward.advance(SECOND * seconds);
    }
    ward.advance(SECOND * 100);
    ward.fail();
    ward.advance(SECOND);
    assert_eq!(ward.file.lives(), 4, "expected it back after one second: {:?}", ward.probe.mail());
}

#[test]
fn past_the_limit_it_is_deregistered() {
    let mut ward = Ward::new(Restart::new().backoff(SECOND..=SECOND, 1).limit(2, SECOND * 10));
    for _ in 0..2 {
        ward.fail();
        ward.advance(SECOND);
    }
    assert_eq!(ward.file.lives(), 3);
    ward.fail();
    assert_eq!(ward.test.next_deadline(), None, "expected nobody to come back");
    let failure = ward.test.ask(ward.patient, Ask(1)).expect_err("expected nobody there");
    assert_eq!(failure.code(), Code::NO_TARGET);
    assert!(ward.app.resolve("patient").is_err(), "expected the name to be free");
    let counters = ward.counters();
    assert_eq!((counters.restarts, counters.deregistered), (2, 1), "{counters:?}");
    assert!(!ward.probe.mail().iter().any(|line| line.contains("stopping")), "expected nobody to be told to stop");
    // The name can be given again.
    let setup = Setup::new().name("patient");
    assert!(ward.app.register_factory(setup, File::default().factory(None)).is_ok());
}

#[test]
fn failures_that_have_left_the_window_do_not_count() {
    let mut ward = Ward::new(Restart::new().backoff(SECOND..=SECOND, 1).limit(1, SECOND * 10));
    for _ in 0..5 {
        ward.fail();
        ward.advance(SECOND * 10);
    }
    assert_eq!(ward.file.lives(), 6, "expected a restart every ten seconds");
    ward.fail();
    ward.advance(SECOND * 10 - INSTANT);
    ward.fail();
    assert_eq!(ward.test.ask(ward.patient, Ask(1)).map_err(|failure| failure.code()), Err(Code::NO_TARGET));
}

#[test]
fn a_factory_that_panics_is_a_failure_like_another() {
    let mut ward = Ward::new(doubling().limit(4, SECOND * 3600));
    ward.file.bad_factory.store(2, Ordering::SeqCst);
    ward.fail();
    ward.advance(SECOND);
    assert_eq!((ward.file.lives(), ward.counters().panics), (1, 2), "expected the factory to have panicked");
    ward.advance(SECOND * 2);
    assert_eq!((ward.file.lives(), ward.counters().panics), (1, 3), "expected it to have panicked again");
    ward.advance(SECOND * 4);
    assert_eq!(ward.probe.expect::<Told>(), Told("started", 2));
    // Four failures in all are allowed, and this is the fourth.
    ward.file.bad_factory.store(1, Ordering::SeqCst);
    ward.fail();
    ward.advance(SECOND * 8);
    assert_eq!(ward.test.ask(ward.patient, Ask(1)).map_err(|failure| failure.code()), Err(Code::NO_TARGET));
    assert_eq!(ward.counters().deregistered, 1);
}

#[test]
fn without_a_delay_of_its_own_a_factory_that_panics_has_the_target_deregistered() {
    let mut ward = Ward::new(doubling());
    let file = File::default();
    let plain = ward.app.register_factory(Setup::new(), file.factory(None)).unwrap();
    ward.test.run_until_idle().unwrap();
    file.bad_factory.store(1, Ordering::SeqCst);
    assert!(ward.test.ask(plain, Fail).is_err());
    assert_eq!(ward.test.ask(plain, Ask(1)).map_err(|failure| failure.code()), Err(Code::NO_TARGET));
}

#[test]
fn a_panic_in_started_is_a_failure_like_another() {
    let mut ward = Ward::new(doubling().limit(3, SECOND * 3600));
    ward.file.bad_start.store(1, Ordering::SeqCst);
    ward.fail();
    ward.advance(SECOND);
    assert_eq!(ward.file.lives(), 2, "expected a life that did not start");
    ward.probe.expect_nothing();
    ward.advance(SECOND * 2);
    assert_eq!(ward.probe.expect::<Told>(), Told("started", 3));
}

#[test]
fn without_any_delay_it_comes_back_at_once_until_the_limit() {
    let none = Restart::new().backoff(Duration::ZERO..=Duration::ZERO, 1);
    let mut ward = Ward::new(none.limit(5, SECOND));
    ward.fail();
    assert_eq!(ward.probe.expect::<Told>(), Told("started", 2));
    ward.file.bad_start.store(100, Ordering::SeqCst);
    ward.fail();
    assert_eq!(ward.file.lives(), 6, "expected four more lives, and no end to be without an end");
    assert_eq!(ward.test.ask(ward.patient, Ask(1)).map_err(|failure| failure.code()), Err(Code::NO_TARGET));
    // The factory counts as well.
    let mut ward = Ward::new(none.limit(5, SECOND));
    ward.file.bad_factory.store(100, Ordering::SeqCst);
    ward.fail();
    assert_eq!(ward.counters().panics, 6, "expected one panic of the target and five of the factory");
    assert_eq!(ward.counters().deregistered, 1);
}

#[test]
fn a_clock_at_its_end_harms_nobody() {
    let mut ward = Ward::new(doubling());
    ward.fail();
    ward.advance(Duration::MAX);
    assert_eq!((ward.test.now(), ward.file.lives()), (Time::NEVER, 2), "expected it to have come back on the way");
    ward.fail();
    assert_eq!((ward.test.next_deadline(), ward.file.lives()), (None, 2), "expected no moment to be left for it");
}

#[test]
fn a_factory_that_panics_without_delay_and_limit_starves_nobody() {
    let none = Restart::new().backoff(Duration::ZERO..=Duration::ZERO, 1).limit(usize::MAX, SECOND);
    for bad_start in [false, true] {
        let mut ward = Ward::beside(Beside::OnTheSameThread, none);
        let bad = if bad_start { &ward.file.bad_start } else { &ward.file.bad_factory };
        bad.store(usize::MAX, Ordering::SeqCst);
        assert!(ward.test.ask(ward.patient, Fail).is_err());
        ward.test.set_bound(1000);
        assert!(ward.test.run_until_idle().is_err(), "expected it to try for ever");
        for number in 0..10 {
            ward.test.ask(ward.probed, Told("hello", number)).unwrap();
            assert_eq!(ward.probe.expect::<Told>(), Told("hello", number), "expected others to be served");
        }
        assert!(ward.app.close(SECOND).is_complete(), "expected it to be no hindrance to the end");
        ward.counters();
    }
}

#[test]
fn a_delay_without_end_keeps_it_away_and_deregistering_ends_that() {
    let mut ward = Ward::new(Restart::new().backoff(Duration::MAX..=Duration::MAX, 1));
    ward.fail();
    assert_eq!(ward.test.next_deadline(), None, "expected nobody to wait for a moment that does not come");
    ward.advance(SECOND * 1_000_000);
    assert_eq!(ward.file.lives(), 1);
    ward.app.deregister(ward.patient).unwrap();
    ward.test.run_until_idle().unwrap();
    assert_eq!(ward.test.ask(ward.patient, Ask(1)).map_err(|failure| failure.code()), Err(Code::NO_TARGET));
    assert_eq!(ward.counters().deregistered, 1);
}

#[test]
fn deregistering_a_target_that_is_away_ends_its_recovery() {
    let mut ward = Ward::new(doubling());
    ward.fail();
    ward.probe.act({
        let patient = ward.patient;
        move |ctx| ctx.deregister(patient).unwrap()
    });
    ward.test.run_until_idle().unwrap();
    assert_eq!(ward.test.next_deadline(), None, "expected nobody to come back");
    ward.advance(SECOND * 10);
    assert_eq!(ward.file.lives(), 1);
    ward.probe.expect_nothing();
    assert!(ward.app.resolve("patient").is_err(), "expected the name to be free");
}

#[test]
fn a_target_without_a_factory_is_deregistered() {
    let mut ward = Ward::new(doubling());
    let setup = Setup::new().restart(doubling().meanwhile(Meanwhile::Return));
    let plain = ward.app.register_with(setup, File::default().factory(None)()).unwrap();
    assert!(ward.test.ask(plain, Fail).is_err());
    assert_eq!(ward.test.ask(plain, Ask(1)).map_err(|failure| failure.code()), Err(Code::NO_TARGET));
}

#[test]
fn the_policy_that_was_set_last_counts() {
    let mut ward = Ward::new(doubling());
    let setup = Setup::new().restart(doubling()).on_panic(OnPanic::Keep);
    let file = File::default();
    let kept = ward.app.register_factory(setup, file.factory(None)).unwrap();
    assert!(ward.test.ask(kept, Fail).is_err());
    assert_eq!(ward.test.ask(kept, Ask(1)).unwrap(), Life(1), "expected it to be kept");
}
