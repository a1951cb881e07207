//! [`Setup`]: the particulars of a registration, and what can be wrong with one.

use std::error::Error;

use crate::id::{Nid, ParseIdError, Tid};
use crate::residents::restart::Restart;
use crate::target::OnPanic;

/// The particulars of a registration: name, thread, and what happens after a panic.
///
/// ```
/// use rohrpost::{OnPanic, Setup};
///
/// let setup = Setup::new().name("router").thread(1).on_panic(OnPanic::Keep);
/// # let _ = setup;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Setup {
    name: Option<String>,
    placement: Placement,
    policy: Policy,
}

/// A setup that has been read: its name is an id.
pub(crate) struct Particulars {
    pub(crate) name: Option<Tid>,
    pub(crate) placement: Placement,
    pub(crate) policy: Policy,
}

/// What happens to a target that panics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) on_panic: OnPanic,
    /// For [`OnPanic::Restart`]; without it the restart is at once, each time.
    pub(crate) restart: Option<Restart>,
}

/// On which thread of its namespace a target lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placement {
    /// On the first thread; from a handler, on the handler's own. The default.
    #[default]
    Default,
    /// On the thread with this index, from 0 on.
    Thread(usize),
    /// On each thread in turn, by the number of targets that were spread before.
    Spread,
}

impl Setup {
    /// Nameless, on the default thread, deregistered when it panics.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers under a name, or a number below 2^32 in plain digits.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Registers on the thread with this index, from 0 on.
    pub fn thread(mut self, index: usize) -> Self {
        self.placement = Placement::Thread(index);
        self
    }

    /// Registers on each thread in turn.
    pub fn spread(mut self) -> Self {
        self.placement = Placement::Spread;
        self
    }

    /// What happens when it panics; default [`OnPanic::Deregister`].
    pub fn on_panic(mut self, policy: OnPanic) -> Self {
        self.policy.on_panic = policy;
        self
    }

    /// [`OnPanic::Restart`] after a delay, and not without end. Without it a restart is at once, however often, and a
    /// factory that panics has the target deregistered.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy = Policy { on_panic: OnPanic::Restart, restart: Some(restart) };
        self
    }

    /// The same with a restart after a panic, unless something else was said.
    pub(crate) fn restarting(mut self) -> Self {
        if self.policy.on_panic == OnPanic::default() {
            self.policy.on_panic = OnPanic::Restart;
        }
        self
    }

    /// Reads the name.
    pub(crate) fn read(self) -> Result<Particulars, RegisterError> {
        let Self { name, placement, policy } = self;
        let Some(text) = name else {
            return Ok(Particulars { name: None, placement, policy });
        };
        let tid = Tid::given(&text)?;
        Ok(Particulars { name: Some(tid), placement, policy })
    }
}

/// Why a target was not registered. The target is dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Another target has the name; it is left as it is. Choose another name, or deregister it first.
    #[error("a target is registered as `{0}` already; choose another name or deregister that one first")]
    NameTaken(Tid),
    /// The name is no name.
    #[error("the target's name is wrong: {0}")]
    Name(#[from] ParseIdError),
    /// The namespace has fewer threads.
    #[error("there is no thread {index}: the namespace has {threads}, counted from 0")]
    NoThread {
        /// The index that was asked for.
        index: usize,
        /// How many threads the namespace has.
        threads: usize,
    },
    /// The namespace is the kernel's own and has no threads; use a namespace of your own.
    #[error("the namespace `{0}` has the kernel's own services and no threads; register targets in one of your own")]
    NoThreads(Nid),
    /// The thread has as many targets as fit, 2^23; use another thread.
    #[error("the thread has no room for another target (8388608 fit); register it on another thread")]
    TooManyTargets,
    /// The thread's hand-off is full. Register less at once, or from the thread itself.
    #[error("the thread's hand-off is full; try again later, or register from that thread")]
    Busy,
    /// The namespace is closed, or the kernel has stopped.
    #[error("the namespace is closed; open it again")]
    Stopped,
    /// Only by waiting could this be done: on a worker thread for another one, or on the thread that drives the worker for
    /// itself, where [`Driven::build`](crate::Driven::build) does it.
    #[error(
        "thread {0} of the namespace cannot be waited for here; a handler builds on its own thread, and whoever drives a \
         worker with `Driven::build`"
    )]
    WouldBlock(usize),
    /// A handler registers on its own thread only; what it makes need not be `Send`.
    #[error("a handler registers on its own thread, and {0} is another; use the namespace's handle for that")]
    OtherThread(usize),
    /// The factory panicked.
    #[error("the target's factory panicked: {0}")]
    Panicked(String),
}

/// Why targets were not built on a thread.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The code that builds them gave up.
    #[error("the targets were not built: {0}")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    /// The code that builds them panicked.
    #[error("the code that builds the targets panicked: {0}")]
    Panicked(String),
    /// The code did not run.
    #[error(transparent)]
    Refused(#[from] RegisterError),
}
