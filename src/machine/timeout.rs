//! Timeouts of states: what the engine asks the caller's clock for.
//!
//! The engine has no clock. Entering a state with a transition *after* a time makes a request to arm a timer, leaving it
//! makes a request to cancel. Each arming has a stamp of its own that is never used again, and the machine knows the stamp
//! that counts: a timer that fires although it was cancelled, because it was already on its way, does nothing.

use std::time::Duration;

/// One arming of one timeout.
///
/// The caller hands it to [`Engine::fire`](super::Engine::fire) when the time has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timer {
    /// Which of the timeouts of the table.
    pub(super) timer: u16,
    /// Which arming of any timeout of this machine.
    pub(super) stamp: u64,
}

/// What the caller's clock has to do.
///
/// ```
/// use rohrpost::machine::{Engine, Model, State, Table, TimerRequest, Transition};
/// use std::{sync::Arc, time::Duration};
///
/// # struct Light;
/// # impl Model for Light { type Event<'e> = (); type Context<'c> = (); }
/// let table = Table::<Light>::builder()
///     .initial(Transition::to("on"))
///     .state(State::new("on").after(Duration::from_secs(60), Transition::to("off")))
///     .state(State::new("off"))
///     .build()?;
///
/// let mut engine = Engine::new(Arc::new(table));
/// engine.start(&mut Light, &mut ());
/// let requests: Vec<_> = engine.timers().collect();
/// let TimerRequest::Arm(timer, delay) = requests[0] else { panic!("the state asks for a timer") };
/// assert_eq!(delay, Duration::from_secs(60));
///
/// // A minute later:
/// engine.fire(timer, &mut Light, &mut ());
/// assert_eq!(engine.table().name_of(engine.state()), "off");
/// # Ok::<(), rohrpost::machine::Faults>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller that overlooked one kind of request would lose timeouts")]
pub enum TimerRequest {
    /// Hand this timer to the machine after the given time.
    Arm(Timer, Duration),
    /// Forget this timer. One that is already on its way does no harm.
    Cancel(Timer),
}

/// The timeouts of one machine.
#[derive(Clone, Default, Debug)]
pub(super) struct Timeouts {
    /// The stamp of each timeout that is armed; zero for the others.
    stamps: Box<[u64]>,
    /// The last stamp given out.
    last: u64,
    /// What the caller has not fetched yet.
    pub(super) requests: Vec<TimerRequest>,
}

impl Timeouts {
    pub(super) fn new(timers: usize) -> Self {
        Self { stamps: vec![0; timers].into(), last: 0, requests: Vec::new() }
    }

    pub(super) fn arm(&mut self, timer: u16, delay: Duration) {
        self.last += 1;
        self.stamps[usize::from(timer)] = self.last;
        self.requests.push(TimerRequest::Arm(Timer { timer, stamp: self.last }, delay));
    }

    pub(super) fn cancel(&mut self, timer: u16) {
        let stamp = std::mem::take(&mut self.stamps[usize::from(timer)]);
        // One that has fired, and only now leaves its state, is not armed any more.
        if stamp != 0 {
            self.requests.push(TimerRequest::Cancel(Timer { timer, stamp }));
        }
    }

    pub(super) fn cancel_all(&mut self) {
        for timer in 0..self.stamps.len() as u16 {
            self.cancel(timer);
        }
    }

    /// Whether `timer` is the arming that counts; it is spent by the question.
    pub(super) fn spend(&mut self, timer: Timer) -> bool {
        let Some(stamp) = self.stamps.get_mut(usize::from(timer.timer)) else {
            return false;
        };
        let valid = timer.stamp != 0 && *stamp == timer.stamp;
        if valid {
            *stamp = 0;
        }
        valid
    }
}
