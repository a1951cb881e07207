//! The peers: those that are actors on an async runtime share their rows in `asynch`, the others write their own.

pub mod actix;
pub mod asynch;
pub mod channels;
pub mod kameo;
pub mod ractor;
pub mod stakker;
pub mod stakker_threads;
pub mod tokio;
pub mod xtra;
