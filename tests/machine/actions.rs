//! In which order actions run.

use crate::rig::{Rig, builder, noted, noting, to};
use rohrpost::machine::{Engine, EventId, Model, State, Table, Transition};

/// `outer` with `inner` with `a` and `b`, and `far` beside it.
fn nested() -> (Rig, [EventId; 3]) {
    let (builder, [x, y, z]) = builder(["x", "y", "z"]);
    let rig = Rig::start(
        builder
            .initial(noting(to("outer"), "begin"))
            .state(
                noted("outer").initial(noting(to("inner"), "first")).on(y, noting(to("far"), "go")).state(
                    noted("inner")
                        .initial(noting(to("a"), "second"))
                        .state(noted("a").on(x, noting(to("b"), "step")))
                        .state(noted("b")),
                ),
            )
            .state(noted("far").on(z, noting(to("inner"), "back"))),
    );
    (rig, [x, y, z])
}

#[test]
fn entries_run_from_outer_to_inner_with_each_initial_effect_between() {
    let (mut rig, _) = nested();
    assert_eq!(rig.log(), "begin +outer first +inner second +a");
}

#[test]
fn exits_run_from_inner_to_outer_then_the_effect_then_the_entries() {
    let (mut rig, [x, y, _]) = nested();
    assert_eq!(rig.run(x), "-a step +b");
    assert_eq!(rig.run(y), "-b -inner -outer go +far");
}

#[test]
fn an_initial_transition_that_is_passed_by_has_no_effect() {
    let (mut rig, [_, y, z]) = nested();
    rig.run(y);
    assert_eq!(rig.run(z), "-far back +outer +inner second +a");
}

#[test]
fn an_initial_transition_may_lead_deep() {
    let (builder, []) = builder([]);
    let mut rig = Rig::start(
        builder.initial(to("outer")).state(
            noted("outer")
                .initial(noting(to("deep"), "dive"))
                .state(noted("middle").initial(to("deep")).state(noted("deep"))),
        ),
    );
    assert_eq!(rig.log(), "+outer dive +middle +deep");
}

#[test]
fn raised_events_are_handled_in_order_before_the_next_event_from_outside() {
    let (builder, [go, one, two]) = builder(["go", "one", "two"]);
    let mut rig = Rig::start(
        builder
            .initial(to("a"))
            .state(
                noted("a")
                    .on(
                        go,
                        to("b").effect(move |_, _, step| {
                            step.raise(two);
                            step.raise(one);
                        }),
                    )
                    .on(one, noting(Transition::internal(), "too early")),
            )
            .state(
                noted("b")
                    .on(one, noting(Transition::internal(), "one"))
                    .on(two, noting(Transition::internal(), "two")),
            ),
    );
    rig.log();
    assert_eq!(rig.run(go), "-a +b two one");
}

#[test]
fn the_event_is_seen_by_what_it_sets_off_but_not_by_what_is_raised() {
    let (builder, [go, raised]) = builder(["go", "raised"]);
    let see = |name: &'static str| {
        move |probe: &mut crate::rig::Probe, (): &mut (), step: &mut rohrpost::machine::Step<'_, ()>| {
            let seen = if step.event().is_some() { "sees it" } else { "does not" };
            probe.log.push(format!("{name} {seen}"));
        }
    };
    let mut rig = Rig::start(
        builder
            .initial(to("a"))
            .state(noted("a").on(
                go,
                to("b").effect(move |probe, ctx, step| {
                    see("effect")(probe, ctx, step);
                    step.raise(raised);
                }),
            ))
            .state(noted("b").always(to("c").effect(move |probe, ctx, step| see("always")(probe, ctx, step))))
            .state(
                noted("c")
                    .on(raised, Transition::internal().effect(move |probe, ctx, step| see("raised")(probe, ctx, step))),
            ),
    );
    rig.log();
    assert_eq!(rig.run(go), "-a effect sees it +b -b always sees it +c raised does not");
}

#[test]
fn transitions_without_trigger_that_never_rest_are_cut_short() {
    let (builder, [go]) = builder(["go"]);
    let mut rig = Rig::start(
        builder
            .initial(to("a"))
            .state(noted("a").on(go, to("b")))
            .state(State::new("b").always(to("c")))
            .state(State::new("c").always(to("b"))),
    );
    assert_eq!(rig.dispatch(go).verdict(), rohrpost::machine::Verdict::Endless);
}

struct Diver {
    depths: Vec<usize>,
}

impl Model for Diver {
    type Event<'e> = ();
    type Context<'c> = ();
}

#[test]
fn a_transition_of_a_built_table_does_all_that_it_has_to_however_much_that_is() {
    for depth in 0..12 {
        let mut builder = Table::<Diver>::builder();
        let (dive, rise) = (builder.event("dive"), builder.event("rise"));
        let mut sea = State::new("bottom").on(rise, Transition::to("shore"));
        for level in (0..depth).rev() {
            sea = State::<Diver>::new(format!("{level}"))
                .entry(move |diver, _, _| diver.depths.push(level))
                .exit(move |diver, _, _| diver.depths.push(100 + level))
                .initial(Transition::to("bottom"))
                .state(sea);
        }
        let table = builder
            .initial(Transition::to("shore"))
            .state(State::new("shore").on(dive, Transition::to("bottom")))
            .state(sea)
            .build()
            .expect("the chart has no faults");
        let mut diver = Diver { depths: Vec::new() };
        let mut engine = Engine::new(&table);
        engine.start(&mut diver, &mut ());
        assert!(engine.dispatch(dive, &mut (), &mut diver, &mut ()).is_handled());
        assert!(engine.dispatch(rise, &mut (), &mut diver, &mut ()).is_handled());
        assert_eq!(table.name_of(engine.state()), "shore");
        let expected: Vec<usize> = (0..depth).chain((0..depth).rev().map(|level| 100 + level)).collect();
        assert_eq!(diver.depths, expected, "expected every entry and exit of {depth} levels in order");
    }
}
