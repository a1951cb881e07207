//! What histories remember.

use crate::rig::{Probe, Rig, builder, noted, noting, to};
use rohrpost::machine::{EventId, State};

/// `s` with `a` (with `a1`, `a2`), `b` and a history, and `out` beside it.
fn chart(history: State<Probe>) -> (Rig, [EventId; 3]) {
    let (builder, [next, leave, back]) = builder(["next", "leave", "back"]);
    let rig = Rig::start(
        builder.initial(to("out")).state(noted("out").on(back, to("h"))).state(
            noted("s")
                .initial(to("a"))
                .on(leave, to("out"))
                .state(history)
                .state(
                    noted("a")
                        .initial(to("a1"))
                        .state(noted("a1").on(next, to("a2")))
                        .state(noted("a2").on(next, to("b"))),
                )
                .state(noted("b").on(next, to("end")).on(back, to("a")))
                .state(State::last("end")),
        ),
    );
    (rig, [next, leave, back])
}

#[test]
fn a_history_without_memory_takes_its_default_and_without_default_the_initial_state() {
    let (mut rig, [_, _, back]) = chart(State::shallow_history("h").branch(noting(to("b"), "default")));
    assert_eq!(rig.run(back), "-out +s default +b");
    let (mut rig, [_, _, back]) = chart(State::shallow_history("h"));
    assert_eq!(rig.run(back), "-out +s +a +a1");
}

#[test]
fn a_shallow_history_remembers_the_child_and_a_deep_one_everything() {
    for (history, leaf) in [(State::shallow_history("h"), "a1"), (State::deep_history("h"), "a2")] {
        let (mut rig, [next, leave, back]) = chart(history);
        rig.run(back);
        rig.run(next);
        assert_eq!(rig.leaves(), "a2");
        rig.run(leave);
        assert_eq!(rig.run(back), format!("-out +s +a +{leaf}"));
    }
}

#[test]
fn a_region_that_was_left_completed_starts_anew() {
    let (mut rig, [next, leave, back]) = chart(State::shallow_history("h"));
    rig.run(back);
    for _ in 0..3 {
        rig.run(next);
    }
    assert_eq!(rig.leaves(), "end");
    rig.run(leave);
    rig.run(back);
    assert_eq!(rig.leaves(), "a1");
}

#[test]
fn a_deep_history_of_a_parallel_state_brings_back_every_region() {
    let (builder, [step, leave, back]) = builder(["step", "leave", "back"]);
    let region = |name: &'static str, first: &'static str, second: &'static str| {
        State::new(name).initial(to(first)).state(noted(first).on(step, to(second))).state(noted(second))
    };
    let mut rig = Rig::start(
        builder
            .initial(to("p"))
            .state(
                State::parallel("p")
                    .on(leave, to("out"))
                    .state(State::deep_history("h"))
                    .state(region("l", "l1", "l2"))
                    .state(region("r", "r1", "r2")),
            )
            .state(noted("out").on(back, to("h"))),
    );
    rig.run(step);
    rig.run(leave);
    rig.run(back);
    assert_eq!(rig.leaves(), "l2 r2");
}
