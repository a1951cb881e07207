//! Ways that stay on one thread, which is that of the test: its worker is driven.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rohrpost::{
    Address, Answers, Balance, Code, Context, Driven, Failure, Handle, Kernel, Namespace, RequestId, handles,
};

use crate::MESSAGES;
use crate::counting::{COUNTER, assert_none};
use crate::targets::{
    Deaf, Gate, Gauge, Go, Keeper, Large, Link, Note, Pace, Query, Receiver, Reply, Sender, Slow, Way,
};

/// A kernel with a driven worker, so that everything happens on this thread.
struct Desk {
    kernel: Kernel,
    space: Namespace,
    worker: Driven,
    done: Arc<Gauge>,
}

impl Desk {
    fn new() -> Self {
        let kernel = Kernel::builder("desk").start().unwrap();
        let (space, worker) = kernel.namespace("desk").depth(16).driven().unwrap();
        Self { kernel, space, worker, done: Arc::default() }
    }

    /// Counts for one way of sending to `to`.
    fn check(mut self, claim: &str, to: Address, pace: Pace, way: Way) {
        let sender = Sender { to, way, left: 0, done: self.done.clone(), pace };
        let sender = self.space.register(sender).unwrap();
        self.worker.run_until_idle();
        let mut rounds = 0;
        assert_none(claim, &[], || {
            rounds += 1;
            self.kernel.notify(sender, Go(MESSAGES)).unwrap();
            self.worker.run_until_idle();
            self.done.wait_for(rounds);
        });
        assert_eq!(self.kernel.counters().panics, 0, "expected no panic: {claim}");
    }
}

#[test]
fn a_direct_notification_allocates_nothing() {
    let desk = Desk::new();
    let to = desk.space.register(Receiver(0)).unwrap();
    desk.check("notify", to, Pace::AllAtOnce, |me, ctx| ctx.notify(me.to, Note(me.left)));
}

#[test]
fn a_direct_notification_with_a_large_record_allocates_nothing() {
    let desk = Desk::new();
    let to = desk.space.register(Receiver(0)).unwrap();
    desk.check("notify, one KiB", to, Pace::AllAtOnce, |me, ctx| ctx.notify(me.to, Large([1; 128])));
}

#[test]
fn mail_to_a_name_allocates_nothing() {
    let desk = Desk::new();
    let to = desk.space.register_as("receiver", Receiver(0)).unwrap();
    desk.check("notify by name", to, Pace::AllAtOnce, |me, ctx| ctx.notify(me.to, Note(me.left)));
}

#[test]
fn a_call_allocates_nothing() {
    let desk = Desk::new();
    let to = desk.space.register(Receiver(0)).unwrap();
    desk.check("call", to, Pace::AllAtOnce, |me, ctx| {
        let Reply(number) = ctx.call(me.to, Query(me.left)).unwrap();
        assert_eq!(number, me.left, "expected the answer");
    });
}

#[test]
fn a_request_and_its_answer_allocate_nothing() {
    let desk = Desk::new();
    let to = desk.space.register(Receiver(0)).unwrap();
    desk.check("request", to, Pace::WhenAnswered, |me, ctx| drop(ctx.request(me.to, Query(me.left))));
}

#[test]
fn a_thousand_requests_at_once_and_their_answers_allocate_nothing() {
    let desk = Desk::new();
    let to = desk.space.register(Receiver(0)).unwrap();
    desk.check("requests at once", to, Pace::AllAtOnce, |me, ctx| drop(ctx.request(me.to, Query(me.left))));
}

#[test]
fn a_request_with_a_deadline_allocates_nothing() {
    let desk = Desk::new();
    let to = desk.space.register(Receiver(0)).unwrap();
    desk.check("request with a deadline", to, Pace::WhenAnswered, |me, ctx| {
        let _ = ctx.within(Duration::from_secs(60)).request(me.to, Query(me.left));
    });
}

#[test]
fn a_continuation_that_captures_nothing_allocates_nothing() {
    let desk = Desk::new();
    let to = desk.space.register(Receiver(0)).unwrap();
    desk.check("continuation", to, Pace::WhenAnswered, |me, ctx| {
        ctx.request(me.to, Query(me.left)).then_on(me, |me, answer, ctx| {
            assert!(answer.is_ok(), "expected an answer");
            me.next(ctx);
        });
    });
}

