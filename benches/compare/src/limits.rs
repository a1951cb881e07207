//! What the machine allows: the bare operation under each row, without any library.

use std::hint::black_box;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Acquire;
use std::sync::atomic::Ordering::Release;
use std::thread;
use std::time::Instant;

use crossbeam_utils::CachePadded;

use crate::cores;
use crate::cores::APART;
use crate::cores::Sides;
use crate::cores::TOGETHER;
use crate::harness::Group;
use crate::harness::Row;
use crate::harness::Timed;
use crate::harness::warm_up;
use crate::work::OBSERVERS;
use crate::work::Small;
use crate::work::Tally;
use crate::work::Token;
use crate::work::sum_of_answers;

pub const DYN_CALL: &str = "limit: dyn call";
pub const DYN_RING: &str = "limit: nested dyn calls";
pub const ATOMICS: &str = "limit: two atomics";
pub const PARK: &str = "limit: park/unpark";
pub const BOXED: &str = "limit: Box<dyn>";

pub fn rows() -> Vec<Row> {
    vec![
        Row::time(Group::Notify, DYN_CALL, notify),
        Row::time(Group::Ask, DYN_CALL, ask),
        Row::time(Group::Publish, DYN_CALL, publish),
        Row::time(Group::Ring, DYN_RING, ring),
        Row::time(Group::Spin, ATOMICS, spin),
        Row::time(Group::Park, PARK, |ops| park(ops, APART)),
        Row::time(Group::ParkTogether, PARK, |ops| park(ops, TOGETHER)),
        Row::time(Group::Outside, ATOMICS, spin),
        Row::time(Group::Create, BOXED, create),
    ]
}

trait Object {
    fn put(&mut self, small: Small);
    fn add(&mut self, n: u64) -> u64;
    fn tally(&self) -> Tally;
}

struct Plain {
    tally: Tally,
    _token: Token,
}

/// A second implementation, so that the compiler cannot know which one is behind the pointer.
struct Odd {
    tally: Tally,
}

impl Object for Plain {
    fn put(&mut self, small: Small) {
        self.tally.put(small);
    }
    fn add(&mut self, n: u64) -> u64 {
        self.tally.add(n)
    }
    fn tally(&self) -> Tally {
        self.tally
    }
}

impl Object for Odd {
    fn put(&mut self, small: Small) {
        self.tally.put(Small { a: small.b, b: small.a | 1 });
    }
    fn add(&mut self, n: u64) -> u64 {
        self.tally.add(n | 1)
    }
    fn tally(&self) -> Tally {
        self.tally
    }
}

#[inline]
fn object() -> Box<dyn Object> {
    // Zeros that the compiler knows of would be allocated with `calloc`, which takes the allocator's slow way.
    let tally = black_box(Tally::default());
    let object: Box<dyn Object> =
        if black_box(true) { Box::new(Plain { tally, _token: Token }) } else { Box::new(Odd { tally }) };
    black_box(object)
}

fn notify(ops: u64) -> Timed {
    let mut target = object();
    let warm = warm_up(ops);
    for i in 0..warm {
        target.put(Small::nth(i));
    }
    let start = Instant::now();
    for i in warm..warm + ops {
        target.put(Small::nth(i));
    }
    let timed = Timed::since(start, ops);
    assert_eq!(target.tally(), Tally::of_puts(warm + ops));
    timed
}

fn publish(ops: u64) -> Timed {
    let mut targets: Vec<_> = (0..OBSERVERS).map(|_| object()).collect();
    let mut pass = |from, until| (from..until).for_each(|i| targets.iter_mut().for_each(|to| to.put(Small::nth(i))));
    let (warm, rounds) = (warm_up(ops).div_ceil(OBSERVERS), ops.div_ceil(OBSERVERS));
    pass(0, warm);
    let start = Instant::now();
    pass(warm, warm + rounds);
    let timed = Timed::since(start, rounds * OBSERVERS);
    assert!(targets.iter().all(|target| target.tally() == Tally::of_puts(warm + rounds)));
    timed
}

