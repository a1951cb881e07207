//! [`Sheaf`]: letters that their senders' workers have written, one behind the other, on their way to the carrier.
//!
//! Mail that has to wait for the carrier waits as the bytes that will leave. A small message ends with the thread that sent it,
//! which frees what it has made, and what crosses to the carrier's thread lies in a row.

use std::cell::RefCell;

use crate::clock::Time;
use crate::id::NodeId;
use crate::message::Message;
use crate::net::ahead;
use crate::net::letter::{Scribe, Style};
use crate::net::names::{Heading, is_same, with_mentioned};

/// Bytes of a letter that is written there; a larger message takes its own way.
pub(crate) const LARGEST: usize = 1 << 10;

/// Room that is kept, however little is written.
const SPARE: usize = 512 << 10;

/// Bytes of a slip before what varies.
const HEAD: usize = size_of::<u64>() + 3 * size_of::<u32>();

thread_local! {
    static WRITER: RefCell<(Scribe, Vec<u8>)> = RefCell::default();
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Sheaf {
    /// Slips: the node, the lengths of what follows, the heading if it is not that of the slip before, the ids that are
    /// mentioned, the letter.
    bytes: Vec<u8>,
    /// Where the next slip is read.
    at: usize,
    /// The heading of the last slip that was written here, and of the last one that was read.
    written: Option<Heading>,
    read: Heading,
}

/// A letter that has just been written.
#[derive(Debug)]
pub(crate) struct Written<'a> {
    node: NodeId,
    heading: Heading,
    mentioned: &'a [u64],
    letter: &'a [u8],
}

/// A letter with what is to be known where it leaves.
#[derive(Debug)]
pub(crate) struct Slip<'a> {
    pub(crate) node: NodeId,
    pub(crate) heading: Heading,
    mentioned: &'a [[u8; 8]],
    /// Without names.
    pub(crate) letter: &'a [u8],
}

impl Sheaf {
    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Puts a letter behind the others.
    pub(crate) fn push(&mut self, written: &Written<'_>) {
        let &Written { node, heading, mentioned, letter } = written;
        let headed = !self.written.as_ref().is_some_and(|last| is_same(last, &heading));
        self.written = Some(heading);
        let ids = heading.iter().filter(|_| headed).chain(mentioned);
        self.bytes.reserve(HEAD + size_of_val(&heading) + size_of_val(mentioned) + letter.len());
        self.bytes.extend_from_slice(&node.raw().to_le_bytes());
        for length in [letter.len(), mentioned.len(), usize::from(headed)] {
            self.bytes.extend_from_slice(&(length as u32).to_le_bytes());
        }
        ids.for_each(|id| self.bytes.extend_from_slice(&id.to_le_bytes()));
        self.bytes.extend_from_slice(letter);
        // The core that reads it has had that memory.
        ahead::to_write(self.bytes.spare_capacity_mut());
    }

    /// Takes the first one.
    pub(crate) fn pop(&mut self) -> Option<Slip<'_>> {
        let rest = &self.bytes[self.at..];
        ahead::to_read(rest);
        let (node, rest) = rest.split_first_chunk()?;
        let (lengths, rest) = rest.split_at_checked(3 * size_of::<u32>())?;
        let (lengths, _) = lengths.as_chunks();
        let [length, mentioned, headed] = std::array::from_fn(|at| u32::from_le_bytes(lengths[at]) as usize);
        let headings = headed * self.read.len();
        let (ids, rest) = rest.split_at(size_of::<u64>() * (headings + mentioned));
        let (ids, _) = ids.as_chunks();
        let (heading, mentioned) = ids.split_at(headings);
        for (place, id) in self.read.iter_mut().zip(heading) {
            *place = u64::from_le_bytes(*id);
        }
        let letter = &rest[..length];
        self.at = self.bytes.len() - rest.len() + length;
        Some(Slip { node: NodeId::from_raw(u64::from_le_bytes(*node)), heading: self.read, mentioned, letter })
    }

    /// Moves all of `later` behind what there is, or exchanges the two if that is nothing. What is copied is bounded as what may
    /// wait is.
    pub(crate) fn take_all(&mut self, later: &mut Self) {
        if !self.is_empty() {
            self.bytes.extend_from_slice(&later.bytes);
            later.clear();
            return;
        }
        self.clear();
        std::mem::swap(self, later);
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(SPARE);
        (self.at, self.written) = (0, None);
    }
}

