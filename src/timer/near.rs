//! The timers of a wheel that are due soon, in their order.
//!
//! Those that were there when their span of time began are sorted once and taken one after the other. Those that are
//! armed for it meanwhile, rarely many, are in a heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::bucket::{Item, SOME_DEAD};

/// The timers of the present span.
#[derive(Debug)]
pub(super) struct Near {
    /// The next one is at `next`.
    sorted: Vec<Item>,
    next: usize,
    late: BinaryHeap<Reverse<Item>>,
    dead: usize,
    sorter: Sorter,
}

/// Sorts items of one span that come in the order in which they were armed.
#[derive(Debug)]
struct Sorter {
    /// The time of each within the span, and below it its place.
    keys: Vec<u64>,
    items: Vec<Item>,
}

/// So many items are sorted as they are.
const FEW: usize = 20;

/// Room for more items than this is not kept for the next sorting.
const LARGE: usize = 1 << 16;

impl Near {
    pub(super) const fn new() -> Self {
        Self { sorted: Vec::new(), next: 0, late: BinaryHeap::new(), dead: 0, sorter: Sorter::new() }
    }

    /// Adds a timer to a span that has begun.
    pub(super) fn push(&mut self, item: Item) {
        if self.late.capacity() == 0 {
            // As many as there are before dead ones are swept out, so that arming and cancelling does not allocate.
            self.late.reserve(2 * SOME_DEAD + 2);
        }
        self.late.push(Reverse(item));
    }

    /// Adds the timers of a span that begins, in the order in which they were armed.
    pub(super) fn begin(&mut self, fill: impl FnOnce(&mut Vec<Item>)) {
        self.end();
        fill(&mut self.sorted);
        self.sorter.sort(&mut self.sorted);
    }

    /// The same with all of them in a row; gives a row back that is not needed any more.
    pub(super) fn begin_with(&mut self, items: Vec<Item>) -> Vec<Item> {
        self.end();
        let row = std::mem::replace(&mut self.sorted, items);
        self.sorter.sort(&mut self.sorted);
        row
    }

    fn end(&mut self) {
        debug_assert!(self.left() == 0 && self.late.is_empty(), "a span begins when the one before is over");
        self.clear();
    }

    /// One timer less is alive.
    pub(super) fn lose(&mut self, alive: impl Fn(&Item) -> bool) {
        self.dead += 1;
        if self.dead > SOME_DEAD + (self.left() + self.late.len()) / 2 {
            self.sorted.drain(..self.next);
            self.next = 0;
            self.sorted.retain(&alive);
            self.late.retain(|Reverse(item)| alive(item));
            self.dead = 0;
        }
    }

    /// The next item, dead or alive, unless that takes a closer look.
    #[inline]
    pub(super) fn plain_next(&self) -> Option<Item> {
        if self.late.is_empty() { self.sorted.get(self.next).copied() } else { None }
    }

    /// Takes away what [`Near::plain_next`] has said.
    #[inline]
    pub(super) const fn remove_plain(&mut self) {
        self.next += 1;
    }

    /// The next timer. If there is none, nothing is left at all.
    pub(super) fn first(&mut self, alive: impl Fn(&Item) -> bool) -> Option<Item> {
        loop {
            let item = self.first_item()?;
            if alive(&item) {
                return Some(item);
            }
            self.remove(item);
            self.dead -= 1;
        }
    }

    /// The next item, dead or alive.
    fn first_item(&mut self) -> Option<Item> {
        if self.left() == 0 {
            if self.late.is_empty() {
                return None;
            }
            self.clear();
            self.sorted.extend(self.late.drain().map(|Reverse(item)| item));
            self.sorted.sort_unstable();
        }
        let sorted = self.sorted.get(self.next).copied();
        match self.late.peek() {
            Some(&Reverse(late)) if sorted.is_none_or(|sorted| late < sorted) => Some(late),
            _ => sorted,
        }
    }

    /// Takes the next item away.
    pub(super) fn remove(&mut self, item: Item) {
        if self.sorted.get(self.next) == Some(&item) {
            self.next += 1;
        } else {
            self.late.pop();
        }
    }

    /// How many are sorted, dead or alive.
    #[inline]
    pub(super) const fn left(&self) -> usize {
        self.sorted.len() - self.next
    }

    /// Those that come next.
    #[inline]
    pub(super) fn ahead(&self, items: usize) -> &[Item] {
        &self.sorted[self.next..self.sorted.len().min(self.next + items)]
    }

    fn clear(&mut self) {
        self.sorted.clear();
        self.next = 0;
    }
}

impl Sorter {
    const fn new() -> Self {
        Self { keys: Vec::new(), items: Vec::new() }
    }

    /// Numbers are sorted faster than items.
    fn sort(&mut self, items: &mut Vec<Item>) {
        if items.len() <= FEW {
            return items.sort_unstable();
        }
        if items.is_sorted_by_key(|item| item.deadline) {
            return;
        }
        let start = items.iter().fold(u64::MAX, |start, item| start.min(item.deadline));
        let keys = items.iter().zip(0..).map(|(item, place)| (item.deadline - start) << u32::BITS | place);
        self.keys.extend(keys);
        self.keys.sort_unstable();
        self.items.extend(self.keys.drain(..).map(|key| items[key as u32 as usize]));
        debug_assert!(self.items.is_sorted(), "items of one span are sorted by their time in it");
        std::mem::swap(items, &mut self.items);
        self.items.clear();
        if self.items.capacity() > LARGE {
            *self = Self::new();
        }
    }
}
