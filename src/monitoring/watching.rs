//! Watching: a target is told when another ends.
//!
//! Each side keeps its end on its own thread: the watched target who watches it, the watcher whom it watches. What
//! passes between the threads are orders. The watcher is told by its own thread, and only while it still watches, so
//! that it is told once whatever has crossed on the way.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::body::Body;
use crate::code::Code;
use crate::core::Core;
use crate::counters::Count;
use crate::ending::{Ended, Reason};
use crate::id::Tid;
use crate::message::{Flags, Message, Sender};
use crate::orders;
use crate::port::Watch;
use crate::post::Mail;
use crate::record::Record;

/// Whom a target watches, and who watches it.
#[derive(Default)]
pub(crate) struct Ties {
    /// Whom it watches, as it named them.
    watched: BTreeMap<Tid, Address>,
    watchers: BTreeSet<Tid>,
    /// Whom it watches on other nodes.
    pub(super) abroad: BTreeMap<Address, Watch>,
}

impl Core {
    /// Tells a target of this thread something, behind the mail that waits for it: never refused for lack of room.
    ///
    /// Who closes is told nothing more.
    pub(crate) fn tell<R: Record>(&self, to: Tid, record: R) {
        if self.is_closing() {
            return;
        }
        let mut message = Message::new(self.address(to), Body::new(record), Flags::empty(), Sender::Outside(None));
        self.count(Count::Sent);
        if self.join_queue(to) {
            message.flags |= Flags::TOLD;
            return self.line_up(|| Mail::Message(message));
        }
        message.code = Code::NO_TARGET;
        self.send_back(&mut message);
    }

    /// Has `me`, a target of this thread, told when `target` ends.
    pub(crate) fn watch(&self, me: Tid, target: Address) -> Result<(), Code> {
        if self.is_closing() {
            return Err(Code::STOPPED);
        }
        if target.node != self.node {
            return self.watch_abroad(me, target);
        }
        if target.tid.is_unset() {
            return Err(Code::NO_SERVICE);
        }
        let Ok((watched, post)) = self.directory.route(target) else {
            self.tell(me, Ended::new(target, Reason::Gone));
            return Ok(());
        };
        let news = self.with_extra(me, |extra| {
            let watching = &mut extra.ties.get_or_insert_default().watched;
            let news = !watching.contains_key(&watched);
            watching.entry(watched).or_insert(target);
            news
        });
        if news != Some(true) {
            return Ok(());
        }
        if post.worker == self.post.worker {
            self.admit_watcher(watched, me);
        } else if !orders::command(&post, move |core| core.admit_watcher(watched, me)) {
            self.tell_end(me, watched, Reason::Gone);
        }
        Ok(())
    }

    /// Ends what [`Core::watch`] has begun.
    pub(crate) fn unwatch(&self, me: Tid, target: Address) {
        if target.node != self.node {
            return self.unwatch_abroad(me, target);
        }
        let route = self.directory.route(target).ok();
        let watched = self.with_ties(me, |ties| {
            let known = route.and_then(|(tid, _)| ties.watched.remove(&tid).map(|_| tid));
            // A name may belong to somebody else by now, or to nobody.
            known.or_else(|| {
                let named = ties.watched.iter().find(|&(_, &named)| named == target).map(|(&tid, _)| tid)?;
                ties.watched.remove(&named).map(|_| named)
            })
        });
        if let Some(watched) = watched.flatten() {
            self.dismiss_watcher(watched, me);
        }
    }

    /// Undoes the ties of a target that has ended, and tells those who watched it.
    pub(crate) fn untie(&self, tid: Tid, ties: Ties, reason: &Reason) {
        for (target, watch) in ties.abroad {
            self.directory.drop_watch(target, watch);
        }
        for &watched in ties.watched.keys().filter(|&&watched| watched != tid) {
            self.dismiss_watcher(watched, tid);
        }
        for watcher in ties.watchers.into_iter().filter(|&watcher| watcher != tid) {
            self.pass_end(watcher, tid, reason.clone());
        }
    }

    /// `watched` is a target of this thread, or was.
    fn admit_watcher(&self, watched: Tid, watcher: Tid) {
        let there = self.with_extra(watched, |extra| extra.ties.get_or_insert_default().watchers.insert(watcher));
        if there.is_none() {
            self.pass_end(watcher, watched, Reason::Gone);
        }
    }

    fn dismiss_watcher(&self, watched: Tid, watcher: Tid) {
        self.on_thread_of(watched, move |core| {
            core.with_ties(watched, |ties| ties.watchers.remove(&watcher));
        });
    }

    fn pass_end(&self, watcher: Tid, watched: Tid, reason: Reason) {
        self.on_thread_of(watcher, move |core| core.tell_end(watcher, watched, reason));
    }

    /// Tells a target of this thread that `watched` has ended, if it still wants to know.
    fn tell_end(&self, watcher: Tid, watched: Tid, reason: Reason) {
        let named = self.with_ties(watcher, |ties| ties.watched.remove(&watched)).flatten();
        if let Some(named) = named {
            self.tell(watcher, Ended::new(named, reason));
        }
    }

    /// Has `order` done where `tid` lives, if there still is such a thread.
    fn on_thread_of(&self, tid: Tid, order: impl FnOnce(&Self) + Send + 'static) {
        if tid.worker() == Some(self.post.worker) {
            return order(self);
        }
        if let Some(post) = tid.worker().and_then(|worker| self.directory.post(worker)) {
            // A worker that has ended has let go of its targets, and told everybody.
            orders::command(&post, order);
        }
    }

    /// The ties of a target that has any.
    pub(super) fn with_ties<R>(&self, tid: Tid, look: impl FnOnce(&mut Ties) -> R) -> Option<R> {
        self.slots.with(|slots| Some(look(slots.find(tid)?.extra.as_mut()?.ties.as_mut()?)))
    }
}
