//! Promise 11: whatever stops returns the mail that is on the way with `STOPPED`, later mail finds nobody.
//!
//! Here targets that go; [`namespaces`] and [`kernels`] have what is larger, [`stuck`] the thread that does not come
//! back, [`reports`] what is told of whom, [`thread_ends`] what goes with its thread.

mod handles;
mod held;
mod kernels;
mod namespaces;
mod reports;
mod stuck;
mod thread_ends;

use std::rc::Rc;

use rohrpost::{Address, Code, Context, Message, Outcome, RegisterError, Target};

use crate::ways::{Do, Log, Note, Probe, Query, Reply, Way, World, handle};

#[test]
fn mail_that_waits_for_a_target_that_deregisters_itself_comes_back_stopped() {
    for way in [Way::Reentered, Way::TooDeep] {
        for mut world in World::both() {
            let route = world.route(way, Box::new(leave));
            world.along(&route, |_, ctx, to| {
                for number in 1..=3 {
                    ctx.notify(to, Note(number));
                }
                let _ = ctx.request(to, Query(4));
            });
            let lines = world.log.take();
            let expected = ["b got 1", "b stopping", "a back 2 STOPPED", "a back 3 STOPPED", "a back 4 STOPPED"];
            assert_eq!(lines, expected, "expected what waited to come back in order by {way:?}");
            let failure = world.ask(route.b, Query(5)).expect_err("expected nobody there");
            assert_eq!(failure.code(), Code::NO_TARGET, "expected later mail to find nobody by {way:?}");
            world.balanced();
        }
    }
}

/// Deregisters itself at the first message, which it handles.
fn leave(message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
    ctx.stop();
    if message.wants_answer() {
        message.answer(Reply(0));
    }
    Outcome::Handled
}

#[test]
fn a_target_that_deregisters_itself_handles_its_message_to_the_end() {
    for way in Way::ALL {
        for mut world in World::both() {
            let route = world.route(way, Box::new(leave));
            world.along(&route, |_, ctx, to| {
                let _ = ctx.request(to, Query(1));
            });
            assert_eq!(world.log.of("a back"), ["a back 0 OK"], "expected an answer by {way:?}");
            assert_eq!(world.log.of("b"), ["b got 1", "b stopping"], "expected it to go then, by {way:?}");
            let b = route.b;
            world.have(route.a, move |_, ctx| ctx.notify(b, Note(2)));
            let back = world.log.of("a back 2");
            assert_eq!(back, ["a back 2 NO_TARGET"], "expected later mail to find nobody by {way:?}");
            world.balanced();
        }
    }
}

#[test]
fn mail_of_every_way_comes_back_when_its_receiver_has_gone_meanwhile() {
    for way in Way::ALL {
        let mut world = World::driven();
        let route = world.route(way, handle());
        let b = route.b;
        // `b` is told to go behind whatever the message has to wait for.
        world.along(&route, move |_, ctx, to| {
            ctx.deregister(b).unwrap();
            let _ = ctx.request(to, Query(1));
            ctx.notify(to, Note(2));
        });
        let back = world.log.of("a back");
        assert_eq!(back.len(), 2, "expected both to come back by {way:?}: {:?}", world.log.lines());
        // A service goes with its owner.
        let reasons: &[&str] = match way {
            Way::Service | Way::ServiceElsewhere => &["STOPPED", "NO_TARGET", "NO_SERVICE"],
            _ => &["STOPPED", "NO_TARGET"],
        };
        let told = |line: &String| reasons.iter().any(|reason| line.ends_with(reason));
        assert!(back.iter().all(told), "expected the reason by {way:?}: {back:?}");
        assert_eq!(world.log.of("b got"), [""; 0], "expected nobody to handle them by {way:?}");
        world.balanced();
    }
}

#[test]
fn what_was_sent_before_an_order_to_go_is_handled_and_what_comes_behind_it_is_not() {
    for mut world in World::both() {
        let (sender, receiver) = (world.near("a", handle()), world.far("b", handle()));
        world.settle();
        world.log.take();
        world.have(sender, move |_, ctx| {
            ctx.notify(receiver, Note(1));
            ctx.deregister(receiver).unwrap();
            ctx.notify(receiver, Note(2));
        });
        let mut lines = world.log.take();
        lines.sort();
        assert_eq!(lines, ["a back 2 NO_TARGET", "b got 1", "b stopping"], "expected the order to keep its place");
        world.balanced();
    }
}

