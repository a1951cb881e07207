//! Waking those who sleep, once no lock is held that they may need.
//!
//! A waker is a user's code, and may call the kernel. Some mail is sent while the directory is locked, so that everybody
//! is told of changes in the order in which they happen; whoever that wakes is woken when the locks are free again.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::task::Waker;

use crate::fault::quietly;

thread_local! {
    /// Never dropped, so that it is there for what goes with the thread; it owns nothing but within a scope.
    static LATER: ManuallyDrop<RefCell<Later>> =
        const { ManuallyDrop::new(RefCell::new(Later { scopes: 0, wakers: Vec::new() })) };
}

struct Later {
    /// How many [`WakeLater`] there are on this thread.
    scopes: usize,
    wakers: Vec<Waker>,
}

/// While there is one, this thread wakes nobody; it does when the last one is dropped. Made before the locks are taken,
/// and so dropped after them. Nobody waits for another thread meanwhile.
#[must_use = "it has to outlive the locks"]
#[derive(Debug)]
pub(crate) struct WakeLater(PhantomData<*const ()>);

impl WakeLater {
    pub(crate) fn new() -> Self {
        LATER.with(|later| later.borrow_mut().scopes += 1);
        Self(PhantomData)
    }
}

impl Drop for WakeLater {
    fn drop(&mut self) {
        let due = LATER.with(|later| {
            let mut later = later.borrow_mut();
            later.scopes -= 1;
            if later.scopes == 0 { std::mem::take(&mut later.wakers) } else { Vec::new() }
        });
        due.into_iter().for_each(wake);
    }
}

/// Wakes somebody, now or as soon as may be. A waker that panics harms nobody.
pub(crate) fn wake(waker: Waker) {
    let mut waker = Some(waker);
    LATER.with(|later| {
        let mut later = later.borrow_mut();
        if later.scopes > 0 {
            later.wakers.extend(waker.take());
        }
    });
    if let Some(waker) = waker {
        quietly(|| waker.wake());
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::{WakeLater, wake};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            // Waking may itself take locks, and wake others.
            let _later = WakeLater::new();
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn whoever_is_to_be_woken_while_locks_are_held_is_woken_after_the_last_of_them() {
        let count = Arc::new(Count::default());
        let woken = || count.0.load(Ordering::Relaxed);
        wake(count.clone().into());
        assert_eq!(woken(), 1, "expected nobody to wait without a lock");
        let outer = WakeLater::new();
        let inner = WakeLater::new();
        wake(count.clone().into());
        drop(inner);
        assert_eq!(woken(), 1, "expected the outer lock to be heeded");
        wake(count.clone().into());
        drop(outer);
        assert_eq!(woken(), 3);
    }
}
