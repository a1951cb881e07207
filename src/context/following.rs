//! How a handler has its target told of others: watching and monitoring.

use crate::address::Address;
use crate::code::Code;
use crate::context::Context;
use crate::monitor::{Filter, Monitor};

impl Context<'_> {
    /// Has this target told when `target` ends: a notification [`Ended`](crate::Ended) with the reason, exactly once,
    /// behind the mail that waits. If nobody is there (any more) it is told so at once.
    ///
    /// Watching twice is watching once, a restart is no end, and a target that is restarted goes on watching and being
    /// watched; what it is told while it is to come back waits for it. Who watches itself is told nothing. The end of a
    /// target on another thread is told when that thread gets to it. Neither the notification nor what brings it is
    /// refused for lack of room; there are as many as targets that are watched.
    ///
    /// A target of another node is watched in the same way, until that node leaves: then its watchers are told
    /// [`Reason::NodeLeft`](crate::Reason::NodeLeft), since nobody here knows whether the target goes on. They may watch it again
    /// when the node has joined again. The node may refuse ([`Reason::Refused`](crate::Reason::Refused)). Each address of a target
    /// counts for itself there: who watches it by its name and by its id is told twice.
    ///
    /// Costs an entry on either side, and a hand-off for the target of another thread; for one of another node a message there
    /// and one back, and a target that stands in for the watcher.
    ///
    /// ```
    /// use rohrpost::{Address, Context, Ended, Failure, Handle, Started, handles};
    ///
    /// struct Keeper {
    ///     ward: Address,
    /// }
    ///
    /// impl Started for Keeper {
    ///     fn started(&mut self, ctx: &mut Context<'_>) {
    ///         // It fails only for what no target of this node can be.
    ///         let _ = ctx.watch(self.ward);
    ///     }
    /// }
    ///
    /// impl Handle<Ended> for Keeper {
    ///     fn handle(&mut self, ended: &Ended, ctx: &mut Context<'_>) -> Result<(), Failure> {
    ///         assert_eq!(ended.address, self.ward);
    ///         // `ended.reason` says why
    ///         ctx.stop();
    ///         Ok(())
    ///     }
    /// }
    /// handles!(Keeper: Ended; hooks started);
    /// ```
    ///
    /// # Errors
    ///
    /// [`Code::NO_NODE`] for a node that is not reached, or not by a port that can watch; [`Code::NO_SERVICE`] for an
    /// address without a target, [`Code::STOPPED`] on a thread that is closing.
    pub fn watch(&self, target: Address) -> Result<(), Code> {
        self.core.watch(self.me, target.completed_from(self.address()))
    }

    /// Ends what [`watch`](Self::watch) has begun. What is told already still arrives.
    pub fn unwatch(&self, target: Address) {
        self.core.unwatch(self.me, target.completed_from(self.address()));
    }

    /// Has this target told who comes and goes: a notification [`Change`](crate::Change) for each target, namespace,
    /// service, owner and observer that is there and that `filter` lets through, then
    /// [`Event::Complete`](crate::Event::Complete), then one for every change, none missed and none twice. The events of
    /// one target, and those of namespaces and services, are told in the order in which they happened.
    ///
    /// The monitor ends with this target, not with a restart. It begins to be told when this handler has returned. Every
    /// thread of the node adds its part, because whoever lives there may observe what matches: one whose handler does
    /// not return, or that is driven and not run, keeps `Complete` and what comes after it waiting.
    ///
    /// Nothing of this is refused for lack of room. There is one message for each target that is there, and as many
    /// changes wait as happen while this thread is busy. While they fill its hand-off, other mail for the thread comes
    /// back with [`Code::BUSY`].
    ///
    /// Costs: each change that is told one order through the hand-off of this thread; each registration that is not, a
    /// look-up however many monitors there are; nothing in a namespace that the filter leaves out.
    ///
    /// ```
    /// use std::collections::BTreeSet;
    /// use rohrpost::{Address, Change, Context, Event, Failure, Filter, Handle, Started, handles};
    ///
    /// /// Knows who is there.
    /// #[derive(Default)]
    /// struct Register {
    ///     present: BTreeSet<Address>,
    /// }
    ///
    /// impl Started for Register {
    ///     fn started(&mut self, ctx: &mut Context<'_>) {
    ///         // It fails only when the kernel stops.
    ///         let _ = ctx.monitor(Filter::new());
    ///     }
    /// }
    ///
    /// impl Handle<Change> for Register {
    ///     fn handle(&mut self, change: &Change, _ctx: &mut Context<'_>) -> Result<(), Failure> {
    ///         match change.event {
    ///             Event::Registered { target, .. } => assert!(self.present.insert(target)),
    ///             Event::Deregistered { target, .. } => assert!(self.present.remove(&target)),
    ///             _ => {}
    ///         }
    ///         Ok(())
    ///     }
    /// }
    /// handles!(Register: Change; hooks started);
    /// ```
    ///
    /// # Errors
    ///
    /// [`Code::STOPPED`] on a thread that is closing or a kernel that stops, [`Code::NO_NODE`] for what happens on another
    /// node.
    pub fn monitor(&self, filter: Filter) -> Result<Monitor, Code> {
        if self.core.is_closing() {
            return Err(Code::STOPPED);
        }
        self.core.directory.monitor(filter, self.address())
    }

    /// Ends a monitor. What is told already still arrives; one of another thread is told until that thread gets to it.
    pub fn unmonitor(&self, monitor: Monitor) {
        self.core.unmonitor(monitor);
    }
}
