//! The crew: all workers of a kernel, or of several, on one thread, which runs them in an order that a seed decides.
//!
//! What would wait for a worker's thread elsewhere (an answer, a place to build targets on, the end of a namespace)
//! runs the crew here instead. So a program's own code runs under a test as it is, and the same way each time.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::mem::ManuallyDrop;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use crate::alarm::Alarms;
use crate::clock::{Clock, ManualClock, Time};
use crate::core::Core;
use crate::directory::Directory;
use crate::driven::Driven;
use crate::id::{Nid, NodeId};
use crate::muster::{Muster, Recruit};
use crate::post::Post;
use crate::worker::Worker;

/// The workers of its kernels, all on this thread.
pub(crate) struct Crew {
    kernels: RefCell<Vec<Member>>,
    clock: Arc<ManualClock>,
    workers: RefCell<Vec<Driven>>,
    /// The state of the generator that chooses who runs next.
    dice: Cell<u64>,
    /// Turns at one moment after which a program counts as restless.
    bound: Cell<usize>,
    /// The last turns, the latest at the end.
    last: RefCell<VecDeque<Turn>>,
}

/// A kernel whose workers belong to a crew.
struct Member {
    directory: Arc<Directory>,
    alarms: Arc<Alarms>,
}

/// One turn of one worker: [`TestKernel::step`](crate::testing::TestKernel::step). Prints as `namespace/thread`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Turn {
    /// The worker's node.
    pub node: NodeId,
    /// The worker's namespace.
    pub namespace: Nid,
    /// Its index in the namespace, from 0 on.
    pub thread: usize,
}

/// Why a test does not get on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stuck {
    /// All workers are at rest: only time, or somebody outside, could go on.
    #[error("all workers are at rest and the clock stands still; set a timeout, or advance the clock")]
    Idle,
    /// The workers do not come to rest.
    #[error(
        "the workers were not at rest after {turns} turns at the same moment, the last ones were those of {last}; \
         somebody sends without end, or the bound is too low (`TestKernel::set_bound`)"
    )]
    Restless {
        /// How many turns they were given.
        turns: usize,
        /// The last of them.
        last: String,
    },
}

