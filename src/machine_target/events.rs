//! Which event of a chart a message is, and hooks that are about its record.
//!
//! A chart knows events by number and hooks by one signature. Here records become events, for both front ends, and methods
//! that take a record become hooks.

use crate::code::Failure;
use crate::context::Context;
use crate::machine::{Builder, EventId, Model, Query, Step};
use crate::machine_target::Stateful;
use crate::message::Message;
use crate::record::{Record, RecordType};

/// What arrives at a machine, by the record that it is about.
///
/// In [`hsm!`](crate::hsm) these are `Pay`, `Paid = answer Receipt`, `Refused = returned Charge` and `Ticked = observed Tick`;
/// in a table built at run time they are told to [`Builder::messages`].
///
/// ```
/// use rohrpost::{Arrival, Context, Message, record};
/// use rohrpost::machine::{Model, State, Table, Transition};
///
/// #[derive(Clone, Debug)]
/// struct Push;
/// record!(Push, "door.push");
///
/// struct Door;
/// impl Model for Door {
///     type Event<'e> = Message<'e>;
///     type Context<'c> = Context<'c>;
/// }
///
/// let mut builder = Table::<Door>::builder();
/// let [push] = builder.messages([Arrival::of::<Push>()]);
/// let table = builder
///     .initial(Transition::to("closed"))
///     .state(State::new("closed").on(push, Transition::to("open")))
///     .state(State::new("open").on(push, Transition::to("closed")))
///     .build()?;
/// assert_eq!(table.event_name(push), Some("door.push"));
/// # Ok::<(), rohrpost::machine::Faults>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    record: &'static RecordType,
    way: Way,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Received,
    Answer,
    Returned,
    Observed,
}

impl Arrival {
    /// A message with an `R`.
    #[must_use]
    pub const fn of<R: Record>() -> Self {
        Self { record: R::TYPE, way: Way::Received }
    }

    /// An answer that is an `R`.
    #[must_use]
    pub const fn answer<R: Record>() -> Self {
        Self { record: R::TYPE, way: Way::Answer }
    }

    /// A message with an `R` that this machine has sent and that came back.
    #[must_use]
    pub const fn returned<R: Record>() -> Self {
        Self { record: R::TYPE, way: Way::Returned }
    }

    /// A copy of a message with an `R` to a service that this machine observes.
    #[must_use]
    pub const fn observed<R: Record>() -> Self {
        Self { record: R::TYPE, way: Way::Observed }
    }

    fn name(self) -> String {
        match self.way {
            Way::Received => self.record.name().to_owned(),
            Way::Answer => format!("answer {}", self.record.name()),
            Way::Returned => format!("returned {}", self.record.name()),
            Way::Observed => format!("observed {}", self.record.name()),
        }
    }

    fn is(self, message: &Message<'_>) -> bool {
        let way = match (message.is_answer(), message.code().is_ok()) {
            (false, _) if message.is_copy() => Way::Observed,
            (false, _) => Way::Received,
            (true, true) => Way::Answer,
            (true, false) => Way::Returned,
        };
        let record = if matches!(way, Way::Returned) { message.asked() } else { message.kind() };
        self.way == way && record.is_same(self.record)
    }
}

impl<M: Stateful> Builder<M> {
    /// Names the events that are messages, each after its record, and tells them from each other by type.
    ///
    /// Called twice, the table knows both lists.
    pub fn messages<const N: usize>(&mut self, arrivals: [Arrival; N]) -> [EventId; N] {
        let ids = arrivals.map(|arrival| self.event(arrival.name()));
        self.also_identify(move |message| {
            arrivals.iter().zip(ids).find(|(arrival, _)| arrival.is(message)).map(|(_, id)| id)
        });
        ids
    }
}

