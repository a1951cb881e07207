//! What is told of each thing that ends badly, and that nothing else is.

use std::pin::pin;
use std::task::{Context as Task, Waker};
use std::time::Duration;

use rohrpost::testing::Probe;
use rohrpost::{Address, Code, Failure, HeldMessage, Inlet, Message, NodeId, Port, Restart, Setup};
use tracing::Level;

use crate::listener::{Listener, Told};
use crate::office::{Bomb, Clerk, Deed, Glass, Office, Riddle, Weakness, factory, panic_quietly};

const SECOND: Duration = Duration::from_secs(1);

fn office() -> Office {
    Office::new(Listener::default())
}

#[track_caller]
fn assert_told(told: &Told, level: Level, target: &str, fields: &[(&str, &str)]) {
    let there: Vec<(&str, &str)> = told.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut expected = fields.to_vec();
    expected.sort_unstable();
    assert_eq!((told.level, told.target.as_str()), (level, target), "expected another event than {told:#?}");
    let there: Vec<_> = there.into_iter().filter(|(name, _)| *name != "message").collect();
    assert_eq!(there, expected, "expected these fields in {told:#?}");
}

#[test]
fn mail_that_is_handled_makes_no_event() {
    let mut office = office();
    let (near, far) = (office.near, office.far);
    office.act(move |ctx| {
        for to in [near, far] {
            ctx.notify(to, Deed::Well);
            let _ = ctx.request(to, Deed::Well);
        }
        ctx.call(near, Deed::Well).unwrap();
    });
    let Office { test, listener, .. } = &mut office;
    listener.during(|| test.ask(far, Deed::Well)).unwrap();
    office.listener.expect_nothing();
}

#[test]
fn a_return_says_code_sender_receiver_record_and_text() {
    let mut office = office();
    let (near, far) = (office.near, office.far);
    let probed = office.probed.to_string();
    for to in [near, far] {
        office.act(move |ctx| ctx.notify(to, Deed::Badly));
        let (told, to) = (office.listener.take_one(), to.to_string());
        let fields = [("code", "1007"), ("sender", &probed), ("receiver", &to), ("record", "office.deed")];
        assert_told(&told, Level::DEBUG, "return", &[&fields[..], &[("text", "not today")]].concat());

        let to: Address = to.parse().unwrap();
        office.act(move |ctx| drop(ctx.request(to, Riddle)));
        let (told, to) = (office.listener.take_one(), to.to_string());
        let fields = [("code", "NOT_HANDLED"), ("sender", &probed), ("receiver", &to), ("record", "office.riddle")];
        assert_told(&told, Level::DEBUG, "return", &fields);
    }
}

#[test]
fn each_way_back_is_one_event_with_its_code() {
    let mut office = office();
    let (probed, near, far) = (office.probed, office.near, office.far);
    let nobody: Address = "nobody..".parse().unwrap();
    let elsewhere: Address = "1.2.moon".parse().unwrap();
    let holder = Probe::new("holder");
    holder.hold::<Riddle>();
    let held = office.app.register_on(1, holder.clone()).unwrap();

    office.act(move |ctx| ctx.notify(nobody, Riddle));
    assert_eq!(office.listener.take_one().short(), ("return", "NO_TARGET"));
    office.act(move |ctx| drop(ctx.request(elsewhere, Riddle)));
    assert_eq!(office.listener.take_one().short(), ("return", "NO_NODE"));
    office.act(move |ctx| drop(ctx.call(near, Deed::Badly)));
    assert_eq!(office.listener.take_one().short(), ("return", "1007"));
    office.act(move |ctx| drop(ctx.call(far, Deed::Well)));
    assert_eq!(office.listener.take_one().short(), ("return", "WOULD_BLOCK"));
    office.act(move |ctx| drop(ctx.call(probed, Riddle)));
    assert_eq!(office.listener.take_one().short(), ("return", "WOULD_DEADLOCK"));
    // Four may wait.
    office.act(move |ctx| (0..5).for_each(|_| ctx.notify(probed, Deed::Well)));
    assert_eq!(office.listener.take_one().short(), ("return", "BUSY"));
    office.act(move |ctx| drop(ctx.request(held, Riddle)));
    office.listener.during(|| drop(holder.take_held::<Riddle>()));
    office.listener.expect_nothing();
    office.run();
    assert_eq!(office.listener.take_one().short(), ("return", "NOT_HANDLED"));
    office.act(move |ctx| drop(ctx.request(held, Riddle)));
    office.app.deregister(held).unwrap();
    office.run();
    assert_eq!(office.listener.take_one().short(), ("return", "STOPPED"));
    assert!(office.test.kernel().counters().is_balanced());
}

