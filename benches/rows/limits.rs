//! What nothing can be faster than: a call, a cache line that goes to and fro, a thread that is woken.

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

trait Add {
    fn add(&mut self, number: u64);
}

struct Adder(u64);

impl Add for Adder {
    fn add(&mut self, number: u64) {
        self.0 = self.0.wrapping_add(number);
    }
}

/// Calls through a reference whose type the compiler does not know.
pub(crate) fn dyn_calls(calls: u64) -> Duration {
    let mut adder = Adder(0);
    let adder: &mut dyn Add = black_box(&mut adder);
    let started = Instant::now();
    for call in 0..calls {
        black_box(&mut *adder).add(call);
    }
    started.elapsed()
}

#[repr(align(128))]
struct Line(AtomicU64);

/// Round trips of a cache line between two threads that spin.
pub(crate) fn spinning_round_trips(rounds: u64) -> Duration {
    let lines = Arc::new([Line(AtomicU64::new(0)), Line(AtomicU64::new(0))]);
    let there = lines.clone();
    let echo = thread::spawn(move || {
        for round in 1..=rounds {
            while there[0].0.load(Ordering::Acquire) != round {
                spin_loop();
            }
            there[1].0.store(round, Ordering::Release);
        }
    });
    let started = Instant::now();
    for round in 1..=rounds {
        lines[0].0.store(round, Ordering::Release);
        while lines[1].0.load(Ordering::Acquire) != round {
            spin_loop();
        }
    }
    let took = started.elapsed();
    echo.join().expect("the echo ran");
    took
}

/// Round trips between two threads that sleep.
pub(crate) fn parked_round_trips(rounds: u64) -> Duration {
    let turn = Arc::new(AtomicU64::new(0));
    let (there, here) = (turn.clone(), thread::current());
    let echo = thread::spawn(move || {
        for round in 0..rounds {
            while there.load(Ordering::Acquire) != 2 * round + 1 {
                thread::park();
            }
            there.store(2 * round + 2, Ordering::Release);
            here.unpark();
        }
    });
    let started = Instant::now();
    for round in 0..rounds {
        turn.store(2 * round + 1, Ordering::Release);
        echo.thread().unpark();
        while turn.load(Ordering::Acquire) != 2 * round + 2 {
            thread::park();
        }
    }
    let took = started.elapsed();
    echo.join().expect("the echo ran");
    took
}

/// Numbers through the standard library's bounded channel, from one thread to another.
pub(crate) fn channel_one_way(messages: u64) -> Duration {
    let (sender, receiver) = mpsc::sync_channel(1024);
    let sink = thread::spawn(move || receiver.iter().fold(0_u64, |sum, number: u64| sum.wrapping_add(number)));
    let started = Instant::now();
    for message in 0..messages {
        sender.send(message).expect("the sink listens");
    }
    drop(sender);
    black_box(sink.join().expect("the sink ran"));
    started.elapsed()
}
