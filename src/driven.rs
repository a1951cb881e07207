//! [`Driven`]: a worker on the caller's thread, for game loops, user interfaces and tests.

use std::fmt;
use std::marker::PhantomData;
use std::task::Waker;

use crate::clock::Time;
use crate::thread::Thread;
use crate::worker::Worker;

/// A worker that runs when it is told to, on the thread that opened it. Dropping it closes the namespace.
///
/// ```
/// use rohrpost::{Context, Kernel, Message, Outcome, Target};
///
/// struct Player(u32);
/// impl Target for Player {
///     fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
///         self.0 += 1;
///         Outcome::Handled
///     }
/// }
///
/// let kernel = Kernel::builder("arcade").start()?;
/// let (game, mut worker) = kernel.namespace("game").driven()?;
/// let player = game.register(Player(0))?;
/// for _frame in 0..3 {
///     kernel.notify(player, ())?;
///     worker.run_until_idle();             // then draw
/// }
/// assert_eq!(kernel.counters().handled, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Driven {
    worker: Worker,
    stack: usize,
    not_send: PhantomData<*mut ()>,
}

impl Driven {
    pub(crate) const fn new(worker: Worker, stack: usize) -> Self {
        Self { worker, stack, not_send: PhantomData }
    }

    pub(crate) const fn worker(&self) -> &Worker {
        &self.worker
    }

    /// One turn: ticks of timers (64 at most), mail that waits (64 at most), deadlines that passed, one message from
    /// other threads. Whether there was anything.
    pub fn run_once(&mut self) -> bool {
        let core = self.worker.core().clone();
        core.set_stack(self.stack);
        core.enter(|| self.worker.turn())
    }

    /// Turns until there is nothing to do; how many did something. Ends only if the targets come to rest.
    pub fn run_until_idle(&mut self) -> usize {
        std::iter::from_fn(|| self.run_once().then_some(())).count()
    }

    /// When [`run_once`](Self::run_once) has something to do even if no mail comes: the next deadline of a request, or
    /// the next tick of a timer. Takes a look at each timer that is due at about the same time.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        self.worker.core().next_deadline()
    }

    /// Whether a turn would find something now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.worker.is_ready()
    }

    /// Has `waker` woken when the next mail comes, once; `false` if there is something to do already.
    ///
    /// For event loops that sleep: say so before each sleep. Whoever sends wakes it, on its own thread, and with no lock of
    /// the kernel in hand: a waker may call the kernel, but it takes the sender's time.
    #[must_use]
    pub fn wake_for_mail(&self, waker: Waker) -> bool {
        self.worker.core().post.inbox.set_waker(waker);
        self.worker.announce_sleep() && !self.worker.is_ready()
    }

    /// This thread, to register targets that are not `Send`.
    pub fn build<R>(&mut self, build: impl FnOnce(Thread<'_>) -> R) -> R {
        let core = self.worker.core().clone();
        core.set_stack(self.stack);
        core.enter(|| {
            // The last turn's moment has passed.
            core.begin_turn();
            build(Thread::new(&core))
        })
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.worker.core().set_stack(self.stack);
        self.worker.finish();
    }
}

impl fmt::Debug for Driven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driven").field("ready", &self.is_ready()).finish_non_exhaustive()
    }
}
