//! The four kinds of id: [`Tid`], [`Nid`], [`NodeId`] and [`RecordId`].
//!
//! Each is one word: a number below 2^32, a generated number above that, or a hashed name with the top bit set.
//! They are types of their own so that nobody passes a namespace where a target is meant.

use std::fmt;
use std::str::FromStr;

use crate::name::{self, Dots, NAME_BIT, NameCollision, UNSET};

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseIdError {
    /// There is no text; an id has at least one character.
    #[error("an id is a number or a name, and this one is empty")]
    Empty,
    /// The text is longer than a name may be.
    #[error("the name `{0}…` is longer than {max} bytes", max = name::MAX_NAME)]
    TooLong(String),
    /// A character does not belong into a name.
    #[error("`{text}` is neither a number nor a name: {found:?} at byte {at} does not fit [A-Za-z_][A-Za-z0-9_-]*")]
    Malformed {
        /// The text as it was given.
        text: String,
        /// The byte at which it stops being a name.
        at: usize,
        /// The character that stands there.
        found: char,
    },
    /// The number is larger than an id can be.
    #[error("the number `{0}` is larger than an id can be (the largest is 18446744073709551614)")]
    OutOfRange(String),
    /// The number is one of those that are generated; nobody can be given it.
    #[error("the number `{0}` is too large to be given to anybody; choose one below 4294967296, or a name")]
    Generated(String),
    /// Another name with the same hash is in use.
    #[error(transparent)]
    Collision(#[from] NameCollision),
}

/// Reads plain digits as a number and anything else as a name, which it remembers.
fn parse(text: &str, dots: Dots) -> Result<u64, ParseIdError> {
    if text.is_empty() {
        return Err(ParseIdError::Empty);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = text.parse().ok().filter(|&raw| raw != UNSET);
        return number.ok_or_else(|| ParseIdError::OutOfRange(text.to_owned()));
    }
    if text.len() > name::MAX_NAME {
        return Err(ParseIdError::TooLong(text.chars().take(24).collect()));
    }
    if let Some(at) = name::fault(text, dots) {
        let found = text[at..].chars().next().unwrap_or('\0');
        return Err(ParseIdError::Malformed { text: text.to_owned(), at, found });
    }
    let raw = name::hash(text);
    name::learn(raw, text)?;
    Ok(raw)
}

/// Reads what somebody is to be called: a name, or a number below 2^32.
fn parse_given(text: &str) -> Result<u64, ParseIdError> {
    let raw = parse(text, Dots::Refused)?;
    let number = text.bytes().all(|byte| byte.is_ascii_digit());
    if number && raw > u64::from(u32::MAX) {
        return Err(ParseIdError::Generated(text.to_owned()));
    }
    Ok(raw)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $id:ident, $dots:expr, $example:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $id(u64);

        impl $id {
            /// The id of a number.
            #[must_use]
            pub const fn number(number: u32) -> Self {
                Self(number as u64)
            }

            /// The id of a name, hashed when the program is compiled where the name is a constant.
            ///
            /// It prints as a number until the name has been used or parsed; for text that comes from a user,
            /// parse it.
            ///
            /// # Panics
            ///
            /// When the text is not a name (`[A-Za-z_][A-Za-z0-9_-]*`, with dots in record ids, at most 255 bytes).
            #[must_use]
            pub const fn name(text: &str) -> Self {
                assert!(name::fault(text, $dots).is_none(), "a name is [A-Za-z_][A-Za-z0-9_-]*, at most 255 bytes");
                Self(name::hash(text))
            }

            /// Whether this is the hash of a name.
            #[must_use]
            pub const fn is_name(self) -> bool {
                self.0 & NAME_BIT != 0
            }

            /// The id as one word.
            #[must_use]
            pub const fn raw(self) -> u64 {
                self.0
            }

            /// The id that is this word, as [`raw`](Self::raw) gave it here or on another node.
            #[inline]
            #[must_use]
            pub const fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            #[doc = concat!("Reads ", $example, " and remembers the name for `Display`.")]
            pub(crate) fn learn(text: &str) -> Result<Self, ParseIdError> {
                parse(text, $dots).map(Self)
            }
        }

        impl From<u32> for $id {
            fn from(number: u32) -> Self {
                Self::number(number)
            }
        }

        impl FromStr for $id {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                Self::learn(text)
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                name::with_known(self.0, |known| match known {
                    Some(text) => f.pad(text),
                    None => fmt::Display::fmt(&self.0, f),
                })
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($id), "({})"), self)
            }
        }
    )*};
}

