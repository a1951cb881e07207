//! The seed decides who runs next: the same one the same way each time, another one otherwise.

use std::collections::HashSet;
use std::process::Command;
use std::sync::{Arc, Mutex};

use rohrpost::testing::{Probe, SEED, TestKernel, explore};
use rohrpost::{Context, Failure, Handle, handles};

use crate::{Note, Relay, panic_of};

/// Writes down every note.
struct Scribe(Arc<Mutex<Vec<u32>>>);
impl Handle<Note> for Scribe {
    fn handle(&mut self, note: &Note, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.0.lock().unwrap().push(note.0);
        Ok(())
    }
}
handles!(Scribe: Note);

/// What a scribe reads of three senders on three threads, and who ran.
fn run(seed: u64) -> (Vec<u32>, Vec<String>) {
    let mut test = TestKernel::with_seed("node", seed);
    let app = test.namespace("app").threads(4).open().unwrap();
    let notes = Arc::default();
    let scribe = app.register(Scribe(Arc::clone(&notes))).unwrap();
    let probes = [1, 2, 3].map(|sender| (sender, Probe::new("sender")));
    for (sender, probe) in &probes {
        app.register_on(*sender as usize, probe.clone()).unwrap();
    }
    test.run_until_idle().unwrap();
    for (sender, probe) in &probes {
        (0..3).for_each(|note| probe.notify(scribe, Note(sender * 10 + note)));
    }
    let turns = std::iter::from_fn(|| test.step()).map(|turn| turn.to_string()).collect();
    let notes = notes.lock().unwrap().clone();
    (notes, turns)
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..20 {
        assert_eq!(run(seed), run(seed), "expected seed {seed} to run the same way twice");
    }
}

#[test]
fn different_seeds_give_different_interleavings_and_none_breaks_the_order() {
    let runs: Vec<Vec<u32>> = (0..50).map(|seed| run(seed).0).collect();
    let different: HashSet<&Vec<u32>> = runs.iter().collect();
    // Nine notes of three senders, each in order, can be mixed in 1680 ways.
    assert!(different.len() > 10, "expected 50 seeds to give many orders, not {}", different.len());
    for run in &runs {
        for sender in 1..4 {
            let its: Vec<u32> = run.iter().copied().filter(|note| note / 10 == sender).collect();
            assert_eq!(its, [0, 1, 2].map(|note| sender * 10 + note), "expected the order of one sender to be kept");
        }
    }
}

#[test]
fn both_orders_of_a_race_are_found() {
    let first = |seed| run(seed).0.first().map(|note| note / 10);
    let winners: HashSet<Option<u32>> = (0..50).map(first).collect();
    assert_eq!(winners, HashSet::from([Some(1), Some(2), Some(3)]), "expected each sender to be first now and then");
}

#[test]
fn a_failing_seed_is_named_with_the_way_to_run_it_again() {
    let text = panic_of(|| {
        explore(5..100, |test| {
            let app = test.namespace("app").threads(2).open()?;
            let relay = app.register_on(1, Relay("relay".parse()?))?;
            test.ask(relay, Note(0))?;
            assert!(test.seed() < 17, "seed {} is too much", test.seed());
            Ok(())
        });
    });
    let expected =
        "seed 17 is too much\n\nThis was seed 17; `ROHRPOST_SEED=17` runs it again. Its last turns: app/1 app/1";
    assert_eq!(text, expected);
}

#[test]
fn an_error_of_the_test_is_a_failure_too() {
    let text = panic_of(|| explore([3], |_| Err("no stamps".into())));
    assert!(text.starts_with("no stamps\n\nThis was seed 3;"), "{text}");
}

#[test]
fn every_seed_is_run_until_one_fails() {
    let seeds = Mutex::new(Vec::new());
    explore([1, 5, 2], |test| {
        seeds.lock().unwrap().push(test.seed());
        Ok(())
    });
    assert_eq!(*seeds.lock().unwrap(), [1, 5, 2]);
}

/// Run by the tests below in processes of their own: the environment belongs to the whole process.
#[test]
#[ignore = "a part of other tests"]
fn explored_in_a_process_of_its_own() {
    explore([1, 2, 3], |test| Err(format!("ran {}", test.seed()).into()));
}

fn explored_with(seed: &str) -> String {
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--ignored", "--exact", "exploring::explored_in_a_process_of_its_own", "--nocapture"]).env(SEED, seed);
    let output = test.output().unwrap();
    assert!(!output.status.success(), "expected it to fail");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_environment_has_one_seed_run_alone() {
    let text = explored_with("77");
    assert!(text.contains("ran 77") && text.contains("This was seed 77"), "{text}");
    assert!(!text.contains("ran 1\n"), "expected no other seed: {text}");
}

#[test]
fn a_seed_in_the_environment_that_is_no_number_is_named() {
    let text = explored_with("seven");
    assert!(text.contains("ROHRPOST_SEED is `seven`, and a seed is a number"), "{text}");
}
