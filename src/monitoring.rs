//! How monitors are kept: by no lock that a registration would take.
//!
//! The directory lists them and knows namespaces and services; each worker knows its own targets. Whoever starts a monitor has
//! the directory for itself meanwhile, and orders every worker to *attach* it: to send what it has in one part and,
//! from then on, every change. Namespaces that are opened later begin with the monitors there are. The thread of the
//! monitor's target puts the parts first and keeps changes back until the last part is there.
//!
//! What one worker sends keeps its order, because it goes through one hand-off; so do namespaces and services, because
//! the monitors are locked while they change and are told. Each target is its worker's alone, so nobody is told of
//! twice.

pub(crate) mod abroad;
pub(crate) mod marks;
pub(crate) mod reporting;
pub(crate) mod watching;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::Address;
use crate::code::Code;
use crate::core::Core;
use crate::directory::Directory;
use crate::directory::space::Space;
use crate::ending::Parting;
use crate::id::{NodeId, Tid};
use crate::monitor::{Change, Event, Filter, Monitor};
use crate::monitoring::marks::Marks;
use crate::orders;
use crate::post::Post;
use crate::waking::WakeLater;

/// A monitor, as those know it who tell it.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    monitor: Monitor,
    filter: Filter,
    /// Where its target lives.
    post: Arc<Post>,
}

/// The monitors of a kernel.
#[derive(Debug, Default)]
pub(crate) struct Monitors {
    known: Vec<Subscription>,
    /// The number of the latest.
    last: u64,
    /// The other nodes that are there.
    nodes: BTreeSet<NodeId>,
}

/// The monitors that one worker knows.
#[derive(Default)]
pub(crate) struct Monitoring {
    attached: RefCell<Attached>,
    /// Those of this worker's targets.
    own: RefCell<BTreeMap<Monitor, Assembly>>,
}

/// The monitors that are told of one worker's targets. Of their filters only the target is left to be compared: by a
/// look-up, however many there are (`benches/dispatch.rs`, group `create and drop a target`).
#[derive(Default)]
struct Attached {
    of_all: Vec<Subscription>,
    of_one: BTreeMap<Tid, Vec<Subscription>>,
    /// Those ids, so that a target of which nobody is told is not looked up.
    marks: Marks,
    /// All of them, which may be told of observers here.
    all: Vec<Subscription>,
}

/// What a monitor's target has still to be told.
struct Assembly {
    target: Tid,
    /// Workers whose part of the snapshot has not come.
    missing: usize,
    /// Changes that came before the last part.
    early: Vec<Event>,
}

/// What a worker sends to a monitor's thread.
enum Piece {
    /// What was there.
    Part(Vec<Event>),
    Change(Event),
}

/// What a monitor's target is to be told now.
enum Due {
    Nothing,
    Change(Event),
    /// A part, and, if it was the last, the changes that came before it.
    Part(Vec<Event>, Option<Vec<Event>>),
}

/// Whether a worker that attaches a monitor is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Wanted,
    /// It begins with the monitor, so it has nothing to tell yet.
    None,
}

impl Directory {
    /// Has a target told of everything that `filter` lets through.
    pub(crate) fn monitor(&self, filter: Filter, target: Address) -> Result<Monitor, Code> {
        if filter.is_elsewhere(self.node) {
            return Err(Code::NO_NODE);
        }
        let (tid, post) = self.route(target)?;
        let _later = WakeLater::new();
        let spaces = self.spaces.write();
        if self.is_stopping() {
            return Err(Code::STOPPED);
        }
        let mut monitors = self.monitors.lock();
        monitors.last += 1;
        let subscription = Subscription { monitor: Monitor(monitors.last), filter, post };
        let mut there: Vec<&Arc<Space>> = spaces.values().collect();
        there.sort_unstable_by_key(|space| space.nid);
        let events = there.iter().map(|space| Event::NamespaceOpened { namespace: self.address_of(space.nid) });
        let nodes = monitors.nodes.iter().map(|&node| Event::NodeJoined { node });
        let events = events.chain(self.events_of_services()).chain(nodes);
        let events = events.filter(|event| filter.matches(event)).collect();
        // Whoever lives anywhere may observe what matches.
        let asked: Vec<&Arc<Post>> = there.iter().flat_map(|space| &space.posts).collect();
        let (monitor, missing) = (subscription.monitor, asked.len());
        if !orders::command(&subscription.post, move |core| core.begin_monitor(monitor, tid, events, missing)) {
            return Err(Code::STOPPED);
        }
        for post in asked {
            subscription.attach_to(post, Part::Wanted);
        }
        monitors.known.push(subscription);
        Ok(monitor)
    }

    /// Ends a monitor.
    pub(crate) fn unmonitor(&self, monitor: Monitor) {
        let _later = WakeLater::new();
        let spaces = self.spaces.read();
        let mut monitors = self.monitors.lock();
        let Some(index) = monitors.known.iter().position(|known| known.monitor == monitor) else {
            return;
        };
        let ended = monitors.known.swap_remove(index);
        orders::command(&ended.post, move |core| core.end_monitor(monitor));
        for post in spaces.values().flat_map(|space| &space.posts) {
            orders::command(post, move |core| core.detach(monitor));
        }
    }

