//! Which code a message ends with.

use rohrpost::{Address, Code, Context, Failure, Handle, HoldError, Message, Outcome, handles};

use crate::probes::panic_quietly;
use crate::ways::{Do, Habit, Note, Query, Reply, Shelf, Way, World, handle, hold_on, ignore};

const FULL: Code = Code::application(3);

/// What comes back of a request and of a notification, when `b` does what `habit` says.
fn ends(habit: impl Fn() -> Habit) -> (Vec<String>, Vec<String>) {
    let run = |send: fn(&Context<'_>, Address)| {
        let mut world = World::driven();
        let route = world.route(Way::Direct, habit());
        world.along(&route, move |_, ctx, to| send(ctx, to));
        world.balanced();
        world.log.of("a back")
    };
    (run(|ctx, to| drop(ctx.request(to, Query(1)))), run(|ctx, to| ctx.notify(to, Note(1))))
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.to_owned()).collect()
}

#[test]
fn a_message_starts_as_not_handled_on_every_way_and_at_every_hop() {
    for way in Way::ALL {
        for mut world in World::both() {
            let route = world.route(
                way,
                Box::new(|message, _| {
                    assert_eq!(message.code(), Code::NOT_HANDLED, "expected nobody to have handled it yet");
                    assert_eq!(message.text(), "", "expected no text yet");
                    Outcome::Handled
                }),
            );
            let panics = world.balanced().panics;
            world.along(&route, |_, ctx, to| {
                ctx.notify(to, Note(1));
                let _ = ctx.request(to, Note(2));
            });
            let back = world.log.of("a back");
            assert_eq!(back, ["a back 2 OK"], "expected one answer, by {way:?}");
            assert_eq!(world.balanced().panics, panics, "expected the code that a message starts with, by {way:?}");
        }
    }
}

#[test]
fn handled_without_a_code_is_ok() {
    let (request, notification) = ends(handle);
    assert_eq!(request, ["a back 1 OK"], "expected an answer");
    assert_eq!(notification, [""; 0], "expected nothing back");
}

#[test]
fn not_handled_without_a_code_is_not_handled() {
    let both = lines(&["a back 1 NOT_HANDLED"]);
    assert_eq!(ends(ignore), (both.clone(), both), "expected both back");
}

#[test]
fn a_code_of_the_handlers_own_prevails_whether_or_not_it_says_handled() {
    for outcome in [Outcome::Handled, Outcome::NotHandled] {
        let both = lines(&["a back 1 1003"]);
        let told = ends(|| {
            Box::new(move |message, _| {
                message.set_code(FULL);
                outcome
            })
        });
        assert_eq!(told, (both.clone(), both), "expected the code of the handler, {outcome:?}");
    }
}

#[test]
fn a_message_that_is_answered_and_then_held_and_dropped_is_answered_once() {
    let (request, notification) = ends(|| {
        Box::new(|message, ctx| {
            message.answer(Reply(1));
            drop(ctx.hold(message));
            Outcome::NotHandled
        })
    });
    assert_eq!(request, ["a back 1 OK"], "expected the answer that it had when it was held");
    assert_eq!(notification, [""; 0], "expected a handled notification");
}

