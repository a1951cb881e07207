//! The network of nodes over the in-memory network: a message to another node behaves as one to another thread does.
//!
//! [`world`] has the nodes, the records and the targets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod world;

mod faults;
mod letters;
mod mail;
mod meeting;
mod observing;
mod offers;
mod system;
mod threads;
mod unknown;
mod unreadable;
mod watching;
