//! What transitions leave and enter, and which of them is taken.

use crate::rig::{Rig, builder, flagged, noted, noting, to};
use rohrpost::machine::{State, Transition, Verdict};

#[test]
fn an_external_transition_leaves_its_source_and_a_local_one_does_not() {
    let (builder, [external, local, internal]) = builder(["external", "local", "internal"]);
    let mut rig = Rig::start(
        builder.initial(to("s")).state(
            noted("s")
                .initial(to("a"))
                .on(external, to("b"))
                .on(local, Transition::local("b"))
                .on(internal, noting(Transition::internal(), "only this"))
                .state(noted("a"))
                .state(noted("b")),
        ),
    );
    rig.log();
    assert_eq!(rig.run(internal), "only this");
    assert_eq!(rig.run(local), "-a +b");
    assert_eq!(rig.run(external), "-b -s +s +b");
}

#[test]
fn the_domain_is_that_of_source_and_target_not_of_the_active_leaf() {
    let (builder, [up]) = builder(["up"]);
    let mut rig = Rig::start(
        builder.initial(to("s")).state(
            noted("s")
                .initial(to("m"))
                .state(noted("m").initial(to("leaf")).on(up, to("n")).state(noted("leaf")))
                .state(noted("n")),
        ),
    );
    rig.log();
    assert_eq!(rig.run(up), "-leaf -m +n");
}

#[test]
fn a_self_transition_on_a_composite_leaves_and_enters_it() {
    let (builder, [again]) = builder(["again"]);
    let mut rig = Rig::start(builder.initial(to("s")).state(
        noted("s").initial(to("a")).on(again, to("s")).state(noted("a").on(again, flagged(to("b")))).state(noted("b")),
    ));
    rig.log();
    assert_eq!(rig.run(again), "-a -s +s +a");
    rig.probe.flag = true;
    assert_eq!(rig.run(again), "-a +b");
}

#[test]
fn a_transition_to_a_state_around_its_source_enters_that_state_anew() {
    let (builder, [out]) = builder(["out"]);
    let mut rig = Rig::start(
        builder
            .initial(to("b"))
            .state(noted("s").initial(to("a")).state(noted("a")).state(noted("b").on(out, to("s")))),
    );
    rig.log();
    assert_eq!(rig.run(out), "-b -s +s +a");
}

#[test]
fn the_first_transition_whose_guard_holds_is_taken_and_inner_ones_go_first() {
    let (builder, [x]) = builder(["x"]);
    let mut rig = Rig::start(
        builder.initial(to("a")).state(
            noted("s").initial(to("a")).on(x, noting(Transition::internal(), "outer")).state(
                noted("a")
                    .on(x, flagged(noting(Transition::internal(), "first")))
                    .on(x, noting(Transition::internal(), "second").when(|probe, _, _| probe.log.len() == 99)),
            ),
        ),
    );
    rig.log();
    assert_eq!(rig.run(x), "outer");
    rig.probe.flag = true;
    assert_eq!(rig.run(x), "first");
}

#[test]
fn a_choice_reads_its_guards_after_the_effects_on_the_way_and_a_junction_before() {
    let branches = |state: State<crate::rig::Probe>| {
        state.branch(flagged(noting(to("yes"), "was up"))).branch(noting(to("no"), "was down"))
    };
    let (builder, [choice, junction, back]) = builder(["choice", "junction", "back"]);
    let raise_flag = |probe: &mut crate::rig::Probe| {
        probe.flag = true;
        probe.log.push("raise".to_owned());
    };
    let mut rig = Rig::start(
        builder
            .initial(to("a"))
            .state(
                noted("a")
                    .on(choice, to("?").effect(move |probe, _, _| raise_flag(probe)))
                    .on(junction, to("!").effect(move |probe, _, _| raise_flag(probe))),
            )
            .state(branches(State::choice("?")))
            .state(branches(State::junction("!")))
            .state(noted("yes").on(back, to("a")))
            .state(noted("no").on(back, to("a"))),
    );
    rig.log();
    assert_eq!(rig.run(choice), "-a raise was up +yes");
    rig.run(back);
    rig.probe.flag = false;
    assert_eq!(rig.run(junction), "-a raise was down +no");
}

#[test]
fn a_junction_that_is_closed_keeps_its_transition_from_starting() {
    let (builder, [x]) = builder(["x"]);
    let mut rig = Rig::start(
        builder
            .initial(to("a"))
            .on(x, noting(Transition::internal(), "root"))
            .state(noted("a").on(x, to("j")))
            .state(State::junction("j").branch(flagged(to("b"))))
            .state(noted("b")),
    );
    rig.log();
    assert_eq!(rig.run(x), "root");
    rig.probe.flag = true;
    assert_eq!(rig.run(x), "-a +b");
}

#[test]
fn a_choice_inside_a_state_enters_that_state_before_it_decides() {
    let (builder, [inside, outside]) = builder(["inside", "outside"]);
    let mut rig = Rig::start(
        builder.initial(to("a")).state(noted("a").on(inside, to("?"))).state(
            noted("s")
                .initial(to("c"))
                .on(outside, to("a"))
                .state(State::choice("?").branch(flagged(to("a"))).branch(to("c")))
                .state(noted("c")),
        ),
    );
    rig.log();
    assert_eq!(rig.run(inside), "-a +s +c");
    rig.run(outside);
    rig.probe.flag = true;
    assert_eq!(rig.run(inside), "-a +s -s +a");
}

#[test]
fn an_event_that_the_table_does_not_name_is_taken_by_a_transition_on_any() {
    let (builder, [x]) = builder(["x"]);
    let mut rig =
        Rig::start(builder.initial(to("a")).state(
            noted("a").on(x, noting(Transition::internal(), "x")).on_any(noting(Transition::internal(), "any")),
        ));
    rig.log();
    assert_eq!(rig.run(x), "x");
    assert_eq!(rig.run(rohrpost::machine::EventId::OTHER), "any");
}

#[test]
fn an_event_that_nobody_takes_is_unhandled_and_changes_nothing() {
    let (builder, [x, y]) = builder(["x", "y"]);
    let mut rig = Rig::start(builder.initial(to("a")).state(noted("a").on(y, flagged(to("a")))));
    assert_eq!(rig.dispatch(x).verdict(), Verdict::Unhandled);
    assert_eq!(rig.dispatch(y).verdict(), Verdict::Unhandled);
    assert_eq!(rig.leaves(), "a");
}

#[test]
fn a_machine_that_has_not_started_handles_nothing() {
    let (mut builder, [x]) = builder(["x"]);
    builder = builder.initial(to("a")).on(x, Transition::internal()).state(noted("a"));
    let table = builder.build().expect("the chart has no faults");
    let mut engine = rohrpost::machine::Engine::new(&table);
    let mut probe = crate::rig::Probe::default();
    assert_eq!(engine.dispatch(x, &mut (), &mut probe, &mut ()).verdict(), Verdict::Unhandled);
    assert_eq!(engine.leaves().count(), 0);
}

#[test]
fn a_hook_that_panics_leaves_the_machine_where_it_was() {
    let (builder, [x]) = builder(["x"]);
    let mut rig = Rig::start(
        builder
            .initial(to("a"))
            .state(noted("a").on(x, to("b")))
            .state(State::<crate::rig::Probe>::new("b").entry(|probe, _, _| assert!(probe.flag, "the flag is down"))),
    );
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| rig.dispatch(x)));
    assert!(caught.is_err());
    assert_eq!(rig.leaves(), "a");
    rig.probe.flag = true;
    assert!(rig.dispatch(x).is_handled());
    assert_eq!(rig.leaves(), "b");
}
