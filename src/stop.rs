//! Stopping: how namespaces and kernels end, and what is told about it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock::Time;
use crate::core::Core;
use crate::crew::Crew;
use crate::departure::set_out::{SetOut, in_time, set_out};
use crate::directory::Directory;
use crate::directory::space::Space;

/// How a stop went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a thread that did not come back is named in the report"]
pub struct StopReport {
    /// The threads that have ended, by name.
    pub ended: Vec<String>,
    /// The threads that did not come back in time, by name. They are detached: they end when their handlers return.
    pub detached: Vec<String>,
    /// Driven workers, by name: they end when they are driven next, or dropped.
    pub driven: Vec<String>,
    /// Whether the threads end in the background, because a worker thread cannot wait for them.
    pub in_background: bool,
}

impl StopReport {
    /// Whether every thread has ended.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.detached.is_empty() && self.driven.is_empty() && !self.in_background
    }

    /// Takes in what is told of others.
    pub(crate) fn join(&mut self, others: Self) {
        self.ended.extend(others.ended);
        self.detached.extend(others.detached);
        self.driven.extend(others.driven);
        self.in_background |= others.in_background;
    }
}

/// Ends the workers of `spaces` together; waits for them `timeout` at most, and not at all on a worker thread.
pub(crate) fn depart(directory: &Directory, spaces: &[Arc<Space>], timeout: Duration) -> StopReport {
    let started = Instant::now();
    let deadline = in_time(started, timeout);
    let SetOut { departure, threads, driven } = set_out(directory, spaces, timeout);
    let mut report = StopReport { driven, ..StopReport::default() };
    if Core::current().is_some() {
        report.in_background = !threads.is_empty();
        return report;
    }
    if let Some(crew) = Crew::here(directory) {
        // Who does not come to rest is named in the report.
        let _ = crew.run_until(Time::NEVER, || departure.has_ended(threads.len()));
        report.ended = departure.wait(threads.len(), started);
    } else {
        report.ended = departure.wait(threads.len(), deadline);
    }
    report.detached = threads.iter().map(|post| post.name.clone()).collect();
    for name in &report.ended {
        if let Some(found) = report.detached.iter().position(|left| left == name) {
            report.detached.remove(found);
        }
    }
    join(spaces, &report.detached);
    directory.let_go(spaces);
    report
}

/// Joins the threads that have ended and lets go of the others.
fn join(spaces: &[Arc<Space>], detached: &[String]) {
    for space in spaces {
        for (name, thread) in space.threads.lock().drain(..) {
            if !detached.contains(&name) {
                // A worker's panics are caught; there is nothing to learn from the result.
                let _ = thread.join();
            }
        }
    }
}
