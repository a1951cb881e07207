//! [`Transport`]: what carries frames between nodes. It knows nodes and bytes, and nothing of mail.

use std::fmt;

use bytes::Bytes;

use crate::id::NodeId;
use crate::sync::relax;

/// How often something is tried that will be free in a moment.
const TRIES: u32 = 32;

/// Tells the lives of a node apart: a node that is started anew has a higher number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Incarnation(pub(crate) u64);

/// One node in one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    pub(crate) node: NodeId,
    pub(crate) incarnation: Incarnation,
}

/// Which frames a frame keeps its order with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Mail and what is said of it.
    Mail,
    /// Heartbeats, which overtake mail.
    Beat,
}

/// Why a peer is not there any more, as the transport sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// It said so.
    Closed,
    /// Its connection broke.
    Lost,
    /// A later life of the node has come, which joins next.
    Replaced,
}

/// The frame did not leave, and never will.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unsent(pub(crate) String);

/// Carries frames from node to node.
///
/// Frames of one lane from one node to another arrive in the order in which they were sent, or not at all. Its methods are
/// called on one thread at a time.
pub(crate) trait Transport: fmt::Debug + Send {
    /// Sends a frame. May block, for a bounded time, when the way there is full.
    fn send(&mut self, to: Peer, lane: Lane, frame: Vec<u8>) -> Result<(), Unsent>;

    /// Whether some KiB to that peer would be sent without waiting for anybody, and on any thread, if as little is on its way.
    fn is_quick(&self, to: Peer) -> bool;

    /// Opens the connections anew: a peer looks alive and does not answer.
    fn reopen(&mut self);

    /// Says farewell and lets go of everything. Nothing is heard afterwards.
    fn stop(&mut self);
}

/// Tries for about a microsecond to get what somebody else may be about to give free.
pub(crate) fn in_a_moment<T>(attempt: impl Fn() -> Option<T>) -> Option<T> {
    (0..TRIES).find_map(|_| {
        attempt().or_else(|| {
            relax();
            None
        })
    })
}

/// What a transport hears. Called from any thread, in the order in which things happened; it waits for nobody.
pub(crate) trait Ears: fmt::Debug + Send + Sync {
    /// A peer is there. Comes before everything that is heard of it.
    fn joined(&self, peer: Peer);

    /// A frame has come.
    fn heard(&self, from: Peer, frame: Bytes);

    /// A peer is not there any more; nothing is heard of it afterwards.
    fn left(&self, peer: Peer, why: Gone);

    /// Somebody else claims to be this node: `other`, who calls itself `who`. That must not be; nobody can prevent it while
    /// the two cannot see each other. May come more than once.
    fn doubled(&self, other: Peer, who: &str) {
        let _ = (other, who);
    }
}