#[test]
fn a_typed_answer_allocates_nothing() {
    /// Asks again when it has its answer.
    struct Asker(Address, u32, Arc<Gauge>);
    impl Handle<Go> for Asker {
        fn handle(&mut self, go: &Go, ctx: &mut Context<'_>) -> Result<(), Failure> {
            self.1 = go.0;
            let _ = ctx.request(self.0, Query(0));
            Ok(())
        }
    }
    impl Answers<Reply> for Asker {
        fn answered(&mut self, reply: Result<Reply, Failure>, _request: Option<RequestId>, ctx: &mut Context<'_>) {
            let Ok(Reply(number)) = reply else {
                return;
            };
            if number < self.1 {
                let _ = ctx.request(self.0, Query(number + 1));
            } else {
                self.2.finish();
            }
        }
    }
    handles!(Asker: Go; answers Reply);

    let Desk { kernel, space, mut worker, done } = Desk::new();
    let to = space.register(Receiver(0)).unwrap();
    let asker = space.register(Asker(to, 0, done.clone())).unwrap();
    let mut rounds = 0;
    assert_none("typed answers", &[], || {
        rounds += 1;
        kernel.notify(asker, Go(MESSAGES)).unwrap();
        worker.run_until_idle();
        done.wait_for(rounds);
    });
}

#[test]
fn a_nested_ring_allocates_nothing() {
    let desk = Desk::new();
    let last = desk.space.register(Receiver(0)).unwrap();
    let first = (0..10).fold(last, |next, _| desk.space.register(Link(next)).unwrap());
    desk.check("nested ring", first, Pace::AllAtOnce, |me, ctx| ctx.notify(me.to, Note(1)));
}

#[test]
fn a_ring_deeper_than_the_bound_allocates_nothing() {
    let desk = Desk::new();
    let last = desk.space.register(Receiver(0)).unwrap();
    let first = (0..40).fold(last, |next, _| desk.space.register(Link(next)).unwrap());
    desk.check("ring past the depth", first, Pace::AllAtOnce, |me, ctx| ctx.notify(me.to, Note(1)));
}

#[test]
fn forwarding_allocates_nothing() {
    let desk = Desk::new();
    let last = desk.space.register(Receiver(0)).unwrap();
    let first = (0..100).fold(last, |next, _| desk.space.register(Gate(next)).unwrap());
    desk.check("forward", first, Pace::WhenAnswered, |me, ctx| drop(ctx.request(me.to, Query(me.left))));
}

#[test]
fn mail_that_waits_for_a_target_on_the_stack_allocates_nothing() {
    let desk = Desk::new();
    let to = desk.space.register(Receiver(0)).unwrap();
    desk.check("re-entered", to, Pace::AllAtOnce, |_, ctx| {
        ctx.notify(ctx.address(), Note(1));
        let _ = ctx.request(ctx.address(), Query(2));
    });
}

#[test]
fn holding_and_answering_on_the_same_thread_allocates_nothing() {
    let desk = Desk::new();
    let to = desk.space.register(Slow::default()).unwrap();
    desk.check("held", to, Pace::AllAtOnce, |me, ctx| drop(ctx.request(me.to, Query(me.left))));
}

#[test]
fn holding_and_passing_on_allocates_nothing() {
    let desk = Desk::new();
    let last = desk.space.register(Receiver(0)).unwrap();
    let keeper = desk.space.register(Keeper(last)).unwrap();
    desk.check("held and passed on", keeper, Pace::WhenAnswered, |me, ctx| drop(ctx.request(me.to, Query(me.left))));
}

#[test]
fn a_message_that_comes_back_allocates_nothing() {
    let desk = Desk::new();
    let to = desk.space.register(Deaf).unwrap();
    desk.check("returned", to, Pace::WhenAnswered, |me, ctx| ctx.notify(me.to, Note(me.left)));
}

#[test]
fn mail_to_nobody_allocates_nothing() {
    let desk = Desk::new();
    let nobody = "nobody.desk.desk".parse().unwrap();
    desk.check("to nobody", nobody, Pace::WhenAnswered, |me, ctx| ctx.notify(me.to, Note(me.left)));
}

