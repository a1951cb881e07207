//! Watching targets of other nodes: a port brings the news, and a node that leaves is the end of all of them.
//!
//! A watch has a number of this node. Whoever takes it off the list tells the watcher, so that it is told once, whether the
//! target's end, the node's leaving or its own change of mind comes first.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::code::Code;
use crate::core::Core;
use crate::directory::Directory;
use crate::ending::{Ended, Parting, Reason};
use crate::fault::quietly;
use crate::id::{NodeId, Tid};
use crate::orders;
use crate::port::Watch;

/// The watches that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Abroad {
    open: BTreeMap<Watch, Vigil>,
    /// The number of the latest.
    last: u64,
}

/// Who watches whom.
#[derive(Clone, Copy, Debug)]
struct Vigil {
    watcher: Tid,
    target: Address,
}

impl Core {
    /// Has `me`, a target of this thread, told when `target` ends, or its node leaves.
    pub(super) fn watch_abroad(&self, me: Tid, target: Address) -> Result<(), Code> {
        let ports = self.directory.ports.view();
        let port = ports.to(target.node).ok_or(Code::NO_NODE)?;
        if target.tid.is_unset() {
            return Err(Code::NO_SERVICE);
        }
        let news = self.with_extra(me, |extra| !extra.ties.get_or_insert_default().abroad.contains_key(&target));
        if news != Some(true) {
            return Ok(());
        }
        // On the list first: a node that leaves from here on finds it there.
        let watch = self.directory.abroad.lock().add(Vigil { watcher: me, target });
        self.with_ties(me, |ties| ties.abroad.insert(target, watch));
        let mut watched = false;
        quietly(|| watched = port.watch(target, watch));
        if watched {
            return Ok(());
        }
        self.directory.abroad.lock().open.remove(&watch);
        self.with_ties(me, |ties| ties.abroad.remove(&target));
        Err(Code::NO_NODE)
    }

    /// Ends what [`Core::watch_abroad`] has begun.
    pub(super) fn unwatch_abroad(&self, me: Tid, target: Address) {
        let watch = self.with_ties(me, |ties| ties.abroad.remove(&target)).flatten();
        if let Some(watch) = watch {
            self.directory.drop_watch(target, watch);
        }
    }

    /// Tells a target of this thread that one of another node has ended, if it still wants to know.
    fn tell_end_abroad(&self, watch: Watch, Vigil { watcher, target }: Vigil, reason: Reason) {
        let known = self.with_ties(watcher, |ties| match ties.abroad.get(&target) {
            Some(&known) if known == watch => ties.abroad.remove(&target),
            _ => None,
        });
        if known.flatten().is_some() {
            self.tell(watcher, Ended::new(target, reason));
        }
    }
}

impl Directory {
    /// Tells who watches a target of `node` that it has ended.
    pub(crate) fn end_watch(&self, node: NodeId, watch: Watch, reason: Reason) {
        let mut abroad = self.abroad.lock();
        if abroad.open.get(&watch).is_some_and(|vigil| vigil.target.node == node)
            && let Some(vigil) = abroad.open.remove(&watch)
        {
            drop(abroad);
            self.pass_end_abroad(watch, vigil, reason);
        }
    }

    /// Tells all who watch a target of `node` that it has left.
    pub(crate) fn abandon_watches(&self, node: NodeId, why: Parting) {
        let gone: Vec<_> = self.abroad.lock().open.extract_if(.., |_, vigil| vigil.target.node == node).collect();
        for (watch, vigil) in gone {
            self.pass_end_abroad(watch, vigil, Reason::NodeLeft(why));
        }
    }

    /// Ends a watch of which nobody is to be told.
    pub(super) fn drop_watch(&self, target: Address, watch: Watch) {
        let known = self.abroad.lock().open.remove(&watch);
        if known.is_some()
            && let Some(port) = self.ports.view().to(target.node)
        {
            quietly(|| port.unwatch(target, watch));
        }
    }

    fn pass_end_abroad(&self, watch: Watch, vigil: Vigil, reason: Reason) {
        if let Some(post) = vigil.watcher.worker().and_then(|worker| self.post(worker)) {
            // With a worker that has ended its targets have, too.
            orders::command(&post, move |core| core.tell_end_abroad(watch, vigil, reason));
        }
    }
}

impl Abroad {
    fn add(&mut self, vigil: Vigil) -> Watch {
        self.last += 1;
        let watch = Watch::from_number(self.last);
        self.open.insert(watch, vigil);
        watch
    }
}
