//! [`NetCounters`]: what the links to other nodes have counted.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::id::NodeId;
use crate::net::link::LinkCounters;

/// What has gone wrong, and right, on the way to and from other nodes; see [`Net::counters`](super::Net::counters).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetCounters {
    /// Times that this node and another have found each other.
    pub opened: u64,
    /// Times that a node which looked alive went silent, or did not answer.
    pub half_dead: u64,
    /// Times that the connections to all nodes were opened anew because of one that did not answer.
    pub reopened: u64,
    /// Times that something was missing, so that all that was pending came back with
    /// [`Code::NODE_LOST`](crate::Code::NODE_LOST).
    pub gaps: u64,
    /// Frames that had come already, and were ignored.
    pub duplicates: u64,
    /// Frames of an earlier time, and were ignored.
    pub stale: u64,
    /// Frames that could not be read, and were ignored.
    pub malformed: u64,
    /// Answers that came too late, or to what nobody had asked.
    pub late_answers: u64,
    /// Times that another node claimed this node's name.
    pub doubled: u64,
    /// Mail of other nodes that the gatekeeper did not let in.
    pub denied: u64,
    /// Notifications that failed and were not brought back: there were too many, or the node had gone.
    pub dropped_returns: u64,
}

/// What all links of one network have counted.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    links: Mutex<BTreeMap<NodeId, LinkCounters>>,
    denied: AtomicU64,
    reopened: AtomicU64,
}

impl Gauges {
    pub(crate) fn set(&self, node: NodeId, counters: LinkCounters) {
        self.links.lock().insert(node, counters);
    }

    pub(crate) fn count_denied(&self) {
        self.denied.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_reopened(&self) {
        self.reopened.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> NetCounters {
        let [denied, reopened] = [&self.denied, &self.reopened].map(|count| count.load(Ordering::Relaxed));
        let mut sum = NetCounters { denied, reopened, ..NetCounters::default() };
        self.links.lock().values().for_each(|&link| sum += link);
        sum
    }
}

impl AddAssign<LinkCounters> for NetCounters {
    fn add_assign(&mut self, link: LinkCounters) {
        self.opened += link.opened;
        self.half_dead += link.half_dead;
        self.gaps += link.gaps;
        self.duplicates += link.duplicates;
        self.stale += link.stale;
        self.malformed += link.malformed;
        self.late_answers += link.late_answers + link.stray_answers;
        self.dropped_returns += link.dropped_returns;
    }
}
