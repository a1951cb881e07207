//! [`Joining`]: how a kernel joins a network, and [`Net`], its end of it.

use std::error::Error;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::address::Address;
use crate::departure::set_out::in_time;
use crate::held::HeldMessage;
use crate::id::{Nid, NodeId, RecordId};
use crate::idle::Idle;
use crate::kernel::Kernel;
use crate::message::Message;
use crate::namespace::{Movable, Namespace};
use crate::net::carrier::{Carrier, Porter};
use crate::net::gatekeeper::Gatekeeper;
use crate::net::gauges::{Gauges, NetCounters};
use crate::net::intake::{Bell, Errand, Intake, Tiding};
use crate::net::letter::Style;
use crate::net::link::Terms;
use crate::net::offers::Offers;
use crate::net::returning::Return;
use crate::net::transport::{Ears, Peer, Transport};
use crate::opening::OpenError;
use crate::origin::Stub;
use crate::port::{Inlet, Port, Watch};
use crate::setup::RegisterError;
use crate::target::Target;

/// How a kernel joins a network: bounds and times, for each other node.
///
/// Its times go by the kernel's clock, as all times of a kernel do: under a clock that is turned by hand no node is silent and
/// no mail is lost for lack of an answer until somebody turns it. What the engine below has times for goes by the system's.
///
/// ```
/// use std::time::Duration;
/// use rohrpost::net::Joining;
///
/// let settings = Joining::new().window(512).lease(Duration::from_secs(2));
/// # let _ = settings;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Joining {
    terms: Terms,
    intake: usize,
    gatekeeper: Gatekeeper,
}

/// A kernel's end of a network. Cheap to clone, `Send + Sync`; the kernel stays in the network when it is dropped, and leaves
/// it when it stops.
#[derive(Clone, Debug)]
pub struct Net {
    inlet: Inlet,
    space: Namespace,
    intake: Arc<Intake>,
    offers: Arc<Offers>,
    gauges: Arc<Gauges>,
}

