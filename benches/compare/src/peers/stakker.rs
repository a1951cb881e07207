//! stakker: default features, which tie it to one thread of the process, here the main one; calls are queued and then run.

use std::time::Instant;

use ::stakker::Actor;
use ::stakker::ActorOwn;
use ::stakker::CX;
use ::stakker::Ret;
use ::stakker::Stakker;
use ::stakker::actor;
use ::stakker::call;
use ::stakker::ret;
use ::stakker::ret_nop;
use ::stakker::ret_some_to;

use crate::alloc;
use crate::harness::Group;
use crate::harness::Row;
use crate::harness::Timed;
use crate::harness::warm_up;
use crate::peers::stakker_threads;
use crate::work::OBSERVERS;
use crate::work::Small;
use crate::work::Tally;
use crate::work::Token;
use crate::work::sum_of_answers;

pub const NAME: &str = "stakker";
pub const ONE_AT_A_TIME: &str = "stakker, one at a time";

/// Calls queued between two runs.
const BATCH: u64 = 1024;
const RING: usize = 100;
const IDLE: usize = 100_000;

pub fn rows() -> Vec<Row> {
    let mut rows = vec![
        Row::time(Group::Notify, NAME, notify),
        Row::time(Group::Ask, NAME, ask),
        Row::time(Group::Ask, ONE_AT_A_TIME, ask_one_at_a_time),
        Row::time(Group::Publish, NAME, publish),
        Row::time(Group::Ring, NAME, ring),
        Row::time(Group::Create, NAME, create),
        Row::bytes(NAME, idle),
    ];
    rows.extend(stakker_threads::rows());
    rows
}

pub(super) fn run(stakker: &mut Stakker) {
    stakker.run(Instant::now(), false);
}

pub(super) fn started() -> Stakker {
    Stakker::new(Instant::now())
}

#[derive(Default)]
struct Target {
    tally: Tally,
    next: Option<Actor<Self>>,
    _token: Token,
}

impl Target {
    fn init(_: CX![]) -> Option<Self> {
        Some(Self::default())
    }

    fn put(&mut self, _: CX![], small: Small) {
        self.tally.put(small);
    }

    fn add(&mut self, _: CX![], n: u64, answer: Ret<u64>) {
        ret!([answer], self.tally.add(n));
    }

    fn link(&mut self, _: CX![], next: Actor<Self>) {
        self.next = Some(next);
    }

    fn hop(&mut self, _: CX![], left: u64) {
        self.tally.count += 1;
        if left > 1
            && let Some(next) = &self.next
        {
            call!([next], hop(left - 1));
        }
    }
}

fn target(stakker: &mut Stakker) -> ActorOwn<Target> {
    actor!(stakker, Target::init(), ret_nop!())
}

fn tally(stakker: &mut Stakker, target: &Actor<Target>) -> Tally {
    target.query(stakker, |target, _| target.tally).expect("the actor has started")
}

fn batches(from: u64, until: u64, mut batch: impl FnMut(u64, u64)) {
    let mut i = from;
    while i < until {
        let end = until.min(i + BATCH);
        batch(i, end);
        i = end;
    }
}

fn notify(ops: u64) -> Timed {
    let mut stakker = started();
    let target = target(&mut stakker);
    let mut pass = |from, until| {
        batches(from, until, |from, until| {
            for i in from..until {
                call!([target], put(Small::nth(i)));
            }
            run(&mut stakker);
        });
    };
    let warm = warm_up(ops);
    pass(0, warm);
    let start = Instant::now();
    pass(warm, warm + ops);
    let timed = Timed::since(start, ops);
    assert_eq!(tally(&mut stakker, &target), Tally::of_puts(warm + ops));
    timed
}

/// A call to each actor of a list: nothing in stakker is faster, a `Fwd` allocates for each.
fn publish(ops: u64) -> Timed {
    let mut stakker = started();
    let targets: Vec<_> = (0..OBSERVERS).map(|_| target(&mut stakker)).collect();
    let mut pass = |from, until| {
        for i in from..until {
            for target in &targets {
                call!([target], put(Small::nth(i)));
            }
            run(&mut stakker);
        }
    };
    let (warm, rounds) = (warm_up(ops).div_ceil(OBSERVERS), ops.div_ceil(OBSERVERS));
    pass(0, warm);
    let start = Instant::now();
    pass(warm, warm + rounds);
    let timed = Timed::since(start, rounds * OBSERVERS);
    assert!(targets.iter().all(|target| tally(&mut stakker, target) == Tally::of_puts(warm + rounds)));
    timed
}

