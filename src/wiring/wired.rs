//! The mark `wire` of [`record!`](crate::record!), with the network: the record's wire form is known to all that is linked.

#[doc(hidden)]
#[macro_export]
macro_rules! __record_wire {
    ($record:ty;) => {};
    ($record:ty; wire $($mark:ident)*) => {
        $crate::__private::inventory::submit! { $crate::__private::Codec::of::<$record>() }
    };
    ($record:ty; $other:ident $($mark:ident)*) => {
        $crate::__record_wire!($record; $($mark)*);
    };
}
