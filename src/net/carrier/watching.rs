//! Targets of one node that are watched from another: carriers tell each other who is watched, and who has ended.
//!
//! All of it goes as words between carriers, in order and never refused for lack of room. They are lost only with the
//! session of a link, and then the nodes have left each other, which ends every watch.

use crate::address::Address;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::context::Context;
use crate::directory::Directory;
use crate::ending::{Parting, Reason};
use crate::id::NodeId;
use crate::message::Message;
use crate::net::carrier::Carrier;
use crate::net::carrier::peering::Kept;
use crate::net::envoy::Watching;
use crate::net::transport::Peer;
use crate::net::words::{WatchEnded, WatchFor, WatchNoMore, target_of};
use crate::port::Watch;
use crate::record::Record;

impl Carrier {
    /// Asks the other node to tell how a target of it ends.
    pub(super) fn watch(&mut self, target: Address, watch: Watch, now: Time) {
        let node = target.node;
        let Some(peer) = self.peers.get(&node).map(|peering| peering.peer) else {
            return self.lose_watch(node, watch);
        };
        let words = WatchFor { watch: watch.number(), target: (target.tid.raw(), target.nid.raw()) };
        let to = Address::service(Directory::TRANSPORT).on_node(node);
        self.post(peer, &Message::notification(to, words), Kept::Watch(watch), now);
    }

    pub(super) fn watch_no_more(&mut self, target: Address, watch: Watch, now: Time) {
        if let Some(peer) = self.peers.get(&target.node).map(|peering| peering.peer) {
            self.tell(peer, WatchNoMore { watch: watch.number() }, now);
        }
    }

    /// Nobody will tell how it ends.
    pub(super) fn lose_watch(&self, node: NodeId, watch: Watch) {
        self.inlet.ended(node, watch, Reason::NodeLeft(Parting::Silent));
    }

    /// Has a target of this node watched for the peer, if the gatekeeper lets it in as mail to that target's namespace.
    pub(super) fn watch_for(&mut self, peer: Peer, words: &WatchFor, ctx: &Context<'_>) {
        let (tid, nid) = target_of(words.target);
        let target = Address { tid, nid, ..self.inlet.directory.home() };
        if let Err(denied) = self.gatekeeper.ask(peer.node, WatchFor::ID, nid) {
            let mut message = Message::notification(target, words.clone());
            message.fail(Failure::new(Code::DENIED, denied.to_string()));
            self.note_denied(peer.node, &message);
            return self.tell_end(peer, words.watch, Reason::Refused(Code::DENIED), ctx);
        }
        let envoy = Watching { intake: self.intake.clone(), peer, watch: words.watch, target };
        match ctx.register(envoy) {
            Ok(envoy) => {
                let stand_ins = self.peers.get_mut(&peer.node).map(|peering| &mut peering.stand_ins);
                let former = stand_ins.and_then(|stand_ins| stand_ins.watching.insert(words.watch, envoy));
                if let Some(former) = former {
                    let _ = ctx.deregister(former);
                }
            }
            Err(_) => self.tell_end(peer, words.watch, Reason::Refused(Code::BUSY), ctx),
        }
    }

    /// Tells the peer how a target of this node has ended that it watches.
    pub(super) fn tell_end(&mut self, peer: Peer, watch: u64, reason: Reason, ctx: &Context<'_>) {
        self.release_watch(peer.node, watch, ctx);
        self.tell(peer, WatchEnded { watch, reason }, ctx.now());
    }

    /// Lets who watches for another node go.
    pub(super) fn release_watch(&mut self, node: NodeId, watch: u64, ctx: &Context<'_>) {
        let stand_ins = self.peers.get_mut(&node).map(|peering| &mut peering.stand_ins);
        if let Some(envoy) = stand_ins.and_then(|stand_ins| stand_ins.watching.remove(&watch)) {
            let _ = ctx.deregister(envoy);
        }
    }
}
