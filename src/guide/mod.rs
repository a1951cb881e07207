//! Chapters that explain how things are meant, with programs that run.
//!
//! The chapter on nodes, "From one process to many", is `net::guide`, as its programs need the feature `net-memory`.

pub mod state_machines;
