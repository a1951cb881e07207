//! Tables as pictures.

use crate::rig::{Rig, builder, flagged, noted, noting, to};
use rohrpost::machine::{Format, State, Transition};

fn rig() -> Rig {
    let (builder, [x, y]) = builder(["x", "y"]);
    Rig::start(
        builder
            .initial(to("a"))
            .state(noted("a").on(x, flagged(noting(to("p"), "go"))).on(y, noting(Transition::internal(), "stay")))
            .state(
                State::parallel("p")
                    .state(State::new("l").initial(to("l1")).state(State::new("l1").on(x, to("?"))))
                    .state(State::new("r").initial(to("r1")).state(State::new("r1"))),
            )
            .state(State::choice("?").branch(to("a"))),
    )
}

fn diagram(format: Format) -> String {
    let rig = rig();
    rig.engine.table().diagram(format).mark(rig.engine.leaves()).to_string()
}

#[test]
fn mermaid_shows_states_regions_transitions_and_what_is_active() {
    let expected = "stateDiagram-v2
    [*] --> s1
    state \"a\" as s1
    s1 : y / !
    state \"p\" as s2
    state s2 {
        state \"l\" as s3
        state s3 {
            [*] --> s4
            state \"l1\" as s4
        }
        --
        state \"r\" as s5
        state s5 {
            [*] --> s6
            state \"r1\" as s6
        }
    }
    state s7 <<choice>>
    s1 --> s2 : x [?] / !
    s4 --> s7 : x
    s7 --> s1
    classDef active fill:#ffd54f,stroke:#b28704
    class s1 active
";
    assert_eq!(diagram(Format::Mermaid), expected);
}

#[test]
fn plantuml_shows_the_same() {
    let text = diagram(Format::PlantUml);
    for line in [
        "@startuml",
        "state \"a\" as s1 #ffd54f",
        "state \"?\" as s7 <<choice>>",
        "s1 --> s2 : x [?] / !",
        "--",
        "@enduml",
    ] {
        assert!(text.lines().any(|own| own.trim() == line), "no line {line} in\n{text}");
    }
}

#[test]
fn dot_shows_the_same() {
    let text = diagram(Format::Dot);
    for line in [
        "digraph chart {",
        "subgraph cluster_2 {",
        "s1 -> s2 [label=\"x [?] / !\", lhead=cluster_2];",
        "s7 [label=\"?\", shape=diamond, style=\"rounded\", fillcolor=\"#ffd54f\"];",
    ] {
        assert!(text.lines().any(|own| own.trim() == line), "no line {line} in\n{text}");
    }
    assert_eq!(text.matches('{').count(), text.matches('}').count());
}
