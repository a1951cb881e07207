//! The carrier: the target of the namespace `TRANSPORT` that takes mail to other nodes and brings theirs in.
//!
//! It owns the transport and a link to each node; what the links say is done here. A message for another node is held, so
//! that it goes back to its sender whatever happens. What comes in, and what carriers say to each other, has files of its
//! own.

mod incoming;
mod offering;
mod standing_in;
mod watching;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::context::Context;
use crate::ending::Parting;
use crate::held::HeldMessage;
use crate::id::NodeId;
use crate::message::Message;
use crate::monitor::{Change, Filter};
use crate::net::bundle::{self, Bundle};
use crate::net::carrier::offering::Offering;
use crate::net::carrier::standing_in::StandIns;
use crate::net::frame::{Kind, Session};
use crate::net::gatekeeper::Gatekeeper;
use crate::net::gauges::Gauges;
use crate::net::intake::{Input, Intake, Return, Wake, is_own};
use crate::net::letter::Desk;
use crate::net::link::{Event, Link, Refusal, Terms};
use crate::net::offers::Offers;
use crate::net::transport::{Gone, Lane, Peer, Transport};
use crate::port::{Inlet, Watch};
use crate::target::{Outcome, Target};
use crate::timers::arming::Timer;

/// See the module.
pub(crate) struct Carrier {
    inlet: Inlet,
    own: Peer,
    intake: Arc<Intake>,
    transport: Box<dyn Transport>,
    terms: Terms,
    gatekeeper: Gatekeeper,
    peers: BTreeMap<NodeId, Peering>,
    /// When whose link is to be looked at next.
    schedule: BTreeSet<(Time, NodeId)>,
    /// Whose links something has been done to.
    touched: BTreeSet<NodeId>,
    alarm: Option<(Time, Timer)>,
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
    /// When it is in the schedule.
    due: Option<Time>,
    /// Targets of this node that stand in for some of that one, for as long as a session of the link.
    stand_ins: StandIns,
    /// Whether the monitors have been told that it is there.
    met: bool,
}