impl Slip<'_> {
    /// The ids that the letter's records mention.
    pub(crate) fn mentioned(&self) -> impl Iterator<Item = u64> + Clone {
        self.mentioned.iter().map(|id| u64::from_le_bytes(*id))
    }
}

/// Writes a message as a letter, and has `put` put it where it is to lie. `None` if it is too large or cannot be written, or if
/// a record sends it while it is written itself.
pub(crate) fn write<R>(style: &Style, message: &Message<'_>, put: impl FnOnce(&Written<'_>) -> R) -> Option<R> {
    let put = WRITER.try_with(|writer| {
        let mut writer = writer.try_borrow_mut().ok()?;
        let (scribe, letter) = &mut *writer;
        letter.clear();
        // With a deadline it would have to be written when it leaves.
        let heading = scribe.mail(style, message, Time::NEVER, letter).ok()?;
        let node = message.destination().node;
        Some(with_mentioned(|mentioned| put(&Written { node, heading, mentioned, letter })))
    });
    put.ok().flatten()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{HEAD, SPARE, Sheaf, Written};
    use crate::id::NodeId;

    fn written(number: u64, mentioned: &[u64]) -> Written<'_> {
        // Some have the heading of the one before.
        let heading = [number / 3, 7, 7, 7, 0, number / 9];
        Written {
            node: NodeId::number(number as u32 % 5),
            heading,
            mentioned,
            letter: &[7; 100][..number as usize % 100],
        }
    }

    fn check(sheaf: &mut Sheaf, number: u64, ids: &[u64]) {
        let slip = sheaf.pop().expect("one more");
        let expected = written(number, ids);
        assert_eq!((slip.node, slip.heading, slip.letter), (expected.node, expected.heading, expected.letter));
        assert_eq!(slip.mentioned().collect::<Vec<_>>(), ids);
    }

    #[test]
    fn slips_come_out_as_they_went_in_whenever_a_sheaf_is_taken() {
        let ids = |number: u64| (0..number % 4).collect::<Vec<_>>();
        let (mut filled, mut taken, mut next) = (Sheaf::default(), Sheaf::default(), 0);
        for number in 0..1000 {
            filled.push(&written(number, &ids(number)));
            if number % 17 == 0 {
                taken.take_all(&mut filled);
                assert!(filled.is_empty());
                // Some are left for the next time.
                while next + number % 4 <= number {
                    check(&mut taken, next, &ids(next));
                    next += 1;
                }
            }
        }
        taken.take_all(&mut filled);
        (next..1000).for_each(|number| check(&mut taken, number, &ids(number)));
        assert!(taken.is_empty() && taken.pop().is_none());
    }

    #[test]
    fn a_heading_that_comes_again_is_not_written_again_and_large_memory_is_not_kept() {
        let mut sheaf = Sheaf::default();
        sheaf.push(&written(0, &[]));
        let first = sheaf.bytes.len();
        sheaf.push(&written(1, &[]));
        assert_eq!((first, sheaf.bytes.len()), (HEAD + 48, first + HEAD + 1));
        (0..10_000).for_each(|_| sheaf.push(&written(99, &[])));
        while sheaf.pop().is_some() {}
        sheaf.take_all(&mut Sheaf::default());
        sheaf.take_all(&mut Sheaf::default());
        assert!(sheaf.bytes.capacity() <= SPARE, "{}", sheaf.bytes.capacity());
    }
}
