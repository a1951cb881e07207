//! Messages that travel often: sent again after `BUSY`, forwarded many times, or round in circles.

use std::sync::{Arc, OnceLock};

use rohrpost::{Address, Code, Context, Message, Outcome, Target};

use crate::ways::{Do, Note, Probe, Query, World, forward_to, handle};

/// Sends its numbers to somebody whose hand-off is always full, again and again.
struct Persistent(Address);
impl Target for Persistent {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let Some(&Note(numbers)) = message.record() else {
            return Outcome::NotHandled;
        };
        for number in 0..numbers {
            let sent = ctx.send(Message::notification(self.0, Note(number)).and(Query(number)));
            assert_eq!(sent, None, "expected a notification to have no id");
        }
        Outcome::Handled
    }

    fn answered(&mut self, back: &mut Message<'_>, ctx: &mut Context<'_>) {
        assert_eq!(back.code(), Code::BUSY, "expected a full hand-off to be the only reason");
        let again = back.try_clone().expect("expected these records to be cloneable");
        assert_eq!(ctx.send(again), None, "expected a notification");
    }
}

#[test]
fn whoever_sends_again_what_comes_back_busy_loses_nothing_and_doubles_nothing() {
    const NUMBERS: u32 = 200;
    for capacity in [1, 2, 8] {
        let mut world = World::threaded_with(|builder| builder.capacity(capacity));
        let b = loop {
            // A full hand-off refuses a registration, too.
            if let Ok(b) = world.far.register(Probe::new("b", &world.log, handle())) {
                break b;
            }
        };
        world.settle();
        let sender = world.near.register(Persistent(b)).unwrap();
        world.settle();
        world.kernel.notify(sender, Note(NUMBERS)).unwrap();
        world.log.wait_until(|lines| lines.iter().filter(|line| line.starts_with("b got")).count() >= NUMBERS as usize);
        world.settle();
        let mut got = world.log.of("b got");
        got.sort();
        let mut expected: Vec<String> = (0..NUMBERS).map(|number| format!("b got {number}+{number}")).collect();
        expected.sort();
        assert_eq!(got, expected, "expected each number once, capacity {capacity}");
        assert_eq!(world.balanced().panics, 0, "expected nothing but BUSY, capacity {capacity}");
    }
}

#[test]
fn a_call_into_a_circle_of_forwarders_comes_back() {
    let mut world = World::threaded();
    let log = world.log.clone();
    let next = Arc::new(OnceLock::new());
    let known = next.clone();
    let one = world.near(
        "one",
        Box::new(move |message: &mut Message<'_>, ctx: &mut Context<'_>| {
            ctx.forward(message, *known.get().unwrap());
            Outcome::Handled
        }),
    );
    let two = world.near("two", forward_to(one));
    next.set(two).unwrap();
    let a = world.near("a", handle());
    world
        .kernel
        .notify(
            a,
            Do::new(move |me, ctx| {
                let code = ctx.call(one, Query(1)).map_or_else(|failure| failure.code(), |_| Code::OK);
                me.log.note(format!("a called {code}"));
            }),
        )
        .unwrap();
    log.wait_until(|lines| lines.iter().any(|line| line.starts_with("a called")));
    world.settle();
    let result = world.log.of("a called").pop().unwrap();
    let expected = ["a called WOULD_BLOCK", "a called WOULD_DEADLOCK"];
    assert!(expected.contains(&result.as_str()), "expected one of {expected:?}, got {result}");
}

#[test]
fn a_call_of_many_forwarders_reaches_its_end() {
    let mut world = World::driven();
    let a = world.near("a", handle());
    let b = world.near("b", handle());
    let first = (0..60).fold(b, |next, _| world.near("gate", forward_to(next)));
    world.have(a, move |me, ctx| {
        let reply = ctx.call(first, Query(1)).unwrap();
        me.log.note(format!("a called {}", reply.0));
    });
    assert_eq!(world.log.of("a called"), ["a called 1"], "expected the answer of the last one");
}

#[test]
fn however_often_a_message_is_forwarded_it_reaches_its_end_here_elsewhere_and_by_name() {
    for hops in [1, 63, 64, 65, 66, 128, 129, 200] {
        for place in ["here", "elsewhere", "by name", "elsewhere by name", "nowhere"] {
            let mut world = World::driven();
            let a = world.near("a", handle());
            // Slots that `far` does not have, and the other way round.
            for _ in 0..3 {
                world.near("nobody", handle());
            }
            let b = match place {
                "here" => world.near("b", handle()),
                "elsewhere" => world.far("b", handle()),
                "by name" => world.near.register_as("b", Probe::new("b", &world.log, handle())).unwrap(),
                "nowhere" => "nobody.near.world".parse().unwrap(),
                _ => world.far.register_as("b", Probe::new("b", &world.log, handle())).unwrap(),
            };
            let first = (0..hops).fold(b, |next, _| world.near("gate", forward_to(next)));
            world.settle();
            world.log.take();
            world.have(a, move |_, ctx| {
                let _ = ctx.request(first, Query(1));
                ctx.notify(first, Note(2));
            });
            let gates = world.log.of("gate got").len();
            assert_eq!(gates, 2 * hops, "expected every gate to be passed, {hops} hops, {place}");
            let expected: &[&str] = match place {
                "nowhere" => &["a back 1 NO_TARGET", "a back 2 NO_TARGET"],
                _ => &["a back 1 OK"],
            };
            assert_eq!(world.log.of("a back"), expected, "expected this to come back, {hops} hops, {place}");
            let got = world.log.of("b got").len();
            assert_eq!(got, if place == "nowhere" { 0 } else { 2 }, "expected both to arrive, {hops} hops, {place}");
            world.balanced();
        }
    }
}
