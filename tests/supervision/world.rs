//! A patient that panics when it is told to, and a probe beside it.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::testing::{Probe, TestKernel};
use rohrpost::{Address, Context, Failure, Handle, Namespace, Restart, Setup, Started, Stopping, handles, record};

/// Answered with the number of the life that handled it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask(pub(crate) u32);
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life(pub(crate) u32);
/// Has its receiver panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fail;
/// Says that a life has begun or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told(pub(crate) &'static str, pub(crate) u32);
/// Has its receiver send an errand, and panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailAfter(pub(crate) Address, pub(crate) Errand);
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Errand(pub(crate) u32);
record!(FailAfter, "patient.fail-after");
record!(Errand, "patient.errand");
record!(Ask, "patient.ask" => Life);
record!(Life, "patient.life");
record!(Fail, "patient.fail");
record!(Told, "patient.told");

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const INSTANT: Duration = Duration::from_nanos(1);

/// What the lives of a patient share.
#[derive(Clone, Default)]
pub(crate) struct File {
    lives: Arc<AtomicU32>,
    /// How many calls of the factory panic from now on.
    pub(crate) bad_factory: Arc<AtomicUsize>,
    /// How many starts panic from now on.
    pub(crate) bad_start: Arc<AtomicUsize>,
    /// The numbers of all questions, in the order in which they were handled.
    pub(crate) asked: Numbers,
}

/// Numbers in the order in which they came.
#[derive(Clone, Default)]
pub(crate) struct Numbers(Arc<Mutex<Vec<u32>>>);

impl Numbers {
    pub(crate) fn all(&self) -> Vec<u32> {
        self.0.lock().unwrap().clone()
    }
}

impl File {
    pub(crate) fn lives(&self) -> u32 {
        self.lives.load(Ordering::SeqCst)
    }

    /// One of `count`, if there is any left.
    fn take(count: &AtomicUsize) -> bool {
        count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }

    pub(crate) fn factory(&self, doctor: Option<Address>) -> impl FnMut() -> Patient + Send + 'static {
        let file = self.clone();
        move || {
            if Self::take(&file.bad_factory) {
                panic_quietly("the factory is on strike");
            }
            let life = file.lives.fetch_add(1, Ordering::SeqCst) + 1;
            Patient { file: file.clone(), life, doctor }
        }
    }
}

pub(crate) struct Patient {
    file: File,
    life: u32,
    doctor: Option<Address>,
}

impl Patient {
    fn tell(&self, what: &'static str, ctx: &Context<'_>) {
        if let Some(doctor) = self.doctor {
            ctx.notify(doctor, Told(what, self.life));
        }
    }
}

impl Handle<Ask> for Patient {
    fn handle(&mut self, ask: &Ask, _ctx: &mut Context<'_>) -> Result<Life, Failure> {
        self.file.asked.0.lock().unwrap().push(ask.0);
        Ok(Life(self.life))
    }
}

impl Handle<Fail> for Patient {
    fn handle(&mut self, _fail: &Fail, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        panic_quietly("a fit")
    }
}

impl Handle<FailAfter> for Patient {
    fn handle(&mut self, fail: &FailAfter, ctx: &mut Context<'_>) -> Result<(), Failure> {
        ctx.notify(fail.0, fail.1.clone());
        panic_quietly("a fit")
    }
}

impl Started for Patient {
    fn started(&mut self, ctx: &mut Context<'_>) {
        if File::take(&self.file.bad_start) {
            panic_quietly("a bad start");
        }
        self.tell("started", ctx);
    }
}

impl Stopping for Patient {
    fn stopping(&mut self, ctx: &mut Context<'_>) {
        self.tell("stopping", ctx);
    }
}

handles!(Patient: Ask, Fail, FailAfter; hooks started, stopping);

/// A panic that prints nothing.
pub(crate) fn panic_quietly(text: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(text))
}

/// A patient on the first thread of two, and a probe on the same or on the other.
pub(crate) struct Ward {
    pub(crate) test: TestKernel,
    pub(crate) app: Namespace,
    pub(crate) patient: Address,
    pub(crate) file: File,
    pub(crate) probe: Probe,
    pub(crate) probed: Address,
}

/// Where the probe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    OnTheSameThread,
    OnAnother,
}

impl Beside {
    pub(crate) const BOTH: [Self; 2] = [Self::OnTheSameThread, Self::OnAnother];
}

impl Ward {
    pub(crate) fn new(restart: Restart) -> Self {
        Self::beside(Beside::OnAnother, restart)
    }

    pub(crate) fn beside(beside: Beside, restart: Restart) -> Self {
        Self::within(TestKernel::new("node"), beside, restart)
    }

    pub(crate) fn within(mut test: TestKernel, beside: Beside, restart: Restart) -> Self {
        let app = test.namespace("app").threads(2).waiting(8).open().unwrap();
        let probe = Probe::new("probe");
        let probed = app.register_on((beside == Beside::OnAnother).into(), probe.clone()).unwrap();
        let file = File::default();
        let setup = Setup::new().name("patient").restart(restart);
        let patient = app.register_factory(setup, file.factory(Some(probed))).unwrap();
        test.run_until_idle().unwrap();
        assert_eq!(probe.expect::<Told>(), Told("started", 1));
        Self { test, app, patient, file, probe, probed }
    }

    /// Has the patient panic.
    pub(crate) fn fail(&mut self) {
        let failure = self.test.ask(self.patient, Fail).expect_err("expected a panic");
        assert_eq!(failure.to_string(), "EXCEPTION: a fit", "expected the panic to come back");
        self.test.run_until_idle().unwrap();
    }

    /// Moves the clock and runs what is due.
    pub(crate) fn advance(&mut self, duration: Duration) {
        self.test.advance(duration).unwrap();
    }

    /// The counters, which must add up.
    pub(crate) fn counters(&self) -> rohrpost::Counters {
        let counters = self.test.kernel().counters();
        assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
        counters
    }
}