#[test]
fn a_failed_call_allocates_nothing_but_the_box_of_its_record() {
    // The failure of a call has the record inside, in a box that is allocated for it.
    let desk = Desk::new();
    let Desk { kernel, space, mut worker, done } = desk;
    let deaf = space.register(Deaf).unwrap();
    let sender = Sender {
        to: deaf,
        way: |me, ctx| {
            let failure = ctx.call(me.to, Query(1)).unwrap_err();
            assert_eq!(failure.code(), Code::NOT_HANDLED, "expected nobody to handle it");
        },
        left: 0,
        done,
        pace: Pace::AllAtOnce,
    };
    let sender = space.register(sender).unwrap();
    worker.run_until_idle();
    kernel.notify(sender, Go(10)).unwrap();
    worker.run_until_idle();
    let counter: &'static AtomicUsize = Box::leak(Box::default());
    COUNTER.set(Some(counter));
    kernel.notify(sender, Go(MESSAGES)).unwrap();
    worker.run_until_idle();
    COUNTER.set(None);
    let allocated = counter.load(Ordering::SeqCst);
    assert!(allocated <= MESSAGES as usize, "expected one box for each failure, not {allocated}");
}

#[test]
fn a_notification_from_outside_allocates_nothing() {
    let Desk { kernel, space, mut worker, .. } = Desk::new();
    let to = space.register(Receiver(0)).unwrap();
    assert_none("kernel.notify", &[], || {
        for number in 0..MESSAGES {
            kernel.notify(to, Note(number)).unwrap();
            worker.run_once();
        }
    });
}

#[test]
fn an_awaited_question_allocates_nothing() {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context as Task, Poll, Waker};

    let Desk { kernel, space, mut worker, .. } = Desk::new();
    let to = space.register(Receiver(0)).unwrap();
    let mut task = Task::from_waker(Waker::noop());
    assert_none("ask, awaited", &[], || {
        for number in 0..MESSAGES {
            let mut ask = pin!(kernel.ask(to, Query(number)));
            assert!(ask.as_mut().poll(&mut task).is_pending(), "expected the question to be under way");
            worker.run_until_idle();
            let Poll::Ready(Ok(Reply(answer))) = ask.as_mut().poll(&mut task) else {
                panic!("expected the answer to question {number}");
            };
            assert_eq!(answer, number, "expected the answer to this question");
        }
    });
}

#[test]
fn a_message_through_a_service_allocates_nothing() {
    let desk = Desk::new();
    let owner = desk.space.register(Receiver(0)).unwrap();
    desk.space.serve::<Note>(owner).unwrap();
    let to = desk.space.address();
    desk.check("notify through a service", to, Pace::AllAtOnce, |me, ctx| ctx.notify(me.to, Note(me.left)));
    let desk = Desk::new();
    let owner = desk.space.register(Receiver(0)).unwrap();
    desk.space.serve::<Query>(owner).unwrap();
    let to = desk.space.address();
    desk.check("request through a service", to, Pace::AllAtOnce, |me, ctx| drop(ctx.request(me.to, Query(me.left))));
}

#[test]
fn a_message_through_a_group_allocates_nothing() {
    for balance in [Balance::RoundRobin, Balance::FewestPending] {
        let desk = Desk::new();
        let to = desk.space.group::<Query>(balance).open().unwrap();
        for _ in 0..3 {
            desk.space.serve::<Query>(desk.space.register(Receiver(0)).unwrap()).unwrap();
        }
        desk.check("request through a group", to, Pace::AllAtOnce, |me, ctx| drop(ctx.request(me.to, Query(me.left))));
    }
}

#[test]
fn publishing_to_observers_of_the_thread_allocates_nothing() {
    let desk = Desk::new();
    let to = desk.space.topic::<Large>().open().unwrap();
    for _ in 0..10 {
        desk.space.observe::<Large>(desk.space.register(Receiver(0)).unwrap()).unwrap();
    }
    desk.check("publish, one KiB", to, Pace::AllAtOnce, |me, ctx| ctx.notify(me.to, Large([1; 128])));
}
