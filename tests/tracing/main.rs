//! The feature `tracing`: each return, dead letter, panic and restart is one event, and nothing that a subscriber does
//! harms anybody.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod counted;
mod harmless;
mod listener;
mod office;
mod told;
