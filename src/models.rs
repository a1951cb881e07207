//! Models for loom: where threads meet, every interleaving keeps the promise.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test --lib --release models`.

use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use loom::model::Builder;
use loom::thread;

use crate::address::Address;
use crate::code::Code;
use crate::departure::Departure;
use crate::handoff::{Inbox, Receiver};
use crate::id::{Nid, Tid};
use crate::message::Message;
use crate::record::Record;
use crate::reply::Reply;
use crate::ring::{Left, PushError};
use crate::service::plan::Kind;
use crate::service::{NoOwner, Service, Terms};
use crate::sync::{Arc, AtomicUsize, Ordering, relax};
use crate::timers::Course;
use crate::timers::handle::{Link, Shared};

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

fn take(receiver: &mut Receiver<u32>) -> Option<u32> {
    receiver.with_next(|value| (*value, Left::Something))
}

#[test]
fn two_producers_lose_nothing_and_keep_their_order() {
    check(|| {
        let (inbox, mut receiver) = Inbox::new(2);
        let producer = |first: u32| {
            let inbox = inbox.clone();
            thread::spawn(move || [first, first + 1].map(|value| inbox.push(value).is_ok()))
        };
        let producers = [(10, producer(10)), (20, producer(20))];
        let mut taken: Vec<u32> = std::iter::from_fn(|| take(&mut receiver)).collect();
        let accepted = producers.map(|(first, thread)| (first, thread.join().expect("the producer ran")));
        taken.extend(std::iter::from_fn(|| take(&mut receiver)));
        for (first, [one, two]) in accepted {
            let sent = [(first, one), (first + 1, two)].into_iter().filter_map(|(value, ok)| ok.then_some(value));
            let came = taken.iter().copied().filter(|value| value / 10 == first / 10);
            assert_eq!(came.collect::<Vec<_>>(), sent.collect::<Vec<_>>(), "expected what was taken, in order");
        }
    });
}

#[test]
fn a_sleeping_receiver_is_woken_for_mail() {
    check(|| {
        let (inbox, mut receiver) = Inbox::new(1);
        inbox.set_waker(Waker::from(Arc::new(Unpark(thread::current()))));
        let sender = thread::spawn(move || inbox.push(7).is_ok());
        let value = loop {
            match take(&mut receiver) {
                Some(value) => break value,
                None => receiver.park(|| None),
            }
        };
        assert_eq!(value, 7);
        assert!(sender.join().expect("the sender ran"));
    });
}

#[test]
fn an_answer_is_never_refused_and_never_overtakes() {
    check(|| {
        let (inbox, mut receiver) = Inbox::new(1);
        let sender = thread::spawn(move || {
            let first = inbox.push(1).is_ok();
            assert_eq!(inbox.push_reserved(2), Ok(()), "expected a reserved push to be taken");
            let third = inbox.push(3).is_ok();
            (first, third)
        });
        let mut taken = Vec::new();
        for _ in 0..2 {
            taken.extend(take(&mut receiver));
        }
        let (first, third) = sender.join().expect("the sender ran");
        taken.extend(std::iter::from_fn(|| take(&mut receiver)));
        let sent = [(1, first), (2, true), (3, third)].into_iter().filter_map(|(value, ok)| ok.then_some(value));
        assert_eq!(taken, sent.collect::<Vec<_>>(), "expected everything that was taken, in order");
    });
}

#[test]
fn mail_for_a_closing_inbox_is_taken_in_or_handed_back() {
    check(|| {
        let (inbox, mut receiver) = Inbox::new(1);
        let ordinary = {
            let inbox = inbox.clone();
            thread::spawn(move || match inbox.push(1) {
                Ok(()) => true,
                Err(PushError::Full(value) | PushError::Closed(value)) => {
                    assert_eq!(value, 1, "expected the value back");
                    false
                }
            })
        };
        let reserved = thread::spawn(move || inbox.push_reserved(2).is_ok());
        let mut taken = Vec::new();
        receiver.close();
        receiver.drain(|value| (taken.push(*value), Left::Something));
        let accepted = [(1, ordinary.join()), (2, reserved.join())];
        taken.sort_unstable();
        let accepted = accepted.into_iter().filter_map(|(value, ok)| ok.expect("the sender ran").then_some(value));
        assert_eq!(taken, accepted.collect::<Vec<_>>(), "expected what was accepted to be drained, and nothing else");
    });
}

#[test]
fn a_reply_slot_ends_exactly_once() {
    check(|| {
        let reply = Arc::new(Reply::new());
        let answering = {
            let reply = reply.clone();
            let answer = Message::notification(Address::target(Tid::number(1)), ());
            thread::spawn(move || {
                let mut answer = answer;
                reply.answer(&mut answer, || ())
            })
        };
        let refusing = {
            let reply = reply.clone();
            thread::spawn(move || reply.refuse(Code::STOPPED))
        };
        let end = reply.take_or_end(Code::EXPIRED);
        let answered = answering.join().expect("the answer was given");
        let refused = refusing.join().expect("the refusal was made");
        let ended = matches!(end, Err(Code::EXPIRED));
        assert_eq!(u8::from(answered) + u8::from(refused) + u8::from(ended), 1, "expected one end of three");
        assert_eq!(end.is_ok(), answered, "expected the answer if it was in time");
    });
}

