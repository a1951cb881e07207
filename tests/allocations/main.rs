//! In the steady state no message allocates, whichever way it takes.
//!
//! Every test warms its path up, then counts what its own threads allocate over a thousand messages: nothing. Only
//! [`opening`] looks at what comes before.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod counting;
mod targets;

mod across_threads;
mod on_one_thread;
mod opening;
mod timers;

use std::time::Duration;

/// Messages that are counted.
const MESSAGES: u32 = 1_000;

/// A test that has waited this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);
