//! [`Network`]: a network of kernels of one process, with faults to inject.
//!
//! Frames lie in the network until a postman, a target of the receiving kernel, gives them out when their time has come by
//! that kernel's clock. So a network of test kernels is as deterministic as they are: the seed of the kernels decides who
//! runs when, that of the network what is lost.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::clock::{Clock, Time};
use crate::context::Context;
use crate::id::NodeId;
use crate::kernel::Kernel;
use crate::message::Message;
use crate::net::intake::{Bell, Wake};
use crate::net::joining::{JoinError, Joining, Net};
use crate::net::shelf;
use crate::net::transport::{Ears, Gone, Incarnation, Lane, Peer, Transport, Unsent};
use crate::port::Inlet;
use crate::target::{Outcome, Target};
use crate::timers::arming::Timer;
use crate::waking::WakeLater;

/// A network in memory. Cheap to clone: clones are the same network.
///
/// ```
/// use rohrpost::net::memory::Network;
/// use rohrpost::testing::{Probe, TestKernel};
///
/// let network = Network::new();
/// let mut north = TestKernel::new("north");
/// let south = north.neighbour("south");
/// network.join(north.kernel())?;
/// network.join(south.kernel())?;
/// let address = south.namespace("app").open()?.register(Probe::new("probe"))?;
/// north.run_until_idle()?;
/// north.ask(address, ())?;                // from north to south, and back
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Network(Arc<Mutex<State>>);

/// What goes wrong on the way from one node to another; nothing by default.
///
/// ```
/// use std::time::Duration;
/// use rohrpost::net::memory::Faults;
///
/// let far_away = Faults::new().delay(Duration::from_millis(80)).loss(0.01);
/// # let _ = far_away;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[must_use]
pub struct Faults {
    loss: f64,
    duplication: f64,
    delay: Duration,
    jitter: Duration,
    cut: bool,
}

#[derive(Default)]
struct State {
    members: BTreeMap<NodeId, Member>,
    faults: HashMap<(NodeId, NodeId), Faults>,
    /// Pairs of which each has been told that the other is gone.
    severed: Vec<(NodeId, NodeId)>,
    /// The latest moment for which a frame is on its way, for each way and lane: order is kept.
    latest: HashMap<(NodeId, NodeId, bool), Time>,
    /// The state of the generator that chooses what is lost.
    dice: u64,
    /// Lives and frames so far.
    serial: u64,
}

/// A node of the network.
struct Member {
    peer: Peer,
    ears: Arc<dyn Ears>,
    clock: Arc<dyn Clock>,
    postman: Option<Bell>,
    /// On their way, by when they arrive.
    frames: BTreeMap<(Time, u64), UnderWay>,
    stalled: bool,
}

/// A frame, and who sent it.
type UnderWay = (Peer, Bytes);

/// One kernel's end.
struct Cable {
    network: Network,
    own: Peer,
}

/// Gives frames out when their time has come.
struct Postman {
    network: Network,
    node: NodeId,
    alarm: Option<Timer>,
}

impl Network {
    /// A network in which nothing is lost.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same; `seed` decides which frames meet with faults.
    #[must_use]
    pub fn with_seed(seed: u64) -> Self {
        let network = Self::default();
        network.0.lock().dice = seed;
        network
    }

    /// Connects a kernel with all others, with the settings' defaults.
    ///
    /// # Errors
    ///
    /// [`JoinError`].
    pub fn join(&self, kernel: &Kernel) -> Result<Net, JoinError> {
        self.join_with(kernel, Joining::new())
    }

    /// Connects a kernel with all others.
    ///
    /// # Errors
    ///
    /// [`JoinError`].
    pub fn join_with(&self, kernel: &Kernel, settings: Joining) -> Result<Net, JoinError> {
        let peer = self.0.lock().next_life(kernel.node());
        let net = settings.join(kernel, peer, usize::MAX, |ears, inlet| {
            self.add(peer, ears, inlet)?;
            Ok(Box::new(Cable { network: self.clone(), own: peer }))
        })?;
        let postman = Postman { network: self.clone(), node: kernel.node(), alarm: None };
        let bell = net.register(postman)?;
        if let Some(member) = self.0.lock().members.get_mut(&kernel.node()) {
            bell.ring();
            member.postman = Some(bell);
        }
        Ok(net)
    }

