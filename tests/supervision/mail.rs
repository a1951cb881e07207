//! What becomes of mail for a target that is to come back.

use std::time::Duration;

use rohrpost::{Address, Code, Context, Failure, Handle, Meanwhile, Restart, Setup, handles};

use crate::world::{Ask, Beside, Errand, Fail, FailAfter, File, INSTANT, Life, SECOND, Told, Ward};

fn waiting() -> Restart {
    Restart::new().backoff(SECOND..=SECOND, 1).limit(5, SECOND * 3600)
}

fn returning() -> Restart {
    waiting().meanwhile(Meanwhile::Return)
}

#[test]
fn mail_that_was_sent_meanwhile_waits_and_is_delivered_in_order() {
    for beside in Beside::BOTH {
        let mut ward = Ward::beside(beside, waiting());
        ward.fail();
        for number in 0..4 {
            ward.probe.request(ward.patient, Ask(number));
        }
        ward.test.run_until_idle().unwrap();
        ward.probe.expect_nothing();
        ward.advance(SECOND);
        assert_eq!(ward.probe.expect::<Told>(), Told("started", 2), "expected it to start first");
        for _ in 0..4 {
            assert_eq!(ward.probe.expect_answer::<Life>(), Life(2), "{beside:?}");
        }
        assert_eq!(ward.file.asked.all(), [0, 1, 2, 3], "expected the order in which it was sent, {beside:?}");
        ward.probe.expect_nothing();
        ward.counters();
    }
}

#[test]
fn mail_that_waited_since_before_the_panic_stays_in_front() {
    for policy in [waiting(), returning()] {
        let mut ward = Ward::beside(Beside::OnTheSameThread, policy);
        let patient = ward.patient;
        // The probe is on the stack while the patient is told to fail and asked, so all but the first waits for it.
        let itself = ward.probed;
        ward.probe.reply_with(|_: &Ask| Ok(Life(0)));
        ward.probe.act(move |ctx| {
            let _ = ctx.request(patient, Fail);
            for number in 1..4 {
                let _ = ctx.request(patient, Ask(number));
            }
            ctx.notify(itself, Ask(0));
        });
        ward.test.run_until_idle().unwrap();
        assert_eq!(ward.probe.expect_returned::<Fail>(), Code::EXCEPTION);
        if policy == waiting() {
            ward.advance(SECOND);
            assert_eq!(ward.file.asked.all(), [1, 2, 3]);
            (0..3).for_each(|_| assert_eq!(ward.probe.expect_answer::<Life>(), Life(2)));
        } else {
            (0..3).for_each(|_| assert_eq!(ward.probe.expect_returned::<Ask>(), Code::RESTARTING));
        }
        ward.counters();
    }
}

/// Sends one question for each errand.
struct Errands(Address);
impl Handle<Errand> for Errands {
    fn handle(&mut self, errand: &Errand, ctx: &mut Context<'_>) -> Result<(), Failure> {
        ctx.notify(self.0, Ask(errand.0));
        Ok(())
    }
}
handles!(Errands: Errand);

#[test]
fn mail_that_is_sent_before_older_mail_could_be_looked_at_stays_behind_it() {
    let mut ward = Ward::beside(Beside::OnTheSameThread, waiting());
    let patient = ward.patient;
    let errands = ward.app.register(Errands(patient)).unwrap();
    ward.test.run_until_idle().unwrap();
    ward.probe.act(move |ctx| {
        // The first question is asked while the patient is on the stack, the second when it has just panicked.
        let _ = ctx.request(patient, FailAfter(errands, Errand(1)));
        ctx.notify(errands, Errand(2));
    });
    ward.test.run_until_idle().unwrap();
    assert_eq!(ward.probe.expect_returned::<FailAfter>(), Code::EXCEPTION);
    ward.probe.notify(errands, Errand(3));
    ward.advance(SECOND);
    assert_eq!(ward.file.asked.all(), [1, 2, 3], "expected the order of one sender to be kept");
}

