//! [`TestKernel`]: a kernel that the test drives.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as Task, Poll, Waker};
use std::time::Duration;

use crate::address::Address;
use crate::clock::{ManualClock, Time};
use crate::code::Failure;
use crate::crew::{Crew, Stuck, Turn};
use crate::kernel::Kernel;
use crate::opening::NamespaceBuilder;
use crate::record::Record;

/// A kernel whose workers run on the test's thread, in an order that a seed decides, by a clock that stands still
/// until the test moves it. Dropping it stops the kernel.
///
/// ```
/// use std::time::Duration;
/// use rohrpost::testing::{Probe, TestKernel};
/// use rohrpost::{Absent, Code, Time};
///
/// let mut test = TestKernel::with_seed("node", 42);
/// let app = test.namespace("app").threads(3).open()?;
/// let (caller, silent) = (Probe::new("caller"), Probe::new("silent"));
/// silent.hold::<()>();
/// app.register(caller.clone())?;
/// let nobody_answers = app.register_on(2, silent.clone())?;
///
/// caller.act(move |ctx| {
///     let _ = ctx.within(Duration::from_secs(3600)).request(nobody_answers, ());
/// });
/// test.run_until_idle()?;
/// caller.expect_nothing();
/// test.advance(Duration::from_secs(3600))?;               // takes no time
/// assert_eq!(caller.expect_returned::<()>(), Code::EXPIRED);
/// assert_eq!(test.now(), Time::START.after(Duration::from_secs(3600)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TestKernel {
    kernel: Kernel,
    crew: Rc<Crew>,
    seed: u64,
}

impl TestKernel {
    /// A kernel whose node has this name, with the seed 0.
    ///
    /// # Panics
    ///
    /// If the name is none; see [`StartError`](crate::StartError).
    #[must_use]
    #[track_caller]
    pub fn new(name: &str) -> Self {
        Self::with_seed(name, 0)
    }

    /// The same with another order of events: the one that belongs to `seed`.
    ///
    /// # Panics
    ///
    /// If the name is none; see [`StartError`](crate::StartError).
    #[must_use]
    #[track_caller]
    pub fn with_seed(name: &str, seed: u64) -> Self {
        Self::within(Crew::new(Arc::new(ManualClock::new()), seed), name, seed)
    }

    #[track_caller]
    fn within(crew: Rc<Crew>, name: &str, seed: u64) -> Self {
        match Kernel::builder(name).start_in(&crew) {
            Ok(kernel) => Self { kernel, crew, seed },
            Err(error) => panic!("no test kernel: {error}"),
        }
    }

    /// Another node beside this one: both go by one clock, and whoever runs the workers of one runs those of both, in the
    /// order that the seed decides.
    ///
    /// ```
    /// use rohrpost::testing::{Probe, TestKernel};
    ///
    /// let mut north = TestKernel::new("north");
    /// let south = north.neighbour("south");
    /// let probe = Probe::new("probe");
    /// let address = south.namespace("app").open()?.register(probe.clone())?;
    /// south.kernel().notify(address, ())?;
    /// north.run_until_idle()?;
    /// probe.expect::<()>();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the name is none; see [`StartError`](crate::StartError).
    #[must_use]
    #[track_caller]
    pub fn neighbour(&self, name: &str) -> Self {
        Self::within(self.crew.clone(), name, self.seed)
    }

    /// The kernel, as the code under test knows it.
    #[must_use]
    pub const fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The seed that decides who runs next.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// A namespace with this name, to be opened with [`open`](NamespaceBuilder::open).
    ///
    /// Cores and idling do not apply to its workers; [`stack_size`](NamespaceBuilder::stack_size) is how much of the
    /// test's stack each may use, default 512 KiB.
    pub fn namespace(&self, name: &str) -> NamespaceBuilder {
        self.kernel.namespace(name)
    }

    /// One turn of one worker that has something to do, and which; `None` if all are at rest.
    pub fn step(&mut self) -> Option<Turn> {
        self.crew.step()
    }

    /// Turns until all workers are at rest; how many. The clock stands still.
    ///
    /// # Errors
    ///
    /// [`Stuck::Restless`] if they are not at rest after 100,000 turns, or what [`set_bound`](Self::set_bound) says.
    pub fn run_until_idle(&mut self) -> Result<usize, Stuck> {
        self.crew.rest(|| false)
    }