    /// What goes wrong from here on with what `from` sends to `to`.
    pub fn set_faults(&self, from: NodeId, to: NodeId, faults: Faults) {
        self.0.lock().faults.insert((from, to), faults);
    }

    /// From here on nothing goes wrong any more, and nobody is stalled. What is lost stays lost.
    pub fn heal(&self) {
        let mut state = self.0.lock();
        state.faults.clear();
        for member in state.members.values_mut() {
            member.stalled = false;
            member.ring();
        }
        for (one, other) in std::mem::take(&mut state.severed) {
            state.introduce(one, other);
        }
    }

    /// Takes the way between two nodes away, in both directions, without anybody being told: they look alive to each other.
    pub fn cut(&self, one: NodeId, other: NodeId) {
        let mut state = self.0.lock();
        for way in [(one, other), (other, one)] {
            state.faults.entry(way).or_default().cut = true;
        }
    }

    /// Takes the way between two nodes away, and each is told that the other is gone, as when a connection breaks.
    pub fn sever(&self, one: NodeId, other: NodeId) {
        self.cut(one, other);
        let mut state = self.0.lock();
        state.severed.push((one, other));
        state.part(one, other, Gone::Lost);
        state.part(other, one, Gone::Lost);
    }

    /// From here on nothing arrives at a node, as if its process were stopped; what is sent to it waits. Another that joins
    /// under its name takes its place.
    pub fn stall(&self, node: NodeId) {
        if let Some(member) = self.0.lock().members.get_mut(&node) {
            member.stalled = true;
        }
    }

    /// What waits arrives.
    pub fn resume(&self, node: NodeId) {
        if let Some(member) = self.0.lock().members.get_mut(&node) {
            member.stalled = false;
            member.ring();
        }
    }

    /// Takes a node away without a farewell, as when its process is killed.
    pub fn crash(&self, node: NodeId) {
        self.0.lock().remove(node, Gone::Lost);
    }

    /// Pieces on their way to a node.
    #[cfg(test)]
    pub(crate) fn under_way(&self, node: NodeId) -> usize {
        self.0.lock().members.get(&node).map_or(0, |member| member.frames.len())
    }

    /// Has all that is on its way to a node arrive.
    #[cfg(test)]
    pub(crate) fn give_out(&self, node: NodeId) {
        let _later = WakeLater::new();
        if let Some(member) = self.0.lock().members.get_mut(&node) {
            member.give_out(Time::NEVER);
        }
    }

    fn add(&self, peer: Peer, ears: Arc<dyn Ears>, inlet: &Inlet) -> Result<(), JoinError> {
        let mut state = self.0.lock();
        if let Some(taken) = state.members.get(&peer.node).filter(|taken| !taken.stalled) {
            taken.ears.doubled(peer, "a kernel of this process");
            let [by, own] = [taken.peer, peer].map(|life| format!("life {}", life.incarnation.0));
            return Err(JoinError::Taken { node: peer.node, by, own });
        }
        state.remove(peer.node, Gone::Replaced);
        let others: Vec<NodeId> = state.members.keys().copied().collect();
        let clock = inlet.directory.clock.clone();
        let member = Member { peer, ears, clock, postman: None, frames: BTreeMap::new(), stalled: false };
        state.members.insert(peer.node, member);
        for other in others {
            state.introduce(peer.node, other);
        }
        Ok(())
    }
}

impl Faults {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which part of the frames is lost, from 0 to 1.
    pub fn loss(self, part: f64) -> Self {
        Self { loss: part, ..self }
    }

    /// Which part of the frames arrives twice, from 0 to 1.
    pub fn duplication(self, part: f64) -> Self {
        Self { duplication: part, ..self }
    }

    /// How long a frame is on its way.
    pub fn delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// How much longer it may be on its way, at random. Frames from one node to another keep their order; between those of
    /// different nodes it changes.
    pub fn jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// Nothing arrives.
    pub fn cut(self) -> Self {
        Self { cut: true, ..self }
    }
}

impl State {
    fn next_life(&mut self, node: NodeId) -> Peer {
        self.serial += 1;
        Peer { node, incarnation: Incarnation(self.serial << 22) }
    }

