//! The feature `tracing`: each return, dead letter, panic, restart and late timer is one event, and nothing that a subscriber does
//! harms anybody.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod counted;
mod harmless;
mod late;
mod listener;
mod office;
mod told;
