//! The transport over [zenoh](https://docs.rs/zenoh): frames between nodes by `put` and one subscriber, who is there by
//! liveliness tokens. Links, discovery, TLS and QUIC are zenoh's; delivery, order and acknowledgement are not left to it.

mod access;
mod carriage;
mod config;
mod endpoint;
mod joining;
mod key;
mod roster;
mod session;
mod threads;
mod tls;

#[cfg(test)]
mod tests;

pub use config::{ConfigError, Network};
pub use session::OpenError;
pub use threads::{RUNTIME, TLS_RUNTIME};
pub use tls::Tls;
