//! Which records have a wire form, and what it is: postcard, by the record's id.
//!
//! [`record!`](crate::record!) with the mark `wire` submits a [`Codec`] to a list that the linker makes; what is looked up
//! is a table that is made of it once. What a record reads or writes is its user's code: a panic in it becomes an error, and
//! a length that the input does not bear out allocates nothing.
//!
//! Postcard, because it is small (numbers of variable length, no names of fields), has a written specification that does not
//! change within 1.x, reads from borrowed bytes, and needs of a record what everybody has: serde. Formats that describe
//! themselves would let records change, and cost their names in each message; rkyv and the like would not read a foreign record
//! safely for less.

use std::any::type_name;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::BuildHasherDefault;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body::Body;
use crate::fault::text_of;
use crate::id::RecordId;
use crate::message::RecordRef;
use crate::name::learn;
use crate::net::shelf;
use crate::record::{Record, RecordType};
use crate::service::catalogue::KeyHasher;

/// A record with a wire form.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the record `{Self}` is marked `wire` and has no wire form",
    label = "it could not be written or read",
    note = "derive `serde::Serialize` and `serde::Deserialize` for `{Self}`, without a lifetime"
)]
pub trait Wired: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Wired for T {}

/// How the records of one type are written and read.
#[doc(hidden)]
pub struct Codec {
    kind: &'static RecordType,
    encode: fn(RecordRef<'_>, Room<'_>) -> Result<(), postcard::Error>,
    decode: fn(&[u8]) -> Result<Body<'static>, postcard::Error>,
    /// The type's name in its program.
    name: fn() -> &'static str,
}

inventory::collect!(Codec);

/// Two records with a wire form have one id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the records `{first}` and `{second}` have one id, that of `{name}`; rename one of them")]
pub(crate) struct TwoWithOneId {
    first: &'static str,
    second: &'static str,
    name: &'static str,
}