#[test]
fn a_requester_that_is_told_expired_is_an_event_and_so_is_the_message_that_comes_later() {
    let mut office = office();
    let silent = Probe::new("silent");
    silent.hold::<Riddle>();
    let to = office.app.register_on(1, silent.clone()).unwrap();
    office.act(move |ctx| drop(ctx.within(SECOND).request(to, Riddle)));
    office.listener.expect_nothing();
    let Office { test, listener, .. } = &mut office;
    listener.during(|| test.advance(SECOND).unwrap());
    let told = office.listener.take_one();
    assert_eq!((told.short(), told.field("record")), (("return", "EXPIRED"), "office.riddle"));
    assert_eq!((told.field("sender"), told.field("receiver")), (&*office.probed.to_string(), &*to.to_string()));
    drop(silent.take_held::<Riddle>());
    office.run();
    assert_eq!(office.listener.take_one().short(), ("return", "NOT_HANDLED"));
}

#[test]
fn a_question_that_fails_is_told_on_the_thread_that_asked() {
    let mut office = office();
    let near = office.near;
    let Office { test, listener, .. } = &mut office;
    let failure = listener.during(|| test.ask(near, Deed::Badly)).unwrap_err();
    let told = listener.take_one();
    assert_eq!((told.short(), failure.code().to_string().as_str()), (("return", "1007"), "1007"));
    assert_eq!((told.field("sender"), told.field("text")), ("", "not today"));

    // Not polled any more after its answer has come.
    let kernel = test.kernel().clone();
    {
        let mut question = pin!(kernel.ask(near, Deed::Badly));
        assert!(question.as_mut().poll(&mut Task::from_waker(Waker::noop())).is_pending());
        listener.during(|| test.run_until_idle().unwrap());
        listener.expect_nothing();
        assert!(listener.during(|| question.as_mut().poll(&mut Task::from_waker(Waker::noop()))).is_ready());
        assert_eq!(listener.take_one().short(), ("return", "1007"));
    }
    let mut question = Box::pin(kernel.ask(near, Deed::Badly));
    assert!(question.as_mut().poll(&mut Task::from_waker(Waker::noop())).is_pending());
    listener.during(|| test.run_until_idle().unwrap());
    listener.during(|| drop(question));
    assert_eq!(listener.take_one().short(), ("return", "1007"));
    // Refused at once: it was never sent, and is the caller's error.
    let refused = listener.during(|| kernel.ask("nobody.office.".parse().unwrap(), Riddle).wait());
    assert_eq!(refused.unwrap_err().code(), Code::NO_TARGET);
    listener.expect_nothing();
}

#[test]
fn a_dead_letter_is_one_event() {
    let mut office = office();
    let (near, far) = (office.near, office.far);
    let kernel = office.test.kernel().clone();
    // It has no sender.
    kernel.notify(near, Deed::Badly).unwrap();
    office.run();
    let (told, to) = (office.listener.take_one(), near.to_string());
    let fields = [("code", "1007"), ("receiver", &*to), ("record", "office.deed"), ("text", "not today")];
    assert_told(&told, Level::WARN, "dead_letter", &fields);
    // Its sender is gone: on the same thread, and on another.
    for to in [near, far] {
        let sender = Probe::new("sender");
        let address = office.app.register(sender.clone()).unwrap();
        office.run();
        sender.act(move |ctx| {
            ctx.notify(to, Deed::Badly);
            ctx.deregister(ctx.address()).unwrap();
        });
        office.run();
        let told = office.listener.take_one();
        assert_eq!((told.short(), told.field("sender")), (("dead_letter", "1007"), &*address.to_string()));
    }
    // Whoever asked has stopped waiting.
    let holder = Probe::new("holder");
    holder.hold::<Riddle>();
    let held = office.app.register(holder.clone()).unwrap();
    let Office { test, listener, .. } = &mut office;
    let failure = listener.during(|| test.ask(held, Riddle)).unwrap_err();
    assert_eq!(failure.code(), Code::WOULD_BLOCK, "expected no answer");
    listener.expect_nothing();
    listener.during(|| drop(holder.take_held::<Riddle>()));
    assert_eq!(listener.take_one().short(), ("dead_letter", "NOT_HANDLED"));
    assert!(kernel.counters().is_balanced());
}

#[test]
fn a_late_answer_is_no_event() {
    let mut office = office();
    let holder = Probe::new("holder");
    holder.hold::<Riddle>();
    let held = office.app.register(holder.clone()).unwrap();
    let Office { test, listener, .. } = &mut office;
    listener.during(|| {
        test.ask(held, Riddle).unwrap_err();
        holder.take_held::<Riddle>().unwrap().answer(());
    });
    listener.expect_nothing();
    assert_eq!(test.kernel().counters().late_answers, 1);
}

#[test]
fn a_panic_says_whose_it_was_and_its_text() {
    let mut office = office();
    let far = office.far;
    office.act(move |ctx| ctx.notify(far, Deed::Panic("too much")));
    let all = office.listener.take();
    let shorts: Vec<_> = all.iter().map(Told::short).collect();
    assert_eq!(shorts, [("panic", "too much"), ("restart", ""), ("return", "EXCEPTION")]);
    let far = far.to_string();
    assert_told(&all[0], Level::WARN, "panic", &[("address", &far), ("text", "too much")]);
    assert_told(&all[1], Level::INFO, "restart", &[("address", &far)]);
    assert_eq!((all[2].level, all[2].field("text")), (Level::DEBUG, "too much"));
}

