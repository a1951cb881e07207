//! Pneumatic-tube mail for a program: targets send each other messages by address, and nothing gets lost on the way.
//!
//! A [`Kernel`] is one node. It has namespaces; a [`Namespace`] has one or more worker threads; a thread hosts
//! [`Target`]s. A target is reached at its [`Address`], `TID.NID.NODEID`. A [`Message`] is an envelope and its
//! records; it is handled, or it comes back and says why.
//!
//! ```
//! use rohrpost::{Code, Context, Failure, Handle, Kernel, handles, record};
//!
//! #[derive(Clone, Debug)]
//! struct Add(i64, i64);
//! #[derive(Clone, Debug)]
//! struct Sum(i64);
//! record!(Add, "calc.add" => Sum); // a request and what answers it
//! record!(Sum, "calc.sum");
//!
//! const OVERFLOW: Code = Code::application(0);
//!
//! struct Calculator;
//!
//! impl Handle<Add> for Calculator {
//!     fn handle(&mut self, add: &Add, _ctx: &mut Context<'_>) -> Result<Sum, Failure> {
//!         add.0.checked_add(add.1).map(Sum).ok_or_else(|| Failure::new(OVERFLOW, "the sum does not fit"))
//!     }
//! }
//! handles!(Calculator: Add);
//!
//! let kernel = Kernel::builder("car-7").start()?;
//! let app = kernel.namespace("navigation").open()?;
//! let calculator = app.register(Calculator)?;
//!
//! let Sum(five) = kernel.ask(calculator, Add(2, 3)).wait()?;
//! assert_eq!(five, 5);
//!
//! let failure = kernel.ask(calculator, Add(i64::MAX, 1)).wait().unwrap_err();
//! assert_eq!(failure.code(), OVERFLOW);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The ways of a message
//!
//! One address, whichever way the mail takes:
//!
//! - To an idle target of the same thread it is a **direct call** on the sender's stack: no queue, no lock, no
//!   allocation. When `notify` returns, it has been handled. *Idle* means: not on the stack, no mail waiting for it.
//! - To a target of the same thread that is not idle, or when the stack is deep, it **waits** in the thread's one
//!   waiting list, and is delivered when the stack is empty.
//! - To a target of another thread it takes one **hand-off**: one slot of the ring in front of that thread.
//! - From a plain thread, or a task of any executor, [`Kernel::ask`] and [`Kernel::notify`] use the same hand-off.
//! - A target's own **timers** ([`Context::timer`]) call it as a direct call does, when the thread's turn comes to them.
//!
//! # Services
//!
//! An address without a target means a service of its namespace: a record, and who answers for it. A message is routed by
//! its first record, to the **owner** ([`Namespace::serve`]), to one of a **group**'s owners ([`Namespace::group`]), or to
//! nobody at all, if it is a **topic** ([`Namespace::topic`]). **Observers** of any namespace see every message to a
//! service before its owner gets it ([`Namespace::observe`], [`Observes`]): on the thread that routes the message they see
//! the message itself, each other thread gets one copy through one hand-off, however many observers live there. An
//! observer that is not idle gets its copy later, in order. A service can retain its last message for observers that
//! come later ([`ServiceBuilder::retain_last`]). Through a service the mail takes the ways above, and all promises hold.
//!
//! # The promises
//!
//! Each has tests that state it, in `tests/promises/`, run over every way a message can take.
//!
//! 1. **One thread.** A target's code always runs on the same thread, never twice at once. Targets of one thread may
//!    share an `Rc`, a `RefCell`, a database handle: what is registered on its own thread need not be `Send`.
//! 2. **Direct.** A message to an idle target of the sender's thread is a call: no queue, no allocation, done when
//!    `notify` or `request` returns. A message to another thread makes exactly one hand-off. There is no mailbox per
//!    target.
//! 3. **Never re-entered.** Mail for a target that is not idle waits on its thread and is delivered in the order of
//!    arrival, after the outermost dispatch, before newer mail from other threads. After 64 such deliveries in a row
//!    hand-off, deadlines and timers get a turn. Nesting is bounded by count ([`NamespaceBuilder::depth`], 64) and by the
//!    stack that remains; past it, mail waits likewise.
//! 4. **Order.** What one sender sends to one receiver arrives in the order sent, whichever way each message went.
//!    Answers and returns keep their order with what the same target sent back earlier. Order is per hop: a forwarded
//!    message is ordered from its forwarder, what is held gives up its place, and the result of a `call` is a return
//!    value, not a delivery.
//! 5. **Everything comes back.** Every request is answered exactly once. A message whose final code is not
//!    [`Code::OK`] comes back to its sender, even if it wanted no answer. The code starts as [`Code::NOT_HANDLED`];
//!    a handler that says *handled* without a code makes it `OK`. Nothing comes back before the sender's handler has
//!    returned. A [`Kernel::notify`] has no sender: what fails at once is its error, with the message inside; what
//!    fails later is a dead letter.
//! 6. **Returns do not bounce.** An answer or a returned message is never returned. If the sender is gone, or was
//!    restarted meanwhile, it is counted as a dead letter ([`Counters`]), and whoever observes the topic of
//!    [`DeadLetter`] in the namespace `SYSTEM` is told. A copy for an observer is neither answered nor returned; one that
//!    does not get there is counted as lost.
//! 7. **Faults stay inside.** A panic unwinds only the handler that panicked; those below it on the stack go on, and
//!    the message comes back with [`Code::EXCEPTION`] and the panic's text. This holds in all methods of [`Target`],
//!    in continuations and factories, in a record's `Clone` and `Drop` and a target's `Drop`. Then the target's policy
//!    decides ([`OnPanic`]): deregister, keep, or restart from its factory, at once or after a delay and up to a limit
//!    ([`Restart`]). What it held comes back; mail for a target that is to come back waits, or comes back with
//!    [`Code::RESTARTING`]. Under `panic = "abort"` the process ends at the first panic: this promise and the policies
//!    are void, and what was on its way is lost with the process.
//! 8. **Bounded.** No handler ever blocks on another thread. A full hand-off returns the message with [`Code::BUSY`]
//!    at once. Hand-off, waiting list, held messages, unanswered requests and timers have bounds that can be set
//!    ([`NamespaceBuilder`]). A request reserves the room of its answer, so that answers and returns are never
//!    refused. What the library itself tells, [`Ended`] and [`Change`], is not refused either: it is as much as there is
//!    to tell. While such mail piles up outside a full hand-off, its thread sends nothing to other threads. What one
//!    handler sends before it returns is bounded only by that handler: each refused message waits as a return.
//! 9. **Deadlock is a code.** A [`Context::call`] that would close a cycle returns [`Code::WOULD_DEADLOCK`]. One to
//!    another thread, past the depth, past mail that still waits, or to a target that would hold it returns
//!    [`Code::WOULD_BLOCK`], and so does [`Ask::wait`] on a worker thread.
//! 10. **Deadlines travel.** At the deadline the requester gets [`Code::EXPIRED`], wherever the message is; a later
//!     answer is counted and dropped. An expired message is not handled. What a handler sends inherits the deadline
//!     unless it sets its own ([`Context::within`]). The clock is read once a turn, when somebody needs it. Answers do
//!     not expire.
//! 11. **Stopping is a drain.** Deregistering a target (also from its own handler), [`Namespace::close`] (also from
//!     its own thread) and [`Kernel::stop`] return all mail on the way with [`Code::STOPPED`]; later mail comes back
//!     with `STOPPED` or [`Code::NO_TARGET`]. A thread that does not come back is named in the [`StopReport`] and
//!     left to itself; everything else is answered. Dropping the last [`Kernel`] stops it too.
//! 12. **Counted.** At a quiescent point sent = handled + returned + dead letters, answers = answered + late + dead, and
//!     copies = observed + lost. Each message is counted once, where it ends. Counting costs the direct path no atomic
//!     read-modify-write.
//! 13. **Timers keep time.** A tick ([`Context::timer`], [`Namespace::timer`]) is a notification of a target to itself;
//!     none comes before its time, and those of one thread come in the order of their times. They come before the mail
//!     from other threads, so that a timeout beats a late answer, and leave turns to it: after 64 ticks in a row the
//!     other mail gets one. Tick `k` of a periodic timer is due at start + `k` × period, and of several that are late
//!     the last is delivered and tells how many were missed ([`Context::tick`]). When a timer has been cancelled, started
//!     anew or has gone with its target, no tick of before is delivered, not even one that was waiting. A tick is counted
//!     as sent when it begins. These have their tests in `tests/timers/`.
//!
//! What is built on these promises is tested with [`testing`]: the same workers on one thread, by a seed and a clock
//! that is turned by hand.
//!
//! # Who is there
//!
//! A target has itself told when another ends ([`Context::watch`]), or who comes and goes ([`Context::monitor`]): first
//! what is there, then every change, none missed and none twice. What can be asked of the kernel, such as the targets of
//! a namespace, can be asked by message: see [`system`].
//!
//! # Other nodes
//!
//! With the feature `net` a kernel joins a network, and the same addresses reach targets and services of other processes and
//! machines; `Address::any_node` finds whoever offers a service. A record that leaves its node is marked `wire`
//! ([`record!`]). The promises hold across nodes, with one addition: what was under way to a node that is lost comes back
//! with [`Code::NODE_LOST`], and nobody knows whether it was handled. See the chapter `net::guide`.
//!
//! Nothing is printed by the library, no signal handler is installed, and a process that uses it cannot be forked.
//! Message priorities are a non-goal.
//!
//! # The architecture
//!
//! The modules stand below in groups from ground to roof; each uses only its own group and those above it in this
//! list, which `tests/layers.rs` holds.
//!
//! The heart is the dispatcher. A message lies on its sender's stack; `Core::step` compares the receiver's generated
//! [`Tid`] with the thread's prefix, takes the target's box out of its slot (so that whoever looks finds it busy),
//! calls it, and puts the box back. Only a message that waits, is held, returns or crosses a thread is moved, by
//! value; there are no message boxes and no pools. What crosses a thread lies in the slots of a ring, and the receiving
//! worker serves it where it lies. Every message ends in one place, where it is counted, and turned round if it failed
//! or wants an answer.
//!
//! Services stand in one table of the node, behind a lock. What a message needs to know of one is a plan that never
//! changes; each thread keeps the plan it saw last, and one look at the service's version tells it whether that is still
//! right. Observers are lists of their own threads: the table knows only which threads have any.
//!
//! A timer lies in the thread's wheel, the module `timer`, and hangs at its target. Once a turn, if any timer is armed,
//! the thread reads the clock and gives out what is due. What a tick brings stays with its timer until right before the
//! handler runs; only a mark waits in the waiting list.
//!
//! `unsafe` lives in four small modules, each with the benchmark row that pays for it: `body` (records of any type in
//! place), `ring` (the hand-off), `cell` (what belongs to one thread) and `machine::course` (functions beside their
//! objects).
//!
//! [`machine`] is a room of its own: hierarchical state machines whose engine knows nothing of all this. A [`MachineTarget`]
//! stands between the two: a message is an event, what a state defers is held, and what has waited is delivered through the
//! waiting list like other mail, ahead of what is newer. See [`guide::state_machines`].
//!
//! # Features
//!
//! A feature only adds; none is on by default.
//!
//! `tracing` has the library tell the crate [`tracing`](https://docs.rs/tracing) what ends badly, one event for each:
//!
//! | what | level | target | fields |
//! |---|---|---|---|
//! | a message came back: it is with its sender again, with a code that is not `OK`, or its sender is told `EXPIRED` | debug | `rohrpost::return` | `code`, `sender`, `receiver`, `record`, `text` |
//! | a dead letter: it failed, and had no sender, or its sender is gone | warn | `rohrpost::dead_letter` | the same |
//! | mail from another node was not let in | info | `rohrpost::kept_out` | `code`, `node`, `receiver`, `record`, `text` |
//! | a panic was caught | warn | `rohrpost::panic` | `address` of the target, `text` |
//! | a target was made anew | info | `rohrpost::restart` | `address` |
//! | a timer was late: its tick was given 10 ms or more after it was due, or missed others | info | `rohrpost::late_timer` | `address`, `missed`, `lateness` |
//!
//! A return is the sender's to deal with, and a busy program has many of them, so it is for who looks for something.
//! Nobody else hears of a dead letter or a panic, so these are warnings; they are no errors, because the program goes on
//! as its policies say. A restart is one of these policies at work, and a late tick tells its handler what was missed
//! ([`Context::tick`]). Mail that is handled makes no event.
//!
//! There is an event wherever [`Counters`] count `returned`, `dead_letters`, `panics` and `restarts`, and where a
//! requester is told `EXPIRED`. What is refused at once to a plain thread is that call's error, and no event. A field is
//! missing where there is nothing to say: the sender of mail from outside, the target of a panic in a record's `Drop` or
//! in what builds targets, a text that is empty.
//!
//! A subscriber runs where the thing happened, on the worker's thread or the asker's, and takes that thread's time. It
//! may send, ask and answer as a handler may. One that panics harms nobody, and the panic is not counted.
//!
//! Without the feature there is no code and no dependency. With it a message that is handled pays nothing on the direct
//! path, but for a [`Context::call`], which looks at its code once more.
//!
//! `net-memory` and `net` are the network of nodes, without and with an engine: see the module `net`. `cli` builds the command
//! `rohrpost`, which runs a node with demo services and looks at others; it is apart from `net`, so that a program that
//! joins a network builds no parser of arguments or configuration files.
//!
//! # Versions
//!
//! Semantic versioning. The minimum supported Rust version is 1.92; raising it is a minor version. Adding a code, a
//! variant of a `#[non_exhaustive]` enum or a provided method to [`Target`] is not a breaking change.

