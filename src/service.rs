//! A service: a record id of a namespace, who answers for it, which workers have observers of it, what was said last.
//!
//! All threads share it, behind a lock. What a message needs to know stands in a [`Plan`] that never changes: a thread
//! keeps the last one it has seen, and one look at the version tells it whether there is another. Observers themselves
//! live on their own threads ([`Audience`](crate::service::audience::Audience)); here they are numbers per worker, and
//! a list of changes that the worker has not heard of yet.

pub(crate) mod audience;
pub(crate) mod catalogue;
pub(crate) mod plan;
pub(crate) mod routes;

use std::fmt;

use crate::id::{Nid, RecordId, Tid};
use crate::message::Message;
use crate::record::RecordType;
use crate::service::plan::{Balance, Kind, Owner, Plan};
use crate::sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering, lock};

/// By what a service is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) nid: Nid,
    pub(crate) record: RecordId,
}

impl Key {
    /// Its place in a table of this size, a power of two.
    #[inline]
    pub(crate) const fn place(self, size: usize) -> usize {
        (self.nid.raw().rotate_left(7) ^ self.record.raw()) as usize & (size - 1)
    }
}

/// How a service was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) kind: Kind,
    /// Whether new observers get the last message.
    pub(crate) retains: bool,
}

/// A record id of a namespace, and who is attached to it.
pub(crate) struct Service {
    pub(crate) nid: Nid,
    pub(crate) record: &'static RecordType,
    pub(crate) terms: Terms,
    /// Tells it from others with its key, before and after it: a copy says which one sent it.
    pub(crate) mark: u32,
    /// Changes with everything that a worker may have to hear of.
    version: AtomicU64,
    /// Whose turn it is, for those who keep no turn of their own.
    turns: AtomicUsize,
    /// How many workers have observers.
    listening: AtomicUsize,
    /// The last number that a message to any service has got, where messages are numbered.
    numbers: Arc<AtomicU64>,
    state: Mutex<State>,
}

struct State {
    plan: Arc<Plan>,
    /// Observers per worker, those of pending changes included.
    observers: Vec<(u32, usize)>,
    /// What a worker has not heard of yet.
    changes: Vec<Change>,
    last_change: u64,
    /// The number of the last message, or that with which it was opened.
    sequence: u64,
    retained: Option<Retained>,
    /// Whether it was opened, and so stays until it is closed. Otherwise it goes with its last owner and observer.
    stays: bool,
}

/// What a worker has to do about one of its observers.
pub(crate) struct Change {
    pub(crate) id: u64,
    worker: u32,
    pub(crate) tid: Tid,
    pub(crate) what: Attendance,
    /// Whether the worker has looked for the target in vain. It begins when it is there, not before.
    late: bool,
}

/// What a worker has not heard of yet. A record may be dropped with it.
pub(crate) struct News {
    pub(crate) version: u64,
    pub(crate) plan: Arc<Plan>,
    pub(crate) changes: Vec<Change>,
    _replaced: Vec<Option<Retained>>,
}

/// Whether a target comes or goes.
pub(crate) enum Attendance {
    /// It sees what has a higher number than this, and before that what was retained.
    Begins(u64, Option<Retained>),
    Ends,
}

/// A message for those who come later.
#[derive(Clone, Debug)]
pub(crate) struct Retained(Arc<Mutex<Message<'static>>>);

/// What a closed service leaves. A record may be dropped with it.
#[must_use = "the workers are to hear of it"]
pub(crate) struct Leavings {
    /// The workers that have observers.
    pub(crate) workers: Vec<u32>,
    _changes: Vec<Change>,
    _retained: Option<Retained>,
}

/// The service was closed meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// Why a target does not become an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoOwner {
    /// This one is.
    Taken(Tid),
    /// A topic has none.
    Topic,
    Closed,
}

