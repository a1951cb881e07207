//! A namespace as all threads see it: its workers, and who is registered there by name.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Mutex, RwLock};

use crate::id::{Nid, Tid};
use crate::post::Post;
use crate::sync::AtomicUsize;

/// A namespace as all threads see it.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) nid: Nid,
    pub(crate) posts: Vec<Arc<Post>>,
    /// Targets that were registered under a name or a number, with their generated ids.
    pub(crate) names: RwLock<HashMap<Tid, Tid>>,
    /// Counts the targets that were spread over the threads.
    pub(crate) spread: AtomicUsize,
    /// The workers' threads, by name.
    pub(crate) threads: Mutex<Vec<(String, JoinHandle<()>)>>,
}

impl Space {
    pub(crate) fn new(nid: Nid, posts: Vec<Arc<Post>>) -> Self {
        Self { nid, posts, names: RwLock::default(), spread: AtomicUsize::new(0), threads: Mutex::default() }
    }

    /// Keeps `name` for the target with the generated id `tid`; `false` if somebody has it.
    pub(crate) fn claim(&self, name: Tid, tid: Tid) -> bool {
        match self.names.write().entry(name) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(tid);
                true
            }
        }
    }

    /// Gives `name` back if it still belongs to `tid`.
    pub(crate) fn release(&self, name: Tid, tid: Tid) {
        let mut names = self.names.write();
        if names.get(&name) == Some(&tid) {
            names.remove(&name);
        }
    }
}
