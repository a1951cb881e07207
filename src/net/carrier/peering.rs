//! [`Peering`]: what a carrier has for each other node, and which of them something has been done to.

use std::collections::BTreeSet;

use crate::clock::Time;
use crate::id::NodeId;
use crate::net::bundle::Bundle;
use crate::net::carrier::standing_in::StandIns;
use crate::net::frame::Session;
use crate::net::letter::{Desk, Style};
use crate::net::link::{Link, LinkCounters, Terms};
use crate::net::parcel::Parcel;
use crate::net::transport::{Lane, Peer, Transport};
use crate::port::Watch;

/// A node that is there, or was.
pub(super) struct Peering {
    pub(super) peer: Peer,
    pub(super) link: Link<Kept>,
    pub(super) desk: Desk,
    /// Frames that leave as soon as there is nothing else to do.
    pub(super) bundle: Bundle,
    /// When it is in the schedule.
    pub(super) due: Option<Time>,
    /// Whether something was done in passing since it was looked at.
    pub(super) lively: bool,
    /// What the link had counted when that was told.
    pub(super) told: LinkCounters,
    /// Bytes of the link's that are counted in `under_way`.
    pub(super) weighs: usize,
    /// Targets of this node that stand in for some of that one, for as long as a session of the link.
    pub(super) stand_ins: StandIns,
    /// Whether the monitors have been told that it is there.
    pub(super) met: bool,
}

/// What is kept until it is known what has become of a letter.
#[derive(Debug)]
pub(super) enum Kept {
    /// It goes back with what it is lost with.
    Mail(Parcel),
    /// A posted letter, which is lost or too large: what it was written of goes back.
    Letter(Vec<u8>),
    /// It asks for the end of a target to be told.
    Watch(Watch),
    /// The carriers' own words: nobody waits for them.
    Nothing,
}

/// Nodes whose links something has been done to.
#[derive(Debug, Default)]
pub(super) struct Touched {
    nodes: BTreeSet<NodeId>,
    /// The one that came last, which mostly comes next.
    last: Option<NodeId>,
}

impl From<Vec<u8>> for Kept {
    fn from(letter: Vec<u8>) -> Self {
        Self::Letter(letter)
    }
}

impl Peering {
    pub(super) fn new(peer: Peer, home: NodeId, first: Session, terms: Terms, now: Time) -> Self {
        Self {
            peer,
            link: Link::new(first, terms, now),
            desk: Desk::new(Style::new(home, terms.max_message).squeezing(terms.compress)),
            bundle: Bundle::default(),
            due: None,
            lively: false,
            told: LinkCounters::default(),
            weighs: 0,
            stand_ins: StandIns::default(),
            met: false,
        }
    }

    /// Sends what the link wants to be sent; whether there was anything.
    pub(super) fn transmit(&mut self, transport: &mut dyn Transport) -> bool {
        let more = self.collect(transport);
        let last = self.bundle.take();
        let any = more || last.is_some();
        // A frame that does not leave is missed by the other side, as one that is lost on the way.
        last.into_iter().for_each(|piece| drop(transport.send(self.peer, Lane::Mail, piece)));
        any
    }

    /// Bundles what the link wants to be sent, and sends what is full; whether there was anything.
    pub(super) fn collect(&mut self, transport: &mut dyn Transport) -> bool {
        let Self { peer, link, desk, bundle, .. } = self;
        let mut any = false;
        let mut send = |lane, piece| drop(transport.send(*peer, lane, piece));
        while let Some(draft) = link.poll_transmit() {
            any = true;
            match draft.lane {
                Lane::Beat => send(Lane::Beat, draft.into_bytes()),
                Lane::Mail => {
                    if let Some(memory) = bundle.add(draft, |piece| send(Lane::Mail, piece)) {
                        desk.reuse(memory);
                    }
                }
            }
        }
        any
    }
}

impl Touched {
    pub(super) fn insert(&mut self, node: NodeId) {
        if self.last != Some(node) {
            self.nodes.insert(node);
            self.last = Some(node);
        }
    }

    pub(super) fn remove(&mut self, node: NodeId) {
        self.nodes.remove(&node);
        self.last = None;
    }

    pub(super) fn pop_first(&mut self) -> Option<NodeId> {
        self.last = None;
        self.nodes.pop_first()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}
