//! What a table could not heed is refused instead of being ignored.

use crate::rig::{Probe, builder, flagged, noting, to};
use rohrpost::machine::{Builder, Fault, FaultKind, Policy, Reach, Scope, State, Transition};

#[track_caller]
fn assert_faults(builder: Builder<Probe>, expected: &[FaultKind]) {
    let faults = builder.build().expect_err("the chart has faults");
    let found: Vec<FaultKind> = faults.list().iter().map(Fault::kind).collect();
    assert_eq!(found, expected, "{faults}");
}

fn leaf(name: &str) -> State<Probe> {
    State::new(name)
}

fn region(name: &str, inside: &str) -> State<Probe> {
    let end = format!("{inside} end");
    leaf(name).initial(to(inside)).state(leaf(inside).always(to(&end))).state(State::last(end))
}

#[test]
fn a_guard_on_a_transition_that_is_taken_in_any_case_is_a_fault() {
    let (builder, [x]) = builder(["x"]);
    assert_faults(
        builder
            .initial(flagged(to("s")))
            .state(
                leaf("s")
                    .initial(flagged(to("a")))
                    .state(leaf("a"))
                    .state(leaf("b"))
                    .state(State::shallow_history("h").branch(flagged(to("a"))))
                    .state(State::entry_point("p").branch(flagged(to("b")))),
            )
            .on(x, to("h"))
            .on_any(to("p")),
        &[FaultKind::IgnoredGuard; 4],
    );
}

#[test]
fn a_branch_of_a_state_is_a_fault() {
    let (builder, []) = builder([]);
    assert_faults(
        builder.initial(to("a")).state(leaf("a").branch(to("b"))).state(leaf("b").always(to("a"))),
        &[FaultKind::BranchOnState],
    );
}

#[test]
fn an_internal_transition_with_a_target_is_a_fault() {
    let (builder, [x]) = builder(["x"]);
    assert_faults(
        builder.initial(to("a")).state(leaf("a").on(x, Transition::new(Reach::Internal, ["a"]))),
        &[FaultKind::InternalWithTarget],
    );
}

#[test]
fn a_pseudostate_with_actions_rules_or_an_inside_is_a_fault() {
    for change in [
        |choice: State<Probe>, _| choice.entry(|_, _, _| {}),
        |choice: State<Probe>, _| choice.exit(|_, _, _| {}),
        |choice: State<Probe>, x| choice.defer(x),
        |choice: State<Probe>, x| choice.raise_when_done(x),
        |choice: State<Probe>, _| choice.state(leaf("inside")),
    ] {
        let (builder, [x]) = builder(["x"]);
        let choice = change(State::choice("c").branch(to("a")), x);
        let faults = builder.initial(to("a")).state(leaf("a").on(x, to("c"))).state(choice).build();
        let faults = faults.expect_err("the choice has more than branches");
        assert!(faults.has(FaultKind::PseudostateWithMore), "{faults}");
    }
}

#[test]
fn two_rules_without_guard_for_one_event_are_a_fault() {
    let (builder, [x, y]) = builder(["x", "y"]);
    assert_faults(
        builder.initial(to("a")).state(
            leaf("a")
                .defer(x)
                .rule(Policy::Reject, Scope::Only, [y, x])
                .modal(Policy::Drop, [])
                .defer_if(y, |probe: &Probe, _, _| probe.flag),
        ),
        &[FaultKind::CompetingRules],
    );
}

#[test]
fn branches_of_a_fork_into_one_region_are_a_fault() {
    let (builder, [x]) = builder(["x"]);
    assert_faults(
        builder
            .initial(to("p"))
            .on(x, to("f"))
            .state(State::fork("f").branch(to("l")).branch(to("l end")))
            .state(State::parallel("p").state(region("left", "l")).state(region("right", "r"))),
        &[FaultKind::ConflictingTargets],
    );
}

#[test]
fn branches_of_an_entry_point_into_one_region_are_a_fault() {
    let (builder, [x]) = builder(["x"]);
    assert_faults(
        builder.initial(to("s")).on(x, to("in")).state(
            leaf("s")
                .initial(to("a"))
                .state(State::entry_point("in").branch(to("a")).branch(noting(to("b"), "b")))
                .state(leaf("a"))
                .state(leaf("b")),
        ),
        &[FaultKind::ConflictingTargets],
    );
}

#[test]
fn a_join_of_states_that_are_never_active_together_is_a_fault() {
    let (builder, []) = builder([]);
    assert_faults(
        builder
            .initial(to("a"))
            .state(leaf("a").done(to("j")))
            .state(leaf("b").done(to("j")).always(to("a")))
            .state(State::join("j").branch(to("b"))),
        &[FaultKind::LegsApart],
    );
}

#[test]
fn a_final_state_that_raises_something_is_a_fault() {
    let (builder, [x]) = builder(["x"]);
    assert_faults(
        builder.initial(to("a")).state(leaf("a").on(x, to("end"))).state(State::last("end").raise_when_done(x)),
        &[FaultKind::FinalWithMore],
    );
}