/// Makes an effect of a method that takes a record: `fn(&mut self, &Pay, &mut Context<'_>) -> Result<Receipt, Failure>`.
///
/// What it returns is the answer, or why there is none. Where the step was not set off by a message with that record (a
/// timeout, a raised event) it is not called.
///
/// ```
/// use rohrpost::{Context, Failure, effect, hsm, record};
///
/// #[derive(Clone, Debug)]
/// struct Add(u32);
/// #[derive(Clone, Debug)]
/// struct Total(u32);
/// record!(Add, "till.add" => Total);
/// record!(Total, "till.total");
///
/// struct Till { total: u32 }
///
/// impl Till {
///     fn add(&mut self, add: &Add, _ctx: &mut Context<'_>) -> Result<Total, Failure> {
///         self.total += add.0;
///         Ok(Total(self.total))
///     }
/// }
///
/// hsm! {
///     chart TillChart for Till;
///     messages TillEvent { Add }
///     initial Open;
///     state Open {
///         on Add / effect!(Till::add);
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! effect {
    ($method:expr) => {
        |me, ctx, step| $crate::__private::effect(me, ctx, step, $method)
    };
}

/// Makes a guard of a method that takes a record: `fn(&self, &Pay, &Context<'_>) -> bool`.
///
/// Where the step was not set off by a message with that record, the guard says no.
///
/// ```
/// use rohrpost::{Context, guard, hsm, record};
///
/// #[derive(Clone, Debug)]
/// struct Enter(u32);
/// record!(Enter, "door.enter");
///
/// struct Door { code: u32 }
///
/// impl Door {
///     fn knows(&self, enter: &Enter, _ctx: &Context<'_>) -> bool {
///         enter.0 == self.code
///     }
/// }
///
/// hsm! {
///     chart DoorChart for Door;
///     messages DoorEvent { Enter }
///     initial Locked;
///     state Locked {
///         on Enter if guard!(Door::knows) => Open;
///     }
///     state Open {}
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! guard {
    ($method:expr) => {
        |me, ctx, query| $crate::__private::permits(me, ctx, query, $method)
    };
}

/// Whether `message` is on its way to a receiver and carries an `R`.
#[doc(hidden)]
#[inline]
#[must_use]
pub fn is_received<R: Record>(message: &Message<'_>) -> bool {
    message.kind().is::<R>() && !message.is_answer() && !message.is_copy()
}

/// Whether `message` is a copy from a service and carries an `R`.
#[doc(hidden)]
#[inline]
#[must_use]
pub fn is_observed<R: Record>(message: &Message<'_>) -> bool {
    message.kind().is::<R>() && message.is_copy()
}

/// Whether `message` is an answer that is an `R`.
#[doc(hidden)]
#[inline]
#[must_use]
pub fn is_answer<R: Record>(message: &Message<'_>) -> bool {
    message.is_answer() && message.code().is_ok() && message.kind().is::<R>()
}

/// Whether `message` carried an `R` and came back.
#[doc(hidden)]
#[inline]
#[must_use]
pub fn is_returned<R: Record>(message: &Message<'_>) -> bool {
    message.is_answer() && !message.code().is_ok() && message.asked().is::<R>()
}

#[doc(hidden)]
#[inline]
pub fn effect<M: Model, R: Record>(
    me: &mut M,
    ctx: &mut Context<'_>,
    step: &mut Step<'_, Message<'_>>,
    run: impl FnOnce(&mut M, &R, &mut Context<'_>) -> Result<R::Answer, Failure>,
) {
    let Some(message) = step.event() else {
        return;
    };
    let Some(record) = message.record::<R>() else {
        return;
    };
    match run(me, record, ctx) {
        Ok(answer) if message.wants_answer() => message.answer(answer),
        Ok(_) => {}
        Err(failure) => message.fail(failure),
    }
}

#[doc(hidden)]
#[inline]
pub fn permits<M: Model, R: Record>(
    me: &M,
    ctx: &Context<'_>,
    query: &Query<'_, Message<'_>>,
    ask: impl FnOnce(&M, &R, &Context<'_>) -> bool,
) -> bool {
    query.event().and_then(Message::record).is_some_and(|record| ask(me, record, ctx))
}
