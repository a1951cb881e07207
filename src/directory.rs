//! The directory of a node: its namespaces, its workers, and the way to them from any thread.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

use parking_lot::{Mutex, RwLock};

use crate::address::Address;
use crate::clerk;
use crate::clock::Clock;
use crate::code::Code;
use crate::counters::{Count, Counters, Tally};
use crate::fault::quietly;
use crate::id::{Nid, NodeId, Tid};
use crate::message::{Flags, Message, Sender};
use crate::monitoring::Monitors;
use crate::muster::Muster;
use crate::port::Ports;
use crate::post::{Limits, Mail, Post};
use crate::record::Record;
use crate::reply::{Asker, Reply};
use crate::ring::Refusal;
use crate::service::catalogue::Catalogue;
use crate::service::plan::Kind;
use crate::service::{Service, Terms};
use crate::serving::dead_letter::DeadLetter;
use crate::sync::{AtomicBool, AtomicUsize, Ordering};
use crate::waking::WakeLater;

/// What all threads of a node share.
#[derive(Debug)]
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
    pub(crate) catalogue: Catalogue,
    /// The ways to other nodes.
    pub(crate) ports: Ports,
    /// The topic of messages that failed and had nobody to come back to.
    pub(crate) dead_letters: Arc<Service>,
    /// Namespaces that have closed, while their threads may still be there; a stop waits for them, too.
    departing: Mutex<Vec<Arc<Space>>>,
    /// The counters of all threads that are not workers.
    pub(crate) outside: Tally,
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
            catalogue,
            ports: Ports::default(),
            dead_letters,
            departing: Mutex::default(),
            outside: Tally::default(),
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
        self.let_depart(spaces.extract_if(|&nid, _| nid != Self::TRANSPORT).map(|(_, space)| space))
    }

    /// The same for that of the ports, once nobody else is there and they have sent off what they had.
    pub(crate) fn close_ports(&self) -> Vec<Arc<Space>> {
        self.detach_all();
        let space = self.spaces.write().remove(&Self::TRANSPORT);
        self.let_depart(space)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Gives a new worker a number, and `make` makes its post from number and first generation.
    pub(crate) fn seat<T>(&self, make: impl FnOnce(u32, u32) -> (Arc<Post>, T)) -> Result<(Arc<Post>, T), NoSeat> {
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
        let (post, rest) = make(index as u32 + 1, seat.base.unwrap_or_default());
        seat.post = Some(post.clone());
        Ok((post, rest))
    }

    /// Forgets a namespace that closes; its id can be opened anew.
    pub(crate) fn remove(&self, space: &Arc<Space>) {
        let _later = WakeLater::new();
        let mut spaces = self.spaces.write();
        if !spaces.get(&space.nid).is_some_and(|open| Arc::ptr_eq(open, space)) {
            return;
        }
        self.forget_ended();
        let _ = self.let_depart(spaces.remove(&space.nid));
        let services = self.shut(|catalogue| catalogue.take_all(|nid| nid == space.nid));
        self.tell_closed(space);
        drop(spaces);
        self.end_services(services);
    }

    /// Remembers namespaces that end from now on, before anybody can miss them; all for which nobody has waited yet.
    fn let_depart(&self, spaces: impl IntoIterator<Item = Arc<Space>>) -> Vec<Arc<Space>> {
        let mut departing = self.departing.lock();
        departing.extend(spaces);
        departing.clone()
    }

    /// Forgets namespaces that have ended, so that those that come and go do not pile up.
    fn forget_ended(&self) {
        self.departing.lock().retain(|space| space.posts.iter().any(|post| self.is_seated(post)));
    }

    /// Forgets namespaces for whose threads somebody has waited long enough.
    pub(crate) fn let_go(&self, spaces: &[Arc<Space>]) {
        self.departing.lock().retain(|space| !spaces.iter().any(|gone| Arc::ptr_eq(space, gone)));
    }

    fn is_seated(&self, post: &Arc<Post>) -> bool {
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

    /// The generated id and the worker of a completed address.
    pub(crate) fn route(&self, to: Address) -> Result<(Tid, Arc<Post>), Code> {
        if to.node != self.node {
            return Err(Code::NO_NODE);
        }
        if to.tid.is_unset() {
            let known = self.spaces.read().contains_key(&to.nid);
            return Err(if known { Code::NO_SERVICE } else { self.unless_stopping(Code::NO_NAMESPACE) });
        }
        let tid = if to.tid.worker().is_some() { to.tid } else { self.resolve(to.nid, to.tid)? };
        let post = tid.worker().and_then(|worker| self.post(worker)).filter(|post| post.nid == to.nid);
        post.map(|post| (tid, post)).ok_or_else(|| self.why_nobody(to.nid))
    }

    /// Sends a message from a thread that is no worker, or leaves it as it is and says why.
    pub(crate) fn send(self: &Arc<Self>, message: &mut Message<'static>) -> Result<(), Code> {
        if self.is_stopping() {
            return Err(Code::STOPPED);
        }
        message.complete_from(Nid::UNSET, self.node);
        self.pass_on(message)?;
        self.outside.shared(Count::Sent);
        Ok(())
    }

    /// Passes on a message that has been sent before, from a thread that is no worker.
    pub(crate) fn pass_on(self: &Arc<Self>, message: &mut Message<'static>) -> Result<(), Code> {
        if message.destination().node != self.node {
            self.choose_node(message)?;
        }
        let to = message.destination();
        if to.node != self.node {
            return self.deliver_abroad(message);
        }
        if clerk::is_addressed(to) {
            return self.serve_outside(message);
        }
        if message.tid.is_unset() {
            match self.locate_service(message) {
                Ok(()) => {}
                Err(Code::OK) => {
                    quietly(|| message.answer(()));
                    drop(self.send_back(message, |count| self.outside.shared(count)));
                    return Ok(());
                }
                Err(code) => return Err(code),
            }
        }
        self.pass_to_target(message).inspect_err(|_| self.recall(message))
    }

    fn pass_to_target(&self, message: &mut Message<'static>) -> Result<(), Code> {
        let (tid, post) = self.route(message.destination())?;
        message.tid = tid;
        let pushed = post.inbox.push_with(|| Mail::Message(message.take_all()));
        pushed.map_err(|refusal| match refusal {
            Refusal::Full => Code::BUSY,
            Refusal::Closed => Code::STOPPED,
        })
    }

    /// Brings a message that has its final code back to its sender, from any thread; `count` counts on this one.
    ///
    /// What nobody gets comes back, to be dropped.
    #[must_use = "a record may panic in its `Drop`: choose where"]
    pub(crate) fn send_back(&self, message: &mut Message<'_>, count: impl Fn(Count)) -> Option<Message<'static>> {
        if message.flags.contains(Flags::LOADED) {
            self.catalogue.unload(message);
        }
        if message.code.is_ok() {
            count(Count::Handled);
            if !message.wants_answer() {
                return Some(message.take_all());
            }
            count(Count::Answers);
        }
        message.flags |= Flags::TURNED;
        let lost = match &mut message.sender {
            Sender::Outside(asker) => match asker.take() {
                Some(asker) => return self.answer(&asker, message, count),
                None => match message.way_back() {
                    Some(back) => {
                        count(message.reached());
                        let message = message.take_all();
                        quietly(|| back(message));
                        return None;
                    }
                    None => message.take_all(),
                },
            },
            Sender::Target(tid, _) => {
                let worker = Tid::from_raw(tid.get()).worker();
                match worker.and_then(|worker| self.post(worker)) {
                    None => message.take_all(),
                    Some(post) => match post.inbox.push_reserved(Mail::Message(message.take_all())) {
                        Err(Mail::Message(refused)) => refused,
                        _ => return None,
                    },
                }
            }
        };
        self.mourn(&lost, count);
        Some(lost)
    }

    /// Gives an asker its answer, or hands it back if it is late.
    #[inline]
    fn answer(&self, asker: &Asker, message: &mut Message<'_>, count: impl Fn(Count)) -> Option<Message<'static>> {
        let reached = message.reached();
        let late = if message.code.is_ok() { Count::LateAnswers } else { Count::DeadLetters };
        // Counted before the asker can look: whoever has its answer finds it in the counters.
        if asker.answer(message, || count(reached)) {
            return None;
        }
        count(late);
        if !message.code.is_ok() {
            self.tell_of(message);
        }
        Some(message.take_all())
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

impl Limits {
    /// Bounds that suit most programs: see [`crate::NamespaceBuilder`].
    pub(crate) const DEFAULT: Self =
        Self { handoff: 1000, waiting: 65_536, held: 65_536, requests: 65_536, timers: 1 << 20, depth: 64 };
}