fn ask(ops: u64) -> Timed {
    let mut target = object();
    let warm = warm_up(ops);
    let mut sum = 0;
    for i in 0..warm {
        sum += target.add(i);
    }
    let start = Instant::now();
    for i in warm..warm + ops {
        sum += target.add(i);
    }
    let timed = Timed::since(start, ops);
    assert_eq!(black_box(sum), sum_of_answers(warm + ops));
    timed
}

trait Hop {
    /// Counts, hands on to the next while hops are left; what comes back is counted too, so that no call is a jump.
    fn hop(&self, ring: &[Box<dyn Hop>], left: u64) -> u64;
}

struct Link {
    next: usize,
}

struct OddLink {
    next: usize,
}

impl Hop for Link {
    fn hop(&self, ring: &[Box<dyn Hop>], left: u64) -> u64 {
        if left == 1 {
            return 1;
        }
        1 + ring[self.next].hop(ring, left - 1)
    }
}

impl Hop for OddLink {
    fn hop(&self, ring: &[Box<dyn Hop>], left: u64) -> u64 {
        2 + ring[self.next].hop(ring, left / 2)
    }
}

fn ring(ops: u64) -> Timed {
    const RING: usize = 100;
    let ring: Vec<Box<dyn Hop>> = (0..RING)
        .map(|i| -> Box<dyn Hop> {
            let next = (i + 1) % RING;
            if black_box(true) { Box::new(Link { next }) } else { Box::new(OddLink { next }) }
        })
        .collect();
    let ring = black_box(ring);
    let laps = ops.div_ceil(RING as u64);
    let lap = |_| ring[0].hop(&ring, RING as u64);
    black_box((0..warm_up(laps)).map(lap).sum::<u64>());
    let start = Instant::now();
    let hops: u64 = (0..laps).map(lap).sum();
    let timed = Timed::since(start, laps * RING as u64);
    assert_eq!(hops, laps * RING as u64);
    timed
}

fn spin(ops: u64) -> Timed {
    let lines = Arc::new((CachePadded::new(AtomicU64::new(0)), CachePadded::new(AtomicU64::new(0))));
    let warm = warm_up(ops);
    let echo = {
        let lines = Arc::clone(&lines);
        thread::spawn(move || {
            for i in 1..=warm + ops {
                while lines.0.load(Acquire) != i {
                    spin_loop();
                }
                lines.1.store(i, Release);
            }
        })
    };
    let trip = |i| {
        lines.0.store(i, Release);
        while lines.1.load(Acquire) != i {
            spin_loop();
        }
    };
    (1..=warm).for_each(trip);
    let start = Instant::now();
    (warm + 1..=warm + ops).for_each(trip);
    let timed = Timed::since(start, ops);
    echo.join().expect("the echo ends with the last trip");
    assert_eq!(lines.1.load(Acquire), warm + ops);
    timed
}

fn park(ops: u64, sides: Sides) -> Timed {
    cores::pin_to(sides[0]);
    let lines = Arc::new((CachePadded::new(AtomicU64::new(0)), CachePadded::new(AtomicU64::new(0))));
    let warm = warm_up(ops);
    let here = thread::current();
    let echo = {
        let lines = Arc::clone(&lines);
        thread::spawn(move || {
            cores::pin_to(sides[1]);
            for i in 1..=warm + ops {
                while lines.0.load(Acquire) != i {
                    thread::park();
                }
                lines.1.store(i, Release);
                here.unpark();
            }
        })
    };
    let there = echo.thread().clone();
    let trip = |i| {
        lines.0.store(i, Release);
        there.unpark();
        while lines.1.load(Acquire) != i {
            thread::park();
        }
    };
    (1..=warm).for_each(trip);
    let start = Instant::now();
    (warm + 1..=warm + ops).for_each(trip);
    let timed = Timed::since(start, ops);
    echo.join().expect("the echo ends with the last trip");
    timed
}

fn create(ops: u64) -> Timed {
    let before = Token::dropped();
    let warm = warm_up(ops);
    for _ in 0..warm {
        drop(object());
    }
    let start = Instant::now();
    for _ in 0..ops {
        drop(object());
    }
    let timed = Timed::since(start, ops);
    assert_eq!(Token::dropped() - before, warm + ops);
    timed
}