    /// Tells that a namespace is open, and has its workers, which have nobody yet, know the monitors. The caller has the
    /// spaces locked, and wakes later.
    pub(crate) fn tell_opened(&self, space: &Space) {
        let namespace = self.address_of(space.nid);
        let monitors = self.monitors.lock();
        monitors.tell(&Event::NamespaceOpened { namespace });
        for known in &monitors.known {
            space.posts.iter().for_each(|post| known.attach_to(post, Part::None));
        }
    }

    /// Tells that another node is there.
    pub(crate) fn tell_joined(&self, node: NodeId) {
        let _later = WakeLater::new();
        let mut monitors = self.monitors.lock();
        if monitors.nodes.insert(node) {
            monitors.tell(&Event::NodeJoined { node });
        }
    }

    /// Tells that another node is not there any more.
    pub(crate) fn tell_left(&self, node: NodeId, reason: Parting) {
        let _later = WakeLater::new();
        let mut monitors = self.monitors.lock();
        if monitors.nodes.remove(&node) {
            monitors.tell(&Event::NodeLeft { node, reason });
        }
    }

    /// Tells that a namespace takes no more mail. The caller has the spaces locked, and wakes later.
    pub(crate) fn tell_closed(&self, space: &Space) {
        self.monitors.lock().tell(&Event::NamespaceClosed { namespace: self.address_of(space.nid) });
    }
}

impl Monitors {
    /// Tells all monitors of a change that no single worker makes, and that the caller makes while it has them locked:
    /// so no monitor starts between the change and its telling, and changes are told in the order in which they happen.
    pub(crate) fn tell(&self, event: &Event) {
        for known in self.known.iter().filter(|known| known.filter.matches(event)) {
            known.send(Piece::Change(event.clone()));
        }
    }
}

impl Subscription {
    /// Has a worker tell this monitor of its targets.
    fn attach_to(&self, post: &Post, part: Part) {
        let attached = self.clone();
        if !orders::command(post, move |core| core.attach(attached, part)) && part == Part::Wanted {
            self.send(Piece::Part(Vec::new()));
        }
    }

    /// Sends a piece to the thread of the monitor's target, wherever that is.
    fn send(&self, piece: Piece) {
        let monitor = self.monitor;
        // If that thread has ended the monitor has, too.
        orders::command(&self.post, move |core| core.assemble(monitor, piece));
    }
}

impl Attached {
    /// Adds one that is told of the targets of the namespace `home` as its filter says.
    fn add(&mut self, subscription: Subscription, home: Address) {
        let filter = subscription.filter;
        if filter.is_about_targets() && filter.reaches(home) {
            let list = match filter.of_one() {
                Some(target) => self.of_one.entry(target).or_default(),
                None => &mut self.of_all,
            };
            list.push(subscription.clone());
            if let Some(target) = filter.of_one() {
                self.marks.add(target, self.of_one.keys().copied());
            }
        }
        self.all.push(subscription);
    }

    fn remove(&mut self, monitor: Monitor) {
        self.all.retain(|known| known.monitor != monitor);
        self.of_all.retain(|known| known.monitor != monitor);
        self.of_one.retain(|_, list| {
            list.retain(|known| known.monitor != monitor);
            !list.is_empty()
        });
        self.marks = Marks::of(self.of_one.keys().copied());
    }

    /// Whether any of them is told of the target with this id and this name.
    #[inline]
    fn any(&self, tid: Tid, name: Option<Tid>) -> bool {
        !self.of_all.is_empty() || !self.of_one.is_empty() && self.any_of_one(tid, name)
    }

    /// Not part of the path of those whom nobody monitors.
    #[inline(never)]
    fn any_of_one(&self, tid: Tid, name: Option<Tid>) -> bool {
        let marked = self.marks.may_have(tid) || name.is_some_and(|name| self.marks.may_have(name));
        marked && self.all_of_one(tid, name).next().is_some()
    }

    fn told_of(&self, tid: Tid, name: Option<Tid>) -> impl Iterator<Item = &Subscription> {
        self.of_all.iter().chain(self.all_of_one(tid, name))
    }

    fn all_of_one(&self, tid: Tid, name: Option<Tid>) -> impl Iterator<Item = &Subscription> {
        [Some(tid), name].into_iter().flatten().filter_map(|id| self.of_one.get(&id)).flatten()
    }
}

