//! The carrier: takes mail to other nodes and brings theirs in.
//!
//! It owns the transport and a link to each node; what the links say is done here. A message for another node is held, or the
//! [letter](letters) that was written of it, so that it goes back to its sender whatever happens. Its work is done by the
//! [`Porter`], a target of the namespace `TRANSPORT`, and [in passing](passing) by whoever has mail when there is nothing else
//! to do. What comes in, and what carriers say to each other, has files of its own.

mod incoming;
mod letters;
mod offering;
mod passing;
mod peering;
mod porter;
mod standing_in;
mod watching;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

pub(crate) use self::porter::Porter;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::context::Context;
use crate::counters::Count;
use crate::ending::Parting;
use crate::id::NodeId;
use crate::message::Message;
use crate::net::carrier::offering::Offering;
use crate::net::carrier::peering::{Kept, Peering, Touched};
use crate::net::codec;
use crate::net::frame::{Kind, Session};
use crate::net::gatekeeper::Gatekeeper;
use crate::net::gauges::Gauges;
use crate::net::intake::{Errand, Input, Intake, Pile, Tiding, is_own};
use crate::net::link::{Event, Refusal, Terms};
use crate::net::offers::Offers;
use crate::net::parcel::{Parcel, is_plain};
use crate::net::returning::Return;
use crate::net::transport::{Gone, Peer, Transport};
use crate::port::{Inlet, Ways};

/// How often the carrier looks for more before it is done.
const LOOKS: usize = 64;
/// How far ahead mail is sent for that another core has written.
const AHEAD: usize = 3;
/// How much of what this node sends goes before the next piece of another one.
const INPUTS: usize = 256;

/// See the module.
pub(crate) struct Carrier {
    inlet: Inlet,
    /// Those that mail of other nodes has gone to its receivers.
    ways: Ways,
    codecs: codec::Latest,
    own: Peer,
    intake: Arc<Intake>,
    /// What has been taken from the intake and is to be done now; empty in between.
    pile: Pile,
    transport: Box<dyn Transport>,
    terms: Terms,
    gatekeeper: Gatekeeper,
    peers: BTreeMap<NodeId, Peering>,
    /// When whose link is to be looked at next.
    schedule: BTreeSet<(Time, NodeId)>,
    /// Whose links something has been done to.
    touched: Touched,
    /// Bytes of the letters to all nodes that wait or are not acknowledged.
    under_way: usize,
    /// Whether the porter has been told that there is something to do.
    rung: bool,
    /// When the intake is to be looked at, as letters may lie there of which nobody has told.
    look: Option<Time>,
    /// Whether the connections are to be opened anew: all at once, so once for all links that are half-dead.
    reopens: bool,
    offers: Arc<Offers>,
    gauges: Arc<Gauges>,
    offering: Offering,
}

impl Carrier {
    pub(crate) fn new(
        (inlet, own): (Inlet, Peer),
        (intake, transport): (Arc<Intake>, Box<dyn Transport>),
        (terms, gatekeeper): (Terms, Gatekeeper),
        (offers, gauges): (Arc<Offers>, Arc<Gauges>),
    ) -> Self {
        Self {
            inlet,
            ways: Ways::default(),
            codecs: codec::Latest::default(),
            own,
            intake,
            pile: Pile::default(),
            transport,
            terms,
            gatekeeper,
            peers: BTreeMap::new(),
            schedule: BTreeSet::new(),
            touched: Touched::default(),
            rung: false,
            look: None,
            under_way: 0,
            reopens: false,
            offers,
            gauges,
            offering: Offering::default(),
        }
    }

