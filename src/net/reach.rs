//! [`Reach`]: the nodes for which mail is taken.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::id::NodeId;

/// See the module. Asked for each message that leaves the node.
#[derive(Debug)]
pub(crate) struct Reach {
    /// One of them that was asked for, mostly the next that is. Changed with them locked.
    latest: AtomicU64,
    nodes: Mutex<BTreeSet<NodeId>>,
    /// Told when there is one more.
    more: Condvar,
}

impl Reach {
    pub(crate) const fn nowhere() -> Self {
        Self { latest: AtomicU64::new(NodeId::UNSET.raw()), nodes: Mutex::new(BTreeSet::new()), more: Condvar::new() }
    }

    pub(crate) fn contains(&self, node: NodeId) -> bool {
        if !node.is_unset() && self.latest.load(Ordering::Acquire) == node.raw() {
            return true;
        }
        let nodes = self.nodes.lock();
        let there = nodes.contains(&node);
        if there {
            self.latest.store(node.raw(), Ordering::Release);
        }
        there
    }

    /// All of them.
    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        self.nodes.lock().iter().copied().collect()
    }

    pub(crate) fn add(&self, node: NodeId) {
        self.nodes.lock().insert(node);
        self.more.notify_all();
    }

    pub(crate) fn remove(&self, node: NodeId) {
        let mut nodes = self.nodes.lock();
        nodes.remove(&node);
        self.latest.store(NodeId::UNSET.raw(), Ordering::Release);
    }

    /// Waits until it contains `node`, or until `deadline`; whether it does.
    pub(crate) fn wait_for(&self, node: NodeId, deadline: Instant) -> bool {
        let mut nodes = self.nodes.lock();
        let _ = self.more.wait_while_until(&mut nodes, |nodes| !nodes.contains(&node), deadline);
        nodes.contains(&node)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Instant;

    use super::Reach;
    use crate::id::NodeId;

    #[test]
    fn a_node_is_reached_from_when_it_is_said_until_it_is_forgotten() {
        let reach = Reach::nowhere();
        let [north, south] = ["north", "south"].map(NodeId::name);
        for node in [NodeId::UNSET, north] {
            assert!(!reach.contains(node), "expected nobody at first");
        }
        assert!(!reach.wait_for(north, Instant::now()));
        reach.add(north);
        reach.add(south);
        assert!(reach.wait_for(north, Instant::now()));
        for node in [north, north, south, north] {
            assert!(reach.contains(node));
        }
        reach.remove(north);
        assert!(!reach.contains(north), "expected it to be gone, though it was asked for last");
        assert_eq!(reach.nodes(), [south]);
    }
}
