//! The memory of a wheel's timers: a seat for each, and whose they are.
//!
//! A seat has two parts: all that most ticks need of their timer lies in its front, which is one cache line, and no other
//! timer's are looked at. So a seat whose timer has ended stays with its group until another group needs it: who arms
//! anew what has ticked moves no links.
//!
//! A seat counts its bookings, and an item in a row knows for which one it is. Before the count begins anew the dead items
//! of the whole wheel have to go, so that none is taken for alive.

use super::bucket::Item;
use super::{Group, Key, NONE, Subject};

/// The seats of all timers of a wheel, each with a `T` and a `B` while it is taken.
#[derive(Debug)]
pub(super) struct Seats<T, B> {
    fronts: Vec<Front<T>>,
    /// As many.
    backs: Vec<Back<B>>,
    /// The seats that are free.
    free: Vec<u32>,
    /// Those from here on have been read ahead, or were left a short while ago.
    seen: usize,
    /// The first seat of each group.
    groups: Vec<u32>,
    /// Groups that are over, to be used again.
    over: Vec<u32>,
    /// The serial of the last arming.
    serial: u64,
}

/// What is looked at when the timer of a seat falls due. A million of them are what the caches wait for.
#[derive(Debug)]
#[repr(align(64))]
struct Front<T> {
    /// The arming; 0 if the seat is free.
    serial: u64,
    /// Counts the bookings: odd while the timer is for a time.
    booking: u32,
    /// What the other part of the value says of itself.
    is_simple: bool,
    value: T,
}

/// What else there is of a seat.
#[derive(Debug)]
struct Back<B> {
    /// What time the timer is for.
    deadline: u64,
    value: B,
    ring: Ring,
}

/// How many seats are read ahead.
pub(super) const AHEAD: usize = 64;

/// The count with which a seat is not booked any more, before it begins anew.
pub(super) const LAST_BOOKING: u32 = if cfg!(test) { 30 } else { u32::MAX - 1 };

/// Where a seat stands among those of its group.
#[derive(Clone, Copy, Debug)]
struct Ring {
    /// [`NONE`] if it has none.
    group: u32,
    next: u32,
    previous: u32,
}

impl<T: Default, B: Subject> Seats<T, B> {
    pub(super) const fn new() -> Self {
        Self {
            fronts: Vec::new(),
            backs: Vec::new(),
            free: Vec::new(),
            seen: 0,
            groups: Vec::new(),
            over: Vec::new(),
            serial: 0,
        }
    }

    /// Gives a timer a seat; it is for no time yet.
    #[inline]
    pub(super) fn take(&mut self, group: &mut Group, (value, rest): (T, B)) -> Key {
        if group.id == NONE {
            group.id = self.found();
        }
        self.serial += 1;
        let serial = self.serial;
        let Some(index) = self.free.pop() else {
            return self.grow(group.id, value, rest);
        };
        if self.free.len() < self.seen {
            self.read_ahead();
        }
        let front = &mut self.fronts[index as usize];
        (front.serial, front.is_simple, front.value) = (serial, rest.is_simple(), value);
        let back = &mut self.backs[index as usize];
        back.value = rest;
        if back.ring.group != group.id {
            self.leave(index);
            self.join(index, group.id);
        }
        Key { index, serial }
    }

    /// Frees the seat of a timer that is for no time.
    #[inline]
    pub(super) fn free(&mut self, index: u32) -> (T, B) {
        self.abandon(index);
        self.note_left();
        let (value, rest) = self.value(index);
        (std::mem::take(value), std::mem::take(rest))
    }

    /// The same, with what is left of the timer left behind.
    #[inline]
    pub(super) fn abandon(&mut self, index: u32) {
        self.fronts[index as usize].serial = 0;
        self.free.push(index);
    }

    /// Notes that the seats that were left last are still in the caches.
    #[inline]
    pub(super) fn note_left(&mut self) {
        self.seen = self.seen.max(self.free.len().saturating_sub(AHEAD));
    }

    /// Books a seat for a time, whose timer is for none; `None` if that could be taken for an earlier booking, before
    /// [`Seats::begin_anew`].
    #[inline]
    pub(super) fn book(&mut self, index: u32, deadline: u64) -> Option<Item> {
        let front = &mut self.fronts[index as usize];
        if front.booking == LAST_BOOKING {
            return None;
        }
        front.booking += 1;
        self.backs[index as usize].deadline = deadline;
        Some(Item { deadline, index, booking: front.booking })
    }

    /// Counts the bookings of a seat from the first on. No dead item may know of it.
    pub(super) fn begin_anew(&mut self, index: u32) {
        self.fronts[index as usize].booking = 0;
    }

    /// Takes the timer of an item that is alive off its time.
    #[inline]
    pub(super) fn rest(&mut self, item: Item) {
        self.fronts[item.index as usize].booking = item.booking.wrapping_add(1);
    }

