//! Services and observers: who gets a message that names no target, who sees it beside, and what that costs.
//!
//! [`world`] has the kernel, the records and the targets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod world;

mod busy;
mod copies;
mod dead_letters;
mod going;
mod groups;
mod observing;
mod races;
mod registering;
mod retaining;
mod routing;