/// Why a kernel did not join a network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// Another node has the name.
    #[error(
        "the node {node} is there already: {by}; this one is {own}. Give each node a name of its own, or stop the other"
    )]
    Taken {
        /// The name.
        node: NodeId,
        /// What is known of the one that has it.
        by: String,
        /// The life of the one that was to join.
        own: String,
    },
    /// A bound is out of its range.
    #[error("{name} is {value}, and has to be from {least} to {most}")]
    Bound {
        /// The setting.
        name: &'static str,
        /// What it was set to.
        value: String,
        /// The least that it may be.
        least: String,
        /// The most that it may be.
        most: String,
    },
    /// The namespace `TRANSPORT` could not be opened.
    #[error("the namespace of the network could not be opened: {0}")]
    Open(#[from] OpenError),
    /// The namespace `TRANSPORT` did not take the network's targets.
    #[error("the network's own targets could not be registered: {0}")]
    Register(#[from] RegisterError),
    /// Two record types with a wire form have one id.
    #[error("{0}")]
    Codec(String),
    /// The engine below did not start.
    #[error("{0}")]
    Engine(#[source] Box<dyn Error + Send + Sync>),
}

/// Bytes that the largest message may have at least.
const LEAST_MESSAGE: usize = 1 << 10;
/// More than a frame adds to them.
const AROUND: usize = 1 << 10;

/// The seam between the core and the carrier.
#[derive(Debug)]
struct Slot {
    intake: Arc<Intake>,
    offers: Arc<Offers>,
    inlet: OnceLock<Inlet>,
}

impl Joining {
    /// The defaults.
    pub fn new() -> Self {
        Self { terms: Terms::default(), intake: 1 << 16, gatekeeper: Gatekeeper::new() }
    }

    /// How many messages to one node may be unacknowledged; default 4096, from 1 to 65,536. More come back with
    /// [`Code::BUSY`](crate::Code::BUSY). A wider window carries more messages a second: of small ones 768 carry little more
    /// than half of what 4096 do. What the receiver's [capacity](crate::NamespaceBuilder::capacity), by default 1000, has no room
    /// for comes back with the same code, only later; a narrower window keeps one sender below it.
    pub fn window(mut self, messages: usize) -> Self {
        self.terms.window = messages;
        self
    }

    /// How many bytes they may have; default 64 MiB, from 64 KiB to 4 GiB. One message may always go.
    pub fn window_bytes(mut self, bytes: usize) -> Self {
        self.terms.window_bytes = bytes;
        self
    }

    /// How many requests to one node may be unanswered; default 1024, from 1 to 2^20. Room for their answers is reserved.
    pub fn requests(mut self, requests: usize) -> Self {
        self.terms.requests = requests;
        self
    }

    /// The largest message in bytes, in both directions; default 16 MiB, from 1 KiB to 48 MiB. A larger one comes back with
    /// [`Code::TOO_LARGE`](crate::Code::TOO_LARGE).
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.terms.max_message = bytes;
        self
    }

    /// Has records of so many bytes and more compressed on their way to others (LZ4), where that saves an eighth of them; none
    /// unless set; from 64 bytes to 48 MiB. It takes processor time at both ends, and pays on slow links.
    ///
    /// A node reads what others have compressed whatever it does itself. All limits hold for the full size.
    pub fn compress(mut self, at_least: usize) -> Self {
        self.terms.compress = Some(at_least);
        self
    }

    /// How long nothing may be acknowledged, a message that takes longer to cross included, before a node counts as dead, and how long mail waits for a node that has joined
    /// and does not answer; default 4 s, from 50 ms to 1 h.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.terms.lease = lease;
        self
    }

    /// How far apart heartbeats are; default 1 s, from 1 ms to 1 h. When three in a row are missing the node is silent.
    pub fn heartbeat(mut self, beat: Duration) -> Self {
        self.terms.beat = beat;
        self
    }

    /// Who may send what to whom; by default a gatekeeper that keeps all but `rohrpost.system.ping` away from `SYSTEM`.
    pub fn gatekeeper(mut self, gatekeeper: Gatekeeper) -> Self {
        self.gatekeeper = gatekeeper;
        self
    }

    /// Has the kernel join as `own`; `connect` begins to carry frames, of `largest` bytes at most.
    pub(crate) fn join(
        self,
        kernel: &Kernel,
        own: Peer,
        largest: usize,
        connect: impl FnOnce(Arc<dyn Ears>, &Inlet) -> Result<Box<dyn Transport>, JoinError>,
    ) -> Result<Net, JoinError> {
        self.check()?;
        self.check_below(largest)?;
        crate::net::codec::check().map_err(|fault| JoinError::Codec(fault.to_string()))?;
        // Nobody waits for the porter who would not rather have the processor.
        let space = kernel.transport().idle(Idle::Park).open()?;
        let style = Style::new(own.node, self.terms.max_message).squeezing(self.terms.compress);
        let intake = Arc::new(Intake::new(self.intake, self.terms.window, style));
        let offers = Arc::new(Offers::default());
        let slot = Arc::new(Slot { intake: intake.clone(), offers: offers.clone(), inlet: OnceLock::new() });
        kernel.attach(slot.clone());
        let inlet = slot.inlet.get().expect("a port is started when it is attached");
        let gauges = Arc::new(Gauges::default());
        let net =
            Net { inlet: inlet.clone(), space, intake: intake.clone(), offers: offers.clone(), gauges: gauges.clone() };
        let transport = connect(intake.clone(), inlet).inspect_err(|_| drop(intake.close()))?;
        let carrier = Carrier::new(
            (inlet.clone(), own),
            (intake.clone(), transport),
            (self.terms, self.gatekeeper),
            (offers, gauges),
        );
        intake.employ(carrier);
        intake.hang_up(net.register(Porter::new(intake.clone()))?);
        Ok(net)
    }

    /// Whether the largest message fits into what an engine carries at most, with what is around it.
    fn check_below(&self, largest: usize) -> Result<(), JoinError> {
        let (value, most) = (self.terms.max_message, largest.saturating_sub(AROUND));
        if value <= most {
            return Ok(());
        }
        let [value, least, most] = [value, LEAST_MESSAGE, most].map(|number| number.to_string());
        Err(JoinError::Bound { name: "max_message", value, least, most })
    }

    fn check(&self) -> Result<(), JoinError> {
        let counts = [
            ("window", self.terms.window, 1, 1 << 16),
            ("window_bytes", self.terms.window_bytes, 1 << 16, 4 << 30),
            ("requests", self.terms.requests, 1, 1 << 20),
            ("max_message", self.terms.max_message, LEAST_MESSAGE, 48 << 20),
            ("compress", self.terms.compress.unwrap_or(64), 64, 48 << 20),
        ];
        for (name, value, least, most) in counts {
            if !(least..=most).contains(&value) {
                let [value, least, most] = [value, least, most].map(|number| number.to_string());
                return Err(JoinError::Bound { name, value, least, most });
            }
        }
        let times = [("lease", self.terms.lease, 50), ("heartbeat", self.terms.beat, 1)];
        for (name, value, least) in times {
            let (least, most) = (Duration::from_millis(least), Duration::from_secs(3600));
            if !(least..=most).contains(&value) {
                let [value, least, most] = [value, least, most].map(|time| format!("{time:?}"));
                return Err(JoinError::Bound { name, value, least, most });
            }
        }
        Ok(())
    }
}