// What everything stands on: ids, time, panics, and the primitives with which threads meet.
mod clock;
mod fault;
mod id;
mod name;
mod pool;
mod prefetch;
mod sync;
mod waking;

// Where mail goes and what it carries.
mod address;
mod body;
mod record;
#[cfg_attr(feature = "net-memory", path = "wiring/wired.rs")]
#[cfg_attr(not(feature = "net-memory"), path = "wiring/unwired.rs")]
mod wiring;

// The mail itself, how it ends, and how it is counted.
mod code;
mod counters;
mod ending;
#[cfg_attr(feature = "tracing", path = "events/traced.rs")]
#[cfg_attr(not(feature = "tracing"), path = "events/silent.rs")]
mod events;
mod message;
mod monitor;
mod origin;
mod reply;
pub mod system;
mod transit;

// Engines that know no thread, no clock and no mail: hierarchical state machines, and timers.
pub mod machine;
mod timer;

// What a worker is built of; none of it knows a target.
mod cell;
mod handoff;
mod registry;
mod ring;

// Who answers for a service and who observes it; none of it knows a worker.
mod service;

// What a handler sees, and what carries its mail.
mod abroad;
mod clerk;
mod context;
mod core;
mod departure;
mod directory;
mod dispatcher;
mod held;
mod machine_target;
mod monitoring;
mod muster;
mod orders;
mod pending;
mod port;
mod post;
mod residents;
mod serving;
mod setup;
mod target;
mod thread;
mod timers;
mod typed;
mod waiting;

