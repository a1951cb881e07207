//! Entry points, exit points and the end.

use crate::rig::{Rig, builder, noted, noting, to};
use rohrpost::machine::{State, Verdict};

#[test]
fn an_entry_point_does_its_effect_after_the_entry_of_its_state() {
    let (builder, [enter]) = builder(["enter"]);
    let mut rig = Rig::start(
        builder.initial(to("a")).state(noted("a").on(enter, noting(to("side door"), "knock"))).state(
            noted("s")
                .initial(to("x"))
                .state(State::entry_point("side door").branch(noting(to("y"), "wipe feet")))
                .state(noted("x").on(enter, to("y")))
                .state(noted("y").on(enter, to("x"))),
        ),
    );
    rig.log();
    assert_eq!(rig.run(enter), "-a knock +s wipe feet +y");
}

#[test]
fn an_exit_point_leaves_its_state_and_leads_on() {
    let (builder, [leave]) = builder(["leave"]);
    let mut rig = Rig::start(
        builder
            .initial(to("s"))
            .state(
                noted("s")
                    .initial(to("x"))
                    .state(noted("x").on(leave, noting(to("back door"), "run")))
                    .state(State::exit_point("back door").branch(noting(to("a"), "slam"))),
            )
            .state(noted("a")),
    );
    rig.log();
    assert_eq!(rig.run(leave), "-x -s run slam +a");
}

#[test]
fn an_exit_point_that_leads_back_inside_still_leaves_its_state() {
    let (builder, [leave]) = builder(["leave"]);
    let mut rig = Rig::start(
        builder.initial(to("s")).state(
            noted("s")
                .initial(to("x"))
                .state(noted("x").on(leave, to("out")))
                .state(State::exit_point("out").branch(to("y")))
                .state(noted("y")),
        ),
    );
    rig.log();
    assert_eq!(rig.run(leave), "-x -s +s +y");
}

#[test]
fn an_entry_point_of_a_parallel_state_starts_the_other_regions_by_default() {
    let (builder, [enter]) = builder(["enter"]);
    let mut rig = Rig::start(
        builder.initial(to("a")).state(noted("a").on(enter, to("in"))).state(
            State::parallel("p")
                .state(State::entry_point("in").branch(to("l2")))
                .state(noted("l").initial(to("l1")).state(noted("l1")).state(noted("l2")))
                .state(noted("r").initial(to("r1")).state(noted("r1"))),
        ),
    );
    rig.log();
    assert_eq!(rig.run(enter), "-a +l +l2 +r +r1");
}

#[test]
fn terminate_ends_the_machine_without_leaving_what_is_active() {
    let (builder, [end, other]) = builder(["end", "other"]);
    let mut rig = Rig::start(
        builder
            .initial(to("a"))
            .on(other, to("a"))
            .state(
                State::parallel("p")
                    .state(noted("l").initial(to("a")).state(noted("a").on(end, to("stop"))))
                    .state(noted("r").initial(to("b")).state(noted("b"))),
            )
            .state(State::terminate("stop")),
    );
    rig.log();
    assert!(!rig.engine.is_done());
    let ran = rig.run(end);
    assert!(rig.engine.is_done(), "ran {ran}");
    assert_eq!(rig.dispatch(other).verdict(), Verdict::Unhandled);
}