#[test]
fn an_idle_target_goes_at_once_and_one_on_the_stack_when_its_handler_has_returned() {
    for mut world in World::both() {
        let (first, second) = (world.near("a", handle()), world.near("b", handle()));
        world.settle();
        world.log.take();
        world.have(first, move |probe, ctx| {
            ctx.deregister(second).unwrap();
            ctx.notify(second, Note(1));
            assert_eq!(ctx.deregister(second), Err(Code::NO_TARGET), "expected nobody to deregister");
            let me = ctx.address();
            ctx.deregister(me).unwrap();
            ctx.notify(me, Note(2));
            probe.log.note("a goes on");
        });
        let expected = ["b stopping", "a goes on", "a stopping"];
        assert_eq!(world.log.take(), expected, "expected `b` to go at once and `a` at the end");
        assert_eq!(world.balanced().dead_letters, 2, "expected nobody to hear of what came back to `a`");
    }
}

#[test]
fn a_target_below_on_the_stack_may_be_deregistered() {
    for mut world in World::both() {
        let (bottom, top) = (world.near("bottom", handle()), world.near("top", handle()));
        world.settle();
        world.log.take();
        world.have(bottom, move |probe, ctx| {
            let step = move |probe: &mut Probe, ctx: &mut Context<'_>| {
                ctx.deregister(bottom).unwrap();
                ctx.notify(bottom, Note(1));
                let end = ctx.call(bottom, Query(2)).map_err(|failure| failure.code());
                let told = [Code::STOPPED, Code::WOULD_DEADLOCK].map(Err).contains(&end.map(|_| ()));
                probe.log.note(format!("top told {told}"));
            };
            ctx.notify(top, Do::new(step));
            probe.log.note("bottom goes on");
        });
        let expected = ["top told true", "bottom goes on", "bottom stopping", "top back 1 STOPPED"];
        assert_eq!(world.log.take(), expected, "expected `bottom` to finish, and then to go");
        world.balanced();
    }
}

#[test]
fn a_target_may_stop_in_every_hook() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Hook {
        Started,
        Receive,
        Answered,
        Continuation,
        Stopping,
    }

    struct Leaver {
        at: Hook,
        to: Address,
        log: Log,
    }

    impl Leaver {
        fn reach(&self, hook: Hook, ctx: &Context<'_>) {
            self.log.note(format!("{hook:?}"));
            if self.at == hook {
                ctx.stop();
                ctx.stop();
            }
        }
    }

    impl Target for Leaver {
        fn receive(&mut self, _message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            self.reach(Hook::Receive, ctx);
            let _ = ctx.request(self.to, Query(1));
            let _ = ctx.request(self.to, Query(2)).then_on(self, |me, _, ctx| me.reach(Hook::Continuation, ctx));
            Outcome::Handled
        }

        fn answered(&mut self, _answer: &mut Message<'_>, ctx: &mut Context<'_>) {
            self.reach(Hook::Answered, ctx);
        }

        fn started(&mut self, ctx: &mut Context<'_>) {
            self.reach(Hook::Started, ctx);
        }

        fn stopping(&mut self, ctx: &mut Context<'_>) {
            self.reach(Hook::Stopping, ctx);
        }
    }

    let reached: [(Hook, &[&str]); 5] = [
        (Hook::Started, &["Started", "Stopping"]),
        (Hook::Receive, &["Started", "Receive", "Stopping"]),
        (Hook::Answered, &["Started", "Receive", "Answered", "Stopping"]),
        (Hook::Continuation, &["Started", "Receive", "Answered", "Continuation", "Stopping"]),
        (Hook::Stopping, &["Started", "Receive", "Answered", "Continuation", "Stopping"]),
    ];
    for (at, expected) in reached {
        for mut world in World::both() {
            let servant = world.near("servant", handle());
            let log = Log::default();
            let leaver = world.near.register(Leaver { at, to: servant, log: log.clone() }).unwrap();
            let _ = world.kernel.notify(leaver, Note(1));
            world.settle();
            let _ = world.near.deregister(leaver);
            world.settle();
            assert_eq!(log.lines(), expected, "expected a target that stops in {at:?} to be told once");
            world.balanced();
        }
    }
}

