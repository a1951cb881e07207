//! What a trace sees.

use crate::rig::{Probe, builder, flagged, noted, to};
use rohrpost::machine::{Answer, Engine, EventId, State, StateId, Trace, TransitionId};

#[derive(Default)]
struct Log(Vec<String>);

impl Trace for Log {
    fn event(&mut self, event: EventId) {
        self.0.push(format!("event {}", event.index()));
    }

    fn asked(&mut self, transition: TransitionId, answer: Answer) {
        self.0.push(format!("asked {} {answer:?}", transition.index()));
    }

    fn left(&mut self, state: StateId) {
        self.0.push(format!("left {}", state.index()));
    }

    fn taken(&mut self, transition: TransitionId) {
        self.0.push(format!("taken {}", transition.index()));
    }

    fn entered(&mut self, state: StateId) {
        self.0.push(format!("entered {}", state.index()));
    }

    fn completed(&mut self, state: StateId) {
        self.0.push(format!("completed {}", state.index()));
    }
}

#[test]
fn a_trace_sees_every_step_in_order() {
    let (builder, [x]) = builder(["x"]);
    let table = builder
        .initial(to("s"))
        .state(
            noted("s")
                .initial(to("a"))
                .done(to("b"))
                .state(noted("a").on(x, flagged(to("b"))).on(x, to("end")))
                .state(State::last("end")),
        )
        .state(noted("b"))
        .build()
        .expect("the chart has no faults");
    let mut engine = Engine::traced(&table, Log::default());
    let mut probe = Probe::default();
    let _ = engine.start(&mut probe, &mut ());
    assert_eq!(engine.trace().0, ["taken 0", "entered 1", "taken 1", "entered 2"]);
    engine.trace_mut().0.clear();
    let _ = engine.dispatch(x, &mut (), &mut probe, &mut ());
    let expected = [
        "event 0",
        "asked 3 No",
        "left 2",
        "taken 4",
        "entered 3",
        "completed 1",
        "left 3",
        "left 1",
        "taken 2",
        "entered 4",
    ];
    assert_eq!(engine.trace().0, expected);
    assert_eq!(table.describe(TransitionId::new(4)), "a --x--> end");
}
