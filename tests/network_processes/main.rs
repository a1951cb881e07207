//! Nodes over zenoh in processes of their own, and what may happen to these: killed, stopped, standing still, cut off.
//!
//! Each process is this test binary, started again. Some tests run nodes on several hosts, which are network namespaces; they
//! need root and `ip`, and say so when they skip. Whatever happens: every request ends exactly once, with its answer or a
//! code; the counters of each kernel come out even; and there is traffic both ways again within 10 s of healing.
//!
//! The long runs and the measurements are ignored here; `tests/long.sh` runs them.

#![expect(clippy::print_stdout, reason = "processes talk by their output")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

#[path = "../command/authority.rs"]
mod authority;
mod certificates;
mod cuts;
mod faults;
mod fleet;
mod hosts;
mod ledger;
mod meeting;
mod node;
mod routed;
#[path = "../skipping/mod.rs"]
mod skipping;
mod speed;
mod wire;
mod wires;
