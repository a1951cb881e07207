//! Names: which texts are names, how one becomes an id, and the table that turns the id back into text.
//!
//! A name is hashed when the program is compiled, so that comparing two names costs as much as comparing two
//! numbers. The table exists for people: it is read by `Display`, never on the way of a message.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::LazyLock;

use parking_lot::RwLock;

/// The longest name, in bytes.
pub const MAX_NAME: usize = 255;

/// The number of names the process remembers. A name beyond it still works; it prints as a number.
const MAX_KNOWN: usize = 1 << 20;

/// The bit that tells a hashed name from a number.
pub(crate) const NAME_BIT: u64 = 1 << 63;

/// The raw value that means "this part is missing"; no number, generated id or name has it.
pub(crate) const UNSET: u64 = u64::MAX;

static KNOWN: LazyLock<RwLock<HashMap<u64, Box<str>>>> = LazyLock::new(RwLock::default);

/// Two names have the same 63-bit hash; one of them has to be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the names `{first}` and `{second}` have the same hash; rename one of them")]
pub struct NameCollision {
    /// The name that was there first.
    pub first: String,
    /// The name that cannot be used beside it.
    pub second: String,
}

/// Whether a name may contain dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dots {
    /// Only record ids have dots in their names.
    Allowed,
    /// In an address a dot separates the parts.
    Refused,
}

/// The position of the first byte that keeps `text` from being a name, or its length if it is too long.
pub(crate) const fn fault(text: &str, dots: Dots) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_NAME {
        return Some(bytes.len());
    }
    let mut at = 0;
    while at < bytes.len() {
        let fits = match bytes[at] {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => true,
            b'0'..=b'9' | b'-' => at > 0,
            b'.' => at > 0 && matches!(dots, Dots::Allowed),
            _ => false,
        };
        if !fits {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Hashes a name to 63 bits (FNV-1a, then the finalizer of `SplitMix64`) and sets the top bit.
pub(crate) const fn hash(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut state: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < bytes.len() {
        state = (state ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let raw = (state ^ (state >> 31)) | NAME_BIT;
    if raw == UNSET { UNSET - 1 } else { raw }
}

/// Remembers that `raw` stands for `text`.
pub(crate) fn learn(raw: u64, text: &str) -> Result<(), NameCollision> {
    let same = |known: &str| {
        if known == text {
            return Ok(());
        }
        Err(NameCollision { first: known.to_owned(), second: text.to_owned() })
    };
    if let Some(known) = KNOWN.read().get(&raw) {
        return same(known);
    }
    let mut table = KNOWN.write();
    let room = table.len() < MAX_KNOWN;
    match table.entry(raw) {
        Entry::Occupied(known) => same(known.get()),
        Entry::Vacant(free) => {
            if room {
                free.insert(text.into());
            }
            Ok(())
        }
    }
}

/// Calls `show` with the name behind `raw`, if the process has met it.
pub(crate) fn with_known<T>(raw: u64, show: impl FnOnce(Option<&str>) -> T) -> T {
    show(KNOWN.read().get(&raw).map(AsRef::as_ref))
}

#[cfg(test)]
mod tests {
    use super::{Dots, NAME_BIT, NameCollision, UNSET, fault, hash, learn, with_known};

    #[test]
    fn a_hash_has_the_top_bit_and_is_never_the_missing_part() {
        for text in ["a", "router", "calc.add", "_", "x-1"] {
            assert_eq!(hash(text) & NAME_BIT, NAME_BIT, "expected the top bit on the hash of {text}");
            assert_ne!(hash(text), UNSET, "expected {text} not to hash to the missing part");
        }
    }

    #[test]
    fn the_fault_of_a_name_is_where_it_stands() {
        assert_eq!(fault("router-7", Dots::Refused), None);
        assert_eq!(fault("7router", Dots::Refused), Some(0));
        assert_eq!(fault("ro uter", Dots::Refused), Some(2));
        assert_eq!(fault("calc.add", Dots::Refused), Some(4));
        assert_eq!(fault("calc.add", Dots::Allowed), None);
        assert_eq!(fault("", Dots::Allowed), Some(0));
    }

    #[test]
    fn two_names_with_one_hash_are_an_error_at_first_use() {
        let raw = NAME_BIT | 77;
        assert_eq!(learn(raw, "first"), Ok(()));
        assert_eq!(learn(raw, "first"), Ok(()), "expected the same name to be welcome again");
        let refused = NameCollision { first: "first".into(), second: "second".into() };
        assert_eq!(learn(raw, "second"), Err(refused));
        with_known(raw, |name| assert_eq!(name, Some("first"), "expected the first name to stay"));
    }
}
