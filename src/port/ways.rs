//! [`Ways`]: to whom mail from outside went before, so that the next of its kind is not asked for its way.

use crate::directory::Directory;
use crate::id::Tid;
use crate::message::Message;
use crate::post::Post;
use crate::service::{Key, Service};
use crate::sync::Arc;

/// How many are remembered, a power of two.
const MANY: usize = 16;

/// The ways to services that have one owner, whom nobody observes.
#[derive(Debug, Default)]
pub(crate) struct Ways([Option<Way>; MANY]);

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
    /// The owner of the service that a message is for, completed and of this node, and its worker.
    pub(super) fn find(&mut self, message: &Message<'_>, directory: &Directory) -> Option<(Tid, &Post)> {
        if !message.tid.is_unset() {
            return None;
        }
        let key = Key { nid: message.nid, record: message.kind().id() };
        let place = &mut self.0[key.place(MANY)];
        if !place.as_ref().is_some_and(|way| way.leads_to(key)) {
            *place = Way::look_up(key, directory);
        }
        place.as_ref().map(|way| (way.owner, &*way.post))
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
