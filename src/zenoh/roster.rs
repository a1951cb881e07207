//! [`Roster`]: who is there, made from tokens and frames that come from several threads and in any order.
//!
//! zenoh sends tokens at another priority than frames, and what two sessions of one node say is in no order at all. Here it
//! becomes what [`Ears`] promises: a peer joins before anything is heard of it, one life of a node leaves before another
//! joins, and nothing is heard of a peer that has left. It knows no zenoh and reads no clock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::id::NodeId;
use crate::name::{Dots, fault, hash};
use crate::net::names::learn_from_elsewhere;
use crate::net::transport::{Ears, Gone, Incarnation, Peer};
use crate::zenoh::key::Token;

/// How many frames of peers that have not joined are kept in all.
const WAITING_FRAMES: usize = 1024;
/// How many bytes they may have in all.
const WAITING_BYTES: usize = 4 << 20;

/// A frame that came before its sender's token.
#[derive(Debug)]
struct Waiting {
    from: Incarnation,
    frame: Bytes,
}

/// What is known of one node.
#[derive(Debug, Default)]
struct Entry {
    /// Its lives that are there, each with the zenoh session that says so; `None` if only its frames say so.
    lives: Vec<(Incarnation, Option<Box<str>>)>,
    /// The life that has joined: the highest of `lives` that has not said farewell.
    joined: Option<Incarnation>,
    /// The highest life that has said farewell.
    farewell: Option<Incarnation>,
    /// Frames of lives that have not joined, in the order in which they came.
    waiting: Vec<Waiting>,
    /// Since when there are any.
    since: Option<Instant>,
}

/// Tells [`Ears`] who is there and what they say.
#[derive(Debug)]
pub(super) struct Roster {
    me: Peer,
    ears: Arc<dyn Ears>,
    nodes: HashMap<NodeId, Entry>,
    /// How long a peer's frames wait for its token; then they are token enough.
    patience: Duration,
    /// Frames of peers that have not joined, and their bytes.
    waiting: (usize, usize),
    /// Frames that were dropped because too many wait, or because their sender has left.
    dropped: u64,
}

impl Roster {
    pub(super) fn new(me: Peer, ears: Arc<dyn Ears>, patience: Duration) -> Self {
        Self { me, ears, nodes: HashMap::new(), patience, waiting: (0, 0), dropped: 0 }
    }

    /// A token is there. Twice is once.
    pub(super) fn appeared(&mut self, token: Token) {
        if token.peer.node == self.me.node {
            if token.peer.incarnation != self.me.incarnation {
                self.ears.doubled(token.peer, &token.holder());
            }
            return;
        }
        let Token { peer, zid, name } = token;
        // A node whose id is a number writes that as its name.
        if fault(&name, Dots::Refused).is_none() && hash(&name) == peer.node.raw() {
            learn_from_elsewhere(&name);
        }
        let entry = self.nodes.entry(peer.node).or_default();
        let life = (peer.incarnation, Some(zid));
        if !entry.lives.contains(&life) {
            entry.lives.retain(|known| *known != (peer.incarnation, None));
            entry.lives.push(life);
        }
        self.settle(peer.node, Gone::Lost);
    }

    /// A token is gone.
    pub(super) fn vanished(&mut self, token: &Token) {
        if let Some(entry) = self.nodes.get_mut(&token.peer.node) {
            let gone = (token.peer.incarnation, Some(token.zid.clone()));
            entry.lives.retain(|life| *life != gone);
            self.settle(token.peer.node, Gone::Lost);
        }
    }

    /// A peer has said farewell.
    pub(super) fn farewell(&mut self, peer: Peer) {
        if let Some(entry) = self.nodes.get_mut(&peer.node) {
            entry.farewell = entry.farewell.max(Some(peer.incarnation));
            self.settle(peer.node, Gone::Closed);
        }
    }

