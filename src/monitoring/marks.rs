//! [`Marks`]: which ids may be among some, told by one look; most ids are asked about in vain.

use std::hash::{BuildHasher, BuildHasherDefault};

use crate::id::Tid;
use crate::service::catalogue::KeyHasher;

/// A bit for some ids each. Who is marked is told so, of others at most one in eight is, too.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// A power of two of words; none if nobody is marked.
    words: Vec<u64>,
}

/// Bits for each id at least.
const BITS: usize = 8;

impl Marks {
    /// Marks these.
    pub(crate) fn of(ids: impl ExactSizeIterator<Item = Tid>) -> Self {
        if ids.len() == 0 {
            return Self::default();
        }
        let words = (2 * BITS * ids.len()).div_ceil(u64::BITS as usize).next_power_of_two();
        let mut marks = Self { words: vec![0; words] };
        ids.for_each(|id| marks.set(id));
        marks
    }

    /// Marks one more, so that `all` are marked.
    pub(crate) fn add(&mut self, id: Tid, all: impl ExactSizeIterator<Item = Tid>) {
        if BITS * all.len() <= self.words.len() * u64::BITS as usize {
            self.set(id);
        } else {
            *self = Self::of(all);
        }
    }

    /// Whether `id` may be marked.
    #[inline]
    pub(crate) fn may_have(&self, id: Tid) -> bool {
        let (word, bit) = spread(id);
        // If there are no words, there is none of whatever number.
        self.words.get(word & self.words.len().wrapping_sub(1)).is_some_and(|word| word >> bit & 1 == 1)
    }

    fn set(&mut self, id: Tid) {
        let (word, bit) = spread(id);
        let words = self.words.len();
        self.words[word & (words - 1)] |= 1 << bit;
    }
}

/// Which word, of however many, and which bit of it.
#[inline]
fn spread(id: Tid) -> (usize, u32) {
    let hash = BuildHasherDefault::<KeyHasher>::default().hash_one(id);
    ((hash >> 32) as usize, (hash >> 58) as u32)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Marks;
    use crate::id::Tid;

    #[test]
    fn whoever_is_marked_is_told_so_and_few_others_are() {
        for count in [0_u64, 1, 2, 7, 8, 16, 100, 5000] {
            let (mut marks, mut ids) = (Marks::default(), Vec::new());
            for id in (0..count).map(|number| Tid::number(number as _)) {
                ids.push(id);
                marks.add(id, ids.iter().copied());
            }
            assert!(ids.iter().all(|&id| marks.may_have(id)), "expected all {count} to be marked");
            let others = (0..8000).filter(|&slot| marks.may_have(Tid::generated(1, slot, 1))).count();
            assert!(others <= 1500, "expected few others to look like one of {count}, not {others} of 8000");
            assert!(count > 0 || others == 0, "expected nobody to be marked");
        }
    }
}
