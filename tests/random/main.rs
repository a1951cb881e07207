//! The property behind all twelve promises, over programs that a seed decides.
//!
//! A program registers targets and deregisters them, notifies, requests, calls, forwards, holds and answers later or
//! elsewhere, panics, restarts at once or later, closes namespaces and opens them anew, and stops the kernel, on several
//! workers of several namespaces. Whatever it does, every request of a target that lives is answered exactly once, what is not
//! delivered comes back with a code, nothing arrives twice or out of order, every record is dropped once, and the
//! counters add up.
//!
//! `RANDOM_PROGRAMS=n` runs n programs of each kind, `RANDOM_SEED=s` begins with the seed `s`, and runs only that one
//! if no number is given. What fails is shrunk and printed with its seed; the seed of a program that took the whole
//! process with it is the last one in `random-*.seed` in Cargo's directory for tests' files.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test says what it finds, and fails where it stands")]

mod actor;
mod dice;
mod driven;
mod found;
mod grow;
mod ledger;
mod letter;
mod outside;
mod probe;
mod program;
mod shrink;
mod threads;
mod world;

use std::sync::mpsc;
use std::time::Duration;

use crate::program::Program;

/// How long one program may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a smaller program is run before it counts as sound; on threads not every run fails.
const RUNS: usize = 20;

/// The seeds that the environment asks for, or the `usual` number of them.
fn seeds(usual: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    match (number("RANDOM_SEED"), number("RANDOM_PROGRAMS")) {
        (Some(seed), count) => seed..seed + count.unwrap_or(1),
        (None, count) => 0..count.unwrap_or(usual),
    }
}

/// Runs the programs of all seeds; the first one that fails is shrunk and reported.
///
/// `fails` says what is wrong with a program in one of so many runs.
fn hold(kind: &str, seeds: std::ops::Range<u64>, fails: fn(&Program, usize) -> Option<String>) {
    letter::watch_panics();
    let note = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("random-{kind}.seed"));
    for seed in seeds {
        // Without the note a crash could not be replayed, but it would still be seen.
        let _ = std::fs::write(&note, seed.to_string());
        let (done, end) = mpsc::channel();
        let run = move || done.send(fails(&Program::grow(seed), 1));
        let _running = std::thread::spawn(run);
        let failure = match end.recv_timeout(PATIENCE) {
            Ok(None) => continue,
            Ok(Some(failure)) => failure,
            Err(error) => panic!("RANDOM_SEED={seed} gave no result ({error}):\n{}", Program::grow(seed)),
        };
        eprintln!("RANDOM_SEED={seed} fails, shrinking it\n{failure}");
        let (program, failure) = shrink::shrink(Program::grow(seed), failure, |program| fails(program, RUNS));
        panic!("RANDOM_SEED={seed} fails:\n{program}\n{failure}");
    }
}

#[test]
fn every_promise_holds_for_random_programs_on_driven_workers() {
    hold("driven", seeds(1500), |program, _| driven::run(program).err());
}

#[test]
fn every_promise_holds_for_random_programs_on_threads() {
    hold("threads", seeds(400), |program, runs| (0..runs).find_map(|_| threads::run(program).err()));
}

#[test]
fn a_program_on_driven_workers_runs_the_same_way_every_time() {
    letter::watch_panics();
    for seed in seeds(50) {
        let program = Program::grow(seed);
        assert_eq!(
            driven::run(&program),
            driven::run(&program),
            "expected RANDOM_SEED={seed} to run the same way twice"
        );
    }
}