// Threads, namespaces, the node, and the way in from outside.
mod affinity;
mod alarm;
mod ask;
mod crew;
mod driven;
mod habit;
mod idle;
mod kernel;
mod namespace;
mod opening;
mod stop;
mod worker;

// What the tests of a program need.
pub mod testing;

// Other nodes.
#[cfg(feature = "net-memory")]
pub mod net;

// Other nodes, by an engine.
#[cfg(feature = "net")]
pub mod zenoh;

// What explains all of it.
pub mod guide;

#[cfg(all(test, loom))]
mod models;

pub use address::{Address, AddressPart, ParseAddressError};
pub use affinity::PinError;
pub use ask::Ask;
pub use clock::{Clock, ManualClock, Sleeper, SystemClock, Time};
pub use code::{Code, Failure};
pub use context::{Context, Requested};
pub use counters::Counters;
pub use driven::Driven;
pub use ending::{Ended, Parting, Reason};
pub use held::{Held, HeldMessage, HoldError};
pub use id::{Nid, NodeId, ParseIdError, RecordId, Tid};
pub use idle::Idle;
pub use kernel::{Kernel, KernelBuilder, SendError, StartError};
pub use machine_target::events::Arrival;
pub use machine_target::{MachineTarget, Stateful, WhichState};
pub use message::{Message, RecordRef, RequestId};
pub use monitor::{Change, Event, Filter, Monitor};
pub use name::{MAX_NAME, NameCollision};
pub use namespace::Namespace;
pub use opening::{NamespaceBuilder, OpenError};
pub use origin::{Origin, Principal, Stub};
pub use port::{Inlet, Port, Ticket, Watch};
pub use record::{Absent, Record, RecordType};
pub use residents::restart::{Meanwhile, Restart};
pub use service::plan::Balance;
pub use serving::dead_letter::DeadLetter;
pub use serving::{ServeError, ServiceBuilder};
pub use setup::{BuildError, Placement, RegisterError, Setup};
pub use stop::StopReport;
pub use target::{OnPanic, Outcome, Target};
pub use thread::Thread;
pub use timers::arming::{NewTimer, Timer, TimerError};
pub use timers::handle::{NewTimerHandle, TimerHandle};
pub use timers::tick::Tick;
pub use typed::{Answers, Handle, Later, Observes, Started, Stopping};

/// The README's example, compiled and run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// What the macros need.
#[doc(hidden)]
pub mod __private {
    pub use crate::machine_target::events::{effect, is_answer, is_observed, is_received, is_returned, permits};
    pub use crate::namespace::Movable;
    #[cfg(feature = "net-memory")]
    pub use crate::net::codec::{Codec, Wired};
    pub use crate::record::{Copied, record_name};
    pub use crate::typed::{answered, each, handle, later, see};
    #[cfg(feature = "net-memory")]
    pub use inventory;

    /// Whether a message has more than one record.
    #[inline]
    #[must_use]
    pub fn has_several(message: &crate::Message<'_>) -> bool {
        message.has_several()
    }
}
