//! The ring: a bounded queue of values from many threads to one, without a lock and without an allocation.
//!
//! A slot is a stamp and a value side by side, so that one small message crosses in the cache lines it lies in, and
//! nothing but them. Producers agree by one compare-and-swap on `tail`, which also tells them whether the consumer
//! sleeps (so that going to sleep and adding cannot miss each other) or has gone; the consumer looks at stamps only and
//! publishes how far it has come, which producers read when the ring looks full (after D. Vyukov's bounded queue,
//! with the consumer's half of the stamps replaced by `consumed`).
//!
//! This is one of the few modules with `unsafe`; loom and miri run its tests. What it buys: `benches/dispatch.rs`,
//! rows `hand-off`.
//!
//! Invariant: a position belongs to the producer that moved `tail` past it until its stamp is written, then to the
//! consumer until `consumed` is past the one behind it.
#![expect(unsafe_code, reason = "values lie in the slots themselves")]

use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;

use crossbeam_utils::CachePadded;

use crate::prefetch;
use crate::sync::{AtomicBool, AtomicU64, Ordering, RaceCell};

/// Set in `tail` when nothing more may come.
const CLOSED: u64 = 1 << 63;
/// Set in `tail` while the consumer sleeps; whoever clears it wakes the consumer.
const SLEEPING: u64 = 1 << 62;
/// The position in `tail`.
const POSITION: u64 = SLEEPING - 1;

/// How far ahead the consumer asks for slots. Without that, where it is about as quick as the producer, it may come to
/// wait for each single line, and the producer for each to be given back: five times as long for both.
const AHEAD: u64 = 4;

/// How far ahead of its turn a value is looked at for what it points to. Its slot has been sent for by then.
const FORESEEN: u64 = 3;
const _: () = assert!(FORESEEN < AHEAD, "it is looked at when it is here");

/// How far ahead a producer asks for slots while values come in a stream. Its compare-and-swap waits for all that it has
/// written, and so for each line that is still with the consumer.
const LEAD: u64 = 8;

/// A stamp and a value: two cache lines for a message.
#[repr(C, align(128))]
struct Slot<T> {
    /// The position after the one whose value lies here; zero if none does.
    stamp: AtomicU64,
    value: RaceCell<MaybeUninit<T>>,
}

/// What producers write to.
struct Producers {
    /// The next free position, [`CLOSED`] and [`SLEEPING`].
    tail: AtomicU64,
    /// What `consumed` was when a producer last had to look.
    known: AtomicU64,
}

/// Why a value was not taken; it comes back.
#[derive(Debug)]
pub(crate) enum PushError<T> {
    Full(T),
    Closed(T),
}

pub(crate) struct Ring<T> {
    slots: Box<[Slot<T>]>,
    capacity: u64,
    /// Whether values come in a stream, as the consumer sees it; read with every push, written when that changes.
    streaming: AtomicBool,
    producers: CachePadded<Producers>,
    /// Every position below has been taken, and every one but the last of them has been served.
    consumed: CachePadded<AtomicU64>,
}

/// Why there is no place for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Full,
    Closed,
}

/// Whether the consumer has to be woken. Only one thread is told that it sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Consumer {
    Awake,
    Sleeping,
}

/// How values come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coming {
    Singly,
    InAStream,
}

/// What is left of a value that has been served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing that needs to be dropped, so that the rest of its slot need not be looked at.
    Nothing,
    Something,
}

/// A value that was taken, where it lies. Nothing else is taken meanwhile, so nobody writes there.
pub(crate) struct Taken<'a, T> {
    slot: &'a Slot<T>,
    head: PhantomData<&'a mut Head>,
}

/// The one consumer's place in its ring.
#[derive(Debug, Default)]
pub(crate) struct Head(u64);

// SAFETY: a value is reached by one thread at a time, as the module's invariant says, and may change threads.
unsafe impl<T: Send> Send for Ring<T> {}
// SAFETY: as above; a shared ring gives out no shared reference to a value.
unsafe impl<T: Send> Sync for Ring<T> {}