thread_local! {
    /// The crews of this thread. Never dropped, so that one that goes with the thread is found; it is empty by then.
    static CREWS: ManuallyDrop<RefCell<Vec<Weak<Crew>>>> = const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

/// How many turns are remembered.
const REMEMBERED: usize = 24;
/// More turns at one moment than a program takes that comes to rest.
const BOUND: usize = 100_000;

impl Crew {
    pub(crate) fn new(clock: Arc<ManualClock>, seed: u64) -> Rc<Self> {
        let crew = Rc::new(Self {
            kernels: RefCell::default(),
            clock,
            workers: RefCell::default(),
            dice: Cell::new(seed),
            bound: Cell::new(BOUND),
            last: RefCell::default(),
        });
        CREWS.with(|crews| crews.borrow_mut().push(Rc::downgrade(&crew)));
        crew
    }

    /// Takes the workers of a kernel in, which goes by the crew's clock.
    pub(crate) fn take_in(&self, directory: Arc<Directory>, alarms: Arc<Alarms>) {
        self.kernels.borrow_mut().push(Member { directory, alarms });
    }

    pub(crate) fn clock(&self) -> Arc<ManualClock> {
        self.clock.clone()
    }

    /// The crew of that kernel, on its thread; `None` while one of its handlers, or anybody's, is on the stack.
    pub(crate) fn here(directory: &Directory) -> Option<Rc<Self>> {
        directory.muster.as_ref()?;
        if Core::current().is_some() {
            return None;
        }
        let crews = CREWS.with(|crews| crews.borrow().iter().filter_map(Weak::upgrade).collect::<Vec<_>>());
        let mut crews = crews.into_iter();
        crews.find(|crew| crew.kernels.borrow().iter().any(|of| std::ptr::eq(&*of.directory, directory)))
    }

    pub(crate) fn set_bound(&self, turns: usize) {
        self.bound.set(turns);
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// One turn of a worker that has something to do; `None` if there is none.
    pub(crate) fn step(&self) -> Option<Turn> {
        self.attend();
        let ready = {
            let workers = self.workers.borrow();
            (0..workers.len()).filter(|&index| workers[index].is_ready()).collect::<Vec<_>>()
        };
        if ready.is_empty() {
            return None;
        }
        Some(self.run(ready[self.below(ready.len())]).0)
    }

    /// One turn of that very worker; whether it found anything to do.
    pub(crate) fn turn_of(&self, post: &Arc<Post>) -> bool {
        self.attend();
        let is_its = |worker: &Driven| Arc::ptr_eq(&worker.worker().core().post, post);
        let index = self.workers.borrow().iter().position(is_its);
        index.is_some_and(|index| self.run(index).1)
    }

    /// Takes new workers in, and ends the waiting of those whose time has come.
    fn attend(&self) {
        for Member { directory, alarms } in self.kernels.borrow().iter() {
            for Recruit { post, receiver, space, stack } in directory.muster.iter().flat_map(Muster::take) {
                let worker = Worker::new(&post, receiver, space, directory.clone(), stack);
                self.workers.borrow_mut().push(Driven::new(worker, stack));
            }
            alarms.ring();
        }
    }

    /// One turn of the worker at `index`; whether it found anything to do.
    fn run(&self, index: usize) -> (Turn, bool) {
        // While it runs nobody finds it here, so a handler that comes back to the crew harms nobody.
        let mut worker = self.workers.borrow_mut().remove(index);
        let busy = worker.run_once();
        let core = worker.worker().core();
        let (node, post) = (core.node, &core.post);
        let turn = Turn { node, namespace: post.nid, thread: post.index };
        if !worker.worker().has_ended() {
            self.workers.borrow_mut().insert(index, worker);
        }
        let mut last = self.last.borrow_mut();
        if last.len() == REMEMBERED {
            last.pop_front();
        }
        last.push_back(turn);
        (turn, busy)
    }

    /// A number from 0 to `end` - 1 (`SplitMix64`).
    fn below(&self, end: usize) -> usize {
        let state = self.dice.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.dice.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    /// The last turns, the latest at the end.
    pub(crate) fn last_turns(&self) -> String {
        let several = self.kernels.borrow().len() > 1;
        let name = |turn: &Turn| if several { format!("{turn}.{}", turn.node) } else { turn.to_string() };
        self.last.borrow().iter().map(name).collect::<Vec<_>>().join(" ")
    }

    /// The earliest moment at which somebody has something to do although no mail comes.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.attend();
        let workers = self.workers.borrow();
        workers.iter().filter_map(Driven::next_deadline).chain(self.next_alarm()).min()
    }

    /// The earliest moment at which somebody outside stops waiting.
    pub(crate) fn next_alarm(&self) -> Option<Time> {
        self.kernels.borrow().iter().filter_map(|of| of.alarms.next_deadline()).min()
    }

    /// Ends the waiting of those whose time has come.
    fn ring(&self) {
        self.kernels.borrow().iter().for_each(|of| of.alarms.ring());
    }

    /// Turns until nobody has anything to do at this moment, or `done`; how many.
    pub(crate) fn rest(&self, mut done: impl FnMut() -> bool) -> Result<usize, Stuck> {
        let bound = self.bound.get();
        for turns in 0..bound {
            if done() || self.step().is_none() {
                return Ok(turns);
            }
        }
        Err(Stuck::Restless { turns: bound, last: self.last_turns() })
    }

    /// Runs the workers, and moves the clock from deadline to deadline, until `done` or until `limit`, at which nothing
    /// is run any more but alarms. Without a limit the clock stands still.
    pub(crate) fn run_until(&self, limit: Time, mut done: impl FnMut() -> bool) -> Result<(), Stuck> {
        loop {
            self.rest(&mut done)?;
            if done() {
                return Ok(());
            }
            if limit == Time::NEVER {
                return Err(Stuck::Idle);
            }
            let next = self.next_deadline().map_or(limit, |next| next.min(limit));
            self.move_to(next);
            if next == limit {
                self.ring();
                return Ok(());
            }
        }
    }

    /// Runs what is due up to `end`, each at its own moment; how many turns that took.
    pub(crate) fn advance_to(&self, end: Time) -> Result<usize, Stuck> {
        let mut turns = self.rest(|| false)?;
        while let Some(next) = self.next_deadline().filter(|&next| next <= end) {
            self.move_to(next);
            turns += self.rest(|| false)?;
        }
        self.move_to(end);
        Ok(turns + self.rest(|| false)?)
    }

    fn move_to(&self, moment: Time) {
        self.clock.advance(moment.since(self.clock.now()));
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // Its own entry is among those that cannot be upgraded any more.
        CREWS.with(|crews| {
            let mut crews = crews.borrow_mut();
            crews.retain(|crew| crew.strong_count() > 0);
            if crews.is_empty() {
                *crews = Vec::new();
            }
        });
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.thread)
    }
}
