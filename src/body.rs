//! Record storage: a record of any type in five words, in place if it is small, lent or on the heap if it is not.
//!
//! This is one of the few modules with `unsafe`. What it buys: a direct `notify` neither allocates nor copies its
//! record (`benches/dispatch.rs`, rows `notify` and `notify large`; a `Box<dyn Any>` costs an allocation each).
//!
//! Invariant: `kind` describes an initialized record that this body owns and that nobody else reaches. It lies in
//! `words` if [`fits`] says so, else behind the pointer in `words[0]`; `words[1]` says whose memory that is.
#![expect(unsafe_code, reason = "type-erased storage without an allocation")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::marker::PhantomData;
use std::mem::{MaybeUninit, align_of, needs_drop, size_of};
use std::ptr::{self, NonNull};

use crate::fault::quietly;
use crate::record::{Record, RecordType};

const WORDS: usize = 4;

/// Whether a record of this layout lies in the body itself: up to 32 bytes, aligned to 8.
pub(crate) const fn fits(size: usize, align: usize) -> bool {
    size <= size_of::<[u64; WORDS]>() && align <= align_of::<u64>()
}

/// How to drop, print and clone a record behind a pointer.
#[derive(Clone, Copy)]
pub(crate) struct Vtable {
    drop: Option<unsafe fn(*mut u8)>,
    debug: unsafe fn(*const u8, &mut fmt::Formatter<'_>) -> fmt::Result,
    clone: Option<unsafe fn(*const u8) -> Body<'static>>,
}

impl Vtable {
    pub(crate) const fn of<R: Record>() -> Self {
        Self {
            drop: if needs_drop::<R>() { Some(drop_record::<R>) } else { None },
            debug: debug_record::<R>,
            clone: None,
        }
    }

    pub(crate) const fn cloning<R: Record + Clone>(self) -> Self {
        Self { clone: Some(clone_record::<R>), ..self }
    }

    pub(crate) const fn can_clone(&self) -> bool {
        self.clone.is_some()
    }

    pub(crate) const fn needs_drop(&self) -> bool {
        self.drop.is_some()
    }
}

/// # Safety
/// `record` points to an `R` that nobody uses afterwards.
unsafe fn drop_record<R>(record: *mut u8) {
    // SAFETY: the caller gives up the `R` behind the pointer.
    unsafe { ptr::drop_in_place(record.cast::<R>()) }
}

/// # Safety
/// `record` points to an `R` that nobody changes meanwhile.
unsafe fn debug_record<R: Record>(record: *const u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // SAFETY: the caller vouches for the `R` behind the pointer.
    unsafe { &*record.cast::<R>() }.fmt(f)
}

/// # Safety
/// `record` points to an `R` that nobody changes meanwhile.
unsafe fn clone_record<R: Record + Clone>(record: *const u8) -> Body<'static> {
    // SAFETY: the caller vouches for the `R` behind the pointer.
    Body::new(unsafe { &*record.cast::<R>() }.clone())
}

/// Whose memory a record that is not in place lies in.
const LENT: u64 = 0;
const HEAP: u64 = 1;

/// One record of any type; `'m` is the life of the memory it may lie in, `'static` for its own.
#[repr(C)]
pub(crate) struct Body<'m> {
    kind: &'static RecordType,
    words: [MaybeUninit<u64>; WORDS],
    memory: PhantomData<&'m mut ()>,
    // A record need not be `Sync`, and the body may point into a stack.
    not_sync: PhantomData<*mut ()>,
}

// SAFETY: a body owns its record, and every record is `Send`; lent memory outlives `'m` on whichever thread.
unsafe impl Send for Body<'_> {}

impl Body<'static> {
    /// Stores `record`; allocates if it has more than 32 bytes or is aligned to more than 8.
    #[inline]
    pub(crate) fn new<R: Record>(record: R) -> Self {
        if fits(size_of::<R>(), align_of::<R>()) {
            return Self::in_place(record);
        }
        let mut lent = MaybeUninit::uninit();
        Body::lend(&mut lent, record).into_owned()
    }
}

impl<'m> Body<'m> {
    /// The same record under another description of its type, which may differ in name and id.
    pub(crate) fn described_by(mut self, kind: &'static RecordType) -> Self {
        assert!(self.kind.is_same(kind), "a record is described by its own type");
        self.kind = kind;
        self
    }

