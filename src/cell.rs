//! A cell for what belongs to one thread and is reached in short steps.
//!
//! A `RefCell` counts its borrows, several times per message. Here a step is a closure that calls no code of a user,
//! so that it cannot come back into the cell; debug builds check that. With `--cfg rohrpost_checked_cells` a
//! `RefCell` is used all the same: `cargo bench --bench dispatch -- direct`, run both ways, shows what this module buys.
#![cfg_attr(
    not(rohrpost_checked_cells),
    expect(unsafe_code, reason = "the direct path reaches slots and waiting list many times per message")
)]

#[cfg(all(debug_assertions, not(rohrpost_checked_cells)))]
use std::cell::Cell;
#[cfg(rohrpost_checked_cells)]
use std::cell::RefCell;
#[cfg(not(rohrpost_checked_cells))]
use std::cell::UnsafeCell;
use std::fmt;

/// A value of one thread, changed in steps that do not nest.
#[cfg(rohrpost_checked_cells)]
pub(crate) struct LocalCell<T>(RefCell<T>);

#[cfg(rohrpost_checked_cells)]
impl<T> LocalCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    /// One step.
    #[inline]
    pub(crate) fn with<R>(&self, step: impl FnOnce(&mut T) -> R) -> R {
        step(&mut self.0.borrow_mut())
    }
}

/// A value of one thread, changed in steps that do not nest.
#[cfg(not(rohrpost_checked_cells))]
pub(crate) struct LocalCell<T> {
    value: UnsafeCell<T>,
    #[cfg(debug_assertions)]
    entered: Cell<bool>,
}

#[cfg(not(rohrpost_checked_cells))]
impl<T> LocalCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            value: UnsafeCell::new(value),
            #[cfg(debug_assertions)]
            entered: Cell::new(false),
        }
    }

    /// One step. `step` must not call what could come back here: no handler, no `Drop` or `Clone` of a user's type.
    #[inline]
    pub(crate) fn with<R>(&self, step: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(debug_assertions)]
        assert!(!self.entered.replace(true), "a step in a local cell does not nest");
        // SAFETY: the cell is not `Sync`, and steps do not nest, so this is the only reference.
        let result = step(unsafe { &mut *self.value.get() });
        #[cfg(debug_assertions)]
        self.entered.set(false);
        result
    }
}

impl<T> fmt::Debug for LocalCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalCell(..)")
    }
}