#[test]
fn mail_that_cannot_wait_comes_back_with_its_own_code() {
    for beside in Beside::BOTH {
        let mut ward = Ward::beside(beside, returning());
        ward.fail();
        ward.probe.request(ward.patient, Ask(1));
        ward.probe.notify(ward.patient, Ask(2));
        ward.test.run_until_idle().unwrap();
        assert_eq!(ward.probe.expect_returned::<Ask>(), Code::RESTARTING, "{beside:?}");
        assert_eq!(ward.probe.expect_returned::<Ask>(), Code::RESTARTING, "{beside:?}");
        let mut failure = ward.test.ask(ward.patient, Ask(3)).expect_err("expected nobody there");
        assert_eq!(failure.code(), Code::RESTARTING);
        assert_eq!(failure.take_record::<Ask>(), Some(Ask(3)), "expected the record with it");
        ward.advance(SECOND);
        assert_eq!(ward.test.ask(ward.patient, Ask(4)).unwrap(), Life(2), "expected it to be there again");
        assert_eq!(ward.file.asked.all(), [4]);
        ward.counters();
    }
}

#[test]
fn a_call_cannot_wait() {
    for (policy, code) in [(waiting(), Code::WOULD_BLOCK), (returning(), Code::RESTARTING)] {
        let mut ward = Ward::beside(Beside::OnTheSameThread, policy);
        ward.fail();
        let patient = ward.patient;
        ward.probe.act(move |ctx| {
            let failure = ctx.call(patient, Ask(1)).unwrap_err();
            assert_eq!(failure.code(), code);
        });
        ward.test.run_until_idle().unwrap();
        assert_eq!(ward.counters().panics, 1, "expected {code}");
    }
}

#[test]
fn mail_that_waits_for_it_is_bounded_like_other_mail_that_waits() {
    let mut ward = Ward::new(waiting());
    ward.fail();
    for number in 0..10 {
        ward.probe.request(ward.patient, Ask(number));
    }
    ward.test.run_until_idle().unwrap();
    // The bound is eight.
    assert_eq!(ward.probe.expect_returned::<Ask>(), Code::BUSY);
    assert_eq!(ward.probe.expect_returned::<Ask>(), Code::BUSY);
    ward.probe.expect_nothing();
    ward.advance(SECOND);
    assert_eq!(ward.file.asked.all(), (0..8).collect::<Vec<_>>());
    // All of the room is free again.
    ward.fail();
    for number in 10..18 {
        ward.probe.request(ward.patient, Ask(number));
    }
    ward.advance(SECOND);
    assert_eq!(ward.file.asked.all().len(), 16);
    ward.counters();
}

#[test]
fn mail_that_waited_comes_back_when_it_is_given_up() {
    for beside in Beside::BOTH {
        let mut ward = Ward::beside(beside, waiting().limit(1, SECOND * 3600));
        ward.fail();
        ward.file.bad_factory.store(1, std::sync::atomic::Ordering::SeqCst);
        ward.probe.request(ward.patient, Ask(1));
        ward.probe.notify(ward.patient, Ask(2));
        ward.advance(SECOND);
        assert_eq!(ward.probe.expect_returned::<Ask>(), Code::STOPPED, "{beside:?}");
        assert_eq!(ward.probe.expect_returned::<Ask>(), Code::STOPPED, "{beside:?}");
        ward.probe.expect_nothing();
        assert_eq!(ward.counters().deregistered, 1);
        // The room that its mail took is free again: the bound is eight.
        let setup = Setup::new().restart(waiting());
        let next = ward.app.register_factory(setup, File::default().factory(None)).unwrap();
        assert!(ward.test.ask(next, Fail).is_err());
        (0..8).for_each(|number| ward.probe.request(next, Ask(number)));
        ward.test.run_until_idle().unwrap();
        ward.probe.expect_nothing();
    }
}

