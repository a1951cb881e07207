//! [`Ask`]: a question from outside, to be waited for or awaited.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context as Task, Poll, Wake, Waker};
use std::time::Duration;

use crate::address::Address;
use crate::alarm::Alarms;
use crate::body::Body;
use crate::clock::{Sleeper, Time};
use crate::code::{Code, Failure};
use crate::core::Core;
use crate::crew::Crew;
use crate::directory::Directory;
use crate::events;
use crate::habit::Habit;
use crate::id::NodeId;
use crate::idle::{Idle, Manner, Spun};
use crate::message::{Flags, Message, Sender};
use crate::record::Record;
use crate::reply::{Asker, Reply};
use crate::service::Key;

/// A request from a plain thread, or from a task of any executor. Made by [`Kernel::ask`](crate::Kernel::ask).
///
/// Nothing is sent until it is waited for or polled. Dropping it cancels the waiting; the message may still be
/// handled, and its answer is counted as late. After the kernel has stopped it ends with [`Code::STOPPED`].
///
/// Cost: one hand-off there, one reply slot back; the slot is used again by the same thread, so nothing is allocated
/// in the long run. A timeout that is awaited takes an entry in the kernel's list of alarms.
///
/// ```
/// use std::time::Duration;
/// use rohrpost::{Code, Context, Failure, Handle, Kernel, handles, record};
///
/// #[derive(Clone, Debug)]
/// struct Double(u64);
/// #[derive(Clone, Debug, PartialEq)]
/// struct Doubled(u64);
/// record!(Double, "demo.double" => Doubled);
/// record!(Doubled, "demo.doubled");
///
/// struct Doubler;
/// impl Handle<Double> for Doubler {
///     fn handle(&mut self, double: &Double, _ctx: &mut Context<'_>) -> Result<Doubled, Failure> {
///         Ok(Doubled(double.0 * 2))
///     }
/// }
/// handles!(Doubler: Double);
///
/// let kernel = Kernel::builder("node").start()?;
/// let doubler = kernel.namespace("demo").open()?.register(Doubler)?;
/// let answer = kernel.ask(doubler, Double(21)).timeout(Duration::from_secs(1)).wait()?;
/// assert_eq!(answer, Doubled(42));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is sent until the question is waited for or awaited"]
pub struct Ask<R: Record> {
    directory: Arc<Directory>,
    alarms: Arc<Alarms>,
    timeout: Option<Duration>,
    idle: Idle,
    state: State<R>,
}

enum State<R> {
    /// Not sent yet.
    Question(Address, R),
    /// Sent; the answer comes here.
    Waiting(Arc<Reply>),
    Over,
}

thread_local! {
    /// Reply slots that can be used again, as soon as who answered has let go of them.
    static SPARES: RefCell<Vec<Arc<Reply>>> = const { RefCell::new(Vec::new()) };
    static WAITER: Arc<Waiter> = Waiter::new();
    /// How this thread waits best for other nodes.
    static HABIT: Cell<Habit> = const { Cell::new(Habit::NEW) };
}

/// The most reply slots that a thread keeps.
const MAX_SPARES: usize = 4;

/// A plain thread that waits for its answer.
struct Waiter(std::thread::Thread);

impl Waiter {
    fn new() -> Arc<Self> {
        Arc::new(Self(std::thread::current()))
    }
}

impl Wake for Waiter {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Sleeper for Waiter {
    fn wake(&self) {
        self.0.unpark();
    }
}

impl<R: Record> Ask<R> {
    pub(crate) fn new(directory: Arc<Directory>, alarms: Arc<Alarms>, to: Address, record: R) -> Self {
        Self { directory, alarms, timeout: None, idle: Idle::default(), state: State::Question(to, record) }
    }

    /// Ends the waiting with [`Code::EXPIRED`] after `timeout`, counted from when it is sent. Without it the waiting
    /// has no end of its own.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// What [`wait`](Self::wait) does until the answer is there; default is [`Idle::Adaptive`]. Where it is awaited the executor
    /// decides.
    pub fn idle(mut self, idle: Idle) -> Self {
        self.idle = idle;
        self
    }

