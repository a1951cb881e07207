//! A global allocator that counts live bytes, for the memory rows.
//!
//! It counts only while asked to: outside the memory rows it costs one relaxed load per allocation, for all rows alike.
#![expect(unsafe_code, reason = "a global allocator cannot be written without")]

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;

static COUNTING: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicI64 = AtomicI64::new(0);

/// The system's allocator with an account.
pub struct Counting;

/// Starts the account of live bytes, as requested: the allocator's own overhead is not in it.
///
/// No other thread may allocate meanwhile.
pub fn start_counting() {
    LIVE.store(0, Relaxed);
    COUNTING.store(true, Relaxed);
}

/// Ends what [`start_counting`] began; the live bytes since.
pub fn stop_counting() -> i64 {
    COUNTING.store(false, Relaxed);
    LIVE.load(Relaxed)
}

fn account(bytes: i64) {
    if COUNTING.load(Relaxed) {
        LIVE.fetch_add(bytes, Relaxed);
    }
}

fn signed(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        account(signed(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        account(-signed(layout.size()));
        // SAFETY: `block` came from `System` with this layout.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        account(signed(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        account(signed(size) - signed(layout.size()));
        // SAFETY: `block` came from `System` with this layout.
        unsafe { System.realloc(block, layout, size) }
    }
}
