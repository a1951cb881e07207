//! [`Session`]: what a node declares in one zenoh session, in the order in which it must be.
//!
//! The inbox comes before the token, so that whoever sees a node can reach it, and the token last. Callbacks wait for
//! nobody: zenoh calls them with locks held and waits for them when something is undeclared.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex, MutexGuard};
use zenoh::Wait as _;
use zenoh::bytes::ZBytes;
use zenoh::liveliness::LivelinessToken;
use zenoh::pubsub::{Publisher, Subscriber};
use zenoh::qos::{CongestionControl, Priority};
use zenoh::sample::{Locality, Sample, SampleKind};

use crate::id::NodeId;
use crate::net::shelf;
use crate::net::transport::{Lane, Peer, in_a_moment};
use crate::waking::WakeLater;
use crate::zenoh::config::ConfigError;
use crate::zenoh::key::{self, Keys, Kind, Token};
use crate::zenoh::roster::Roster;

/// Why a node could not join its network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The setup is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Somebody else is this node.
    #[error(
        "the node `{node}` is there already: {holder}; this one is incarnation {incarnation:016x}. Stop the other one, or \
         start this one under another name"
    )]
    Taken {
        /// The node that two want to be.
        node: NodeId,
        /// Who is it already: its name, zenoh session and incarnation.
        holder: String,
        /// The incarnation of the node that was to be opened.
        incarnation: u64,
    },
    /// zenoh could not do it: an address that is in use, a certificate that it cannot read.
    #[error("{doing}: {reason}")]
    Zenoh {
        /// What it was about to do.
        doing: &'static str,
        /// What it says.
        reason: String,
    },
}

/// How long those who are there may take to say that they are this node.
const ROLL_CALL: Duration = Duration::from_millis(500);
/// How long those of whom a seed tells may take to call: of two nodes only one calls, and it may be the other.
const SETTLING: Duration = Duration::from_millis(500);
/// How long a life that has ended may be there after its link's lease.
const AFTERLIFE: Duration = Duration::from_millis(500);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// What callbacks write into. A callback of a session that is being closed may still come; `session` tells.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) roster: Roster,
    /// Which session may write.
    pub(super) session: u64,
    /// Who has heard the farewell.
    seen: HashSet<Peer>,
}

/// The desk, and how to wait for what is put on it.
#[derive(Debug)]
pub(super) struct Office {
    desk: Mutex<Desk>,
    seen: Condvar,
}

impl Office {
    pub(super) fn new(roster: Roster) -> Arc<Self> {
        let desk = Desk { roster, session: 0, seen: HashSet::new() };
        Arc::new(Self { desk: Mutex::new(desk), seen: Condvar::new() })
    }

    /// Nobody may call zenoh while this is locked: it calls back with locks of its own held.
    pub(super) fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock()
    }

    /// The same, if nobody has it for more than a moment.
    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, Desk>> {
        in_a_moment(|| self.desk.try_lock())
    }
}

/// A node that is to be opened, and must be the only one of its name.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) me: Peer,
    /// How long a rival is waited for to go.
    pub(super) patience: Duration,
    /// Whether there may be somebody who has not called yet.
    pub(super) expects: bool,
    /// Called with a rival who is waited for, perhaps more than once.
    pub(super) waits: &'a (dyn Fn(&str) + Sync),
}

/// Whom a session belongs to.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) keys: Keys,
    pub(super) office: Arc<Office>,
    /// The largest frame, in bytes.
    pub(super) largest: usize,
}

/// An open zenoh session with all that a node needs in it.
#[derive(Debug)]
pub(super) struct Session {
    zenoh: zenoh::Session,
    owner: Owner,
    furniture: Furniture,
}

/// What a node declares.
#[derive(Debug)]
struct Furniture {
    _inbox: Subscriber<()>,
    _watch: Subscriber<()>,
    _token: LivelinessToken,
}

impl Session {
    /// Opens a session and, if nobody else is this node, joins. With a rival it blocks for a while more: that may be a former
    /// life whose link has not been given up yet.
    ///
    /// A link that was still being opened when the session at its other end closed, zenoh 1.x may keep, with the token that it
    /// brought. So a rival who stays has to be there for a second session as well.
    pub(super) fn open(config: &zenoh::Config, owner: &Owner, claim: Option<Claim<'_>>) -> Result<Self, OpenError> {
        match (Self::open_once(config, owner, claim), claim) {
            (Err(OpenError::Taken { .. }), Some(claim)) => {
                Self::open_once(config, owner, Some(Claim { patience: Duration::ZERO, ..claim }))
            }
            (opened, _) => opened,
        }
    }

