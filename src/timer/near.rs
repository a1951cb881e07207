//! The timers of a wheel that are due soon, in their order.
//!
//! Those that were there when their span of time began are a run: it is sorted in parts, and taken one after the other.
//! Those that are armed for it meanwhile, rarely many, are in a heap.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::RangeInclusive;

use super::bucket::{Item, SOME_DEAD};
use super::sorting::Sorter;

/// The timers of the present span, and earlier ones that are overdue.
#[derive(Debug)]
pub(super) struct Near {
    /// Those from `next` to `sorted` are in order; what follows is in parts, each of which is sorted when its turn comes.
    /// Its memory is kept, as their seats are.
    run: Vec<Item>,
    next: usize,
    sorted: usize,
    /// Those before it have been read ahead.
    seen: usize,
    /// Where each part ends; the next part is the last here.
    ends: Vec<usize>,
    late: BinaryHeap<Reverse<Late>>,
    /// How many were late so far.
    lates: u64,
    dead: usize,
    sorter: Sorter,
}

/// A timer that was armed for a span that had begun.
#[derive(Clone, Copy, Debug)]
struct Late {
    item: Item,
    /// Counts them.
    order: u64,
}

/// A run of more items is split before it is sorted.
const SOME: usize = 4096;

impl Near {
    pub(super) const fn new() -> Self {
        Self {
            run: Vec::new(),
            next: 0,
            sorted: 0,
            seen: 0,
            ends: Vec::new(),
            late: BinaryHeap::new(),
            lates: 0,
            dead: 0,
            sorter: Sorter::new(),
        }
    }

    /// Adds a timer to a span that has begun.
    pub(super) fn push(&mut self, item: Item) {
        if self.late.capacity() == 0 {
            // As many as there are before dead ones are swept out, so that arming and cancelling does not allocate.
            self.late.reserve(2 * SOME_DEAD + 2);
        }
        self.lates += 1;
        self.late.push(Reverse(Late { item, order: self.lates }));
    }

    /// Begins with these timers, which are in the order in which they were armed, and `reach` from the first of them to
    /// the last. Gives a row back that is not needed any more.
    pub(super) fn begin(&mut self, items: Vec<Item>, reach: &RangeInclusive<u64>) -> Vec<Item> {
        debug_assert!(self.left() == 0 && self.late.is_empty(), "a span begins when the one before is over");
        (self.next, self.seen, self.sorted) = (0, 0, items.len());
        self.sorter.begin(reach);
        if items.len() > SOME {
            if items.is_sorted_by_key(|item| item.deadline) {
                return std::mem::replace(&mut self.run, items);
            }
            self.sorted = 0;
            self.sorter.split(&items, &mut self.run, &mut self.ends);
            return items;
        }
        if self.run.len() < items.len() {
            self.run.resize(items.len(), Item::NONE);
        }
        let run = &mut self.run[..items.len()];
        run.copy_from_slice(&items);
        self.sorter.sort(run);
        items
    }

    /// One timer less is alive.
    pub(super) fn lose(&mut self, alive: impl Fn(&Item) -> bool) {
        self.dead += 1;
        if self.dead > SOME_DEAD + (self.left() + self.late.len()) / 2 {
            self.sweep(alive);
        }
    }

    /// The next item, dead or alive, unless that takes a closer look.
    #[inline]
    pub(super) fn plain_next(&self) -> Option<Item> {
        if self.late.is_empty() { self.next_sorted() } else { None }
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
        while self.next == self.sorted {
            if let Some(end) = self.ends.pop() {
                self.sorter.sort(&mut self.run[self.sorted..end]);
                self.sorted = end;
            } else if self.late.is_empty() {
                return None;
            } else {
                self.run.clear();
                self.run.reserve(self.late.len());
                self.run.extend(std::iter::from_fn(|| self.late.pop()).map(|Reverse(late)| late.item));
                (self.next, self.seen, self.sorted) = (0, 0, self.run.len());
            }
        }
        let sorted = self.next_sorted();
        match self.late.peek() {
            // Of one deadline, the late one was armed later.
            Some(&Reverse(Late { item, .. })) if sorted.is_none_or(|sorted| item.deadline < sorted.deadline) => {
                Some(item)
            }
            _ => sorted,
        }
    }

    /// Takes the next item away.
    pub(super) fn remove(&mut self, item: Item) {
        if self.next_sorted() == Some(item) {
            self.next += 1;
        } else {
            self.late.pop();
        }
    }

    /// Whether those that come next should be read ahead.
    #[inline]
    pub(super) const fn is_unseen(&self) -> bool {
        self.next >= self.seen && self.next < self.sorted
    }

    /// Those that come next, from now on seen.
    pub(super) fn see(&mut self, items: usize) -> &[Item] {
        self.seen = self.sorted.min(self.next + items);
        &self.run[self.next..self.seen]
    }

    /// How many there are besides the late ones, dead or alive.
    fn left(&self) -> usize {
        self.ends.first().unwrap_or(&self.sorted) - self.next
    }

    /// Lets those go that are dead.
    pub(super) fn sweep(&mut self, alive: impl Fn(&Item) -> bool) {
        let (mut from, mut to) = (self.next, 0);
        for end in std::iter::once(&mut self.sorted).chain(self.ends.iter_mut().rev()) {
            for index in from..*end {
                self.run[to] = self.run[index];
                to += usize::from(alive(&self.run[to]));
            }
            from = std::mem::replace(end, to);
        }
        (self.next, self.seen) = (0, 0);
        self.late.retain(|Reverse(late)| alive(&late.item));
        self.dead = 0;
    }

    #[inline]
    fn next_sorted(&self) -> Option<Item> {
        if self.next < self.sorted { self.run.get(self.next).copied() } else { None }
    }
}

impl Ord for Late {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.item.deadline, self.order).cmp(&(other.item.deadline, other.order))
    }
}

impl PartialOrd for Late {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Late {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Late {}
