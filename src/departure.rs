//! The stop protocol: how several workers end together, so that what each returns still finds its sender.
//!
//! A closing worker first sends everything ordinary back and goes on taking answers in. When all of them have come
//! that far (or the time is up) each dismisses its targets and ends. Nobody blocks: a worker that waits for the
//! others waits in its hand-off.

pub(crate) mod set_out;

use std::time::{Duration, Instant};

use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, lock};

/// Workers that end together.
pub(crate) struct Departure {
    /// Workers that still return mail; at zero everybody goes.
    returning: AtomicUsize,
    /// The time after which nobody waits for the others.
    patience: Instant,
    ended: Mutex<Ended>,
    /// Wakes everybody who leaves.
    wake_all: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Ended {
    names: Vec<String>,
    waiting: Option<std::thread::Thread>,
}

impl Departure {
    pub(crate) fn new(workers: usize, patience: Instant, wake_all: Box<dyn Fn() + Send + Sync>) -> Arc<Self> {
        let returning = AtomicUsize::new(workers);
        Arc::new(Self { returning, patience, ended: Mutex::new(Ended::default()), wake_all })
    }

    /// One worker has sent everything back.
    pub(crate) fn returned(&self) {
        if self.returning.fetch_sub(1, Ordering::AcqRel) == 1 {
            (self.wake_all)();
        }
    }

    /// Whether everybody has sent everything back, or it is too late to wait for them.
    pub(crate) fn may_go(&self) -> bool {
        self.returning.load(Ordering::Acquire) == 0 || Instant::now() >= self.patience
    }

    /// How long to wait for the others at most.
    pub(crate) fn patience(&self) -> Duration {
        self.patience.saturating_duration_since(Instant::now())
    }

    /// One worker has ended.
    pub(crate) fn ended(&self, name: &str) {
        let mut ended = lock(&self.ended);
        ended.names.push(name.to_owned());
        if let Some(waiting) = &ended.waiting {
            waiting.unpark();
        }
    }

    /// Whether so many workers have ended.
    pub(crate) fn has_ended(&self, workers: usize) -> bool {
        lock(&self.ended).names.len() >= workers
    }

    /// Waits until `workers` have ended or `deadline` has come; the names of those who have.
    pub(crate) fn wait(&self, workers: usize, deadline: Instant) -> Vec<String> {
        lock(&self.ended).waiting = Some(std::thread::current());
        loop {
            let names = lock(&self.ended).names.clone();
            let left = deadline.saturating_duration_since(Instant::now());
            if names.len() >= workers || left.is_zero() {
                return names;
            }
            std::thread::park_timeout(left);
        }
    }
}

impl std::fmt::Debug for Departure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Departure(..)")
    }
}
