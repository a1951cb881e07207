//! [`Opaque`]: a record that this node does not know, as the bytes it came in.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use parking_lot::RwLock;

use crate::body::Body;
use crate::id::RecordId;
use crate::net::codec::{self, Codec};
use crate::record;
use crate::record::{Record, RecordType};

/// So many unknown ids are remembered for good. A record with another one is known as `rohrpost.opaque`.
const MAX_KINDS: usize = 4096;

/// A record that this node does not know, in its wire form.
///
/// Mail with such a record can be observed, held, forwarded and sent back like any other: it goes to the services of the id
/// that the record has where it is known, and is written as what it was. Cheap to clone.
///
/// ```
/// use rohrpost::{RecordId, net::Opaque};
///
/// let tile = Opaque::new(RecordId::name("map.tile"), &[1, 2, 3]);
/// assert_eq!((tile.id(), tile.bytes()), (RecordId::name("map.tile"), &[1, 2, 3][..]));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Opaque {
    id: RecordId,
    bytes: Arc<[u8]>,
}

record!(Opaque, "rohrpost.opaque");

impl Opaque {
    /// The record with this id and wire form. Allocates, and copies the bytes.
    #[must_use]
    pub fn new(id: RecordId, bytes: &[u8]) -> Self {
        Self { id, bytes: bytes.into() }
    }

    /// The record's id, where it is known.
    #[must_use]
    pub const fn id(&self) -> RecordId {
        self.id
    }

    /// The record's wire form.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The record with the description of what it stands for, so that it is routed as that.
    pub(crate) fn into_body(self) -> Body<'static> {
        let kind = kind_of(self.id);
        Body::new(self).described_by(kind)
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opaque({}, {} bytes)", self.id, self.bytes.len())
    }
}

/// The description of unknown records with this id. It is made once and kept for good.
fn kind_of(id: RecordId) -> &'static RecordType {
    static KINDS: LazyLock<Kinds> = LazyLock::new(Kinds::default);
    KINDS.of(id)
}

/// The description of the records with this id, known here or not.
pub(crate) fn describe(id: RecordId) -> &'static RecordType {
    codec::of(id).map_or_else(|| kind_of(id), Codec::kind)
}

/// The descriptions of unknown records.
#[derive(Default)]
struct Kinds(RwLock<HashMap<RecordId, &'static RecordType>>);

impl Kinds {
    fn of(&self, id: RecordId) -> &'static RecordType {
        if let Some(kind) = self.0.read().get(&id) {
            return kind;
        }
        let mut kinds = self.0.write();
        if kinds.len() >= MAX_KINDS {
            return kinds.get(&id).copied().unwrap_or(Opaque::TYPE);
        }
        kinds.entry(id).or_insert_with(|| {
            let name = Box::leak(id.to_string().into_boxed_str());
            Box::leak(Box::new(RecordType { name, id, ..RecordType::of::<Opaque>() }))
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Kinds, MAX_KINDS, Opaque};
    use crate::id::RecordId;
    use crate::record::Record;

    #[test]
    fn an_unknown_record_has_the_id_of_what_it_stands_for_also_as_a_copy() {
        let id: RecordId = "opaque.thing".parse().expect("a name");
        let body = Opaque::new(id, b"abc").into_body();
        let copy = body.try_clone().expect("an opaque record can be copied");
        for body in [body, copy] {
            assert_eq!((body.kind().id(), body.kind().name()), (id, "opaque.thing"));
            assert_eq!(body.get::<Opaque>().map(Opaque::bytes), Some(&b"abc"[..]));
        }
    }

    #[test]
    fn unknown_ids_are_remembered_up_to_a_bound() {
        let kinds = Kinds::default();
        for number in 0..MAX_KINDS as u32 {
            assert_eq!(kinds.of(RecordId::number(number)).id(), RecordId::number(number));
        }
        assert_eq!(kinds.of(RecordId::name("opaque.one-more")).id(), Opaque::ID);
        assert_eq!(kinds.of(RecordId::number(9)).id(), RecordId::number(9));
    }
}
