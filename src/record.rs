//! Records: the typed data that mail carries, and the description by which the library handles them untyped.

use std::any::TypeId;
use std::fmt;
use std::mem::{align_of, needs_drop, size_of};

use crate::id::RecordId;
use crate::name::{Dots, NameCollision, fault, learn};

/// Typed user data that a message carries. Implemented by [`record!`](crate::record!).
///
/// A record is any `Debug + Send + 'static` type of your own. It is `Clone` too, so that observers can have copies,
/// unless it is marked `no_clone`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no record",
    label = "`record!` has not made `{Self}` a record",
    note = "write `record!({Self}, \"some.name\");` beside the type, and derive `Clone` and `Debug` for it"
)]
pub trait Record: fmt::Debug + Send + Sized + 'static {
    /// What a request with this record is answered with; `()` if there is nothing to say.
    type Answer: Record;

    /// The name, such as `calc.add`; letters, digits, `_`, `-` and dots.
    const NAME: &'static str;

    /// The hash of [`Record::NAME`].
    const ID: RecordId = RecordId::name(Self::NAME);

    /// The description of this type; made by [`record!`](crate::record!).
    const TYPE: &'static RecordType;
}

/// A record of which observers can have copies.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the record `{Self}` is not `Clone`",
    label = "observers could not have copies of it",
    note = "derive `Clone` for `{Self}`, or mark it: `record!({Self}, \"some.name\", no_clone)`"
)]
pub trait Copied: Clone {}

#[diagnostic::do_not_recommend]
impl<T: Clone> Copied for T {}

/// What the library knows of a record type: its name, its layout, and how to print, clone and drop it.
pub struct RecordType {
    pub(crate) name: &'static str,
    pub(crate) id: RecordId,
    pub(crate) type_id: TypeId,
    pub(crate) answer: fn() -> &'static Self,
    pub(crate) local: bool,
    pub(crate) size: usize,
    pub(crate) align: usize,
    /// Whether the record lies in its message.
    pub(crate) in_place: bool,
    /// Whether it does, and leaves nothing behind.
    pub(crate) plain: bool,
    pub(crate) vtable: Vtable,
}

/// The operations on a record whose type is known only to its [`RecordType`].
pub(crate) use crate::body::Vtable;

impl RecordType {
    /// The description of a record whose copies observers may have.
    #[doc(hidden)]
    #[must_use]
    pub const fn of<R: Record + Copied>() -> Self {
        Self { vtable: Vtable::of::<R>().cloning::<R>(), ..Self::no_clone::<R>() }
    }

    /// The description of a record that cannot be copied.
    #[doc(hidden)]
    #[must_use]
    pub const fn no_clone<R: Record>() -> Self {
        Self {
            name: R::NAME,
            id: R::ID,
            type_id: TypeId::of::<R>(),
            answer: || <R::Answer as Record>::TYPE,
            local: false,
            size: size_of::<R>(),
            align: align_of::<R>(),
            in_place: crate::body::fits(size_of::<R>(), align_of::<R>()),
            plain: crate::body::fits(size_of::<R>(), align_of::<R>()) && !needs_drop::<R>(),
            vtable: Vtable::of::<R>(),
        }
    }

    /// The same for a record that does not leave its node.
    #[doc(hidden)]
    #[must_use]
    pub const fn local(self) -> Self {
        Self { local: true, ..self }
    }

    /// The record's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The record's id.
    #[must_use]
    pub const fn id(&self) -> RecordId {
        self.id
    }

    /// The type of the record that answers this one.
    #[must_use]
    pub fn answer(&self) -> &'static Self {
        (self.answer)()
    }

    /// Whether the record may not leave its node.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        self.local
    }

    /// Whether observers can have copies of the record.
    #[must_use]
    pub const fn is_cloneable(&self) -> bool {
        self.vtable.can_clone()
    }

    /// Whether this describes `R`.
    #[inline]
    #[must_use]
    pub fn is<R: Record>(&self) -> bool {
        self.type_id == TypeId::of::<R>()
    }

    /// Whether both describe the same type.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.type_id == other.type_id
    }

    /// Whether a request of this type is answered with `R`.
    #[must_use]
    pub fn answered_by<R: Record>(&self) -> bool {
        self.answer().is::<R>()
    }

    /// Remembers the record's name, so that its id shows it from here on.
    pub(crate) fn remember(&self) -> Result<(), NameCollision> {
        learn(self.id.raw(), self.name)
    }

    #[inline]
    pub(crate) const fn needs_drop(&self) -> bool {
        self.vtable.needs_drop()
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordType({})", self.name)
    }
}

