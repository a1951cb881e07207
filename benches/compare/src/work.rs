//! The work every row does, and the account of it, so that a row that skipped some is found out.

use std::cell::Cell;

/// The record of the one-way rows: 16 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Small {
    pub a: u64,
    pub b: u64,
}

impl Small {
    pub fn nth(i: u64) -> Self {
        Self { a: i, b: i }
    }
}

/// Who gets what is published.
pub const OBSERVERS: u64 = 100;

/// What a receiver has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages handled.
    pub count: u64,
    /// Sum of what they carried.
    pub sum: u64,
}

impl Tally {
    /// The account of a receiver that got `Small::nth(0)` to `Small::nth(n - 1)`, each once.
    pub fn of_puts(n: u64) -> Self {
        Self { count: n, sum: n.wrapping_mul(n.wrapping_sub(1)) }
    }

    #[inline]
    pub fn put(&mut self, small: Small) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(small.a).wrapping_add(small.b);
    }

    /// Handles a request: the answer is one more than what was asked.
    #[inline]
    pub fn add(&mut self, n: u64) -> u64 {
        self.count += 1;
        self.sum = self.sum.wrapping_add(n);
        n + 1
    }
}

/// The sum of the answers to `add(0)` to `add(n - 1)`.
pub fn sum_of_answers(n: u64) -> u64 {
    n.wrapping_mul(n + 1) / 2
}

thread_local! {
    static DROPPED: Cell<u64> = const { Cell::new(0) };
}

/// Part of every actor that is created and dropped: counts the drops on this thread.
#[derive(Debug, Default)]
pub struct Token;

impl Token {
    pub fn dropped() -> u64 {
        DROPPED.with(Cell::get)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        DROPPED.with(|dropped| dropped.set(dropped.get() + 1));
    }
}
