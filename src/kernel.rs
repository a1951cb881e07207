//! [`Kernel`]: one node.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::address::Address;
use crate::alarm::Alarms;
use crate::ask::Ask;
use crate::clock::{Clock, SystemClock, Time};
use crate::code::Code;
use crate::counters::Counters;
use crate::crew::Crew;
use crate::departure::set_out::TIMEOUT;
use crate::directory::Directory;
use crate::id::{Nid, NodeId, ParseIdError};
use crate::message::Message;
use crate::monitor::{Filter, Monitor};
use crate::opening::NamespaceBuilder;
use crate::port::Port;
use crate::record::Record;
use crate::stop::{StopReport, depart_all};
use crate::sync::{AtomicBool, Ordering};
use crate::system;

/// One node: the namespaces, the clock, and the way in from outside.
///
/// A handle; cloning it is cheap, it is `Send + Sync`, and when the last one is dropped the kernel stops, as
/// [`stop`](Self::stop) with five seconds does, unless somebody has waited for its end before.
///
/// ```
/// use rohrpost::Kernel;
///
/// let kernel = Kernel::builder("car-7").start()?;
/// let app = kernel.namespace("navigation").threads(2).open()?;
/// assert_eq!(app.address().to_string(), ".navigation.car-7");
///
/// let report = kernel.stop(std::time::Duration::from_secs(1));
/// assert!(report.is_complete());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Kernel {
    inner: Arc<Inner>,
}

struct Inner {
    directory: Arc<Directory>,
    alarms: Arc<Alarms>,
    /// Whether somebody has waited for its end; who is still there then has been named.
    waited: AtomicBool,
}

/// How a kernel is started. Made by [`Kernel::builder`].
#[derive(Debug)]
#[must_use = "a kernel is started by `start`"]
pub struct KernelBuilder {
    name: String,
    clock: Arc<dyn Clock>,
}

/// Why a kernel was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The node's name is no name.
    #[error("the node's name is wrong: {0}")]
    Name(#[from] ParseIdError),
}

/// Why a message from outside was not sent. It has the message.
#[derive(thiserror::Error)]
#[error("the message to {to} was not sent: {code}")]
pub struct SendError {
    code: Code,
    to: Address,
    /// Behind a lock that is never taken, because an error is to be `Sync` and a record need not be.
    message: Box<Mutex<Message<'static>>>,
}

impl Kernel {
    /// A kernel whose node has this name, or a number in plain digits.
    ///
    /// Where addresses of one kernel come to another, in the same process or by a [`Port`], the two need different names:
    /// to each, an address with its own name is one of its own.
    pub fn builder(name: impl Into<String>) -> KernelBuilder {
        KernelBuilder { name: name.into(), clock: Arc::new(SystemClock::new()) }
    }

    fn new(directory: Arc<Directory>, alarms: Arc<Alarms>) -> Self {
        Self { inner: Arc::new(Inner { directory, alarms, waited: AtomicBool::new(false) }) }
    }

