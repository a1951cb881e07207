//! Promise 9: a `call` that would close a cycle returns `WOULD_DEADLOCK`, one that would have to wait `WOULD_BLOCK`,
//! and so does `wait()` on a worker thread, which [`waiting`] shows. Nothing hangs.

mod waiting;

use rohrpost::{Address, Code, Context, Failure, Held, Later, Outcome, Target, handles, record};

use crate::ways::{
    DEPTH, Do, Habit, Note, Probe, Query, Reply, Shelf, Way, World, forward_to, handle, hold_on, refuse,
};

/// Notes how a call ended, under the name of the probe.
fn note(probe: &Probe, answer: Result<Reply, Failure>) {
    probe.log.note(match answer {
        Ok(Reply(number)) => format!("{} read {number}", probe.name),
        Err(mut failure) => {
            let record = failure.take_record::<Query>();
            format!("{} read {} with {record:?}", probe.name, failure.code())
        }
    });
}

/// Whether the record comes back, and `code`.
fn refused(code: Code, number: u32) -> [String; 1] {
    [format!("a read {code} with {:?}", Some(Query(number)))]
}

#[test]
fn a_call_returns_an_answer_or_a_code_on_every_way() {
    for way in Way::ALL {
        for mut world in World::both() {
            let route = world.route(way, handle());
            world.along(&route, |probe, ctx, to| note(probe, ctx.call(to, Query(7))));
            let expected = match way {
                Way::Direct | Way::Named | Way::Timed | Way::Forwarded | Way::Service | Way::OnATick => {
                    ["a read 7".to_owned()]
                }
                Way::Reentered => refused(Code::WOULD_DEADLOCK, 7),
                Way::TooDeep | Way::OtherThread | Way::ForwardedByFar | Way::ServiceElsewhere => {
                    refused(Code::WOULD_BLOCK, 7)
                }
                // Whoever would hold it cannot: its handler says so itself.
                Way::HeldOutside => refused(Code::WOULD_BLOCK, 7),
                Way::Held => refused(Code::EXCEPTION, 7),
                Way::Away if world.is_driven() => refused(Code::WOULD_BLOCK, 7),
                Way::Away => ["a read 7".to_owned()],
            };
            assert_eq!(world.log.of("a read"), expected, "expected the end of a call by {way:?}");
            let reached = world.log.of("b got").len();
            assert_eq!(reached == 1, expected == ["a read 7"], "expected `b` to see only what it answers by {way:?}");
            world.balanced();
        }
    }
}

#[test]
fn a_call_to_oneself_would_deadlock() {
    for mut world in World::both() {
        let target = world.near("a", handle());
        world.have(target, |probe, ctx| note(probe, ctx.call(ctx.address(), Query(1))));
        assert_eq!(world.log.of("a read"), refused(Code::WOULD_DEADLOCK, 1), "expected a cycle of one to be found");
        assert!(world.ask(target, Query(2)).is_ok(), "expected the target to go on");
    }
}

/// A target that calls the next in a circle of `targets`, by the numbers that the record carries.
struct InACircle {
    circle: Vec<Address>,
}

#[derive(Clone, Debug)]
struct Circle(Vec<Address>);
record!(Circle, "deadlock.circle");

#[derive(Clone, Debug)]
struct Walk(usize);
record!(Walk, "deadlock.walk" => Steps);

#[derive(Clone, Debug, PartialEq)]
struct Steps(usize, Option<Code>);
record!(Steps, "deadlock.steps");

impl Target for InACircle {
    fn receive(&mut self, message: &mut rohrpost::Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(Circle(circle)) = message.take() {
            self.circle = circle;
        } else if let Some(&Walk(step)) = message.record() {
            let next = self.circle[(step + 1) % self.circle.len()];
            message.answer(match ctx.call(next, Walk(step + 1)) {
                Ok(end) => end,
                Err(failure) => Steps(step + 1, Some(failure.code())),
            });
        }
        Outcome::Handled
    }
}

#[test]
fn a_circle_of_calls_of_any_length_is_found_where_it_closes() {
    for length in 1..DEPTH {
        for mut world in World::both() {
            let circle: Vec<Address> =
                (0..length).map(|_| world.near.register(InACircle { circle: Vec::new() }).unwrap()).collect();
            for &target in &circle {
                world.kernel.notify(target, Circle(circle.clone())).unwrap();
            }
            world.settle();
            let end = world.ask(circle[0], Walk(0)).unwrap();
            assert_eq!(end, Steps(length, Some(Code::WOULD_DEADLOCK)), "expected a circle of {length} to be found");
            let again = world.ask(circle[0], Walk(0)).unwrap();
            assert_eq!(again, end, "expected everybody to be idle again");
            world.balanced();
        }
    }
}

