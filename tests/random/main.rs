//! The property behind all promises, over programs that a seed decides.
//!
//! A program registers targets and deregisters them, notifies, requests, calls, forwards, holds and answers later or
//! elsewhere, panics, restarts at once or later, closes namespaces and opens them anew, and stops the kernel, on several
//! workers of several namespaces. It serves, alone and in groups, observes topics and publishes there, and it arms timers,
//! cancels them and starts them anew. Whatever it does, every request of a target that lives is answered exactly once,
//! what is not delivered comes back with a code, nothing arrives twice or out of order, every record is dropped once,
//! every observer sees what is published, every tick comes at its time, is counted, and never comes once its timer has
//! ended, and the counters add up.
//!
//! `RANDOM_PROGRAMS=n` runs n programs of each kind, `RANDOM_SEED=s` begins with the seed `s`, and runs only that one
//! if no number is given. What fails is shrunk and printed with its seed; the seed of a program that took the whole
//! process with it is the last one in `random-*.seed` in Cargo's directory for tests' files.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test says what it finds, and fails where it stands")]

mod actor;
mod deeds;
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

use rohrpost::Code;

use crate::ledger::Line;
use crate::program::{Alter, Program, To};

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

/// Whether a line of the ledger is a certain thing that can happen.
type IsThat = fn(&Line) -> bool;

#[test]
fn in_the_programs_everything_happens() {
    letter::watch_panics();
    let seeds = 0..400;
    let lines: Vec<Line> = seeds.flat_map(|seed| driven::run(&Program::grow(seed)).unwrap_or_default()).collect();
    let happened: [(&str, IsThat); 12] = [
        ("mail sent to a service", |line| matches!(line, Line::Sent(_, _, To::Service(_)))),
        ("mail for a service that arrived", |line| matches!(line, Line::Arrived(_, _, To::Service(_)))),
        ("news that somebody saw", |line| matches!(line, Line::Seen(..))),
        ("news that nobody saw", |line| matches!(line, Line::NewsBack(_, Code::NOT_HANDLED))),
        ("news as a request, and seen", |line| matches!(line, Line::NewsBack(_, Code::OK))),
        ("a tick in time", |line| matches!(line, Line::Ticked(_, _, 0))),
        ("a tick that was late", |line| matches!(line, Line::Ticked(_, _, 1..))),
        ("a timer cancelled", |line| matches!(line, Line::Altered(_, Alter::Cancel(_), true))),
        ("a timer cancelled that had ended", |line| matches!(line, Line::Altered(_, Alter::Cancel(_), false))),
        ("a timer started anew", |line| matches!(line, Line::Altered(_, Alter::Retrigger(_), true))),
        ("a return for a target away", |line| matches!(line, Line::CameBack(_, Code::RESTARTING))),
        ("a held message", |line| matches!(line, Line::Held(_))),
    ];
    for (what, is_that) in happened {
        let count = lines.iter().filter(|line| is_that(line)).count();
        assert!(count >= 2, "expected {what} more often than {count} times");
    }
}
