//! What is asked of the kernel by message is answered, whoever asks and whichever way the message takes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod listing;
mod office;
mod stopping;
mod world;
