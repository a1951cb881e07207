//! The core of a worker: what belongs to its thread, and how a target is entered and left.
//!
//! A [`Frame`] is one target on the stack. Entering takes the target's box out of its slot, so that whoever looks
//! finds it busy; leaving puts it back, or lets it go if it was deregistered meanwhile. A panic ends at the frame.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use crate::abroad::Abroad;
use crate::address::Address;
use crate::cell::LocalCell;
use crate::clock::Time;
use crate::code::Code;
use crate::context::Context;
use crate::counters::Count;
use crate::departure::Departure;
use crate::directory::Directory;
use crate::directory::space::Space;
use crate::events;
use crate::fault::text_of;
use crate::id::{Nid, NodeId, Tid};
use crate::message::{Aside, Flags, Message};
use crate::monitoring::Monitoring;
use crate::pending::PendingRequests;
use crate::port::View;
use crate::post::{Mail, Post};
use crate::registry::Slots;
use crate::residents::Extra;
use crate::residents::recovery::Revivals;
use crate::service::routes::Routes;
use crate::target::Target;
use crate::timers::Timers;

/// What belongs to one worker's thread.
pub(crate) struct Core {
    /// The bits that the ids of this thread's targets begin with; [`NOBODY`] once nobody may be called directly.
    pub(crate) prefix: Cell<u64>,
    pub(crate) nid: Nid,
    pub(crate) node: NodeId,
    /// Targets on the stack.
    pub(crate) depth: Cell<usize>,
    max_depth: usize,
    /// The address below which the stack must not grow.
    stack_floor: Cell<usize>,
    pub(crate) slots: LocalCell<Slots<dyn Target, Extra>>,
    /// Mail for targets that were not idle, and answers.
    pub(crate) waiting: LocalCell<VecDeque<Mail>>,
    /// The mail before that, which is being delivered; while it is, only what is to come ahead of it.
    pub(crate) serving: Cell<VecDeque<Mail>>,
    /// Whether `serving` holds anything.
    pub(crate) is_serving: Cell<bool>,
    /// How much of it is neither answer nor return, and so is bounded.
    pub(crate) waiting_ordinary: Cell<usize>,
    /// The time of this turn, once somebody has asked; [`Time::NEVER`] before.
    turn: Cell<Time>,
    pub(crate) post: Arc<Post>,
    pub(crate) space: Arc<Space>,
    pub(crate) directory: Arc<Directory>,
    /// Other workers that mail has gone to.
    pub(crate) peers: RefCell<Vec<Option<Arc<Post>>>>,
    /// The ports as this thread has seen them last.
    pub(crate) ports: RefCell<View>,
    /// Whether they were given mail since they were flushed last.
    pub(crate) posted: Cell<bool>,
    pub(crate) abroad: Abroad,
    /// The services that this thread has met.
    pub(crate) routes: LocalCell<Routes>,
    pub(crate) pending: LocalCell<PendingRequests>,
    /// Requests that left the thread and are not answered yet.
    pub(crate) outstanding: Cell<usize>,
    /// Targets that are to be made anew.
    pub(crate) revivals: Revivals,
    pub(crate) last_request: Cell<u64>,
    pub(crate) timers: Timers,
    pub(crate) locals: RefCell<HashMap<TypeId, Rc<dyn Any>>>,
    /// Who waits for this worker to end; not empty while it closes.
    pub(crate) departures: RefCell<Vec<Arc<Departure>>>,
    /// Whether a target is being dropped, so that what it held comes back with `STOPPED`.
    pub(crate) tearing: Cell<bool>,
    /// Held messages that a panic dropped; they come back with its text.
    pub(crate) unwound: RefCell<Vec<Message<'static>>>,
    pub(crate) monitoring: Monitoring,
    /// Whether the thread was panicking already when it entered the core.
    panicking: Cell<bool>,
}

thread_local! {
    /// Never dropped, so that it is there for a worker that goes with the thread; it is empty by then.
    static CURRENT: ManuallyDrop<RefCell<Option<Rc<Core>>>> = const { ManuallyDrop::new(RefCell::new(None)) };
    /// Whether any worker was made for this thread.
    static HOST: Cell<bool> = const { Cell::new(false) };
}

/// What a panic said.
pub(crate) struct Panic(pub(crate) String);

/// A prefix that no id has.
const NOBODY: u64 = u64::MAX;

