//! The rows of rohrpost. What happens between targets is timed inside a handler, so that no outside caller is in it.
//!
//! Every row starts a kernel of its own and ends it.

mod ring;
mod same_thread;
mod threads;

use std::time::Duration;
use std::time::Instant;

use rohrpost::Address;
use rohrpost::Kernel;
use rohrpost::Record;
use rohrpost::record;

use crate::harness::Row;
use crate::harness::Timed;
use crate::work::Small;
use crate::work::Tally;

pub fn rows() -> Vec<Row> {
    let mut rows = same_thread::rows();
    rows.extend(ring::rows());
    rows.extend(threads::rows());
    rows
}

record!(Small, "compare.small");

/// Asks for one more.
#[derive(Clone, Debug)]
struct Add(u64);
record!(Add, "compare.add" => Sum);

#[derive(Clone, Debug)]
struct Sum(u64);
record!(Sum, "compare.sum");

/// Asks a receiver what it has seen.
#[derive(Clone, Debug)]
struct Total;
record!(Total, "compare.total" => Seen);

#[derive(Clone, Debug)]
struct Seen(Tally);
record!(Seen, "compare.seen");

/// Has a receiver observe a topic.
#[derive(Clone, Debug)]
struct Join(Address);
record!(Join, "compare.join");

/// Asks a driver to do so many operations and to say how long they took.
#[derive(Clone, Debug)]
struct Run(u64);
record!(Run, "compare.run" => Took);

#[derive(Clone, Debug)]
struct Took(Timed);
record!(Took, "compare.took");

impl Took {
    fn since(start: Instant, ops: u64) -> Self {
        Self(Timed::since(start, ops))
    }
}

fn kernel() -> Kernel {
    Kernel::builder("compare").start().expect("a kernel starts")
}

fn end(kernel: &Kernel) {
    let report = kernel.stop(Duration::from_secs(5));
    assert!(report.is_complete(), "not all threads of the row ended: {report:?}");
}

/// Asks from this thread and waits. Without a timeout: what a driver sends would inherit its deadline, which the peers'
/// messages do not have.
fn ask<R: Record>(kernel: &Kernel, to: Address, record: R) -> R::Answer {
    kernel.ask(to, record).wait().expect("the row's targets answer everything")
}
