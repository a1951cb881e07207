//! [`Port`]: the seam through which another node, or whoever is no target, is reached.
//!
//! The core knows no network. Mail for another node is held and given to the port that reaches that node, so that it goes
//! back to its sender whatever happens; what comes in, an [`Inlet`] sends on as any other thread would.

mod ways;

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use crate::address::Address;
use crate::code::Code;
use crate::counters::Count;
use crate::directory::Directory;
use crate::ending::{Parting, Reason};
use crate::events;
use crate::fault::quietly;
use crate::held::HeldMessage;
use crate::id::{Nid, NodeId, RecordId, Tid};
use crate::message::{Flags, Message, Sender};
use crate::origin::{Back, Origin, Stub};
pub(crate) use crate::port::ways::Ways;
use crate::service::Key;
use crate::sync::Arc;

/// A way out of the node: mail for the nodes that it reaches is delivered to it.
///
/// All methods may be called from any thread, and from several at once.
///
/// ```
/// use std::sync::Mutex;
/// use rohrpost::{Address, HeldMessage, Inlet, Kernel, Nid, NodeId, Port};
///
/// /// Keeps all mail for one node until somebody fetches it.
/// #[derive(Debug)]
/// struct Locker(NodeId, Mutex<Vec<HeldMessage>>);
///
/// impl Port for Locker {
///     fn reaches(&self, node: NodeId) -> bool {
///         node == self.0
///     }
///
///     fn start(&self, _inlet: Inlet) {}
///
///     fn deliver(&self, mail: HeldMessage) {
///         self.1.lock().unwrap().push(mail);
///     }
///
///     fn stop(&self) {
///         self.1.lock().unwrap().clear(); // it goes back to its senders
///     }
/// }
///
/// let device = NodeId::name("device-7");
/// let locker = std::sync::Arc::new(Locker(device, Mutex::default()));
/// let kernel = Kernel::builder("house").start()?;
/// kernel.attach(locker.clone());
/// kernel.notify(Address::service(Nid::name("lamp")).on_node(device), ())?;
/// let mail = locker.1.lock().unwrap().pop().expect("the mail is in the locker");
/// mail.answer(());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Port: fmt::Debug + Send + Sync + 'static {
    /// Whether mail for `node` is to be delivered here. Asked for each message that leaves the node, on its sender's
    /// thread: it must be quick.
    fn reaches(&self, node: NodeId) -> bool;

    /// Begins. Called once, before anything is delivered.
    fn start(&self, inlet: Inlet);

    /// Takes mail for a node that it [`reaches`](Self::reaches), on the sender's thread: it must not wait.
    ///
    /// A request is to be answered, or to be ended with a code; a notification, too, as soon as it is known to have
    /// arrived. What is dropped goes back with [`Code::NODE_LOST`].
    fn deliver(&self, mail: HeldMessage);

    /// Has everything go that was [delivered](Self::deliver) and that the port has kept for more to come with it: no more does
    /// for now. Called after the last of several messages, on the thread that delivered them, also if they were another port's:
    /// by a worker at the end of the turn in which its targets sent them, by any other thread after each. Quick; it sends nothing
    /// itself, and may be called once more when the port has been [stopped](Self::stop). By default nothing is kept.
    ///
    /// A turn lasts as long as its handlers do: a port that keeps mail should have a time after which it waits no longer.
    fn flush(&self) {}

    /// Takes a message back that it has brought in with a [`stub`](Origin::stub), when that has its final code: as what is given
    /// to [`Origin::back`] would be called. By default it is dropped. What comes back when the kernel has
    /// begun to [stop](Self::stop) its ports is dropped, too.
    fn take_back(&self, stub: Stub, message: Message<'static>) {
        let _ = (stub, message);
    }

    /// The nearest node that it reaches and that offers a service, for mail to [`Address::any_node`](crate::Address::any_node),
    /// and how far away it is. Quick, as [`reaches`](Self::reaches); by default nobody is known to offer anything.
    fn nearest(&self, namespace: Nid, record: RecordId) -> Option<(NodeId, Duration)> {
        let _ = (namespace, record);
        None
    }

    /// Has a target of a node that it [`reaches`](Self::reaches) watched: how it ends is to be told with [`Inlet::ended`],
    /// once, unless the node [leaves](Inlet::left) before. Quick. `false` if that cannot be done; so it is by default.
    fn watch(&self, target: Address, watch: Watch) -> bool {
        let _ = (target, watch);
        false
    }

    /// Ends a watch: nobody needs to be told any more. Quick.
    fn unwatch(&self, target: Address, watch: Watch) {
        let _ = (target, watch);
    }

    /// Ends: the kernel has stopped, and all its mail has been returned or is in the port's hands. What it still holds is
    /// to be ended now. Nothing is delivered afterwards.
    fn stop(&self);
}

/// Brings mail into a node: given to a [`Port`] when it starts. Cheap to clone, `Send + Sync`; does not keep the kernel
/// running.
#[derive(Clone)]
pub struct Inlet {
    pub(crate) directory: Arc<Directory>,
    /// That of the port that has it.
    pub(crate) number: u32,
    ways: Arc<Mutex<Ways>>,
}

