//! The memory of a wheel's timers: a seat for each, and whose they are.
//!
//! All that a tick needs of its timer lies in two neighbouring cache lines, and no other timer's are looked at. So a seat
//! whose timer has ended stays with its group until another group needs it: who arms anew what has ticked moves no links.

use super::bucket::Item;
use super::{Group, Key, NONE};

/// The seats of all timers of a wheel, each with a `T` while it is taken.
#[derive(Debug)]
pub(super) struct Seats<T> {
    seats: Vec<Seat<T>>,
    /// The first of the seats that are free; they are linked by `free`.
    free: u32,
    /// The first seat of each group.
    groups: Vec<u32>,
    /// Groups that are over, to be used again.
    over: Vec<u32>,
    /// The serial of the last arming.
    serial: u64,
}

/// The memory of one timer. A million of them are what the caches wait for.
#[derive(Debug)]
#[repr(C, align(128))]
struct Seat<T> {
    /// What time it is for.
    deadline: u64,
    /// That of its only item that is alive; 0 if it is for no time.
    order: u64,
    /// The arming; 0 if the seat is free.
    serial: u64,
    value: Option<T>,
    ring: Ring,
}

/// Where a seat stands among those of its group.
#[derive(Clone, Copy, Debug)]
struct Ring {
    /// [`NONE`] if it has none.
    group: u32,
    next: u32,
    previous: u32,
    /// The next seat that is free, if this is.
    free: u32,
}

impl<T> Seats<T> {
    pub(super) const fn new() -> Self {
        Self { seats: Vec::new(), free: NONE, groups: Vec::new(), over: Vec::new(), serial: 0 }
    }

    /// Gives a timer a seat; it is for no time yet.
    #[inline]
    pub(super) fn take(&mut self, group: &mut Group, value: T) -> Key {
        if group.id == NONE {
            group.id = self.found();
        }
        self.serial += 1;
        let serial = self.serial;
        let index = self.free;
        let Some(seat) = self.seats.get_mut(index as usize) else {
            return self.grow(group.id, value);
        };
        self.free = seat.ring.free;
        (seat.serial, seat.value) = (serial, Some(value));
        if seat.ring.group != group.id {
            self.leave(index);
            self.join(index, group.id);
        }
        Key { index, serial }
    }

    /// Frees the seat of a timer that is for no time.
    #[inline]
    pub(super) fn free(&mut self, index: u32) -> Option<T> {
        self.abandon(index);
        self.seats[index as usize].value.take()
    }

    /// The same, with what the timer was for left behind.
    #[inline]
    pub(super) fn abandon(&mut self, index: u32) {
        let seat = &mut self.seats[index as usize];
        seat.serial = 0;
        seat.ring.free = self.free;
        self.free = index;
    }

    /// Books a seat for a time.
    #[inline]
    pub(super) fn book(&mut self, item: Item) {
        let seat = &mut self.seats[item.index as usize];
        (seat.deadline, seat.order) = (item.deadline, item.order);
    }

    /// Takes a timer off its time; that comes back with the order of its item, which is 0 if it was for no time.
    #[inline]
    pub(super) fn rest(&mut self, index: u32) -> (u64, u64) {
        let seat = &mut self.seats[index as usize];
        (seat.deadline, std::mem::take(&mut seat.order))
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
            if self.seats[index as usize].serial != 0 {
                return Some(index);
            }
        }
    }

    /// The arming of a seat that is taken.
    #[inline]
    pub(super) fn key(&self, index: u32) -> Key {
        Key { index, serial: self.seats[index as usize].serial }
    }

    #[inline]
    pub(super) fn is_armed(&self, key: Key) -> bool {
        self.seats.get(key.index as usize).is_some_and(|seat| seat.serial == key.serial)
    }

    #[inline]
    pub(super) fn value(&mut self, index: u32) -> Option<&mut T> {
        self.seats[index as usize].value.as_mut()
    }

    /// Whether a timer is for the time that `item` says.
    #[inline]
    pub(super) fn is_booked(&self, item: &Item) -> bool {
        self.seats[item.index as usize].order == item.order
    }

    /// Looks at both cache lines of a seat.
    #[inline]
    pub(super) fn look_at(&self, index: u32) -> u64 {
        let seat = &self.seats[index as usize];
        seat.serial ^ u64::from(seat.ring.free)
    }

    /// The first of its kind takes a new seat.
    #[cold]
    fn grow(&mut self, group: u32, value: T) -> Key {
        let index = u32::try_from(self.seats.len()).expect("a wheel has fewer than 2^32 timers");
        let ring = Ring { group: NONE, next: NONE, previous: NONE, free: NONE };
        self.seats.push(Seat { deadline: u64::MAX, order: 0, serial: self.serial, value: Some(value), ring });
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
        if let Some(next) = self.seats.get_mut(next as usize) {
            next.ring.previous = index;
        }
        let ring = &mut self.seats[index as usize].ring;
        (ring.group, ring.next, ring.previous) = (group, next, NONE);
    }

    fn leave(&mut self, index: u32) {
        let ring = &mut self.seats[index as usize].ring;
        let (group, next, previous) = (std::mem::replace(&mut ring.group, NONE), ring.next, ring.previous);
        if group == NONE {
            return;
        }
        match self.seats.get_mut(previous as usize) {
            Some(previous) => previous.ring.next = next,
            None => self.groups[group as usize] = next,
        }
        if let Some(next) = self.seats.get_mut(next as usize) {
            next.ring.previous = previous;
        }
    }
}
