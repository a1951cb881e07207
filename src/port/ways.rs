//! [`Ways`]: to whom mail from outside went before, so that the next of its kind is not asked for its way.

use crate::directory::Directory;
use crate::id::{Nid, RecordId, Tid};
use crate::post::Post;
use crate::service::{Key, Service};
use crate::sync::Arc;

/// How many of each kind are remembered, a power of two.
const MANY: usize = 16;

/// The ways to services that have one owner, whom nobody observes, and to the workers of targets.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    services: [Option<Way>; MANY],
    workers: [Option<Arc<Post>>; MANY],
}

#[derive(Debug)]
struct Way {
    key: Key,
    service: Arc<Service>,
    /// That of the service when it was found.
    version: u64,
    owner: Tid,
    post: Arc<Post>,
}

impl Ways {
    /// The target to which a message with this record goes, of the address of a service or of a generated one, and its
    /// worker.
    pub(crate) fn find(&mut self, to: (Tid, Nid), record: RecordId, directory: &Directory) -> Option<(Tid, &Post)> {
        let (tid, nid) = to;
        if tid.is_unset() { self.owner(Key { nid, record }, directory) } else { self.target(tid, nid, directory) }
    }

    fn owner(&mut self, key: Key, directory: &Directory) -> Option<(Tid, &Post)> {
        let place = &mut self.services[key.place(MANY)];
        if !place.as_ref().is_some_and(|way| way.leads_to(key)) {
            *place = Way::look_up(key, directory);
        }
        place.as_ref().map(|way| (way.owner, &*way.post))
    }

    fn target(&mut self, tid: Tid, nid: Nid, directory: &Directory) -> Option<(Tid, &Post)> {
        let worker = tid.worker()?;
        let leads_there = |post: &Arc<Post>| post.worker == worker && post.nid == nid && !post.is_closing();
        let place = &mut self.workers[worker as usize & (MANY - 1)];
        if !place.as_ref().is_some_and(leads_there) {
            *place = directory.post(worker).filter(leads_there);
        }
        place.as_ref().map(|post| (tid, &**post))
    }
}

impl Way {
    fn leads_to(&self, key: Key) -> bool {
        self.key == key && self.service.is_at(self.version) && !self.post.is_closing()
    }

    fn look_up(key: Key, directory: &Directory) -> Option<Self> {
        let service = directory.catalogue.find(key)?;
        let (owner, version) = service.lone_owner()?;
        let post = directory.post(owner.worker()?).filter(|post| post.nid == key.nid && !post.is_closing())?;
        Some(Self { key, service, version, owner, post })
    }
}