    /// Stores `record` in itself if it is small, else in `room`; never allocates.
    #[inline]
    pub(crate) fn lend<R: Record>(room: &'m mut MaybeUninit<R>, record: R) -> Self {
        if fits(size_of::<R>(), align_of::<R>()) {
            return Self::in_place(record);
        }
        let pointer: *mut R = room.write(record);
        Self::outside(R::TYPE, pointer.cast(), LENT)
    }

    /// What stays when the record has been taken.
    const fn emptied() -> Self {
        Self { kind: <()>::TYPE, words: [MaybeUninit::uninit(); WORDS], memory: PhantomData, not_sync: PhantomData }
    }

    #[inline]
    fn in_place<R: Record>(record: R) -> Self {
        let mut body = Self { kind: R::TYPE, ..Self::emptied() };
        // SAFETY: `words` has room for an `R` of this size and alignment, which the callers checked.
        unsafe { body.words.as_mut_ptr().cast::<R>().write(record) };
        body
    }

    #[inline]
    fn outside(kind: &'static RecordType, pointer: *mut u8, memory: u64) -> Self {
        let mut body = Self { kind, ..Self::emptied() };
        // SAFETY: the first word has the size and the alignment of a pointer, or more.
        unsafe { body.words.as_mut_ptr().cast::<*mut u8>().write(pointer) };
        body.words[1].write(memory);
        body
    }

