//! Target slots: where the targets of one thread live, and how an id finds its slot without a look-up.
//!
//! A slot outlives its target: the next one gets the same slot with the next generation, so that an old id is told
//! from a new one by one comparison. A slot whose generations are used up is not used again.

use std::mem::ManuallyDrop;
use std::ops::Range;

use crate::id::Tid;
use crate::sync::{AtomicU64, Ordering};

/// How many slots an allocator takes from the thread's numbers at once.
const CHUNK: u32 = 64;

/// What a slot is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody lives here.
    Vacant,
    /// A target lives here; while it is on the stack, its box is not in the slot.
    Occupied,
    /// The target has panicked and is to be made anew; nobody is there until then.
    Away,
    /// The target is on the stack and goes when its handler has returned.
    Leaving,
    /// The target has gone; mail that waited for it is on its way back.
    Left,
}

/// Whether a message may be the next for its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Behind the mail that waits for it.
    Queue,
    /// It is the next of that mail.
    Next,
}

/// One place for a target of type `T`, with `X` for what few targets need.
#[derive(Debug)]
pub(crate) struct Slot<T: ?Sized, X> {
    /// `None` while the target is on the stack, or when there is none.
    pub(crate) target: Option<Box<T>>,
    pub(crate) generation: u32,
    /// Mail that waits for this target; a target with waiting mail is not called directly.
    pub(crate) waiting: u32,
    /// Counts restarts; mail of an earlier life is not given to a later one.
    pub(crate) life: u32,
    pub(crate) state: State,
    /// Whether the target has still to be started. Mail waits until then.
    pub(crate) fresh: bool,
    /// Whether the slot's number came from the allocator that other threads share.
    shared: bool,
    pub(crate) extra: Option<Box<X>>,
}

/// The slots of one thread.
#[derive(Debug)]
pub(crate) struct Slots<T: ?Sized, X> {
    worker: u32,
    slots: Vec<Slot<T, X>>,
    vacancies: Vacancies,
    /// The highest generation given out, where the next worker with this number begins.
    top_generation: u32,
}

/// An allocator of slot numbers.
#[derive(Debug)]
pub(crate) struct Vacancies {
    /// The generation that fresh slots begin with.
    base: u32,
    fresh: Range<u32>,
    free: Vec<(u32, u32)>,
}

/// All slots of the thread are taken: it has 2^23.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoVacancy;

impl Vacancies {
    pub(crate) const fn new(base: u32) -> Self {
        Self { base, fresh: 0..0, free: Vec::new() }
    }

    /// A slot and its generation; `next` counts the slots of this thread that have been handed to an allocator.
    pub(crate) fn next(&mut self, next: &AtomicU64) -> Result<(u32, u32), NoVacancy> {
        if let Some(vacancy) = self.free.pop() {
            return Ok(vacancy);
        }
        if self.fresh.is_empty() {
            let start = next.fetch_add(u64::from(CHUNK), Ordering::Relaxed);
            if start >= u64::from(Tid::SLOTS) {
                return Err(NoVacancy);
            }
            self.fresh = start as u32..start as u32 + CHUNK;
        }
        let slot = self.fresh.next().ok_or(NoVacancy)?;
        Ok((slot, self.base))
    }

    pub(crate) fn give_back(&mut self, slot: u32, generation: u32) {
        self.free.push((slot, generation));
    }
}

impl<T: ?Sized, X> Slots<T, X> {
    /// No slots yet; generations begin with `base`.
    pub(crate) const fn new(worker: u32, base: u32) -> Self {
        Self { worker, slots: Vec::new(), vacancies: Vacancies::new(base), top_generation: base }
    }

    /// A number for a target that is registered on this thread.
    pub(crate) fn reserve(&mut self, next: &AtomicU64) -> Result<Tid, NoVacancy> {
        let (slot, generation) = self.vacancies.next(next)?;
        Ok(Tid::generated(self.worker, slot, generation))
    }

    /// Gives back an id that was not used.
    pub(crate) fn unreserve(&mut self, tid: Tid) {
        self.vacancies.give_back(tid.slot() as u32, tid.generation());
    }

    /// Puts a target into the slot of `tid`, which was reserved for it here or, if `shared`, by another thread.
    pub(crate) fn occupy(&mut self, tid: Tid, target: Box<T>, shared: bool, extra: Option<Box<X>>) {
        let index = tid.slot();
        while self.slots.len() <= index {
            self.slots.push(Slot::vacant());
        }
        self.slots[index].become_next(Slot {
            target: Some(target),
            generation: tid.generation(),
            waiting: 0,
            life: 0,
            state: State::Occupied,
            fresh: true,
            shared,
            extra,
        });
        self.top_generation = self.top_generation.max(tid.generation());
    }

    /// Takes the target of `tid` out, to be called: if it is not on the stack, and no mail waits for it or `tid`'s turn
    /// has come. Its life comes with it.
    #[inline]
    pub(crate) fn take(&mut self, tid: Tid, turn: Turn) -> Option<(Box<T>, u32)> {
        let slot = self.slots.get_mut(tid.slot())?;
        if slot.generation != tid.generation() || (slot.waiting != 0 && turn == Turn::Queue) {
            return None;
        }
        let target = slot.target.take()?;
        Some((target, slot.life))
    }

