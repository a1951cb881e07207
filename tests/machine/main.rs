//! State machines: what they promise, a file for each promise.

mod actions;
mod borders;
mod borrowing;
mod completion;
mod deferral;
mod diagrams;
mod faults;
mod fixed;
mod history;
mod regions;
mod rig;
mod snapshots;
mod timeouts;
mod tracing;
mod transitions;
mod unheeded;
