//! What can go wrong in a program: records, targets and panics that break at a chosen place.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rohrpost::{Address, Context, Kernel, Message, Outcome, Target, record};

use crate::ways::{Log, Note, PATIENCE, Query, Reply, label};

/// A record that panics when it is dropped, and when it is cloned.
pub(crate) struct Mine(pub(crate) u32);
record!(Mine, "hazards.mine" => Mine);

impl Clone for Mine {
    fn clone(&self) -> Self {
        panic!("the mine {} went off in `clone`", self.0);
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        panic!("the mine {} went off in `drop`", self.0);
    }
}

impl fmt::Debug for Mine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mine({})", self.0)
    }
}

/// A record that panics when it is dropped, and is answered with `()`.
#[derive(Debug)]
pub(crate) struct Charge;
record!(Charge, "hazards.charge", no_clone);

impl Drop for Charge {
    fn drop(&mut self) {
        panic!("the charge went off in `drop`");
    }
}

/// A panic's payload that panics when it is dropped, with another of its kind, `left` times in all.
pub(crate) struct Payload {
    left: usize,
    dropped: Arc<AtomicUsize>,
}

impl Payload {
    pub(crate) fn new(left: usize, dropped: &Arc<AtomicUsize>) -> Self {
        Self { left, dropped: dropped.clone() }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
        if self.left > 0 {
            std::panic::panic_any(Self::new(self.left - 1, &self.dropped));
        }
    }
}

/// Where a [`Fragile`] panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Receive,
    Answered,
    Continuation,
    Started,
    Stopping,
    Drop,
    Nowhere,
}

/// A target that panics at one place with the text `boom`. A [`Note`] makes it send a [`Query`] of the same number to
/// `to`, if there is somebody; a [`Query`] is answered. It logs like a `Probe`.
pub(crate) struct Fragile {
    pub(crate) name: &'static str,
    pub(crate) log: Log,
    pub(crate) breaks: Place,
    pub(crate) to: Option<Address>,
}

impl Fragile {
    pub(crate) fn new(name: &'static str, log: &Log, breaks: Place) -> Self {
        Self { name, log: log.clone(), breaks, to: None }
    }

    pub(crate) fn asking(mut self, to: Address) -> Self {
        self.to = Some(to);
        self
    }

    fn reach(&self, place: Place, line: &str) {
        self.log.note(format!("{} {line}", self.name));
        assert!(self.breaks != place, "boom");
    }
}

impl Target for Fragile {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        self.reach(Place::Receive, &format!("got {}", label(message)));
        if let Some(&Query(number)) = message.record() {
            message.answer(Reply(number));
        }
        if let (Some(&Note(number)), Some(to)) = (message.record(), self.to) {
            let request = ctx.request(to, Query(number));
            if self.breaks == Place::Continuation {
                let _ = request.then_on(self, |me, _answer, _ctx| me.reach(Place::Continuation, "continued"));
            }
        }
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, _ctx: &mut Context<'_>) {
        self.reach(Place::Answered, &format!("back {} {}", label(answer), answer.code()));
    }

    fn started(&mut self, _ctx: &mut Context<'_>) {
        self.reach(Place::Started, "started");
    }

    fn stopping(&mut self, _ctx: &mut Context<'_>) {
        self.reach(Place::Stopping, "stopping");
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.reach(Place::Drop, "dropped");
        }
    }
}

/// Empties `log` and returns what sender and receiver have written, without whoever was between them.
pub(crate) fn ends(log: &Log) -> Vec<String> {
    let between =
        |line: &String| line.starts_with("gate ") || line.starts_with("keeper ") || line.starts_with("below ");
    log.take().into_iter().filter(|line| !between(line)).collect()
}

/// Waits until `true`, or fails after [`PATIENCE`]: for what another thread does in its own time.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "expected within {PATIENCE:?} that {what}");
        std::thread::yield_now();
    }
}

/// Waits until all mail of `kernel` has come to an end; a thread may still be on its way out.
pub(crate) fn eventually_balanced(kernel: &Kernel) {
    let started = Instant::now();
    while !kernel.counters().is_balanced() {
        let counters = kernel.counters();
        assert!(started.elapsed() < PATIENCE, "expected the counters to add up within {PATIENCE:?}: {counters:?}");
        std::thread::yield_now();
    }
}