/// The ports of a node.
#[derive(Debug)]
pub(crate) struct Ports {
    attached: RwLock<Attached>,
    /// Changes with them.
    version: AtomicU32,
    /// How many there have been.
    count: AtomicU32,
}

impl Inlet {
    /// The node that mail is brought into.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.directory.node
    }

    /// Tells the monitors that a node is there. Told twice is told once.
    pub fn joined(&self, node: NodeId) {
        self.directory.tell_joined(node);
    }

    /// Tells the monitors that a node is not there any more, and those who watch its targets.
    pub fn left(&self, node: NodeId, why: Parting) {
        self.directory.tell_left(node, why);
        self.directory.abandon_watches(node, why);
    }

    /// Tells who watches a target of `node` that it has ended. Told twice, or by another node, is not told.
    pub fn ended(&self, node: NodeId, watch: Watch, why: Reason) {
        self.directory.end_watch(node, watch, why);
    }

    /// Tells that a message from `node` was not let in, which has its code and text by now: one event with the feature
    /// `tracing`, and nothing without it. It is the port's to give it back.
    pub fn kept_out(&self, message: &Message<'_>, node: NodeId) {
        events::kept_out(message, node);
    }

    /// Brings a notification back to its sender that was done here, and has failed where it went: with the message's code.
    /// Its receiver counts as who sends it back. It is counted as sent once more, here.
    pub fn bring_back(&self, mut message: Message<'static>, to: Ticket) {
        let code = if message.code.is_ok() { Code::NOT_HANDLED } else { message.code };
        message.launch();
        message.flags -= Flags::WANT_ANSWER;
        message.complete_from(Nid::UNSET, self.directory.node);
        message.sender = Sender::target(Tid::from_raw(to.tid), Nid::from_raw(to.nid));
        (message.life, message.request, message.code) = (to.life, to.request, code);
        let outside = &self.directory.outside;
        outside.shared(Count::Sent);
        quietly(|| drop(self.directory.send_back(&mut message, |count| outside.shared(count))));
    }

    /// Sends a message on to its receiver; one hand-off, as for [`Kernel::notify`](crate::Kernel::notify). It is counted as
    /// sent here. A receiver without a node is on this one.
    ///
    /// Whatever becomes of it, it is told to [`Origin::back`], or to the port, also if it fails at once.
    pub fn bring(&self, message: Message<'static>, from: Origin) {
        self.bring_by(self.ways.try_lock().as_deref_mut(), message, from);
    }

    /// The same, by the ways that mail of this caller's has gone before.
    pub(crate) fn bring_by(&self, ways: Option<&mut Ways>, mut message: Message<'static>, mut from: Origin) {
        if let Some(Back::Port(number, _)) = &mut from.back {
            *number = self.number;
        }
        message.launch();
        message.sender = Sender::Outside(None);
        message.set_origin(from);
        let directory = &self.directory;
        directory.outside.shared(Count::Sent);
        if let Err(code) = self.pass(&mut message, ways) {
            message.set_code(code);
            quietly(|| drop(directory.send_back(&mut message, |count| directory.outside.shared(count))));
        }
    }

    /// Passes a message to its receiver, or leaves it and says why.
    fn pass(&self, message: &mut Message<'static>, ways: Option<&mut Ways>) -> Result<(), Code> {
        let directory = &self.directory;
        if directory.is_stopping() {
            return Err(Code::STOPPED);
        }
        message.complete_from(Nid::UNSET, directory.node);
        if !message.flags.contains(Flags::ABROAD)
            && let Some((target, post)) =
                ways.and_then(|ways| ways.find((message.tid, message.nid), message.kind().id(), directory))
        {
            message.tid = target;
            return post.take(message);
        }
        directory.pass_on(message)
    }
}

impl fmt::Debug for Inlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inlet").field("node", &self.node()).finish_non_exhaustive()
    }
}

/// A target of this node watches one of another. It is a number of this node, which may leave the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watch(u64);

/// The return ticket of a message: who sent it, and in which of its lives.
///
/// With it a port can say of a notification that it is done as soon as that is on its way, and still
/// [bring it back](Inlet::bring_back) if it fails where it went. It is four numbers, which may leave the process.
///
/// ```
/// use rohrpost::Ticket;
///
/// let ticket = Ticket::from_parts([7, 1, 0, 3]);
/// assert_eq!(ticket.parts(), [7, 1, 0, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    tid: u64,
    nid: u64,
    life: u32,
    request: u64,
}

impl Ticket {
    /// The ticket of a message whose sender is a target of this node; `None` for others.
    #[must_use]
    pub fn of(message: &Message<'_>) -> Option<Self> {
        let Sender::Target(tid, nid) = message.sender else {
            return None;
        };
        Some(Self { tid: tid.get(), nid: nid.raw(), life: message.life, request: message.request })
    }

    /// The ticket as numbers.
    #[must_use]
    pub const fn parts(self) -> [u64; 4] {
        [self.tid, self.nid, self.life as u64, self.request]
    }

