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

/// Names that the records of one letter may mention: with those of the heading their number is a byte there.
const MAX_MENTIONED: usize = 240;
const _: () = assert!(MAX_MENTIONED + size_of::<Heading>() / 8 <= u8::MAX as usize, "the number of names fits");

/// Names that a link knows to have told; then it tells them anew.
const MAX_TOLD: usize = 4096;

/// Names that the process learns from other nodes.
const MAX_LEARNT: usize = 1 << 16;

static LEARNT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The named ids that this thread has written since it began a letter. Without it, as a thread ends, only these names
    /// are not told.
    static MENTIONED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The ids in an envelope and that of its first record.
pub(super) type Heading = [u64; 6];

/// Which names the other side has been told.
#[derive(Debug, Default)]
pub(super) struct Told {
    known: HashSet<u64, BuildHasherDefault<KeyHasher>>,
    /// The heading of the last letter, if all its names are known: most letters have the same again.
    last: Heading,
}

impl Told {
    /// Whether the other side knows all that a letter with this heading, and these ids mentioned in it, is to tell.
    pub(super) fn knows_all(&self, heading: Heading, mut mentioned: impl Iterator<Item = u64>) -> bool {
        is_same(&heading, &self.last) && mentioned.all(|raw| self.known.contains(&raw))
    }

    /// Calls `tell` with each name in the heading, or mentioned, that is not known to the other side; it says whether it has
    /// told.
    pub(super) fn tell(
        &mut self,
        heading: Heading,
        mentioned: impl Iterator<Item = u64>,
        mut tell: impl FnMut(&str) -> bool,
    ) {
        if !is_same(&heading, &self.last) {
            let mut known = true;
            for raw in heading.into_iter().filter(|&raw| is_named(raw)) {
                known &= self.tell_one(raw, &mut tell);
            }
            self.last = if known { heading } else { Heading::default() };
        }
        for raw in mentioned {
            self.tell_one(raw, &mut tell);
        }
    }

    /// Whether the other side knows it then.
    fn tell_one(&mut self, raw: u64, tell: &mut impl FnMut(&str) -> bool) -> bool {
        if self.known.contains(&raw) {
            return true;
        }
        if self.known.len() >= MAX_TOLD {
            self.forget();
        }
        // A name that is not known yet may be the next time.
        let told = with_known(raw, |known| known.is_some_and(tell));
        if told {
            self.known.insert(raw);
        }
        told
    }

    /// The other side may have forgotten, or never heard.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.last = Heading::default();
    }
}

/// Asked for each letter: in line, where `==` calls a function.
pub(super) fn is_same(one: &Heading, other: &Heading) -> bool {
    one.iter().zip(other).all(|(one, other)| one == other)
}

/// Begins a letter.
pub(super) fn begin_to_mention() {
    let _ = MENTIONED.try_with(|mentioned| mentioned.borrow_mut().clear());
}

/// What has been mentioned since the letter was begun.
pub(super) fn with_mentioned<R>(look: impl FnOnce(&[u64]) -> R) -> R {
    let mentioned = MENTIONED.try_with(RefCell::take).unwrap_or_default();
    let seen = look(&mentioned);
    let _ = MENTIONED.try_with(|empty| empty.replace(mentioned));
    seen
}

/// An id has been written.
pub(super) fn mention(raw: u64) {
    if !is_named(raw) {
        return;
    }
    let _ = MENTIONED.try_with(|mentioned| {
        let mut mentioned = mentioned.borrow_mut();
        if mentioned.len() < MAX_MENTIONED && !mentioned.contains(&raw) {
            mentioned.push(raw);
        }
    });
}

fn is_named(raw: u64) -> bool {
    raw & NAME_BIT != 0 && raw != UNSET
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
