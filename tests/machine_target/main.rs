//! State machines in targets: what they promise, a file for each promise.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod answers;
mod built;
mod deferral;
mod effects;
mod ends;
mod observing;
mod random;
mod rig;
mod state;
mod timeouts;