    fn open_once(config: &zenoh::Config, owner: &Owner, claim: Option<Claim<'_>>) -> Result<Self, OpenError> {
        let zenoh = zenoh::open(config.clone()).wait().map_err(failed("opening the zenoh session"))?;
        let free = claim.map_or(Ok(()), |claim| claimed(&zenoh, &owner.keys, claim));
        match free.and_then(|()| Furniture::declare(&zenoh, owner)) {
            Ok(furniture) => Ok(Self { zenoh, owner: owner.clone(), furniture }),
            Err(failed) => {
                // Its inbox holds it, so that it would not close by itself. What went wrong first is what counts.
                let _ = zenoh.close().wait();
                Err(failed)
            }
        }
    }

    /// A way to send to `to`.
    ///
    /// What `to` sends comes to the inbox, whose key is a pattern: for each piece both sides would look for whom it is for,
    /// and send its key as text. So its key is declared as it is, too, by somebody who does not listen.
    pub(super) fn route(&self, to: Peer) -> Result<Route, OpenError> {
        let keys = &self.owner.keys;
        let ear = self.zenoh.declare_subscriber(keys.from(Kind::Frame(Lane::Mail), to));
        let ear = ear.allowed_origin(Locality::Remote).callback(drop).wait();
        let publisher = |lane, priority, congestion| {
            let declared = self.zenoh.declare_publisher(keys.outbox(Kind::Frame(lane), to.node));
            let declared = declared.priority(priority).congestion_control(congestion).express(false);
            declared.allowed_destination(Locality::Remote).wait().map_err(failed("declaring a way to a node"))
        };
        Ok(Route {
            mail: publisher(Lane::Mail, MAIL, CongestionControl::Block)?,
            // A heartbeat that waits is none.
            beat: publisher(Lane::Beat, Priority::InteractiveHigh, CongestionControl::Drop)?,
            _ear: ear.map_err(failed("declaring a way from a node"))?,
        })
    }

    /// Tells everybody, behind the mail, that this node is about to go, and waits until they have heard it: zenoh does not
    /// flush a link that it closes.
    pub(super) fn farewell(&self) {
        let Owner { keys, office, .. } = &self.owner;
        let peers = office.lock().roster.peers();
        for peer in &peers {
            nod(&self.zenoh, &keys.outbox(Kind::Bye, peer.node), MAIL);
        }
        let end = Instant::now() + FAREWELL;
        let mut desk = office.lock();
        let waits = |desk: &mut Desk| {
            let there = |peer: &Peer| desk.roster.joined(peer.node) == Some(peer.incarnation);
            peers.iter().any(|peer| there(peer) && !desk.seen.contains(peer))
        };
        // Who does not answer sees the token go.
        let _ = office.seen.wait_while_until(&mut desk, waits, end);
    }

    /// Closes the session.
    pub(super) fn close(self) -> Result<(), OpenError> {
        // The token is not undeclared: that would overtake mail, and it ends with the session all the same.
        self.zenoh.close().wait().map_err(failed("closing the zenoh session"))?;
        drop(self.furniture);
        Ok(())
    }
}

impl Furniture {
    fn declare(zenoh: &zenoh::Session, owner: &Owner) -> Result<Self, OpenError> {
        let number = owner.office.lock().session;
        let inbox = {
            let (owner, back) = (owner.clone(), zenoh.clone());
            let declared = zenoh.declare_subscriber(owner.keys.inbox()).allowed_origin(Locality::Remote);
            declared.callback(move |sample| arrived(&owner, number, &sample, &back)).wait()
        };
        let watch = {
            let office = Arc::clone(&owner.office);
            let declared = zenoh.liveliness().declare_subscriber(owner.keys.tokens()).history(true);
            declared.callback(move |sample| changed(&office, number, &sample)).wait()
        };
        let token = zenoh.liveliness().declare_token(owner.keys.token(&zenoh.zid().to_string())).wait();
        Ok(Self {
            _inbox: inbox.map_err(failed("declaring the inbox"))?,
            _watch: watch.map_err(failed("watching who is there"))?,
            _token: token.map_err(failed("declaring the node"))?,
        })
    }
}