/// What is kept until it is known what has become of a letter.
#[derive(Debug)]
enum Kept {
    Mail(HeldMessage),
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
            transport,
            terms,
            gatekeeper,
            peers: BTreeMap::new(),
            schedule: BTreeSet::new(),
            touched: BTreeSet::new(),
            alarm: None,
            reopens: false,
            offers,
            gauges,
            offering: Offering::default(),
        }
    }

    /// Does everything that there is to do at this moment.
    fn work(&mut self, ctx: &Context<'_>) {
        let now = ctx.now();
        for input in self.intake.take() {
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
        self.set_alarm(ctx);
    }

    fn take_in(&mut self, input: Input, ctx: &Context<'_>) {
        match input {
            Input::Mail(mail) => self.send(mail, ctx.now()),
            Input::Back(peer, way, message) => self.send_back(peer, way, &message, ctx.now()),
            Input::Copy(peer, observers, copy) => self.send_copy(peer, &observers, copy, ctx.now()),
            Input::ObserverGone(peer, gone) => self.tell(peer, gone, ctx.now()),
            Input::Watch(target, watch) => self.watch(target, watch, ctx.now()),
            Input::Unwatch(target, watch) => self.watch_no_more(target, watch, ctx.now()),
            Input::WatchEnded(peer, watch, reason) => self.tell_end(peer, watch, reason, ctx),
            Input::Joined(peer) => self.welcome(peer, ctx),
            Input::Heard(from, frame) => {
                if let Some(peering) = self.peering(from) {
                    for frame in bundle::frames(frame.into_vec()) {
                        peering.link.heard(frame, ctx.now());
                    }
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

    /// Sends a message of this node on its way.
    fn send(&mut self, mail: HeldMessage, now: Time) {
        let message = mail.message();
        let node = message.destination().node;
        let Some(peering) = self.peers.get_mut(&node) else {
            return mail.finish(Code::NO_NODE);
        };
        let Peering { link, desk, .. } = peering;
        let kind = if message.wants_answer() { Kind::Request } else { Kind::Notification };
        let fail = |mail: HeldMessage, why: Refusal| mail.fail(Failure::new(why.code(), why.to_string()));
        let own = is_own(message);
        if let Err(why) = link.has_room(kind)
            && !own
        {
            return fail(mail, why);
        }
        let letter = match desk.mail(message, now) {
            Ok(letter) => letter,
            Err(failure) => return mail.fail(failure),
        };
        let sent = match kind {
            _ if own => link.insist(kind, letter, Kept::Mail(mail), now),
            Kind::Request => link.request(letter, Kept::Mail(mail), now),
            _ => link.notify(letter, Kept::Mail(mail), now),
        };
        self.touched.insert(node);
        if let Err(refused) = sent {
            // The names in it have not been told.
            desk.renew();
            if let Kept::Mail(mail) = refused.keep {
                fail(mail, refused.why);
            }
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
        let peering = self.peers.entry(node).or_insert_with(|| {
            let link = Link::new(session, terms, now);
            let desk = Desk::new(home, terms.max_message).squeezing(terms.compress);
            Peering { peer, link, desk, due: None, stand_ins: StandIns::default(), met: false }
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
            let mut sent = false;
            let mut bundle = Bundle::default();
            // A frame that does not leave is missed by the other side, as one that is lost on the way.
            let mut send = |lane, piece| drop(self.transport.send(peering.peer, lane, piece));
            while let Some((lane, frame)) = peering.link.poll_transmit() {
                sent = true;
                match lane {
                    Lane::Beat => send(lane, frame),
                    Lane::Mail => bundle.add(frame).into_iter().for_each(|piece| send(lane, piece)),
                }
            }
            bundle.take().into_iter().for_each(|piece| send(Lane::Mail, piece));
            if sent {
                continue;
            }
            self.gauges.set(node, peering.link.counters());
            let due = peering.link.next_deadline();
            if due != peering.due {
                let old = std::mem::replace(&mut peering.due, due);
                old.map(|old| self.schedule.remove(&(old, node)));
                self.schedule.extend(due.map(|due| (due, node)));
            }
            return;
        }
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
                Event::Notified { letter } => self.bring(peer, None, &letter, ctx),
                Event::Requested { re, letter } => self.bring(peer, Some(re), &letter, ctx),
                Event::Answered { keep: Kept::Mail(mail), letter } => self.complete(mail, &letter),
                Event::Returned { letter } => self.bring_back(node, &letter, ctx),
                Event::Delivered(Kept::Mail(mail)) => mail.finish(Code::OK),
                Event::Lost(Kept::Mail(mail)) => mail.finish(Code::NODE_LOST),
                Event::Lost(Kept::Watch(watch)) => self.lose_watch(node, watch),
                Event::TooLarge(Kept::Mail(mail)) => mail.finish(Code::TOO_LARGE),
                Event::Silent => self.tell_left(node, Parting::Silent, ctx),
                Event::HalfDead => self.reopens = true,
                Event::Closed => self.part(node, Parting::Closed, ctx),
                Event::Answered { .. } | Event::Delivered(_) | Event::Lost(_) | Event::TooLarge(_) => {}
                Event::Malformed(_) => {}
            }
        }
    }

    fn next_event(&mut self, node: NodeId) -> Option<(Peer, Event<Kept>)> {
        let peering = self.peers.get_mut(&node)?;
        if let Some(far) = peering.link.round_trip() {
            self.offers.measure(node, far);
        }
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

    /// Has itself woken when the next link is to be looked at.
    fn set_alarm(&mut self, ctx: &Context<'_>) {
        let next = self.schedule.first().map(|&(due, _)| due);
        if next == self.alarm.map(|(due, _)| due) {
            return;
        }
        if let Some((_, old)) = self.alarm.take() {
            ctx.cancel(old);
        }
        self.alarm = next.and_then(|due| Some((due, ctx.timer(Wake).at(due).ok()?)));
    }
}

impl Target for Carrier {
    fn started(&mut self, ctx: &mut Context<'_>) {
        // The thread has just begun, so there is room.
        let _ = ctx.monitor(Filter::new().services());
    }

    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(change) = message.record::<Change>() {
            self.note_change(&change.event, ctx.now());
        } else if message.record::<Wake>().is_none() {
            return Outcome::NotHandled;
        }
        if ctx.tick().is_some() {
            self.alarm = None;
        }
        self.work(ctx);
        Outcome::Handled
    }
}