/// How much stack has to remain for one more dispatch, in bytes.
const STACK_RESERVE: usize = 48 * 1024;

impl Core {
    pub(crate) fn new(post: Arc<Post>, space: Arc<Space>, directory: Arc<Directory>) -> Self {
        Self {
            prefix: Cell::new(Tid::prefix(post.worker)),
            nid: post.nid,
            node: directory.node,
            depth: Cell::new(0),
            max_depth: post.limits.depth,
            stack_floor: Cell::new(0),
            slots: LocalCell::new(Slots::new(post.worker, post.base)),
            waiting: LocalCell::new(VecDeque::new()),
            serving: Cell::new(VecDeque::new()),
            is_serving: Cell::new(false),
            waiting_ordinary: Cell::new(0),
            turn: Cell::new(Time::NEVER),
            ports: RefCell::new(directory.ports.view()),
            posted: Cell::new(false),
            abroad: Abroad::default(),
            routes: LocalCell::new(Routes::new(post.worker)),
            post,
            space,
            directory,
            peers: RefCell::default(),
            pending: LocalCell::new(PendingRequests::default()),
            outstanding: Cell::new(0),
            revivals: Revivals::default(),
            last_request: Cell::new(0),
            timers: Timers::new(),
            locals: RefCell::default(),
            departures: RefCell::default(),
            tearing: Cell::new(false),
            unwound: RefCell::default(),
            monitoring: Monitoring::default(),
            panicking: Cell::new(false),
        }
    }

    /// Notes that a worker was made for this thread.
    pub(crate) fn become_host() {
        HOST.set(true);
    }

    /// Whether the thread is one that runs a worker, or drives one now and then.
    pub(crate) fn is_host() -> bool {
        HOST.get()
    }

    /// Whether a core runs on this thread at this moment.
    pub(crate) fn is_entered() -> bool {
        CURRENT.with(|current| current.borrow().is_some())
    }

    /// The core whose thread this is, while it runs.
    pub(crate) fn current() -> Option<Rc<Self>> {
        CURRENT.with(|current| current.borrow().clone())
    }

