//! The mark `wire` of [`record!`](crate::record!), with the network: the record's wire form is known to all that is linked.

/// Submits the codec of a record that is marked `wire`; one that is marked `local`, too, is refused elsewhere.
#[doc(hidden)]
#[macro_export]
macro_rules! __record_wire {
    ($record:ty;) => {};
    ($record:ty; local $($mark:ident)*) => {};
    ($record:ty; wire $($mark:ident)*) => {
        $crate::__record_wire!(@wire $record; $($mark)*);
    };
    ($record:ty; $other:ident $($mark:ident)*) => {
        $crate::__record_wire!($record; $($mark)*);
    };
    (@wire $record:ty;) => {
        $crate::__private::inventory::submit! { $crate::__private::Codec::of::<$record>() }
    };
    (@wire $record:ty; local $($mark:ident)*) => {};
    (@wire $record:ty; $other:ident $($mark:ident)*) => {
        $crate::__record_wire!(@wire $record; $($mark)*);
    };
}
