//! How soon all that is pending comes back: measured, and printed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::cuts::silence;
use crate::fleet::{HEALING, plans, start_all};

#[test]
#[ignore = "a measurement"]
fn from_kill_to_all_returned() {
    let kills = std::env::var("KILLS").map_or(100, |kills| kills.parse().expect("a number"));
    let plans = plans(2, "kills");
    let mut nodes = start_all(&plans);
    let (mut b, a) = (nodes.pop().expect("b"), nodes.pop().expect("a"));
    let mut taken = Vec::new();
    for _ in 0..kills {
        a.reaches("b", HEALING);
        a.asks_for("b", 100, 60_000, &[10]);
        a.has_open(100);
        // What comes back is not to be asked again.
        a.asks_nobody();
        // The book's clock is the system's, which both processes have.
        let killed = SystemTime::now();
        b.kill();
        let report = a.settles(HEALING);
        let last = UNIX_EPOCH + Duration::from_nanos(report.number("last") as u64);
        taken.push(last.duration_since(killed).expect("returns after the kill"));
        b = plans[1].start();
    }
    print("from kill -9 to 100 requests returned", taken);
}

#[test]
#[ignore = "a measurement"]
fn from_silence_to_all_returned() {
    let lease = Duration::from_secs(2);
    let taken: Option<Vec<Duration>> = (0..10).map(|_| silence(lease)).collect();
    if let Some(taken) = taken {
        print("from a silent cut to 100 requests returned, lease 2 s", taken);
    }
}

fn print(what: &str, mut taken: Vec<Duration>) {
    taken.sort_unstable();
    // The nearest rank: of 100 the p99 is the second largest.
    let at = |percent: usize| taken[(taken.len() * percent).div_ceil(100) - 1];
    println!("RESULT {what}: p50 {:?}, p99 {:?}, largest {:?}, of {}", at(50), at(99), at(100), taken.len());
}