#[test]
fn a_chain_of_calls_ends_where_the_stack_is_too_deep() {
    for mut world in World::both() {
        let circle: Vec<Address> =
            (0..DEPTH + 5).map(|_| world.near.register(InACircle { circle: Vec::new() }).unwrap()).collect();
        for &target in &circle {
            world.kernel.notify(target, Circle(circle.clone())).unwrap();
        }
        world.settle();
        let end = world.ask(circle[0], Walk(0)).unwrap();
        assert_eq!(end, Steps(DEPTH, Some(Code::WOULD_BLOCK)), "expected {DEPTH} targets on the stack");
    }
}

#[test]
fn two_threads_that_call_each_other_both_go_on() {
    let mut world = World::threaded();
    let (near, far) = (world.near("a", handle()), world.far("b", handle()));
    for number in 0..100 {
        world.kernel.notify(near, Do::new(move |probe, ctx| note(probe, ctx.call(far, Query(number))))).unwrap();
        world.kernel.notify(far, Do::new(move |probe, ctx| note(probe, ctx.call(near, Query(number))))).unwrap();
    }
    world.settle();
    for name in ["a read", "b read"] {
        let codes = world.log.of(name);
        assert_eq!(codes.len(), 100, "expected an end of each call");
        let all = codes.iter().all(|line| line.contains("WOULD_BLOCK"));
        assert!(all, "expected each to be refused at once: {codes:?}");
    }
}

#[test]
fn a_call_past_mail_of_ones_own_that_waits_would_block() {
    for mut world in World::both() {
        let (bottom, a, b) = (world.near("bottom", handle()), world.near("a", handle()), world.near("b", handle()));
        world.settle();
        world.log.take();
        world.have(bottom, move |_, ctx| {
            // `a` sends while `b` is on the stack, so its message waits; then `b` is off the stack.
            let send = Do::new(move |_, ctx| ctx.notify(b, Note(1)));
            ctx.notify(b, Do::new(move |_, ctx| ctx.notify(a, send)));
            ctx.notify(a, Do::new(move |probe, ctx| note(probe, ctx.call(b, Query(2)))));
        });
        let expected = ["a read WOULD_BLOCK with Some(Query(2))", "b got 1"];
        assert_eq!(world.log.take(), expected, "expected the call not to overtake the caller's own mail");
        world.balanced();
    }
}

#[test]
fn a_call_overtakes_nothing_that_waits() {
    for mut world in World::both() {
        let (caller, called) = (world.near("a", handle()), world.near("b", handle()));
        world.settle();
        world.log.take();
        // `b` sends itself a message, which waits until it is idle; then `a` calls it.
        world.have(caller, move |probe, ctx| {
            ctx.notify(called, Do::new(move |_, ctx| ctx.notify(called, Note(1))));
            note(probe, ctx.call(called, Query(2)));
            ctx.notify(called, Note(3));
        });
        let lines = world.log.take();
        let expected = ["a read WOULD_BLOCK with Some(Query(2))", "b got 1", "b got 3"];
        assert_eq!(lines, expected, "expected the call not to overtake what waits");
        world.have(caller, move |probe, ctx| note(probe, ctx.call(called, Query(4))));
        assert_eq!(world.log.of("a read"), ["a read 4"], "expected the call to be possible when nothing waits");
    }
}

#[derive(Debug)]
struct Slow(u32);
record!(Slow, "deadlock.slow" => Reply, no_clone);

struct TakesItsTime(Vec<Held<Slow>>);
impl Later<Slow> for TakesItsTime {
    fn handle(&mut self, held: Held<Slow>, _ctx: &mut Context<'_>) {
        self.0.push(held);
    }
}
handles!(TakesItsTime: later Slow);

#[test]
fn a_call_to_one_who_answers_later_would_block() {
    for mut world in World::both() {
        let caller = world.near("a", handle());
        let slow = world.near.register(TakesItsTime(Vec::new())).unwrap();
        world.have(caller, move |probe, ctx| {
            let mut failure = ctx.call(slow, Slow(5)).expect_err("expected no answer yet");
            let record = failure.take_record::<Slow>().map(|slow| slow.0);
            probe.log.note(format!("a read {} with {record:?}", failure.code()));
        });
        let expected = ["a read WOULD_BLOCK with Some(5)"];
        assert_eq!(world.log.of("a read"), expected, "expected the record back with a code");
        world.balanced();
    }
}

#[test]
fn a_call_is_forwarded_as_long_as_it_need_not_wait() {
    for mut world in World::both() {
        let end = world.near("end", handle());
        let gates = (0..50).fold(end, |next, _| world.near("gate", forward_to(next)));
        let caller = world.near("a", handle());
        world.have(caller, move |probe, ctx| note(probe, ctx.call(gates, Query(8))));
        assert_eq!(world.log.of("a read"), ["a read 8"], "expected a call through fifty gates to be answered");
    }
}

