//! The worker: the loop that takes mail in, turn by turn, sleeps when there is none, and ends.
//!
//! A turn gives out the ticks of timers that are due and delivers what waits (a burst of each at most), tells who has
//! waited past a deadline, and takes one message from the hand-off. An own thread runs turns until it ends; a driven
//! worker runs them when it is told to.

mod rest;

use std::rc::Rc;
use std::sync::Arc;
use std::task::Wake;
use std::time::Duration;

use crate::core::Core;
use crate::departure::Departure;
use crate::directory::Directory;
use crate::directory::space::Space;
use crate::handoff::Receiver;
use crate::idle::{Idle, Spun, Stream};
use crate::post::{Mail, Post};
use crate::ring::{Coming, Left};
use crate::worker::rest::Rest;

/// A worker on the thread that runs it.
pub(crate) struct Worker {
    core: Rc<Core>,
    receiver: Receiver<Mail>,
    stage: Stage,
    /// Turns that are left to it, once it closes.
    last_turns: Option<u64>,
    /// How many of those who wait for its end know that it has sent everything back.
    told: usize,
    /// Whether the last mail was an order. What an order brings lies elsewhere, and another core has written it; orders that
    /// bring anything come in streams.
    ordered: bool,
}

/// Turns of a closing worker beyond those that its hand-off needs.
const LAST_TURNS: u64 = 1024;

/// How far a worker is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// It sends ordinary mail back and waits until the others have, too.
    Returning,
    Ended,
}

/// Wakes a thread that sleeps in its hand-off.
struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Worker {
    /// A worker of the calling thread, which may use `stack` bytes of it from here on.
    pub(crate) fn new(
        post: &Arc<Post>,
        receiver: Receiver<Mail>,
        space: Arc<Space>,
        directory: Arc<Directory>,
        stack: usize,
    ) -> Self {
        // The post was made for this worker, so nobody has set its host before.
        let _ = post.host.set(std::thread::current().id());
        let sleeper: std::sync::Weak<Post> = Arc::downgrade(post);
        directory.clock.follow(sleeper);
        let core = Rc::new(Core::new(post.clone(), space, directory));
        Core::become_host();
        core.set_stack(stack);
        Self { core, receiver, stage: Stage::Open, last_turns: None, told: 0, ordered: false }
    }

    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    /// Runs until the worker has ended.
    pub(crate) fn run(mut self, idle: Idle) {
        self.core.post.inbox.set_waker(Arc::new(Unpark(std::thread::current())).into());
        let core = self.core.clone();
        let (mut rest, mut stream) = (Rest::new(idle), Stream::default());
        core.enter(|| {
            while self.stage != Stage::Ended {
                if self.turn() {
                    rest.end(&core.abroad);
                    self.receiver.expect(stream.flows());
                } else if idle == Idle::Park || !stream.await_more(|| self.receiver.is_ready()) {
                    self.receiver.expect(Coming::Singly);
                    self.rest(&mut rest);
                }
            }
        });
    }

    /// One turn; whether there was anything to do.
    #[inline]
    pub(crate) fn turn(&mut self) -> bool {
        let core = &*self.core;
        core.begin_turn();
        // Timers come before mail, so that a timeout beats a late answer.
        let fired = core.fire();
        let waited = core.deliver_waiting();
        let expired = core.expire();
        if self.ordered {
            self.receiver.foresee(Mail::prefetch);
        }
        let handed = self.receiver.with_next(|mail| {
            let order = mail.is_order();
            core.open(mail);
            (order, Left::Nothing)
        });
        self.ordered = handed == Some(true);
        core.flush_ports();
        let busy = fired || waited || expired || handed.is_some();
        if core.is_closing() {
            return self.close(busy);
        }
        busy
    }

    /// A turn of a worker that is on its way out. Targets that send again whatever comes back do not keep it.
    #[cold]
    fn close(&mut self, busy: bool) -> bool {
        let backlog = self.receiver.backlog();
        let left = self.last_turns.get_or_insert_with(|| LAST_TURNS + backlog);
        *left = left.saturating_sub(1);
        if busy && *left > 0 {
            return true;
        }
        self.leave() || busy
    }

    /// Whether a turn would find something.
    pub(crate) fn is_ready(&self) -> bool {
        match self.stage {
            Stage::Ended => return false,
            Stage::Open if self.core.is_closing() => return true,
            Stage::Returning if self.may_go() => return true,
            Stage::Open | Stage::Returning => {}
        }
        let due = || self.core.next_deadline().is_some_and(|deadline| deadline <= self.core.directory.clock.now());
        self.receiver.is_ready() || self.core.has_waiting() || due()
    }

    /// Whether it has ended, so that nothing will ever be there to do.
    pub(crate) fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    fn may_go(&self) -> bool {
        self.core.departures.borrow().first().is_none_or(|departure| departure.may_go())
    }

    /// Goes on with ending; whether it got further.
    fn leave(&mut self) -> bool {
        match self.stage {
            Stage::Open => {
                self.stage = Stage::Returning;
                self.tell_returned();
                true
            }
            Stage::Returning => {
                self.tell_returned();
                let goes = self.may_go();
                if goes {
                    self.end();
                }
                goes
            }
            Stage::Ended => false,
        }
    }

    /// Says that everything has been sent back, also to those who joined later.
    fn tell_returned(&mut self) {
        let departures = self.core.departures.borrow();
        departures[self.told..].iter().for_each(|departure| departure.returned());
        self.told = departures.len();
    }

    /// Dismisses the targets and takes the last mail in.
    fn end(&mut self) {
        let core = &*self.core;
        core.begin_turn();
        core.dismiss_all();
        self.receiver.close();
        while core.deliver_waiting() {}
        self.receiver.drain(|mail| (core.open(mail), Left::Nothing));
        while core.deliver_waiting() {}
        core.dismiss_all();
        core.drop_locals();
        core.flush_ports();
        self.tell_returned();
        self.stage = Stage::Ended;
        let core = &*self.core;
        core.directory.unseat(&core.post, core.slots.with(|slots| slots.unused_generation()));
        for departure in core.departures.take() {
            departure.ended(&core.post.name);
        }
    }

    /// Waits for something to do.
    fn rest(&self, rest: &mut Rest) {
        let manner = rest.begin(&self.core.abroad);
        let clock = &self.core.directory.clock;
        let until_due = self.core.next_look().and_then(|due| clock.sleep_until(due));
        match manner.spin_for(until_due.unwrap_or(Duration::MAX), &mut rest.since, || self.receiver.is_ready()) {
            Spun::Ready => return rest.found(),
            Spun::Again => return,
            Spun::Sleep => {}
        }
        self.receiver.park(|| {
            let due = self.core.next_look().and_then(|deadline| {
                if deadline <= clock.now() { Some(Duration::ZERO) } else { clock.sleep_until(deadline) }
            });
            if self.stage == Stage::Open {
                return due;
            }
            let go = if self.may_go() { Some(Duration::ZERO) } else { self.patience() };
            due.into_iter().chain(go).min()
        });
        if self.receiver.is_ready() {
            rest.found();
        }
    }

    fn patience(&self) -> Option<Duration> {
        self.core.departures.borrow().first().map(|departure| departure.patience())
    }

    /// Says that the waker is to be called for the next mail; `false` if there is some already.
    pub(crate) fn announce_sleep(&self) -> bool {
        self.receiver.announce_sleep()
    }

    /// Ends a driven worker, whose thread goes on.
    pub(crate) fn finish(&mut self) {
        let core = self.core.clone();
        core.directory.remove(&core.space);
        core.enter(|| {
            core.begin_closing(None);
            while self.turn() {}
            if self.stage != Stage::Ended {
                self.end();
            }
        });
    }
}