/// Why a record was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EncodeError {
    #[error("the record `{0}` has no wire form; mark it `wire`")]
    NoWireForm(&'static str),
    #[error("the record `{0}` is larger than the way allows")]
    TooLarge(&'static str),
    #[error("the record `{0}` could not be written: {1}")]
    Refused(&'static str, String),
    #[error("the record `{0}` panicked when it was to be written: {1}")]
    Panicked(&'static str, String),
}

/// Why bytes were not read as a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("these bytes are no `{0}`: {1}")]
    Malformed(&'static str, String),
    #[error("the record `{0}` panicked when it was to be read: {1}")]
    Panicked(&'static str, String),
}

/// The records with a wire form, by id.
type Table = HashMap<RecordId, &'static Codec, BuildHasherDefault<KeyHasher>>;

/// The codec of the records with this id.
pub(crate) fn of(id: RecordId) -> Option<&'static Codec> {
    table().0.get(&id).copied()
}

/// The codec that was asked for last: the next record is of its type, mostly.
#[derive(Debug, Default)]
pub(crate) struct Latest(Option<(RecordId, &'static Codec)>);

impl Latest {
    /// The same as [`of`].
    pub(crate) fn of(&mut self, id: RecordId) -> Option<&'static Codec> {
        if self.0.is_none_or(|(known, _)| known != id) {
            self.0 = Some((id, of(id)?));
        }
        self.0.map(|(_, codec)| codec)
    }
}

/// Whether all records with a wire form can be told apart.
pub(crate) fn check() -> Result<(), TwoWithOneId> {
    table().1.clone().map_or(Ok(()), Err)
}

fn table() -> &'static (Table, Option<TwoWithOneId>) {
    static TABLE: OnceLock<(Table, Option<TwoWithOneId>)> = OnceLock::new();
    TABLE.get_or_init(|| {
        // So that a letter can tell the names to a node that does not know the records.
        for codec in inventory::iter::<Codec>() {
            let _ = learn(codec.kind.id().raw(), codec.kind.name());
        }
        tabulate(inventory::iter::<Codec>())
    })
}

fn tabulate<'a>(
    codecs: impl IntoIterator<Item = &'a Codec>,
) -> (HashMap<RecordId, &'a Codec, BuildHasherDefault<KeyHasher>>, Option<TwoWithOneId>) {
    let mut table = HashMap::default();
    let mut fault = None;
    for codec in codecs {
        match table.entry(codec.kind.id()) {
            Entry::Vacant(free) => {
                free.insert(codec);
            }
            Entry::Occupied(first) if first.get().kind.is_same(codec.kind) => {}
            Entry::Occupied(first) => {
                let first: &Codec = first.get();
                let name = codec.kind.name();
                fault.get_or_insert(TwoWithOneId { first: (first.name)(), second: (codec.name)(), name });
            }
        }
    }
    (table, fault)
}

impl Codec {
    /// The codec of a type that says itself how it is written.
    #[must_use]
    pub const fn of<R: Record + Wired>() -> Self {
        Self {
            kind: R::TYPE,
            encode: |record, room| {
                // A codec is looked up by the record's id, and two types may have one: then it is not found.
                let record = record.downcast::<R>().ok_or(postcard::Error::WontImplement)?;
                postcard::serialize_with_flavor(record, room)
            },
            decode: |bytes| match postcard::take_from_bytes::<R>(bytes)? {
                (record, []) => Ok(Body::new(record)),
                (_, rest) => Err(serde::de::Error::custom(format_args!("{} bytes are left", rest.len()))),
            },
            name: type_name::<R>,
        }
    }

    /// The description of the records that it writes and reads.
    pub(crate) const fn kind(&self) -> &'static RecordType {
        self.kind
    }

    /// Writes `record` behind what is in `out`, which may not become longer than `limit`.
    pub(crate) fn encode(&self, record: RecordRef<'_>, out: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError> {
        let name = self.kind.name();
        let room = Room { out, limit };
        match catch_unwind(AssertUnwindSafe(|| (self.encode)(record, room))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(postcard::Error::SerializeBufferFull)) => Err(EncodeError::TooLarge(name)),
            Ok(Err(postcard::Error::WontImplement)) if !record.kind().is_same(self.kind) => {
                Err(EncodeError::NoWireForm(record.kind().name()))
            }
            Ok(Err(fault)) => Err(EncodeError::Refused(name, fault.to_string())),
            Err(panic) => Err(EncodeError::Panicked(name, text_of(panic))),
        }
    }

    /// Reads a record from all of `bytes`.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<Body<'static>, DecodeError> {
        match catch_unwind(|| (self.decode)(bytes)) {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(fault)) => Err(DecodeError::Malformed(self.kind.name(), fault.to_string())),
            Err(panic) => Err(DecodeError::Panicked(self.kind.name(), text_of(panic))),
        }
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Codec({})", self.kind.name())
    }
}

/// So many bytes at once are likely to be most of a letter.
const MUCH: usize = 4096;
/// Room for names, and for what a frame has beside its letter.
const BEHIND: usize = 512;

/// What a record is written to: memory that grows up to a limit.
struct Room<'a> {
    out: &'a mut Vec<u8>,
    limit: usize,
}