impl Monitoring {
    /// Takes a piece in; whom to tell what of it now. `None` if the monitor has ended.
    fn due(&self, monitor: Monitor, piece: Piece) -> Option<(Tid, Due)> {
        let mut own = self.own.borrow_mut();
        let assembly = own.get_mut(&monitor)?;
        let due = match piece {
            Piece::Change(event) if assembly.missing > 0 => {
                assembly.early.push(event);
                Due::Nothing
            }
            Piece::Change(event) => Due::Change(event),
            Piece::Part(events) => {
                assembly.missing -= 1;
                let last = assembly.missing == 0;
                Due::Part(events, last.then(|| std::mem::take(&mut assembly.early)))
            }
        };
        Some((assembly.target, due))
    }
}

impl Core {
    /// Begins to tell a monitor of this thread's targets.
    fn attach(&self, subscription: Subscription, part: Part) {
        if part == Part::Wanted {
            let mut there = self.events_of_residents();
            there.extend(self.events_of_observers());
            there.retain(|event| subscription.filter.matches(event));
            self.pass(&subscription, Piece::Part(there));
        }
        let home = self.directory.address_of(self.nid);
        self.monitoring.attached.borrow_mut().add(subscription, home);
    }

    fn detach(&self, monitor: Monitor) {
        self.monitoring.attached.borrow_mut().remove(monitor);
    }

    /// Tells the monitors that are attached of what has happened to a target of this thread: `event` says what, of its
    /// address and that by its name.
    #[inline]
    pub(crate) fn report(&self, tid: Tid, name: Option<Tid>, event: impl FnOnce(Address, Option<Address>) -> Event) {
        if self.monitoring.attached.borrow().any(tid, name) {
            self.report_now(tid, name, &event(self.address(tid), self.named(name)));
        }
    }

    #[cold]
    fn report_now(&self, tid: Tid, name: Option<Tid>, event: &Event) {
        for known in self.monitoring.attached.borrow().told_of(tid, name) {
            self.pass(known, Piece::Change(event.clone()));
        }
    }

    /// Whether anybody may be told of what is not a target.
    pub(crate) fn is_monitored(&self) -> bool {
        !self.monitoring.attached.borrow().all.is_empty()
    }

    /// Tells the monitors that are attached of something that has happened on this thread, but not to a target.
    #[cold]
    pub(crate) fn report_event(&self, event: &Event) {
        for known in self.monitoring.attached.borrow().all.iter().filter(|known| known.filter.matches(event)) {
            self.pass(known, Piece::Change(event.clone()));
        }
    }

    /// Passes a piece on: on the monitor's own thread without a detour.
    fn pass(&self, to: &Subscription, piece: Piece) {
        if to.post.worker == self.post.worker {
            return self.assemble(to.monitor, piece);
        }
        to.send(piece);
    }

    /// All targets of this thread, as if they came now.
    fn events_of_residents(&self) -> Vec<Event> {
        self.residents().into_iter().map(|(target, name)| Event::Registered { target, name }).collect()
    }

    /// All targets of this thread: their addresses, and those by their names.
    pub(crate) fn residents(&self) -> Vec<(Address, Option<Address>)> {
        self.slots.with(|slots| {
            let there = slots.residents();
            there.map(|(tid, extra)| (self.address(tid), self.named(extra.and_then(|extra| extra.name)))).collect()
        })
    }

    /// The address of a target of this thread by its name.
    fn named(&self, name: Option<Tid>) -> Option<Address> {
        name.map(|name| self.address(name))
    }

    /// Begins a monitor of a target of this thread. It ends with its target.
    fn begin_monitor(&self, monitor: Monitor, target: Tid, there: Vec<Event>, missing: usize) {
        let begun = self.with_extra(target, |extra| extra.monitors.push(monitor));
        if begun.is_none() {
            return self.directory.unmonitor(monitor);
        }
        let assembly = Assembly { target, missing: missing + 1, early: Vec::new() };
        self.monitoring.own.borrow_mut().insert(monitor, assembly);
        self.assemble(monitor, Piece::Part(there));
    }

    /// Ends a monitor; one of this thread's targets at once.
    pub(crate) fn unmonitor(&self, monitor: Monitor) {
        self.end_monitor(monitor);
        self.directory.unmonitor(monitor);
    }

    /// Lets go of a monitor of a target of this thread.
    fn end_monitor(&self, monitor: Monitor) {
        let ended = self.monitoring.own.borrow_mut().remove(&monitor);
        if let Some(ended) = ended {
            self.with_extra(ended.target, |extra| extra.monitors.retain(|&known| known != monitor));
        }
    }

    /// Tells a monitor of this thread what has come, or keeps it until its turn.
    fn assemble(&self, monitor: Monitor, piece: Piece) {
        let Some((target, due)) = self.monitoring.due(monitor, piece) else {
            return;
        };
        let tell = |event, snapshot| self.tell(target, Change { monitor, event, snapshot });
        match due {
            Due::Nothing => {}
            Due::Change(event) => tell(event, false),
            Due::Part(events, rest) => {
                events.into_iter().for_each(|event| tell(event, true));
                let Some(early) = rest else {
                    return;
                };
                tell(Event::Complete, true);
                early.into_iter().for_each(|event| tell(event, false));
            }
        }
    }
}