#[test]
fn what_is_done_to_a_message_after_it_was_forwarded_has_no_effect_on_its_end() {
    let spoil: [fn(&mut Message<'_>); 4] = [
        |_| (),
        |message| message.set_code(FULL),
        |message| message.fail(Failure::new(FULL, "too late")),
        |message| message.set_code(Code::OK),
    ];
    for (number, spoil) in spoil.into_iter().enumerate() {
        for handled in [true, false] {
            let mut world = World::driven();
            let a = world.near("a", handle());
            let b = world.near("b", if handled { handle() } else { ignore() });
            let gate = world.near(
                "gate",
                Box::new(move |message: &mut Message<'_>, ctx: &mut Context<'_>| {
                    ctx.forward(message, b);
                    spoil(message);
                    Outcome::NotHandled
                }),
            );
            world.have(a, move |_, ctx| drop(ctx.request(gate, Query(1))));
            let expected = if handled { "a back 1 OK" } else { "a back 1 NOT_HANDLED" };
            assert_eq!(world.log.of("a back"), [expected], "expected only b to decide the code, case {number}");
        }
    }
}

#[test]
fn a_code_and_a_text_from_before_a_forwarding_do_not_stick() {
    let mut world = World::driven();
    let a = world.near("a", handle());
    let b = world.near(
        "b",
        Box::new(|message, _| {
            assert_eq!((message.code(), message.text()), (Code::NOT_HANDLED, ""), "expected a fresh envelope");
            Outcome::Handled
        }),
    );
    let gate = world.near(
        "gate",
        Box::new(move |message: &mut Message<'_>, ctx: &mut Context<'_>| {
            message.fail(Failure::new(FULL, "on second thoughts, no"));
            ctx.forward(message, b);
            Outcome::Handled
        }),
    );
    world.have(a, move |_, ctx| drop(ctx.request(gate, Note(1))));
    assert_eq!(world.log.of("a back"), ["a back 1 OK"], "expected b's word to count");
}

#[test]
fn a_code_from_before_a_message_was_held_does_not_outlive_its_forwarding() {
    for outside in [false, true] {
        let mut world = World::driven();
        let shelf = Shelf::default();
        let a = world.near("a", handle());
        let c = world.near("c", handle());
        let on_shelf = shelf.clone();
        let b = world.near(
            "b",
            Box::new(move |message: &mut Message<'_>, ctx: &mut Context<'_>| {
                message.set_code(FULL);
                on_shelf.put(ctx.hold(message).unwrap());
                Outcome::Handled
            }),
        );
        world.have(a, move |_, ctx| drop(ctx.request(b, Query(1))));
        let held = shelf.take().pop().unwrap();
        if outside {
            held.forward(c);
            world.settle();
        } else {
            world.have(b, move |_, _| held.forward(c));
        }
        assert_eq!(world.log.of("a back"), ["a back 1 OK"], "expected c's word to count, outside: {outside}");
    }
}

#[test]
fn a_panic_after_a_forwarding_brings_the_message_back_and_does_not_send_it_on() {
    let mut world = World::driven();
    let a = world.near("a", handle());
    let b = world.near("b", handle());
    let gate = world.near(
        "gate",
        Box::new(move |message: &mut Message<'_>, ctx: &mut Context<'_>| {
            ctx.forward(message, b);
            panic_quietly("after all");
        }),
    );
    world.have(a, move |_, ctx| drop(ctx.request(gate, Query(1))));
    assert_eq!(world.log.of("a back"), ["a back 1 EXCEPTION"], "expected it back once");
    assert_eq!(world.log.of("b got"), [""; 0], "expected b not to get what the gate panicked over");
    world.balanced();
}

#[test]
fn a_panic_after_a_message_was_put_away_leaves_it_to_whoever_has_it() {
    let mut world = World::driven();
    let shelf = Shelf::default();
    let on_shelf = shelf.clone();
    let route = world.route(
        Way::Direct,
        Box::new(move |message, ctx| {
            on_shelf.put(ctx.hold(message).unwrap());
            panic_quietly("later");
        }),
    );
    world.along(&route, |_, ctx, to| drop(ctx.request(to, Query(1))));
    assert_eq!(world.log.of("a back"), [""; 0], "expected it to be held still");
    shelf.take().pop().unwrap().answer(Reply(1));
    world.settle();
    assert_eq!(world.log.of("a back"), ["a back 1 OK"], "expected the holder to answer it");
    world.balanced();
}

#[test]
fn a_message_is_held_once_and_not_after_it_was_held() {
    let mut world = World::driven();
    let shelf = Shelf::default();
    let on_shelf = shelf.clone();
    let route = world.route(
        Way::Direct,
        Box::new(move |message, ctx| {
            on_shelf.put(ctx.hold(message).unwrap());
            let again = ctx.hold(message).map(drop);
            assert_eq!(again, Err(HoldError::Taken), "expected it to be taken");
            // None of this reaches the message that is held.
            ctx.forward(message, ctx.address());
            message.set_code(FULL);
            message.answer(Reply(9));
            Outcome::NotHandled
        }),
    );
    world.along(&route, |_, ctx, to| drop(ctx.request(to, Query(1))));
    assert_eq!(world.log.of("a back"), [""; 0], "expected it to be held");
    shelf.take().pop().unwrap().answer(Reply(1));
    world.settle();
    assert_eq!(world.log.of("a back"), ["a back 1 OK"], "expected the one answer");
    assert_eq!(world.balanced().panics, 0, "expected the second hold to be refused");
}

#[test]
fn mail_that_finds_nobody_says_what_was_missing() {
    let cases = [
        ("nobody.near.world", Code::NO_TARGET),
        ("12345.near.world", Code::NO_TARGET),
        ("nobody", Code::NO_TARGET),
        ("a.nowhere.world", Code::NO_NAMESPACE),
        ("a.near.elsewhere", Code::NO_NODE),
        (".near.world", Code::NO_SERVICE),
        (".nowhere.world", Code::NO_NAMESPACE),
        (".near.elsewhere", Code::NO_NODE),
    ];
    for (text, code) in cases {
        for mut world in World::both() {
            let to: Address = text.parse().unwrap();
            let a = world.near("a", handle());
            world.have(a, move |me, ctx| {
                let _ = ctx.request(to, Query(1));
                ctx.notify(to, Note(2));
                let failure = ctx.call(to, Query(3)).unwrap_err();
                me.log.note(format!("a called {}", failure.code()));
            });
            let expected = [format!("a called {code}"), format!("a back 1 {code}"), format!("a back 2 {code}")];
            assert_eq!(world.log.of("a ")[1..], expected, "expected the code for `{text}`");
            // A plain thread is in no namespace that could complete the address.
            let code = if text == "nobody" { Code::NO_NAMESPACE } else { code };
            let asked = world.ask(to, Query(4)).unwrap_err();
            assert_eq!(asked.code(), code, "expected the same from outside for `{text}`");
            let refused = world.kernel.notify(to, Note(5)).unwrap_err();
            assert_eq!(refused.code(), code, "expected the same of a notification from outside for `{text}`");
            assert_eq!(refused.into_message().record(), Some(&Note(5)), "expected the record in the error");
            world.balanced();
        }
    }
}

#[test]
fn an_address_of_another_node_namespace_or_thread_never_reaches_a_target_with_the_same_number_here() {
    // Two worlds that are alike down to the last number, but for their names.
    let mut other = World::driven();
    let elsewhere = other.near("elsewhere", handle());
    other.settle();
    let mut world = World::driven();
    let here = world.near("here", handle());
    let there = world.far("there", handle());
    let a = world.near("a", handle());
    world.settle();
    world.log.take();
    let foreign = elsewhere.on_node("another".parse().unwrap());
    let forged = [
        (foreign, Code::NO_NODE),
        (here.in_namespace(world.far.id()), Code::NO_TARGET),
        (there.in_namespace(world.near.id()), Code::NO_TARGET),
        (here.in_namespace("nowhere".parse().unwrap()), Code::NO_NAMESPACE),
    ];
    for (to, code) in forged {
        world.have(a, move |me, ctx| {
            ctx.notify(to, Note(1));
            me.log.note(format!("a called {}", ctx.call(to, Query(2)).unwrap_err().code()));
            me.log.note(format!("a deregistered {}", ctx.deregister(to).unwrap_err()));
        });
        let refused = world.kernel.notify(to, Note(3)).unwrap_err().code();
        assert_eq!(refused, code, "expected the same from outside for {to}");
        let lines = world.log.take();
        let told = [format!("a called {code}"), format!("a deregistered {code}"), format!("a back 1 {code}")];
        assert_eq!(lines, told, "expected {to} to reach nobody");
    }
    world.have(a, move |_, ctx| ctx.deregister(there).unwrap());
    assert_eq!(world.log.take(), ["there stopping"], "expected the target of the other thread to go, and no other");
    assert_eq!(world.ask(here, Query(4)).unwrap(), Reply(4), "expected the one with its number here to be well");
}

#[test]
fn mail_for_another_node_that_was_refused_and_is_sent_anew_still_goes_there() {
    let mut world = World::driven();
    let here = world.near("here", handle());
    let a = world.near("a", handle());
    world.settle();
    let refused = world.kernel.notify(here.on_node("another".parse().unwrap()), Note(1)).unwrap_err();
    assert_eq!(refused.code(), Code::NO_NODE);
    let mut message = Some(refused.into_message());
    world.log.take();
    world.have(a, move |_, ctx| {
        let _ = ctx.send(message.take().unwrap());
    });
    assert_eq!(world.log.take(), ["a back 1 NO_NODE"], "expected the target with the same number here to get nothing");
}

struct Typed;
impl Handle<Query> for Typed {
    fn handle(&mut self, query: &Query, _ctx: &mut Context<'_>) -> Result<Reply, Failure> {
        if query.0 > 9 { Err(Failure::new(FULL, "only one digit")) } else { Ok(Reply(query.0)) }
    }
}
handles!(Typed: Query);

#[test]
fn of_several_records_the_first_that_fails_or_is_not_handled_decides_the_code() {
    let mut world = World::driven();
    let a = world.near("a", handle());
    let typed = world.near.register(Typed).unwrap();
    world.have(a, move |_, ctx| {
        let several = |first: u32| Message::request(typed, Query(first));
        let _ = ctx.send(several(1).and(Query(2)).and(Query(3)));
        let _ = ctx.send(several(1).and(Query(20)).and(Note(3)));
        let _ = ctx.send(several(1).and(Note(2)).and(Query(30)));
    });
    let expected = ["a back 1+2+3 OK", "a back 1+20+3 1003", "a back 1+2+30 NOT_HANDLED"];
    assert_eq!(world.log.of("a back"), expected, "expected all answers, or all records as they were sent");
}

#[test]
fn an_answer_of_a_type_that_was_not_asked_for_is_malformed() {
    let mut world = World::driven();
    let wrong = |message: &mut Message<'_>, _: &mut Context<'_>| {
        message.answer(Note(1));
        Outcome::Handled
    };
    let route = world.route(Way::Direct, Box::new(wrong));
    world.along(&route, |me, ctx, to| {
        let failure = ctx.call(to, Query(1)).unwrap_err();
        me.log.note(format!("a called {}", failure.code()));
        ctx.request(to, Query(2)).then_on(me, |me, answer, _| {
            me.log.note(format!("a continues {}", answer.unwrap_err().code()));
        });
    });
    let expected = ["a called MALFORMED", "a continues MALFORMED"];
    assert_eq!(world.log.of("a "), expected, "expected both to be told");
    let failure = world.ask(route.b, Query(3)).unwrap_err();
    assert_eq!(failure.code(), Code::MALFORMED, "expected whoever asks from outside to be told");
}

#[test]
fn a_held_request_keeps_waiting_until_it_is_ended() {
    let mut world = World::driven();
    let shelf = Shelf::default();
    let route = world.route(Way::Direct, hold_on(&shelf));
    world.along(&route, |_, ctx, to| drop(ctx.request(to, Query(1))));
    for _ in 0..10 {
        world.have(route.a, |_, _| ());
        world.kernel.notify(route.b, Do::new(|_, _| ())).unwrap();
        world.settle();
    }
    assert_eq!(world.log.of("a back"), [""; 0], "expected nothing while it is held");
    let held = shelf.take().pop().unwrap();
    assert_eq!(held.record(), Some(&Query(1)), "expected the record with the holder");
    held.answer(Reply(1));
    world.settle();
    assert_eq!(world.log.of("a back"), ["a back 1 OK"], "expected the answer");
}
