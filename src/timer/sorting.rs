//! Sorting the timers of a run by their time: first roughly, all at once, then each part when its turn comes, while it is
//! in the cache.
//!
//! Timers come in the order in which they were armed, and those of one time keep it.

use std::ops::RangeInclusive;

use super::bucket::Item;

/// Into so many parts a run is split, to be sorted one by one.
const PARTS: usize = 1 << PART_BITS;
const PART_BITS: u32 = 8;

/// So many items are compared with each other; more are counted.
const FEW: usize = 64;

/// Bits of a time that are counted in one pass, at most.
const DIGIT: u32 = 11;

/// Room for more items than this is not kept for the next sorting.
const LARGE: usize = 1 << 16;

/// Sorts a run; the room for it is kept for the next one.
#[derive(Debug)]
pub(super) struct Sorter {
    counts: Vec<u32>,
    room: Vec<Item>,
    /// The time from which those of the run count.
    first: u64,
    /// So many bits of that are left to be sorted by.
    bits: u32,
}

impl Sorter {
    pub(super) const fn new() -> Self {
        Self { counts: Vec::new(), room: Vec::new(), first: 0, bits: 0 }
    }

    /// Begins with a run for times of `reach`, which is one part.
    pub(super) const fn begin(&mut self, reach: &RangeInclusive<u64>) {
        self.first = *reach.start();
        self.bits = bits_of(*reach.end() - self.first);
    }

    /// Puts the items of the run into `to`, in parts that follow each other in time. Their ends come as well, that of the
    /// last part first.
    pub(super) fn split(&mut self, items: &[Item], to: &mut Vec<Item>, ends: &mut Vec<usize>) {
        self.bits = self.bits.saturating_sub(PART_BITS);
        let (first, bits) = (self.first, self.bits);
        let part = |item: &Item| ((item.deadline - first) >> bits) as usize % PARTS;
        let counts = zeros(&mut self.counts, PARTS);
        items.iter().for_each(|item| counts[part(item)] += 1);
        to_places(counts);
        if to.len() < items.len() {
            to.resize(items.len(), Item::NONE);
        }
        items.iter().for_each(|&item| to[next_place(&mut counts[part(&item)])] = item);
        ends.extend(counts.iter().rev().map(|&end| end as usize));
    }

    /// Sorts a part.
    pub(super) fn sort(&mut self, items: &mut [Item]) {
        if items.len() <= FEW {
            // Allocates nothing, as they are few.
            return items.sort_by_key(|item| item.deadline);
        }
        if items.is_sorted_by_key(|item| item.deadline) {
            return;
        }
        if self.room.len() < items.len() {
            self.room.resize(items.len(), Item::NONE);
        }
        let room = &mut self.room[..items.len()];
        // Each round goes there and back, by a digit each time.
        let rounds = self.bits.div_ceil(2 * DIGIT.min(items.len().ilog2()));
        let digit = self.bits.div_ceil((2 * rounds).max(1));
        let (sides, first) = (1_usize << digit, self.first);
        for round in 0..rounds {
            let low = |item: &Item| ((item.deadline - first) >> (2 * round * digit)) as usize & (sides - 1);
            let high = |item: &Item| ((item.deadline - first) >> (2 * round * digit + digit)) as usize & (sides - 1);
            let (lows, highs) = zeros(&mut self.counts, 2 * sides).split_at_mut(sides);
            for item in &*items {
                lows[low(item)] += 1;
                highs[high(item)] += 1;
            }
            to_places(lows);
            to_places(highs);
            items.iter().for_each(|&item| room[next_place(&mut lows[low(&item)])] = item);
            room.iter().for_each(|&item| items[next_place(&mut highs[high(&item)])] = item);
        }
        debug_assert!(items.is_sorted_by_key(|item| item.deadline), "the items of a part are sorted by their time");
        if self.room.len() > LARGE {
            self.room = Vec::new();
        }
    }
}

/// So many counts of nothing.
fn zeros(counts: &mut Vec<u32>, count: usize) -> &mut [u32] {
    counts.clear();
    counts.resize(count, 0);
    counts
}

/// Where the next one goes.
#[inline]
const fn next_place(place: &mut u32) -> usize {
    *place += 1;
    *place as usize - 1
}

/// Turns how many there are of each into where the first of each goes.
fn to_places(counts: &mut [u32]) {
    let mut place = 0;
    for count in counts {
        place += std::mem::replace(count, place);
    }
}

/// The bits that it takes to write a number.
const fn bits_of(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}
