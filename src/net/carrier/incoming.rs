//! Mail that comes in: read, let in or not, and brought to its receivers.

use bytes::Bytes;

use crate::address::Address;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::context::Context;
use crate::counters::Count;
use crate::directory::Directory;
use crate::held::HeldMessage;
use crate::id::NodeId;
use crate::message::{Message, RecordRef};
use crate::monitor::Change;
use crate::net::bundle;
use crate::net::carrier::Carrier;
use crate::net::carrier::peering::Peering;
use crate::net::envoy::Observed;
use crate::net::frame::Kind;
use crate::net::intake::Errand;
use crate::net::letter::Letter;
use crate::net::link::Request;
use crate::net::returning::Return;
use crate::net::sealed::{Envelope, ROOM};
use crate::net::transport::Peer;
use crate::net::words::{
    CopyFor, ObserverGone, OfferChanged, Offering, WatchEnded, WatchFor, WatchNoMore, service_of, target_of, words_of,
};
use crate::orders;
use crate::origin::Origin;
use crate::port::Watch;
use crate::record::{Record as _, RecordType};
use crate::system;
use crate::waking::WakeLater;

impl Carrier {
    /// Takes up a piece that a peer has sent.
    pub(super) fn hear(&mut self, from: Peer, piece: Bytes, ctx: &Context<'_>) {
        // Whoever is woken finds all of it at once.
        let _later = WakeLater::new();
        let now = ctx.now();
        if self.peering(from).is_none() {
            return;
        }
        let mut frames = bundle::frames(piece);
        while let Some(Peering { link, .. }) = self.peers.get_mut(&from.node).filter(|peering| peering.peer == from) {
            let take = |stamp| Some((link.take_up(stamp, now)?, stamp.kind));
            if let Some(((re, kind), letter)) = frames.next_letter(take) {
                self.bring(from, Some(re).filter(|_| kind == Kind::Request), letter, Some(ctx), now);
                continue;
            }
            let Some(frame) = frames.next() else {
                return;
            };
            link.heard(frame, now);
            // One by one, so that the next has the memory of the one before.
            self.settle(from.node, ctx);
        }
    }

    /// Brings a message of another node in.
    pub(super) fn bring(
        &mut self,
        peer: Peer,
        re: Option<Request>,
        bytes: &[u8],
        ctx: Option<&Context<'_>>,
        now: Time,
    ) {
        let letter = match Letter::read(bytes) {
            Ok(letter) => letter,
            Err(error) => return self.refuse(peer, re, &Failure::from(error), now),
        };
        let way = re.map_or(Return::Notification(letter.ticket()), Return::Answer);
        if self.bring_sealed(peer, way, &letter, now) {
            self.count_sent(ctx);
            return;
        }
        let mut message = match letter.open(self.terms.max_message, now) {
            Ok(message) => message,
            Err(error) => {
                let mut message = letter.sealed(self.terms.max_message);
                message.fail(error.into());
                return self.send_back(peer, way, &message, now);
            }
        };
        let sender = letter.sender(peer.node);
        if letter.is_copy() {
            let origin = Origin { sender, ..Origin::new() };
            return self.show(peer, message, origin, now);
        }
        if message.nid == Directory::TRANSPORT {
            if re.is_some() || !ctx.is_some_and(|ctx| self.listen(peer, &message, ctx)) {
                message.fail(Failure::new(Code::NO_SERVICE, "carriers hear only each other"));
                self.send_back(peer, way, &message, now);
            }
            return;
        }
        let (node, namespace) = (peer.node, message.nid);
        let ask = |kind: &'static RecordType| Some((kind, self.gatekeeper.ask(node, kind.id(), namespace).err()?));
        let denied = message.records().map(RecordRef::kind).find_map(ask);
        if let Some((kind, denied)) = denied {
            // So that the missing rule shows its name.
            let _ = kind.remember();
            message.fail(Failure::new(Code::DENIED, denied.to_string()));
            self.note_denied(node, &message);
            return self.send_back(peer, way, &message, now);
        }
        if namespace == system::NAMESPACE && ctx.is_some_and(|ctx| self.stand_in(peer, re, &mut message, ctx)) {
            message.answer(());
            return self.send_back(peer, way, &message, now);
        }
        if message.record::<Change>().is_some() && sender.is_some_and(|sender| sender.nid == Directory::TRANSPORT) {
            return self.pass_change_on(peer, way, message, now);
        }
        let origin = Origin { sender, ..Origin::new() };
        self.inlet.bring_by(Some(&mut self.ways), message, origin.stub(way.stub(peer)));
    }

    /// Brings a message in that its receiver's worker reads; whether that can be done. It is small, allowed, and for a
    /// service with one owner or for a target by its generated id.
    fn bring_sealed(&mut self, peer: Peer, way: Return, letter: &Letter<'_>, now: Time) -> bool {
        let Address { tid, nid, .. } = letter.receiver();
        let Some((record, content)) = letter.lone_record().filter(|(_, content)| content.len() <= ROOM) else {
            return false;
        };
        // What a monitor tells goes to its target past all bounds.
        let allowed = || self.gatekeeper.ask(peer.node, record, nid).is_ok();
        if !is_from_target_to_target(letter) || record == Change::ID || !allowed() {
            return false;
        }
        let Some(codec) = self.codecs.of(record) else {
            return false;
        };
        letter.learn_names();
        let envelope = Envelope {
            wants_answer: letter.wants_answer(),
            hops: letter.hops(),
            due: letter.due(now),
            sender: letter.sender(peer.node),
            stub: way.stub(peer),
            codec,
        };
        self.inlet.bring_sealed(&mut self.ways, ((tid, nid), record), (envelope, content))
    }

