//! [`Namespace`]: worker threads and the targets on them.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use crate::address::Address;
use crate::body::Body;
use crate::code::Code;
use crate::core::Core;
use crate::crew::Crew;
use crate::directory::Directory;
use crate::directory::space::Space;
use crate::id::{Nid, Tid};
use crate::monitor::{Filter, Monitor};
use crate::orders;
use crate::post::{Drive, Mail, Post};
use crate::record::Record;
use crate::residents::Extra;
use crate::ring::PushError;
use crate::setup::{BuildError, Particulars, Placement, Policy, RegisterError, Setup};
use crate::stop::{StopReport, depart};
use crate::target::Target;
use crate::thread::Thread;
use crate::timers::handle::NewTimerHandle;

mod services;

/// A handle to a namespace: one or more worker threads and the targets that live on them.
///
/// It is cheap to clone, and `Send + Sync`. It does not keep its kernel alive: when the last [`Kernel`](crate::Kernel)
/// is gone, registering says [`RegisterError::Stopped`].
///
/// ```
/// use rohrpost::{Context, Kernel, Message, Outcome, Setup, Target};
///
/// struct Sink;
/// impl Target for Sink {
///     fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
///         Outcome::Handled
///     }
/// }
///
/// let kernel = Kernel::builder("car-7").start()?;
/// let app = kernel.namespace("navigation").threads(2).open()?;
/// let first = app.register(Sink)?;                    // on the first thread
/// let second = app.register_on(1, Sink)?;
/// let named = app.register_as("sink", Sink)?;
/// assert_eq!(named.to_string(), "sink.navigation.car-7");
/// assert!(app.register_as("sink", Sink).is_err());    // a name is given once
/// let spread = app.register_with(Setup::new().spread(), Sink)?;
/// # let _ = (first, second, spread);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Namespace {
    directory: Arc<Directory>,
    space: Arc<Space>,
}

/// What can be made on one thread and live on another: whatever is `Send`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `Send`, so it cannot be registered from another thread",
    label = "`{Self}` cannot be moved to its thread",
    note = "have it made there: see `Namespace::build_on`, `Namespace::register_factory` and `Context::register`"
)]
pub trait Movable: Send {}

#[diagnostic::do_not_recommend]
impl<T: Send> Movable for T {}

impl Namespace {
    pub(crate) const fn new(directory: Arc<Directory>, space: Arc<Space>) -> Self {
        Self { directory, space }
    }

    /// The namespace's id.
    #[must_use]
    pub fn id(&self) -> Nid {
        self.space.nid
    }

