//! What all workers of a run share: who lives where, what is under way, and what was counted.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock, mpsc};

use rohrpost::{Address, HeldMessage};

/// One run, as all threads see it.
#[derive(Default)]
pub(crate) struct Town {
    /// Of each namespace, its targets.
    pub(crate) quarters: Vec<RwLock<Vec<Address>>>,
    /// Of each namespace, its services: the group that takes chains on, and the topic of its news.
    pub(crate) services: Vec<Address>,
    /// Chains under way.
    pub(crate) chains: AtomicUsize,
    /// What timers are to bring, and copies of that.
    pub(crate) chimes: AtomicUsize,
    /// Held messages on their way to the helper, or with it.
    pub(crate) held: AtomicUsize,
    pub(crate) helper: Mutex<Option<mpsc::Sender<HeldMessage>>>,
    /// Nothing is under way: from now on nobody may be waiting for an answer.
    pub(crate) at_rest: AtomicBool,
    pub(crate) counts: Counts,
}

/// What the targets saw, to be compared with what the kernel counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) sent: AtomicU64,
    pub(crate) requests: AtomicU64,
    /// Answers, and requests that came back.
    pub(crate) ended: AtomicU64,
    /// Requests whose sender went away first.
    pub(crate) abandoned: AtomicU64,
    /// What came back to somebody who did not wait for it.
    pub(crate) unknown: AtomicU64,
    /// Requests that were not answered although nothing was under way.
    pub(crate) lost: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) observed: AtomicU64,
    pub(crate) ticks: AtomicU64,
    /// Ticks of timers that had ended, or at a time that was not theirs.
    pub(crate) stale: AtomicU64,
}

/// What the targets of one thread share.
#[derive(Default)]
pub(crate) struct Quarter {
    pub(crate) town: OnceLock<Arc<Town>>,
    pub(crate) number: Cell<usize>,
    /// Places whose target has gone for good.
    pub(crate) empty: RefCell<Vec<usize>>,
    pub(crate) sent: Cell<u64>,
    pub(crate) requests: Cell<u64>,
    pub(crate) ended: Cell<u64>,
    pub(crate) abandoned: Cell<u64>,
    pub(crate) panics: Cell<u64>,
    pub(crate) observed: Cell<u64>,
    pub(crate) ticks: Cell<u64>,
    pub(crate) stale: Cell<u64>,
}

/// A chain of messages: there is one of these, it goes from message to message, and when it is dropped the chain
/// has ended.
#[derive(Debug)]
pub(crate) struct Token(Arc<Town>);

impl Token {
    pub(crate) fn new(town: &Arc<Town>) -> Self {
        town.chains.fetch_add(1, Ordering::SeqCst);
        Self(town.clone())
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.chains.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Town {
    pub(crate) fn new(services: Vec<Address>) -> Arc<Self> {
        let quarters = services.iter().map(|_| RwLock::default()).collect();
        Arc::new(Self { quarters, services, ..Self::default() })
    }

    /// Who lives at a place.
    pub(crate) fn at(&self, quarter: usize, place: usize) -> Address {
        let targets = self.quarters[quarter].read().expect("nobody panics here");
        targets[place % targets.len()]
    }

    pub(crate) fn move_in(&self, quarter: usize, place: usize, address: Address) {
        self.quarters[quarter].write().expect("nobody panics here")[place] = address;
    }
}

impl Quarter {
    pub(crate) fn town(&self) -> &Arc<Town> {
        self.town.get().expect("a quarter is made for its town")
    }

    pub(crate) fn add(counter: &Cell<u64>, more: u64) {
        counter.set(counter.get() + more);
    }
}

impl Drop for Quarter {
    fn drop(&mut self) {
        let Some(town) = self.town.get() else {
            return;
        };
        let Counts { sent, requests, ended, abandoned, panics, observed, ticks, stale, .. } = &town.counts;
        for (all, own) in [
            (sent, &self.sent),
            (requests, &self.requests),
            (ended, &self.ended),
            (abandoned, &self.abandoned),
            (panics, &self.panics),
            (observed, &self.observed),
            (ticks, &self.ticks),
            (stale, &self.stale),
        ] {
            all.fetch_add(own.get(), Ordering::SeqCst);
        }
    }
}

impl std::fmt::Debug for Town {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Town").field("chains", &self.chains).field("counts", &self.counts).finish_non_exhaustive()
    }
}