    /// Makes `self` the current core until `run` returns.
    pub(crate) fn enter<R>(self: &Rc<Self>, run: impl FnOnce() -> R) -> R {
        struct Restore<'a>(&'a Core, Option<Rc<Core>>);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.return_unwound("a panic between two turns");
                self.0.flush_ports();
                CURRENT.with(|current| current.replace(self.1.take()));
            }
        }

        self.panicking.set(std::thread::panicking());
        let _restore = Restore(self, CURRENT.with(|current| current.replace(Some(self.clone()))));
        run()
    }

    /// Lets the stack grow by `bytes` from here on.
    pub(crate) fn set_stack(&self, bytes: usize) {
        self.stack_floor.set(stack_position().saturating_sub(bytes.saturating_sub(STACK_RESERVE)));
    }

    /// The moment of this turn. The clock is read when the first one asks.
    #[inline]
    pub(crate) fn now(&self) -> Time {
        let turn = self.turn.get();
        if turn != Time::NEVER {
            return turn;
        }
        let now = self.directory.clock.now();
        self.turn.set(now);
        now
    }

    /// Whether the message's deadline, if it has one, is known to be ahead.
    #[inline]
    pub(crate) fn is_in_time(&self, message: &Message<'_>) -> bool {
        !message.flags.contains(Flags::DEADLINE) || message.due() > self.turn.get()
    }

    /// Whether nothing about the message keeps it from a target of this thread: it does not go to another node, where ids
    /// may be the same, and it is in time.
    #[inline]
    pub(crate) fn may_be_here(&self, message: &Message<'_>) -> bool {
        !message.flags.intersects(Flags::DEADLINE | Flags::ABROAD)
            || !message.flags.contains(Flags::ABROAD) && message.due() > self.turn.get()
    }

    /// Begins a new turn.
    #[inline]
    pub(crate) fn begin_turn(&self) {
        self.turn.set(Time::NEVER);
        self.return_unwound("a panic that its handler caught");
    }

    #[inline]
    pub(crate) fn count(&self, count: Count) {
        self.post.tally.own(count);
    }

    /// The address of a target of this thread.
    #[inline]
    pub(crate) const fn address(&self, tid: Tid) -> Address {
        Address { tid, nid: self.nid, node: self.node }
    }

    /// Whether an address is that of a generated id of this thread, though nobody may live there.
    #[inline]
    pub(crate) fn is_home_of(&self, address: Address) -> bool {
        address.tid.worker() == Some(self.post.worker) && address.nid == self.nid && address.node == self.node
    }

    /// Whether one more target may be called on the stack as it is.
    #[inline]
    pub(crate) fn may_nest(&self) -> bool {
        self.depth.get() < self.max_depth && self.has_stack(0)
    }

    /// Whether so many bytes of the stack are left, beside what is kept for whatever is called.
    #[inline]
    pub(crate) fn has_stack(&self, bytes: usize) -> bool {
        cfg!(miri) || stack_position() > self.stack_floor.get().saturating_add(bytes)
    }

    /// Whether any mail waits on this thread.
    #[inline]
    pub(crate) fn has_waiting(&self) -> bool {
        self.is_serving.get() || self.waiting.with(|waiting| !waiting.is_empty())
    }

    /// Drops the resources of the thread. Each may panic.
    pub(crate) fn drop_locals(&self) {
        for local in self.locals.take().into_values() {
            let _ = self.guard(|| drop(local));
        }
    }

    /// Has nobody called directly any more.
    pub(crate) fn close_targets(&self) {
        self.prefix.set(NOBODY);
    }

    /// Whether the worker is on its way out.
    pub(crate) fn is_closing(&self) -> bool {
        self.prefix.get() == NOBODY
    }

    /// Runs `run` on a target that was taken out of its slot; a panic ends here.
    #[inline(always)]
    pub(crate) fn frame<R>(
        &self,
        tid: Tid,
        life: u32,
        deadline: Time,
        run: impl FnOnce(&mut Context<'_>) -> R,
    ) -> Result<R, Panic> {
        let mut ctx = Context::new(self, tid, life, deadline);
        let depth = self.depth.get();
        self.depth.set(depth + 1);
        let result = catch_unwind(AssertUnwindSafe(|| run(&mut ctx)));
        self.depth.set(depth);
        result.map_err(|payload| self.caught(payload, tid))
    }

    /// Runs what a user supplied outside of any target: a `Drop`, a factory.
    pub(crate) fn guard<R>(&self, run: impl FnOnce() -> R) -> Result<R, Panic> {
        self.guard_for(Tid::UNSET, run)
    }

    /// The same for what belongs to a target.
    pub(crate) fn guard_for<R>(&self, tid: Tid, run: impl FnOnce() -> R) -> Result<R, Panic> {
        catch_unwind(AssertUnwindSafe(run)).map_err(|payload| self.caught(payload, tid))
    }

    /// Drops a message; a record that panics when it is dropped harms nobody.
    #[inline]
    pub(crate) fn discard(&self, message: &mut Message<'_>) {
        if message.body.kind().plain && !message.flags.contains(Flags::COLD) {
            return;
        }
        self.discard_slowly(message);
    }

    #[cold]
    fn discard_slowly(&self, message: &mut Message<'_>) {
        while !matches!(self.guard(|| message.next_to_drop().map(drop)), Ok(None)) {}
        message.body.finish();
        message.cold = Aside::NOTHING;
        message.flags -= Flags::COLD;
    }

    /// Counts and tells of a panic that was caught; `tid` is whose it was, if it was a target's.
    #[cold]
    pub(crate) fn caught(&self, payload: Box<dyn Any + Send>, tid: Tid) -> Panic {
        self.count(Count::Panics);
        let panic = Panic(text_of(payload));
        events::panicked((!tid.is_unset()).then(|| self.address(tid)), &panic.0);
        self.return_unwound(&panic.0);
        panic
    }

    /// Sends held messages back that a panic dropped.
    #[inline]
    fn return_unwound(&self, text: &str) {
        if !self.unwound.borrow().is_empty() {
            self.return_unwound_now(text);
        }
    }

    #[cold]
    fn return_unwound_now(&self, text: &str) {
        for mut message in self.unwound.take() {
            message.code = Code::EXCEPTION;
            message.set_text(text.to_owned().into());
            self.send_back(&mut message);
        }
    }

    /// Whether the thread unwinds because of something that this core is going to catch.
    pub(crate) fn is_unwinding(&self) -> bool {
        std::thread::panicking() && !self.panicking.get()
    }
}

/// About where the stack is now. Stacks grow downwards on all systems that Rust supports.
#[inline]
fn stack_position() -> usize {
    let here = 0_u8;
    (&raw const here).addr()
}
