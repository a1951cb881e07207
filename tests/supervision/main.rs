//! Restarts after a delay: when they come, how often, and what becomes of mail meanwhile.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod interleaved;
mod mail;
mod restarts;
mod threads;
mod world;
