//! The carrier: takes mail to other nodes and brings theirs in.
//!
//! It owns the transport and a link to each node; what the links say is done here. A message for another node is held, so
//! that it goes back to its sender whatever happens. Its work is done by the [`Porter`], a target of the namespace
//! `TRANSPORT`, and [in passing](passing) by whoever has mail when there is nothing else to do. What comes in, and what
//! carriers say to each other, has files of its own.

mod incoming;
mod offering;
mod passing;
mod porter;
mod standing_in;
mod watching;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use slab::Slab;

pub(crate) use self::porter::Porter;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::context::Context;
use crate::counters::Count;
use crate::ending::Parting;
use crate::fault::quietly;
use crate::held::HeldMessage;
use crate::id::NodeId;
use crate::message::{Flags, Message};
use crate::net::bundle::{self, Bundle};
use crate::net::carrier::offering::Offering;
use crate::net::carrier::standing_in::StandIns;
use crate::net::frame::{Kind, Session};
use crate::net::gatekeeper::Gatekeeper;
use crate::net::gauges::Gauges;
use crate::net::intake::{Input, Intake, Return, is_own};
use crate::net::letter::Desk;
use crate::net::link::{Event, Link, LinkCounters, Refusal, Terms};
use crate::net::offers::Offers;
use crate::net::transport::{Gone, Lane, Peer, Transport};
use crate::port::{Inlet, Watch};
use crate::waking::WakeLater;

/// See the module.
pub(crate) struct Carrier {
    inlet: Inlet,
    own: Peer,
    intake: Arc<Intake>,
    /// What has been taken from the intake and is to be done now; empty in between.
    inputs: VecDeque<Input>,
    transport: Box<dyn Transport>,
    terms: Terms,
    gatekeeper: Gatekeeper,
    peers: BTreeMap<NodeId, Peering>,
    /// Mail of this node whose fate is not known: it lies here, and links move its number.
    kept: Slab<HeldMessage>,
    /// When whose link is to be looked at next.
    schedule: BTreeSet<(Time, NodeId)>,
    /// Whose links something has been done to.
    touched: BTreeSet<NodeId>,
    /// Bytes of the letters to all nodes that wait or are not acknowledged.
    under_way: usize,
    /// Whether the porter has been told that there is something to do.
    rung: bool,
    /// Whether the connections are to be opened anew: all at once, so once for all links that are half-dead.
    reopens: bool,
    offers: Arc<Offers>,
    gauges: Arc<Gauges>,
    offering: Offering,
}

/// A node that is there, or was.
struct Peering {
    peer: Peer,
    link: Link<Kept>,
    desk: Desk,
    /// Frames that leave as soon as there is nothing else to do.
    bundle: Bundle,
    /// When it is in the schedule.
    due: Option<Time>,
    /// Whether something was done in passing since it was looked at.
    lively: bool,
    /// What the link had counted when that was told.
    told: LinkCounters,
    /// Bytes of the link's that are counted in `under_way`.
    weighs: usize,
    /// Targets of this node that stand in for some of that one, for as long as a session of the link.
    stand_ins: StandIns,
    /// Whether the monitors have been told that it is there.
    met: bool,
}