#[test]
fn a_target_may_still_send_when_it_is_told_to_go() {
    struct LastWords(Address);
    impl Target for LastWords {
        fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            Outcome::Handled
        }

        fn stopping(&mut self, ctx: &mut Context<'_>) {
            ctx.notify(self.0, Note(1));
            let _ = ctx.request(self.0, Query(2));
            let answer = ctx.call(self.0, Query(3));
            let code = answer.map_or_else(|failure| failure.code(), |_| Code::OK);
            assert!([Code::OK, Code::WOULD_BLOCK].contains(&code), "expected a call to be possible: {code}");
        }
    }

    for far in [false, true] {
        for mut world in World::both() {
            let heir = if far { world.far("b", handle()) } else { world.near("b", handle()) };
            let target = world.near.register(LastWords(heir)).unwrap();
            world.settle();
            world.near.deregister(target).unwrap();
            world.settle();
            let got = world.log.of("b got");
            assert_eq!(got[..2], ["b got 1", "b got 2"], "expected the last words to arrive: {got:?}");
            let counters = world.balanced();
            assert_eq!((counters.dead_answers, counters.panics), (1, 0), "expected the answer to find nobody");
        }
    }
}

#[test]
fn a_target_is_told_and_dropped_on_its_own_thread() {
    struct Local {
        home: std::thread::ThreadId,
        shared: Rc<()>,
        log: Log,
    }
    impl Local {
        fn note(&self, what: &str) {
            let here = std::thread::current().id() == self.home;
            self.log.note(format!("{what} {here} {}", Rc::strong_count(&self.shared)));
        }
    }
    impl Target for Local {
        fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
            Outcome::Handled
        }

        fn stopping(&mut self, _ctx: &mut Context<'_>) {
            self.note("stopping");
        }
    }
    impl Drop for Local {
        fn drop(&mut self) {
            self.note("dropped");
        }
    }

    let world = World::threaded();
    let log = world.log.clone();
    let built = world.near.build_on(0, move |thread| {
        let shared = Rc::new(());
        let home = std::thread::current().id();
        let local = || Local { home, shared: shared.clone(), log: log.clone() };
        let first = thread.register(local())?;
        thread.register(local())?;
        Ok(first)
    });
    world.near.deregister(built.unwrap()).unwrap();
    let report = world.kernel.stop(crate::ways::PATIENCE);
    assert!(report.is_complete(), "expected the threads to end: {report:?}");
    let expected = ["stopping true 2", "dropped true 2", "stopping true 1", "dropped true 1"];
    assert_eq!(world.log.take(), expected, "expected everything to happen on the targets' own thread");
}

#[test]
fn nobody_is_deregistered_who_is_not_there() {
    for mut world in World::both() {
        let (near, far) = (world.near("a", handle()), world.far("b", handle()));
        let gone = world.near("gone", handle());
        world.settle();
        world.near.deregister(gone).unwrap();
        world.settle();
        let nobody: [(&str, Code); 4] = [
            ("nobody", Code::NO_TARGET),
            ("nobody.nowhere.", Code::NO_NAMESPACE),
            ("nobody.near.elsewhere", Code::NO_NODE),
            (".near.", Code::NO_SERVICE),
        ];
        for (address, code) in nobody {
            let address: Address = address.parse().unwrap();
            assert_eq!(world.near.deregister(address), Err(code), "expected nobody at {address}");
            world.have(near, move |_, ctx| assert_eq!(ctx.deregister(address), Err(code), "expected the same inside"));
        }
        world.have(near, move |_, ctx| assert_eq!(ctx.deregister(gone), Err(Code::NO_TARGET), "expected nobody"));
        for target in [near, far] {
            assert!(world.ask(target, Query(1)).is_ok(), "expected everybody else to be there");
        }
        assert_eq!(world.balanced().panics, 0, "expected the handlers to read what they expected");
    }
}

#[test]
fn a_target_registered_by_one_that_goes_stays() {
    struct Parent(Log);
    impl Target for Parent {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            let child = ctx.register_as("child", Probe::new("child", &self.0, handle()));
            assert!(child.is_ok(), "expected a child: {child:?}");
            ctx.stop();
            message.answer(Reply(1));
            Outcome::Handled
        }

        fn stopping(&mut self, ctx: &mut Context<'_>) {
            let again = ctx.register_as("child", Probe::new("again", &self.0, handle()));
            assert!(matches!(again, Err(RegisterError::NameTaken(_))), "expected the child to be there: {again:?}");
        }
    }

    for mut world in World::both() {
        let parent = world.near.register(Parent(world.log.clone())).unwrap();
        assert_eq!(world.ask(parent, Query(1)).ok(), Some(Reply(1)));
        let child = world.near.resolve("child").expect("expected the child to be there");
        assert_eq!(world.ask(child, Query(2)).ok(), Some(Reply(2)), "expected the child to answer");
        assert_eq!(world.balanced().panics, 0, "expected the hooks to see what they expected");
    }
}