    /// A frame has come.
    pub(super) fn heard(&mut self, from: Peer, frame: Bytes, now: impl FnOnce() -> Instant) {
        let known = self.nodes.get(&from.node);
        let joined = known.and_then(|entry| entry.joined);
        if joined == Some(from.incarnation) {
            self.ears.heard(from, frame);
            return;
        }
        let farewell = known.and_then(|entry| entry.farewell);
        let room = self.waiting.0 < WAITING_FRAMES && self.waiting.1 + frame.len() <= WAITING_BYTES;
        let own = from.node == self.me.node;
        if own || joined > Some(from.incarnation) || farewell >= Some(from.incarnation) || !room {
            self.dropped += 1;
            return;
        }
        self.waiting.0 += 1;
        self.waiting.1 += frame.len();
        let now = now();
        let entry = self.nodes.entry(from.node).or_default();
        entry.waiting.push(Waiting { from: from.incarnation, frame });
        let since = *entry.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= self.patience {
            // It is there and its token is not: zenoh has lost it, and nobody will bring it any more.
            entry.lives.push((from.incarnation, None));
            self.settle(from.node, Gone::Lost);
        }
    }

    /// Everybody has left, as far as can be told.
    pub(super) fn clear(&mut self) {
        for (node, entry) in self.nodes.drain() {
            if let Some(incarnation) = entry.joined {
                self.ears.left(Peer { node, incarnation }, Gone::Lost);
            }
        }
        self.waiting = (0, 0);
    }

    /// Forgets everybody and tells nobody.
    pub(super) fn forget(&mut self) {
        self.nodes.clear();
        self.waiting = (0, 0);
    }

    /// The life of `node` that has joined.
    pub(super) fn joined(&self, node: NodeId) -> Option<Incarnation> {
        self.nodes.get(&node)?.joined
    }

    /// Everybody who has joined.
    pub(super) fn peers(&self) -> Vec<Peer> {
        let joined = |(node, entry): (&NodeId, &Entry)| Some(Peer { node: *node, incarnation: entry.joined? });
        self.nodes.iter().filter_map(joined).collect()
    }