    /// Moves the clock by `duration`, from deadline to deadline: what is due runs in order, each at its own moment, and
    /// all workers are at rest in between and in the end. How many turns that took.
    ///
    /// # Errors
    ///
    /// [`Stuck::Restless`] if the workers do not come to rest at some moment; the clock stays there.
    pub fn advance(&mut self, duration: Duration) -> Result<usize, Stuck> {
        self.crew.advance_to(self.now().after(duration))
    }

    /// What the clock shows.
    #[must_use]
    pub fn now(&self) -> Time {
        self.crew.now()
    }

    /// The next moment at which somebody has something to do although no mail comes.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        self.crew.next_deadline()
    }

    /// How many turns the workers may take at one moment of the clock before they count as restless; default 100,000.
    pub fn set_bound(&mut self, turns: usize) {
        self.crew.set_bound(turns);
    }

    /// The last turns that were taken, the latest at the end.
    #[must_use]
    pub fn last_turns(&self) -> String {
        self.crew.last_turns()
    }

    /// Asks a target from outside, and runs the workers until it has answered.
    ///
    /// The clock stands still. [`Kernel::ask`] with a timeout, and `wait`, moves it: from deadline to deadline until
    /// there is an answer, or the timeout is over.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rohrpost::testing::{Probe, TestKernel};
    /// use rohrpost::{Code, Time};
    ///
    /// let mut test = TestKernel::new("node");
    /// let silent = Probe::new("silent");
    /// silent.hold::<()>();
    /// let address = test.namespace("app").open()?.register(silent)?;
    ///
    /// let failure = test.ask(address, ()).unwrap_err();
    /// assert!(failure.text().starts_with("nobody answered"));
    ///
    /// let expired = test.kernel().ask(address, ()).timeout(Duration::from_secs(9)).wait().unwrap_err();
    /// assert_eq!(expired.code(), Code::EXPIRED);
    /// assert_eq!(test.now(), Time::START.after(Duration::from_secs(9)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The code that the message ended with; [`Code::WOULD_BLOCK`](crate::Code::WOULD_BLOCK) and a text if all workers
    /// came to rest without an answer, or did not come to rest.
    pub fn ask<R: Record>(&mut self, to: Address, record: R) -> Result<R::Answer, Failure> {
        self.kernel.ask(to, record).wait()
    }

    /// Runs a future of the code under test, and the workers, until it is done.
    ///
    /// The clock moves, from deadline to deadline, only while something is awaited that has a timeout.
    ///
    /// ```
    /// use rohrpost::testing::{Probe, TestKernel};
    ///
    /// let mut test = TestKernel::new("node");
    /// let address = test.namespace("app").open()?.register(Probe::new("probe"))?;
    /// let kernel = test.kernel().clone();
    /// let done = test.block_on(async move { kernel.ask(address, ()).await })?;
    /// assert!(done.is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Stuck`] if the future waits for something that no worker is going to do.
    #[expect(clippy::missing_panics_doc, reason = "the future is polled until its output is there")]
    pub fn block_on<F: Future>(&mut self, future: F) -> Result<F::Output, Stuck> {
        let mut future = pin!(future);
        let mut output = None;
        let mut poll = || {
            if output.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(&mut Task::from_waker(Waker::noop()))
            {
                output = Some(value);
            }
            output.is_some()
        };
        // Each poll may begin to wait for something else, by another timeout.
        while !poll() {
            let limit = self.crew.next_alarm().unwrap_or(Time::NEVER);
            match self.crew.run_until(limit, &mut poll) {
                Err(Stuck::Idle) if self.crew.next_alarm().is_some() => {}
                end => end?,
            }
        }
        Ok(output.expect("the future was polled until it was done"))
    }
}

impl Drop for TestKernel {
    fn drop(&mut self) {
        // Nobody is left to read the report.
        let _ = self.kernel.stop(Duration::ZERO);
    }
}

impl fmt::Debug for TestKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestKernel").field("seed", &self.seed).field("now", &self.now()).finish_non_exhaustive()
    }
}
