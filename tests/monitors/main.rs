//! Watching and monitoring: who comes and goes is told to those who want to know, once and in order.
//!
//! [`world`] has the targets and the driven workers on which they live, [`view`] what is known of what was told.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

#[path = "../random/dice.rs"]
#[expect(dead_code, reason = "it is shared with the random programs, which use all of it")]
mod dice;
mod monitoring;
mod racing;
mod services;
mod supervised;
mod town;
mod view;
mod wakers;
mod watching;
mod world;
