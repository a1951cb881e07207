//! Opening a namespace: how many threads, where, with which bounds.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::affinity::{self, PinError};
use crate::directory::Directory;
use crate::directory::space::Space;
use crate::driven::Driven;
use crate::handoff::{Inbox, Receiver};
use crate::id::{Nid, ParseIdError, Tid};
use crate::idle::Idle;
use crate::muster::Recruit;
use crate::namespace::Namespace;
use crate::post::{Drive, Limits, Mail, Post};
use crate::stop::depart;
use crate::waking::WakeLater;
use crate::worker::Worker;

/// The namespace that every kernel has from its start.
const SYSTEM: &str = "SYSTEM";
/// The names that are the library's own.
const TRANSPORT: &str = "TRANSPORT";
const RESERVED: [&str; 2] = [SYSTEM, TRANSPORT];

/// The most threads a namespace can have.
const MAX_THREADS: usize = 1024;
/// The largest bound that can be set.
const MAX_CAPACITY: usize = 1 << 24;
/// The smallest stack, in bytes.
const MIN_STACK: usize = 128 * 1024;
/// The stack of a worker, and what a driven worker takes of its caller's, in bytes.
const DEFAULT_STACK: usize = 2 * 1024 * 1024;
const DEFAULT_DRIVEN_STACK: usize = 512 * 1024;
/// What fits into a thread's name on Linux, in bytes.
const NAME_ROOM: usize = 15;

/// How a namespace is opened. Made by [`Kernel::namespace`](crate::Kernel::namespace).
///
/// Opening a namespace that is open returns it as it is, whatever is asked for here.
#[derive(Clone)]
#[must_use = "a namespace is opened by `open` or `driven`"]
pub struct NamespaceBuilder {
    directory: Arc<Directory>,
    name: String,
    threads: usize,
    cores: Vec<usize>,
    idle: Idle,
    stack: Option<usize>,
    limits: Limits,
    /// Whether it is the library that opens it.
    own: bool,
}