    /// A number from 0 up to 1 (`SplitMix64`).
    fn throw(&mut self) -> f64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.dice ^ (self.dice >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Tells two nodes of each other.
    fn introduce(&self, one: NodeId, other: NodeId) {
        if let (Some(one), Some(other)) = (self.members.get(&one), self.members.get(&other)) {
            one.ears.joined(other.peer);
            other.ears.joined(one.peer);
        }
    }

    /// Tells `one` that `other` is gone.
    fn part(&self, one: NodeId, other: NodeId, why: Gone) {
        if let (Some(one), Some(other)) = (self.members.get(&one), self.members.get(&other)) {
            one.ears.left(other.peer, why);
        }
    }

    /// Ends all connections of a node, with what is on its way, and makes new ones.
    fn reconnect(&mut self, node: NodeId) {
        let others: Vec<NodeId> = self.members.keys().copied().filter(|&other| other != node).collect();
        for other in others {
            self.part(node, other, Gone::Lost);
            self.part(other, node, Gone::Lost);
            for (member, peer) in [(node, other), (other, node)] {
                if let Some(member) = self.members.get_mut(&member) {
                    member.frames.retain(|_, (from, _)| from.node != peer);
                }
            }
            self.introduce(node, other);
        }
    }

    fn remove(&mut self, node: NodeId, why: Gone) {
        let Some(gone) = self.members.remove(&node) else {
            return;
        };
        for other in self.members.values() {
            other.ears.left(gone.peer, why);
            gone.ears.left(other.peer, why);
        }
    }

    fn send(&mut self, from: Peer, to: Peer, lane: Lane, frame: &[u8]) {
        let faults = self.faults.get(&(from.node, to.node)).copied().unwrap_or_default();
        if faults.cut || self.throw() < faults.loss {
            return;
        }
        let copies = if self.throw() < faults.duplication { 2 } else { 1 };
        let late = faults.jitter.mul_f64(self.throw());
        let Some(member) = self.members.get_mut(&to.node).filter(|member| member.peer == to) else {
            return;
        };
        let latest = self.latest.entry((from.node, to.node, lane == Lane::Beat)).or_insert(Time::START);
        let due = member.clock.now().after(faults.delay + late).max(*latest);
        *latest = due;
        for _ in 0..copies {
            self.serial += 1;
            member.frames.insert((due, self.serial), (from, shelf::join(frame.len(), [frame])));
        }
        member.ring();
    }
}

impl Member {
    fn ring(&self) {
        if let Some(postman) = &self.postman {
            postman.ring();
        }
    }

    /// Gives out what has arrived; when the next frame does.
    fn give_out(&mut self, now: Time) -> Option<Time> {
        while let Some(next) = self.frames.first_entry() {
            let due = next.key().0;
            if self.stalled {
                return None;
            }
            if due > now {
                return Some(due);
            }
            let (from, frame) = next.remove();
            self.ears.heard(from, frame);
        }
        None
    }
}

impl Transport for Cable {
    fn send(&mut self, to: Peer, lane: Lane, frame: Vec<u8>) -> Result<(), Unsent> {
        self.network.0.lock().send(self.own, to, lane, &frame);
        Ok(())
    }

    fn is_quick(&self, _: Peer) -> bool {
        true
    }

    fn reopen(&mut self) {
        self.network.0.lock().reconnect(self.own.node);
    }

    fn stop(&mut self) {
        let mut state = self.network.0.lock();
        if state.members.get(&self.own.node).is_some_and(|member| member.peer == self.own) {
            state.remove(self.own.node, Gone::Closed);
        }
    }
}

impl Target for Postman {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if message.record::<Wake>().is_none() {
            return Outcome::NotHandled;
        }
        let next = {
            // Whoever is woken may send.
            let _later = WakeLater::new();
            let mut state = self.network.0.lock();
            state.members.get_mut(&self.node).and_then(|member| member.give_out(ctx.now()))
        };
        if let Some(alarm) = self.alarm.take() {
            ctx.cancel(alarm);
        }
        self.alarm = next.and_then(|due| ctx.timer(Wake).at(due).ok());
        Outcome::Handled
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<NodeId> = self.0.lock().members.keys().copied().collect();
        f.debug_tuple("Network").field(&nodes).finish()
    }
}

impl fmt::Debug for Cable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cable").field(&self.own).finish()
    }
}