#[test]
fn an_asker_that_sleeps_is_woken_by_its_answer() {
    check(|| {
        let reply = Arc::new(Reply::new());
        let answering = {
            let reply = reply.clone();
            thread::spawn(move || reply.answer(&mut Message::notification(Address::target(Tid::number(1)), ()), || ()))
        };
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let end = loop {
            match reply.take_or_wait(&waker) {
                Some(end) => break end,
                None => thread::park(),
            }
        };
        assert!(end.is_ok() && answering.join().expect("the answer was given"));
    });
}

#[test]
fn workers_that_stop_together_leave_when_all_have_returned_their_mail() {
    check(|| {
        let (inboxes, receivers): (Vec<_>, Vec<_>) = (0..2).map(|_| Inbox::new(1)).unzip();
        let wake = {
            let inboxes = inboxes.clone();
            Box::new(move || inboxes.iter().for_each(|inbox: &Arc<Inbox<u32>>| inbox.wake()))
        };
        let departure = Departure::new(2, Instant::now() + Duration::from_secs(3600), wake);
        let returned = Arc::new(AtomicUsize::new(0));
        let mut workers = receivers.into_iter().zip(inboxes).map(|(receiver, inbox)| {
            let (departure, returned) = (departure.clone(), returned.clone());
            move || {
                inbox.set_waker(Waker::from(Arc::new(Unpark(thread::current()))));
                returned.fetch_add(1, Ordering::SeqCst);
                departure.returned();
                while !departure.may_go() {
                    if !departure.may_go() && receiver.announce_sleep() && !departure.may_go() {
                        thread::park();
                    }
                    relax();
                }
                assert_eq!(returned.load(Ordering::SeqCst), 2, "expected nobody to leave before all have returned");
            }
        });
        let (here, there) = (workers.next().expect("two workers"), workers.next().expect("two workers"));
        let thread = thread::spawn(there);
        here();
        thread.join().expect("the worker ran");
    });
}

#[test]
fn a_timer_that_ticks_once_either_ticks_or_is_cancelled() {
    check(|| {
        let shared = Shared::new(Tid::number(1));
        let link = Link::new(shared.clone());
        let canceller = thread::spawn(move || shared.end());
        let begun = link.begin(Course::Once);
        let cancelled = canceller.join().expect("the canceller ran");
        assert!(begun != cancelled, "expected one of both: begun {begun}, cancelled {cancelled}");
    });
}

#[test]
fn no_tick_of_an_earlier_start_begins_and_every_start_is_followed() {
    check(|| {
        let shared = Shared::new(Tid::number(1));
        let link = Link::new(shared.clone());
        let starter = |shared: Arc<Shared>| thread::spawn(move || shared.start());
        let starters = [starter(shared.clone()), starter(shared.clone())];
        let early = link.begin(Course::Again);
        let epochs = starters.map(|starter| starter.join().expect("the starter ran").expect("the timer runs"));
        assert!(!link.begin(Course::Again), "expected no tick before the thread knows of the last start");
        // The orders may come in either order.
        let followed = epochs.map(|epoch| link.follow(epoch));
        assert!(followed[0] || followed[1]);
        assert!(link.begin(Course::Again), "expected ticks of the last start");
        let _ = early;
    });
}

fn service(kind: Kind) -> Arc<Service> {
    Arc::new(Service::new(Nid::number(1), <()>::TYPE, Terms { kind, retains: false }, Arc::default()))
}

/// What a worker does before each message to the service: it looks whether anything has changed.
fn keep_up(topic: &Service, worker: u32, version: &mut u64, workers: &mut Vec<u32>) -> usize {
    if topic.is_at(*version) {
        return 0;
    }
    let news = topic.collect(worker, |_| true);
    (*version, *workers) = (news.version, news.plan.workers.to_vec());
    news.changes.len()
}

#[test]
fn a_worker_that_finds_a_service_unchanged_has_heard_all_of_it_once() {
    check(|| {
        let topic = service(Kind::Topic);
        let (mut version, mut workers) = (0, Vec::new());
        let others = topic.clone();
        let observers = thread::spawn(move || [1, 2].map(|worker| others.add_observer(worker, Tid::number(worker))));
        let mut heard = keep_up(&topic, 1, &mut version, &mut workers);
        let added = observers.join().expect("the observers came");
        assert!(added.iter().all(Result::is_ok), "expected the topic to be open");
        heard += keep_up(&topic, 1, &mut version, &mut workers);
        assert_eq!(heard, 1, "expected the worker to hear of its own observer");
        assert_eq!(workers, [1, 2]);
        assert!(topic.is_at(version));
    });
}

#[test]
fn an_observer_comes_before_the_end_of_a_service_or_is_refused() {
    check(|| {
        let topic = service(Kind::Topic);
        let other = topic.clone();
        let observer = thread::spawn(move || other.add_observer(1, Tid::number(1)));
        let told = topic.close().workers;
        let added = observer.join().expect("the observer came");
        assert_eq!(told, if added.is_ok() { vec![1] } else { Vec::new() }, "expected its worker to be told of the end");
        assert!(topic.collect(1, |_| true).changes.is_empty());
    });
}

#[test]
fn of_two_owners_that_come_together_one_is_told_of_the_other() {
    check(|| {
        let single = service(Kind::Single);
        let other = single.clone();
        let [ann, ben] = [Tid::number(1), Tid::number(2)];
        let second = thread::spawn(move || other.add_owner(ben, Arc::default));
        let first = single.add_owner(ann, Arc::default);
        let second = second.join().expect("the second came");
        let expected =
            if first.is_ok() { (Ok(()), Err(NoOwner::Taken(ann))) } else { (Err(NoOwner::Taken(ben)), Ok(())) };
        assert_eq!((first, second), expected);
        assert_eq!(single.plan().owners.len(), 1);
    });
}