#[test]
fn mail_that_waited_comes_back_when_the_namespace_closes() {
    for beside in Beside::BOTH {
        let mut ward = Ward::beside(beside, waiting());
        ward.fail();
        ward.probe.request(ward.patient, Ask(1));
        ward.probe.notify(ward.patient, Ask(2));
        ward.test.run_until_idle().unwrap();
        assert!(ward.app.close(SECOND).is_complete());
        assert_eq!(ward.probe.expect_returned::<Ask>(), Code::STOPPED, "{beside:?}");
        assert_eq!(ward.probe.expect_returned::<Ask>(), Code::STOPPED, "{beside:?}");
        assert_eq!(ward.test.next_deadline(), None);
        let counters = ward.counters();
        assert_eq!((counters.registered, counters.deregistered, counters.dead_letters), (2, 2, 0), "{counters:?}");
    }
}

#[test]
fn mail_that_waited_comes_back_when_it_is_deregistered() {
    let mut ward = Ward::new(waiting());
    ward.fail();
    ward.probe.request(ward.patient, Ask(1));
    ward.test.run_until_idle().unwrap();
    ward.app.deregister(ward.patient).unwrap();
    ward.test.run_until_idle().unwrap();
    assert_eq!(ward.probe.expect_returned::<Ask>(), Code::STOPPED);
    ward.counters();
}

#[test]
fn mail_that_expires_meanwhile_is_not_handled() {
    for beside in Beside::BOTH {
        let mut ward = Ward::beside(beside, waiting());
        ward.fail();
        let patient = ward.patient;
        ward.probe.act(move |ctx| {
            drop(ctx.within(Duration::from_millis(500)).request(patient, Ask(1)));
            ctx.within(SECOND).notify(patient, Ask(2));
            drop(ctx.within(SECOND + INSTANT).request(patient, Ask(3)));
        });
        ward.advance(Duration::from_millis(500));
        assert_eq!(ward.probe.expect_returned::<Ask>(), Code::EXPIRED, "expected it at its deadline, {beside:?}");
        ward.probe.expect_nothing();
        ward.advance(Duration::from_millis(500));
        assert_eq!(ward.file.asked.all(), [3], "expected only what had time left, {beside:?}");
        assert_eq!(ward.probe.expect_answer::<Life>(), Life(2));
        ward.counters();
    }
}

#[test]
fn answers_to_an_earlier_life_are_dead_letters() {
    for beside in Beside::BOTH {
        let mut ward = Ward::beside(beside, waiting());
        // What it told when it started came back from nobody; now it asks the probe, and panics before the answer.
        ward.probe.hold::<Told>();
        ward.fail();
        ward.advance(SECOND);
        let told = ward.probe.take_held::<Told>().unwrap();
        ward.fail();
        told.fail(Code::DENIED.into());
        ward.test.run_until_idle().unwrap();
        let counters = ward.counters();
        assert_eq!(counters.dead_letters, 1, "expected the return to find nobody, {beside:?}: {counters:?}");
        ward.advance(SECOND);
        drop(ward.probe.take_held::<Told>());
        ward.test.run_until_idle().unwrap();
        let counters = ward.counters();
        assert_eq!((counters.dead_letters, counters.returned), (1, 3), "expected the next life not to get it");
    }
}

#[test]
fn others_on_the_thread_go_on_meanwhile() {
    let mut ward = Ward::beside(Beside::OnTheSameThread, waiting());
    ward.fail();
    ward.probe.request(ward.patient, Ask(1));
    ward.test.run_until_idle().unwrap();
    for number in 0..100 {
        ward.test.kernel().notify(ward.probed, Told("hello", number)).unwrap();
        ward.test.run_until_idle().unwrap();
        assert_eq!(ward.probe.expect::<Told>(), Told("hello", number));
    }
    assert_eq!(ward.test.run_until_idle(), Ok(0), "expected mail that waits for it not to keep the worker awake");
}
