//! Two clerks on two threads who do what they are told, and a probe that tells them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rohrpost::testing::{Probe, TestKernel};
use rohrpost::{
    Address, Answers, Code, Context, Failure, Handle, Namespace, Observes, RequestId, Setup, Started, Stopping,
    handles, record,
};

use crate::listener::Listener;

/// What a clerk is to do with the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Well,
    Badly,
    Panic(&'static str),
    /// Has the clerk send a deed, and panic when its answer is there.
    PanicAtAnswerOf(Address),
    /// Has the clerk call another.
    Call(Address, Box<Self>),
}
record!(Deed, "office.deed");

/// Nobody handles it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Riddle;
record!(Riddle, "office.riddle");

/// Panics when it is dropped.
#[derive(Debug)]
pub(crate) struct Bomb;
record!(Bomb, "office.bomb", no_clone);
impl Drop for Bomb {
    fn drop(&mut self) {
        panic_quietly("a bomb");
    }
}

/// Panics when it is copied.
#[derive(Debug)]
pub(crate) struct Glass;
record!(Glass, "office.glass");
impl Clone for Glass {
    fn clone(&self) -> Self {
        panic_quietly("glass")
    }
}

pub(crate) const LAZY: Code = Code::application(7);

/// Where a clerk panics by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weakness {
    Nowhere,
    AtTheStart,
    AtTheEnd,
    WhenDropped,
}

pub(crate) struct Clerk(pub(crate) Weakness);

impl Clerk {
    fn weak_at(&self, place: Weakness) {
        if self.0 == place {
            panic_quietly("a weakness");
        }
    }
}

impl Handle<Deed> for Clerk {
    fn handle(&mut self, deed: &Deed, ctx: &mut Context<'_>) -> Result<(), Failure> {
        match deed {
            Deed::Well => Ok(()),
            Deed::Badly => Err(Failure::new(LAZY, "not today")),
            Deed::Panic(text) => panic_quietly(text),
            &Deed::PanicAtAnswerOf(to) => {
                let _ = ctx.request(to, Deed::Well);
                Ok(())
            }
            Deed::Call(to, deed) => {
                let _ = ctx.call(*to, (**deed).clone());
                Ok(())
            }
        }
    }
}

impl Handle<Bomb> for Clerk {
    fn handle(&mut self, _bomb: &Bomb, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

impl Answers<()> for Clerk {
    fn answered(&mut self, _answer: Result<(), Failure>, _request: Option<RequestId>, _ctx: &mut Context<'_>) {
        panic_quietly("an answer");
    }
}

impl Started for Clerk {
    fn started(&mut self, _ctx: &mut Context<'_>) {
        self.weak_at(Weakness::AtTheStart);
    }
}

impl Stopping for Clerk {
    fn stopping(&mut self, _ctx: &mut Context<'_>) {
        self.weak_at(Weakness::AtTheEnd);
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        self.weak_at(Weakness::WhenDropped);
    }
}

impl Observes<Riddle> for Clerk {
    fn observed(&mut self, _riddle: &Riddle, _ctx: &mut Context<'_>) {
        panic_quietly("a riddle");
    }
}

handles!(Clerk: Deed, Bomb; answers (); observes Riddle; hooks started, stopping);

/// Makes clerks; the calls with these numbers, from 1 on, panic.
pub(crate) fn factory(bad: &'static [u32]) -> impl FnMut() -> Clerk + Send + 'static {
    let calls = Arc::new(AtomicU32::new(0));
    move || {
        if bad.contains(&(calls.fetch_add(1, Ordering::SeqCst) + 1)) {
            panic_quietly("no clerk to be had");
        }
        Clerk(Weakness::Nowhere)
    }
}

/// A panic that prints nothing.
pub(crate) fn panic_quietly(text: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(text))
}

/// A clerk beside the probe, and one on the other thread. Both come back after a panic.
pub(crate) struct Office {
    pub(crate) test: TestKernel,
    pub(crate) app: Namespace,
    pub(crate) listener: Listener,
    pub(crate) probe: Probe,
    pub(crate) probed: Address,
    pub(crate) near: Address,
    pub(crate) far: Address,
}

impl Office {
    pub(crate) fn new(listener: Listener) -> Self {
        Self::within(TestKernel::new("town"), listener)
    }

    pub(crate) fn within(mut test: TestKernel, listener: Listener) -> Self {
        let app = test.namespace("office").threads(2).waiting(4).open().unwrap();
        let probe = Probe::new("probe");
        let probed = app.register(probe.clone()).unwrap();
        let near = app.register_factory(Setup::new(), factory(&[])).unwrap();
        let far = app.register_factory(Setup::new().thread(1), factory(&[])).unwrap();
        test.run_until_idle().unwrap();
        Self { test, app, listener, probe, probed, near, far }
    }

    /// Has the workers run until they are at rest, while the listener listens.
    pub(crate) fn run(&mut self) {
        let Self { test, listener, .. } = self;
        listener.during(|| test.run_until_idle().unwrap());
    }

    /// Has the probe do something, and everything that follows.
    pub(crate) fn act(&mut self, errand: impl FnOnce(&Context<'_>) + Send + 'static) {
        self.probe.act(errand);
        self.run();
    }
}
