//! [`Pool`]: boxes that are used again, by whichever thread.
//!
//! What one thread fills and another one empties has its memory carried home by an allocator, piece by piece. Here a thread
//! that has too many empty boxes hands a crate of them over at once, to whoever has none.

use std::cell::RefCell;
use std::thread::LocalKey;

use parking_lot::Mutex;

use crate::prefetch;

/// So many change hands at once. A thread keeps at most twice as many.
const CRATE: usize = 64;
/// Crates that lie between the threads at most.
const MOST: usize = 64;
/// How far ahead an empty box is sent for.
const AHEAD: usize = 4;

/// Empty boxes of one thread.
pub(crate) type Spare<T> = RefCell<Vec<Box<T>>>;

/// Empty boxes between the threads: at most 4096, and 128 with each thread.
#[derive(Debug)]
pub(crate) struct Pool<T> {
    full: Mutex<Vec<Vec<Box<T>>>>,
}

impl<T> Pool<T> {
    pub(crate) const fn new() -> Self {
        Self { full: Mutex::new(Vec::new()) }
    }

    /// An empty box, if there is one; none for a thread that is about to end.
    #[inline]
    pub(crate) fn take(&self, spare: &'static LocalKey<Spare<T>>) -> Option<Box<T>> {
        let spare = spare.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            let taken = spare.pop().or_else(|| {
                *spare = self.full.lock().pop()?;
                spare.pop()
            });
            // It was last with whoever emptied it.
            if let Some(soon) = spare.len().checked_sub(AHEAD).and_then(|at| spare.get(at)) {
                prefetch::all_to_write(&**soon);
            }
            taken
        });
        spare.ok().flatten()
    }

    /// Takes a box that is empty; more than there is room for are freed.
    #[inline]
    pub(crate) fn give(&self, spare: &'static LocalKey<Spare<T>>, empty: Box<T>) {
        let _ = spare.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() == 2 * CRATE {
                self.hand_over(spare.split_off(CRATE));
            }
            spare.push(empty);
        });
    }

    #[cold]
    fn hand_over(&self, some: Vec<Box<T>>) {
        let mut full = self.full.lock();
        if full.len() < MOST {
            full.push(some);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::RefCell;

    use super::{CRATE, MOST, Pool, Spare};

    static POOL: Pool<u64> = Pool::new();

    thread_local! {
        static SPARE: Spare<u64> = const { RefCell::new(Vec::new()) };
    }

    #[test]
    fn what_one_thread_gives_another_takes_and_no_more_is_kept_than_it_says() {
        assert!(POOL.take(&SPARE).is_none(), "expected nothing at first");
        (0..3 * CRATE).for_each(|_| POOL.give(&SPARE, Box::new(7)));
        assert_eq!(SPARE.with_borrow(Vec::len), 2 * CRATE);
        let taken = || (0..).take_while(|_| POOL.take(&SPARE).is_some()).count();
        assert_eq!(std::thread::spawn(taken).join().expect("an end"), CRATE);
        (0..2 * MOST * CRATE).for_each(|_| POOL.give(&SPARE, Box::new(7)));
        assert_eq!(taken(), MOST * CRATE + 2 * CRATE);
    }
}
