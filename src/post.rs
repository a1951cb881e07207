//! A worker as other threads see it: its inbox, its bounds, its counters.

use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::thread::ThreadId;

use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

use crate::clock::Sleeper;
use crate::code::Code;
use crate::core::Core;
use crate::counters::Tally;
use crate::handoff::Inbox;
use crate::id::{Nid, Tid};
use crate::message::Message;
use crate::prefetch;
use crate::registry::{NoVacancy, Vacancies};
use crate::ring::Refusal;
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering};
use crate::timers::Occupancy;

const _: () = assert!(size_of::<Mail>() == 120, "mail is as large as its message");

/// What crosses a thread.
pub(crate) enum Mail {
    Message(Message<'static>),
    /// `None` when it has been obeyed.
    Order(Option<Box<dyn Order>>),
}

/// Something that a worker is to do between two messages.
pub(crate) trait Order: Send {
    fn obey(self: Box<Self>, core: &Core);
}

impl<F: FnOnce(&Core) + Send> Order for F {
    fn obey(self: Box<Self>, core: &Core) {
        self(core);
    }
}

impl Mail {
    #[inline]
    pub(crate) const fn is_order(&self) -> bool {
        matches!(self, Self::Order(_))
    }

    /// Has what an order brings come from the core that wrote it.
    #[inline]
    pub(crate) fn prefetch(&self) {
        if let Self::Order(Some(order)) = self {
            prefetch::all_to_read(&**order);
        }
    }

    pub(crate) fn order(order: impl FnOnce(&Core) + Send + 'static) -> Self {
        Self::Order(Some(Box::new(order)))
    }
}

/// How much a worker takes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Messages in the hand-off.
    pub(crate) handoff: usize,
    /// Messages that wait for a target that is not idle.
    pub(crate) waiting: usize,
    /// Held messages.
    pub(crate) held: usize,
    /// Requests to other threads that are not answered yet.
    pub(crate) requests: usize,
    /// Armed timers.
    pub(crate) timers: usize,
    /// Nested dispatches.
    pub(crate) depth: usize,
}

impl Limits {
    /// Bounds that suit most programs: see [`crate::NamespaceBuilder`].
    pub(crate) const DEFAULT: Self =
        Self { handoff: 1000, waiting: 65_536, held: 65_536, requests: 65_536, timers: 1 << 20, depth: 64 };
}

/// Who runs a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drive {
    /// A thread of its own.
    Thread,
    /// Whoever opened the namespace, when it likes.
    Caller,
    /// The one thread that runs all workers of the kernel in turn.
    Crew,
}

/// A worker as other threads see it.
pub(crate) struct Post {
    /// Its number in the kernel, from 1 on.
    pub(crate) worker: u32,
    pub(crate) nid: Nid,
    /// Its index in the namespace, from 0 on.
    pub(crate) index: usize,
    /// The thread's name.
    pub(crate) name: String,
    pub(crate) drive: Drive,
    pub(crate) inbox: Arc<Inbox<Mail>>,
    pub(crate) limits: Limits,
    /// Written by the worker for every message, so it shares no cache line with what senders read.
    pub(crate) tally: CachePadded<Tally>,
    /// Messages that are held by targets of this worker, wherever they are.
    pub(crate) held: AtomicUsize,
    /// The timers of this worker's targets.
    pub(crate) timers: Occupancy,
    /// The thread that runs it, once it does.
    pub(crate) host: OnceLock<ThreadId>,
    /// Whether it takes no ordinary mail any more.
    pub(crate) closing: AtomicBool,
    /// The first generation of its slots.
    pub(crate) base: u32,
    /// Counts the slots that have been handed to an allocator.
    pub(crate) slots: AtomicU64,
    /// Where other threads get slots for targets that they register here.
    vacancies: Mutex<Vacancies>,
}

impl Post {
    /// The post of the worker with number `worker`, whose slots begin with generation `base`.
    pub(crate) fn new(
        (worker, base): (u32, u32),
        (nid, index): (Nid, usize),
        name: String,
        drive: Drive,
        limits: Limits,
        inbox: Arc<Inbox<Mail>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            worker,
            nid,
            index,
            name,
            drive,
            inbox,
            limits,
            tally: CachePadded::new(Tally::default()),
            held: AtomicUsize::new(0),
            timers: Occupancy::default(),
            host: OnceLock::new(),
            closing: AtomicBool::new(false),
            base,
            slots: AtomicU64::new(0),
            vacancies: Mutex::new(Vacancies::new(base)),
        })
    }

    /// Takes a message into the hand-off, or leaves it as it is and says why.
    #[inline]
    pub(crate) fn take(&self, message: &mut Message<'_>) -> Result<(), Code> {
        let pushed = self.inbox.push_with(|| Mail::Message(message.take_all()));
        pushed.map_err(|refusal| match refusal {
            Refusal::Full => Code::BUSY,
            Refusal::Closed => Code::STOPPED,
        })
    }

    /// An id for a target that another thread registers here.
    pub(crate) fn reserve(&self) -> Result<Tid, NoVacancy> {
        let (slot, generation) = self.vacancies.lock().next(&self.slots)?;
        Ok(Tid::generated(self.worker, slot, generation))
    }

    /// Gives back the slot of an id from [`Post::reserve`].
    pub(crate) fn give_back(&self, slot: u32, generation: u32) {
        self.vacancies.lock().give_back(slot, generation);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Whether the calling thread is the one that runs this worker.
    pub(crate) fn is_here(&self) -> bool {
        self.host.get() == Some(&std::thread::current().id())
    }
}

impl Sleeper for Post {
    fn wake(&self) {
        self.inbox.wake();
    }
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Post").field("name", &self.name).field("inbox", &self.inbox).finish_non_exhaustive()
    }
}
