//! The directory of a node: its namespaces, its workers, and who waits on a plain thread.

mod mail;
pub(crate) mod space;

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crossbeam_utils::CachePadded;
use parking_lot::{Mutex, RwLock};

use crate::address::Address;
use crate::clock::Clock;
use crate::code::Code;
use crate::counters::{Counters, Tally};
use crate::directory::space::Space;
use crate::id::{Nid, NodeId, Tid};
use crate::monitoring::Monitors;
use crate::monitoring::abroad::Abroad;
use crate::muster::Muster;
use crate::port::Ports;
use crate::post::Post;
use crate::record::Record;
use crate::reply::Reply;
use crate::service::catalogue::Catalogue;
use crate::service::plan::Kind;
use crate::service::{Service, Terms};
use crate::serving::dead_letter::DeadLetter;
use crate::sync::{AtomicBool, Ordering};
use crate::waking::WakeLater;

/// What all threads of a node share. Each message that is held is counted beside it, in a cache line of its own.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Directory {
    pub(crate) node: NodeId,
    pub(crate) clock: Arc<dyn Clock>,
    /// Set for good when the kernel stops.
    stopping: AtomicBool,
    /// Seat `n` is that of worker `n + 1`.
    seats: RwLock<Vec<Seat>>,
    pub(crate) spaces: RwLock<HashMap<Nid, Arc<Space>>>,
    /// Locked by who makes a change that they are told of, and wakes later ([`WakeLater`]). Whoever needs `spaces`, too,
    /// locks those first.
    pub(crate) monitors: Mutex<Monitors>,
    /// The targets of other nodes that are watched from here.
    pub(crate) abroad: Mutex<Abroad>,
    pub(crate) catalogue: Catalogue,
    /// The ways to other nodes.
    pub(crate) ports: Ports,
    /// The topic of messages that failed and had nobody to come back to.
    pub(crate) dead_letters: Arc<Service>,
    /// Namespaces that have closed, while their workers may still be there; a stop waits for them, too, and names whoever
    /// is left.
    departing: Mutex<Vec<Arc<Space>>>,
    /// The counters of all threads that are not workers: no line of it is read by those.
    pub(crate) outside: CachePadded<Tally>,
    /// The counters of workers that have ended.
    retired: Mutex<Counters>,
    /// Askers that sleep, or wait as futures; `None` when the kernel has stopped.
    askers: Mutex<Option<Vec<Waiting>>>,
    /// Where new workers wait for the one thread that runs them all, if there is such a thread.
    pub(crate) muster: Option<Muster>,
}

/// A reply slot and the round in which it waits.
type Waiting = (Weak<Reply>, u64);

/// A worker's number and who has it.
#[derive(Debug)]
struct Seat {
    post: Option<Arc<Post>>,
    /// The generation with which the next worker begins; `None` when the number is used up.
    base: Option<u32>,
}

/// All 65,535 numbers of workers are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSeat;

impl Directory {
    /// The namespace of the kernel's own services.
    pub(crate) const SYSTEM: Nid = Nid::name("SYSTEM");
    /// The namespace of what carries mail to other nodes. It ends after all others, so that their returns get there.
    pub(crate) const TRANSPORT: Nid = Nid::name("TRANSPORT");

    pub(crate) fn new(node: NodeId, clock: Arc<dyn Clock>) -> Self {
        let system = Arc::new(Space::new(Self::SYSTEM, Vec::new()));
        // Beside a name of the program's with the same hash it prints as a number.
        let _ = DeadLetter::TYPE.remember();
        let catalogue = Catalogue::default();
        let terms = Terms { kind: Kind::Topic, retains: false };
        let dead_letters = catalogue.with_or_open((Self::SYSTEM, DeadLetter::TYPE), terms, |service| {
            service.keep();
            service.clone()
        });
        Self {
            node,
            clock,
            stopping: AtomicBool::new(false),
            seats: RwLock::default(),
            spaces: RwLock::new(HashMap::from([(Self::SYSTEM, system)])),
            monitors: Mutex::default(),
            abroad: Mutex::default(),
            catalogue,
            ports: Ports::default(),
            dead_letters,
            departing: Mutex::default(),
            outside: CachePadded::default(),
            retired: Mutex::default(),
            askers: Mutex::new(Some(Vec::new())),
            muster: None,
        }
    }

    /// The same for a kernel whose workers have no threads of their own: one thread runs them all.
    pub(crate) fn mustering(self) -> Self {
        Self { muster: Some(Muster::default()), ..self }
    }

    /// An address in which everything but the node is missing.
    pub(crate) fn home(&self) -> Address {
        Address::target(Tid::UNSET).on_node(self.node)
    }

    /// Takes no more mail from outside, and forgets all namespaces but that of the ports: those that end now, and those
    /// that still do.
    pub(crate) fn close_all(&self) -> Vec<Arc<Space>> {
        let mut spaces = self.spaces.write();
        self.stopping.store(true, Ordering::SeqCst);
        self.let_depart(spaces.extract_if(|&nid, _| nid != Self::TRANSPORT).map(|(_, space)| space));
        self.departing(|nid| nid != Self::TRANSPORT)
    }

