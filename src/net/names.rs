//! Names on their way: an id is a hash, and the node that reads it may not know the text.
//!
//! So a letter carries the texts of the named ids in it that its link has not told yet, those in its records included:
//! whatever is written mentions them. They are for people alone, and bounded on both sides.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::name::{Dots, NAME_BIT, UNSET, fault, hash, learn, with_known};
use crate::service::catalogue::KeyHasher;

/// Names in one letter, whose number is a byte there.
const MAX_IN_LETTER: usize = 255;
const _: () = assert!(MAX_IN_LETTER <= u8::MAX as usize, "the number of names fits");

/// Names that a link knows to have told; then it tells them anew.
const MAX_TOLD: usize = 4096;

/// Names that the process learns from other nodes.
const MAX_LEARNT: usize = 1 << 16;

static LEARNT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The named ids that this thread has written since it began a letter.
    static MENTIONED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Which names the other side has been told.
#[derive(Debug, Default)]
pub(super) struct Told(HashSet<u64, BuildHasherDefault<KeyHasher>>);

impl Told {
    /// Begins a letter.
    pub(super) fn begin() {
        MENTIONED.with_borrow_mut(Vec::clear);
    }

    /// Calls `tell` with each name that was mentioned since and is not known to the other side; it says whether it has told.
    pub(super) fn tell(&mut self, mut tell: impl FnMut(&str) -> bool) {
        let mentioned = MENTIONED.take();
        for &raw in &mentioned {
            if self.0.contains(&raw) {
                continue;
            }
            if self.0.len() >= MAX_TOLD {
                self.0.clear();
            }
            // A name that is not known yet may be the next time.
            if with_known(raw, |known| known.is_some_and(&mut tell)) {
                self.0.insert(raw);
            }
        }
        MENTIONED.set(mentioned);
    }

    /// The other side may have forgotten, or never heard.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// An id has been written.
pub(super) fn mention(raw: u64) {
    if raw & NAME_BIT == 0 || raw == UNSET {
        return;
    }
    MENTIONED.with_borrow_mut(|mentioned| {
        if mentioned.len() < MAX_IN_LETTER && !mentioned.contains(&raw) {
            mentioned.push(raw);
        }
    });
}

/// Whether a text can be a name.
pub(super) fn is_name(text: &str) -> bool {
    fault(text, Dots::Allowed).is_none()
}

/// Remembers a name that another node uses, if there is room.
pub(crate) fn learn_from_elsewhere(text: &str) {
    let raw = hash(text);
    if with_known(raw, |known| known.is_some()) || LEARNT.load(Ordering::Relaxed) >= MAX_LEARNT {
        return;
    }
    LEARNT.fetch_add(1, Ordering::Relaxed);
    // Of two names with one hash the first stays; ids are compared, not names.
    let _ = learn(raw, text);
}
