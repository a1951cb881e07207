//! The engine against an interpreter that follows the rules to the letter: random charts, random events.

mod oracle;

use oracle::{
    chart::{Chart, World},
    interpreter::Interpreter,
};
use proptest::prelude::{ProptestConfig, TestCaseError, any, prop, prop_assert_eq, proptest};
use rohrpost::machine::{Engine, EventId, Table, Trace, Untraced, Verdict};

/// Looks at nothing, but makes the engine do everything by the general algorithm.
struct Look;

impl Trace for Look {}

fn agrees<T: Trace>(chart: &Chart, table: &Table<World>, events: &[u8], trace: T) -> Result<(), TestCaseError> {
    let Some(mut expected) = Interpreter::start(chart) else {
        return Err(TestCaseError::reject("it never rests"));
    };
    let mut world = World::default();
    let mut engine = Engine::traced(table, trace);
    engine.start(&mut world, &mut ());
    prop_assert_eq!(&world, &expected.world, "at the start");
    let mut deferred: Vec<usize> = Vec::new();
    for (at, &event) in events.iter().enumerate() {
        let event = usize::from(event) % chart.events();
        let Some(verdict) = expected.dispatch(event) else {
            return Ok(());
        };
        let outcome = engine.dispatch(EventId::new(event as u16), &mut (), &mut world, &mut ());
        prop_assert_eq!(outcome.verdict(), verdict, "event {} at {}", event, at);
        prop_assert_eq!(&world, &expected.world, "event {} at {}", event, at);
        let leaves: Vec<usize> = engine.leaves().map(|leaf| usize::from(leaf.index())).collect();
        prop_assert_eq!(leaves, expected.leaves(), "event {} at {}", event, at);
        // Events that are not offered again must have stayed deferred.
        if outcome.recall() {
            deferred.clear();
        }
        if verdict == Verdict::Deferred {
            deferred.push(event);
        }
        let forgotten = deferred.iter().find(|&&event| !expected.would_defer(event));
        prop_assert_eq!(
            forgotten,
            None,
            "nobody was told that it is deferred no longer, after event {} at {}",
            event,
            at
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_global_rejects: 1_000_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_the_rules_on_every_action_and_configuration(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        events in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let chart = Chart::random(&bytes);
        let table = chart.table().map_err(|faults| TestCaseError::fail(faults.to_string()))?;
        agrees(&chart, &table, &events, Untraced)?;
        agrees(&chart, &table, &events, Look)?;
    }
}
