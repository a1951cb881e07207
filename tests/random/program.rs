//! Programs: who lives where, what happens from outside, and what each message makes its receivers do.
//!
//! A message carries its own script. Scripts are trees and nothing in them repeats, so that each [`Mail`] is sent
//! once at most and its number stands for it in the ledger.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rohrpost::{Balance, OnPanic, Restart};

/// What is run.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) bounds: Bounds,
    /// The namespaces, and the services that they open with.
    pub(crate) homes: Vec<Offer>,
    pub(crate) residents: Vec<Resident>,
    pub(crate) steps: Vec<Step>,
}

/// The bounds of every worker; `None` is the library's default, which no program reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) capacity: Option<usize>,
    pub(crate) waiting: Option<usize>,
    pub(crate) held: Option<usize>,
    pub(crate) requests: Option<usize>,
    pub(crate) depth: Option<usize>,
    pub(crate) timers: Option<usize>,
}

/// The services of a namespace. The one for scripts is a group, or has one owner; the topic of news is always there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) group: Option<Balance>,
    /// Who observes later gets the last news first.
    pub(crate) retains: bool,
}

/// A target that can be registered, and again when it has gone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resident {
    pub(crate) home: usize,
    /// The thread, where its namespace has several.
    pub(crate) thread: usize,
    pub(crate) named: bool,
    pub(crate) on_panic: OnPanic,
    /// How it is restarted, if not at once.
    pub(crate) restart: Option<Restart>,
    /// What its first life does when it starts, and when it stops.
    pub(crate) on_start: Vec<Act>,
    pub(crate) on_stop: Vec<Act>,
    /// Its first life panics when it is dropped.
    pub(crate) bad_end: bool,
    /// Its factory panics when it is to make the second life.
    pub(crate) bad_factory: bool,
}

/// What happens from outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Mail(Arc<Mail>),
    Register(usize),
    Deregister(usize),
    /// Everything on the shelf is ended.
    Tidy,
    /// The clock moves on, in milliseconds.
    Advance(u64),
    Close(usize),
    /// Opens a namespace that has been closed.
    Open(usize),
    /// The kernel stops.
    Stop,
    /// A driven worker takes some turns.
    Turn(usize, usize),
    /// A timer for a resident.
    Arm(usize, Arc<Alarm>),
    Alter(Alter),
    /// A resident is tied to a service, or is not any more.
    Tie(usize, Tie),
    Publish(Arc<Issue>),
    /// The topic of a namespace is closed, and opened anew.
    Reopen(usize),
}

/// What a handler does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    Mail(Arc<Mail>),
    Register(usize),
    Deregister(usize),
    /// Its own target leaves.
    Quit,
    /// The target ends what it has kept longest.
    LetGo,
    Panic,
    Close(usize),
    Stop,
    /// A timer for its own target.
    Arm(Arc<Alarm>),
    Alter(Alter),
    Tie(Tie),
    Publish(Arc<Issue>),
}

/// A timer and what its ticks do.
#[derive(Clone, PartialEq)]
pub(crate) struct Alarm {
    pub(crate) number: usize,
    /// The time until it ticks, in milliseconds; `None` is one that does not come.
    pub(crate) millis: Option<u64>,
    /// Whether it ticks again and again. The last tick that has a script cancels it.
    pub(crate) every: bool,
    /// What each tick does, in turn; they are answered, ignored, or end in a panic.
    pub(crate) ticks: Vec<Stop>,
}

/// What happens to a timer: one of the target's own, or one that was armed from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alter {
    Cancel(usize),
    Retrigger(usize),
}

/// What binds a target to a service: that of scripts in its own namespace, or the topic of any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tie {
    Serve,
    Withdraw,
    Observe(usize),
    Unobserve(usize),
}

/// News for the topic of a namespace.
#[derive(Clone, PartialEq)]
pub(crate) struct Issue {
    pub(crate) number: usize,
    pub(crate) home: usize,
    /// Whether the sender wants an answer. Only from handlers.
    pub(crate) request: bool,
    /// What the first who sees them does.
    pub(crate) acts: Vec<Act>,
}

