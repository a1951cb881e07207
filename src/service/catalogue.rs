//! The catalogue: all services of a node, and how much the owners of its groups have to do.
//!
//! It is asked when a thread meets a service for the first time, when something is registered, and by threads that are
//! no workers; what messages need, workers keep for themselves.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

use parking_lot::RwLock;

use crate::id::{Nid, Tid};
use crate::message::{Flags, Message};
use crate::record::RecordType;
use crate::service::{Key, Service, Terms};
use crate::sync::{Arc, AtomicU64, AtomicUsize, Ordering};

/// All services of a node.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    services: RwLock<HashMap<Key, Arc<Service>, BuildHasherDefault<KeyHasher>>>,
    /// The last number that a message has got; see [`Service::new`].
    numbers: Arc<AtomicU64>,
    /// The unanswered requests of each target that owns part of a group which counts them.
    loads: RwLock<HashMap<Tid, Arc<AtomicUsize>, BuildHasherDefault<KeyHasher>>>,
}

/// Ids are hashes already, or small numbers: one multiplication for each word spreads them.
#[derive(Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Catalogue {
    /// The service with this key.
    pub(crate) fn find(&self, key: Key) -> Option<Arc<Service>> {
        self.services.read().get(&key).cloned()
    }

    /// Has `change` look at the service with this key, which is opened with `terms` if there is none. It does not go
    /// meanwhile.
    pub(crate) fn with_or_open<R>(
        &self,
        (nid, record): (Nid, &'static RecordType),
        terms: Terms,
        change: impl FnOnce(&Arc<Service>) -> R,
    ) -> R {
        let mut services = self.services.write();
        let service = match services.entry(Key { nid, record: record.id() }) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(Arc::new(Service::new(nid, record, terms, self.numbers.clone()))),
        };
        change(service)
    }

    /// Has `change` look at the service with this key; it does not go meanwhile.
    pub(crate) fn with<R>(&self, key: Key, change: impl FnOnce(&Arc<Service>) -> R) -> Option<R> {
        self.services.read().get(&key).map(change)
    }

    /// All services, in no particular order.
    pub(crate) fn all(&self) -> Vec<Arc<Service>> {
        self.services.read().values().cloned().collect()
    }

    /// Takes a service out, to be closed, if it is to `leave`.
    pub(crate) fn take(&self, key: Key, leave: impl FnOnce(&Arc<Service>) -> bool) -> Option<Arc<Service>> {
        let mut services = self.services.write();
        if !services.get(&key).is_some_and(leave) {
            return None;
        }
        services.remove(&key)
    }

    /// Takes all services out, to be closed, that are to `leave`.
    pub(crate) fn take_all(&self, leave: impl Fn(Nid) -> bool) -> Vec<Arc<Service>> {
        self.services.write().extract_if(|key, _| leave(key.nid)).map(|(_, service)| service).collect()
    }

    /// Where the unanswered requests of a target are counted.
    pub(crate) fn load(&self, tid: Tid) -> Arc<AtomicUsize> {
        self.loads.write().entry(tid).or_default().clone()
    }

    /// Nobody counts the requests of a target that has gone.
    pub(crate) fn forget_load(&self, tid: Tid) {
        self.loads.write().remove(&tid);
    }

    /// A request that was given to an owner of a group is not its owner's any more.
    #[cold]
    pub(crate) fn unload(&self, message: &mut Message<'_>) {
        if message.flags.contains(Flags::LOADED) {
            message.flags -= Flags::LOADED;
            if let Some(load) = self.loads.read().get(&message.tid) {
                load.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}
