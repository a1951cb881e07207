//! Final states and what they complete.

use crate::rig::{Rig, builder, noted, noted_parallel, noting, to};
use rohrpost::machine::{State, Transition};

#[test]
fn a_final_state_completes_the_state_around_it() {
    let (builder, [x]) = builder(["x"]);
    let mut rig = Rig::start(
        builder
            .initial(to("s"))
            .state(
                noted("s")
                    .initial(to("a"))
                    .done(noting(to("after"), "done"))
                    .state(noted("a").on(x, to("end")))
                    .state(State::last("end")),
            )
            .state(noted("after")),
    );
    rig.log();
    assert_eq!(rig.run(x), "-a -s done +after");
}

#[test]
fn completion_goes_before_transitions_without_trigger_and_raised_events() {
    let (builder, [x, raised]) = builder(["x", "raised"]);
    let mut rig = Rig::start(
        builder
            .initial(to("s"))
            .on(raised, noting(Transition::internal(), "raised"))
            .state(
                noted("s")
                    .initial(to("a"))
                    .done(noting(to("b"), "done"))
                    .state(noted("a").on(x, to("end").effect(move |_, _, step| step.raise(raised))))
                    .state(State::last("end")),
            )
            .state(noted("b").always(noting(to("c"), "always")))
            .state(noted("c")),
    );
    rig.log();
    assert_eq!(rig.run(x), "-a -s done +b -b always +c raised");
}

#[test]
fn a_simple_state_completes_when_it_is_entered() {
    let (builder, [x]) = builder(["x"]);
    let mut rig = Rig::start(
        builder
            .initial(to("a"))
            .state(noted("a").on(x, to("b")))
            .state(noted("b").done(noting(to("c"), "through")))
            .state(noted("c")),
    );
    rig.log();
    assert_eq!(rig.run(x), "-a +b -b through +c");
}

#[test]
fn a_parallel_state_completes_when_all_its_regions_have() {
    let (builder, [x, y]) = builder(["x", "y"]);
    let mut rig = Rig::start(
        builder
            .initial(to("p"))
            .state(
                noted_parallel("p")
                    .done(noting(to("after"), "done"))
                    .state(
                        State::new("l")
                            .initial(to("a"))
                            .state(noted("a").on(x, to("l end")))
                            .state(State::last("l end")),
                    )
                    .state(
                        State::new("r")
                            .initial(to("b"))
                            .state(noted("b").on(y, to("r end")))
                            .state(State::last("r end")),
                    ),
            )
            .state(noted("after")),
    );
    rig.log();
    assert_eq!(rig.run(y), "-b");
    assert_eq!(rig.run(x), "-a -p done +after");
}

#[test]
fn a_final_state_of_the_root_ends_the_machine() {
    let (builder, [x]) = builder(["x"]);
    let mut rig = Rig::start(builder.initial(to("a")).state(noted("a").on(x, to("end"))).state(State::last("end")));
    assert!(!rig.engine.is_done());
    rig.run(x);
    assert!(rig.engine.is_done());
}