    /// How many worker threads it has.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.space.posts.len()
    }

    /// The namespace's address: that of its services.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::service(self.space.nid).on_node(self.directory.node)
    }

    /// Registers a target on the first thread. It starts there, before any mail for it, perhaps after this returns;
    /// on that very thread, before.
    ///
    /// Takes a place in the hand-off and a box for the target.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    pub fn register<T: Target + Movable>(&self, target: T) -> Result<Address, RegisterError> {
        self.register_with(Setup::new(), target)
    }

    /// Registers a target on the thread with this index, from 0 on.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    pub fn register_on<T: Target + Movable>(&self, thread: usize, target: T) -> Result<Address, RegisterError> {
        self.register_with(Setup::new().thread(thread), target)
    }

    /// Registers a target under a name, on the first thread. The address has the name for its TID.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    pub fn register_as<T: Target + Movable>(&self, name: &str, target: T) -> Result<Address, RegisterError> {
        self.register_with(Setup::new().name(name), target)
    }

    /// Registers a target with its particulars.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    pub fn register_with<T: Target + Movable>(&self, setup: Setup, target: T) -> Result<Address, RegisterError> {
        self.settle(setup, move |name, policy| (Box::new(target), Extra::of(name, policy, None)))
    }

    /// Registers what `factory` makes on its thread, and what it makes again after a panic, unless `setup` says
    /// otherwise ([`Setup::restart`]: after which delay, and how often). What it makes need not be `Send`. If the first
    /// call panics, nobody is registered.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    pub fn register_factory<T: Target>(
        &self,
        setup: Setup,
        mut factory: impl FnMut() -> T + Send + 'static,
    ) -> Result<Address, RegisterError> {
        self.settle(setup.restarting(), move |name, policy| {
            let target = Box::new(factory());
            let factory = Box::new(move || Box::new(factory()) as Box<dyn Target>);
            (target, Extra::of(name, policy, Some(factory)))
        })
    }

    fn settle(
        &self,
        setup: Setup,
        make: impl FnOnce(Option<Tid>, Policy) -> (Box<dyn Target>, Option<Extra>) + Send + 'static,
    ) -> Result<Address, RegisterError> {
        let Particulars { name, placement, policy } = setup.read()?;
        let post = self.place(placement)?;
        if self.directory.is_stopping() || post.is_closing() {
            return Err(RegisterError::Stopped);
        }
        if let Some(core) = Core::current().filter(|core| Arc::ptr_eq(&core.post, post)) {
            // On its own thread, mail that is sent next goes directly, so the target has to be there.
            let made = core.guard(|| make(name, policy));
            let (target, extra) = made.map_err(|panic| RegisterError::Panicked(panic.0))?;
            let tid = core.register(target, extra)?;
            return Ok(self.complete(name.unwrap_or(tid)));
        }
        let claim = |tid| match name {
            Some(name) if !self.space.claim(name, tid) => Err(RegisterError::NameTaken(name)),
            _ => Ok(()),
        };
        let space = self.space.clone();
        let unclaim = move |tid| {
            if let Some(name) = name {
                space.release(name, tid);
            }
        };
        let tid = orders::register(post, claim, unclaim, move || make(name, policy))?;
        Ok(self.complete(name.unwrap_or(tid)))
    }

    fn place(&self, placement: Placement) -> Result<&Arc<Post>, RegisterError> {
        let threads = self.threads();
        if threads == 0 {
            return Err(RegisterError::NoThreads(self.space.nid));
        }
        let index = match placement {
            Placement::Default => 0,
            Placement::Thread(index) => index,
            Placement::Spread => self.space.spread.fetch_add(1, Ordering::Relaxed) % threads,
        };
        self.space.posts.get(index).ok_or(RegisterError::NoThread { index, threads })
    }

    fn complete(&self, tid: Tid) -> Address {
        Address { tid, nid: self.space.nid, node: self.directory.node }
    }

    /// Has `build` run on the thread with this index and returns what it returns: the way to register targets that
    /// are not `Send`, or share what is not. On that very thread it runs at once.
    ///
    /// Waits until the thread comes to it: for a worker that nobody drives until somebody does or drops it, and for a thread
    /// that is stuck also when the kernel is stopped meanwhile.
    ///
    /// # Errors
    ///
    /// [`BuildError`]: what `build` returned, its panic, or why it did not run ([`RegisterError::NoThread`],
    /// [`RegisterError::Stopped`], [`RegisterError::Busy`]; [`RegisterError::WouldBlock`] on another worker thread, and
    /// between two turns on the thread that drives it, where [`Driven::build`](crate::Driven::build) does the same).
    pub fn build_on<R: Send + 'static>(
        &self,
        thread: usize,
        build: impl FnOnce(Thread<'_>) -> Result<R, Box<dyn Error + Send + Sync>> + Send + 'static,
    ) -> Result<R, BuildError> {
        let post = self.place(Placement::Thread(thread))?;
        let run = move |core: &Core| match core.guard(|| build(Thread::new(core))) {
            Ok(built) => built.map_err(BuildError::Failed),
            Err(panic) => Err(BuildError::Panicked(panic.0)),
        };
        if let Some(core) = Core::current() {
            let own = Arc::ptr_eq(&core.post, post);
            return if own { run(&core) } else { Err(RegisterError::WouldBlock(thread).into()) };
        }
        let crew = Crew::here(&self.directory).filter(|_| post.drive == Drive::Crew);
        if post.is_here() && crew.is_none() {
            return Err(RegisterError::WouldBlock(thread).into());
        }
        let (done, built) = mpsc::sync_channel(1);
        let order = move |core: &Core| {
            if !core.is_closing() {
                // Whoever built has gone away; the targets stay.
                let _ = done.send(run(core));
            }
        };
        match post.inbox.push(Mail::order(order)) {
            Ok(()) => {
                // What is in front of the order is done before it.
                while crew.as_ref().is_some_and(|crew| crew.turn_of(post)) {
                    if let Ok(built) = built.try_recv() {
                        return built;
                    }
                }
                built.recv().unwrap_or(Err(RegisterError::Stopped.into()))
            }
            Err(PushError::Full(_)) => Err(RegisterError::Busy.into()),
            Err(PushError::Closed(_)) => Err(RegisterError::Stopped.into()),
        }
    }

    /// Has a target deregistered on its thread. Mail that waits for it comes back with [`Code::STOPPED`], later mail
    /// with [`Code::NO_TARGET`].
    ///
    /// # Errors
    ///
    /// The code that a message to it would come back with, where this thread can tell.
    pub fn deregister(&self, target: Address) -> Result<(), Code> {
        let (tid, post) = self.directory.route(target.completed_from(self.address()))?;
        orders::deregister(&post, tid)
    }

    /// Has a target told who comes and goes in this namespace, as [`Context::monitor`](crate::Context::monitor) says. The
    /// monitor ends with that target, wherever it lives, or by [`Kernel::unmonitor`](crate::Kernel::unmonitor).
    ///
    /// # Errors
    ///
    /// The code that a message to the target would come back with, where this thread can tell; [`Code::NO_NODE`] for what
    /// happens on another node.
    pub fn monitor(&self, filter: Filter, target: Address) -> Result<Monitor, Code> {
        self.directory.monitor(filter.namespace(self.space.nid), target.completed_from(self.address()))
    }

    /// A timer that sends `record` to a target: in [`after`](NewTimerHandle::after) a time,
    /// [`at`](NewTimerHandle::at) one, or [`every`](NewTimerHandle::every) period. It is what
    /// [`Context::timer`](crate::Context::timer) is within the target, from any thread: the target sends itself a
    /// notification, and the timer ends with the target.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rohrpost::{Context, Failure, Handle, Kernel, TimerError, handles, record};
    ///
    /// #[derive(Clone, Debug)]
    /// struct Refresh;
    /// record!(Refresh, "screen.refresh");
    ///
    /// struct Screen;
    /// impl Handle<Refresh> for Screen {
    ///     fn handle(&mut self, _: &Refresh, _ctx: &mut Context<'_>) -> Result<(), Failure> {
    ///         Ok(())
    ///     }
    /// }
    /// handles!(Screen: Refresh);
    ///
    /// let kernel = Kernel::builder("car-7").start()?;
    /// let app = kernel.namespace("cockpit").open()?;
    /// let screen = app.register(Screen)?;
    ///
    /// let refresh = app.timer(screen, Refresh).every(Duration::from_millis(16))?;
    /// assert!(refresh.is_running());
    /// assert!(refresh.cancel());                  // from here on no tick begins
    /// assert!(!refresh.cancel());
    ///
    /// let error = app.timer(screen, Refresh).every(Duration::ZERO).unwrap_err();
    /// assert_eq!(error, TimerError::ZeroPeriod);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timer<R: Record>(&self, target: Address, record: R) -> NewTimerHandle {
        NewTimerHandle::new(self.directory.clone(), target.completed_from(self.address()), Body::new(record))
    }

    /// The address of a named target with its generated id: mail to it takes no look-up.
    ///
    /// # Errors
    ///
    /// [`Code::NO_TARGET`] if nobody has the name.
    pub fn resolve(&self, name: &str) -> Result<Address, Code> {
        let tid = Tid::learn(name).map_err(|_| Code::NO_TARGET)?;
        self.space.names.read().get(&tid).map(|&tid| self.complete(tid)).ok_or(Code::NO_TARGET)
    }

    /// Closes the namespace: mail on the way comes back with [`Code::STOPPED`], targets are told and dropped, the
    /// threads end. Waits `timeout` at most; on a worker thread it does not wait, and the threads end in the
    /// background. The id can be opened anew at once.
    ///
    /// The namespace `SYSTEM` is the kernel's, and stays.
    pub fn close(&self, timeout: Duration) -> StopReport {
        if self.space.nid == Directory::SYSTEM {
            return StopReport::default();
        }
        self.directory.remove(&self.space);
        depart(&self.directory, std::slice::from_ref(&self.space), timeout)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace").field("id", &self.space.nid).field("threads", &self.threads()).finish()
    }
}