    /// The same for that of the ports, once nobody else is there and they have sent off what they had.
    pub(crate) fn close_ports(&self) -> Vec<Arc<Space>> {
        self.detach_all();
        let mut spaces = self.spaces.write();
        self.let_depart(spaces.remove(&Self::TRANSPORT));
        self.departing(|nid| nid == Self::TRANSPORT)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Gives a new worker a number, and `make` makes its post from number and first generation.
    pub(crate) fn seat(&self, make: impl FnOnce(u32, u32) -> Arc<Post>) -> Result<Arc<Post>, NoSeat> {
        let mut seats = self.seats.write();
        let free = seats.iter().position(|seat| seat.post.is_none() && seat.base.is_some());
        let index = free.unwrap_or(seats.len());
        if index + 1 >= Tid::WORKERS as usize {
            return Err(NoSeat);
        }
        if index == seats.len() {
            seats.push(Seat { post: None, base: Some(0) });
        }
        let seat = &mut seats[index];
        let post = make(index as u32 + 1, seat.base.unwrap_or_default());
        seat.post = Some(post.clone());
        Ok(post)
    }

    /// Forgets a namespace that closes; its id can be opened anew.
    pub(crate) fn remove(&self, space: &Arc<Space>) {
        let _later = WakeLater::new();
        let mut spaces = self.spaces.write();
        if !spaces.get(&space.nid).is_some_and(|open| Arc::ptr_eq(open, space)) {
            return;
        }
        self.forget_ended();
        self.let_depart(spaces.remove(&space.nid));
        let services = self.shut(|catalogue| catalogue.take_all(|nid| nid == space.nid));
        self.tell_closed(space);
        drop(spaces);
        self.end_services(services);
    }

    /// Remembers namespaces that end from now on, before anybody can miss them.
    fn let_depart(&self, spaces: impl IntoIterator<Item = Arc<Space>>) {
        self.departing.lock().extend(spaces);
    }

    /// The namespaces with such an id that may still be ending.
    fn departing(&self, is_meant: impl Fn(Nid) -> bool) -> Vec<Arc<Space>> {
        self.departing.lock().iter().filter(|space| is_meant(space.nid)).cloned().collect()
    }

    /// Forgets namespaces that have ended, so that those that come and go do not pile up.
    pub(crate) fn forget_ended(&self) {
        self.departing.lock().retain(|space| space.posts.iter().any(|post| self.is_seated(post)));
    }

    /// Whether a worker is still there.
    pub(crate) fn is_seated(&self, post: &Arc<Post>) -> bool {
        self.post(post.worker).is_some_and(|seated| Arc::ptr_eq(&seated, post))
    }

    /// Takes a worker's number back when it has ended; the next one begins with generation `base`.
    pub(crate) fn unseat(&self, post: &Arc<Post>, base: u32) {
        let mut seats = self.seats.write();
        let seat = &mut seats[post.worker as usize - 1];
        seat.post = None;
        seat.base = (base < Tid::GENERATIONS).then_some(base);
        *self.retired.lock() += post.tally.read();
    }

    /// The worker with this number.
    pub(crate) fn post(&self, worker: u32) -> Option<Arc<Post>> {
        self.seats.read().get(worker as usize - 1)?.post.clone()
    }

    /// The generated id behind a name or a number.
    pub(crate) fn resolve(&self, nid: Nid, tid: Tid) -> Result<Tid, Code> {
        let spaces = self.spaces.read();
        let Some(space) = spaces.get(&nid) else {
            return Err(self.unless_stopping(Code::NO_NAMESPACE));
        };
        space.names.read().get(&tid).copied().ok_or(Code::NO_TARGET)
    }

    /// `code`, or [`Code::STOPPED`] if nobody is there because the kernel stops.
    fn unless_stopping(&self, code: Code) -> Code {
        if self.is_stopping() { Code::STOPPED } else { code }
    }

    /// Why mail for `nid` finds nobody.
    pub(crate) fn why_nobody(&self, nid: Nid) -> Code {
        let known = self.spaces.read().contains_key(&nid);
        if known { Code::NO_TARGET } else { self.unless_stopping(Code::NO_NAMESPACE) }
    }

    /// Has `reply` end with [`Code::STOPPED`] if the kernel stops before it is answered.
    pub(crate) fn follow(&self, reply: &Arc<Reply>) {
        let mut askers = self.askers.lock();
        let Some(waiting) = &mut *askers else {
            drop(askers);
            reply.refuse(Code::STOPPED);
            return;
        };
        if waiting.len() == waiting.capacity() {
            waiting.retain(|(asker, round)| asker.upgrade().is_some_and(|reply| reply.waits_in(*round)));
        }
        waiting.push((Arc::downgrade(reply), reply.round()));
    }

    /// Ends the waiting of everybody who still waits, and of everybody who begins to.
    pub(crate) fn refuse_askers(&self) {
        let waiting = self.askers.lock().take();
        for (asker, round) in waiting.iter().flatten() {
            if let Some(reply) = asker.upgrade() {
                reply.refuse_round(Code::STOPPED, *round);
            }
        }
    }

    /// The sum over all threads.
    pub(crate) fn counters(&self) -> Counters {
        // A worker that ends moves from its seat to the retired while it has the seats for itself.
        let seats = self.seats.read();
        let mut sum = *self.retired.lock();
        sum += self.outside.read();
        for seat in seats.iter() {
            if let Some(post) = &seat.post {
                sum += post.tally.read();
            }
        }
        sum
    }
}