    /// Does everything that there is to do at this moment.
    ///
    /// What comes in takes time to read. So between two pieces the carrier looks for what has come meanwhile, and sends what
    /// there is: whoever waits for an answer does not wait for all the pieces, nor for the acknowledgement of the first.
    fn work(&mut self, ctx: &Context<'_>) {
        self.rung = false;
        self.intake.take(&mut self.pile);
        // Whatever comes after the last look has the porter come again, or is found when it looks by itself.
        let mut looks = LOOKS;
        let mut written = false;
        while self.pile.len() > 0 {
            for _ in 0..INPUTS {
                let Some(input) = self.pile.inputs.pop_front() else {
                    break;
                };
                if let Some(Input::Mail(mail)) = self.pile.inputs.get(AHEAD) {
                    mail.prefetch();
                }
                written |= matches!(input, Input::Letter);
                self.take_in(input, ctx);
            }
            let tiding = self.pile.next_tiding();
            if tiding.is_some() || self.pile.inputs.is_empty() {
                tiding.into_iter().for_each(|tiding| self.hear_of(tiding, ctx));
                self.attend_all(ctx);
            }
            if looks > 0 {
                looks -= 1;
                self.intake.take(&mut self.pile);
            }
        }
        let now = ctx.now();
        while let Some(&(due, node)) = self.schedule.first().filter(|(due, _)| *due <= now) {
            self.schedule.remove(&(due, node));
            if let Some(peering) = self.peers.get_mut(&node) {
                peering.due = None;
                peering.link.timeout(now);
                self.touched.insert(node);
            }
        }
        self.attend_all(ctx);
        if std::mem::take(&mut self.reopens) {
            self.gauges.count_reopened();
            self.transport.reopen();
        }
        // Where letters come in a stream nobody rings for a few more.
        self.look = written.then(|| now.after(self.terms.ack_delay));
        if self.look.is_none() {
            self.intake.rest();
        }
    }

    /// Attends to all links that something has been done to.
    fn attend_all(&mut self, ctx: &Context<'_>) {
        while let Some(node) = self.touched.pop_first() {
            self.attend(node, ctx);
        }
    }

    /// When the carrier is to look next at a link, or at its intake.
    fn next_deadline(&self) -> Option<Time> {
        let due = self.schedule.first().map(|&(due, _)| due);
        due.into_iter().chain(self.look).min()
    }

    fn take_in(&mut self, input: Input, ctx: &Context<'_>) {
        match input {
            Input::Mail(mail) => {
                let node = mail.message().destination().node;
                if let Err((mail, why)) = self.send(mail, ctx.now()) {
                    return mail.fail(why);
                }
                self.collect(node);
            }
            Input::Letter => {
                if let Some(node) = self.send_letter(ctx.now()) {
                    self.collect(node);
                }
            }
            Input::Errand(errand) => self.run(*errand, ctx),
        }
    }

    fn run(&mut self, errand: Errand, ctx: &Context<'_>) {
        match errand {
            Errand::Back(peer, way, message) => self.send_back(peer, way, &message, ctx.now()),
            Errand::Copy(peer, observers, copy) => self.send_copy(peer, &observers, copy, ctx.now()),
            Errand::ObserverGone(peer, gone) => self.tell(peer, gone, ctx.now()),
            Errand::Watch(target, watch) => self.watch(target, watch, ctx.now()),
            Errand::Unwatch(target, watch) => self.watch_no_more(target, watch, ctx.now()),
            Errand::WatchEnded(peer, watch, reason) => self.tell_end(peer, watch, reason, ctx),
        }
    }

    fn hear_of(&mut self, tiding: Tiding, ctx: &Context<'_>) {
        match tiding {
            Tiding::Joined(peer) => self.welcome(peer, ctx),
            Tiding::Heard(from, piece) => self.hear(from, piece, ctx),
            Tiding::Left(peer, why) => {
                if let Some(peering) = self.peering(peer) {
                    peering.link.lost();
                    let why = match why {
                        Gone::Closed => Parting::Closed,
                        Gone::Lost => Parting::Crashed,
                        Gone::Replaced => Parting::Replaced,
                    };
                    self.part(peer.node, why, ctx);
                }
            }
            Tiding::Stop => self.stop(ctx),
        }
    }

    /// What is known of a peer in this very life; its link is looked at afterwards.
    fn peering(&mut self, peer: Peer) -> Option<&mut Peering> {
        let peering = self.peers.get_mut(&peer.node).filter(|peering| peering.peer == peer)?;
        self.touched.insert(peer.node);
        Some(peering)
    }

