//! Where the timers of a wheel stand that are not due soon: in buckets, each for a span of time.
//!
//! A bucket is a plain row of 16 bytes a timer, so that moving a million of them down the levels reads memory from end to
//! end. What is cancelled stays in its row as a dead item, until dead ones are half of it.

use super::NONE;

/// A timer in its row. Those of one deadline stand in the order in which they were armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) deadline: u64,
    pub(super) index: u32,
    /// Which booking of its seat it is for: it is alive while that holds.
    pub(super) booking: u32,
}

impl Item {
    /// Of no timer.
    pub(super) const NONE: Self = Self { deadline: u64::MAX, index: NONE, booking: 0 };
}

/// The timers of one span of time, in the order in which they were armed.
#[derive(Debug)]
struct Bucket {
    items: Vec<Item>,
    dead: usize,
}

/// Buckets of one level.
pub(super) const SLOTS: usize = 64;

/// Dead items that are left alone however few others there are.
pub(super) const SOME_DEAD: usize = 64;

/// Of the rows with room for more items than this, one is kept.
const LARGE: usize = 4096;

/// 64 buckets.
#[derive(Debug)]
pub(super) struct Level {
    /// A bit for each bucket with a timer that is alive.
    pub(super) occupied: u64,
    buckets: [Bucket; SLOTS],
}

/// Rows that nobody uses, so that a timer that wanders from bucket to bucket allocates nothing.
#[derive(Debug)]
pub(super) struct Spare {
    rows: Vec<Vec<Item>>,
    /// The largest that there was, for a row that gets large.
    large: Vec<Item>,
}

impl Level {
    pub(super) const fn new() -> Self {
        Self { occupied: 0, buckets: [const { Bucket { items: Vec::new(), dead: 0 } }; SLOTS] }
    }

    #[inline]
    pub(super) fn push(&mut self, slot: usize, item: Item, spare: &mut Spare) {
        let bucket = &mut self.buckets[slot];
        if self.occupied >> slot & 1 == 0 {
            self.occupied |= 1 << slot;
            bucket.items = spare.take();
        }
        if bucket.items.len() == bucket.items.capacity() {
            spare.enlarge(&mut bucket.items);
        }
        bucket.items.push(item);
    }

    /// One timer less is in a bucket, that of `item`.
    #[inline]
    pub(super) fn lose(&mut self, slot: usize, item: Item, alive: impl Fn(&Item) -> bool, spare: &mut Spare) {
        let bucket = &mut self.buckets[slot];
        if bucket.items.last().is_some_and(|&last| last == item) {
            bucket.items.pop();
        } else {
            bucket.dead += 1;
        }
        if bucket.dead == bucket.items.len() {
            spare.give(self.take(slot).0);
        } else if bucket.dead > SOME_DEAD + bucket.items.len() / 2 {
            bucket.sweep(alive);
        }
    }

    /// Lets all items go that are dead.
    pub(super) fn sweep(&mut self, alive: impl Fn(&Item) -> bool) {
        self.buckets.iter_mut().for_each(|bucket| bucket.sweep(&alive));
    }

    /// Takes the items of a bucket away; some are dead if the second says so.
    pub(super) fn take(&mut self, slot: usize) -> (Vec<Item>, bool) {
        self.occupied &= !(1 << slot);
        let bucket = &mut self.buckets[slot];
        (std::mem::take(&mut bucket.items), std::mem::take(&mut bucket.dead) > 0)
    }

    /// The earliest deadline in a bucket that is not empty; `None` if it has more items than `looks`.
    pub(super) fn earliest(&self, slot: usize, looks: usize, alive: impl Fn(&Item) -> bool) -> Option<u64> {
        let Bucket { items, dead } = &self.buckets[slot];
        let alive = items.iter().filter(|item| *dead == 0 || alive(item));
        (items.len() <= looks).then(|| alive.map(|item| item.deadline).min())?
    }
}

impl Bucket {
    fn sweep(&mut self, alive: impl Fn(&Item) -> bool) {
        self.items.retain(alive);
        self.dead = 0;
    }
}

impl Spare {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), large: Vec::new() }
    }

    fn take(&mut self) -> Vec<Item> {
        self.rows.pop().unwrap_or_default()
    }

    pub(super) fn give(&mut self, mut row: Vec<Item>) {
        row.clear();
        match row.capacity() {
            0 => {}
            1..=LARGE => self.rows.push(row),
            room if room > self.large.capacity() => self.large = row,
            _ => {}
        }
    }

    /// Gives a row that is full the memory of the large one, if it gets large.
    #[cold]
    fn enlarge(&mut self, row: &mut Vec<Item>) {
        if row.len() >= LARGE && row.len() < self.large.capacity() {
            let mut large = std::mem::take(&mut self.large);
            large.append(row);
            self.give(std::mem::replace(row, large));
        }
    }
}
