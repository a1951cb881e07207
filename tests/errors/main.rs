//! Bad input gets an error that names the value and the way out, and leaves everything as it was.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod bounds;
mod names;
mod targets;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rohrpost::{Address, Code, Context, HoldError, Kernel, Message, Outcome, Setup, Target, record};

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Debug, PartialEq)]
struct Ping(u32);
record!(Ping, "errors.ping" => Pong);

#[derive(Clone, Debug, PartialEq)]
struct Pong(u32);
record!(Pong, "errors.pong");

/// Answers with its number, and counts how many of its kind there are.
struct Echo(u32, Arc<AtomicUsize>);

impl Echo {
    fn new(number: u32) -> Self {
        Self(number, Arc::default())
    }

    fn counted(number: u32, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(number, alive.clone())
    }
}

impl Target for Echo {
    fn receive(&mut self, message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        if message.wants_answer() {
            message.answer(Pong(self.0));
        }
        Outcome::Handled
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

fn kernel() -> Kernel {
    Kernel::builder("errors").start().unwrap()
}

fn ping(kernel: &Kernel, to: Address) -> Result<Pong, Code> {
    kernel.ask(to, Ping(1)).timeout(PATIENCE).wait().map_err(|failure| failure.code())
}

/// The same, again and again while a hand-off of one place is taken.
fn ping_until_there_is_room(kernel: &Kernel, to: Address) -> Result<Pong, Code> {
    loop {
        match ping(kernel, to) {
            Err(Code::BUSY) => std::thread::yield_now(),
            end => return end,
        }
    }
}

/// Holds that the text of `error` has each of `parts`.
#[track_caller]
fn says(error: &dyn Error, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "expected {part:?} in the error {text:?}");
    }
    assert!(!text.ends_with('.') && !text.contains('\n'), "expected one phrase without a full stop: {text:?}");
}

#[test]
fn a_namespace_is_driven_by_one() {
    let kernel = kernel();
    let (space, mut worker) = kernel.namespace("game").driven().unwrap();
    let error = kernel.namespace("game").driven().map(|_| ()).expect_err("expected one driver");
    says(&error, &["game", "open already", "close it"]);
    let same = kernel.namespace("game").threads(4).open().expect("expected the namespace that is open");
    assert_eq!((same.id(), same.threads()), (space.id(), 1), "expected it as it is");
    let echo = same.register(Echo::new(3)).unwrap();
    worker.run_until_idle();
    kernel.notify(echo, Ping(1)).unwrap();
    assert!(worker.run_until_idle() > 0, "expected the first driver to go on");
    kernel.namespace("threads").open().unwrap();
    let error = kernel.namespace("threads").driven().map(|_| ()).expect_err("expected nobody to drive threads");
    says(&error, &["threads", "open already"]);
}

#[test]
fn a_stopped_kernel_says_so() {
    let kernel = kernel();
    let space = kernel.namespace("space").open().unwrap();
    let echo = space.register(Echo::new(1)).unwrap();
    assert!(kernel.stop(PATIENCE).is_complete(), "expected the kernel to stop");
    for name in ["space", "new"] {
        says(&kernel.namespace(name).open().expect_err("expected nothing to open"), &["stopped", "another"]);
        let error = kernel.namespace(name).driven().map(|_| ());
        says(&error.expect_err("expected nothing to open"), &["stopped", "another"]);
    }
    says(&space.register(Echo::new(2)).expect_err("expected nobody to come"), &["closed"]);
    says(&space.build_on(0, |_| Ok(())).expect_err("expected nothing to be built"), &["closed"]);
    let refused = kernel.notify(echo, Ping(1)).expect_err("expected no mail to be taken");
    says(&refused, &[&echo.to_string(), "STOPPED"]);
    let failure = kernel.ask(echo, Ping(1)).wait().expect_err("expected no answer");
    says(&failure, &["STOPPED"]);
}

#[test]
fn mail_to_nobody_is_refused_with_the_address_and_a_code() {
    let kernel = kernel();
    let space = kernel.namespace("space").open().unwrap();
    space.register_as("echo", Echo::new(1)).unwrap();
    let cases = [
        ("nobody.space.", Code::NO_TARGET),
        ("7.space.", Code::NO_TARGET),
        ("echo.nowhere.", Code::NO_NAMESPACE),
        ("echo", Code::NO_NAMESPACE),
        ("echo.space.elsewhere", Code::NO_NODE),
        (".space.", Code::NO_SERVICE),
        (".nowhere.", Code::NO_NAMESPACE),
    ];
    for (text, code) in cases {
        let to: Address = text.parse().unwrap();
        let refused = kernel.notify(to, Ping(4)).expect_err("expected nobody there");
        assert_eq!(refused.code(), code, "expected the reason at {text}");
        says(&refused, &[text.trim_end_matches('.'), &code.to_string()]);
        assert_eq!(refused.into_message().take(), Some(Ping(4)), "expected the record back from {text}");
        let mut failure = kernel.ask(to, Ping(5)).timeout(PATIENCE).wait().expect_err("expected nobody there");
        assert_eq!(failure.code(), code, "expected the reason at {text}");
        assert_eq!(failure.take_record(), Some(Ping(5)), "expected the record back from {text}");
        assert_eq!(failure.take_record::<Ping>(), None, "expected the record once");
    }
}

#[test]
fn a_message_that_cannot_be_held_says_why() {
    struct Twice(mpsc::Sender<[HoldError; 2]>);
    impl Target for Twice {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            let mut draft = Message::notification(ctx.address(), Ping(0));
            let never_sent = ctx.hold(&mut draft).map(drop).expect_err("expected a draft not to be held");
            let held = ctx.hold(message).expect("expected the message to be held");
            let again = ctx.hold(message).map(drop).expect_err("expected nothing to be left to hold");
            held.answer(Pong(8));
            let _ = self.0.send([never_sent, again]);
            Outcome::Handled
        }
    }

    let kernel = kernel();
    let (told, errors) = mpsc::channel();
    let twice = kernel.namespace("space").open().unwrap().register(Twice(told)).unwrap();
    assert_eq!(ping(&kernel, twice), Ok(Pong(8)), "expected the message to be answered once");
    let errors = errors.recv_timeout(PATIENCE).unwrap();
    assert_eq!(errors, [HoldError::Taken; 2], "expected the reason");
    says(&errors[0], &["taken already", "never sent"]);
    says(&HoldError::Busy, &["held", "answer some"]);
    says(&HoldError::WouldBlock, &["request"]);
}

#[test]
fn a_factory_that_panics_says_what() {
    let kernel = kernel();
    let space = kernel.namespace("space").open().unwrap();
    let built = space.build_on(0, |thread| Ok(thread.register_factory(Setup::new(), || -> Echo { panic!("no ink") })?));
    says(&built.expect_err("expected no target"), &["factory", "no ink"]);
    let built: Result<(), _> = space.build_on(0, |_| panic!("no paper"));
    says(&built.expect_err("expected no target"), &["no paper"]);
    let built: Result<(), _> = space.build_on(0, |_| Err("no stamps".into()));
    let error = built.expect_err("expected no target");
    says(&error, &["no stamps"]);
    assert!(error.source().is_some(), "expected the builder's own error behind it");
}
