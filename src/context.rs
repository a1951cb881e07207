//! [`Context`]: what a handler can do.

mod following;

use std::any::Any;
use std::fmt;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::rc::Rc;
use std::time::Duration;

use crate::address::Address;
use crate::body::Body;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::core::Core;
use crate::counters::Count;
use crate::held::{HeldMessage, HoldError};
use crate::id::Tid;
use crate::message::{Flags, Message, RequestId, Sender};
use crate::pending::Pending;
use crate::record::Record;
use crate::setup::{RegisterError, Setup};
use crate::target::Target;
use crate::thread::Thread;

mod services;

/// What a handler can do: send, ask, pass on, hold, register.
///
/// All methods take `&self`, so that a handler can use its own fields meanwhile. What is sent inherits the deadline
/// of the message that is being handled; [`within`](Self::within) sets another. Answers do not expire, so what is sent
/// from [`Target::answered`] or a continuation has no deadline to inherit.
///
/// What cannot be delivered comes back to [`Target::answered`] when the handler has returned, with a code.
pub struct Context<'a> {
    pub(crate) core: &'a Core,
    pub(crate) me: Tid,
    life: u32,
    deadline: Time,
}

/// A request that has been sent.
#[must_use = "without `then_on` the answer arrives in `answered`; say `let _ =` or `.id()` if that is meant"]
pub struct Requested<'a, A> {
    core: &'a Core,
    requester: Tid,
    id: RequestId,
    answer: std::marker::PhantomData<fn() -> A>,
}

impl<'a> Context<'a> {
    /// What a message has that a handler cannot hold or forward.
    const NOT_OURS: Flags =
        Flags::TAKEN.union(Flags::TURNED).union(Flags::DRAFT).union(Flags::PARTS).union(Flags::COPY);

    #[inline]
    pub(crate) const fn new(core: &'a Core, me: Tid, life: u32, deadline: Time) -> Self {
        Self { core, me, life, deadline }
    }