impl Service {
    /// All services of a node share `numbers`, and it takes one for itself: messages that the one before it with its key
    /// left on their way are older than its observers.
    pub(crate) fn new(nid: Nid, record: &'static RecordType, terms: Terms, numbers: Arc<AtomicU64>) -> Self {
        let plan = Plan { owners: Box::default(), workers: Box::default(), open: true };
        let opened = numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let state = State {
            plan: Arc::new(plan),
            observers: Vec::new(),
            changes: Vec::new(),
            last_change: 0,
            sequence: opened,
            retained: None,
            stays: false,
        };
        Self {
            nid,
            record,
            terms,
            // 2^32 messages later nothing is on its way any more.
            mark: opened as u32,
            version: AtomicU64::new(0),
            turns: AtomicUsize::new(0),
            listening: AtomicUsize::new(0),
            numbers,
            state: Mutex::new(state),
        }
    }

    pub(crate) const fn key(&self) -> Key {
        Key { nid: self.nid, record: self.record.id() }
    }

    /// Whether nothing has changed since `version`.
    #[inline]
    pub(crate) fn is_at(&self, version: u64) -> bool {
        self.version.load(Ordering::Acquire) == version
    }

    /// Whether it is offered to other nodes' mail for any node: somebody owns it, or nobody has to.
    pub(crate) fn is_offered(&self) -> bool {
        self.terms.kind == Kind::Topic || !self.plan().owners.is_empty()
    }

