//! Asking for cache lines that are with another core, while something else is done.
//!
//! This is one of the few modules with `unsafe`, for an instruction that changes nothing. What it buys: `benches/compare`,
//! rows `one-way`, and `benches/net`, one way.
#![cfg_attr(
    all(target_arch = "x86_64", not(miri), not(loom)),
    expect(unsafe_code, reason = "there is no safe name for the instruction")
)]

#[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
use std::ptr;

/// Bytes of a cache line.
#[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
const LINE: usize = 64;

/// Has the cache line in which `place` begins come to be read.
#[inline]
pub(crate) fn to_read<T>(place: &T) {
    #[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch changes nothing, wherever it points; this one points to a value.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(ptr::from_ref(place).cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri), not(loom))))]
    let _ = place;
}

/// The same to be written: no other core keeps the line.
#[inline]
pub(crate) fn to_write<T>(place: &T) {
    #[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
    {
        let place = ptr::from_ref(place);
        // The intrinsic for it becomes the instruction above, unless one compiles for processors that surely know this
        // one; those that do not know it pass it over.
        // SAFETY: a prefetch changes nothing, wherever it points; this one points to a value.
        unsafe { std::arch::asm!("prefetchw [{}]", in(reg) place, options(nostack, preserves_flags)) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri), not(loom))))]
    let _ = place;
}

/// Has all cache lines of `place` come to be read.
#[inline]
pub(crate) fn all_to_read<T: ?Sized>(place: &T) {
    #[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
    for at in (0..size_of_val(place)).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch changes nothing, wherever it points; this one points into a value.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(ptr::from_ref(place).cast::<i8>().wrapping_add(at)) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri), not(loom))))]
    let _ = place;
}

/// The same to be written.
#[inline]
pub(crate) fn all_to_write<T>(place: &T) {
    #[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
    for at in (0..size_of::<T>()).step_by(LINE) {
        let line = ptr::from_ref(place).cast::<u8>().wrapping_add(at);
        // SAFETY: a prefetch changes nothing, wherever it points; this one points into a value.
        unsafe { std::arch::asm!("prefetchw [{}]", in(reg) line, options(nostack, preserves_flags)) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri), not(loom))))]
    let _ = place;
}
