//! What carriers say to each other, as records: they travel as mail to the namespace `TRANSPORT` of the other node.

use serde::{Deserialize, Serialize};

use crate::ending::Reason;
use crate::id::{Nid, RecordId, Tid};
use crate::record;

/// A service, in numbers.
pub(crate) type ServiceWords = (u64, u64);

/// All services that the sender offers: whatever it said before is void.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Offering {
    pub(crate) services: Vec<ServiceWords>,
}

/// A service that the sender offers from here on, or not any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OfferChanged {
    pub(crate) service: ServiceWords,
    pub(crate) offered: bool,
}

/// The last record of a copy: for which observers it is, by id and namespace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CopyFor(pub(crate) Vec<(u64, u64)>);

/// An observer that there is not any more on the sender's node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ObserverGone {
    pub(crate) service: ServiceWords,
    pub(crate) observer: (u64, u64),
}

/// Asks to be told how a target of the receiver's node ends, given by id and namespace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WatchFor {
    pub(crate) watch: u64,
    pub(crate) target: (u64, u64),
}

/// Asks to be told no more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WatchNoMore {
    pub(crate) watch: u64,
}

/// A target that is watched from the receiver's node has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WatchEnded {
    pub(crate) watch: u64,
    pub(crate) reason: Reason,
}

record!(Offering, "rohrpost.net.offering", wire);
record!(OfferChanged, "rohrpost.net.offer-changed", wire);
record!(CopyFor, "rohrpost.net.copy-for", wire);
record!(ObserverGone, "rohrpost.net.observer-gone", wire);
record!(WatchFor, "rohrpost.watch", wire);
record!(WatchNoMore, "rohrpost.net.watch-no-more", wire);
record!(WatchEnded, "rohrpost.net.watch-ended", wire);

/// A service in numbers.
pub(crate) const fn words_of((nid, record): (Nid, RecordId)) -> ServiceWords {
    (nid.raw(), record.raw())
}

/// The service that these numbers are.
pub(crate) const fn service_of((nid, record): ServiceWords) -> (Nid, RecordId) {
    (Nid::from_raw(nid), RecordId::from_raw(record))
}

/// The target that these numbers are.
pub(crate) const fn target_of((tid, nid): (u64, u64)) -> (Tid, Nid) {
    (Tid::from_raw(tid), Nid::from_raw(nid))
}
