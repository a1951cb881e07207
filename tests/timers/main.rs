//! What timers promise: on time to the nanosecond, never stale, gone with their target, and bounded.
//!
//! All of it is on a clock that the tests turn; [`on_threads`] has the workers with threads of their own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod desk;

mod arming;
mod ends;
mod from_outside;
mod on_threads;
mod periodic;
mod stale;
mod turns;
