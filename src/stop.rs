//! Stopping: how namespaces and kernels end, and what is told about it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock::Time;
use crate::core::Core;
use crate::crew::Crew;
use crate::departure::set_out::{SetOut, in_time, set_out, stop_in_background};
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
    /// Whether every thread has ended, and every driven worker.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.detached.is_empty() && self.driven.is_empty() && !self.in_background
    }

    /// Takes in what is told of others for whom somebody has waited.
    fn join(&mut self, others: Self) {
        self.ended.extend(others.ended);
        self.detached.extend(others.detached);
        self.driven.extend(others.driven);
    }

    /// What can be told of workers for whom nobody waits.
    fn of_background(directory: &Directory, set_out: SetOut) -> Self {
        let in_background = set_out.threads.iter().any(|post| directory.is_seated(post));
        Self { driven: set_out.driven, in_background, ..Self::default() }
    }
}

/// Ends the workers of `spaces` together; waits for them `timeout` at most, and not at all on a worker thread.
pub(crate) fn depart(directory: &Directory, spaces: &[Arc<Space>], timeout: Duration) -> StopReport {
    if Core::current().is_some() {
        return StopReport::of_background(directory, set_out(directory, spaces, timeout));
    }
    let started = Instant::now();
    let deadline = in_time(started, timeout);
    let SetOut { departure, threads, driven } = set_out(directory, spaces, timeout);
    let mut report = StopReport { driven, ..StopReport::default() };
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
    directory.forget_ended();
    report
}

/// Ends all workers of a kernel as [`depart`] does, those of its ports when the others have ended.
pub(crate) fn depart_all(directory: &Directory, timeout: Duration) -> StopReport {
    if Core::current().is_some() {
        return StopReport::of_background(directory, stop_in_background(directory, timeout));
    }
    let deadline = in_time(Instant::now(), timeout);
    let mut report = depart(directory, &directory.close_all(), timeout);
    let left = deadline.saturating_duration_since(Instant::now());
    report.join(depart(directory, &directory.close_ports(), left));
    report
}

/// Joins the threads that have ended; whoever waits for the others again can do so then.
fn join(spaces: &[Arc<Space>], detached: &[String]) {
    for space in spaces {
        for (_, thread) in space.threads.lock().extract_if(.., |(name, _)| !detached.contains(name)) {
            // A worker's panics are caught; there is nothing to learn from the result.
            let _ = thread.join();
        }
    }
}