impl Flavor for Room<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        if data.len() > self.limit.saturating_sub(self.out.len()) {
            return Err(postcard::Error::SerializeBufferFull);
        }
        // With what comes behind it in the same memory, which is not to be moved for that.
        let room = self.out.len() + data.len() + BEHIND;
        if data.len() > MUCH && room > self.out.capacity() {
            let written = std::mem::replace(self.out, shelf::take(room.max(2 * self.out.capacity())));
            self.out.extend_from_slice(&written);
            shelf::give(written);
        }
        self.out.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        if self.out.len() >= self.limit {
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.out.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::{Codec, DecodeError, EncodeError, TwoWithOneId, check, of, tabulate};
    use crate::address::Address;
    use crate::body::Body;
    use crate::id::{Nid, RecordId};
    use crate::message::Message;
    use crate::record::Record;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Tile {
        row: u32,
        name: String,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Sole(Vec<u64>);
    #[derive(Clone, Debug)]
    struct Plain;
    crate::record!(Tile, "codec.tile", wire);
    crate::record!(Sole, "codec.sole", wire, no_clone);
    crate::record!(Plain, "codec.plain");

    /// A type that panics both ways.
    #[derive(Clone, Debug)]
    struct Bomb;
    impl Serialize for Bomb {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("no ink")
        }
    }
    impl<'de> Deserialize<'de> for Bomb {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("no glasses")
        }
    }
    crate::record!(Bomb, "codec.bomb", wire);

    mod elsewhere {
        #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
        pub(super) struct Tile;
        crate::record!(Tile, "codec.tile");
    }

    fn message<R: Record>(record: R) -> Message<'static> {
        Message::notification(Address::service(Nid::number(1)), record)
    }

    fn encode<R: Record>(codec: &Codec, record: R, limit: usize) -> Result<Vec<u8>, EncodeError> {
        let mut out = vec![7];
        codec.encode(message(record).records().next().expect("a record"), &mut out, limit).map(|()| out)
    }

    fn tile() -> Tile {
        Tile { row: 300, name: "north".into() }
    }

    #[test]
    fn a_record_with_the_mark_is_found_by_its_id_and_comes_back_as_it_was() {
        let codec = of(Tile::ID).expect("expected the mark `wire` to submit a codec");
        let bytes = encode(codec, tile(), 100).expect("expected a tile to be written");
        assert_eq!(bytes[0], 7, "expected what was there to stay");
        let body = codec.decode(&bytes[1..]).expect("expected a tile to be read");
        assert_eq!(body.get::<Tile>(), Some(&tile()));
        assert!(of(Sole::ID).is_some(), "expected `wire` to go with `no_clone`");
        assert!(!Sole::TYPE.is_cloneable(), "expected `no_clone` to go with `wire`");
        assert!(of(Plain::ID).is_none() && of(RecordId::name("codec.nobody")).is_none());
    }

    #[test]
    fn a_record_that_is_too_large_is_not_written_in_full() {
        let codec = of(Sole::ID).expect("a codec");
        let mut out = Vec::new();
        let large = message(Sole(vec![u64::MAX; 1000]));
        let refused = codec.encode(large.records().next().expect("a record"), &mut out, 64);
        assert_eq!(refused, Err(EncodeError::TooLarge("codec.sole")));
        assert!(out.len() <= 64, "expected no more than the limit, not {} bytes", out.len());
    }

    #[test]
    fn bytes_that_are_no_record_are_refused_with_its_name() {
        let codec = of(Tile::ID).expect("a codec");
        let bytes = encode(codec, tile(), 100).expect("a tile")[1..].to_vec();
        for wrong in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat(), &[1, 2, 0xff, 0xff], &[]] {
            let refused = codec.decode(wrong).expect_err("expected these bytes to be refused");
            assert!(matches!(refused, DecodeError::Malformed("codec.tile", _)), "expected the name in {refused}");
        }
        let endless = [&[0xff; 8][..], &[0x7f]].concat();
        assert!(of(Sole::ID).expect("a codec").decode(&endless).is_err(), "expected a length without content to fail");
    }

    #[test]
    fn a_panic_in_what_a_record_does_is_an_error() {
        let codec = of(Bomb::ID).expect("a codec");
        assert_eq!(encode(codec, Bomb, 9), Err(EncodeError::Panicked("codec.bomb", "no ink".into())));
        assert_eq!(codec.decode(&[]).map(drop), Err(DecodeError::Panicked("codec.bomb", "no glasses".into())));
    }

    #[test]
    fn two_types_with_one_id_are_named_both_and_do_not_write_each_other() {
        let (first, second) = (Codec::of::<Tile>(), Codec::of::<elsewhere::Tile>());
        let (table, fault) = tabulate([&first, &first, &second]);
        let Some(TwoWithOneId { first: one, second: other, .. }) = fault else { panic!("expected a fault") };
        assert!(
            one.ends_with("tests::Tile") && other.ends_with("elsewhere::Tile"),
            "expected both, not {one}, {other}"
        );
        assert_eq!(table.len(), 1);
        assert_eq!(encode(&first, elsewhere::Tile, 99), Err(EncodeError::NoWireForm("codec.tile")));
        assert_eq!(check(), Ok(()), "expected the library's own records to differ");
    }

    #[test]
    fn done_has_a_wire_form_of_no_bytes() {
        let codec = of(<()>::ID).expect("expected `()` to have a wire form");
        assert_eq!(encode(codec, (), 1), Ok(vec![7]));
        let body: Body<'static> = codec.decode(&[]).expect("nothing is `()`");
        assert!(body.kind().is::<()>());
    }
}