    /// The plan of this moment.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        lock(&self.state).plan.clone()
    }

    /// Whether anybody observes it.
    #[inline]
    pub(crate) fn is_observed(&self) -> bool {
        self.listening.load(Ordering::Acquire) > 0
    }

    /// A number for whoever keeps no turn of its own.
    pub(crate) fn turn(&self) -> usize {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes a target an owner; one that is already stays so. `load` is asked for where loads are counted.
    pub(crate) fn add_owner(&self, tid: Tid, load: impl FnOnce() -> Arc<AtomicUsize>) -> Result<(), NoOwner> {
        let mut state = lock(&self.state);
        if !state.plan.open {
            return Err(NoOwner::Closed);
        }
        let owners = &state.plan.owners;
        if owners.iter().any(|owner| owner.tid == tid) {
            return Ok(());
        }
        let load = match (self.terms.kind, owners.first()) {
            (Kind::Topic, _) => return Err(NoOwner::Topic),
            (Kind::Single, Some(owner)) => return Err(NoOwner::Taken(owner.tid)),
            (Kind::Group(Balance::FewestPending), _) => Some(load()),
            _ => None,
        };
        let owners = owners.iter().cloned().chain([Owner { tid, load }]).collect();
        self.publish(&mut state, |plan| Plan { owners, ..plan });
        Ok(())
    }

    /// Whether a target is an owner.
    pub(crate) fn has_owner(&self, tid: Tid) -> bool {
        lock(&self.state).plan.owners.iter().any(|owner| owner.tid == tid)
    }

    /// The owner, if it has one alone and nobody else is to see its messages, and the version at which that is so.
    pub(crate) fn lone_owner(&self) -> Option<(Tid, u64)> {
        let state = lock(&self.state);
        let Plan { owners, workers, open } = &*state.plan;
        let lone = *open && workers.is_empty() && !self.terms.retains && self.terms.kind == Kind::Single;
        let owner = owners.first().filter(|_| lone)?;
        Some((owner.tid, self.version.load(Ordering::Acquire)))
    }

    /// Lets go of an owner; whether it was one.
    pub(crate) fn remove_owner(&self, tid: Tid) -> bool {
        let mut state = lock(&self.state);
        let owners: Box<[Owner]> = state.plan.owners.iter().filter(|owner| owner.tid != tid).cloned().collect();
        let found = owners.len() < state.plan.owners.len();
        if found {
            self.publish(&mut state, |plan| Plan { owners, ..plan });
        }
        found
    }

    /// Has `worker` hear of a new observer; which change that is.
    pub(crate) fn add_observer(&self, worker: u32, tid: Tid) -> Result<u64, Closed> {
        let mut state = lock(&self.state);
        if !state.plan.open {
            return Err(Closed);
        }
        match state.observers.iter_mut().find(|(known, _)| *known == worker) {
            Some((_, observers)) => *observers += 1,
            None => {
                state.observers.push((worker, 1));
                self.publish_workers(&mut state);
            }
        }
        let what = Attendance::Begins(state.sequence, state.retained.clone());
        Ok(self.add_change(&mut state, worker, tid, what))
    }

    /// Has `worker` hear of an observer that goes; which change that is.
    pub(crate) fn remove_observer(&self, worker: u32, tid: Tid) -> u64 {
        self.add_change(&mut lock(&self.state), worker, tid, Attendance::Ends)
    }

    fn add_change(&self, state: &mut State, worker: u32, tid: Tid, what: Attendance) -> u64 {
        state.last_change += 1;
        let id = state.last_change;
        state.changes.push(Change { id, worker, tid, what, late: false });
        self.version.fetch_add(1, Ordering::Release);
        id
    }

    /// What `worker` has to hear of, as far as its targets are there yet, with the plan and its version.
    pub(crate) fn collect(&self, worker: u32, is_there: impl Fn(Tid) -> bool) -> News {
        let mut replaced = Vec::new();
        let mut state = lock(&self.state);
        let state = &mut *state;
        let (sequence, retained) = (state.sequence, &state.retained);
        let mine = state.changes.extract_if(.., |change| {
            if change.worker != worker {
                return false;
            }
            let there = is_there(change.tid);
            if there
                && change.late
                && let Attendance::Begins(began, last) = &mut change.what
            {
                *began = sequence;
                replaced.push(std::mem::replace(last, retained.clone()));
            }
            change.late = true;
            there
        });
        let changes = mine.collect();
        News { version: self.version.load(Ordering::Acquire), plan: state.plan.clone(), changes, _replaced: replaced }
    }

    /// Forgets a change that its worker will not do any more. It comes back: a record may be dropped with it.
    #[must_use = "a record may panic in its `Drop`: choose where"]
    pub(crate) fn cancel(&self, change: u64) -> Option<Change> {
        let mut state = lock(&self.state);
        let place = state.changes.iter().position(|known| known.id == change)?;
        let change = state.changes.remove(place);
        if matches!(change.what, Attendance::Begins(..)) {
            self.release_from(&mut state, change.worker, 1);
        }
        Some(change)
    }

    /// How many targets observe it, or are going to.
    pub(crate) fn observers(&self) -> usize {
        lock(&self.state).observers.iter().map(|&(_, observers)| observers).sum()
    }

    /// Lets go of some of a worker's observers.
    pub(crate) fn release(&self, worker: u32, observers: usize) {
        self.release_from(&mut lock(&self.state), worker, observers);
    }

    fn release_from(&self, state: &mut State, worker: u32, observers: usize) {
        let Some(place) = state.observers.iter().position(|(known, _)| *known == worker) else {
            return;
        };
        let left = &mut state.observers[place].1;
        *left = left.saturating_sub(observers);
        if *left == 0 {
            state.observers.swap_remove(place);
            self.publish_workers(state);
        }
    }

    /// Numbers a message and keeps it for those who come later. What was kept so far comes back, to be dropped.
    pub(crate) fn retain(&self, message: Option<Message<'static>>) -> (u64, Option<Retained>) {
        let message = message.map(|message| Retained(Arc::new(Mutex::new(message))));
        let mut state = lock(&self.state);
        state.sequence = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        if message.is_none() || !state.plan.open {
            return (state.sequence, message);
        }
        (state.sequence, std::mem::replace(&mut state.retained, message))
    }

    /// Keeps it until it is closed.
    pub(crate) fn keep(&self) {
        lock(&self.state).stays = true;
    }

    /// Whether nobody needs it, and it was not opened to stay.
    pub(crate) fn is_unused(&self) -> bool {
        let state = lock(&self.state);
        !state.stays && state.plan.owners.is_empty() && state.observers.is_empty()
    }

    /// Ends it.
    pub(crate) fn close(&self) -> Leavings {
        let mut state = lock(&self.state);
        let workers = state.plan.workers.to_vec();
        state.observers.clear();
        self.listening.store(0, Ordering::Release);
        self.publish(&mut state, |_| Plan { owners: Box::default(), workers: Box::default(), open: false });
        Leavings { workers, _changes: std::mem::take(&mut state.changes), _retained: state.retained.take() }
    }

    fn publish_workers(&self, state: &mut State) {
        self.listening.store(state.observers.len(), Ordering::Release);
        let workers = state.observers.iter().map(|&(worker, _)| worker).collect();
        self.publish(state, |plan| Plan { workers, ..plan });
    }

    fn publish(&self, state: &mut State, change: impl FnOnce(Plan) -> Plan) {
        let plan = &state.plan;
        let (owners, workers) = (plan.owners.clone(), plan.workers.clone());
        state.plan = Arc::new(change(Plan { owners, workers, open: plan.open }));
        self.version.fetch_add(1, Ordering::Release);
    }
}