    /// Sends a message of this node on its way, or gives it back and says why not.
    fn send(&mut self, mail: Parcel, now: Time) -> Result<(), (Parcel, Failure)> {
        let message = mail.message();
        let node = message.destination().node;
        let Some(peering) = self.peers.get_mut(&node) else {
            return Err((mail, Code::NO_NODE.into()));
        };
        let Peering { link, desk, .. } = peering;
        let kind = if message.wants_answer() { Kind::Request } else { Kind::Notification };
        let failure = |why: Refusal| Failure::new(why.code(), why.to_string());
        let own = is_own(message);
        if let Err(why) = link.has_room(kind)
            && !own
        {
            return Err((mail, failure(why)));
        }
        let letter = match desk.mail(message, now) {
            Ok(letter) => letter,
            Err(why) => return Err((mail, why)),
        };
        let keep = Kept::Mail(mail);
        let sent = match kind {
            _ if own => link.insist(kind, letter, keep, now),
            Kind::Request => link.request(letter, keep, now),
            _ => link.notify(letter, keep, now),
        };
        self.touched.insert(node);
        let Err(refused) = sent else {
            return Ok(());
        };
        // The names in it have not been told.
        desk.renew();
        match refused.keep {
            Kept::Mail(mail) => Err((mail, failure(refused.why))),
            _ => Ok(()),
        }
    }

    /// Has letters that wait for each other go if they are enough.
    fn collect(&mut self, node: NodeId) {
        if let Some(peering) = self.peers.get_mut(&node).filter(|peering| peering.link.has_much_to_send()) {
            peering.collect(&mut *self.transport);
        }
    }

    /// Sends what has become of a message to the node that it came from.
    fn send_back(&mut self, to: Peer, way: Return, message: &Message<'static>, now: Time) {
        let Some(Peering { link, desk, .. }) = self.peering(to) else {
            return;
        };
        match way {
            Return::Answer(re) => {
                let letter = desk.answer(message).unwrap_or_else(|failure| desk.failure(&failure));
                link.answer(re, letter, now);
                self.note_answer(to.node, re, message);
            }
            Return::Notification(Some(ticket)) => {
                link.give_back(desk.give_back(message, ticket), now);
            }
            Return::Notification(None) => {}
        }
    }

    /// A node is there, perhaps in another life than the one that is known.
    fn welcome(&mut self, peer: Peer, ctx: &Context<'_>) {
        let node = peer.node;
        if self.peers.get(&node).is_some_and(|known| known.peer != peer) {
            if let Some(known) = self.peers.get_mut(&node) {
                known.link.lost();
            }
            self.part(node, Parting::Replaced, ctx);
            self.settle(node, ctx);
        }
        let (session, terms, now) = (Session::new(self.own.incarnation.0), self.terms, ctx.now());
        let home = self.own.node;
        let peering = self.peers.entry(node).or_insert_with(|| Peering::new(peer, home, session, terms, now));
        if std::mem::replace(&mut peering.peer, peer) == peer {
            peering.link.begin(now);
        } else {
            peering.link.begin_anew(now);
        }
        self.intake.reach.add(node);
        self.touched.insert(node);
    }

    /// A node is not there any more.
    fn part(&mut self, node: NodeId, why: Parting, ctx: &Context<'_>) {
        self.intake.reach.remove(node);
        self.offers.forget(node);
        self.tell_left(node, why, ctx);
    }

    /// Says that nothing of what two nodes have agreed upon holds any more.
    fn tell_left(&mut self, node: NodeId, why: Parting, ctx: &Context<'_>) {
        self.dismiss_stand_ins(node, ctx);
        if let Some(peering) = self.peers.get_mut(&node) {
            peering.met = false;
        }
        self.inlet.left(node, why);
    }

    /// Does what a link says, sends what it wants to be sent, and notes when it is to be looked at again.
    fn attend(&mut self, node: NodeId, ctx: &Context<'_>) {
        loop {
            self.settle(node, ctx);
            self.dismiss_leaving(node, ctx);
            let Some(peering) = self.peers.get_mut(&node) else {
                return;
            };
            if peering.transmit(&mut *self.transport) {
                continue;
            }
            peering.told = peering.link.counters();
            self.gauges.set(node, peering.told);
            if let Some(far) = peering.link.round_trip() {
                self.offers.measure(node, far);
            }
            let mut due = peering.link.next_deadline();
            if std::mem::take(&mut peering.lively) {
                // What comes meanwhile finds the porter about to look, and need not wake it.
                let soon = ctx.now().after(peering.link.patience());
                due = Some(due.map_or(soon, |due| due.min(soon)));
            }
            self.schedule(node, due);
            return;
        }
    }

