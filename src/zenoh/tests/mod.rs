//! The transport alone, over real links on this machine, with nodes in one process and in several.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

#[path = "../../../tests/command/authority.rs"]
mod authority;
mod certificates;
mod child;
pub(super) mod ears;
mod names;
mod nodes;
mod processes;
mod routers;
mod setup;
#[path = "../../../tests/skipping/mod.rs"]
mod skipping;
