//! [`Offers`]: which nodes offer which services, and how far away they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

use crate::id::{Nid, NodeId, RecordId};

/// What the other nodes have told of their services.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    known: RwLock<Known>,
    /// Counts the choices among nodes that are equally near.
    turn: AtomicUsize,
}

#[derive(Debug, Default)]
struct Known {
    nodes: BTreeMap<(Nid, RecordId), BTreeSet<NodeId>>,
    /// How long the way to each node and back takes.
    far: BTreeMap<NodeId, Duration>,
}

/// A node whose way is not measured yet.
const UNKNOWN: Duration = Duration::from_secs(1);
/// Ways that differ by less are equally long.
const SAME: Duration = Duration::from_micros(200);

impl Offers {
    /// What `node` offers from here on, and nothing else.
    pub(crate) fn replace(&self, node: NodeId, services: impl IntoIterator<Item = (Nid, RecordId)>) {
        let mut known = self.known.write();
        known.forget(node);
        for service in services {
            known.nodes.entry(service).or_default().insert(node);
        }
    }

    /// `node` offers a service, or does not any more.
    pub(crate) fn change(&self, node: NodeId, service: (Nid, RecordId), offered: bool) {
        let nodes = &mut self.known.write().nodes;
        if offered {
            nodes.entry(service).or_default().insert(node);
            return;
        }
        if let Some(there) = nodes.get_mut(&service) {
            there.remove(&node);
            if there.is_empty() {
                nodes.remove(&service);
            }
        }
    }

    /// How long the way to `node` and back takes.
    pub(crate) fn measure(&self, node: NodeId, far: Duration) {
        self.known.write().far.insert(node, far);
    }

    /// How long the way to `node` and back takes, if that is known.
    pub(crate) fn far(&self, node: NodeId) -> Option<Duration> {
        self.known.read().far.get(&node).copied()
    }

    /// A node is gone.
    pub(crate) fn forget(&self, node: NodeId) {
        let mut known = self.known.write();
        known.forget(node);
        known.far.remove(&node);
    }

    /// The nearest of the nodes that offer a service; those that are equally near take turns.
    pub(crate) fn nearest(&self, service: (Nid, RecordId)) -> Option<(NodeId, Duration)> {
        let known = self.known.read();
        let far = |node: &NodeId| known.far.get(node).copied().unwrap_or(UNKNOWN);
        let nodes = known.nodes.get(&service)?;
        let least = nodes.iter().map(far).min()?;
        let near: Vec<NodeId> = nodes.iter().copied().filter(|node| far(node) <= least + least / 4 + SAME).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Some((near[turn % near.len()], least))
    }
}

impl Known {
    fn forget(&mut self, node: NodeId) {
        self.nodes.retain(|_, nodes| {
            nodes.remove(&node);
            !nodes.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Offers;
    use crate::id::{Nid, NodeId, RecordId};

    const SERVICE: (Nid, RecordId) = (Nid::name("map"), RecordId::name("map.tile"));
    const NODES: [NodeId; 3] = [NodeId::name("a"), NodeId::name("b"), NodeId::name("c")];

    fn chosen(offers: &Offers) -> Vec<NodeId> {
        (0..4).map(|_| offers.nearest(SERVICE).expect("somebody offers it").0).collect()
    }

    #[test]
    fn the_nearest_node_is_chosen_and_equally_near_ones_take_turns() {
        let offers = Offers::default();
        let [a, b, c] = NODES;
        NODES.iter().for_each(|&node| offers.replace(node, [SERVICE]));
        for (node, millis) in [(a, 10), (b, 10), (c, 80)] {
            offers.measure(node, Duration::from_millis(millis));
        }
        assert_eq!(chosen(&offers), [a, b, a, b]);
        offers.measure(c, Duration::from_millis(1));
        assert_eq!(chosen(&offers), [c, c, c, c]);
    }

    #[test]
    fn a_node_that_goes_or_offers_something_no_more_is_not_chosen() {
        let offers = Offers::default();
        let [a, b, c] = NODES;
        NODES.iter().for_each(|&node| offers.replace(node, [SERVICE]));
        offers.forget(a);
        offers.change(b, SERVICE, false);
        assert_eq!(chosen(&offers), [c; 4]);
        offers.replace(c, []);
        assert_eq!(offers.nearest(SERVICE), None);
        offers.change(b, SERVICE, true);
        assert_eq!(chosen(&offers), [b; 4]);
    }
}