/// The priority of mail, and of what must not overtake it.
const MAIL: Priority = Priority::Data;

/// A way to one node.
#[derive(Debug)]
pub(super) struct Route {
    mail: Publisher<'static>,
    beat: Publisher<'static>,
    _ear: Subscriber<()>,
}

impl Route {
    /// Sends a frame; blocks while the link takes nothing more, until zenoh closes it.
    pub(super) fn send(&self, lane: Lane, frame: Vec<u8>) -> Result<(), String> {
        let publisher = match lane {
            Lane::Mail => &self.mail,
            Lane::Beat => &self.beat,
        };
        publisher.put(shelf::lend(frame)).wait().map_err(|reason| reason.to_string())
    }
}

/// Waits until nobody else is the node that is claimed, or says who is.
fn claimed(session: &zenoh::Session, keys: &Keys, claim: Claim<'_>) -> Result<(), OpenError> {
    let start = Instant::now();
    loop {
        let passed = start.elapsed();
        match rival(session, keys)? {
            None if !claim.expects || passed >= SETTLING => return Ok(()),
            Some(rival) if passed >= claim.patience + AFTERLIFE => {
                let (node, incarnation) = (claim.me.node, claim.me.incarnation.0);
                return Err(OpenError::Taken { node, holder: rival.holder(), incarnation });
            }
            Some(rival) => (claim.waits)(&rival.holder()),
            None => {}
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Somebody else who claims to be this node.
fn rival(session: &zenoh::Session, keys: &Keys) -> Result<Option<Token>, OpenError> {
    let answers = session.liveliness().get(keys.rivals()).timeout(ROLL_CALL).wait();
    let answers = answers.map_err(failed("asking who is there"))?;
    let mut tokens = Vec::new();
    while let Ok(answer) = answers.recv() {
        tokens.extend(answer.result().ok().and_then(|sample| Token::read(sample.key_expr().as_str())));
    }
    Ok(tokens.into_iter().max_by_key(|token| token.peer.incarnation))
}

/// Something has come to the inbox.
fn arrived(owner: &Owner, session: u64, sample: &Sample, back: &zenoh::Session) {
    let Some((kind, peer)) = key::read(sample.key_expr().as_str()) else { return };
    let payload = sample.payload();
    if payload.len() > owner.largest || sample.kind() != SampleKind::Put {
        return;
    }
    // Copied before the lock is taken: what zenoh has is part of the buffer that it reads into, or of several.
    let frame =
        if matches!(kind, Kind::Frame(_)) { shelf::join(payload.len(), payload.slices()) } else { Bytes::new() };
    // Whoever is woken has mail to send, perhaps, and finds the locks free.
    let _later = WakeLater::new();
    let mut desk = owner.office.lock();
    if desk.session != session {
        return;
    }
    match kind {
        Kind::Frame(_) => desk.roster.heard(peer, frame, Instant::now),
        Kind::Bye => {
            desk.roster.farewell(peer);
            drop(desk);
            // In a queue of its own, which nobody blocks.
            nod(back, &owner.keys.outbox(Kind::Seen, peer.node), Priority::InteractiveLow);
        }
        Kind::Seen => {
            // Asked for by nobody but `farewell`, and then those who are there are as many as can be.
            if desk.roster.joined(peer.node) == Some(peer.incarnation) {
                desk.seen.insert(peer);
                owner.office.seen.notify_all();
            }
        }
    }
}

/// Somebody is there, or is not any more.
fn changed(office: &Office, session: u64, sample: &Sample) {
    let Some(token) = Token::read(sample.key_expr().as_str()) else { return };
    let mut desk = office.lock();
    if desk.session != session {
        return;
    }
    match sample.kind() {
        SampleKind::Put => desk.roster.appeared(token),
        SampleKind::Delete => {
            desk.roster.vanished(&token);
            office.seen.notify_all();
        }
    }
}

/// Sends an empty message now, or not at all.
fn nod(session: &zenoh::Session, key: &str, priority: Priority) {
    let put = session.put(key, ZBytes::new()).priority(priority).congestion_control(CongestionControl::Drop);
    // What it would tell is seen by its absence, only later.
    let _ = put.express(true).allowed_destination(Locality::Remote).wait();
}

fn failed<E: std::fmt::Display>(doing: &'static str) -> impl FnOnce(E) -> OpenError {
    move |reason| OpenError::Zenoh { doing, reason: reason.to_string() }
}
