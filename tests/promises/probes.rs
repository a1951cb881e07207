//! The records and targets of the tests: a [`Probe`] writes what it sees into a [`Log`], runs what a [`Do`] tells it,
//! and does with other mail what its [`Habit`] says.

use std::sync::{Arc, Condvar, Mutex};

use rohrpost::{Address, Code, Context, HeldMessage, Message, Outcome, RecordRef, Target, record};

use crate::ways::PATIENCE;

/// A notification, or a request that is answered with `()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note(pub(crate) u32);
record!(Note, "promises.note");

/// A request that [`handle`] answers with a [`Reply`] of the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query(pub(crate) u32);
record!(Query, "promises.query" => Reply);

/// What answers a [`Query`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply(pub(crate) u32);
record!(Reply, "promises.reply");

/// A record that is too large to lie in its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Large(pub(crate) u32, pub(crate) [u64; 32]);
record!(Large, "promises.large" => Reply);

/// Has the [`Probe`] that receives it run a closure as its own. The log does not mention it unless it comes back.
pub(crate) struct Do(Box<Step>);
type Step = dyn FnOnce(&mut Probe, &mut Context<'_>) + Send;
record!(Do, "promises.do", no_clone);

impl Do {
    pub(crate) fn new(step: impl FnOnce(&mut Probe, &mut Context<'_>) + Send + 'static) -> Self {
        Self(Box::new(step))
    }

    /// The same step, done by `last` while each of `below` is on the stack under it.
    pub(crate) fn on_top_of(self, below: &[Address], last: Address) -> (Address, Self) {
        below
            .iter()
            .rev()
            .fold((last, self), |(to, step), &under| (under, Self::new(move |_, ctx| ctx.notify(to, step))))
    }
}

impl std::fmt::Debug for Do {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Do(..)")
    }
}

/// What all probes of a world have seen, in order. Cloning it gives another handle to the same log.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Log {
    pub(crate) fn note(&self, line: impl Into<String>) {
        let (lines, changed) = &*self.0;
        lines.lock().unwrap().push(line.into());
        changed.notify_all();
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.0.lock().unwrap().clone()
    }

    /// The lines that begin with `start`, in order.
    pub(crate) fn of(&self, start: &str) -> Vec<String> {
        self.lines().into_iter().filter(|line| line.starts_with(start)).collect()
    }

    /// Empties the log and returns what was in it.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.0.lock().unwrap())
    }

    /// Waits until `enough` of the lines; fails after [`PATIENCE`].
    pub(crate) fn wait_until(&self, enough: impl Fn(&[String]) -> bool) {
        let (lines, changed) = &*self.0;
        let lines = lines.lock().unwrap();
        let (lines, waited) = changed.wait_timeout_while(lines, PATIENCE, |lines| !enough(lines)).unwrap();
        assert!(!waited.timed_out(), "expected more than this within {PATIENCE:?}: {lines:#?}");
    }
}

/// What a probe does with mail that is no [`Do`].
pub(crate) type Habit = Box<dyn FnMut(&mut Message<'_>, &mut Context<'_>) -> Outcome + Send>;

/// Handles everything; a [`Query`] or a [`Large`] is answered with a [`Reply`] of its number.
pub(crate) fn handle() -> Habit {
    Box::new(|message, _| {
        let number = message.record::<Query>().map(|query| query.0);
        let number = number.or_else(|| message.record::<Large>().map(|large| large.0));
        if let Some(number) = number.filter(|_| message.wants_answer()) {
            message.answer(Reply(number));
        }
        Outcome::Handled
    })
}

/// Handles nothing.
pub(crate) fn ignore() -> Habit {
    Box::new(|_, _| Outcome::NotHandled)
}

/// Sends everything back with `code`.
pub(crate) fn refuse(code: Code) -> Habit {
    Box::new(move |message, _| {
        message.set_code(code);
        Outcome::Handled
    })
}

/// Panics without a word on the standard error, where a panic that is meant would only be noise.
pub(crate) fn panic_quietly(text: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(text))
}

/// Panics with `text`.
pub(crate) fn panicking(text: &'static str) -> Habit {
    Box::new(move |_, _| panic_quietly(text))
}

/// Forwards everything.
pub(crate) fn forward_to(to: Address) -> Habit {
    Box::new(move |message, ctx| {
        ctx.forward(message, to);
        Outcome::Handled
    })
}

/// Holds everything and puts it on `shelf`.
pub(crate) fn hold_on(shelf: &Shelf) -> Habit {
    let shelf = shelf.clone();
    Box::new(move |message, ctx| match ctx.hold(message) {
        Ok(held) => {
            shelf.put(held);
            Outcome::Handled
        }
        Err(_) => Outcome::NotHandled,
    })
}

/// Messages that somebody holds. Cloning it gives another handle to the same shelf.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<Vec<HeldMessage>>>);

impl Shelf {
    pub(crate) fn put(&self, held: HeldMessage) {
        self.0.lock().unwrap().push(held);
    }

    /// Everything on it, in the order in which it was put there.
    pub(crate) fn take(&self) -> Vec<HeldMessage> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// A target that logs `b started`, `b got 1`, `b back 1 OK` (an answer, or mail of its own that came back), and
/// `b stopping`; several records are shown as `1+2`.
pub(crate) struct Probe {
    pub(crate) name: &'static str,
    pub(crate) log: Log,
    habit: Habit,
    /// What a test has this target hold; it goes with the target.
    pub(crate) kept: Vec<HeldMessage>,
    /// Whether it says that it has started.
    is_first: bool,
}

impl Probe {
    pub(crate) fn new(name: &'static str, log: &Log, habit: Habit) -> Self {
        Self { name, log: log.clone(), habit, kept: Vec::new(), is_first: true }
    }

    /// The same in its first life, or in a later one, which does not say that it has started.
    pub(crate) fn in_life(number: usize, name: &'static str, log: &Log, habit: Habit) -> Self {
        Self { is_first: number == 1, ..Self::new(name, log, habit) }
    }

    fn note(&self, line: &str) {
        self.log.note(format!("{} {line}", self.name));
    }
}

impl Target for Probe {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(Do(step)) = message.take() {
            step(self, ctx);
            return Outcome::Handled;
        }
        self.note(&format!("got {}", label(message)));
        (self.habit)(message, ctx)
    }

    fn answered(&mut self, answer: &mut Message<'_>, _ctx: &mut Context<'_>) {
        self.note(&format!("back {} {}", label(answer), answer.code()));
    }

    fn started(&mut self, _ctx: &mut Context<'_>) {
        if self.is_first {
            self.note("started");
        }
    }

    fn stopping(&mut self, _ctx: &mut Context<'_>) {
        self.note("stopping");
    }
}

/// The numbers of a message's records.
pub(crate) fn label(message: &Message<'_>) -> String {
    let number = |record: RecordRef<'_>| {
        let note = record.downcast::<Note>().map(|note| note.0);
        let query = record.downcast::<Query>().map(|query| query.0);
        let reply = record.downcast::<Reply>().map(|reply| reply.0);
        let large = record.downcast::<Large>().map(|large| large.0);
        let number = note.or(query).or(reply).or(large);
        number.map_or_else(|| record.kind().name().to_owned(), |number| number.to_string())
    };
    message.records().map(number).collect::<Vec<_>>().join("+")
}
