//! Asking for a cache line that is with another core, while something else is done.

#[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
use std::ptr;

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
pub(super) fn to_write<T>(place: &T) {
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