/// Makes a type of yours a [`Record`].
///
/// ```
/// use rohrpost::{Record, record};
///
/// #[derive(Clone, Debug)]
/// struct Add(i64, i64);
/// #[derive(Clone, Debug)]
/// struct Sum(i64);
/// #[derive(Debug)]
/// struct Door(std::fs::File);
///
/// record!(Add, "calc.add" => Sum);              // a request and what answers it
/// record!(Sum, "calc.sum");                     // answered with `()`
/// record!(Door, "house.door", no_clone, local); // not copied for observers, does not leave the node
///
/// assert!(Add::TYPE.answered_by::<Sum>());
/// assert!(Door::TYPE.is_local() && !Door::TYPE.is_cloneable());
/// ```
///
/// A record that is to reach other nodes is marked `wire`. With a network among the features it has to be
/// `serde::Serialize` and `serde::Deserialize` then; without one the mark asks for nothing and does nothing. What has no
/// mark is no less a record, but at its node's edge it comes back with [`Code::NOT_ROUTABLE`](crate::Code::NOT_ROUTABLE). The
/// answer needs the mark, too.
///
/// ```
/// use rohrpost::record;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, Serialize, Deserialize)]
/// struct Sound(String);
/// #[derive(Clone, Debug, Serialize, Deserialize)]
/// struct Depth(f32);
///
/// record!(Sound, "harbour.sound" => Depth, wire);
/// record!(Depth, "harbour.depth", wire);
/// ```
///
/// The name is what other nodes know it by. If two records of one program that are marked `wire` have one name, or names with
/// one hash, no kernel of the program joins a network: the error names both types, and their names.
///
/// A name that is none does not compile:
///
/// ```compile_fail
/// # #[derive(Clone, Debug)]
/// # struct Add(i64, i64);
/// rohrpost::record!(Add, "calc add");
/// ```
#[macro_export]
macro_rules! record {
    ($record:ty, $name:literal $(=> $answer:ty)? $(, $mark:ident)* $(,)?) => {
        // A type that is no record is not helped by a list of those that are.
        #[diagnostic::do_not_recommend]
        impl $crate::Record for $record {
            type Answer = $crate::__record_answer!($($answer)?);
            const NAME: &'static str = $crate::__private::record_name($name);
            const TYPE: &'static $crate::RecordType = &$crate::__record_type!([] [] [] $($mark)*);
        }
        $crate::__record_wire!($record; $($mark)*);
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "`record!` takes `Type, \"name\"` or `Type, \"name\" => Answer`, then the marks `no_clone`, `local` and `wire`"
        );
    };
}

/// The same text, if it is the name of a record; checked here, a wrong one is shown where `record!` stands.
#[doc(hidden)]
#[must_use]
pub const fn record_name(text: &'static str) -> &'static str {
    assert!(
        fault(text, Dots::Allowed).is_none(),
        "the name of a record is letters, digits, `_`, `-` and dots, such as `calc.add`, and begins with a letter or `_`"
    );
    text
}

#[doc(hidden)]
#[macro_export]
macro_rules! __record_answer {
    () => {
        ()
    };
    ($answer:ty) => {
        $answer
    };
}

/// Sorts the marks into three places, `no_clone`, `local` and `wire`; then each of them is there once or not at all.
#[doc(hidden)]
#[macro_export]
macro_rules! __record_type {
    ([] [] [$($wire:ident)?]) => {
        $crate::RecordType::of::<Self>()
    };
    ([no_clone] [] [$($wire:ident)?]) => {
        $crate::RecordType::no_clone::<Self>()
    };
    ([] [local] []) => {
        $crate::RecordType::of::<Self>().local()
    };
    ([no_clone] [local] []) => {
        $crate::RecordType::no_clone::<Self>().local()
    };
    ([$($clone:ident)?] [local] [wire]) => {
        ::core::compile_error!("a record that is `local` does not leave its node, so it cannot be marked `wire`, too")
    };
    ([] $local:tt $wire:tt no_clone $($mark:ident)*) => {
        $crate::__record_type!([no_clone] $local $wire $($mark)*)
    };
    ($clone:tt [] $wire:tt local $($mark:ident)*) => {
        $crate::__record_type!($clone [local] $wire $($mark)*)
    };
    ($clone:tt $local:tt [] wire $($mark:ident)*) => {
        $crate::__record_type!($clone $local [wire] $($mark)*)
    };
    ($($other:tt)*) => {
        ::core::compile_error!("the marks of a record are `no_clone`, `local` and `wire`, each once at most")
    };
}

record!((), "rohrpost.done", wire);

/// Stands in a message that came back without its record: the deadline passed while somebody else had it.
///
/// ```
/// use rohrpost::{Absent, Record};
///
/// let absent = Absent::of(<()>::TYPE);
/// assert_eq!(absent.record().name(), "rohrpost.done");
/// ```
#[derive(Clone, Debug)]
pub struct Absent(&'static RecordType);

impl Absent {
    /// The stand-in for a record of type `record`.
    #[must_use]
    pub const fn of(record: &'static RecordType) -> Self {
        Self(record)
    }

    /// The type of the record that is elsewhere.
    #[must_use]
    pub const fn record(&self) -> &'static RecordType {
        self.0
    }
}

record!(Absent, "rohrpost.absent");

const _: () = assert!(!needs_drop::<Absent>(), "a notice is made without allocating");
