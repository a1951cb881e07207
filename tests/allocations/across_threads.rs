//! Ways from thread to thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context as Task, Poll, Waker};
use std::time::Instant;

use rohrpost::{Address, Context, HeldMessage, Idle, Kernel, Message, Namespace, Outcome, Target};

use crate::counting::assert_none;
use crate::targets::{Deaf, End, Gate, Gauge, Go, Keeper, Note, Pace, Query, Receiver, Reply, Sender, Way};
use crate::{MESSAGES, PATIENCE};

/// Two namespaces with a thread each.
struct Pair {
    kernel: Kernel,
    near: Namespace,
    far: Namespace,
    done: Arc<Gauge>,
}

impl Pair {
    fn new(idle: Idle) -> Self {
        let kernel = Kernel::builder("pair").start().unwrap();
        let near = kernel.namespace("near").idle(idle).capacity(1 << 12).open().unwrap();
        let far = kernel.namespace("far").idle(idle).capacity(1 << 12).open().unwrap();
        Self { kernel, near, far, done: Arc::default() }
    }

    fn check(&self, claim: &str, to: Address, pace: Pace, way: Way) {
        let sender = Sender { to, way, left: 0, done: self.done.clone(), pace };
        let sender = self.near.register(sender).unwrap();
        let ends = [&self.far, &self.near].map(|space| space.register(End(self.done.clone())).unwrap());
        let mut finished = 0;
        assert_none(claim, &[&self.near, &self.far], || {
            // First the sender; then what it sent is behind one thread, and what came back behind the other.
            for (target, count) in [(sender, MESSAGES), (ends[0], 0), (ends[1], 0)] {
                finished += 1;
                self.kernel.notify(target, Go(count)).unwrap();
                self.done.wait_for(finished);
            }
        });
        assert_eq!(self.kernel.counters().panics, 0, "expected no panic: {claim}");
    }
}

#[test]
fn a_notification_to_another_thread_allocates_nothing() {
    for idle in [Idle::Park, Idle::default()] {
        let pair = Pair::new(idle);
        let to = pair.far.register(Receiver(0)).unwrap();
        pair.check("notify across", to, Pace::AllAtOnce, |me, ctx| ctx.notify(me.to, Note(me.left)));
    }
}

#[test]
fn a_request_to_another_thread_and_its_answer_allocate_nothing() {
    for idle in [Idle::Park, Idle::default()] {
        let pair = Pair::new(idle);
        let to = pair.far.register(Receiver(0)).unwrap();
        pair.check("request across", to, Pace::WhenAnswered, |me, ctx| drop(ctx.request(me.to, Query(me.left))));
        let pair = Pair::new(idle);
        let to = pair.far.register(Receiver(0)).unwrap();
        pair.check("requests across, at once", to, Pace::AllAtOnce, |me, ctx| drop(ctx.request(me.to, Query(1))));
    }
}

#[test]
fn a_message_that_comes_back_from_another_thread_allocates_nothing() {
    let pair = Pair::new(Idle::default());
    let to = pair.far.register(Deaf).unwrap();
    pair.check("returned across", to, Pace::WhenAnswered, |me, ctx| ctx.notify(me.to, Note(me.left)));
}

#[test]
fn forwarding_to_another_thread_and_back_allocates_nothing() {
    let pair = Pair::new(Idle::default());
    let last = pair.near.register(Receiver(0)).unwrap();
    let gate = pair.far.register(Gate(last)).unwrap();
    pair.check("forwarded across", gate, Pace::WhenAnswered, |me, ctx| drop(ctx.request(me.to, Query(me.left))));
}

#[test]
fn holding_and_passing_on_to_another_thread_allocates_nothing() {
    let pair = Pair::new(Idle::default());
    let last = pair.far.register(Receiver(0)).unwrap();
    let keeper = pair.near.register(Keeper(last)).unwrap();
    pair.check("held, passed across", keeper, Pace::WhenAnswered, |me, ctx| drop(ctx.request(me.to, Query(me.left))));
}

