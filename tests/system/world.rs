//! A kernel on a clock that the test turns, with driven workers, and clerks there who ask what they are told to.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use rohrpost::{
    Address, Code, Context, Counters, Driven, Kernel, ManualClock, Message, Namespace, Outcome, Record, Target, record,
};

/// A test that has waited this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Has the [`Asker`] that receives it run a closure in its handler.
pub(crate) struct Do(Box<Step>);
type Step = dyn FnOnce(&mut Asker, &mut Context<'_>) + Send;
record!(Do, "system-test.do", no_clone);

impl Do {
    pub(crate) fn new(step: impl FnOnce(&mut Asker, &mut Context<'_>) + Send + 'static) -> Self {
        Self(Box::new(step))
    }
}

impl std::fmt::Debug for Do {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Do(..)")
    }
}

/// Asks what it is told to; forwards everything else to the kernel.
pub(crate) struct Asker;

impl Target for Asker {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        match message.take() {
            Some(Do(step)) => step(self, ctx),
            None => ctx.forward(message, rohrpost::system::ADDRESS),
        }
        Outcome::Handled
    }
}

/// Namespaces `n0`, `n1` and so on with one driven worker each.
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
        let opened = (0..workers).map(|index| kernel.namespace(format!("n{index}")).requests(2).driven().unwrap());
        let (spaces, workers) = opened.map(|(space, worker)| (space, Some(worker))).unzip();
        Self { clock, kernel, spaces, workers }
    }

    /// Runs until nobody has anything to do.
    pub(crate) fn settle(&mut self) {
        while self.workers.iter_mut().flatten().map(Driven::run_until_idle).sum::<usize>() > 0 {}
    }

    /// An asker on this worker.
    pub(crate) fn asker(&mut self, index: usize) -> Address {
        let asker = self.spaces[index].register(Asker).unwrap();
        self.settle();
        asker
    }

    /// Has `asker` run `step`; what it sends with the sender that it is given.
    pub(crate) fn run<T: Send + 'static>(
        &mut self,
        asker: Address,
        step: impl FnOnce(&mut Asker, &mut Context<'_>, mpsc::Sender<T>) + Send + 'static,
    ) -> Vec<T> {
        let (told, heard) = mpsc::channel();
        self.kernel.notify(asker, Do::new(|me, ctx| step(me, ctx, told))).unwrap();
        self.settle();
        heard.try_iter().collect()
    }

    /// What a request of `asker` ends with: its answer once, or its code.
    pub(crate) fn request<R: Record>(&mut self, asker: Address, record: R) -> Result<R::Answer, Code> {
        let mut ends = self.run(asker, move |me, ctx, told| {
            ctx.request(rohrpost::system::ADDRESS, record).then_on(me, move |_, answer, _| {
                told.send(answer.map_err(|failure| failure.code())).unwrap();
            });
        });
        assert_eq!(ends.len(), 1, "expected each request to end once");
        ends.remove(0)
    }

    /// What a call of `asker` returns.
    pub(crate) fn call<R: Record>(&mut self, asker: Address, record: R) -> Result<R::Answer, Code> {
        let mut ends = self.run(asker, move |_, ctx, told| {
            let answer = ctx.call(rohrpost::system::ADDRESS, record);
            told.send(answer.map_err(|failure| failure.code())).unwrap();
        });
        ends.remove(0)
    }

    /// What a plain thread is answered while everybody works.
    pub(crate) fn ask<R: Record>(&mut self, record: R) -> Result<R::Answer, Code> {
        let mut ask = self.kernel.ask(self.kernel.system(), record);
        for _ in 0..100 {
            if let Some(end) = poll(&mut ask) {
                return end.map_err(|failure| failure.code());
            }
            self.settle();
        }
        panic!("expected an answer");
    }

    /// The counters, which are even when everybody is at rest.
    pub(crate) fn counters(&mut self) -> Counters {
        self.settle();
        let counters = self.kernel.counters();
        assert!(counters.is_balanced(), "expected even counters, not {counters:?}");
        counters
    }
}

/// Looks whether a question has been answered.
pub(crate) fn poll<F: Future + Unpin>(ask: &mut F) -> Option<F::Output> {
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(ask).poll(&mut task) {
        std::task::Poll::Ready(end) => Some(end),
        std::task::Poll::Pending => None,
    }
}
