//! Watching and monitoring: who comes and goes is told to those who want to know, once and in order.
//!
//! [`world`] has the targets and the driven workers on which they live.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod watching;
mod world;
