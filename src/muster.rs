//! The muster: where new workers wait for the one thread that runs them all.
//!
//! A namespace may be opened on any thread, but a worker is made on the thread that runs it.

use std::fmt;

use parking_lot::Mutex;

use crate::directory::space::Space;
use crate::handoff::Receiver;
use crate::post::{Mail, Post};
use crate::sync::Arc;

/// Workers that nobody runs yet.
#[derive(Default)]
pub(crate) struct Muster(Mutex<Vec<Recruit>>);

/// What a worker is made of.
pub(crate) struct Recruit {
    pub(crate) post: Arc<Post>,
    pub(crate) receiver: Receiver<Mail>,
    pub(crate) space: Arc<Space>,
    /// How much of its driver's stack it may use, in bytes.
    pub(crate) stack: usize,
}

impl Muster {
    pub(crate) fn join(&self, recruit: Recruit) {
        self.0.lock().push(recruit);
    }

    /// Those who have come since the last time, in the order in which they came.
    pub(crate) fn take(&self) -> Vec<Recruit> {
        std::mem::take(&mut self.0.lock())
    }
}

impl fmt::Debug for Muster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Muster").field(&self.0.lock().len()).finish()
    }
}