struct Asker {
    target: Actor<Target>,
    sum: u64,
    next: u64,
}

impl Asker {
    fn init(_: CX![], target: Actor<Target>) -> Option<Self> {
        Some(Self { target, sum: 0, next: 0 })
    }

    fn ask_all(&mut self, cx: CX![], from: u64, until: u64) {
        for i in from..until {
            let answer = ret_some_to!([cx], answered() as (u64));
            call!([self.target], add(i, answer));
        }
    }

    fn answered(&mut self, _: CX![], answer: u64) {
        self.sum += answer;
    }

    fn ask_until(&mut self, cx: CX![], until: u64) {
        let answer = ret_some_to!([cx], answered_one(until) as (u64));
        call!([self.target], add(self.next, answer));
    }

    fn answered_one(&mut self, cx: CX![], until: u64, answer: u64) {
        self.sum += answer;
        self.next += 1;
        if self.next < until {
            self.ask_until(cx, until);
        }
    }
}

fn asking(ops: u64, mut pass: impl FnMut(&mut Stakker, &Actor<Asker>, u64, u64)) -> Timed {
    let mut stakker = started();
    let target = target(&mut stakker);
    let asker = actor!(stakker, Asker::init(target.clone()), ret_nop!());
    let warm = warm_up(ops);
    pass(&mut stakker, &asker, 0, warm);
    let start = Instant::now();
    pass(&mut stakker, &asker, warm, warm + ops);
    let timed = Timed::since(start, ops);
    let sum = asker.query(&mut stakker, |asker, _| asker.sum);
    assert_eq!(sum, Some(sum_of_answers(warm + ops)));
    assert_eq!(tally(&mut stakker, &target).count, warm + ops);
    timed
}

fn ask(ops: u64) -> Timed {
    asking(ops, |stakker, asker, from, until| {
        batches(from, until, |from, until| {
            call!([asker], ask_all(from, until));
            run(stakker);
        });
    })
}

fn ask_one_at_a_time(ops: u64) -> Timed {
    asking(ops, |stakker, asker, _, until| {
        call!([asker], ask_until(until));
        run(stakker);
    })
}

fn ring(ops: u64) -> Timed {
    let mut stakker = started();
    let ring: Vec<_> = (0..RING).map(|_| target(&mut stakker)).collect();
    for i in 0..RING {
        call!([ring[i]], link(ring[(i + 1) % RING].clone()));
    }
    let mut pass = |hops: u64| {
        call!([ring[0]], hop(hops));
        run(&mut stakker);
    };
    let warm = warm_up(ops);
    pass(warm);
    let start = Instant::now();
    pass(ops);
    let timed = Timed::since(start, ops);
    let hops: u64 = ring.iter().map(|target| tally(&mut stakker, target).count).sum();
    assert_eq!(hops, warm + ops);
    timed
}

fn create(ops: u64) -> Timed {
    const TOGETHER: u64 = 100;
    let mut stakker = started();
    let before = Token::dropped();
    let mut batch = Vec::with_capacity(TOGETHER as usize);
    let mut some = || {
        batch.extend((0..TOGETHER).map(|_| target(&mut stakker)));
        run(&mut stakker);
        batch.clear();
        run(&mut stakker);
    };
    some();
    let batches = ops.div_ceil(TOGETHER);
    let start = Instant::now();
    (0..batches).for_each(|_| some());
    let timed = Timed::since(start, batches * TOGETHER);
    assert_eq!(Token::dropped() - before, (batches + 1) * TOGETHER);
    timed
}

fn idle() -> f64 {
    const TOGETHER: usize = 100;
    let mut stakker = started();
    let mut actors = Vec::with_capacity(IDLE);
    let mut some = |actors: &mut Vec<_>| {
        actors.extend((0..TOGETHER).map(|_| target(&mut stakker)));
        run(&mut stakker);
    };
    // The call queue finds its size before the counting starts.
    some(&mut actors);
    actors.clear();
    some(&mut actors);
    actors.clear();
    alloc::start_counting();
    (0..IDLE / TOGETHER).for_each(|_| some(&mut actors));
    let live = alloc::stop_counting();
    assert_eq!(actors.len(), IDLE);
    live as f64 / IDLE as f64 - size_of::<Target>() as f64
}
