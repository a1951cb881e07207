//! The shelf: large buffers that are used again.
//!
//! An allocator gives large memory back to the system, and what it gets anew costs a page fault for each 4 KiB and is in no
//! cache: for a letter of 1 MiB that takes longer than to copy it. So buffers of letters and of pieces come here, to be taken
//! for the next, by whatever thread and whichever node of the process.

use bytes::Bytes;
use parking_lot::Mutex;

/// Buffers with fewer bytes are the allocator's to keep.
const SMALLEST: usize = 16 << 10;
/// Buffers that lie here at most, and their bytes in all.
const MOST: usize = 32;
const ROOM: usize = 16 << 20;
/// A buffer that is so many times as large as what is asked for is kept for something larger.
const WASTE: usize = 4;

/// See the module. The buffer that came last is taken first, as it may still be in a cache.
static SHELF: Mutex<Shelf> = Mutex::new(Shelf { buffers: Vec::new(), bytes: 0 });

#[derive(Debug)]
struct Shelf {
    buffers: Vec<Vec<u8>>,
    /// What the buffers have room for.
    bytes: usize,
}

/// An empty buffer with room for `length` bytes.
pub(crate) fn take(length: usize) -> Vec<u8> {
    let found = (length >= SMALLEST).then(|| SHELF.lock().take(length)).flatten();
    found.unwrap_or_else(|| Vec::with_capacity(length))
}

/// The bytes, to be shared; their buffer comes to the shelf when nobody has them any more.
pub(crate) fn lend(bytes: Vec<u8>) -> Bytes {
    if bytes.capacity() < SMALLEST { bytes.into() } else { Bytes::from_owner(Lent(bytes)) }
}

/// The slices one behind the other, `length` bytes in all.
pub(crate) fn join<S: AsRef<[u8]>>(length: usize, slices: impl IntoIterator<Item = S>) -> Bytes {
    let mut bytes = take(length);
    slices.into_iter().for_each(|slice| bytes.extend_from_slice(slice.as_ref()));
    lend(bytes)
}

/// Takes a buffer that nobody needs any more.
pub(crate) fn give(buffer: Vec<u8>) {
    let refused = if buffer.capacity() < SMALLEST { Some(buffer) } else { SHELF.lock().put(buffer) };
    // Freed when the shelf is unlocked.
    drop(refused);
}

struct Lent(Vec<u8>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        give(std::mem::take(&mut self.0));
    }
}

impl Shelf {
    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        let fits = |buffer: &Vec<u8>| (length..=length.saturating_mul(WASTE)).contains(&buffer.capacity());
        let buffer = self.buffers.remove(self.buffers.iter().rposition(fits)?);
        self.bytes -= buffer.capacity();
        Some(buffer)
    }

    /// Takes a buffer, or gives it back if there is no room for it.
    fn put(&mut self, mut buffer: Vec<u8>) -> Option<Vec<u8>> {
        buffer.clear();
        let capacity = buffer.capacity();
        if self.buffers.len() >= MOST || self.bytes + capacity > ROOM {
            return Some(buffer);
        }
        self.bytes += capacity;
        self.buffers.push(buffer);
        None
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{MOST, ROOM, SMALLEST, Shelf, WASTE, lend, take};

    fn shelf() -> Shelf {
        Shelf { buffers: Vec::new(), bytes: 0 }
    }

    #[test]
    fn a_buffer_is_taken_for_what_fits_it_and_the_last_that_came_first() {
        let mut shelf = shelf();
        for size in [100_000, 120_000] {
            assert!(shelf.put(Vec::with_capacity(size)).is_none());
        }
        assert!(shelf.take(120_001).is_none(), "expected none that is too small");
        assert!(shelf.take(99_999 / WASTE).is_none(), "expected none that is far too large");
        assert_eq!(shelf.take(90_000).map(|buffer| buffer.capacity()), Some(120_000));
        assert_eq!(shelf.take(90_000).map(|buffer| buffer.capacity()), Some(100_000));
        assert_eq!((shelf.buffers.len(), shelf.bytes), (0, 0));
    }

    #[test]
    fn no_more_is_kept_than_it_says() {
        let mut many = shelf();
        let refused = (0..=MOST).filter_map(|_| many.put(vec![7; SMALLEST])).count();
        assert_eq!(refused, 1, "expected one too many");
        assert!(many.buffers.iter().all(Vec::is_empty), "expected nothing of what was in them");
        let mut large = shelf();
        assert!(large.put(Vec::with_capacity(ROOM)).is_none());
        assert!(large.put(Vec::with_capacity(SMALLEST)).is_some());
    }

    #[test]
    fn what_is_lent_is_what_it_was_and_its_buffer_has_room_for_what_is_asked() {
        for length in [0, 10, SMALLEST, 300_000] {
            let mut buffer = take(length);
            assert!(buffer.is_empty() && buffer.capacity() >= length);
            buffer.resize(length, 7);
            let (lent, expected) = (lend(buffer), vec![7; length]);
            assert_eq!(lent.clone(), expected);
            assert_eq!(lent, expected);
        }
    }
}