#[test]
fn a_panic_anywhere_in_a_target_is_told() {
    let mut office = office();
    for (weakness, text) in [Weakness::AtTheStart, Weakness::AtTheEnd, Weakness::WhenDropped].map(|w| (w, "a weakness"))
    {
        let address = office.app.register_on(1, Clerk(weakness)).unwrap();
        office.run();
        // The one that is weak at the start has gone already.
        let _ = office.app.deregister(address);
        office.run();
        let told = office.listener.take_one();
        assert_told(&told, Level::WARN, "panic", &[("address", &address.to_string()), ("text", text)]);
    }
    let (near, far) = (office.near, office.far);
    office.act(move |ctx| ctx.notify(near, Deed::PanicAtAnswerOf(far)));
    let all = office.listener.take();
    assert_eq!(all.iter().map(Told::short).collect::<Vec<_>>(), [("panic", "an answer"), ("restart", "")]);
    office.app.topic::<Riddle>().open().unwrap();
    office.app.observe::<Riddle>(far).unwrap();
    office.run();
    office.test.kernel().notify(office.app.address(), Riddle).unwrap();
    office.run();
    let all = office.listener.take();
    assert_eq!(all.iter().map(Told::short).collect::<Vec<_>>(), [("panic", "a riddle"), ("restart", "")]);
    assert_eq!(all[0].field("address"), far.to_string());
    office.act(move |ctx| {
        let _ = ctx.address();
        panic_quietly("an errand");
    });
    let told = office.listener.take_one();
    assert_eq!((told.short(), told.field("address")), (("panic", "an errand"), &*office.probed.to_string()));
}

#[test]
fn a_panic_in_a_factory_names_the_target_and_each_restart_is_told() {
    let mut office = office();
    let restart = Restart::new().backoff(SECOND..=SECOND, 1);
    let setup = Setup::new().thread(1).restart(restart);
    let address = office.app.register_factory(setup, factory(&[2])).unwrap();
    office.act(move |ctx| ctx.notify(address, Deed::Panic("too much")));
    let all = office.listener.take();
    assert_eq!(all.iter().map(Told::short).collect::<Vec<_>>(), [("panic", "too much"), ("return", "EXCEPTION")]);
    let expected = [("panic", "no clerk to be had"), ("restart", "")];
    for expected in expected {
        let Office { test, listener, .. } = &mut office;
        listener.during(|| test.advance(SECOND).unwrap());
        let told = listener.take_one();
        assert_eq!((told.short(), told.field("address")), (expected, &*address.to_string()));
    }
}

#[test]
fn a_panic_that_is_no_targets_has_no_address() {
    let mut office = office();
    let near = office.near;
    office.act(move |ctx| ctx.notify(near, Bomb));
    let all = office.listener.take();
    assert_eq!(all.len(), 1, "expected one event: {all:#?}");
    assert_told(&all[0], Level::WARN, "panic", &[("text", "a bomb")]);
    // Copied here, because somebody observes it elsewhere.
    office.app.topic::<Glass>().open().unwrap();
    office.app.observe::<Glass>(office.probed).unwrap();
    office.run();
    let Office { app, listener, test, .. } = &mut office;
    let lost = listener.during(|| test.kernel().notify(app.address(), Glass)).unwrap_err();
    assert_eq!(lost.code(), Code::NOT_HANDLED, "expected no copy to have been made");
    assert_told(&listener.take_one(), Level::WARN, "panic", &[("text", "glass")]);
    let built = listener.during(|| app.build_on::<()>(0, |_| panic_quietly("no building")));
    assert!(built.is_err(), "expected the panic to be an error");
    assert_told(&listener.take_one(), Level::WARN, "panic", &[("text", "no building")]);
}

/// A port that reaches nobody, and has its end of the node.
#[derive(Debug, Default)]
struct Door(std::sync::Mutex<Option<Inlet>>);

impl Port for Door {
    fn reaches(&self, _: NodeId) -> bool {
        false
    }
    fn start(&self, inlet: Inlet) {
        *self.0.lock().unwrap() = Some(inlet);
    }
    fn deliver(&self, _: HeldMessage) {}
    fn stop(&self) {}
}

#[test]
fn what_a_port_does_not_let_in_says_whose_it_was_and_why() {
    let office = office();
    let door = std::sync::Arc::new(Door::default());
    office.test.kernel().attach(door.clone());
    let inlet = door.0.lock().unwrap().clone().unwrap();
    let mut message = Message::notification(office.near, Riddle);
    message.fail(Failure::new(Code::DENIED, "not here"));
    office.listener.during(|| inlet.kept_out(&message, NodeId::name("stranger")));
    let (told, near) = (office.listener.take_one(), office.near.to_string());
    let node = NodeId::name("stranger").to_string();
    let fields =
        [("code", "DENIED"), ("node", &node), ("receiver", &near), ("record", "office.riddle"), ("text", "not here")];
    assert_told(&told, Level::INFO, "kept_out", &fields);
}