impl Default for Joining {
    fn default() -> Self {
        Self::new()
    }
}

impl Net {
    /// The nodes for which mail is taken: those that are there, as far as this node knows.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        self.intake.reach.nodes()
    }

    /// Waits until mail for `node` is taken; whether it is, within `timeout`. It blocks the calling thread: a handler uses a
    /// [monitor](crate::Context::monitor), a test with [`testing`](crate::testing) runs its kernels.
    #[must_use]
    pub fn wait_for(&self, node: NodeId, timeout: Duration) -> bool {
        self.intake.reach.wait_for(node, in_time(Instant::now(), timeout))
    }

    /// How long the way to a node and back takes, smoothed over its heartbeats (RFC 6298); once it has been measured.
    #[must_use]
    pub fn round_trip(&self, node: NodeId) -> Option<Duration> {
        self.offers.far(node)
    }

    /// What the links to all nodes have counted since this one joined.
    #[must_use]
    pub fn counters(&self) -> NetCounters {
        NetCounters { doubled: self.intake.doubled.load(Ordering::Relaxed), ..self.gauges.read() }
    }

    #[cfg(test)]
    pub(crate) fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Registers a target of the network's own.
    pub(crate) fn register<T: Target + Movable>(&self, target: T) -> Result<Bell, RegisterError> {
        let address = self.space.register(target)?;
        let (target, post) = self.inlet.directory.route(address).map_err(|_| RegisterError::Stopped)?;
        Ok(Bell { post, target })
    }
}

impl Port for Slot {
    fn reaches(&self, node: NodeId) -> bool {
        self.intake.reach.contains(node)
    }

    fn nearest(&self, namespace: Nid, record: RecordId) -> Option<(NodeId, Duration)> {
        self.offers.nearest((namespace, record))
    }

    fn start(&self, inlet: Inlet) {
        let _ = self.inlet.set(inlet);
    }

    fn deliver(&self, mail: HeldMessage) {
        self.intake.post(mail);
    }

    fn flush(&self) {
        self.intake.flush();
    }

    fn take_back(&self, stub: Stub, message: Message<'static>) {
        let (peer, way) = Return::read(stub, &message);
        self.intake.send_back(peer, way, message);
    }

    fn watch(&self, target: Address, watch: Watch) -> bool {
        self.intake.put(Errand::Watch(target, watch));
        true
    }

    fn unwatch(&self, target: Address, watch: Watch) {
        self.intake.put(Errand::Unwatch(target, watch));
    }

    fn stop(&self) {
        self.intake.tell(Tiding::Stop);
    }
}
