//! Targets of this node that stand in for those of another, which observe a service of this node or monitor it.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::body::Body;
use crate::clock::Time;
use crate::context::Context;
use crate::id::{Nid, NodeId, Tid};
use crate::message::Message;
use crate::monitor::Monitor;
use crate::net::carrier::Carrier;
use crate::net::carrier::peering::Kept;
use crate::net::envoy::{Monitoring, Observed, Observers, Observing};
use crate::net::frame::Kind;
use crate::net::link::Request;
use crate::net::transport::Peer;
use crate::net::words::CopyFor;
use crate::system::{AddMonitor, AddObserver, RemoveMonitor, RemoveObserver};

/// Those that stand in for the targets of one node.
#[derive(Default)]
pub(super) struct StandIns {
    observing: BTreeMap<Observed, (Address, Observers)>,
    /// Those for which `SYSTEM` is being asked, by the request.
    asked: Vec<(Request, Asked)>,
    monitoring: BTreeMap<Monitor, Address>,
    /// By the number that the watch has there.
    pub(super) watching: BTreeMap<u64, Address>,
    /// Those that are not needed any more.
    leaving: Vec<Address>,
}

/// For what somebody who stands in is to be known.
#[derive(Clone, Copy)]
enum Asked {
    Monitor(Address),
    Observer(Observed, (Tid, Nid)),
}

impl StandIns {
    /// Lets an observer go, and who stood in for it if it was the last.
    fn release(&mut self, observed: Observed, observer: (Tid, Nid)) {
        let Some((envoy, observers)) = self.observing.get(&observed) else {
            return;
        };
        observers.lock().retain(|&known| known != observer);
        if observers.lock().is_empty() {
            self.leaving.push(*envoy);
            self.observing.remove(&observed);
        }
    }
}

impl Carrier {
    /// Has a target of this node stand in for one of the sender's, where a message to `SYSTEM` names one. Whether that is all
    /// that there is to do.
    pub(super) fn stand_in(
        &mut self,
        peer: Peer,
        re: Option<Request>,
        message: &mut Message<'static>,
        ctx: &Context<'_>,
    ) -> bool {
        let theirs = |address: Address| address.node().is_none_or(|node| node == peer.node);
        if let Some(add) = message.record_mut::<AddObserver>().filter(|add| theirs(add.observer)) {
            let observed = Observed { namespace: add.service.nid, record: add.record };
            if let Some((envoy, observers)) = self.envoy_for(peer, observed, ctx) {
                let observer = (add.observer.tid, add.observer.nid);
                let mut known = observers.lock();
                if !known.contains(&observer) {
                    known.push(observer);
                }
                add.observer = envoy;
                if let Some((peering, re)) = self.peers.get_mut(&peer.node).zip(re) {
                    peering.stand_ins.asked.push((re, Asked::Observer(observed, observer)));
                }
            }
        } else if let Some(remove) = message.record::<RemoveObserver>().filter(|remove| theirs(remove.observer)) {
            let observed = Observed { namespace: remove.service.nid, record: remove.record };
            self.release(peer.node, observed, (remove.observer.tid, remove.observer.nid), ctx);
            return true;
        } else if let Some(add) = message.record_mut::<AddMonitor>().filter(|add| theirs(add.target)) {
            if let Ok(envoy) = ctx.register(Monitoring::new(add.target.on_node(peer.node))) {
                add.target = envoy;
                if let Some((peering, re)) = self.peers.get_mut(&peer.node).zip(re) {
                    peering.stand_ins.asked.push((re, Asked::Monitor(envoy)));
                }
            }
        } else if let Some(RemoveMonitor(monitor)) = message.record()
            && let Some(peering) = self.peers.get_mut(&peer.node)
            && let Some(envoy) = peering.stand_ins.monitoring.remove(monitor)
        {
            // The monitor ends with it.
            let _ = ctx.deregister(envoy);
            return true;
        }
        false
    }

    /// What a target that monitors this node for another is to be known by. Whoever stands in for one that was refused goes.
    pub(super) fn note_answer(&mut self, node: NodeId, re: Request, message: &Message<'static>) {
        let Some(stand_ins) = self.peers.get_mut(&node).map(|peering| &mut peering.stand_ins) else {
            return;
        };
        let Some(index) = stand_ins.asked.iter().position(|&(asked, _)| asked == re) else {
            return;
        };
        match stand_ins.asked.swap_remove(index).1 {
            Asked::Monitor(envoy) => match message.record().filter(|_| message.code.is_ok()) {
                Some(&monitor) => drop(stand_ins.monitoring.insert(monitor, envoy)),
                None => stand_ins.leaving.push(envoy),
            },
            Asked::Observer(_, _) if message.code.is_ok() => {}
            Asked::Observer(observed, observer) => stand_ins.release(observed, observer),
        }
    }

    /// Sends a copy to the observers on another node: one, however many they are.
    pub(super) fn send_copy(&mut self, peer: Peer, observers: &[(Tid, Nid)], mut copy: Message<'static>, now: Time) {
        let observers = observers.iter().map(|(tid, nid)| (tid.raw(), nid.raw())).collect();
        copy.cold().push(Body::new(CopyFor(observers)));
        if self.peers.get(&peer.node).is_some_and(|peering| peering.link.has_room(Kind::Notification).is_ok()) {
            self.post(peer, &copy, Kept::Nothing, now);
        }
    }

    /// Lets an observer of another node go, and who stood in for it if it was the last.
    pub(super) fn release(&mut self, node: NodeId, observed: Observed, observer: (Tid, Nid), ctx: &Context<'_>) {
        let Some(stand_ins) = self.peers.get_mut(&node).map(|peering| &mut peering.stand_ins) else {
            return;
        };
        stand_ins.release(observed, observer);
        self.dismiss_leaving(node, ctx);
    }

    /// Lets those go that stand in for nobody any more.
    pub(super) fn dismiss_leaving(&mut self, node: NodeId, ctx: &Context<'_>) {
        let leaving = self.peers.get_mut(&node).map(|peering| std::mem::take(&mut peering.stand_ins.leaving));
        for envoy in leaving.into_iter().flatten() {
            let _ = ctx.deregister(envoy);
        }
    }

    /// Lets all go that stand in for targets of a node.
    pub(super) fn dismiss_stand_ins(&mut self, node: NodeId, ctx: &Context<'_>) {
        let Some(peering) = self.peers.get_mut(&node) else {
            return;
        };
        let StandIns { observing, asked, monitoring, watching, mut leaving } = std::mem::take(&mut peering.stand_ins);
        leaving.extend(observing.into_values().map(|(envoy, _)| envoy));
        leaving.extend(asked.into_iter().filter_map(|(_, asked)| match asked {
            Asked::Monitor(envoy) => Some(envoy),
            Asked::Observer(..) => None,
        }));
        for envoy in leaving.into_iter().chain(monitoring.into_values()).chain(watching.into_values()) {
            let _ = ctx.deregister(envoy);
        }
    }

    fn envoy_for(&mut self, peer: Peer, observed: Observed, ctx: &Context<'_>) -> Option<(Address, Observers)> {
        let stand_ins = &mut self.peers.get_mut(&peer.node)?.stand_ins;
        if let Some((envoy, observers)) = stand_ins.observing.get(&observed) {
            return Some((*envoy, observers.clone()));
        }
        let observers = Observers::default();
        let envoy = Observing { intake: self.intake.clone(), peer, observers: observers.clone() };
        let address = ctx.register(envoy).ok()?;
        stand_ins.observing.insert(observed, (address, observers.clone()));
        Some((address, observers))
    }
}
