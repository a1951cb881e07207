//! [`Aside`]: memory for what few messages have. That of mail from outside the node is used again.
//!
//! Such mail has some, which the thread that brings it in takes and that of its receiver drops. An allocator carries every
//! piece home; here a thread that has too many hands a crate of them over at once, to whoever has none.

use std::cell::RefCell;

use parking_lot::Mutex;

use super::Cold;
use crate::origin::Origin;

/// So many change hands at once. A thread has at most twice as many: 16 KiB.
const CRATE: usize = 64;
/// Crates that lie between the threads at most: 512 KiB.
const MOST: usize = 64;

thread_local! {
    static SPARE: RefCell<Crate> = const { RefCell::new(Vec::new()) };
}

static DEPOT: Mutex<Vec<Crate>> = Mutex::new(Vec::new());

/// All of it empty.
type Crate = Vec<Box<Cold>>;

/// What only few messages have, where this one has any of it.
#[derive(Debug)]
pub(crate) struct Aside(Option<Box<Cold>>);

impl Aside {
    pub(crate) const NOTHING: Self = Self(None);

    /// Moves it out.
    #[inline]
    pub(crate) const fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// What there is; from here on there is something.
    pub(crate) fn open(&mut self) -> &mut Cold {
        self.0.get_or_insert_default()
    }

    /// The same for mail from there.
    pub(crate) fn open_from(&mut self, origin: Origin) {
        let cold = self.0.get_or_insert_with(|| {
            let spare = SPARE.try_with(|spare| take(&mut spare.borrow_mut()));
            spare.ok().flatten().unwrap_or_default()
        });
        cold.origin = Some(origin);
    }

    #[inline]
    pub(crate) const fn is_some(&self) -> bool {
        self.0.is_some()
    }

    #[inline]
    pub(crate) fn as_deref(&self) -> Option<&Cold> {
        self.0.as_deref()
    }

    #[inline]
    pub(crate) fn as_deref_mut(&mut self) -> Option<&mut Cold> {
        self.0.as_deref_mut()
    }
}

impl Drop for Aside {
    #[inline]
    fn drop(&mut self) {
        if let Some(cold) = self.0.take_if(|cold| cold.origin.is_some()) {
            empty(cold);
        }
    }
}

/// Drops what is in it, which may be a user's and panic, and keeps the memory.
#[inline(never)]
fn empty(mut cold: Box<Cold>) {
    *cold = Cold::default();
    let _ = SPARE.try_with(|spare| give(&mut spare.borrow_mut(), cold));
}

fn take(spare: &mut Crate) -> Option<Box<Cold>> {
    if spare.is_empty()
        && let Some(full) = DEPOT.lock().pop()
    {
        *spare = full;
    }
    spare.pop()
}

fn give(spare: &mut Crate, cold: Box<Cold>) {
    if spare.len() == 2 * CRATE {
        let full = spare.split_off(CRATE);
        let mut depot = DEPOT.lock();
        if depot.len() < MOST {
            depot.push(full);
        }
    }
    spare.push(cold);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Aside, CRATE, DEPOT, SPARE};
    use crate::id::NodeId;
    use crate::origin::Origin;

    fn spare() -> usize {
        SPARE.with_borrow(Vec::len)
    }

    #[test]
    fn what_one_thread_gives_back_another_takes_empty() {
        let all: Vec<Aside> = std::iter::repeat_with(|| {
            let mut aside = Aside::NOTHING;
            aside.open_from(Origin::new());
            aside.open().elsewhere = Some(NodeId::number(7));
            aside
        })
        .take(3 * CRATE)
        .collect();
        drop(all);
        assert_eq!(spare(), 2 * CRATE, "expected no more to be kept than it says");
        let taken = std::thread::spawn(|| {
            let mut aside = Aside::NOTHING;
            aside.open_from(Origin::new());
            assert!(aside.open().elsewhere.is_none(), "expected nothing of what was in it");
            // Others may have taken the crate meanwhile.
            spare()
        });
        assert!([0, CRATE - 1].contains(&taken.join().expect("an end")));
        assert!(DEPOT.lock().iter().all(|full| full.len() == CRATE));
    }
}