impl<T> Ring<T> {
    /// A ring of exactly `capacity` places, from 1 on. Its memory is written at once: of zeroes that are to lie in lines,
    /// unlike those that lie anywhere, the allocator leaves none to the system.
    pub(crate) fn new(capacity: usize) -> (Self, Head) {
        // One more than the bound, for the value that is being served.
        let slots = (capacity.max(1) + 1).next_power_of_two();
        let ring = Self {
            slots: fresh(slots),
            capacity: capacity.max(1) as u64,
            streaming: AtomicBool::new(false),
            producers: CachePadded::new(Producers { tail: AtomicU64::new(0), known: AtomicU64::new(0) }),
            consumed: CachePadded::new(AtomicU64::new(0)),
        };
        (ring, Head(0))
    }

    #[inline]
    fn slot(&self, position: u64) -> &Slot<T> {
        // The number of slots is a power of two.
        &self.slots[position as usize & (self.slots.len() - 1)]
    }

    /// Adds a value at the end, or hands it back; tells whether the consumer has to be woken.
    #[inline]
    pub(crate) fn push(&self, value: T) -> Result<Consumer, PushError<T>> {
        match self.claim() {
            Ok(claim) => Ok(self.fill(claim, || value)),
            Err(Refusal::Full) => Err(PushError::Full(value)),
            Err(Refusal::Closed) => Err(PushError::Closed(value)),
        }
    }

    /// Adds the value that `make` makes where it is to lie; it is not called if there is no room. It must not unwind.
    #[inline]
    pub(crate) fn push_with(&self, make: impl FnOnce() -> T) -> Result<Consumer, Refusal> {
        let claim = self.claim()?;
        Ok(self.fill(claim, make))
    }

    /// Takes the next position; what `tail` was before.
    #[inline]
    fn claim(&self) -> Result<u64, Refusal> {
        let tails = &self.producers.tail;
        let mut tail = tails.load(Ordering::Relaxed);
        loop {
            if tail & CLOSED != 0 {
                return Err(Refusal::Closed);
            }
            let position = tail & POSITION;
            if self.is_full(position) {
                return Err(Refusal::Full);
            }
            match tails.compare_exchange_weak(tail, position + 1, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(tail),
                Err(now) => tail = now,
            }
        }
    }

    #[inline]
    fn fill(&self, claim: u64, make: impl FnOnce() -> T) -> Consumer {
        let position = claim & POSITION;
        let slot = self.slot(position);
        // SAFETY: moving `tail` past this position gave it to this producer alone.
        slot.value.with_mut(|place| unsafe { place.cast::<T>().write(make()) });
        slot.stamp.store(position + 1, Ordering::Release);
        // Where values come singly the consumer looks at the next slots already, and would lose them.
        if self.streaming.load(Ordering::Relaxed) {
            prefetch::to_write(self.slot(position + LEAD));
        }
        if claim & SLEEPING == 0 { Consumer::Awake } else { Consumer::Sleeping }
    }

    #[inline]
    fn is_full(&self, position: u64) -> bool {
        let free_at = |consumed: u64| position.wrapping_sub(consumed) as i64;
        if free_at(self.producers.known.load(Ordering::Acquire)) < self.capacity as i64 {
            return false;
        }
        let consumed = self.consumed.load(Ordering::Acquire);
        self.producers.known.store(consumed, Ordering::Release);
        free_at(consumed) >= self.capacity as i64
    }

    /// Takes note of how values come; called by the consumer.
    pub(crate) fn expect(&self, coming: Coming) {
        let streaming = coming == Coming::InAStream;
        if self.streaming.load(Ordering::Relaxed) != streaming {
            self.streaming.store(streaming, Ordering::Relaxed);
        }
    }

    /// Takes no more values.
    pub(crate) fn close(&self) {
        self.producers.tail.fetch_or(CLOSED, Ordering::AcqRel);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.producers.tail.load(Ordering::Relaxed) & CLOSED != 0
    }

    /// The position that the next value gets.
    pub(crate) fn tail(&self) -> u64 {
        self.producers.tail.load(Ordering::Acquire) & POSITION
    }

    /// Takes note that the consumer is to be woken, if it sleeps.
    pub(crate) fn rouse(&self) -> Consumer {
        let tail = self.producers.tail.fetch_and(!SLEEPING, Ordering::AcqRel);
        if tail & SLEEPING == 0 { Consumer::Awake } else { Consumer::Sleeping }
    }
}