    /// The node's id.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.inner.directory.node
    }

    /// The address of the kernel's own services: see [`system`].
    #[must_use]
    pub fn system(&self) -> Address {
        system::ADDRESS.on_node(self.node())
    }

    /// What the kernel's clock shows.
    #[must_use]
    pub fn now(&self) -> Time {
        self.inner.directory.clock.now()
    }

    /// A namespace with this name, to be opened.
    pub fn namespace(&self, name: impl Into<String>) -> NamespaceBuilder {
        NamespaceBuilder::new(self.inner.directory.clone(), name.into())
    }

    /// Adds a way out of the node: mail for the nodes that `port` reaches goes there. Where two reach a node, the one that
    /// was attached first has it. It is stopped with the kernel.
    pub fn attach(&self, port: Arc<dyn Port>) {
        self.inner.directory.attach(port);
    }

    /// The namespace `TRANSPORT`, to be opened: for the targets that a [`Port`] needs. It ends after all others, when the
    /// ports have stopped, so that what the others return still gets there.
    pub fn transport(&self) -> NamespaceBuilder {
        NamespaceBuilder::of_ports(self.inner.directory.clone())
    }

    /// Asks a target from outside; see [`Ask`]. A missing node is this one; a missing namespace is an error.
    pub fn ask<R: Record>(&self, to: Address, record: R) -> Ask<R> {
        Ask::new(self.inner.directory.clone(), self.inner.alarms.clone(), to, record)
    }

    /// Sends a notification from outside: one hand-off, from any thread.
    ///
    /// It has no sender to come back to: what fails at once is the error, with the message inside; what fails later
    /// is a dead letter.
    ///
    /// # Errors
    ///
    /// [`SendError`] with [`Code::BUSY`], [`Code::STOPPED`], [`Code::NO_NAMESPACE`], [`Code::NO_NODE`],
    /// [`Code::NO_SERVICE`], [`Code::NOT_HANDLED`] if nobody observes a topic, or [`Code::NO_TARGET`] where this thread
    /// can tell.
    pub fn notify<R: Record>(&self, to: Address, record: R) -> Result<(), SendError> {
        self.send(Message::notification(to, record))
    }

    /// Sends a message that was built by hand, as [`notify`](Self::notify) does. Nobody gets its answer.
    ///
    /// # Errors
    ///
    /// [`SendError`].
    pub fn send(&self, mut message: Message<'static>) -> Result<(), SendError> {
        message.launch_from_outside();
        self.inner.directory.send(&mut message).map_err(|code| {
            let to = message.destination();
            SendError { code, to, message: Box::new(Mutex::new(message)) }
        })
    }

    /// Has a target told who comes and goes, as [`Context::monitor`](crate::Context::monitor) says. The monitor ends with
    /// that target.
    ///
    /// ```
    /// use rohrpost::{Change, Context, Event, Failure, Filter, Handle, Kernel, handles};
    ///
    /// #[derive(Default)]
    /// struct Listener {
    ///     told: Vec<Event>,
    /// }
    /// impl Handle<Change> for Listener {
    ///     fn handle(&mut self, change: &Change, ctx: &mut Context<'_>) -> Result<(), Failure> {
    ///         self.told.push(change.event.clone());
    ///         if let [.., Event::Complete, Event::NamespaceOpened { namespace }] = &self.told[..] {
    ///             assert_eq!(namespace.to_string(), ".more.node");
    ///             ctx.stop();
    ///         }
    ///         Ok(())
    ///     }
    /// }
    /// handles!(Listener: Change);
    ///
    /// let kernel = Kernel::builder("node").start()?;
    /// let (app, mut worker) = kernel.namespace("app").driven()?;
    /// let listener = app.register(Listener::default())?;
    /// let monitor = kernel.monitor(Filter::new(), listener)?;
    /// worker.run_until_idle();
    /// kernel.namespace("more").open()?;
    /// worker.run_until_idle();
    /// assert_eq!(kernel.counters().deregistered, 1);
    /// kernel.unmonitor(monitor);              // it has ended with its listener
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The code that a message to the target would come back with, where this thread can tell; [`Code::NO_NODE`] for what
    /// happens on another node.
    pub fn monitor(&self, filter: Filter, target: Address) -> Result<Monitor, Code> {
        let directory = &self.inner.directory;
        directory.monitor(filter, target.completed_from(directory.home()))
    }

    /// Ends a monitor. What is told already still arrives.
    pub fn unmonitor(&self, monitor: Monitor) {
        self.inner.directory.unmonitor(monitor);
    }

    /// What became of all mail so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.inner.directory.counters()
    }

    /// Stops: all mail on the way comes back with [`Code::STOPPED`], targets are told and dropped, threads end.
    ///
    /// Waits `timeout` at most; a thread that is not back by then is named in the report and left to itself. On a
    /// worker thread it does not wait: the threads end in the background, and questions from outside that wait, also the
    /// one that the handler answers, end with [`Code::STOPPED`] at once. Afterwards everything that is asked, sent or
    /// opened ends with `STOPPED`.
    ///
    /// Stopping again waits for those who are still there, also from a namespace that was closed, and names them again.
    pub fn stop(&self, timeout: Duration) -> StopReport {
        self.inner.stop(timeout)
    }
}

impl Inner {
    fn stop(&self, timeout: Duration) -> StopReport {
        let directory = &self.directory;
        let report = depart_all(directory, timeout);
        // In the background nobody is left who could do it later.
        directory.refuse_askers();
        self.alarms.stop();
        directory.close_services();
        self.waited.fetch_or(!report.in_background, Ordering::Relaxed);
        report
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.waited.load(Ordering::Relaxed) {
            // Nobody is left to read the report.
            let _ = self.stop(TIMEOUT);
        }
    }
}

impl KernelBuilder {
    /// The clock that the kernel reads; default the system's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Starts the kernel. It has no threads until a namespace is opened.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn start(self) -> Result<Kernel, StartError> {
        let node = NodeId::given(&self.name)?;
        // So that it prints as a name.
        let _ = Nid::given("SYSTEM")?;
        let alarms = Alarms::new(self.clock.clone());
        let directory = Arc::new(Directory::new(node, self.clock));
        Ok(Kernel::new(directory, alarms))
    }

    /// Starts a kernel whose workers all run on the calling thread, with those of the others of `crew` and by its clock.
    pub(crate) fn start_in(self, crew: &Crew) -> Result<Kernel, StartError> {
        let node = NodeId::given(&self.name)?;
        let _ = Nid::given("SYSTEM")?;
        let clock = crew.clock();
        let alarms = Alarms::attended(clock.clone());
        let directory = Arc::new(Directory::new(node, clock).mustering());
        crew.take_in(directory.clone(), alarms.clone());
        Ok(Kernel::new(directory, alarms))
    }
}

impl SendError {
    /// Why it was not sent.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The message.
    #[must_use]
    pub fn into_message(self) -> Message<'static> {
        self.message.into_inner()
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").field("code", &self.code).field("message", &self.message).finish()
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("node", &self.node()).finish_non_exhaustive()
    }
}