    #[inline]
    pub(crate) const fn kind(&self) -> &'static RecordType {
        self.kind
    }

    #[inline]
    const fn is_in_place(&self) -> bool {
        self.kind.in_place
    }

    #[inline]
    fn pointer(&self) -> *const u8 {
        if self.is_in_place() {
            return self.words.as_ptr().cast();
        }
        // SAFETY: a record that is not in place is behind the pointer in the first word.
        unsafe { self.words.as_ptr().cast::<*const u8>().read() }
    }

    #[inline]
    fn pointer_mut(&mut self) -> *mut u8 {
        if self.is_in_place() {
            return self.words.as_mut_ptr().cast();
        }
        // SAFETY: a record that is not in place is behind the pointer in the first word.
        unsafe { self.words.as_mut_ptr().cast::<*mut u8>().read() }
    }

    /// The heap memory that the record lies in, if it does.
    fn heap(&self) -> Option<(NonNull<u8>, Layout)> {
        if self.is_in_place() {
            return None;
        }
        // SAFETY: both words of a record outside are written when the body is made.
        let memory = unsafe { self.words[1].assume_init() };
        let layout = Layout::from_size_align(self.kind.size, self.kind.align).expect("a type has a layout");
        let pointer = NonNull::new(self.pointer().cast_mut()).expect("a record outside has a place");
        (memory == HEAP && layout.size() > 0).then_some((pointer, layout))
    }

    #[inline]
    pub(crate) fn get<R: Record>(&self) -> Option<&R> {
        if !self.kind.is::<R>() {
            return None;
        }
        // SAFETY: the kind says that an `R` is there, and `&self` keeps it there.
        Some(unsafe { &*self.pointer().cast::<R>() })
    }

    #[inline]
    pub(crate) fn get_mut<R: Record>(&mut self) -> Option<&mut R> {
        if !self.kind.is::<R>() {
            return None;
        }
        // SAFETY: the kind says that an `R` is there, and `&mut self` keeps others away.
        Some(unsafe { &mut *self.pointer_mut().cast::<R>() })
    }

    /// Takes the record out and leaves `()` behind.
    #[inline]
    pub(crate) fn take<R: Record>(&mut self) -> Option<R> {
        if !self.kind.is::<R>() {
            return None;
        }
        // SAFETY: the kind says that an `R` is there; it is forgotten below, so it is not used twice.
        let record = unsafe { self.pointer().cast::<R>().read() };
        let heap = self.heap();
        self.kind = <()>::TYPE;
        free(heap);
        Some(record)
    }

    /// Moves the body out into memory of its own and leaves `()` behind; allocates if it was lent.
    #[inline]
    pub(crate) fn take_all(&mut self) -> Body<'static> {
        self.own().take()
    }

    /// Has the record in memory of its own from here on; allocates if it was lent.
    #[inline(always)]
    pub(crate) fn own(&mut self) -> Own<'_, 'm> {
        if !self.kind.in_place && self.is_lent() {
            self.move_to_heap();
        }
        Own(self)
    }

    /// Whether a record that is not in place lies in memory of somebody else.
    #[cold]
    fn is_lent(&self) -> bool {
        self.kind.size > 0 && self.heap().is_none()
    }

    /// Drops the record, if there is anything to drop. What is left may be anything, and drops as nothing.
    #[inline]
    pub(crate) fn finish(&mut self) {
        if !self.kind.plain {
            self.clear();
        }
    }

    /// Drops the record with the body. Out of line: most bodies have nothing to drop by then.
    #[inline(never)]
    fn drop_record(&mut self) {
        // Where one of several records panics the others are dropped as the panic unwinds, and a second one that gets out
        // of here would end the process.
        if std::thread::panicking() {
            return quietly(|| self.clear());
        }
        self.clear();
    }

    /// Drops the record and leaves `()` behind.
    #[inline]
    pub(crate) fn clear(&mut self) {
        let kind = self.kind;
        if self.is_in_place() {
            self.kind = <()>::TYPE;
            if let Some(drop) = kind.vtable.drop {
                // SAFETY: the record was in place, and the kind has just forgotten it.
                unsafe { drop(self.words.as_mut_ptr().cast()) };
            }
            return;
        }
        self.clear_outside();
    }

    #[cold]
    fn clear_outside(&mut self) {
        /// Frees the memory even if the record's `Drop` panics.
        struct Free(Option<(NonNull<u8>, Layout)>);
        impl Drop for Free {
            fn drop(&mut self) {
                free(self.0.take());
            }
        }

        let record = self.pointer_mut();
        let _heap = Free(self.heap());
        let drop = self.kind.vtable.drop;
        self.kind = <()>::TYPE;
        if let Some(drop) = drop {
            // SAFETY: the record was there, and the kind has just forgotten it.
            unsafe { drop(record) };
        }
    }

    /// The same record in memory of its own; allocates if it was lent.
    pub(crate) fn into_owned(mut self) -> Body<'static> {
        self.take_all()
    }

    /// Moves a record that was lent.
    #[cold]
    fn move_to_heap(&mut self) {
        let kind = self.kind;
        let layout = Layout::from_size_align(kind.size, kind.align).expect("a type has a layout");
        // SAFETY: a lent record has a size above zero.
        let target = unsafe { alloc(layout) };
        if target.is_null() {
            handle_alloc_error(layout);
        }
        // SAFETY: the record was not in place, so its first word is the pointer to it.
        let source = unsafe { self.words.as_ptr().cast::<*const u8>().read() };
        // SAFETY: both places have the record's size, and one of them was allocated just now.
        unsafe { ptr::copy_nonoverlapping(source, target, kind.size) };
        // SAFETY: the first word has the size and the alignment of a pointer, or more.
        unsafe { self.words.as_mut_ptr().cast::<*mut u8>().write(target) };
        self.words[1].write(HEAP);
    }

    /// A copy of the record in memory of its own; `None` if it cannot be cloned.
    pub(crate) fn try_clone(&self) -> Option<Body<'static>> {
        let clone = self.kind.vtable.clone?;
        // SAFETY: the record is there, and `&self` keeps it unchanged.
        Some(unsafe { clone(self.pointer()) }.described_by(self.kind))
    }
}

/// A body that nobody has lent its memory.
pub(crate) struct Own<'a, 'm>(&'a mut Body<'m>);

impl Own<'_, '_> {
    /// Moves the body out and leaves `()` behind.
    #[inline(always)]
    pub(crate) fn take(self) -> Body<'static> {
        let (kind, words) = (self.0.kind, self.0.words);
        self.0.kind = <()>::TYPE;
        Body { kind, words, memory: PhantomData, not_sync: PhantomData }
    }
}

fn free(heap: Option<(NonNull<u8>, Layout)>) {
    if let Some((pointer, layout)) = heap {
        // SAFETY: the memory was allocated in `into_owned` with this layout, and its record is gone.
        unsafe { dealloc(pointer.as_ptr(), layout) };
    }
}

impl Drop for Body<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.kind.plain {
            self.drop_record();
        }
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the record is there, and `&self` keeps it unchanged.
        unsafe { (self.kind.vtable.debug)(self.pointer(), f) }
    }
}

#[cfg(test)]
mod tests;
