//! Chapters that explain how things are meant, with programs that run.

pub mod state_machines;
