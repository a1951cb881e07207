//! The promises of the crate's opening docs, one module each, held over every way a message can take.
//!
//! [`probes`] has the records and the targets, [`ways`] the worlds in which they live and the ways between them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod hazards;
mod probes;
mod ways;

mod bounded;
mod counted;
mod deadlines_travel;
mod deadlock_is_a_code;
mod direct;
mod everything_comes_back;
mod faults_stay_inside;
mod never_reentered;
mod one_thread;
mod order;
mod returns_do_not_bounce;
mod stopping_is_a_drain;
