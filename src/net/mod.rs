//! The network of nodes: `TID.NID.NODEID` across processes and machines. Feature `net`.

mod frame;
mod link;
mod transport;
