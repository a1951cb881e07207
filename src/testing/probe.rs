//! [`Probe`]: a target that stands for somebody else, and writes down what it is sent.
//!
//! What a test can expect of it is in `expect`.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::address::Address;
use crate::code::{Code, Failure};
use crate::context::Context;
use crate::core::Core;
use crate::held::{Held, HeldMessage};
use crate::id::Tid;
use crate::message::Message;
use crate::orders;
use crate::post::Post;
use crate::record::{Record, RecordType};
use crate::target::{Outcome, Target};
use crate::testing::mail::Mail;

/// A target that writes down what it receives and observes, answers as it is told, and sends on its own.
///
/// Cloning it gives another handle to the same probe: register one, and keep one to look at. It is `Send`, so it can
/// stand on any thread of any kernel.
///
/// Without [`reply_with`](Self::reply_with) or [`hold`](Self::hold) it handles notifications, and requests that are
/// answered with `()`; other requests it sends back with [`Code::NOT_HANDLED`]. A reply that panics is the probe's panic,
/// and its policy decides ([`OnPanic`](crate::OnPanic)).
///
/// The assertions take the earliest mail that fits and that no assertion has taken before. They panic if there is none,
/// and say what did arrive:
///
/// ```should_panic
/// # use rohrpost::testing::{Probe, TestKernel};
/// # use rohrpost::record;
/// # #[derive(Clone, Debug)] struct Add(i64, i64);
/// # #[derive(Clone, Debug)] struct Reset;
/// # record!(Add, "calc.add"); record!(Reset, "calc.reset");
/// # let mut test = TestKernel::new("node");
/// let probe = Probe::new("calculator");
/// let address = test.namespace("app").open()?.register(probe.clone())?;
/// test.kernel().notify(address, Reset)?;
/// test.run_until_idle()?;
/// probe.expect::<Add>();
/// // the probe `calculator` expected a notification or request `calc.add`, and had this mail:
/// //   1. at 0ns: notification from outside: calc.reset Reset
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// On a kernel with threads of its own, mail may still be on its way when the test looks: see
/// [`patience`](Self::patience).
///
/// Cost: a lock and a copy of each message, and its text. It is made for tests.
#[derive(Clone)]
pub struct Probe {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) name: String,
    state: Mutex<State>,
    /// Told of each message.
    pub(super) changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) patience: Duration,
    pub(super) home: Home,
    /// What is to be done as soon as it has been registered.
    errands: VecDeque<Errand>,
    pub(super) mail: Vec<Mail>,
    habits: Vec<Habit>,
    held: Vec<HeldMessage>,
}

/// Where the probe lives.
#[derive(Default)]
pub(super) enum Home {
    #[default]
    Nowhere,
    At(Arc<Post>, Tid, Address),
    Gone,
}