    /// Has the life join that should, after another has left, and its frames heard. `why` holds where none comes after it.
    fn settle(&mut self, node: NodeId, why: Gone) {
        let Some(entry) = self.nodes.get_mut(&node) else { return };
        let farewell = entry.farewell;
        let there = entry.lives.iter().map(|(life, _)| *life).filter(|life| Some(*life) > farewell).max();
        if there == entry.joined {
            return;
        }
        if let Some(incarnation) = entry.joined {
            let why = if why == Gone::Lost && there > entry.joined { Gone::Replaced } else { why };
            self.ears.left(Peer { node, incarnation }, why);
        }
        entry.joined = there;
        if let Some(incarnation) = there {
            let peer = Peer { node, incarnation };
            self.ears.joined(peer);
            let (later, waited): (Vec<_>, Vec<_>) =
                std::mem::take(&mut entry.waiting).into_iter().partition(|waiting| waiting.from > incarnation);
            entry.waiting = later;
            for Waiting { from, frame } in waited {
                self.waiting.0 -= 1;
                self.waiting.1 -= frame.len();
                if from == incarnation {
                    self.ears.heard(peer, frame);
                } else {
                    self.dropped += 1;
                }
            }
            entry.since = entry.since.filter(|_| !entry.waiting.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use bytes::Bytes;

    use super::{Roster, WAITING_FRAMES};
    use crate::id::NodeId;
    use crate::net::transport::{Gone, Incarnation, Peer};
    use crate::zenoh::key::Token;
    use crate::zenoh::tests::ears::{Heard, Log};

    const PATIENCE: Duration = Duration::from_secs(4);

    fn peer(incarnation: u64) -> Peer {
        Peer { node: NodeId::number(7), incarnation: Incarnation(incarnation) }
    }

    fn token(incarnation: u64, zid: &str) -> Token {
        Token { peer: peer(incarnation), zid: zid.into(), name: "7".into() }
    }

    fn frame(text: &str) -> Bytes {
        text.as_bytes().to_vec().into()
    }

    fn roster() -> (Roster, Arc<Log>) {
        let log = Arc::new(Log::default());
        let me = Peer { node: NodeId::number(1), incarnation: Incarnation(50) };
        (Roster::new(me, log.clone(), PATIENCE), log)
    }

    #[test]
    fn a_frame_that_comes_before_its_senders_token_is_heard_after_it_joined() {
        let (mut roster, log) = roster();
        roster.heard(peer(3), frame("a"), Instant::now);
        roster.heard(peer(3), frame("b"), Instant::now);
        assert_eq!(log.take(), [], "expected nothing of a peer that has not joined");
        roster.appeared(token(3, "z"));
        roster.heard(peer(3), frame("c"), Instant::now);
        let heard = |text: &str| Heard::Frame(peer(3), text.into());
        assert_eq!(log.take(), [Heard::Joined(peer(3)), heard("a"), heard("b"), heard("c")]);
    }

    #[test]
    fn a_new_life_replaces_the_old_one_and_outlives_its_token() {
        let (mut roster, log) = roster();
        roster.appeared(token(3, "z"));
        roster.heard(peer(4), frame("early"), Instant::now);
        roster.appeared(token(4, "y"));
        roster.heard(peer(3), frame("late"), Instant::now);
        roster.vanished(&token(3, "z"));
        let early = Heard::Frame(peer(4), "early".into());
        let replaced = [Heard::Joined(peer(3)), Heard::Left(peer(3), Gone::Replaced), Heard::Joined(peer(4)), early];
        assert_eq!(log.take(), replaced);
    }

    #[test]
    fn a_node_that_changes_its_session_does_not_leave() {
        let (mut roster, log) = roster();
        roster.appeared(token(3, "z"));
        roster.appeared(token(3, "y"));
        roster.vanished(&token(3, "z"));
        assert_eq!(log.take(), [Heard::Joined(peer(3))]);
        roster.vanished(&token(3, "y"));
        assert_eq!(log.take(), [Heard::Left(peer(3), Gone::Lost)]);
    }

    #[test]
    fn nothing_is_heard_of_a_peer_that_said_farewell() {
        let (mut roster, log) = roster();
        roster.appeared(token(3, "z"));
        roster.farewell(peer(3));
        roster.heard(peer(3), frame("late"), Instant::now);
        roster.appeared(token(3, "z"));
        roster.vanished(&token(3, "z"));
        assert_eq!(log.take(), [Heard::Joined(peer(3)), Heard::Left(peer(3), Gone::Closed)]);
        assert_eq!(roster.dropped, 1);
    }

    #[test]
    fn a_peer_whose_token_is_lost_joins_by_what_it_keeps_saying() {
        let (mut roster, log) = roster();
        let start = Instant::now();
        roster.heard(peer(3), frame("a"), || start);
        roster.heard(peer(3), frame("b"), || start + PATIENCE / 2);
        assert_eq!(log.take(), []);
        roster.heard(peer(3), frame("c"), || start + PATIENCE);
        let heard = |text: &str| Heard::Frame(peer(3), text.into());
        assert_eq!(log.take(), [Heard::Joined(peer(3)), heard("a"), heard("b"), heard("c")]);
        roster.appeared(token(3, "z"));
        roster.vanished(&token(3, "z"));
        assert_eq!(log.take(), [Heard::Left(peer(3), Gone::Lost)], "expected its token to say when it leaves");
    }

    #[test]
    fn what_waits_for_tokens_is_bounded() {
        let (mut roster, log) = roster();
        for _ in 0..=WAITING_FRAMES {
            roster.heard(peer(3), frame("x"), Instant::now);
        }
        assert_eq!(roster.dropped, 1);
        roster.appeared(token(3, "z"));
        assert_eq!(log.take().len(), 1 + WAITING_FRAMES);
        assert_eq!(roster.waiting, (0, 0), "expected the room to be given back");
    }

    #[test]
    fn a_node_is_known_by_its_name_from_its_token_and_by_no_other() {
        let (mut roster, _log) = roster();
        let peer = Peer { node: NodeId::name("roster-names-it"), incarnation: Incarnation(3) };
        roster.appeared(Token { peer, zid: "z".into(), name: "roster-belies-it".into() });
        assert_eq!(peer.node.to_string(), peer.node.raw().to_string(), "expected another's name not to be learnt");
        assert_ne!(NodeId::name("roster-belies-it").to_string(), "roster-belies-it");
        roster.appeared(Token { peer, zid: "y".into(), name: "roster-names-it".into() });
        assert_eq!(peer.node.to_string(), "roster-names-it");
    }

    #[test]
    fn another_life_of_this_node_is_told_and_does_not_join() {
        let (mut roster, log) = roster();
        let double = Peer { node: NodeId::number(1), incarnation: Incarnation(51) };
        roster.appeared(Token { peer: double, zid: "z".into(), name: "car-7".into() });
        let text = "`car-7` in the zenoh session z, incarnation 0000000000000033".to_owned();
        assert_eq!(log.take(), [Heard::Doubled(double, text)]);
    }
}
