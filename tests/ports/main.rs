//! Ports: mail that leaves the node and mail that comes in, by ports that know no network.
//!
//! [`world`] has the ports and the records.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod watching;
mod world;

mod coming_in;
mod going_out;
mod stopping;