/// Why a namespace was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The name is no name.
    #[error("the namespace's name is wrong: {0}")]
    Name(#[from] ParseIdError),
    /// The name is the library's own.
    #[error("the namespace `{0}` belongs to the kernel; choose another name")]
    Reserved(String),
    /// A namespace has 1 to 1024 threads.
    #[error("a namespace has 1 to 1024 threads, not {0}; for one without a thread of its own see `driven`")]
    Threads(usize),
    /// A bound is out of its range.
    #[error("the bound `{name}` is from {least} to {most}, not {value}")]
    Bound {
        /// The builder's method that set it.
        name: &'static str,
        /// What was asked for.
        value: usize,
        /// The least it can be.
        least: usize,
        /// The most it can be.
        most: usize,
    },
    /// A thread cannot be pinned.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// The system started no thread.
    #[error("the system started no thread for `{name}`: {source}")]
    Spawn {
        /// The thread's name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is open, so it cannot be driven by anybody else.
    #[error("the namespace `{0}` is open already, so it cannot be driven by this caller; close it first")]
    AlreadyOpen(String),
    /// The kernel has no number left for another worker: 65,535 can be there at once.
    #[error("the kernel has as many workers as it can have (65535)")]
    TooManyWorkers,
    /// The kernel has stopped.
    #[error("the kernel has stopped; start another one")]
    Stopped,
}

impl NamespaceBuilder {
    pub(crate) fn new(directory: Arc<Directory>, name: String) -> Self {
        Self {
            directory,
            name,
            threads: 1,
            cores: Vec::new(),
            idle: Idle::default(),
            stack: None,
            limits: Limits::DEFAULT,
            own: false,
        }
    }

    /// The namespace of what carries mail to other nodes.
    pub(crate) fn of_ports(directory: Arc<Directory>) -> Self {
        Self { own: true, ..Self::new(directory, TRANSPORT.to_owned()) }
    }

    /// How many worker threads; default 1, from 1 to 1024.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Pins thread `n` to the `n`th of these cores, beginning anew when there are more threads. Linux only; default:
    /// not pinned.
    pub fn pin_to(mut self, cores: impl IntoIterator<Item = usize>) -> Self {
        self.cores = cores.into_iter().collect();
        self
    }

    /// What the threads do when there is no mail; default [`Idle::Adaptive`].
    pub fn idle(mut self, idle: Idle) -> Self {
        self.idle = idle;
        self
    }

    /// How many messages wait in a thread's hand-off before [`Code::BUSY`](crate::Code::BUSY), beside the one that is
    /// being handled; default 1000, from 1 to 2^24.
    ///
    /// Room for them and for that one is taken and written when the namespace is opened: 128 bytes each, their number
    /// rounded up to a power of two. A thread with 1000 takes 128 KiB, one with 1024 takes 256 KiB, and one with 2^24
    /// takes 4 GiB and seconds.
    pub fn capacity(mut self, messages: usize) -> Self {
        self.limits.handoff = messages;
        self
    }

    /// How many messages may wait on a thread for targets that are not idle, or are to come back; default 65,536, from
    /// 1 to 2^24. Answers and returns are not among them.
    pub fn waiting(mut self, messages: usize) -> Self {
        self.limits.waiting = messages;
        self
    }

    /// How many messages the targets of a thread may hold; default 65,536, from 1 to 2^24.
    pub fn held(mut self, messages: usize) -> Self {
        self.limits.held = messages;
        self
    }

    /// How many requests to other threads the targets of a thread may have unanswered; default 65,536, from 1 to 2^24.
    /// Room for so many answers is reserved.
    pub fn requests(mut self, messages: usize) -> Self {
        self.limits.requests = messages;
        self
    }

    /// How many timers of a thread's targets may be armed; default 1,048,576, from 1 to 2^24. Each takes memory only
    /// while so many are armed.
    pub fn timers(mut self, timers: usize) -> Self {
        self.limits.timers = timers;
        self
    }

    /// How many dispatches may be nested on a thread's stack; default 64, from 1 to 2^24. Deeper mail waits.
    pub fn depth(mut self, dispatches: usize) -> Self {
        self.limits.depth = dispatches;
        self
    }

    /// The stack of a thread in bytes; default 2 MiB, at least 128 KiB. For a driven worker: how much of its caller's
    /// stack it may use, default 512 KiB.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack = Some(bytes);
        self
    }

    /// Opens the namespace with threads of its own. `SYSTEM`, where the kernel's own services are, is always open.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open(self) -> Result<Namespace, OpenError> {
        let nid = if self.name == SYSTEM { Directory::SYSTEM } else { self.check()? };
        if let Some(namespace) = self.opened(nid) {
            return Ok(namespace);
        }
        if nid == Directory::SYSTEM || self.directory.is_stopping() {
            return Err(OpenError::Stopped);
        }
        let inboxes = self.inboxes();
        let later = WakeLater::new();
        let mut spaces = self.directory.spaces.write();
        if let Some(space) = spaces.get(&nid) {
            return Ok(Namespace::new(self.directory.clone(), space.clone()));
        }
        if let Some(muster) = &self.directory.muster {
            let (space, receivers) = self.space(nid, inboxes, Drive::Crew)?;
            let stack = self.stack.unwrap_or(DEFAULT_DRIVEN_STACK);
            for (post, receiver) in space.posts.iter().cloned().zip(receivers) {
                muster.join(Recruit { post, receiver, space: space.clone(), stack });
            }
            self.directory.tell_opened(&space);
            spaces.insert(nid, space.clone());
            drop(spaces);
            return Ok(Namespace::new(self.directory, space));
        }
        let (space, receivers) = self.space(nid, inboxes, Drive::Thread)?;
        let stack = self.stack.unwrap_or(DEFAULT_STACK);
        for (index, receiver) in receivers.into_iter().enumerate() {
            if let Err(error) = self.spawn(&space, index, receiver, stack) {
                // Those that run already end; nobody has heard of them.
                space.posts.iter().skip(index).for_each(|post| self.directory.unseat(post, post.base));
                drop(spaces);
                drop(later);
                let begun = Space::new(nid, space.posts.iter().take(index).cloned().collect());
                let _ = depart(&self.directory, &[Arc::new(begun)], std::time::Duration::from_secs(1));
                return Err(error);
            }
        }
        self.directory.tell_opened(&space);
        spaces.insert(nid, space.clone());
        drop(spaces);
        Ok(Namespace::new(self.directory, space))
    }

    /// Opens the namespace with one worker that has no thread: it runs when the caller says so, on the caller's
    /// thread. Threads, cores and idling do not apply.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn driven(mut self) -> Result<(Namespace, Driven), OpenError> {
        self.threads = 1;
        self.cores.clear();
        let nid = self.check()?;
        if self.opened(nid).is_some() {
            return Err(OpenError::AlreadyOpen(self.name));
        }
        if self.directory.is_stopping() {
            return Err(OpenError::Stopped);
        }
        let inboxes = self.inboxes();
        let _later = WakeLater::new();
        let mut spaces = self.directory.spaces.write();
        if spaces.contains_key(&nid) {
            return Err(OpenError::AlreadyOpen(self.name));
        }
        let (space, receivers) = self.space(nid, inboxes, Drive::Caller)?;
        let stack = self.stack.unwrap_or(DEFAULT_DRIVEN_STACK);
        let receiver = receivers.into_iter().next().ok_or(OpenError::Threads(0))?;
        let worker = Worker::new(&space.posts[0], receiver, space.clone(), self.directory.clone(), stack);
        self.directory.tell_opened(&space);
        spaces.insert(nid, space.clone());
        drop(spaces);
        Ok((Namespace::new(self.directory, space), Driven::new(worker, stack)))
    }

    fn check(&self) -> Result<Nid, OpenError> {
        if !self.own && RESERVED.contains(&self.name.as_str()) {
            return Err(OpenError::Reserved(self.name.clone()));
        }
        if !(1..=MAX_THREADS).contains(&self.threads) {
            return Err(OpenError::Threads(self.threads));
        }
        let bounds = [
            ("capacity", self.limits.handoff, 1, MAX_CAPACITY),
            ("waiting", self.limits.waiting, 1, MAX_CAPACITY),
            ("held", self.limits.held, 1, MAX_CAPACITY),
            ("requests", self.limits.requests, 1, MAX_CAPACITY),
            ("timers", self.limits.timers, 1, MAX_CAPACITY),
            ("depth", self.limits.depth, 1, MAX_CAPACITY),
            ("stack_size", self.stack.unwrap_or(DEFAULT_STACK), MIN_STACK, isize::MAX as usize),
        ];
        for (name, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(OpenError::Bound { name, value, least, most });
            }
        }
        affinity::check(&self.cores)?;
        Ok(Nid::given(&self.name)?)
    }

    /// The namespace, if it is open.
    fn opened(&self, nid: Nid) -> Option<Namespace> {
        let space = self.directory.spaces.read().get(&nid)?.clone();
        Some(Namespace::new(self.directory.clone(), space))
    }

    /// An inbox for each worker. Large ones take long, so nothing is locked meanwhile that others look up.
    fn inboxes(&self) -> Vec<(Arc<Inbox<Mail>>, Receiver<Mail>)> {
        (0..self.threads).map(|_| Inbox::new(self.limits.handoff)).collect()
    }

    /// The namespace's posts; none of them runs yet.
    fn space(
        &self,
        nid: Nid,
        inboxes: Vec<(Arc<Inbox<Mail>>, Receiver<Mail>)>,
        drive: Drive,
    ) -> Result<(Arc<Space>, Vec<Receiver<Mail>>), OpenError> {
        if self.directory.is_stopping() {
            return Err(OpenError::Stopped);
        }
        let (mut posts, mut receivers) = (Vec::new(), Vec::new());
        for (index, (inbox, receiver)) in inboxes.into_iter().enumerate() {
            let name = thread_name(&self.name, index);
            let make = |worker, base| Post::new((worker, base), (nid, index), name, drive, self.limits, inbox);
            let Ok(post) = self.directory.seat(make) else {
                posts.iter().for_each(|post: &Arc<Post>| self.directory.unseat(post, post.base));
                return Err(OpenError::TooManyWorkers);
            };
            posts.push(post);
            receivers.push(receiver);
        }
        Ok((Arc::new(Space::new(nid, posts)), receivers))
    }

    fn spawn(&self, space: &Arc<Space>, index: usize, receiver: Receiver<Mail>, stack: usize) -> Result<(), OpenError> {
        let post = space.posts[index].clone();
        let core = (!self.cores.is_empty()).then(|| self.cores[index % self.cores.len()]);
        let (idle, directory, shared) = (self.idle, self.directory.clone(), space.clone());
        let name = post.name.clone();
        let run = move || {
            if let Some(core) = core {
                // The core was there when the namespace was opened; if it has gone since, the thread runs anywhere.
                let _ = affinity::pin(core);
            }
            Worker::new(&post, receiver, shared, directory, stack).run(idle);
        };
        let spawned = std::thread::Builder::new().name(name.clone()).stack_size(stack).spawn(run);
        let thread = spawned.map_err(|source| OpenError::Spawn { name: name.clone(), source })?;
        space.threads.lock().push((name, thread));
        Ok(())
    }
}

/// A thread's name within 15 bytes: the namespace's as far as there is room, and the whole index.
fn thread_name(namespace: &str, index: usize) -> String {
    let suffix = format!("/{index}");
    let room = NAME_ROOM - suffix.len();
    if namespace.len() <= room {
        return format!("{namespace}{suffix}");
    }
    format!("{}~{suffix}", &namespace[..room - 1])
}

impl fmt::Debug for NamespaceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamespaceBuilder").field("name", &self.name).field("threads", &self.threads).finish()
    }
}

const _: () = assert!(MAX_THREADS <= Tid::WORKERS as usize, "every thread of a namespace has a number");

#[cfg(all(test, not(loom)))]
mod tests {
    use super::thread_name;

    #[test]
    fn a_thread_name_fits_and_keeps_its_index() {
        assert_eq!(thread_name("navigation", 1), "navigation/1");
        assert_eq!(thread_name("a-very-long-namespace", 12), "a-very-long~/12");
        assert!(thread_name("a-very-long-namespace", 1023).len() <= 15, "expected the name to fit Linux's 15 bytes");
    }
}
