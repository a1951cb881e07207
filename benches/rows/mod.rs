//! The rows of the benchmark, a file for each kind of path.

pub(crate) mod direct;
pub(crate) mod limits;
pub(crate) mod registration;
pub(crate) mod services;
pub(crate) mod storage;
pub(crate) mod targets;
pub(crate) mod threads;
pub(crate) mod timers;