    /// Counts mail that has been brought in: where that can be with its thread's own, nobody waits for what was written before.
    fn count_sent(&self, ctx: Option<&Context<'_>>) {
        match ctx {
            Some(ctx) => ctx.core.count(Count::Sent),
            None => self.inlet.directory.outside.shared(Count::Sent),
        }
    }

    /// Mail of a node is not let in.
    pub(super) fn note_denied(&self, node: NodeId, message: &Message<'_>) {
        self.gauges.count_denied();
        self.inlet.kept_out(message, node);
    }

    /// Has a target of this node told what a monitor of another node tells it, as by one of this node: never refused for
    /// lack of room, and without a sender.
    fn pass_change_on(&mut self, peer: Peer, way: Return, mut message: Message<'static>, now: Time) {
        let to = Address { tid: message.tid, nid: message.nid, ..self.inlet.directory.home() };
        let (tid, post) = match self.inlet.directory.route(to) {
            Ok(way) => way,
            Err(code) => {
                message.fail(Failure::new(code, ""));
                return self.send_back(peer, way, &message, now);
            }
        };
        let intake = self.intake.clone();
        orders::command(&post, move |core| {
            let there = core.with_extra(tid, |_| ()).is_some();
            match message.take::<Change>().filter(|_| there) {
                Some(change) => {
                    message.answer(());
                    core.tell(tid, change);
                }
                None => message.fail(Failure::new(Code::NO_TARGET, "")),
            }
            intake.put(Errand::Back(peer, way, message));
        });
    }

    /// Ends a request whose answer has come.
    pub(super) fn complete(&self, request: HeldMessage, bytes: &[u8]) {
        match Letter::read(bytes) {
            Ok(letter) => letter.finish(request, self.terms.max_message),
            Err(error) => request.fail(error.into()),
        }
    }

    /// Brings a notification back that had been delivered.
    pub(super) fn bring_back(&self, node: NodeId, bytes: &[u8], now: Time) {
        let returned = Letter::read(bytes).map(|letter| letter.open_return(node, self.terms.max_message, now));
        if let Ok((message, Some(ticket))) = returned {
            self.inlet.bring_back(message, ticket);
        }
    }

    /// A letter that is none is not brought in. A request is told; of a notification not even the sender can be read.
    fn refuse(&mut self, peer: Peer, re: Option<Request>, why: &Failure, now: Time) {
        if let Some((peering, re)) = self.peering(peer).zip(re) {
            let letter = peering.desk.failure(why);
            peering.link.answer(re, letter, now);
        }
    }

    /// Shows a copy to observers of this node.
    fn show(&mut self, peer: Peer, mut message: Message<'static>, origin: Origin, now: Time) {
        let Some(CopyFor(observers)) = message.take::<CopyFor>() else {
            return;
        };
        message.cold().pop();
        message.cold().origin = Some(origin);
        message.complete_from(message.nid, peer.node);
        let service = words_of((message.nid, message.kind().id()));
        for observer in observers {
            let (tid, nid) = target_of(observer);
            if self.gatekeeper.ask(peer.node, message.kind().id(), nid).is_err() {
                self.note_denied(peer.node, &message);
                continue;
            }
            let there = self.inlet.directory.route(Address { tid, nid, ..self.inlet.directory.home() });
            let gone = ObserverGone { service, observer };
            let (Ok((tid, post)), Some(copy)) = (there, message.copy()) else {
                self.tell(peer, gone, now);
                continue;
            };
            let intake = self.intake.clone();
            orders::command(&post, move |core| {
                // What finds no room is counted as lost.
                if !core.keep_copy(tid, || Some(copy)) && !core.slots.with(|slots| slots.find(tid).is_some()) {
                    intake.put(Errand::ObserverGone(peer, gone));
                }
            });
        }
    }

    /// Hears what another carrier says; whether it is something that carriers say.
    fn listen(&mut self, peer: Peer, message: &Message<'static>, ctx: &Context<'_>) -> bool {
        let node = peer.node;
        if let Some(Offering { services }) = message.record() {
            self.offers.replace(node, services.iter().copied().map(service_of));
        } else if let Some(&OfferChanged { service, offered }) = message.record() {
            self.offers.change(node, service_of(service), offered);
        } else if let Some(&ObserverGone { service, observer }) = message.record() {
            let (namespace, record) = service_of(service);
            self.release(node, Observed { namespace, record }, target_of(observer), ctx);
        } else if let Some(words) = message.record::<WatchFor>() {
            self.watch_for(peer, words, ctx);
        } else if let Some(&WatchNoMore { watch }) = message.record() {
            self.release_watch(node, watch, ctx);
        } else if let Some(WatchEnded { watch, reason }) = message.record() {
            self.inlet.ended(node, Watch::from_number(*watch), reason.clone());
        } else {
            return false;
        }
        true
    }
}

/// Whether mail is none of the network's own matters: to no service of the kernel, to no target of the carriers', no copy.
pub(super) fn is_from_target_to_target(letter: &Letter<'_>) -> bool {
    let namespace = letter.receiver().nid;
    namespace != Directory::TRANSPORT && namespace != system::NAMESPACE && !letter.is_copy()
}
