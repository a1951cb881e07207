//! The keys in zenoh's key space: who may read a frame, who sent it, and who is there.
//!
//! | key | what |
//! |---|---|
//! | `rohrpost/REALM/node/NODE/INCARNATION/ZID/NAME` | liveliness token of a node |
//! | `rohrpost/REALM/mail/TO/FROM/INCARNATION` | frames of [`Lane::Mail`] |
//! | `rohrpost/REALM/beat/TO/FROM/INCARNATION` | frames of [`Lane::Beat`] |
//! | `rohrpost/REALM/bye/TO/FROM/INCARNATION` | a farewell, without content |
//! | `rohrpost/REALM/seen/TO/FROM/INCARNATION` | the answer to a farewell, without content |
//!
//! Nodes and incarnations are 16 hexadecimal digits. The sender stands in the key and not in the frame: it costs nothing
//! on the wire, because a publisher's key is sent once and is a number afterwards, and zenoh's access control sees it.

use crate::id::NodeId;
use crate::net::transport::{Incarnation, Lane, Peer};

const ROOT: &str = "rohrpost";

/// What comes to a node's inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A frame.
    Frame(Lane),
    /// The sender says farewell.
    Bye,
    /// The sender has heard a farewell.
    Seen,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Frame(Lane::Mail), Self::Frame(Lane::Beat), Self::Bye, Self::Seen];

    const fn chunk(self) -> &'static str {
        match self {
            Self::Frame(Lane::Mail) => "mail",
            Self::Frame(Lane::Beat) => "beat",
            Self::Bye => "bye",
            Self::Seen => "seen",
        }
    }

    fn from_chunk(chunk: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.chunk() == chunk)
    }
}

/// What a liveliness token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) peer: Peer,
    /// The zenoh session that holds it.
    pub(super) zid: Box<str>,
    /// What the node calls itself; not part of who it is.
    pub(super) name: Box<str>,
}

impl Token {
    /// The node that holds it, for somebody who wants its name.
    pub(super) fn holder(&self) -> String {
        let Self { peer, zid, name } = self;
        format!("`{name}` in the zenoh session {zid}, incarnation {:016x}", peer.incarnation.0)
    }

    /// Reads a token's key; `None` if it is none.
    pub(super) fn read(key: &str) -> Option<Self> {
        let mut chunks = key.rsplit('/');
        let name = chunks.next()?.into();
        let zid = chunks.next()?.into();
        let incarnation = Incarnation(number(chunks.next()?)?);
        let node = NodeId::from_raw(number(chunks.next()?)?);
        (chunks.next()? == "node").then_some(Self { peer: Peer { node, incarnation }, zid, name })
    }
}

/// The keys of one node.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// `rohrpost/REALM`.
    root: String,
    me: Peer,
}

impl Keys {
    pub(super) fn new(realm: &str, me: Peer) -> Self {
        Self { root: format!("{ROOT}/{realm}"), me }
    }

    /// All that is sent to this node.
    pub(super) fn inbox(&self) -> String {
        format!("{}/*/{}/*/*", self.root, hex(self.me.node.raw()))
    }

    /// What this node sends to `to`.
    pub(super) fn outbox(&self, kind: Kind, to: NodeId) -> String {
        let Self { root, me } = self;
        format!("{root}/{}/{}/{}/{}", kind.chunk(), hex(to.raw()), hex(me.node.raw()), hex(me.incarnation.0))
    }

    /// What `from` sends to this node.
    pub(super) fn from(&self, kind: Kind, from: Peer) -> String {
        Self { root: self.root.clone(), me: from }.outbox(kind, self.me.node)
    }

    /// This node's token in the session `zid`.
    pub(super) fn token(&self, zid: &str) -> String {
        let Self { root, me } = self;
        format!("{root}/node/{}/{}/{zid}/{}", hex(me.node.raw()), hex(me.incarnation.0), me.node)
    }

    /// The tokens of all who claim to be this node.
    pub(super) fn rivals(&self) -> String {
        format!("{}/node/{}/**", self.root, hex(self.me.node.raw()))
    }

    /// The tokens of all nodes.
    pub(super) fn tokens(&self) -> String {
        format!("{}/node/**", self.root)
    }
}

/// The rules of access of `me`: which keys a node that is known by its certificate may use towards it.
pub(super) struct Permits {
    root: String,
    me: NodeId,
}

impl Permits {
    pub(super) fn new(realm: &str, me: NodeId) -> Self {
        Self { root: format!("{ROOT}/{realm}"), me }
    }

    /// Where `node` may send to.
    pub(super) fn frames(&self, node: NodeId) -> String {
        format!("{}/*/{}/{}/*", self.root, hex(self.me.raw()), hex(node.raw()))
    }

    /// What `node` may have sent to it.
    pub(super) fn inbox(&self, node: NodeId) -> String {
        format!("{}/*/{}/*/*", self.root, hex(node.raw()))
    }

    /// The tokens that `node` may hold.
    pub(super) fn token(&self, node: NodeId) -> String {
        format!("{}/node/{}/*/*/{node}", self.root, hex(node.raw()))
    }

    /// What anybody may ask who is there.
    pub(super) fn tokens(&self) -> String {
        format!("{}/node/**", self.root)
    }

    /// Everything.
    pub(super) fn all(&self) -> String {
        format!("{}/**", self.root)
    }
}

/// Reads the key of what came to an inbox.
pub(super) fn read(key: &str) -> Option<(Kind, Peer)> {
    let mut chunks = key.rsplit('/');
    let incarnation = Incarnation(number(chunks.next()?)?);
    let node = NodeId::from_raw(number(chunks.next()?)?);
    let _to = chunks.next()?;
    Some((Kind::from_chunk(chunks.next()?)?, Peer { node, incarnation }))
}

fn hex(word: u64) -> String {
    format!("{word:016x}")
}

/// Reads 16 hexadecimal digits; a second way to write a number would be a second key for the same thing.
fn number(chunk: &str) -> Option<u64> {
    let digits = chunk.len() == 16 && chunk.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if digits { u64::from_str_radix(chunk, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{Keys, Kind, Token, read};
    use crate::id::NodeId;
    use crate::net::transport::{Incarnation, Peer};

    fn me() -> Peer {
        Peer { node: "car-7".parse().expect("a name"), incarnation: Incarnation(0xfeed) }
    }

    #[test]
    fn a_receiver_reads_from_the_key_who_sent_a_frame() {
        let keys = Keys::new("fleet", me());
        for kind in Kind::ALL {
            assert_eq!(read(&keys.outbox(kind, NodeId::number(7))), Some((kind, me())));
        }
    }

    #[test]
    fn a_token_says_who_holds_it() {
        let token = Token::read(&Keys::new("fleet", me()).token("ab12"));
        assert_eq!(token, Some(Token { peer: me(), zid: "ab12".into(), name: "car-7".into() }));
    }

    #[test]
    fn a_key_that_is_written_another_way_is_no_key() {
        let token = Keys::new("fleet", me()).token("ab12");
        let outbox = Keys::new("fleet", me()).outbox(Kind::Bye, NodeId::number(7));
        for wrong in [
            "",
            "/",
            "a/b/c/d/e/f/g",
            &token.to_uppercase(),
            &token[1..token.len() - 13],
            &token.replace("node", "mode"),
        ] {
            assert_eq!(Token::read(wrong), None, "{wrong}");
        }
        for wrong in [
            "",
            "/",
            "a/b/c/d/e/f/g",
            &outbox.to_uppercase(),
            &outbox[..outbox.len() - 1],
            &outbox.replace("bye", "buy"),
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