#[test]
fn answering_a_held_message_from_a_plain_thread_allocates_nothing() {
    /// A place for one held message, for a thread that waits for it.
    #[derive(Default)]
    struct Hatch(Mutex<Option<HeldMessage>>, Condvar);
    struct Passes(Arc<Hatch>);
    impl Target for Passes {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            if message.record::<Query>().is_none() {
                return Outcome::Handled;
            }
            let held = ctx.hold(message).unwrap();
            *self.0.0.lock().unwrap() = Some(held);
            self.0.1.notify_one();
            Outcome::Handled
        }
    }

    let pair = Pair::new(Idle::default());
    let hatch = Arc::new(Hatch::default());
    let to = pair.near.register(Passes(hatch.clone())).unwrap();
    let (sender, done) = (pair.near.clone(), pair.done.clone());
    let way: Way = |me, ctx| drop(ctx.request(me.to, Query(me.left)));
    let sender = sender.register(Sender { to, way, left: 0, done, pace: Pace::WhenAnswered }).unwrap();
    let mut rounds = 0;
    assert_none("held, answered from a plain thread", &[&pair.near], || {
        rounds += 1;
        pair.kernel.notify(sender, Go(MESSAGES)).unwrap();
        for _ in 0..MESSAGES {
            let held = hatch.0.lock().unwrap();
            let (mut held, _) = hatch.1.wait_timeout_while(held, PATIENCE, |held| held.is_none()).unwrap();
            held.take().expect("expected another message to be held").answer(Reply(1));
        }
        pair.done.wait_for(rounds);
    });
}

#[test]
fn a_question_from_a_plain_thread_allocates_nothing() {
    for idle in [Idle::Park, Idle::default()] {
        let pair = Pair::new(idle);
        let to = pair.far.register(Receiver(0)).unwrap();
        several_at_once(&pair.kernel, to);
        assert_none("ask, waited for", &[&pair.far], || {
            for number in 0..MESSAGES {
                let Reply(answer) = pair.kernel.ask(to, Query(number)).idle(idle).timeout(PATIENCE).wait().unwrap();
                assert_eq!(answer, number, "expected the answer to this question");
            }
        });
    }
}

/// Has as many questions under way as this thread keeps reply slots: one that is answered is still in the hands of the
/// worker for a moment, and whether the next question comes within that moment is a matter of chance.
fn several_at_once(kernel: &Kernel, to: Address) {
    let mut task = Task::from_waker(Waker::noop());
    let mut asks = [0, 1, 2, 3].map(|number| kernel.ask(to, Query(number)));
    let mut ends = asks.each_mut().map(|ask| Pin::new(ask).poll(&mut task));
    let started = Instant::now();
    while let Some(open) = ends.iter().position(Poll::is_pending) {
        assert!(started.elapsed() < PATIENCE, "expected an answer to each question within {PATIENCE:?}");
        std::thread::yield_now();
        ends[open] = Pin::new(&mut asks[open]).poll(&mut task);
    }
}

#[test]
fn mail_that_a_full_hand_off_refuses_allocates_nothing() {
    let kernel = Kernel::builder("full").start().unwrap();
    let (near, mut worker) = kernel.namespace("near").driven().unwrap();
    // Nobody drives this one.
    let (far, mut stuck) = kernel.namespace("far").capacity(2).driven().unwrap();
    let to = far.register(Receiver(0)).unwrap();
    stuck.run_until_idle();
    (0..2).for_each(|number| kernel.notify(to, Note(number)).unwrap());
    let done = Arc::<Gauge>::default();
    let way: Way = |me, ctx| ctx.notify(me.to, Note(me.left));
    let sender = Sender { to, way, left: 0, done: done.clone(), pace: Pace::WhenAnswered };
    let sender = near.register(sender).unwrap();
    let mut rounds = 0;
    assert_none("BUSY", &[], || {
        rounds += 1;
        kernel.notify(sender, Go(MESSAGES)).unwrap();
        worker.run_until_idle();
        done.wait_for(rounds);
    });
    assert_eq!(kernel.counters().returned, u64::from(rounds * MESSAGES), "expected each to be refused");
}

#[test]
fn a_copy_for_another_thread_allocates_what_its_clone_does_and_no_more() {
    for idle in [Idle::Park, Idle::default()] {
        let pair = Pair::new(idle);
        let to = pair.near.topic::<Note>().open().unwrap();
        for space in [&pair.near, &pair.far, &pair.far] {
            pair.near.observe::<Note>(space.register(Receiver(0)).unwrap()).unwrap();
        }
        pair.check("publish across", to, Pace::AllAtOnce, |me, ctx| ctx.notify(me.to, Note(me.left)));
    }
}

#[test]
fn a_message_through_a_service_on_another_thread_allocates_nothing() {
    for idle in [Idle::Park, Idle::default()] {
        let pair = Pair::new(idle);
        let owner = pair.far.register(Receiver(0)).unwrap();
        pair.far.serve::<Note>(owner).unwrap();
        let to = pair.far.address();
        pair.check("notify through a service across", to, Pace::AllAtOnce, |me, ctx| ctx.notify(me.to, Note(me.left)));
    }
}
