//! Bare crossbeam channels: no actor, no dispatch, only the hand-over.

use std::hint::spin_loop;
use std::thread;
use std::time::Instant;

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;
use crossbeam_channel::bounded;
use crossbeam_channel::unbounded;

use crate::cores;
use crate::cores::APART;
use crate::cores::Sides;
use crate::cores::TOGETHER;
use crate::harness::Group;
use crate::harness::Row;
use crate::harness::Timed;
use crate::harness::warm_up;
use crate::work::Small;
use crate::work::Tally;
use crate::work::sum_of_answers;

const SPINS_FIRST: &str = "crossbeam, bounded 1 (spins before it parks)";
pub const FLOW_BOUNDED: &str = "crossbeam, bounded 1024";
pub const FLOW_UNBOUNDED: &str = "crossbeam, unbounded";

pub fn rows() -> Vec<Row> {
    vec![
        Row::time(Group::Notify, "crossbeam, bounded", notify),
        Row::time(Group::Spin, "crossbeam, bounded 1", spin),
        Row::time(Group::Park, SPINS_FIRST, |ops| park(ops, APART)).unlimited(),
        Row::time(Group::ParkTogether, SPINS_FIRST, |ops| park(ops, TOGETHER)).unlimited(),
        Row::time(Group::Flow, FLOW_BOUNDED, |ops| flow(ops, bounded(1024))),
        Row::time(Group::Flow, FLOW_UNBOUNDED, |ops| flow(ops, unbounded())),
        Row::time(Group::Outside, "crossbeam, new answer channel per ask", outside),
    ]
}

fn notify(ops: u64) -> Timed {
    const BATCH: u64 = 256;
    let (sender, receiver) = bounded(BATCH as usize);
    let mut tally = Tally::default();
    let mut pass = |from: u64, until: u64| {
        let mut i = from;
        while i < until {
            let end = until.min(i + BATCH);
            for i in i..end {
                sender.try_send(Small::nth(i)).expect("a batch fits");
            }
            while let Ok(small) = receiver.try_recv() {
                tally.put(small);
            }
            i = end;
        }
    };
    let warm = warm_up(ops);
    pass(0, warm);
    let start = Instant::now();
    pass(warm, warm + ops);
    let timed = Timed::since(start, ops);
    assert_eq!(tally, Tally::of_puts(warm + ops));
    timed
}

fn spinning<T>(receiver: &Receiver<T>) -> T {
    loop {
        if let Ok(message) = receiver.try_recv() {
            return message;
        }
        spin_loop();
    }
}

fn spin(ops: u64) -> Timed {
    round_trips(ops, None, spinning)
}

fn park(ops: u64, sides: Sides) -> Timed {
    round_trips(ops, Some(sides), |receiver| receiver.recv().expect("the other side lives"))
}

fn round_trips(
    ops: u64,
    sides: Option<Sides>,
    receive: impl Fn(&Receiver<u64>) -> u64 + Copy + Send + 'static,
) -> Timed {
    let (there, at_echo) = bounded(1);
    let (back, at_home) = bounded(1);
    let warm = warm_up(ops);
    sides.into_iter().for_each(|sides| cores::pin_to(sides[0]));
    let echo = thread::spawn(move || {
        sides.into_iter().for_each(|sides| cores::pin_to(sides[1]));
        let mut tally = Tally::default();
        for _ in 0..warm + ops {
            back.send(tally.add(receive(&at_echo))).expect("the other side lives");
        }
        tally
    });
    let mut sum = 0;
    let mut trip = |i| {
        there.send(i).expect("the echo lives");
        sum += receive(&at_home);
    };
    (0..warm).for_each(&mut trip);
    let start = Instant::now();
    (warm..warm + ops).for_each(&mut trip);
    let timed = Timed::since(start, ops);
    assert_eq!(echo.join().expect("the echo ends with the last trip").count, warm + ops);
    assert_eq!(sum, sum_of_answers(warm + ops));
    timed
}

fn flow(ops: u64, (sender, receiver): (Sender<Small>, Receiver<Small>)) -> Timed {
    let warm = warm_up(ops);
    let (ready, warmed) = bounded(0);
    let consumer = thread::spawn(move || {
        let mut tally = Tally::default();
        for small in &receiver {
            tally.put(small);
            if tally.count == warm {
                ready.send(()).expect("the producer waits");
            }
        }
        tally
    });
    let send = |i| sender.send(Small::nth(i)).expect("the consumer lives");
    (0..warm).for_each(send);
    warmed.recv().expect("the consumer lives");
    let start = Instant::now();
    (warm..warm + ops).for_each(send);
    drop(sender);
    let tally = consumer.join().expect("the consumer ends with the channel");
    let timed = Timed::since(start, ops);
    assert_eq!(tally, Tally::of_puts(warm + ops));
    timed
}

fn outside(ops: u64) -> Timed {
    let (sender, receiver) = unbounded::<(u64, Sender<u64>)>();
    let warm = warm_up(ops);
    let target = thread::spawn(move || {
        let mut tally = Tally::default();
        for _ in 0..warm + ops {
            let (n, answer) = spinning(&receiver);
            answer.send(tally.add(n)).expect("the asker waits");
        }
        tally
    });
    let mut sum = 0;
    let mut ask = |i| {
        let (answer, answered) = bounded(1);
        sender.send((i, answer)).expect("the target lives");
        sum += spinning(&answered);
    };
    (0..warm).for_each(&mut ask);
    let start = Instant::now();
    (warm..warm + ops).for_each(&mut ask);
    let timed = Timed::since(start, ops);
    assert_eq!(target.join().expect("the target ends with the last ask").count, warm + ops);
    assert_eq!(sum, sum_of_answers(warm + ops));
    timed
}
