//! Sending for what lies a little further on in memory that is gone through in order, and that another core has had.

use crate::prefetch;

/// How far ahead, and how much of it at once: a small letter or two.
const AHEAD: usize = 512;
const SOME: usize = 192;

/// Has it come to be read.
#[inline]
pub(crate) fn to_read(rest: &[u8]) {
    rest.get(AHEAD..AHEAD + SOME).into_iter().for_each(prefetch::all_to_read);
}

/// Has it come to be written.
#[inline]
pub(crate) fn to_write<T>(rest: &[T]) {
    const { assert!(size_of::<T>() == 1, "bytes, or room for them") };
    rest.get(AHEAD..AHEAD + SOME).into_iter().for_each(prefetch::all_to_write);
}
