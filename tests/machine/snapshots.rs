//! Saving and restoring.

use crate::rig::{Rig, builder, noted, to};
use rohrpost::machine::{Engine, RestoreError, Snapshot, State, TimerRequest};
use std::{rc::Rc, time::Duration};

fn rig() -> (Rig, [rohrpost::machine::EventId; 3]) {
    let (builder, [step, leave, back]) = builder(["step", "leave", "back"]);
    let region = |name: &'static str, first: &'static str, second: &'static str| {
        State::new(name).initial(to(first)).state(noted(first).on(step, to(second))).state(noted(second))
    };
    let rig = Rig::start(
        builder
            .initial(to("p"))
            .state(
                State::parallel("p")
                    .on(leave, to("out"))
                    .state(State::deep_history("h"))
                    .state(region("l", "l1", "l2"))
                    .state(region("r", "r1", "r2")),
            )
            .state(noted("out").on(back, to("h")).after(Duration::from_secs(9), to("p"))),
    );
    (rig, [step, leave, back])
}

#[test]
fn a_restored_machine_is_where_the_saved_one_was_and_remembers_what_it_did() {
    let (mut rig, [step, leave, back]) = rig();
    rig.run(step);
    assert_eq!(rig.engine.save().active, ["l2", "r2"]);
    rig.run(leave);
    let saved = rig.engine.save();
    assert_eq!(saved.active, ["out"]);
    assert_eq!(saved.history, [("h".to_owned(), vec!["l2".to_owned(), "r2".to_owned()])]);

    let mut other = Engine::new(Rc::clone(rig.engine.chart()));
    other.restore(&saved).expect("it fits");
    let armed = other.timers().filter(|request| matches!(request, TimerRequest::Arm(..))).count();
    assert_eq!(armed, 1, "timeouts of active states run anew");
    rig.engine = other;
    rig.log();
    assert_eq!(rig.run(back), "-out +l2 +r2");
    assert_eq!(rig.engine.save().active, ["l2", "r2"]);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let (mut rig, _) = rig();
    let snapshot = |active: &[&str], history: &[(&str, &str)]| Snapshot {
        active: active.iter().map(|name| (*name).to_owned()).collect(),
        history: history
            .iter()
            .map(|(name, states)| ((*name).to_owned(), states.split(' ').map(str::to_owned).collect()))
            .collect(),
        raised: Vec::new(),
    };
    let cases = [
        (snapshot(&["nowhere"], &[]), RestoreError::Unknown("nowhere".to_owned())),
        (snapshot(&["l1"], &[]), RestoreError::NotAConfiguration),
        (snapshot(&["l1", "l2", "r1"], &[]), RestoreError::NotAConfiguration),
        (snapshot(&["l1", "r1", "out"], &[]), RestoreError::NotAConfiguration),
        (snapshot(&["p"], &[]), RestoreError::NotAConfiguration),
        (snapshot(&["out"], &[("l1", "l2")]), RestoreError::NotAHistory("l1".to_owned())),
        (snapshot(&["out"], &[("h", "out")]), RestoreError::NotAHistory("h".to_owned())),
        (snapshot(&["out"], &[("h", "l")]), RestoreError::NotAHistory("h".to_owned())),
        (snapshot(&["out"], &[("h", "l1 l2")]), RestoreError::NotAHistory("h".to_owned())),
    ];
    for (snapshot, expected) in cases {
        assert_eq!(rig.engine.restore(&snapshot), Err(expected), "{snapshot:?}");
        assert_eq!(rig.leaves(), "l1 r1");
    }
}