/// One message and all that it leads to.
#[derive(Clone, PartialEq)]
pub(crate) struct Mail {
    pub(crate) number: usize,
    pub(crate) way: Way,
    pub(crate) to: To,
    /// The deadline, in milliseconds from when it is sent.
    pub(crate) within: Option<u64>,
    /// The record does not fit into the message.
    pub(crate) large: bool,
    /// The record panics when the library drops it. Only for notifications.
    pub(crate) bomb: bool,
    /// There is a second record; it panics when it is dropped if that is `true`. Only for messages built by hand.
    pub(crate) second: Option<bool>,
    /// What each receiver does, in turn: the second gets it when the first has passed it on, and so forth.
    pub(crate) stops: Vec<Stop>,
    /// What its sender does when it comes back.
    pub(crate) then: Vec<Act>,
}

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Notify,
    Request,
    /// A request whose answer goes to a continuation.
    Then,
    Call,
    /// A notification that was built by hand.
    SendNotification,
    /// A request that was built by hand.
    SendRequest,
    /// From outside, waiting for the answer on a thread.
    Wait,
    /// From outside, awaiting the answer.
    Await,
    /// From outside, asking and going away.
    Cancel,
}

/// To whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// By the address that its registration gave.
    Resident(usize),
    /// By name, whether it has one or not.
    Named(usize),
    Nobody,
    Nowhere,
    /// Whoever serves in a namespace.
    Service(usize),
}

/// What one receiver does with a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stop {
    pub(crate) acts: Vec<Act>,
    pub(crate) fate: Fate,
}

/// What a handler makes of its message in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Answer,
    Ignore,
    Fail,
    Panic,
    Forward(To),
    Hold(Place, End),
}

/// Where a held message is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the handler that held it.
    Here,
    /// In the handler that held it, which then panics.
    HereInPanic,
    /// On another thread.
    Elsewhere,
    /// From outside, some time.
    Shelf,
    /// By the target, some time; at its end it goes with the target.
    Kept,
}

/// How a held message is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Answer,
    Fail,
    Drop,
    Forward(To),
}

impl Way {
    pub(crate) const fn wants_answer(self) -> bool {
        !matches!(self, Self::Notify | Self::SendNotification)
    }

    pub(crate) const fn is_built_by_hand(self) -> bool {
        matches!(self, Self::SendNotification | Self::SendRequest)
    }
}

impl Mail {
    /// What its receiver number `index` does.
    pub(crate) fn stop(&self, index: usize) -> Stop {
        self.stops.get(index).cloned().unwrap_or(Stop { acts: Vec::new(), fate: Fate::Answer })
    }
}

impl Alarm {
    /// What its tick number `index` does.
    pub(crate) fn stop(&self, index: usize) -> Stop {
        self.ticks.get(index).cloned().unwrap_or(Stop { acts: Vec::new(), fate: Fate::Answer })
    }

    /// The time until it ticks.
    pub(crate) fn span(&self) -> Duration {
        self.millis.map_or(Duration::MAX, Duration::from_millis)
    }
}

impl Bounds {
    /// Whether a program may find something full.
    pub(crate) const fn are_tight(&self) -> bool {
        self.capacity.is_some() || self.waiting.is_some() || self.held.is_some() || self.requests.is_some()
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}, {:?}", self.homes, self.bounds)?;
        for (index, resident) in self.residents.iter().enumerate() {
            writeln!(f, "  resident {index}: {resident:?}")?;
        }
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(f, "  step {index}: {step:?}")?;
        }
        Ok(())
    }
}

/// Says only what is not as usual.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {:?} {:?}", self.number, self.way, self.to)?;
        if let Some(millis) = self.within {
            write!(f, " within {millis} ms")?;
        }
        for (said, word) in [(self.large, " large"), (self.bomb, " bomb"), (self.second == Some(true), " bomb behind")]
        {
            if said {
                f.write_str(word)?;
            }
        }
        if self.second == Some(false) {
            f.write_str(" two records")?;
        }
        for stop in &self.stops {
            write!(f, " | ")?;
            if !stop.acts.is_empty() {
                write!(f, "{:?} ", stop.acts)?;
            }
            write!(f, "{:?}", stop.fate)?;
        }
        if !self.then.is_empty() {
            write!(f, " | then {:?}", self.then)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, millis, every, ticks } = self;
        write!(f, "timer #{number} {} {millis:?} ms {ticks:?}", if *every { "every" } else { "after" })
    }
}

impl fmt::Debug for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, home, request, acts } = self;
        write!(f, "news #{number} in {home}{} {acts:?}", if *request { " as a request" } else { "" })
    }
}
