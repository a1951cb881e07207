//! What the network costs: two processes on loopback, the one this program, the other its child.
//!
//! The rows `zenoh` are a bare session ([`bare`]); they are what the rows `rohrpost` ([`nodes`]) are measured against, in the
//! same run, turn by turn. Their askers and echoes sleep while they wait, as programs on zenoh do; a node's askers do what they
//! have found to be quicker ([`rohrpost::Idle::Adaptive`]). So there is a row of each for the other way, too.
//!
//! ```console
//! cargo bench --features net --bench net            # all rows, 7 runs each
//! cargo bench --features net --bench net -- 3       # 3 runs each
//! cargo bench --features net --bench net -- 3 MiB   # only the rows of a path with that in its name
//! cargo bench --features net --bench net -- 3 MiB rohrpost # of these, only those with that in their own
//! ```
//!
//! How soon all that is pending has come back, after `kill -9` of the other process and after a cable was cut in silence, is
//! measured by tests, `tests/network_processes/speed.rs`: they have the nodes that keep books of when each request ended,
//! and the hosts whose cables can be pulled. The cut needs root and `ip`.
//!
//! ```console
//! cargo test --features net --test network_processes speed:: -- --ignored --nocapture --test-threads 1
//! ```
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints a table, and fails where it stands"
)]

mod bare;
mod nodes;

use std::time::Duration;

use rohrpost::Idle;

use crate::bare::Asker;

/// How often each row is measured, unless the command line says.
const RUNS: usize = 7;
/// How long one run of a throughput sends.
const SENDING: Duration = Duration::from_secs(1);
/// Round trips of one run, after a tenth as many to warm up.
const ROUNDS: usize = 5000;

const SMALL: usize = 64;
const LARGE: usize = 1 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [what, endpoint, ..] = &arguments[..] {
        if [bare::ECHO, bare::ECHO_BY_THREAD, bare::COUNT].contains(&what.as_str()) {
            return bare::serve(what, endpoint);
        }
        if what == nodes::NODE {
            return nodes::serve(endpoint, arguments[2].parse().unwrap());
        }
    }
    let runs = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(RUNS);
    let mut words =
        arguments.iter().filter(|argument| !argument.starts_with('-') && argument.parse::<usize>().is_err());
    let (path, row) = (words.next(), words.next());
    let rows = |what: &str, unit: &str, lines: &[Row<'_>]| {
        if path.is_none_or(|path| what.contains(path)) {
            let wanted = |(name, _): &&Row<'_>| row.is_none_or(|row| name.contains(row));
            rows(what, unit, runs, &lines.iter().filter(wanted).copied().collect::<Vec<_>>());
        }
    };
    if path.is_none() {
        bare::footprint();
    }
    println!("{:<44} {:>12} {:>12} {:>12}", "", "median", "least", "most");
    rows(
        "request/answer, 64 B, p50",
        "µs",
        &[
            ("zenoh, in the callback", &|| bare::round_trips(bare::ECHO, Asker::Sleeps)),
            ("zenoh, by a thread", &|| bare::round_trips(bare::ECHO_BY_THREAD, Asker::Sleeps)),
            ("zenoh, in the callback, asker spins", &|| bare::round_trips(bare::ECHO, Asker::Spins)),
            ("zenoh, by a thread, asker spins", &|| bare::round_trips(bare::ECHO_BY_THREAD, Asker::Spins)),
            ("rohrpost, asked by a thread", &|| nodes::round_trips(Idle::default())),
            ("rohrpost, asked by a target", &nodes::round_trips_of_a_target),
            ("rohrpost, by a thread that sleeps", &|| nodes::round_trips(Idle::Park)),
        ],
    );
    rows(
        "one way, 64 B",
        "msg/s",
        &[
            ("zenoh", &|| bare::one_way(SMALL, bare::BATCHES)),
            ("rohrpost, with receipts", &|| nodes::one_way(SMALL, nodes::WINDOW)),
            ("rohrpost, window of 768", &|| nodes::one_way(SMALL, nodes::NARROW)),
        ],
    );
    rows(
        "one way, 1 MiB",
        "MiB/s",
        &[
            ("zenoh", &|| bare::one_way(LARGE, bare::BATCHES)),
            ("zenoh, with the queue of a node", &|| bare::one_way(LARGE, bare::BATCHES_OF_A_NODE)),
            ("rohrpost, with receipts", &|| nodes::one_way(LARGE, nodes::WINDOW)),
        ],
    );
}

/// What a row is called, and how it is measured.
type Row<'a> = (&'a str, &'a dyn Fn() -> f64);

/// Measures rows `runs` times in turn, and prints a line for each: the first is the limit.
fn rows(what: &str, unit: &str, runs: usize, rows: &[Row<'_>]) {
    println!("{what}, {unit}");
    let mut values = vec![Vec::new(); rows.len()];
    for _ in 0..runs.max(1) {
        for ((_, measure), values) in rows.iter().zip(&mut values) {
            values.push(measure());
        }
    }
    let mut limit = None;
    for ((name, _), mut values) in rows.iter().zip(values) {
        values.sort_by(f64::total_cmp);
        let digits = if values[0] < 1000.0 { 1 } else { 0 };
        let (median, least, most) = (values[values.len() / 2], values[0], values[values.len() - 1]);
        let limit = *limit.get_or_insert(median);
        let ratio = median / limit;
        println!("  {name:<42} {median:>12.digits$} {least:>12.digits$} {most:>12.digits$}   {ratio:.2} x");
    }
}
