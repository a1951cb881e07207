//! The timers of a wheel that are due soon, in their order.
//!
//! Those that were there when their span of time began are sorted once and taken from one end. Those that are armed for
//! it meanwhile, rarely many, are in a heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::bucket::{Item, SOME_DEAD};

/// The timers of the present span.
#[derive(Debug)]
pub(super) struct Near {
    /// The next one is the last.
    sorted: Vec<Item>,
    late: BinaryHeap<Reverse<Item>>,
    dead: usize,
}

impl Near {
    pub(super) const fn new() -> Self {
        Self { sorted: Vec::new(), late: BinaryHeap::new(), dead: 0 }
    }

    /// Adds a timer to a span that has begun.
    pub(super) fn push(&mut self, item: Item) {
        if self.late.capacity() == 0 {
            // As many as there are before dead ones are swept out, so that arming and cancelling does not allocate.
            self.late.reserve(2 * SOME_DEAD + 2);
        }
        self.late.push(Reverse(item));
    }

    /// Adds the timers of a span that begins; they are sorted when the first is asked for.
    pub(super) fn begin(&mut self, fill: impl FnOnce(&mut Vec<Item>)) {
        debug_assert!(self.sorted.is_empty() && self.late.is_empty(), "a span begins when the one before is over");
        fill(&mut self.sorted);
        self.sort();
    }

    /// The same with all of them in a row; gives a row back that is not needed any more.
    pub(super) fn begin_with(&mut self, items: Vec<Item>) -> Vec<Item> {
        debug_assert!(self.sorted.is_empty() && self.late.is_empty(), "a span begins when the one before is over");
        let row = std::mem::replace(&mut self.sorted, items);
        self.sort();
        row
    }

    fn sort(&mut self) {
        self.sorted.sort_unstable_by(|one, other| other.cmp(one));
    }

    /// One timer less is alive.
    pub(super) fn lose(&mut self, alive: impl Fn(&Item) -> bool) {
        self.dead += 1;
        if self.dead > SOME_DEAD + (self.sorted.len() + self.late.len()) / 2 {
            self.sorted.retain(&alive);
            self.late.retain(|Reverse(item)| alive(item));
            self.dead = 0;
        }
    }

    /// The next item, dead or alive, unless that takes a closer look.
    #[inline]
    pub(super) fn plain_next(&self) -> Option<Item> {
        if self.late.is_empty() { self.sorted.last().copied() } else { None }
    }

    /// Takes away what [`Near::plain_next`] has said.
    #[inline]
    pub(super) fn remove_plain(&mut self) {
        self.sorted.pop();
    }

    /// The next timer. If there is none, nothing is left at all.
    pub(super) fn first(&mut self, alive: impl Fn(&Item) -> bool) -> Option<Item> {
        loop {
            let item = self.next()?;
            if alive(&item) {
                return Some(item);
            }
            self.remove(item);
            self.dead -= 1;
        }
    }

    /// The next item, dead or alive.
    fn next(&mut self) -> Option<Item> {
        if self.sorted.is_empty() {
            if self.late.is_empty() {
                return None;
            }
            self.sorted.extend(self.late.drain().map(|Reverse(item)| item));
            self.sort();
        }
        let sorted = self.sorted.last().copied();
        match self.late.peek() {
            Some(&Reverse(late)) if sorted.is_none_or(|sorted| late < sorted) => Some(late),
            _ => sorted,
        }
    }

    /// Takes the next item away.
    pub(super) fn remove(&mut self, item: Item) {
        if self.sorted.last() == Some(&item) {
            self.sorted.pop();
        } else {
            self.late.pop();
        }
    }

    /// How many are sorted, dead or alive.
    pub(super) const fn left(&self) -> usize {
        self.sorted.len()
    }

    /// Those that come next, the last of them first.
    pub(super) fn ahead(&self, items: usize) -> &[Item] {
        &self.sorted[self.sorted.len().saturating_sub(items)..]
    }
}