    /// The address of the target whose handler this is, with its generated id.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.core.address(self.me)
    }

    /// The moment of this turn. The clock is read once a turn, when somebody asks.
    #[must_use]
    pub fn now(&self) -> Time {
        self.core.now()
    }

    /// The deadline that what is sent from here inherits.
    #[must_use]
    pub fn expires(&self) -> Option<Time> {
        (self.deadline != Time::NEVER).then_some(self.deadline)
    }

    /// The same context, with a deadline of its own: `timeout` after this turn's moment.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rohrpost::{Address, Context};
    /// # fn handler(to: Address, ctx: &Context<'_>) {
    /// let request = ctx.within(Duration::from_millis(20)).request(to, ());
    /// # let _ = request;
    /// # }
    /// ```
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self { deadline: self.core.now().after(timeout), ..*self }
    }

    /// Which life of the target this is.
    pub(crate) const fn life(&self) -> u32 {
        self.life
    }

    /// The core and the target whose handler this is.
    pub(crate) const fn home(&self) -> (&'a Core, Tid) {
        (self.core, self.me)
    }

    #[inline]
    fn outgoing<'m>(&self, to: Address, body: Body<'m>, flags: Flags) -> Message<'m> {
        let mut message = Message::new(to, body, flags, Sender::target(self.me, self.core.nid));
        message.life = self.life;
        message.set_deadline(self.deadline);
        message
    }

    /// Sends a notification. It comes back to [`Target::answered`] only if it fails.
    ///
    /// To an idle target of this thread it is a call: done when this returns, nothing allocated. To another thread
    /// it is one hand-off.
    #[inline(always)]
    pub fn notify<R: Record>(&self, to: Address, record: R) {
        let mut room = MaybeUninit::uninit();
        // What the dispatcher has carried is empty, so there is nothing to drop.
        let mut message = ManuallyDrop::new(self.outgoing(to, Body::lend(&mut room, record), Flags::empty()));
        self.core.carry(&mut message);
    }

    /// Sends a request. It is handled as [`notify`](Self::notify) says; the answer, or the request itself with a
    /// code, arrives when this handler has returned, exactly once: in [`Target::answered`], or in what
    /// [`Requested::then_on`] is given.
    ///
    /// Comes back with [`Code::BUSY`] if this thread has as many unanswered requests as it may.
    #[inline]
    pub fn request<R: Record>(&self, to: Address, record: R) -> Requested<'a, R::Answer> {
        let mut room = MaybeUninit::uninit();
        let mut message = ManuallyDrop::new(self.outgoing(to, Body::lend(&mut room, record), Flags::WANT_ANSWER));
        let id = self.send_request(&mut message);
        Requested { core: self.core, requester: self.me, id, answer: std::marker::PhantomData }
    }

    #[inline]
    fn send_request(&self, message: &mut Message<'_>) -> RequestId {
        let id = self.core.last_request.get() + 1;
        self.core.last_request.set(id);
        message.request = id;
        if message.flags.contains(Flags::DEADLINE) {
            self.track(message);
        }
        self.core.carry(message);
        RequestId(id)
    }

    #[cold]
    fn track(&self, message: &mut Message<'_>) {
        message.flags |= Flags::TRACKED;
        let to = message.destination().completed_from(self.address());
        let (requester, life, deadline) = (self.me, self.life, message.due());
        let pending = Pending { requester, life, to, record: message.kind(), deadline };
        self.core.pending.with(|requests| requests.track(message.request, pending));
    }

    /// Calls an idle target of this thread and returns its answer. Nothing waits, nothing is allocated.
    ///
    /// # Errors
    ///
    /// The code that the receiver set; [`Code::WOULD_DEADLOCK`] if it is on the stack, so that the call would close
    /// a cycle; [`Code::WOULD_BLOCK`] if it lives on another thread, has mail waiting, holds the message, or is too
    /// deep in the stack; and what else keeps a message from being delivered.
    #[inline]
    pub fn call<R: Record>(&self, to: Address, record: R) -> Result<R::Answer, Failure> {
        let mut room = MaybeUninit::uninit();
        let flags = Flags::WANT_ANSWER.union(Flags::CALL);
        let mut message = ManuallyDrop::new(self.outgoing(to, Body::lend(&mut room, record), flags));
        self.core.carry(&mut message);
        if message.code.is_ok()
            && !message.flags.contains(Flags::COLD)
            && let Some(answer) = message.body.take()
        {
            // What is left is an envelope.
            return Ok(answer);
        }
        ManuallyDrop::into_inner(message).into_owned().into_answer()
    }

    /// Sends a message that was built by hand, as it is; the id tells its answer, if it wants one.
    ///
    /// It inherits the deadline of this context if it has none.
    pub fn send(&self, message: Message<'static>) -> Option<RequestId> {
        let mut message = message;
        message.launch();
        message.sender = Sender::target(self.me, self.core.nid);
        message.life = self.life;
        if !message.flags.contains(Flags::DEADLINE) {
            message.set_deadline(self.deadline);
        }
        message.complete_from(self.core.nid, self.core.node);
        if message.wants_answer() {
            return Some(self.send_request(&mut message));
        }
        self.core.carry(&mut message);
        None
    }

    /// Has `message` carried on to another receiver when this handler has returned. Its first sender stays its
    /// sender, and the stack does not grow. What the handler says of it otherwise has no effect.
    pub fn forward(&self, message: &mut Message<'_>, to: Address) {
        if message.flags.intersects(Self::NOT_OURS) {
            return;
        }
        let to = to.completed_from(self.address());
        if message.flags.contains(Flags::LOADED) {
            self.core.directory.catalogue.unload(message);
        }
        message.tid = to.tid;
        message.nid = to.nid;
        message.set_forwarded(Some(to.node).filter(|&node| node != self.core.node));
        message.code = Code::NOT_HANDLED;
    }

    /// Takes `message` out of the handler, to end it later, from any thread. Its sender waits meanwhile.
    ///
    /// # Errors
    ///
    /// [`HoldError`]; the message then stays, with [`Code::BUSY`] or [`Code::WOULD_BLOCK`].
    pub fn hold(&self, message: &mut Message<'_>) -> Result<HeldMessage, HoldError> {
        if message.flags.intersects(Self::NOT_OURS) {
            return Err(HoldError::Taken);
        }
        if message.flags.contains(Flags::CALL) {
            message.code = Code::WOULD_BLOCK;
            return Err(HoldError::WouldBlock);
        }
        if !HeldMessage::reserve(self.core) {
            message.code = Code::BUSY;
            return Err(HoldError::Busy);
        }
        message.flags -= Flags::FORWARD;
        Ok(HeldMessage::new(message.take_all(), self.core))
    }

    /// This thread, to register further targets on it; they need not be `Send`.
    #[must_use]
    pub const fn thread(&self) -> Thread<'a> {
        Thread::new(self.core)
    }

    /// Registers a target on this thread; it has started when this returns.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    pub fn register<T: Target>(&self, target: T) -> Result<Address, RegisterError> {
        self.thread().register(target)
    }

    /// Registers a target on this thread under a name.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    pub fn register_as<T: Target>(&self, name: &str, target: T) -> Result<Address, RegisterError> {
        self.thread().register_with(Setup::new().name(name), target)
    }

    /// Deregisters a target: on this thread at once, or when its handler has returned; on another thread when its
    /// hand-off comes to it. A missing namespace or node is this target's own.
    ///
    /// # Errors
    ///
    /// The code that a message to it would come back with, where this thread can tell.
    pub fn deregister(&self, target: Address) -> Result<(), Code> {
        let target = target.completed_from(self.address());
        if self.core.is_home_of(target) {
            return self.core.deregister(target.tid);
        }
        let (tid, post) = self.core.directory.route(target)?;
        if post.worker == self.core.post.worker {
            return self.core.deregister(tid);
        }
        crate::orders::deregister(&post, tid)
    }

    /// Deregisters the target whose handler this is, when the handler has returned.
    pub fn stop(&self) {
        // It is on the stack, so it is registered, or leaving already.
        let _ = self.core.deregister(self.me);
    }

    /// The resource of type `T` that the targets of this thread share; made with `Default` when the first one asks.
    ///
    /// # Panics
    ///
    /// Only if `T::default` does.
    #[must_use]
    pub fn local<T: Any + Default>(&self) -> Rc<T> {
        self.thread().local()
    }

    /// Counts an answer that nobody wanted; what [`handles!`](crate::handles!) does with answers it does not list.
    pub fn ignore(&self, answer: &Message<'_>) {
        let _ = answer;
        self.core.count(Count::Ignored);
    }
}

impl<A: Record> Requested<'_, A> {
    /// Which request it is; its answer has the same id.
    #[must_use]
    pub const fn id(&self) -> RequestId {
        self.id
    }

    /// Has `then` called with the answer, instead of [`Target::answered`].
    ///
    /// `me` only tells the type: pass `self`. An answer for a target of another type goes to its `answered`.
    /// If the target goes or is restarted before, `then` is dropped with it, and what it holds comes back. Allocates if
    /// `then` captures anything.
    pub fn then_on<T: Target>(
        self,
        me: &T,
        then: impl FnOnce(&mut T, Result<A, Failure>, &mut Context<'_>) + 'static,
    ) -> RequestId {
        let _ = me;
        let continuation = Box::new(move |target: &mut dyn Target, answer: Message<'static>, ctx: &mut Context<'_>| {
            let target: &mut dyn Any = target;
            let Some(target) = target.downcast_mut() else {
                return Some(answer);
            };
            then(target, answer.into_answer(), ctx);
            None
        });
        self.core.then(self.requester, self.id.0, continuation);
        self.id
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("address", &self.address()).field("deadline", &self.deadline).finish()
    }
}

impl<A> fmt::Debug for Requested<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Requested").field(&self.id).finish()
    }
}