    /// The ticket of these [`parts`](Self::parts). Invented ones bring mail to nobody, or to the wrong target.
    #[must_use]
    pub const fn from_parts([tid, nid, life, request]: [u64; 4]) -> Self {
        Self { tid, nid, life: life as u32, request }
    }
}

impl Watch {
    /// The watch with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// With their numbers.
type Attached = Arc<[(u32, Arc<dyn Port>)]>;

/// The ports of a node as one thread has seen them last.
#[derive(Debug)]
pub(crate) struct View {
    version: u32,
    attached: Attached,
}

impl Default for Ports {
    fn default() -> Self {
        Self { attached: RwLock::new(Attached::from([])), version: AtomicU32::new(0), count: AtomicU32::new(0) }
    }
}

impl View {
    /// Looks again, if anything has changed.
    #[inline]
    pub(crate) fn refresh(&mut self, ports: &Ports) {
        if self.version != ports.version.load(Ordering::Acquire) {
            *self = ports.view();
        }
    }

    /// Has all ports send what they have kept for more.
    pub(crate) fn flush(&self) {
        self.attached.iter().for_each(|(_, port)| quietly(|| port.flush()));
    }

    /// The port that reaches a node.
    pub(crate) fn to(&self, node: NodeId) -> Option<&dyn Port> {
        self.attached.iter().map(|(_, port)| &**port).find(|port| port.reaches(node))
    }
}

impl Ports {
    /// The ports of this moment.
    pub(crate) fn view(&self) -> View {
        let attached = self.attached.read();
        View { version: self.version.load(Ordering::Relaxed), attached: attached.clone() }
    }

    /// Replaces them; gives those that were there.
    fn change(&self, change: impl FnOnce(&Attached) -> Attached) -> Attached {
        let mut attached = self.attached.write();
        self.version.fetch_add(1, Ordering::Release);
        let new = change(&attached);
        std::mem::replace(&mut attached, new)
    }

    /// Takes a message back to where it comes from. Where nobody is there any more, nobody needs it.
    pub(crate) fn take_back(&self, back: Back, message: Message<'static>) {
        let (number, stub) = match back {
            Back::Call(back) => return back(message),
            Back::Port(number, stub) => (number, stub),
        };
        if let Some((_, port)) = self.view().attached.iter().find(|(known, _)| *known == number) {
            port.take_back(stub, message);
        }
    }
}

impl Directory {
    /// Adds a way out.
    pub(crate) fn attach(self: &Arc<Self>, port: Arc<dyn Port>) {
        let number = self.ports.count.fetch_add(1, Ordering::Relaxed);
        port.start(Inlet { directory: self.clone(), number, ways: Arc::default() });
        let with = |attached: &Attached| attached.iter().cloned().chain([(number, port)]).collect();
        self.ports.change(with);
    }

    /// Ends all ports.
    pub(crate) fn detach_all(&self) {
        let ports = self.ports.change(|_| Attached::from([]));
        for (_, port) in &*ports {
            quietly(|| port.stop());
        }
    }

    /// Chooses the node of a message that is for whichever node offers its service. The node stays the message's.
    pub(crate) fn choose_node(&self, message: &mut Message<'_>) -> Result<(), Code> {
        let Address { tid, nid, node: NodeId::ANY } = message.destination() else {
            return Ok(());
        };
        let record = message.kind().id();
        let node = if self.offers(Key { nid, record }) {
            self.node
        } else {
            let View { attached, .. } = self.ports.view();
            let nearest = attached.iter().filter_map(|(_, port)| port.nearest(nid, record)).min_by_key(|&(_, far)| far);
            nearest.filter(|_| tid.is_unset()).map(|(node, _)| node).ok_or(Code::NO_SERVICE)?
        };
        message.send_elsewhere(Some(node).filter(|&node| node != self.node));
        Ok(())
    }

    /// Whether a service is offered here to mail for any node.
    pub(crate) fn offers(&self, key: Key) -> bool {
        self.catalogue.find(key).is_some_and(|service| service.is_offered())
    }

    /// Gives a message to the one of these ports that reaches its node, or leaves it as it is and says why. They are to be
    /// [flushed](View::flush) afterwards.
    pub(crate) fn deliver_abroad(self: &Arc<Self>, message: &mut Message<'_>, ports: &View) -> Result<(), Code> {
        if message.flags.contains(Flags::LOCAL_ONLY) || message.records().any(|record| record.kind().is_local()) {
            return Err(Code::NOT_ROUTABLE);
        }
        let port = ports.to(message.destination().node).ok_or_else(|| self.why_no_node())?;
        let mail = HeldMessage::abroad(message.take_all(), self.clone());
        quietly(|| port.deliver(mail));
        Ok(())
    }

    /// Whether any port reaches that node.
    pub(crate) fn reaches(&self, node: NodeId) -> bool {
        self.ports.view().to(node).is_some()
    }

    fn why_no_node(&self) -> Code {
        if self.is_stopping() { Code::STOPPED } else { Code::NO_NODE }
    }
}