#[test]
fn a_call_that_is_forwarded_to_its_caller_would_deadlock() {
    for mut world in World::both() {
        let caller = world.near("a", handle());
        let gate = world.near("gate", forward_to(caller));
        world.have(caller, move |probe, ctx| note(probe, ctx.call(gate, Query(1))));
        assert_eq!(world.log.of("a read"), refused(Code::WOULD_DEADLOCK, 1), "expected the circle to be found");
        world.balanced();
    }
}

#[test]
fn a_call_that_is_forwarded_in_a_circle_comes_to_an_end() {
    // Bounded: a call that never ends would show as a test that hangs.
    let mut world = World::threaded();
    for length in [1, 2, 3] {
        let (caller, log) = (world.near("a", handle()), world.log.clone());
        let circle: Vec<Address> = (0..length)
            .map(|index| {
                let next = format!("gate{length}x{}", (index + 1) % length);
                let gate: Habit = Box::new(move |message, ctx| {
                    ctx.forward(message, next.parse().unwrap());
                    Outcome::Handled
                });
                world.near.register_as(&format!("gate{length}x{index}"), Probe::new("gate", &log, gate)).unwrap()
            })
            .collect();
        let gate = circle[0];
        let step = move |probe: &mut Probe, ctx: &mut Context<'_>| note(probe, ctx.call(gate, Query(length)));
        world.kernel.notify(caller, Do::new(step)).unwrap();
        world.log.wait_until(|lines| lines.iter().any(|line| line.starts_with("a read")));
        let read = world.log.of("a read");
        let codes = [Code::WOULD_DEADLOCK, Code::WOULD_BLOCK].map(|code| refused(code, length));
        assert!(codes.iter().any(|code| read == code), "expected a circle of {length} forwarders to end: {read:?}");
        world.settle();
        world.log.take();
    }
}

#[test]
fn a_call_to_nobody_says_who_is_missing() {
    for mut world in World::both() {
        let caller = world.near("a", handle());
        let gone = world.near("gone", handle());
        let far_gone = world.far("far gone", handle());
        world.settle();
        world.near.deregister(gone).unwrap();
        world.far.deregister(far_gone).unwrap();
        world.settle();
        let near = world.near.id();
        let nobody: Vec<(Address, &[Code])> = vec![
            (gone, &[Code::NO_TARGET]),
            // The caller's thread cannot tell who lives on another.
            (far_gone, &[Code::WOULD_BLOCK, Code::NO_TARGET]),
            ("nobody".parse().unwrap(), &[Code::NO_TARGET]),
            ("nobody.far.".parse().unwrap(), &[Code::NO_TARGET]),
            ("nobody.nowhere.".parse().unwrap(), &[Code::NO_NAMESPACE]),
            ("nobody.near.elsewhere".parse().unwrap(), &[Code::NO_NODE]),
            (Address::service(near), &[Code::NO_SERVICE]),
        ];
        for (to, codes) in nobody {
            world.log.take();
            world.have(caller, move |probe, ctx| note(probe, ctx.call(to, Query(1))));
            let read = world.log.of("a read");
            let expected = codes.iter().any(|&code| read == refused(code, 1));
            assert!(expected, "expected one of {codes:?} of a call to {to}: {read:?}");
        }
        world.balanced();
    }
}

#[test]
fn a_call_returns_the_receivers_own_code() {
    for mut world in World::both() {
        let caller = world.near("a", handle());
        for (habit, code) in [
            (refuse(Code::application(3)), Code::application(3)),
            (refuse(Code::DENIED), Code::DENIED),
            (crate::ways::ignore(), Code::NOT_HANDLED),
            (crate::ways::panicking("boom"), Code::EXCEPTION),
        ] {
            let called = world.near("b", habit);
            world.log.take();
            world.have(caller, move |probe, ctx| note(probe, ctx.call(called, Query(4))));
            assert_eq!(world.log.of("a read"), refused(code, 4), "expected the receiver's code");
        }
        world.balanced();
    }
}

#[test]
fn a_kept_message_of_a_call_cannot_be_held_and_says_so() {
    for mut world in World::both() {
        let shelf = Shelf::default();
        let (caller, keeper) = (world.near("a", handle()), world.near("keeper", hold_on(&shelf)));
        world.have(caller, move |probe, ctx| note(probe, ctx.call(keeper, Query(1))));
        assert_eq!(world.log.of("a read"), refused(Code::WOULD_BLOCK, 1), "expected a code instead of a wait");
        assert_eq!(shelf.take().len(), 0, "expected nothing to be held");
    }
}
