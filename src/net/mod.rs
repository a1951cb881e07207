//! The network of nodes: `TID.NID.NODEID` across processes and machines. Feature `net`.

mod carrier;
pub(crate) mod codec;
mod envoy;
mod frame;
mod gatekeeper;
mod gauges;
mod ids;
mod intake;
mod joining;
mod letter;
mod link;
pub mod memory;
mod names;
mod offers;
mod opaque;
mod system;
mod transport;
mod words;

pub use self::gatekeeper::{Gatekeeper, Rule};
pub use self::gauges::NetCounters;
pub use self::joining::{JoinError, Joining, Net};
pub use self::opaque::Opaque;