/// What is kept until it is known what has become of a letter.
#[derive(Clone, Copy, Debug)]
enum Kept {
    /// Its number in [`Carrier::kept`].
    Mail(usize),
    /// It asks for the end of a target to be told.
    Watch(Watch),
    /// The carriers' own words: nobody waits for them.
    Nothing,
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
            own,
            intake,
            inputs: VecDeque::new(),
            transport,
            terms,
            gatekeeper,
            peers: BTreeMap::new(),
            kept: Slab::new(),
            schedule: BTreeSet::new(),
            touched: BTreeSet::new(),
            rung: false,
            under_way: 0,
            reopens: false,
            offers,
            gauges,
            offering: Offering::default(),
        }
    }

    /// Does everything that there is to do at this moment.
    fn work(&mut self, ctx: &Context<'_>) {
        let now = ctx.now();
        self.rung = false;
        self.intake.take(&mut self.inputs);
        while let Some(input) = self.inputs.pop_front() {
            self.take_in(input, ctx);
        }
        while let Some(&(due, node)) = self.schedule.first().filter(|(due, _)| *due <= now) {
            self.schedule.remove(&(due, node));
            if let Some(peering) = self.peers.get_mut(&node) {
                peering.due = None;
                peering.link.timeout(now);
                self.touched.insert(node);
            }
        }
        while let Some(node) = self.touched.pop_first() {
            self.attend(node, ctx);
        }
        if std::mem::take(&mut self.reopens) {
            self.transport.reopen();
        }
    }

    /// When the next link is to be looked at.
    fn next_deadline(&self) -> Option<Time> {
        self.schedule.first().map(|&(due, _)| due)
    }

    fn take_in(&mut self, input: Input, ctx: &Context<'_>) {
        match input {
            Input::Mail(mail) => {
                let node = mail.message().destination().node;
                if let Err((mail, why)) = self.send(mail, ctx.now()) {
                    return mail.fail(why);
                }
                if let Some(peering) = self.peers.get_mut(&node) {
                    collect(peering, &mut *self.transport);
                }
            }
            Input::Back(peer, way, message) => self.send_back(peer, way, &message, ctx.now()),
            Input::Copy(peer, observers, copy) => self.send_copy(peer, &observers, copy, ctx.now()),
            Input::ObserverGone(peer, gone) => self.tell(peer, gone, ctx.now()),
            Input::Watch(target, watch) => self.watch(target, watch, ctx.now()),
            Input::Unwatch(target, watch) => self.watch_no_more(target, watch, ctx.now()),
            Input::WatchEnded(peer, watch, reason) => self.tell_end(peer, watch, reason, ctx),
            Input::Joined(peer) => self.welcome(peer, ctx),
            Input::Heard(from, frame) => {
                // Whoever is woken finds all of it at once.
                let _later = WakeLater::new();
                for frame in bundle::frames(frame) {
                    let Some(peering) = self.peering(from) else {
                        return;
                    };
                    peering.link.heard(frame, ctx.now());
                    // One by one, so that the next has the memory of the one before.
                    self.settle(from.node, ctx);
                }
            }
            Input::Left(peer, why) => {
                if let Some(peering) = self.peering(peer) {
                    peering.link.lost();
                    let why = match why {
                        Gone::Closed => Parting::Closed,
                        Gone::Lost => Parting::Crashed,
                    };
                    self.part(peer.node, why, ctx);
                }
            }
            Input::Stop => self.stop(ctx),
        }
    }

    /// What is known of a peer in this very life; its link is looked at afterwards.
    fn peering(&mut self, peer: Peer) -> Option<&mut Peering> {
        let peering = self.peers.get_mut(&peer.node).filter(|peering| peering.peer == peer)?;
        self.touched.insert(peer.node);
        Some(peering)
    }

    /// Sends a message of this node on its way, or gives it back and says why not.
    #[expect(clippy::result_large_err, reason = "the message is moved as it is")]
    fn send(&mut self, mail: HeldMessage, now: Time) -> Result<(), (HeldMessage, Failure)> {
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
        let number = self.kept.insert(mail);
        let keep = Kept::Mail(number);
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
        Err((self.kept.remove(number), failure(refused.why)))
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
        let peering = self.peers.entry(node).or_insert_with(|| {
            let link = Link::new(session, terms, now);
            let desk = Desk::new(home, terms.max_message).squeezing(terms.compress);
            let (told, stand_ins) = (LinkCounters::default(), StandIns::default());
            Peering {
                peer,
                link,
                desk,
                bundle: Bundle::default(),
                due: None,
                lively: false,
                told,
                weighs: 0,
                stand_ins,
                met: false,
            }
        });
        peering.peer = peer;
        peering.link.begin(now);
        self.intake.reach(node);
        self.touched.insert(node);
    }

    /// A node is not there any more.
    fn part(&mut self, node: NodeId, why: Parting, ctx: &Context<'_>) {
        self.intake.forget(node);
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
            let Some(peering) = self.peers.get_mut(&node) else {
                return;
            };
            if transmit(peering, &mut *self.transport) {
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
                let soon = ctx.now().after(self.terms.ack_delay);
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
            Event::Answered { keep: Kept::Mail(number), letter } => {
                self.kept.try_remove(number).into_iter().for_each(|mail| self.complete(mail, &letter));
            }
            Event::Returned { letter } => self.bring_back(peer.node, &letter, now),
            Event::Delivered(Kept::Mail(number)) => {
                self.kept.try_remove(number).into_iter().for_each(|mail| self.note_arrival(mail));
            }
            Event::Lost(Kept::Mail(number)) => self.end(number, Code::NODE_LOST),
            Event::TooLarge(Kept::Mail(number)) => self.end(number, Code::TOO_LARGE),
            Event::Lost(Kept::Watch(watch)) => self.lose_watch(peer.node, watch),
            _ => {}
        }
    }

    /// Ends a notification that has arrived: nobody waits for it, and its record is dropped where it lies.
    fn note_arrival(&self, mail: HeldMessage) {
        let message = mail.message();
        if message.flags.intersects(Flags::WANT_ANSWER | Flags::LOADED) || message.records().nth(1).is_some() {
            return mail.finish(Code::OK);
        }
        self.inlet.directory.outside.shared(Count::Handled);
        quietly(|| drop(mail.into_message()));
    }

    /// Sends mail of this node back.
    fn end(&mut self, number: usize, code: Code) {
        self.kept.try_remove(number).into_iter().for_each(|mail| mail.finish(code));
    }

    fn next_event(&mut self, node: NodeId) -> Option<(Peer, Event<Kept>)> {
        let peering = self.peers.get_mut(&node)?;
        Some((peering.peer, peering.link.poll_event()?))
    }

    /// Sends off what there is, says farewell to all, and lets go of everything.
    fn stop(&mut self, ctx: &Context<'_>) {
        self.intake.close();
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

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier").field("own", &self.own).finish_non_exhaustive()
    }
}

/// Sends what a link wants to be sent; whether there was anything.
fn transmit(peering: &mut Peering, transport: &mut dyn Transport) -> bool {
    let more = collect(peering, transport);
    let last = peering.bundle.take();
    let any = more || last.is_some();
    // A frame that does not leave is missed by the other side, as one that is lost on the way.
    last.into_iter().for_each(|piece| drop(transport.send(peering.peer, Lane::Mail, piece)));
    any
}

/// Bundles what a link wants to be sent, and sends what is full; whether there was anything.
fn collect(peering: &mut Peering, transport: &mut dyn Transport) -> bool {
    let Peering { peer, link, desk, bundle, .. } = peering;
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
