//! Orthogonal regions, forks and joins.

use crate::rig::{Rig, builder, noted, noted_parallel, noting, to};
use rohrpost::machine::{State, Transition};

#[test]
fn an_event_is_handled_in_every_region_that_takes_it() {
    let (builder, [x]) = builder(["x"]);
    let mut rig = Rig::start(
        builder.initial(to("p")).state(
            noted_parallel("p")
                .state(
                    State::new("l")
                        .initial(to("l1"))
                        .state(noted("l1").on(x, noting(to("l2"), "l")))
                        .state(noted("l2")),
                )
                .state(
                    State::new("r")
                        .initial(to("r1"))
                        .state(noted("r1").on(x, noting(to("r2"), "r")))
                        .state(noted("r2")),
                ),
        ),
    );
    assert_eq!(rig.log(), "+p +l1 +r1");
    assert_eq!(rig.run(x), "-r1 -l1 l r +l2 +r2");
}

#[test]
fn of_two_transitions_that_leave_one_state_the_inner_one_is_taken_else_the_first() {
    let (builder, [x, y]) = builder(["x", "y"]);
    let mut rig = Rig::start(
        builder
            .initial(to("p"))
            .state(
                noted_parallel("p")
                    .on(x, noting(to("out"), "outer"))
                    .state(State::new("l").initial(to("l1")).state(noted("l1").on(y, noting(to("out"), "left"))))
                    .state(
                        State::new("r")
                            .initial(to("r1"))
                            .state(noted("r1").on(x, noting(to("r2"), "inner")).on(y, noting(to("out"), "right")))
                            .state(noted("r2").on(y, noting(to("out"), "right"))),
                    ),
            )
            .state(noted("out")),
    );
    rig.log();
    assert_eq!(rig.run(x), "-r1 inner +r2");
    assert_eq!(rig.run(y), "-r2 -l1 -p left +out");
}

#[test]
fn a_fork_leads_into_several_regions_and_starts_the_others_by_default() {
    let (builder, [x]) = builder(["x"]);
    let region = |name: &'static str, first: &'static str, second: &'static str| {
        State::new(name).initial(to(first)).state(noted(first)).state(noted(second).on(x, to(first)))
    };
    let mut rig = Rig::start(
        builder
            .initial(to("a"))
            .state(noted("a").on(x, noting(to("fork"), "into")))
            .state(State::fork("fork").branch(noting(to("l2"), "left")).branch(noting(to("r2"), "right")))
            .state(
                noted_parallel("p")
                    .on(x, to("m2"))
                    .state(region("l", "l1", "l2"))
                    .state(region("m", "m1", "m2"))
                    .state(region("r", "r1", "r2")),
            ),
    );
    rig.log();
    assert_eq!(rig.run(x), "-a into left right +p +l2 +m1 +r2");
}

#[test]
fn a_join_waits_for_all_its_regions() {
    let (builder, [x, y]) = builder(["x", "y"]);
    let mut rig = Rig::start(
        builder
            .initial(to("p"))
            .state(
                noted_parallel("p")
                    .state(
                        State::new("l")
                            .initial(to("l1"))
                            .state(noted("l1").on(x, to("l2")))
                            .state(noted("l2").done(noting(to("join"), "left"))),
                    )
                    .state(
                        State::new("r")
                            .initial(to("r1"))
                            .state(noted("r1").on(y, to("r2")))
                            .state(noted("r2").done(noting(to("join"), "right"))),
                    ),
            )
            .state(State::join("join").branch(noting(to("out"), "out")))
            .state(noted("out")),
    );
    rig.log();
    assert_eq!(rig.run(y), "-r1 +r2");
    assert_eq!(rig.run(x), "-l1 +l2 -r2 -l2 -p left right out +out");
}

#[test]
fn a_join_may_wait_for_an_event_besides() {
    let (builder, [x, go]) = builder(["x", "go"]);
    let region = |name: &'static str, first: &'static str, second: &'static str| {
        State::new(name)
            .initial(to(first))
            .state(State::new(first).on(x, to(second)))
            .state(State::new(second).done(to("join")))
    };
    let mut rig = Rig::start(
        builder
            .initial(to("p"))
            .state(State::parallel("p").state(region("l", "l1", "l2")).state(region("r", "r1", "r2")))
            .state(State::join("join").on(go, noting(to("out"), "go")))
            .state(noted("out")),
    );
    assert_eq!(rig.run(go), "");
    rig.run(x);
    assert_eq!(rig.run(go), "go +out");
}

#[test]
fn a_guard_may_ask_where_another_region_is() {
    let (mut builder, [x, y]) = builder(["x", "y"]);
    builder = builder.initial(to("p")).state(
        State::parallel("p")
            .state(State::new("l").initial(to("l1")).state(State::new("l1").on(x, to("l2"))).state(State::new("l2")))
            .state(noted("r").on(
                y,
                noting(Transition::internal(), "after x").when(|_, _, query| {
                    // The third vertex after the root: `p`, `l`, `l1`, `l2`.
                    query.is_in(rohrpost::machine::StateId::new(4))
                }),
            )),
    );
    let mut rig = Rig::start(builder);
    assert_eq!(rig.engine.table().state("l2"), Some(rohrpost::machine::StateId::new(4)));
    assert_eq!(rig.run(y), "");
    rig.run(x);
    assert_eq!(rig.run(y), "after x");
}
