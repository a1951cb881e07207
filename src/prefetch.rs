//! Asking for cache lines that are with another core, while something else is done.
//!
//! This is one of the few modules with `unsafe`, for an instruction that changes nothing. What it buys: `benches/compare`,
//! rows `one-way`, and `benches/net`, one way.
#![cfg_attr(
    all(target_arch = "x86_64", not(miri), not(loom)),
    expect(unsafe_code, reason = "there is no safe name for the instruction")
)]

/// Bytes of a cache line.
const LINE: usize = 64;

/// Has the cache line in which `place` begins come to be read.
#[inline]
pub(crate) fn to_read<T>(place: &T) {
    line_to_read(std::ptr::from_ref(place).cast());
}

/// The same to be written: no other core keeps the line.
#[inline]
pub(crate) fn to_write<T>(place: &T) {
    line_to_write(std::ptr::from_ref(place).cast());
}

/// Has all cache lines of `place` come to be read.
#[inline]
pub(crate) fn all_to_read<T: ?Sized>(place: &T) {
    lines(place).for_each(line_to_read);
}

/// The same to be written.
#[inline]
pub(crate) fn all_to_write<T: ?Sized>(place: &T) {
    lines(place).for_each(line_to_write);
}

fn lines<T: ?Sized>(place: &T) -> impl Iterator<Item = *const u8> {
    let start = std::ptr::from_ref(place).cast::<u8>();
    (0..size_of_val(place)).step_by(LINE).map(move |at| start.wrapping_add(at))
}

#[inline]
fn line_to_read(line: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch changes nothing, wherever it points.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri), not(loom))))]
    let _ = line;
}

#[inline]
fn line_to_write(line: *const u8) {
    // The intrinsic for it becomes the instruction above, unless one compiles for processors that surely know this one; those
    // that do not know it pass it over.
    #[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
    // SAFETY: a prefetch changes nothing, wherever it points.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) line, options(nostack, preserves_flags));
    };
    #[cfg(not(all(target_arch = "x86_64", not(miri), not(loom))))]
    let _ = line;
}