impl Head {
    /// The position of the next value to take.
    pub(crate) const fn position(&self) -> u64 {
        self.0
    }

    /// Whether the next value is there.
    #[inline]
    pub(crate) fn is_ready<T>(&self, ring: &Ring<T>) -> bool {
        ring.slot(self.0).stamp.load(Ordering::Acquire) == self.0 + 1
    }

    /// Has `look` see the value that is taken a few places later, if it has come already: what it points to may be sent for.
    /// `look` must not unwind.
    #[inline]
    pub(crate) fn foresee<T>(&self, ring: &Ring<T>, look: impl FnOnce(&T)) {
        let ahead = self.0 + FORESEEN;
        let slot = ring.slot(ahead);
        if slot.stamp.load(Ordering::Acquire) == ahead + 1 {
            // SAFETY: the stamp says that a value is here and that it is the consumer's; there is one `Head` a ring, and it
            // takes nothing meanwhile.
            slot.value.with_mut(|place| look(unsafe { &*place.cast::<T>() }));
        }
    }

    /// Says that the consumer goes to sleep; `false` if there is something already, or will be in a moment.
    pub(crate) fn sleep<T>(&self, ring: &Ring<T>) -> bool {
        ring.producers.tail.fetch_or(SLEEPING, Ordering::AcqRel) & POSITION == self.0
    }

    /// Takes the next value, if it is there; it stays where it lies.
    #[inline]
    pub(crate) fn take<'a, T>(&'a mut self, ring: &'a Ring<T>) -> Option<Taken<'a, T>> {
        if !self.is_ready(ring) {
            return None;
        }
        let slot = ring.slot(self.0);
        // To have the line for itself, though nobody reads this: a producer gets back a line that this core has changed in
        // half the time of one that both may read (AMD Zen 4, rows `one-way` of `benches/compare`).
        slot.stamp.store(0, Ordering::Relaxed);
        // Before it is served, so that it takes no place from others meanwhile. Its slot is one more than they can use.
        self.0 += 1;
        prefetch::to_read(ring.slot(self.0 + AHEAD));
        ring.consumed.store(self.0, Ordering::Release);
        Some(Taken { slot, head: PhantomData })
    }
}

impl<T> Taken<'_, T> {
    /// Has `serve` look at the value where it lies, then drops what is [`Left`] of it and frees its place.
    ///
    /// If `serve` unwinds the value is not dropped.
    #[inline]
    pub(crate) fn serve<R>(self, serve: impl FnOnce(&mut T) -> (R, Left)) -> R {
        self.slot.value.with_mut(|place| {
            // SAFETY: the stamp said that a value is here and that it is the consumer's; there is one `Head` a ring.
            let value = unsafe { &mut *place.cast::<T>() };
            let (result, left) = serve(value);
            if left == Left::Something {
                // SAFETY: the value is not used again: the position has moved on.
                unsafe { ptr::drop_in_place(place.cast::<T>()) };
            }
            result
        })
    }
}

impl<T> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("capacity", &self.capacity).field("tail", &self.tail()).finish_non_exhaustive()
    }
}

#[cfg(not(loom))]
fn fresh<T>(slots: usize) -> Box<[Slot<T>]> {
    let zeroed = Box::<[Slot<T>]>::new_zeroed_slice(slots);
    // SAFETY: a stamp of zero and an uninitialized value are what a fresh slot is.
    unsafe { zeroed.assume_init() }
}