impl Core {
    /// Takes no more ordinary mail; `departure` is told when the worker has ended.
    pub(crate) fn begin_closing(&self, departure: Option<Arc<Departure>>) {
        self.close_targets();
        self.post.closing.store(true, crate::sync::Ordering::Release);
        self.give_up_all();
        self.departures.borrow_mut().extend(departure);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::{Duration, Instant};

    use crate::core::Core;
    use crate::departure::Departure;
    use crate::kernel::Kernel;

    #[test]
    fn who_joins_a_stop_later_is_told_too_that_a_worker_has_returned_its_mail() {
        let kernel = Kernel::builder("node").start().expect("a kernel");
        let (_space, mut worker) = kernel.namespace("app").driven().expect("a namespace");
        let core = worker.build(|_| Core::current().expect("the worker runs"));
        let late = Instant::now() + Duration::from_secs(3600);
        // The first waits for another worker, which goes by the second.
        let (first, second) = (Departure::new(2, late, Box::new(|| ())), Departure::new(2, late, Box::new(|| ())));
        core.begin_closing(Some(first.clone()));
        worker.run_until_idle();
        core.begin_closing(Some(second.clone()));
        worker.run_until_idle();
        second.returned();
        assert!(second.may_go(), "expected the second to know of it");
        assert!(!first.may_go() && !first.has_ended(1), "expected it to wait for the others of the first");
        first.returned();
        worker.run_until_idle();
        assert!(first.has_ended(1) && second.has_ended(1), "expected both to know of its end");
    }
}
