//! rohrpost beside its peers and beside what the machine allows: every row in one process, interleaved, one table.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is what this program is for")]

mod alloc;
mod bounds;
mod cores;
mod harness;
mod limits;
#[cfg(feature = "ours")]
mod ours;
mod peers;
mod table;
mod work;

use std::env;
use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use harness::Row;
use table::Results;

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

const USAGE: &str = "\
usage: rohrpost-compare [--rounds N] [--filter TEXT] [--json FILE] [--quick]
  --rounds N     rounds, each running every row once (default 7)
  --filter TEXT  only rows with TEXT in their path or name, beside the limits of their group
  --json FILE    write all samples to FILE as well
  --quick        3 rounds of 10 ms per row instead of 7 of 120 ms: to see that it works, not to quote";

struct Options {
    rounds: usize,
    budget: Duration,
    filter: Option<String>,
    json: Option<String>,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut rounds = None;
        let mut budget = Duration::from_millis(120);
        let mut default_rounds = 7;
        let mut filter = None;
        let mut json = None;
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--rounds" => {
                    let text = value()?;
                    let number = text.parse().ok().filter(|&number| number > 0);
                    rounds = Some(number.ok_or_else(|| format!("--rounds {text}: a number from 1 on is needed"))?);
                }
                "--filter" => filter = Some(value()?.to_lowercase()),
                "--json" => json = Some(value()?),
                "--quick" => {
                    budget = Duration::from_millis(10);
                    default_rounds = 3;
                }
                // What `cargo bench` adds.
                "--bench" => {}
                _ => return Err(format!("{arg} is not an option")),
            }
        }
        Ok(Self { rounds: rounds.unwrap_or(default_rounds), budget, filter, json })
    }

    /// The rows that match, and those that their ratios and bounds need.
    fn select(&self, rows: Vec<Row>) -> Vec<Row> {
        let Some(filter) = &self.filter else {
            return rows;
        };
        let matches = |row: &Row| format!("{} {}", row.group.title(), row.name).to_lowercase().contains(filter);
        let wanted: Vec<Row> = rows.iter().copied().filter(matches).collect();
        rows.into_iter().filter(|row| matches(row) || wanted.iter().any(|wanted| bounds::needs(wanted, row))).collect()
    }
}

fn rows() -> Vec<Row> {
    let mut rows = limits::rows();
    #[cfg(feature = "ours")]
    rows.extend(ours::rows());
    rows.extend(peers::stakker::rows());
    rows.extend(peers::actix::rows());
    rows.extend(peers::ractor::rows());
    rows.extend(peers::kameo::rows());
    rows.extend(peers::xtra::rows());
    rows.extend(peers::tokio::rows());
    rows.extend(peers::channels::rows());
    rows
}

fn main() -> ExitCode {
    let options = match Options::parse(env::args().skip(1)) {
        Ok(options) => options,
        Err(fault) => {
            eprintln!("{fault}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let rows = options.select(rows());
    if rows.is_empty() {
        eprintln!("no row matches the filter");
        return ExitCode::from(2);
    }
    let results = Results(harness::run(&rows, options.rounds, options.budget, |line| {
        eprintln!("{line}");
    }));
    println!("{}", results.markdown());
    if let Some(file) = &options.json
        && let Err(fault) = fs::write(file, results.json())
    {
        eprintln!("{file}: {fault}");
        return ExitCode::FAILURE;
    }
    if let Some(spread) = results.restless() {
        eprintln!(
            "do not quote this run: a loop of `dyn` calls varied by a factor of {spread:.2}, so something else ran"
        );
    }
    let impossible = results.impossible();
    if impossible.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("faster than the machine allows in every round, so the row does not do its work:");
    for row in impossible {
        eprintln!("  {row}");
    }
    ExitCode::FAILURE
}
