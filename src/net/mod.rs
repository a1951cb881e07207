//! The network of nodes: `TID.NID.NODEID` across processes and machines. Feature `net`.

pub(crate) mod codec;
mod frame;
mod link;
mod transport;