#[cfg(loom)]
fn fresh<T>(slots: usize) -> Box<[Slot<T>]> {
    let slot = || Slot { stamp: AtomicU64::new(0), value: RaceCell::new(MaybeUninit::uninit()) };
    std::iter::repeat_with(slot).take(slots).collect()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::{Consumer, FORESEEN, Head, Left, PushError, Ring};

    /// Has `serve` look at the next value.
    fn next<T, R>(head: &mut Head, ring: &Ring<T>, serve: impl FnOnce(&mut T) -> (R, Left)) -> Option<R> {
        head.take(ring).map(|taken| taken.serve(serve))
    }

    #[test]
    fn a_ring_takes_exactly_its_capacity() {
        for capacity in [1, 2, 3, 5, 8] {
            let (ring, mut head) = Ring::new(capacity);
            for round in 0..3 * capacity {
                for value in 0..capacity {
                    assert!(ring.push(value).is_ok(), "expected room for {capacity}, in round {round}");
                }
                assert!(matches!(ring.push(99), Err(PushError::Full(99))), "expected the value too many back");
                for value in 0..capacity {
                    assert_eq!(
                        next(&mut head, &ring, |value| (*value, Left::Something)),
                        Some(value),
                        "expected the order of arrival"
                    );
                }
                assert_eq!(next(&mut head, &ring, |value| (*value, Left::Something)), None);
            }
        }
    }

    #[test]
    fn what_is_left_of_a_value_is_dropped_once() {
        let count = Arc::new(());
        let (ring, mut head) = Ring::new(4);
        for _ in 0..3 {
            assert!(ring.push(Some(count.clone())).is_ok());
        }
        let taken = next(&mut head, &ring, |value| (value.take(), Left::Nothing));
        assert_eq!(Arc::strong_count(&count), 4, "expected the taken value to live on");
        drop(taken);
        next(&mut head, &ring, |_| ((), Left::Something));
        next(&mut head, &ring, |_| ((), Left::Something));
        assert_eq!(Arc::strong_count(&count), 1, "expected every value to be dropped once");
    }

    #[test]
    fn a_value_is_foreseen_only_when_it_has_come() {
        let (ring, mut head) = Ring::new(8);
        let foreseen = |head: &Head| {
            let mut seen = None;
            head.foresee(&ring, |&value| seen = Some(value));
            seen
        };
        for value in 0..FORESEEN + 2 {
            assert_eq!(foreseen(&head), None, "expected {FORESEEN} to lie ahead of it");
            assert!(ring.push(value).is_ok());
            if value < FORESEEN {
                continue;
            }
            assert_eq!(foreseen(&head), Some(value));
            let taken = next(&mut head, &ring, |value| (*value, Left::Something));
            assert_eq!(taken, Some(value - FORESEEN), "expected the order of arrival");
        }
        while next(&mut head, &ring, |_| ((), Left::Something)).is_some() {}
        assert_eq!(foreseen(&head), None, "expected nothing of what has been taken");
    }

    #[test]
    fn a_closed_ring_hands_values_back_and_gives_out_what_it_has() {
        let (ring, mut head) = Ring::new(2);
        assert!(ring.push(1).is_ok());
        ring.close();
        assert!(matches!(ring.push(2), Err(PushError::Closed(2))));
        assert_eq!(next(&mut head, &ring, |value| (*value, Left::Something)), Some(1));
    }

    #[test]
    fn only_one_producer_is_told_to_wake_the_consumer() {
        let (ring, head) = Ring::new(4);
        assert!(head.sleep(&ring), "expected an empty ring to let the consumer sleep");
        assert!(matches!(ring.push(1), Ok(Consumer::Sleeping)));
        assert!(matches!(ring.push(2), Ok(Consumer::Awake)));
        assert!(!head.sleep(&ring), "expected a ring with values to keep the consumer awake");
        assert_eq!(ring.rouse(), Consumer::Sleeping);
    }

    #[test]
    fn values_cross_threads_in_order() {
        let values = if cfg!(miri) { 100 } else { 100_000 };
        let (ring, mut head) = Ring::new(16);
        let ring = Arc::new(ring);
        let producer = {
            let ring = ring.clone();
            std::thread::spawn(move || {
                for value in 0..values {
                    let mut value = Box::new(value);
                    while let Err(PushError::Full(back) | PushError::Closed(back)) = ring.push(value) {
                        value = back;
                        std::thread::yield_now();
                    }
                }
            })
        };
        for expected in 0..values {
            let value = loop {
                match next(&mut head, &ring, |value| (**value, Left::Something)) {
                    Some(value) => break value,
                    None => std::thread::yield_now(),
                }
            };
            assert_eq!(value, expected, "expected the order of arrival");
        }
        producer.join().expect("the producer ran");
    }
}