    /// Puts a target back that was taken out; it comes back if it is to leave.
    #[inline(always)]
    pub(crate) fn put_back(&mut self, tid: Tid, target: Box<T>) -> Option<Box<T>> {
        // The slot is this target's until it has been put back.
        let slot = &mut self.slots[tid.slot()];
        if slot.state != State::Occupied {
            return Some(target);
        }
        // While the target was out its place was empty, so there is nothing to drop.
        let _ = ManuallyDrop::new(slot.target.replace(target));
        None
    }

    /// The slot of `tid`, if it has this generation; whether anybody lives there, its `target` tells.
    #[inline]
    pub(crate) fn at(&mut self, tid: Tid) -> Option<&mut Slot<T, X>> {
        debug_assert!(tid.worker() == Some(self.worker), "a slot is looked for on its own thread");
        self.slots.get_mut(tid.slot()).filter(|slot| slot.generation == tid.generation())
    }

    /// The slot of `tid`, if it is still that target's.
    #[inline]
    pub(crate) fn find(&mut self, tid: Tid) -> Option<&mut Slot<T, X>> {
        self.at(tid).filter(|slot| slot.state != State::Vacant)
    }

    /// The next id's slot and generation, after one that was given out by the shared allocator in vain.
    pub(crate) fn retire(&mut self, tid: Tid) -> Option<(u32, u32)> {
        let generation = tid.generation() + 1;
        self.top_generation = self.top_generation.max(generation);
        (generation < Tid::GENERATIONS).then_some((tid.slot() as u32, generation))
    }

    /// Frees the slot of a target that has left. What is to go to the shared allocator comes back.
    pub(crate) fn vacate(&mut self, tid: Tid) -> Option<(u32, u32)> {
        let slot = &mut self.slots[tid.slot()];
        let shared = slot.shared;
        let generation = slot.generation + 1;
        slot.become_next(Slot::vacant());
        if generation >= Tid::GENERATIONS {
            return None;
        }
        slot.generation = generation;
        self.top_generation = self.top_generation.max(generation);
        if shared {
            return Some((tid.slot() as u32, generation));
        }
        self.vacancies.give_back(tid.slot() as u32, generation);
        None
    }

    /// All targets that are there, are about to leave or are to come back, from the first slot on.
    pub(crate) fn residents(&self) -> impl Iterator<Item = (Tid, Option<&X>)> {
        let there = self.slots.iter().enumerate();
        let there = there.filter(|(_, slot)| matches!(slot.state, State::Occupied | State::Leaving | State::Away));
        there.map(|(index, slot)| (Tid::generated(self.worker, index as u32, slot.generation), slot.extra.as_deref()))
    }

    /// A generation that no id of this thread has had.
    pub(crate) const fn unused_generation(&self) -> u32 {
        self.top_generation + 1
    }

    /// The ids of all targets that live here, or are to again, from the first slot on.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Tid> {
        let lives = |slot: &Slot<T, X>| matches!(slot.state, State::Occupied | State::Away);
        let occupied = self.slots.iter().enumerate().filter(move |(_, slot)| lives(slot));
        occupied.map(|(index, slot)| Tid::generated(self.worker, index as u32, slot.generation))
    }
}

impl<T: ?Sized, X> Slot<T, X> {
    /// Begins anew, when nobody lives here.
    fn become_next(&mut self, next: Self) {
        debug_assert!(
            self.target.is_none() && self.extra.is_none(),
            "who lived here has left with all that was theirs"
        );
        let _ = ManuallyDrop::new(std::mem::replace(self, next));
    }

    const fn vacant() -> Self {
        Self {
            target: None,
            generation: 0,
            waiting: 0,
            life: 0,
            state: State::Vacant,
            fresh: false,
            shared: false,
            extra: None,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Slots, Turn, Vacancies};
    use crate::id::Tid;
    use crate::sync::AtomicU64;

    #[test]
    fn an_id_is_never_used_twice() {
        let next = AtomicU64::new(0);
        let mut slots: Slots<u8, ()> = Slots::new(1, 0);
        let first = slots.reserve(&next).expect("a slot");
        slots.occupy(first, Box::new(1), false, None);
        assert!(slots.take(first, Turn::Queue).is_some());
        assert_eq!(slots.vacate(first), None);
        let second = slots.reserve(&next).expect("a slot");
        slots.occupy(second, Box::new(2), false, None);
        assert_eq!(first.slot(), second.slot(), "expected the slot to be used again");
        assert!(slots.find(first).is_none(), "expected the old id to find nobody");
    }

    #[test]
    fn a_slot_without_generations_left_is_not_used_again() {
        let next = AtomicU64::new(0);
        let mut slots: Slots<u8, ()> = Slots::new(1, Tid::GENERATIONS - 1);
        let last = slots.reserve(&next).expect("a slot");
        slots.occupy(last, Box::new(1), false, None);
        assert!(slots.take(last, Turn::Queue).is_some());
        slots.vacate(last);
        let other = slots.reserve(&next).expect("a slot");
        assert_ne!(last.slot(), other.slot(), "expected the used-up slot to be left alone");
    }

    #[test]
    fn allocators_of_one_thread_never_give_the_same_slot() {
        let next = AtomicU64::new(0);
        let (mut own, mut shared) = (Vacancies::new(0), Vacancies::new(0));
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            assert!(seen.insert(own.next(&next).expect("a slot")));
            assert!(seen.insert(shared.next(&next).expect("a slot")));
        }
    }
}
