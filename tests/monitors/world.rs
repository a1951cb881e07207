//! Driven workers, and targets that write down what they are told.

use std::sync::{Arc, Mutex};

use rohrpost::{
    Address, Context, Counters, Driven, Ended, Kernel, ManualClock, Message, Namespace, Outcome, Target, record,
};

/// Has the [`Scribe`] that receives it run a closure in its handler.
pub(crate) struct Do(pub(crate) Box<Step>);
type Step = dyn FnOnce(&mut Context<'_>) + Send;
record!(Do, "monitors.do", no_clone);

impl Do {
    pub(crate) fn new(step: impl FnOnce(&mut Context<'_>) + Send + 'static) -> Self {
        Self(Box::new(step))
    }
}

impl std::fmt::Debug for Do {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Do(..)")
    }
}

/// What one target has been told, in order.
#[derive(Clone, Default)]
pub(crate) struct Page(Arc<Mutex<Vec<String>>>);

impl Page {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    /// What was written since it was asked last.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Writes down what it is told, and runs what a [`Do`] has.
#[derive(Clone, Default)]
pub(crate) struct Scribe(pub(crate) Page);

impl Target for Scribe {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(Do(step)) = message.take() {
            step(ctx);
        } else if let Some(Ended { address, reason, .. }) = message.record() {
            assert_eq!(message.sender(), None, "expected the library to have no address");
            self.0.write(format!("{address} {reason}"));
        } else {
            return Outcome::NotHandled;
        }
        Outcome::Handled
    }
}

/// A kernel whose workers are all driven by the test: namespaces `n0`, `n1` and so on with one worker each.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) kernel: Kernel,
    pub(crate) spaces: Vec<Namespace>,
    pub(crate) workers: Vec<Option<Driven>>,
}

impl World {
    pub(crate) fn new(workers: usize) -> Self {
        let clock = Arc::new(ManualClock::new());
        let kernel = Kernel::builder("node").clock(clock.clone()).start().unwrap();
        let mut world = Self { clock, kernel, spaces: Vec::new(), workers: Vec::new() };
        for index in 0..workers {
            world.open(&format!("n{index}"));
        }
        world
    }

    /// Opens one more; its index.
    pub(crate) fn open(&mut self, name: &str) -> usize {
        let (space, worker) = self.kernel.namespace(name).driven().unwrap();
        self.spaces.push(space);
        self.workers.push(Some(worker));
        self.workers.len() - 1
    }

    /// Closes one, and ends its worker.
    pub(crate) fn close(&mut self, index: usize) {
        drop(self.workers[index].take());
    }

    /// Runs until nobody has anything to do.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            let busy: usize = self.workers.iter_mut().flatten().map(Driven::run_until_idle).sum();
            if busy == 0 {
                return;
            }
        }
        panic!("expected the workers to come to rest");
    }

    /// A scribe on this worker that is there already, and its page.
    pub(crate) fn scribe(&mut self, index: usize) -> (Address, Page) {
        let page = Page::default();
        let scribe = self.spaces[index].register(Scribe(page.clone())).unwrap();
        self.settle();
        (scribe, page)
    }

    /// Has `target` run `step`, and everybody what follows from it.
    pub(crate) fn run(&mut self, target: Address, step: impl FnOnce(&mut Context<'_>) + Send + 'static) {
        self.start(target, step);
        self.settle();
    }

    /// The same, only that nothing has happened yet.
    pub(crate) fn start(&self, target: Address, step: impl FnOnce(&mut Context<'_>) + Send + 'static) {
        self.kernel.notify(target, Do::new(step)).unwrap();
    }

    /// The counters, which are even when everybody is at rest.
    pub(crate) fn counters(&mut self) -> Counters {
        self.settle();
        let counters = self.kernel.counters();
        assert!(counters.is_balanced(), "expected even counters, not {counters:?}");
        counters
    }
}
