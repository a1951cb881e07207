//! Alarms: the deadlines of answers that are awaited, for which no thread sleeps.
//!
//! One thread a kernel, `rohrpost-alarm`, started by the first awaited ask with a timeout. A thread that waits for
//! its own answer needs none, and a kernel whose workers all run on one thread has that thread ring.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Weak};

use parking_lot::{Condvar, Mutex};

use crate::clock::{Clock, Sleeper, Time};
use crate::code::Code;
use crate::reply::Reply;

/// Answers that somebody awaits, by deadline.
#[derive(Debug)]
pub(crate) struct Alarms {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    awaited: BinaryHeap<Reverse<Alarm>>,
    running: bool,
    stopped: bool,
    turned: bool,
}

#[derive(Debug)]
struct Alarm {
    deadline: Time,
    reply: Weak<Reply>,
    round: u64,
}

impl Alarms {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, state: Mutex::default(), changed: Condvar::new() })
    }

    /// The same without a thread: somebody calls [`ring`](Self::ring) whenever the clock has moved.
    pub(crate) fn attended(clock: Arc<dyn Clock>) -> Arc<Self> {
        let state = Mutex::new(State { running: true, ..State::default() });
        Arc::new(Self { clock, state, changed: Condvar::new() })
    }

    /// When the next one is due whose answer is still awaited.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let mut state = self.state.lock();
        while let Some(Reverse(alarm)) = state.awaited.peek() {
            if alarm.reply.upgrade().is_some_and(|reply| reply.waits_in(alarm.round)) {
                return Some(alarm.deadline);
            }
            state.awaited.pop();
        }
        None
    }

    /// Ends the waiting of everybody whose time has come.
    pub(crate) fn ring(&self) {
        while self.next_deadline().is_some_and(|deadline| deadline <= self.clock.now()) {
            let due = self.state.lock().awaited.pop();
            let Some(Reverse(alarm)) = due else {
                return;
            };
            if let Some(reply) = alarm.reply.upgrade() {
                reply.refuse_round(Code::EXPIRED, alarm.round);
            }
        }
    }

    /// Has `reply` end with [`Code::EXPIRED`] at `deadline`, unless it is answered before.
    pub(crate) fn set(self: &Arc<Self>, reply: &Arc<Reply>, deadline: Time) {
        let mut state = self.state.lock();
        if state.awaited.len() == state.awaited.capacity() {
            state.awaited.retain(|Reverse(alarm)| alarm.reply.upgrade().is_some_and(|r| r.waits_in(alarm.round)));
        }
        let alarm = Alarm { deadline, reply: Arc::downgrade(reply), round: reply.round() };
        state.awaited.push(Reverse(alarm));
        if !state.running && !state.stopped {
            let alarms = self.clone();
            let sleeper: Weak<Self> = Arc::downgrade(self);
            self.clock.follow(sleeper);
            let thread = std::thread::Builder::new().name("rohrpost-alarm".into());
            // Without the thread the answer still comes; it only cannot expire.
            state.running = thread.spawn(move || alarms.run()).is_ok();
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_one();
    }

    fn run(&self) {
        let mut state = self.state.lock();
        while !state.stopped {
            state.turned = false;
            let now = self.clock.now();
            let due = state.awaited.peek().map(|Reverse(alarm)| alarm.deadline);
            match due {
                Some(deadline) if deadline <= now => {
                    let Some(Reverse(alarm)) = state.awaited.pop() else {
                        continue;
                    };
                    drop(state);
                    if let Some(reply) = alarm.reply.upgrade() {
                        reply.refuse_round(Code::EXPIRED, alarm.round);
                    }
                    state = self.state.lock();
                    continue;
                }
                _ if state.turned => continue,
                Some(deadline) => match self.clock.sleep_until(deadline) {
                    Some(timeout) => {
                        self.changed.wait_for(&mut state, timeout);
                    }
                    None => self.changed.wait(&mut state),
                },
                None => self.changed.wait(&mut state),
            }
        }
    }
}

impl Sleeper for Alarms {
    fn wake(&self) {
        self.state.lock().turned = true;
        self.changed.notify_one();
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.deadline == other.deadline
    }
}

impl Eq for Alarm {}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.deadline.cmp(&other.deadline)
    }
}