    /// Sends the question and waits for its answer.
    ///
    /// # Errors
    ///
    /// The code that the message ended with; [`Code::WOULD_BLOCK`] on a worker thread, or when the receiver is
    /// driven by this very thread: nothing was sent then. The record is in the failure if it came back.
    pub fn wait(mut self) -> Result<R::Answer, Failure> {
        let State::Question(to, record) = std::mem::replace(&mut self.state, State::Over) else {
            return Err(Failure::new(Code::WOULD_BLOCK, "this question is being awaited already"));
        };
        if self.would_block(to) {
            let text = "a thread cannot wait for what it has to do itself; await it, or use `Context::request`";
            return Err(Failure::new(Code::WOULD_BLOCK, text).with_message(Message::request(to, record)));
        }
        let deadline = self.deadline();
        let reply = self.send(to, record, deadline)?;
        let end = match Crew::here(&self.directory) {
            Some(crew) => match crew.run_until(deadline, || reply.is_done()) {
                Ok(()) => reply.take_or_end(Code::EXPIRED),
                Err(stuck) => {
                    abandon(&reply, Code::WOULD_BLOCK);
                    return Err(Failure::new(Code::WOULD_BLOCK, format!("nobody answered: {stuck}")));
                }
            },
            None if self.learns(to) => self.sleep_as_learnt(&reply, deadline),
            None => self.sleep(self.idle.into(), &reply, deadline),
        };
        finish(reply, end)
    }

    fn would_block(&self, to: Address) -> bool {
        let to = to.completed_from(self.directory.home());
        let here = || match to.tid() {
            Some(_) => self.directory.route(to).is_ok_and(|(_, post)| post.is_here()),
            None => self.directory.service_is_here(Key { nid: to.nid, record: R::ID }),
        };
        // A kernel that has stopped says so at once.
        let hosts = Core::is_host()
            && !self.directory.is_stopping()
            && (here() || self.directory.asks_this_thread(to, R::TYPE));
        Core::is_entered() || hosts && Crew::here(&self.directory).is_none()
    }

    fn deadline(&self) -> Time {
        self.timeout.map_or(Time::NEVER, |timeout| self.directory.clock.now().after(timeout))
    }

    fn send(&self, to: Address, record: R, deadline: Time) -> Result<Arc<Reply>, Failure> {
        let reply = spare();
        let asker = Sender::Outside(Some(Asker::new(reply.clone())));
        let mut message = Message::new(to, Body::new(record), Flags::WANT_ANSWER, asker);
        message.set_deadline(deadline);
        if let Err(code) = self.directory.send(&mut message) {
            message.sender = Sender::Outside(None);
            message.set_code(code);
            return Err(Failure::from(code).with_message(message));
        }
        Ok(reply)
    }

    /// Whether experience says how to wait: for another node, by default.
    fn learns(&self, to: Address) -> bool {
        let directory = &self.directory;
        let to = to.completed_from(directory.home());
        self.idle == Idle::Adaptive
            && to.node != directory.node
            && !(to.node == NodeId::ANY && directory.offers(Key { nid: to.nid, record: R::ID }))
    }

    fn sleep_as_learnt(&self, reply: &Arc<Reply>, deadline: Time) -> Result<Message<'static>, Code> {
        let answered = |end: &Result<Message<'static>, Code>| end.as_ref().is_ok_and(|message| message.code.is_ok());
        let within = self.timeout.unwrap_or(Duration::MAX);
        HABIT.with(|habit| Habit::wait(habit, |manner| self.sleep(manner.within(within), reply, deadline), answered))
    }

    fn sleep(&self, manner: Manner, reply: &Arc<Reply>, deadline: Time) -> Result<Message<'static>, Code> {
        let mut since = None;
        if manner.spin(&mut since, || reply.is_done()) == Spun::Ready {
            return reply.take_or_end(Code::STOPPED);
        }
        self.directory.follow(reply);
        let clock = &self.directory.clock;
        // Something that goes with the thread may ask when these variables have gone before it.
        let waiter = WAITER.try_with(Arc::clone).unwrap_or_else(|_| Waiter::new());
        if deadline != Time::NEVER {
            let sleeper: Weak<Waiter> = Arc::downgrade(&waiter);
            clock.follow(sleeper);
        }
        let waker = Waker::from(waiter);
        loop {
            if let Some(end) = reply.take_or_wait(&waker) {
                return end;
            }
            if deadline != Time::NEVER && clock.now() >= deadline {
                return reply.take_or_end(Code::EXPIRED);
            }
            if manner.spin(&mut since, || reply.is_done()) != Spun::Sleep {
                continue;
            }
            match clock.sleep_until(deadline) {
                Some(timeout) => std::thread::park_timeout(timeout),
                None => std::thread::park(),
            }
        }
    }

    fn begin(&self, to: Address, record: R) -> Result<Arc<Reply>, Failure> {
        let deadline = self.deadline();
        let reply = self.send(to, record, deadline)?;
        self.directory.follow(&reply);
        if deadline != Time::NEVER {
            self.alarms.set(&reply, deadline);
        }
        Ok(reply)
    }
}

/// The answer as the asker wants it; the slot goes back to its thread, unless that is about to end.
fn finish<A: Record>(reply: Arc<Reply>, end: Result<Message<'static>, Code>) -> Result<A, Failure> {
    let _ = SPARES.try_with(|spares| {
        let mut spares = spares.borrow_mut();
        if spares.len() < MAX_SPARES {
            spares.push(reply);
        }
    });
    let message = end.map_err(Failure::from)?;
    events::reached(&message);
    message.into_answer()
}