ids! {
    /// The id of a target, unique in its namespace.
    ///
    /// A generated one carries worker, slot and generation, so that finding its target takes no look-up; it is never
    /// used for a second target. A target registered under a name has a generated id too, which
    /// [`Namespace::resolve`](crate::Namespace::resolve) tells.
    ///
    /// ```
    /// use rohrpost::Tid;
    ///
    /// const ROUTER: Tid = Tid::name("router");
    /// assert_eq!("router".parse(), Ok(ROUTER));
    /// assert_eq!(Tid::number(7).to_string(), "7");
    /// assert!("+1".parse::<Tid>().is_err());
    /// ```
    Tid, Dots::Refused, "a number or a name such as `router`";

    /// The id of a namespace, unique in its kernel.
    ///
    /// ```
    /// use rohrpost::Nid;
    ///
    /// assert_eq!("navigation".parse::<Nid>()?, Nid::name("navigation"));
    /// # Ok::<(), rohrpost::ParseIdError>(())
    /// ```
    Nid, Dots::Refused, "a number or a name such as `navigation`";

    /// The id of a node: one kernel.
    ///
    /// ```
    /// use rohrpost::NodeId;
    ///
    /// assert_eq!("car-7".parse::<NodeId>()?.to_string(), "car-7");
    /// # Ok::<(), rohrpost::ParseIdError>(())
    /// ```
    NodeId, Dots::Refused, "a number or a name such as `car-7`";

    /// The id of a record type. Its name may contain dots.
    ///
    /// ```
    /// use rohrpost::RecordId;
    ///
    /// assert_eq!("calc.add".parse::<RecordId>()?, RecordId::name("calc.add"));
    /// # Ok::<(), rohrpost::ParseIdError>(())
    /// ```
    RecordId, Dots::Allowed, "a number or a name such as `calc.add`";
}

macro_rules! completable {
    ($($id:ident),*) => {$(
        impl $id {
            /// The part that an address leaves out.
            pub(crate) const UNSET: Self = Self(UNSET);

            /// Reads what somebody is to be called: a name, or a number below 2^32.
            pub(crate) fn given(text: &str) -> Result<Self, ParseIdError> {
                parse_given(text).map(Self)
            }

            /// Whether this part is left out.
            pub(crate) const fn is_unset(self) -> bool {
                self.0 == UNSET
            }
        }
    )*};
}

completable!(Tid, Nid, NodeId);

impl NodeId {
    /// Whichever node offers what is asked for: no number that is given to a node, and no name.
    pub(crate) const ANY: Self = Self(!NAME_BIT);
}

const GENERATION_BITS: u32 = 24;
const SLOT_BITS: u32 = 23;
const WORKER_BITS: u32 = 16;

/// Where a generated [`Tid`] points: 16 bits of worker (never zero), 23 of slot, 24 of generation.
impl Tid {
    /// One more than the largest generation.
    pub(crate) const GENERATIONS: u32 = 1 << GENERATION_BITS;
    /// One more than the largest slot.
    pub(crate) const SLOTS: u32 = 1 << SLOT_BITS;
    /// One more than the largest worker.
    pub(crate) const WORKERS: u32 = 1 << WORKER_BITS;

    pub(crate) const fn generated(worker: u32, slot: u32, generation: u32) -> Self {
        Self(Self::prefix(worker) | (slot as u64) << GENERATION_BITS | generation as u64)
    }

    /// The bits that all generated ids of one worker share.
    pub(crate) const fn prefix(worker: u32) -> u64 {
        (worker as u64) << (GENERATION_BITS + SLOT_BITS)
    }

    /// The worker's bits alone; for a name or a number this is no worker's prefix.
    #[inline]
    pub(crate) const fn prefix_bits(self) -> u64 {
        self.0 & !((1 << (GENERATION_BITS + SLOT_BITS)) - 1)
    }

    /// The worker of a generated id; `None` for numbers and names.
    #[inline]
    pub(crate) const fn worker(self) -> Option<u32> {
        let worker = self.0 >> (GENERATION_BITS + SLOT_BITS);
        if worker == 0 || self.is_name() { None } else { Some(worker as u32) }
    }

    /// The place of its worker in a table of workers by number: the empty first one for a number, and past the end of
    /// any table for a name.
    #[inline]
    pub(crate) const fn place(self) -> usize {
        (self.0 >> (GENERATION_BITS + SLOT_BITS)) as usize
    }

    #[inline]
    pub(crate) const fn slot(self) -> usize {
        (self.0 >> GENERATION_BITS) as usize & (Self::SLOTS as usize - 1)
    }

    #[inline]
    pub(crate) const fn generation(self) -> u32 {
        self.0 as u32 & (Self::GENERATIONS - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{ParseIdError, Tid};

    #[test]
    fn a_generated_tid_gives_back_its_three_parts() {
        let tid = Tid::generated(Tid::WORKERS - 1, Tid::SLOTS - 1, Tid::GENERATIONS - 1);
        assert_eq!(tid.worker(), Some(Tid::WORKERS - 1));
        assert_eq!(tid.slot(), Tid::SLOTS as usize - 1);
        assert_eq!(tid.generation(), Tid::GENERATIONS - 1);
        assert!(!tid.is_name(), "expected the top bit to belong to names");
    }

    #[test]
    fn numbers_and_names_have_no_worker() {
        assert_eq!(Tid::number(u32::MAX).worker(), None);
        assert_eq!(Tid::name("router").worker(), None);
        assert_eq!(Tid::UNSET.worker(), None);
        assert_eq!(Tid::number(u32::MAX).place(), 0);
        assert!(Tid::name("router").place() >= Tid::WORKERS as usize, "expected no table to be as long");
        assert!(Tid::UNSET.place() >= Tid::WORKERS as usize);
    }

    #[test]
    fn bad_text_is_told_with_the_place() {
        assert_eq!("".parse::<Tid>(), Err(ParseIdError::Empty));
        let refused = ParseIdError::Malformed { text: "+1".into(), at: 0, found: '+' };
        assert_eq!("+1".parse::<Tid>(), Err(refused));
        let largest = u64::MAX.to_string();
        assert_eq!(largest.parse::<Tid>(), Err(ParseIdError::OutOfRange(largest)));
    }
}
