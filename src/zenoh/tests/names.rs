//! Peers, ports and a node that is open, for the tests.

use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::net::transport::{Incarnation, Lane, Peer, Transport as _, Unsent};
use crate::zenoh::carriage::Carriage;
use crate::zenoh::config::Network;
use crate::zenoh::session::OpenError;
use crate::zenoh::tests::ears::{Heard, Log};

pub(super) fn peer(name: &str, incarnation: u64) -> Peer {
    Peer { node: name.parse().unwrap(), incarnation: Incarnation(incarnation) }
}

pub(super) fn frame(from: Peer, text: &str) -> Heard {
    Heard::Frame(from, text.to_owned())
}

/// A port that nobody listens on, below those that the system gives out by itself.
pub(super) fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let start = (std::process::id() % 97) as u16 * 100;
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// An endpoint of `protocol` on this machine.
pub(super) fn endpoint(protocol: &str) -> String {
    format!("{protocol}/127.0.0.1:{}", port())
}

/// A node of the transport.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) me: Peer,
    pub(super) log: Arc<Log>,
    pub(super) carriage: Carriage,
}

impl Node {
    pub(super) fn open(me: Peer, zenoh: &Network) -> Self {
        Self::try_open(me, zenoh).unwrap_or_else(|failed| panic!("expected {me:?} to open: {failed}"))
    }

    pub(super) fn try_open(me: Peer, zenoh: &Network) -> Result<Self, OpenError> {
        Self::open_heard(me, zenoh, Arc::new(Log::default()))
    }

    /// The same, and what is heard meanwhile is in `log`.
    pub(super) fn open_heard(me: Peer, zenoh: &Network, log: Arc<Log>) -> Result<Self, OpenError> {
        let waits = |who: &str| log.push(Heard::Waits(who.to_owned()));
        Ok(Self { me, carriage: zenoh.open_after(me, log.clone(), &waits)?, log })
    }

    pub(super) fn send(&mut self, to: Peer, text: &str) -> Result<(), Unsent> {
        self.carriage.send(to, Lane::Mail, text.as_bytes().to_vec())
    }

    /// Waits until `peer` has joined.
    pub(super) fn meets(&self, peer: Peer) {
        self.log.hears(&Heard::Joined(peer));
    }
}

/// Two nodes meet, and each hears what the other sends.
pub(super) fn meet_and_write(a: &mut Node, b: &mut Node) {
    a.meets(b.me);
    b.meets(a.me);
    a.send(b.me, "to b").unwrap();
    b.send(a.me, "to a").unwrap();
    b.log.hears(&frame(a.me, "to b"));
    a.log.hears(&frame(b.me, "to a"));
}