/// Ends the waiting with `code`: whatever comes now is late, and what came already is dropped here.
fn abandon(reply: &Reply, code: Code) {
    if let Ok(message) = reply.take_or_end(code) {
        events::reached(&message);
    }
}

/// A slot that nobody else holds.
fn spare() -> Arc<Reply> {
    let spare = SPARES.try_with(|spares| {
        let mut spares = spares.borrow_mut();
        let free = spares.iter().position(|reply| Arc::strong_count(reply) == 1);
        free.map(|index| spares.swap_remove(index))
    });
    match spare.ok().flatten() {
        Some(mut reply) => {
            match Arc::get_mut(&mut reply) {
                Some(own) => own.renew(),
                None => reply.reset(),
            }
            reply
        }
        None => Arc::new(Reply::new()),
    }
}

impl<R: Record> Future for Ask<R> {
    type Output = Result<R::Answer, Failure>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let reply = match std::mem::replace(&mut self.state, State::Over) {
            State::Question(to, record) => match self.begin(to, record) {
                Ok(reply) => reply,
                Err(failure) => return Poll::Ready(Err(failure)),
            },
            State::Waiting(reply) => reply,
            State::Over => return Poll::Ready(Err(Failure::new(Code::STOPPED, "the answer has been taken already"))),
        };
        match reply.take_or_wait(task.waker()) {
            Some(end) => Poll::Ready(finish(reply, end)),
            None => {
                self.state = State::Waiting(reply);
                Poll::Pending
            }
        }
    }
}

// The record is moved out before anything is polled, and nothing points into it.
impl<R: Record> Unpin for Ask<R> {}

impl<R: Record> Drop for Ask<R> {
    fn drop(&mut self) {
        if let State::Waiting(reply) = &self.state {
            abandon(reply, Code::STOPPED);
        }
    }
}

impl<R: Record> fmt::Debug for Ask<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Question(to, record) => return f.debug_tuple("Ask").field(to).field(record).finish(),
            State::Waiting(_) => "waiting",
            State::Over => "over",
        };
        f.debug_tuple("Ask").field(&state).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::HABIT;
    use crate::address::Address;
    use crate::code::Code;
    use crate::held::HeldMessage;
    use crate::id::{Nid, NodeId};
    use crate::idle::{Idle, Manner};
    use crate::kernel::Kernel;
    use crate::port::{Inlet, Port};

    const SERVICE: Address = Address::service(Nid::name("app"));
    const FAR: NodeId = NodeId::name("far");

    /// Reaches any node. Those that are not far answer at once.
    #[derive(Debug)]
    struct Oracle;

    impl Port for Oracle {
        fn reaches(&self, _: NodeId) -> bool {
            true
        }
        fn start(&self, _: Inlet) {}
        fn deliver(&self, mail: HeldMessage) {
            match mail.message().destination().node {
                FAR => mail.fail(Code::BUSY.into()),
                _ => mail.answer(()),
            }
        }
        fn stop(&self) {}
    }

    #[test]
    fn whoever_waits_for_another_node_does_what_has_been_quicker_unless_somebody_says_what_to_do() {
        let kernel = Kernel::builder("here").start().expect("a kernel");
        let learns = |to: Address| kernel.ask(to, ()).learns(to);
        assert!(!learns(SERVICE) && !learns(SERVICE.on_node(NodeId::name("here"))));
        let there = SERVICE.on_node(NodeId::name("there"));
        let any = Address::any_node(Nid::name("app"));
        assert!(learns(there) && learns(any));
        for idle in [Idle::Park, Idle::Spin, Idle::SpinThenPark(Duration::ZERO)] {
            assert!(!kernel.ask(there, ()).idle(idle).learns(there), "expected {idle:?} to be heeded");
        }
        let space = kernel.namespace("app").open().expect("a namespace");
        space.topic::<()>().open().expect("a topic");
        assert!(!learns(any), "expected a service of this node to be known");
    }

    #[test]
    fn a_thread_learns_from_answers_and_not_from_what_came_back() {
        let kernel = Kernel::builder("here").start().expect("a kernel");
        kernel.attach(Arc::new(Oracle));
        let waits_until_it_spins = |node: NodeId| {
            let sleeps = |_: &i32| HABIT.get().manner() == Manner::PARK;
            (0..1000).take_while(sleeps).map(|_| drop(kernel.ask(SERVICE.on_node(node), ()).wait())).count()
        };
        assert_eq!(waits_until_it_spins(FAR), 1000);
        assert!(waits_until_it_spins(NodeId::name("near")) < 1000, "expected it to try to spin");
    }
}