/// Something to be done in a handler of the probe's.
type Errand = Box<dyn FnOnce(&Context<'_>) + Send>;

/// What the probe does with records of one type.
struct Habit {
    is_for: fn(&RecordType) -> bool,
    /// `None` while it is being used.
    reply: Option<Reply>,
}

enum Reply {
    With(Box<dyn FnMut(&mut Message<'_>) -> Outcome + Send>),
    Never,
}

impl Probe {
    /// A probe that is to be registered. The name is for the texts of failed assertions.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let state = Mutex::new(State::default());
        Self { shared: Arc::new(Shared { name: name.to_owned(), state, changed: Condvar::new() }) }
    }

    /// How long the assertions wait for mail that is still on its way; default: they do not. For kernels with threads
    /// of their own; where the test drives the worker of the probe, nobody waits.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        self.state().patience = patience;
        self
    }

    /// Its address, once it has started.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        match self.state().home {
            Home::At(_, _, address) => Some(address),
            Home::Nowhere | Home::Gone => None,
        }
    }

    /// Has it answer records of type `R` with what `reply` says. A failure sends the message back.
    pub fn reply_with<R: Record>(&self, mut reply: impl FnMut(&R) -> Result<R::Answer, Failure> + Send + 'static) {
        let with = move |message: &mut Message<'_>| {
            let Some(record) = message.record::<R>() else {
                return Outcome::NotHandled;
            };
            match reply(record) {
                Ok(answer) if message.wants_answer() => message.answer(answer),
                Ok(_) => {}
                Err(failure) => {
                    message.fail(failure);
                    return Outcome::NotHandled;
                }
            }
            Outcome::Handled
        };
        self.learn::<R>(Reply::With(Box::new(with)));
    }

    /// Has it hold messages whose first record is an `R`: they are not answered unless the test takes them with
    /// [`take_held`](Self::take_held).
    pub fn hold<R: Record>(&self) {
        self.learn::<R>(Reply::Never);
    }

    fn learn<R: Record>(&self, reply: Reply) {
        let mut state = self.state();
        let old = state.habits.iter().position(|habit| (habit.is_for)(R::TYPE));
        let old = old.map(|index| state.habits.remove(index));
        state.habits.push(Habit { is_for: RecordType::is::<R>, reply: Some(reply) });
        drop(state);
        drop(old);
    }

    /// The earliest message with an `R` that it holds, to be answered from the test.
    #[must_use = "a held message that is dropped goes back to its sender"]
    pub fn take_held<R: Record>(&self) -> Option<Held<R>> {
        let mut state = self.state();
        let index = state.held.iter().position(|held| held.message().kind().is::<R>())?;
        Held::new(state.held.remove(index))
    }

    /// Has it send a notification. It does so when its worker comes to that; before it is registered, when it starts.
    ///
    /// # Panics
    ///
    /// If it has been deregistered.
    #[track_caller]
    pub fn notify<R: Record>(&self, to: Address, record: R) {
        self.act(move |ctx| ctx.notify(to, record));
    }

    /// Has it send a request. The answer is mail to be expected.
    ///
    /// # Panics
    ///
    /// If it has been deregistered.
    #[track_caller]
    pub fn request<R: Record>(&self, to: Address, record: R) {
        self.act(move |ctx| drop(ctx.request(to, record)));
    }

    /// Has it do something as in a handler of its own. That is no message, and is not counted.
    ///
    /// # Panics
    ///
    /// If it has been deregistered.
    #[track_caller]
    pub fn act(&self, errand: impl FnOnce(&Context<'_>) + Send + 'static) {
        let mut state = self.state();
        let done = match &state.home {
            Home::Nowhere => {
                state.errands.push_back(Box::new(errand));
                return;
            }
            Home::At(post, tid, _) => {
                let tid = *tid;
                orders::command(post, move |core| core.prompt(tid, |ctx| errand(ctx)))
            }
            Home::Gone => false,
        };
        drop(state);
        assert!(done, "the probe `{}` was to do something, but it has been deregistered", self.shared.name);
    }

    /// Writes mail down; its index.
    fn note(&self, mail: Mail) -> usize {
        let mut state = self.state();
        state.mail.push(mail);
        state.mail.len() - 1
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock()
    }

    /// Does with a message what it was told to.
    fn deal_with(&self, message: &mut Message<'_>, ctx: &Context<'_>) -> Outcome {
        let kind = message.kind();
        let reply = {
            let mut state = self.state();
            state.habits.iter_mut().find(|habit| (habit.is_for)(kind)).and_then(|habit| habit.reply.take())
        };
        let Some(mut reply) = reply else {
            if !message.wants_answer() || kind.answered_by::<()>() {
                return Outcome::Handled;
            }
            let text = format!("the probe `{}` was not told how to answer `{}`", self.shared.name, kind.name());
            message.fail(Failure::new(Code::NOT_HANDLED, text));
            return Outcome::NotHandled;
        };
        // The lock is not held, so that a reply may use the probe.
        let outcome = match &mut reply {
            Reply::With(reply) => reply(message),
            Reply::Never => match ctx.hold(message) {
                Ok(held) => {
                    self.state().held.push(held);
                    Outcome::Handled
                }
                Err(_) => Outcome::NotHandled,
            },
        };
        let mut state = self.state();
        if let Some(habit) = state.habits.iter_mut().find(|habit| (habit.is_for)(kind))
            && habit.reply.is_none()
        {
            habit.reply = Some(reply);
        }
        outcome
    }
}

// Whoever has made no target is not to be told of this one.
#[diagnostic::do_not_recommend]
impl Target for Probe {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let mail = Mail::received(message, ctx.now());
        let index = self.note(mail);
        let outcome = self.deal_with(message, ctx);
        self.state().mail[index].keep_original(message);
        self.shared.changed.notify_all();
        outcome
    }

    fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        let mail = Mail::came_back(answer, ctx.now());
        self.note(mail);
        self.shared.changed.notify_all();
    }

    fn observed(&mut self, message: &Message<'_>, ctx: &mut Context<'_>) {
        self.note(Mail::observed(message, ctx.now()));
        self.shared.changed.notify_all();
    }

    fn started(&mut self, ctx: &mut Context<'_>) {
        let address = ctx.address();
        let (Some(core), Some(tid)) = (Core::current(), address.tid()) else {
            return;
        };
        let errands = {
            let mut state = self.state();
            state.home = Home::At(core.post.clone(), tid, address);
            std::mem::take(&mut state.errands)
        };
        errands.into_iter().for_each(|errand| errand(ctx));
    }

    fn stopping(&mut self, _ctx: &mut Context<'_>) {
        let held = {
            let mut state = self.state();
            state.home = Home::Gone;
            std::mem::take(&mut state.held)
        };
        held.into_iter().for_each(|held| held.finish(Code::STOPPED));
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("name", &self.shared.name).field("mail", &self.mail()).finish()
    }
}
