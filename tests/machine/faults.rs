//! Charts that are refused, with all that is wrong with them.

use crate::rig::{Probe, builder, flagged, to};
use rohrpost::machine::{Builder, FaultKind, Faults, State, Transition};

fn refuse(builder: Builder<Probe>) -> Faults {
    builder.build().expect_err("the chart has faults")
}

#[track_caller]
fn assert_only(builder: Builder<Probe>, kind: FaultKind, text: &str) {
    let faults = refuse(builder);
    let found: Vec<String> = faults.list().iter().map(ToString::to_string).collect();
    assert_eq!(found, [text]);
    assert_eq!(faults.list()[0].kind(), kind);
}

fn leaf(name: &str) -> State<Probe> {
    State::new(name)
}

#[test]
fn all_faults_of_a_chart_are_named_in_one_error() {
    let (builder, [x]) = builder(["x"]);
    let faults = refuse(
        builder
            .initial(to("a"))
            .initial(to("b"))
            .state(leaf("a").defer(x).on(x, to("b")).on(x, to("nowhere")))
            .state(leaf("b").state(State::shallow_history("h")))
            .state(leaf("b")),
    );
    let found: Vec<FaultKind> = faults.list().iter().map(rohrpost::machine::Fault::kind).collect();
    let expected = [
        FaultKind::TwoInitials,
        FaultKind::HistoryWithoutRegion,
        FaultKind::DuplicateName,
        FaultKind::UnknownTarget,
        FaultKind::Competing,
        FaultKind::DeferredAndHandled,
    ];
    assert_eq!(found, expected, "{faults}");
    assert!(faults.to_string().contains("`a` has a transition to an unknown state `nowhere`; "), "{faults}");
}

#[test]
fn a_state_that_nothing_leads_to_is_a_fault() {
    let (builder, []) = builder([]);
    assert_only(
        builder.initial(to("a")).state(leaf("a")).state(leaf("b")),
        FaultKind::Unreachable,
        "`b` cannot be reached",
    );
}

#[test]
fn two_transitions_without_guard_for_one_event_are_a_fault() {
    let (builder, [x]) = builder(["x"]);
    assert_only(
        builder.initial(to("a")).state(leaf("a").on(x, to("a")).on(x, Transition::internal())),
        FaultKind::Competing,
        "`a` has more than one transition without guard for `x`",
    );
}

#[test]
fn a_transition_behind_one_without_guard_is_a_fault() {
    let (builder, [x]) = builder(["x"]);
    assert_only(
        builder.initial(to("a")).state(leaf("a").on(x, to("a")).on(x, flagged(to("a")))),
        FaultKind::Shadowed,
        "`a` has a transition that never gets its turn, behind one without guard, for `x`",
    );
}

#[test]
fn a_composite_state_without_initial_transition_is_a_fault() {
    let (builder, []) = builder([]);
    assert_only(
        builder.initial(to("a")).state(leaf("s").state(leaf("a"))),
        FaultKind::NoInitial,
        "`s` has states inside but no initial transition",
    );
}

#[test]
fn a_choice_whose_branches_may_all_be_closed_is_a_fault() {
    let (builder, [x]) = builder(["x"]);
    assert_only(
        builder.initial(to("a")).state(leaf("a").on(x, to("?"))).state(State::choice("?").branch(flagged(to("a")))),
        FaultKind::NoElse,
        "`?` is a choice, but all its branches have guards",
    );
}

#[test]
fn junctions_in_a_circle_are_a_fault() {
    let (builder, [x]) = builder(["x"]);
    let faults = refuse(
        builder
            .initial(to("a"))
            .state(leaf("a").on(x, to("i")))
            .state(State::junction("i").branch(to("j")))
            .state(State::junction("j").branch(to("i"))),
    );
    assert!(faults.has(FaultKind::Circle), "{faults}");
}

#[test]
fn waiting_for_a_completion_that_cannot_come_is_a_fault() {
    let (builder, []) = builder([]);
    assert_only(
        builder.initial(to("s")).state(leaf("s").initial(to("a")).done(to("s")).state(leaf("a"))),
        FaultKind::NeverCompletes,
        "`s` waits for its completion, but has no final state inside",
    );
}

#[test]
fn a_local_transition_that_leads_out_is_a_fault() {
    let (builder, [x]) = builder(["x"]);
    assert_only(
        builder.initial(to("a")).state(leaf("a").on(x, Transition::local("b"))).state(leaf("b").on(x, to("a"))),
        FaultKind::LocalLeaves,
        "`a` has a local transition to a state that is not inside it `b`",
    );
}

#[test]
fn targets_that_cannot_be_active_together_are_a_fault() {
    let (builder, [x]) = builder(["x"]);
    assert_only(
        builder.initial(to("a")).state(leaf("a").on(x, Transition::to_all(["a", "b"]))).state(leaf("b")),
        FaultKind::ConflictingTargets,
        "`a` has a transition to states that cannot be active together, one of them `a`",
    );
}

#[test]
fn a_final_state_with_a_way_on_is_a_fault() {
    let (builder, [x]) = builder(["x"]);
    assert_only(
        builder.initial(to("a")).state(leaf("a").on(x, to("end"))).state(State::last("end").on(x, to("a"))),
        FaultKind::FinalWithMore,
        "`end` is final, but has states, transitions, rules, an exit action or an event to raise",
    );
}

#[test]
fn a_chart_without_states_is_a_fault() {
    let (builder, []) = builder([]);
    assert_only(builder, FaultKind::Empty, "`root` has no states");
}
