//! The records and targets of these tests.

use std::sync::{Arc, Condvar, Mutex};

use rohrpost::{Address, Context, Failure, Handle, Held, Later, Message, Outcome, Target, handles, record};

use crate::PATIENCE;

/// A small notification.
#[derive(Clone, Debug)]
pub(crate) struct Note(pub(crate) u32);
record!(Note, "allocations.note");

/// A small question.
#[derive(Clone, Debug)]
pub(crate) struct Query(pub(crate) u32);
record!(Query, "allocations.query" => Reply);

/// Its answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply(pub(crate) u32);
record!(Reply, "allocations.reply");

/// A record of one KiB.
#[derive(Clone, Debug)]
pub(crate) struct Large(pub(crate) [u64; 128]);
record!(Large, "allocations.large");

/// Tells a [`Sender`] to send that many.
#[derive(Clone, Debug)]
pub(crate) struct Go(pub(crate) u32);
record!(Go, "allocations.go");

/// Handles notes and queries at once.
pub(crate) struct Receiver(pub(crate) u64);
impl Handle<Note> for Receiver {
    fn handle(&mut self, note: &Note, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.0 += u64::from(note.0);
        Ok(())
    }
}
impl Handle<Large> for Receiver {
    fn handle(&mut self, large: &Large, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.0 += large.0[127];
        Ok(())
    }
}
impl Handle<Query> for Receiver {
    fn handle(&mut self, query: &Query, _ctx: &mut Context<'_>) -> Result<Reply, Failure> {
        Ok(Reply(query.0))
    }
}
handles!(Receiver: Note, Large, Query);

/// Handles nothing.
pub(crate) struct Deaf;
impl Target for Deaf {
    fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        Outcome::NotHandled
    }
}

/// Sends everything on.
pub(crate) struct Gate(pub(crate) Address);
impl Target for Gate {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        ctx.forward(message, self.0);
        Outcome::Handled
    }
}

/// Passes a note on by a message of its own.
pub(crate) struct Link(pub(crate) Address);
impl Target for Link {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        ctx.notify(self.0, Note(message.record::<Note>().map_or(0, |note| note.0)));
        Outcome::Handled
    }
}

/// Holds a query and answers the one before.
#[derive(Default)]
pub(crate) struct Slow(pub(crate) Option<Held<Query>>);
impl Later<Query> for Slow {
    fn handle(&mut self, query: Held<Query>, _ctx: &mut Context<'_>) {
        if let Some(earlier) = self.0.replace(query) {
            let number = earlier.0;
            earlier.answer(Reply(number));
        }
    }
}
handles!(Slow: later Query);

/// Holds everything and passes it on at once.
pub(crate) struct Keeper(pub(crate) Address);
impl Target for Keeper {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        match ctx.hold(message) {
            Ok(held) => held.forward(self.0),
            Err(_) => return Outcome::NotHandled,
        }
        Outcome::Handled
    }
}

/// What a [`Sender`] does for one message.
pub(crate) type Way = fn(&Sender, &Context<'_>);

/// Sends one message after the other; with `answered`, the next one when the one before has come back.
pub(crate) struct Sender {
    pub(crate) to: Address,
    pub(crate) way: Way,
    pub(crate) left: u32,
    pub(crate) done: Arc<Gauge>,
    pub(crate) pace: Pace,
}

/// When the next message is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At once.
    AllAtOnce,
    /// When the one before has come back.
    WhenAnswered,
}

impl Sender {
    pub(crate) fn next(&mut self, ctx: &Context<'_>) {
        if self.left == 0 {
            return self.done.finish();
        }
        self.left -= 1;
        (self.way)(self, ctx);
    }
}

impl Target for Sender {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let Some(&Go(count)) = message.record() else {
            // One that waited for this target, which sent it to itself.
            return Outcome::Handled;
        };
        self.left = count;
        if self.pace == Pace::WhenAnswered {
            self.next(ctx);
            return Outcome::Handled;
        }
        while self.left > 0 {
            self.next(ctx);
        }
        self.done.finish();
        Outcome::Handled
    }

    fn answered(&mut self, _answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        if self.pace == Pace::WhenAnswered {
            self.next(ctx);
        }
    }
}

/// Says that everything before it on its thread is done.
pub(crate) struct End(pub(crate) Arc<Gauge>);
impl Target for End {
    fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        self.0.finish();
        Outcome::Handled
    }
}

/// Counts how often something was finished.
#[derive(Default)]
pub(crate) struct Gauge(Mutex<u32>, Condvar);

impl Gauge {
    pub(crate) fn finish(&self) {
        *self.0.lock().unwrap() += 1;
        self.1.notify_all();
    }

    pub(crate) fn wait_for(&self, rounds: u32) {
        let finished = self.0.lock().unwrap();
        let (finished, waited) = self.1.wait_timeout_while(finished, PATIENCE, |finished| *finished < rounds).unwrap();
        assert!(!waited.timed_out(), "expected round {rounds} to end within {PATIENCE:?}, not only {finished}");
    }
}