    /// Notes when a link is to be looked at, and what it has on its way.
    fn schedule(&mut self, node: NodeId, due: Option<Time>) {
        let Some(peering) = self.peers.get_mut(&node) else {
            return;
        };
        if due != peering.due {
            let old = std::mem::replace(&mut peering.due, due);
            old.map(|old| self.schedule.remove(&(old, node)));
            self.schedule.extend(due.map(|due| (due, node)));
        }
        let weighs = peering.link.under_way();
        self.under_way = self.under_way - std::mem::replace(&mut peering.weighs, weighs) + weighs;
    }

    /// Does what a link says.
    fn settle(&mut self, node: NodeId, ctx: &Context<'_>) {
        while let Some((peer, event)) = self.next_event(node) {
            match event {
                Event::Opened => {
                    if self.peers.get(&node).is_some_and(|peering| peering.met) {
                        // The other side has begun a session anew, or mail was lost: what it had here is gone, and so is
                        // what this node had there.
                        self.tell_left(node, Parting::Silent, ctx);
                    }
                    if let Some(peering) = self.peers.get_mut(&node) {
                        peering.desk.renew();
                        peering.met = true;
                    }
                    self.inlet.joined(node);
                    self.tell_offers_to(peer, ctx.now());
                }
                Event::Silent => self.tell_left(node, Parting::Silent, ctx),
                Event::HalfDead => self.reopens = true,
                Event::Closed => self.part(node, Parting::Closed, ctx),
                other => self.deal_with(peer, other, Some(ctx), ctx.now()),
            }
        }
    }

    /// Does what a link says of mail. With no context it is from a target to a target.
    fn deal_with(&mut self, peer: Peer, event: Event<Kept>, ctx: Option<&Context<'_>>, now: Time) {
        match event {
            Event::Notified { letter } => self.bring(peer, None, &letter, ctx, now),
            Event::Requested { re, letter } => self.bring(peer, Some(re), &letter, ctx, now),
            Event::Answered { keep: Kept::Mail(mail), letter } => self.complete(mail.open(), &letter),
            Event::Returned { letter } => self.bring_back(peer.node, &letter, now),
            Event::Delivered(Kept::Mail(mail)) => self.note_arrival(mail),
            Event::Posted(count) => self.inlet.directory.outside.shared_many(Count::Handled, count),
            Event::Lost(kept) => self.lose(peer.node, kept, Code::NODE_LOST),
            Event::TooLarge(kept) => self.lose(peer.node, kept, Code::TOO_LARGE),
            _ => {}
        }
    }

    /// Ends a notification that has arrived: nobody waits for it.
    fn note_arrival(&self, mail: Parcel) {
        if !is_plain(mail.message()) {
            return mail.open().finish(Code::OK);
        }
        self.inlet.directory.outside.shared(Count::Handled);
        mail.discard();
    }

    fn next_event(&mut self, node: NodeId) -> Option<(Peer, Event<Kept>)> {
        let peering = self.peers.get_mut(&node)?;
        Some((peering.peer, peering.link.poll_event()?))
    }

    /// Sends off what there is, says farewell to all, and lets go of everything.
    fn stop(&mut self, ctx: &Context<'_>) {
        self.intake.close().into_iter().for_each(|left| self.drop_all(left));
        let nodes: Vec<NodeId> = self.peers.keys().copied().collect();
        for node in nodes {
            self.attend(node, ctx);
            if let Some(peering) = self.peers.get_mut(&node) {
                peering.link.close();
            }
            self.attend(node, ctx);
        }
        self.schedule.clear();
        self.transport.stop();
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        // Letters have nobody else to give them back; a carrier that has been stopped has none.
        self.intake.close().into_iter().for_each(|left| self.drop_all(left));
        self.drop_sent();
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier").field("own", &self.own).finish_non_exhaustive()
    }
}