    /// The item of a seat that is alive, if its timer is for a time.
    #[inline]
    pub(super) fn item(&self, index: u32) -> Option<Item> {
        let booking = self.fronts[index as usize].booking;
        (booking % 2 == 1).then(|| Item { deadline: self.backs[index as usize].deadline, index, booking })
    }

    /// The next seat of a group that is taken, which has to be freed before the next call. If there is none the group is
    /// over.
    pub(super) fn next_of(&mut self, group: &mut Group) -> Option<u32> {
        if group.id == NONE {
            return None;
        }
        loop {
            let index = self.groups[group.id as usize];
            if index == NONE {
                self.over.push(group.id);
                group.id = NONE;
                return None;
            }
            self.leave(index);
            if self.fronts[index as usize].serial != 0 {
                return Some(index);
            }
        }
    }

    /// The arming of a seat that is taken.
    #[inline]
    pub(super) fn key(&self, index: u32) -> Key {
        Key { index, serial: self.fronts[index as usize].serial }
    }

    #[inline]
    pub(super) fn is_armed(&self, key: Key) -> bool {
        self.fronts.get(key.index as usize).is_some_and(|seat| seat.serial == key.serial)
    }

    #[inline]
    pub(super) fn value(&mut self, index: u32) -> (&mut T, &mut B) {
        (&mut self.fronts[index as usize].value, &mut self.backs[index as usize].value)
    }

    /// The first part of what a timer is for.
    #[inline]
    pub(super) fn front(&mut self, index: u32) -> &mut T {
        &mut self.fronts[index as usize].value
    }

    /// Whether a timer is simple.
    #[inline]
    pub(super) fn is_simple(&self, index: u32) -> bool {
        self.fronts[index as usize].is_simple
    }

    /// Whether a timer is for the time that `item` says.
    #[inline]
    pub(super) fn is_booked(&self, item: &Item) -> bool {
        self.fronts[item.index as usize].booking == item.booking
    }

    /// Looks at what is needed of a seat when its timer falls due.
    #[inline]
    pub(super) fn look_at(&self, index: u32) -> u64 {
        self.fronts[index as usize].serial
    }

    /// Looks at the seats that are taken next, so that the processor waits for their memory once and not for each.
    #[inline(never)]
    fn read_ahead(&mut self) {
        self.seen = self.free.len().saturating_sub(AHEAD);
        let ahead = &self.free[self.seen..];
        if are_neighbours(ahead.iter().copied()) {
            return;
        }
        let look = |seen, &index: &u32| seen ^ self.look_at(index) ^ self.backs[index as usize].deadline;
        std::hint::black_box(ahead.iter().fold(0, look));
    }

    /// The first of its kind takes a new seat.
    #[cold]
    fn grow(&mut self, group: u32, value: T, rest: B) -> Key {
        let index = u32::try_from(self.fronts.len()).expect("a wheel has fewer than 2^32 timers");
        let ring = Ring { group: NONE, next: NONE, previous: NONE };
        self.fronts.push(Front { serial: self.serial, booking: 0, is_simple: rest.is_simple(), value });
        self.backs.push(Back { deadline: u64::MAX, value: rest, ring });
        // There is room for all of them, so that nothing is allocated when they end.
        self.free.reserve(self.fronts.capacity());
        self.join(index, group);
        Key { index, serial: self.serial }
    }

    #[cold]
    fn found(&mut self) -> u32 {
        self.over.pop().unwrap_or_else(|| {
            self.groups.push(NONE);
            u32::try_from(self.groups.len() - 1).expect("a wheel has fewer than 2^32 groups")
        })
    }

    fn join(&mut self, index: u32, group: u32) {
        let next = std::mem::replace(&mut self.groups[group as usize], index);
        if let Some(next) = self.backs.get_mut(next as usize) {
            next.ring.previous = index;
        }
        let ring = &mut self.backs[index as usize].ring;
        (ring.group, ring.next, ring.previous) = (group, next, NONE);
    }

    fn leave(&mut self, index: u32) {
        let ring = &mut self.backs[index as usize].ring;
        let (group, next, previous) = (std::mem::replace(&mut ring.group, NONE), ring.next, ring.previous);
        if group == NONE {
            return;
        }
        match self.backs.get_mut(previous as usize) {
            Some(previous) => previous.ring.next = next,
            None => self.groups[group as usize] = next,
        }
        if let Some(next) = self.backs.get_mut(next as usize) {
            next.ring.previous = previous;
        }
    }
}

/// Whether the first and the last of some seats lie so close together that the processor finds those between by itself.
pub(super) fn are_neighbours(mut seats: impl DoubleEndedIterator<Item = u32>) -> bool {
    match (seats.next(), seats.next_back()) {
        (Some(first), Some(last)) => first.abs_diff(last) < AHEAD as u32,
        _ => true,
    }
}
