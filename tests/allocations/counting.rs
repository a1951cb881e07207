//! An allocator that counts for the test that a thread belongs to, and the assertion that it counted nothing.
#![expect(unsafe_code, reason = "an allocator that counts is one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use rohrpost::Namespace;

use crate::MESSAGES;

/// The system's allocator, and a counter for each test.
struct Counting;

thread_local! {
    pub(crate) static COUNTER: Cell<Option<&'static AtomicUsize>> = const { Cell::new(None) };
    /// What is done before the thread's next piece of a megabyte and more; it must not allocate.
    pub(crate) static LARGE: Cell<Option<fn()>> = const { Cell::new(None) };
}

fn count(size: usize) {
    // A thread that ends has no counter any more.
    if let Ok(Some(counter)) = COUNTER.try_with(Cell::get) {
        counter.fetch_add(1, Ordering::SeqCst);
    }
    if size >= 1 << 20
        && let Ok(Some(act)) = LARGE.try_with(Cell::take)
    {
        act();
    }
}

// SAFETY: it does what the system's allocator does, and counts beside it without allocating.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps to the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller keeps to the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps to the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts what `round` allocates on this thread and those of `spaces`, once it is warm.
pub(crate) fn assert_none(claim: &str, spaces: &[&Namespace], mut round: impl FnMut()) {
    let counter: &'static AtomicUsize = Box::leak(Box::default());
    let watch = |counter: Option<&'static AtomicUsize>| {
        for space in spaces {
            for thread in 0..space.threads() {
                space
                    .build_on(thread, move |_| {
                        COUNTER.set(counter);
                        Ok(())
                    })
                    .unwrap();
            }
        }
        COUNTER.set(counter);
    };
    for _ in 0..3 {
        round();
    }
    watch(Some(counter));
    let before = counter.load(Ordering::SeqCst);
    round();
    let allocated = counter.load(Ordering::SeqCst) - before;
    COUNTER.set(None);
    watch(None);
    assert_eq!(allocated, 0, "expected no allocation in {MESSAGES} messages: {claim}");
    // Otherwise zero would say nothing.
    COUNTER.set(Some(counter));
    drop(std::hint::black_box(Box::new(claim.len())));
    COUNTER.set(None);
    assert_ne!(counter.load(Ordering::SeqCst), before, "expected the allocator to count");
}
