//! What this node offers, told to the others; they do the same.

use std::collections::BTreeSet;

use crate::address::Address;
use crate::clock::Time;
use crate::id::{Nid, RecordId};
use crate::message::Message;
use crate::monitor::Event;
use crate::net::carrier::Carrier;
use crate::net::carrier::peering::Kept;
use crate::net::frame::Kind;
use crate::net::transport::Peer;
use crate::net::words::{OfferChanged, Offering as OfferingWords, words_of};
use crate::record::Record;
use crate::service::Key;
use crate::system;

/// The services of this node, as the others have been told.
#[derive(Default)]
pub(super) struct Offering {
    services: BTreeSet<(Nid, RecordId)>,
}

impl Carrier {
    /// Something has changed that may be a service.
    pub(super) fn note_change(&mut self, event: &Event, now: Time) {
        let (Some(home), Some(record)) = (event.namespace(), event.record()) else {
            return;
        };
        let nid = home.nid;
        if nid == system::NAMESPACE {
            return;
        }
        let directory = &self.inlet.directory;
        let offered = directory.catalogue.find(Key { nid, record }).is_some_and(|service| service.is_offered());
        let services = &mut self.offering.services;
        let changed = if offered { services.insert((nid, record)) } else { services.remove(&(nid, record)) };
        if changed {
            let peers: Vec<Peer> =
                self.peers.values().filter(|known| known.link.is_open()).map(|known| known.peer).collect();
            let service = words_of((nid, record));
            peers.into_iter().for_each(|peer| self.tell(peer, OfferChanged { service, offered }, now));
        }
    }

    /// Tells a node that has just been met everything that this one offers.
    pub(super) fn tell_offers_to(&mut self, peer: Peer, now: Time) {
        let services = self.offering.services.iter().copied().map(words_of).collect();
        self.tell(peer, OfferingWords { services }, now);
    }

    /// Says something to the carrier of another node.
    pub(super) fn tell<R: Record>(&mut self, peer: Peer, words: R, now: Time) {
        let to = Address::service(crate::directory::Directory::TRANSPORT).on_node(peer.node);
        self.post(peer, &Message::notification(to, words), Kept::Nothing, now);
    }

    /// Sends a message of the carriers' own, for which there is always room.
    pub(super) fn post(&mut self, peer: Peer, message: &Message<'_>, keep: Kept, now: Time) {
        let Some(peering) = self.peering(peer) else {
            return;
        };
        let Ok(letter) = peering.desk.mail(message, now) else {
            return;
        };
        if let Err(refused) = peering.link.insist(Kind::Notification, letter, keep, now) {
            // The names in it have not been told.
            peering.desk.renew();
            if let Kept::Watch(watch) = refused.keep {
                self.lose_watch(peer.node, watch);
            }
        }
    }
}
