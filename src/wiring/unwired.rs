//! The mark `wire` of [`record!`](crate::record!), without the network: it asks for nothing and does nothing.

#[doc(hidden)]
#[macro_export]
macro_rules! __record_wire {
    ($record:ty; $($mark:ident)*) => {};
}
