//! stakker towards other threads: its own ways there are a `PipedThread`, which parks, and a `Channel`.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Acquire;
use std::sync::atomic::Ordering::Release;
use std::thread;
use std::time::Instant;

use ::stakker::CX;
use ::stakker::PipedThread;
use ::stakker::actor;
use ::stakker::actor_new;
use ::stakker::call;
use ::stakker::fwd_nop;
use ::stakker::fwd_to;
use ::stakker::ret_nop;
use ::stakker::sync::Channel;
use ::stakker::sync::ChannelGuard;
use crossbeam_utils::CachePadded;

use crate::cores;
use crate::cores::APART;
use crate::cores::Sides;
use crate::cores::TOGETHER;
use crate::harness::Group;
use crate::harness::Row;
use crate::harness::Timed;
use crate::harness::warm_up;
use crate::peers::stakker::NAME;
use crate::peers::stakker::run;
use crate::peers::stakker::started;
use crate::work::Small;
use crate::work::Tally;
use crate::work::sum_of_answers;

const PIPED: &str = "stakker and a `PipedThread`";

pub fn rows() -> Vec<Row> {
    vec![
        Row::time(Group::Park, PIPED, |ops| park(ops, APART)),
        Row::time(Group::ParkTogether, PIPED, |ops| park(ops, TOGETHER)),
        Row::time(Group::Flow, NAME, flow),
        Row::time(Group::Outside, "stakker, `Channel` and an atomic", outside),
    ]
}

/// An actor whose other half is a thread that sends everything back, increased by one.
struct Piped {
    thread: PipedThread<u64, u64>,
    sum: u64,
    next: u64,
    until: u64,
}

impl Piped {
    fn init(cx: CX![], core: usize) -> Option<Self> {
        let thread = PipedThread::spawn(fwd_to!([cx], back() as (u64)), fwd_nop!(), cx, move |link| {
            cores::pin_to(core);
            while let Some(n) = link.recv() {
                link.send(n + 1);
            }
        });
        Some(Self { thread, sum: 0, next: 0, until: 0 })
    }

    fn go(&mut self, _: CX![], until: u64) {
        self.until = until;
        self.thread.send(self.next);
    }

    fn back(&mut self, _: CX![], answer: u64) {
        self.sum += answer;
        self.next += 1;
        if self.next < self.until {
            self.thread.send(self.next);
        }
    }
}

fn park(ops: u64, sides: Sides) -> Timed {
    cores::pin_to(sides[0]);
    let mut stakker = started();
    let main = thread::current();
    stakker.set_poll_waker(move || main.unpark());
    let piped = actor!(stakker, Piped::init(sides[1]), ret_nop!());
    let mut pass = |until: u64| {
        call!([piped], go(until));
        run(&mut stakker);
        while piped.query(&mut stakker, |piped, _| piped.next) != Some(until) {
            thread::park();
            stakker.poll_wake();
            run(&mut stakker);
        }
    };
    let warm = warm_up(ops);
    pass(warm);
    let start = Instant::now();
    pass(warm + ops);
    let timed = Timed::since(start, ops);
    let sum = piped.query(&mut stakker, |piped, _| piped.sum);
    assert_eq!(sum, Some(sum_of_answers(warm + ops)));
    timed
}

/// The receiving end of a [`Channel`].
struct Sink {
    tally: Tally,
    answer: Arc<CachePadded<AtomicU64>>,
    _guard: ChannelGuard,
}

impl Sink {
    fn init(_: CX![], answer: Arc<CachePadded<AtomicU64>>, guard: ChannelGuard) -> Option<Self> {
        Some(Self { tally: Tally::default(), answer, _guard: guard })
    }

    fn put(&mut self, _: CX![], small: Small) {
        self.tally.put(small);
    }

    fn add(&mut self, _: CX![], n: u64) {
        self.answer.store(self.tally.add(n), Release);
    }
}

fn flow(ops: u64) -> Timed {
    let mut stakker = started();
    let main = thread::current();
    stakker.set_poll_waker(move || main.unpark());
    let sink = actor_new!(stakker, Sink, ret_nop!());
    let (channel, guard) = Channel::new(&mut stakker, fwd_to!([sink], put() as (Small)));
    call!([sink], Sink::init(Arc::default(), guard));
    let warm = warm_up(ops);
    let go = Arc::new(AtomicU64::new(0));
    let producer = thread::spawn({
        let go = Arc::clone(&go);
        move || {
            let send = |i| assert!(channel.send(Small::nth(i)));
            (0..warm).for_each(send);
            while go.load(Acquire) == 0 {
                spin_loop();
            }
            (warm..warm + ops).for_each(send);
        }
    });
    let mut drain = |until| loop {
        stakker.poll_wake();
        run(&mut stakker);
        let tally = sink.query(&mut stakker, |sink, _| sink.tally);
        if let Some(tally) = tally.filter(|tally| tally.count == until) {
            return tally;
        }
        thread::park();
    };
    drain(warm);
    let start = Instant::now();
    go.store(1, Release);
    let tally = drain(warm + ops);
    let timed = Timed::since(start, ops);
    producer.join().expect("the producer ends with the last message");
    assert_eq!(tally, Tally::of_puts(warm + ops));
    timed
}

fn outside(ops: u64) -> Timed {
    let mut stakker = started();
    stakker.set_poll_waker(|| {});
    let sink = actor_new!(stakker, Sink, ret_nop!());
    let (channel, guard) = Channel::new(&mut stakker, fwd_to!([sink], add() as (u64)));
    let answer = Arc::new(CachePadded::new(AtomicU64::new(0)));
    call!([sink], Sink::init(Arc::clone(&answer), guard));
    run(&mut stakker);
    let warm = warm_up(ops);
    let asker = thread::spawn(move || {
        let mut sum = 0;
        let mut ask = |i| {
            assert!(channel.send(i));
            while answer.load(Acquire) != i + 1 {
                spin_loop();
            }
            sum += i + 1;
        };
        (0..warm).for_each(&mut ask);
        let start = Instant::now();
        (warm..warm + ops).for_each(&mut ask);
        let timed = Timed::since(start, ops);
        assert_eq!(sum, sum_of_answers(warm + ops));
        timed
    });
    while !asker.is_finished() {
        stakker.poll_wake();
        run(&mut stakker);
    }
    let count = sink.query(&mut stakker, |sink, _| sink.tally.count);
    assert_eq!(count, Some(warm + ops));
    asker.join().expect("the asker ends with the last answer")
}