impl Retained {
    /// Another copy. Clones the records.
    pub(crate) fn copy(&self) -> Option<Message<'static>> {
        lock(&self.0).copy()
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("nid", &self.nid).field("record", &self.record).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{NoOwner, Service, Terms};
    use crate::id::{Nid, Tid};
    use crate::record::Record;
    use crate::service::plan::{Balance, Kind};
    use crate::sync::Arc;

    fn service(kind: Kind) -> Service {
        Service::new(Nid::number(1), <()>::TYPE, Terms { kind, retains: true }, Arc::default())
    }

    const ANN: Tid = Tid::generated(1, 0, 0);
    const BEN: Tid = Tid::generated(1, 1, 0);

    #[test]
    fn a_second_owner_is_refused_but_in_a_group() {
        let single = service(Kind::Single);
        assert_eq!(single.add_owner(ANN, Arc::default), Ok(()));
        assert_eq!(single.add_owner(ANN, Arc::default), Ok(()), "expected the owner to stay one");
        assert_eq!(single.add_owner(BEN, Arc::default), Err(NoOwner::Taken(ANN)));
        let group = service(Kind::Group(Balance::RoundRobin));
        assert_eq!(group.add_owner(ANN, Arc::default), Ok(()));
        assert_eq!(group.add_owner(BEN, Arc::default), Ok(()));
        assert!(group.remove_owner(ANN) && !group.remove_owner(ANN), "expected an owner to go once");
        assert_eq!(service(Kind::Topic).add_owner(ANN, Arc::default), Err(NoOwner::Topic));
    }

    #[test]
    fn the_plan_names_a_worker_from_its_first_observer_to_its_last() {
        let topic = service(Kind::Topic);
        assert!(topic.add_observer(1, ANN).is_ok() && topic.add_observer(1, BEN).is_ok());
        assert_eq!(*topic.plan().workers, [1]);
        topic.release(1, 1);
        assert!(topic.is_observed(), "expected one observer to be left");
        topic.release(1, 1);
        assert!(topic.plan().workers.is_empty() && topic.is_unused());
    }

    #[test]
    fn a_worker_hears_of_what_has_changed_once_and_of_nobody_elses() {
        let topic = service(Kind::Topic);
        let change = topic.add_observer(1, ANN).expect("the topic is open");
        assert!(topic.is_at(topic.collect(2, |_| true).version));
        let heard = |worker, there| topic.collect(worker, |_| there).changes.len();
        assert_eq!(heard(2, true), 0);
        assert_eq!(heard(1, false), 0, "expected a target that is not there to be waited for");
        assert_eq!((heard(1, true), heard(1, true)), (1, 0));
        assert!(topic.cancel(change).is_none());
        assert!(topic.is_observed(), "expected a change that is done not to be taken back");
    }
}
