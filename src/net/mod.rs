//! The network of nodes: `TID.NID.NODEID` across processes and machines. Feature `net`.

pub(crate) mod codec;
mod frame;
mod ids;
mod letter;
mod link;
mod names;
mod opaque;
mod transport;

pub use self::opaque::Opaque;
