//! [`Wheel`]: any number of timers, to the nanosecond, armed and cancelled in the same time however many there are.
//!
//! Time is cut into spans of 2^18 ns, a quarter of a millisecond. The timers of the present span and earlier ones are in
//! order; those of later spans are in buckets. Level `n` has 64 buckets of 64^n spans. A timer stands in the level at which
//! its deadline and the wheel's moment begin to differ, written in digits of 6 bits, so that its place follows from the two
//! and is not stored. When the moment comes into a bucket, all of its timers that are due are taken out in one step, and
//! the others move to lower levels; each moves eight times at most, and most move as often as others are close to them.

use crate::clock::Time;

use super::bucket::{Item, Level, SLOTS, Spare};
use super::near::Near;
use super::seats::{AHEAD, Seats, are_neighbours};
use super::{Group, Key, Subject};

/// Bits of a deadline within a span.
const SPAN: u32 = 18;
/// Bits of a deadline that one level tells apart.
const BITS: u32 = SLOTS.trailing_zeros();
/// How many timers of a slot are looked at where a guess would do.
const LOOKS: usize = 1024;

/// Where a timer stands.
#[derive(Clone, Copy)]
enum Place {
    Near,
    /// Level and slot.
    Far(usize, usize),
}

/// The timers of one thread, each with a `T` that every tick needs and a `B` that few do.
#[derive(Debug)]
pub(crate) struct Wheel<T, B> {
    seats: Seats<T, B>,
    /// The moment by which the timers are placed. Those for its span and earlier ones are near.
    moment: u64,
    /// How far [`Wheel::pop_due`] has come: to the last timer it gave out, or to where nothing was due.
    come: u64,
    near: Near,
    /// Made when a timer is placed there first.
    levels: Vec<Level>,
    spare: Spare,
    /// A bit for each level that is not empty.
    occupied: u16,
    /// No timer is due before this; `u64::MAX` if none is linked.
    bound: u64,
    /// Whether a timer is due at `bound`.
    exact: bool,
}

/// A timer whose time has come, off its time and still armed.
#[derive(Debug)]
pub(crate) struct Due<'a, T, B> {
    wheel: &'a mut Wheel<T, B>,
    key: Key,
    deadline: u64,
}

impl<T: Default, B: Subject> Wheel<T, B> {
    pub(crate) const fn new() -> Self {
        Self {
            seats: Seats::new(),
            moment: 0,
            come: 0,
            near: Near::new(),
            levels: Vec::new(),
            spare: Spare::new(),
            occupied: 0,
            bound: u64::MAX,
            exact: false,
        }
    }

    /// Has `value` fall due at `deadline`. One that has passed counts as the moment to which [`Wheel::pop_due`] has
    /// come: the deadline it gave out last, or `now` if nothing was due. [`Time::NEVER`] does not come.
    pub(crate) fn arm(&mut self, group: &mut Group, deadline: Time, value: (T, B)) -> Key {
        let key = self.seats.take(group, value);
        self.link(key.index, deadline);
        key
    }

    /// Ends a timer and gives back what it was for; `None` if it has ended.
    pub(crate) fn cancel(&mut self, key: Key) -> Option<(T, B)> {
        self.is_armed(key).then(|| self.remove(key.index))
    }

    /// Ends a timer that is armed. What is left of what it was for stays where it lies, and is dropped when another comes
    /// there.
    #[inline]
    pub(crate) fn end_emptied(&mut self, key: Key) {
        debug_assert!(self.is_armed(key), "a timer ends once");
        self.unlink(key.index);
        self.seats.abandon(key.index);
        self.seats.note_left();
    }

    /// Ends one timer of `group`, whichever; `None` if it has none.
    pub(crate) fn end_one(&mut self, group: &mut Group) -> Option<(T, B)> {
        let index = self.seats.next_of(group)?;
        Some(self.remove(index))
    }

    /// Has a timer fall due at another time, behind those that were armed for it before; `false` if it has ended.
    pub(crate) fn rearm(&mut self, key: Key, deadline: Time) -> bool {
        if !self.is_armed(key) {
            return false;
        }
        self.unlink(key.index);
        self.link(key.index, deadline);
        true
    }

    /// Takes the next timer that is due at `now` off its time. It stays armed, for no time, until it is armed for
    /// another or cancelled.
    ///
    /// `now` is not before an earlier one.
    #[inline]
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Due<'_, T, B>> {
        let now = now.as_nanos().min(u64::MAX - 1);
        let plain = self.near.plain_next();
        let item = match plain.filter(|item| item.deadline <= now && self.seats.is_booked(item)) {
            Some(item) => {
                self.near.remove_plain();
                (self.bound, self.exact) = (item.deadline, false);
                item
            }
            None => self.pop_next(now)?,
        };
        let key = self.take_off(item);
        Some(Due { wheel: self, key, deadline: item.deadline })
    }

    /// When the next timer falls due. Looks at the timers of one slot where that is not known.
    pub(crate) fn next_deadline(&mut self) -> Option<Time> {
        self.look(usize::MAX)
    }

    /// The same in a time that does not grow; may be too early, if many are due in about the same time.
    pub(crate) fn next_look(&mut self) -> Option<Time> {
        self.look(LOOKS)
    }

    /// Whether no timer is for any time.
    #[inline]
    pub(crate) const fn is_quiet(&self) -> bool {
        self.bound == u64::MAX
    }

    /// Whether the timer has not ended.
    #[inline]
    pub(crate) fn is_armed(&self, key: Key) -> bool {
        self.seats.is_armed(key)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<(&mut T, &mut B)> {
        if self.is_armed(key) { Some(self.seats.value(key.index)) } else { None }
    }

    /// The next timer, wherever it stands.
    #[inline(never)]
    fn pop_next(&mut self, now: u64) -> Option<Item> {
        while self.bound <= now {
            if let Some(item) = self.near.first(|item| self.seats.is_booked(item)) {
                self.bound = item.deadline;
                self.exact = item.deadline > now;
                if self.exact {
                    break;
                }
                self.near.remove(item);
                return Some(item);
            }
            let Some((level, slot)) = self.first_slot() else {
                self.bound = u64::MAX;
                self.exact = false;
                break;
            };
            let start = self.start_of(level, slot);
            if start > now {
                self.bound = start;
                self.exact = false;
                self.moment = now;
                break;
            }
            self.open(level, slot, now);
        }
        self.come = self.come.max(now);
        None
    }

    #[inline]
    fn take_off(&mut self, item: Item) -> Key {
        self.come = item.deadline;
        self.seats.rest(item);
        if self.near.is_unseen() {
            self.read_ahead();
        }
        self.seats.key(item.index)
    }

    /// Looks at what the next timers will need, so that the processor waits for their memory once and not for each.
    #[inline(never)]
    fn read_ahead(&mut self) {
        self.seats.note_left();
        let ahead = self.near.see(AHEAD);
        if are_neighbours(ahead.iter().map(|item| item.index)) {
            return;
        }
        let seen = ahead.iter().fold(0_u64, |seen, item| seen ^ self.seats.look_at(item.index));
        std::hint::black_box(seen);
    }

    fn remove(&mut self, index: u32) -> (T, B) {
        self.unlink(index);
        self.seats.free(index)
    }

    /// Where a timer for `deadline` stands.
    #[inline]
    const fn place(&self, deadline: u64) -> Place {
        let (span, present) = (deadline >> SPAN, self.moment >> SPAN);
        if span <= present {
            return Place::Near;
        }
        let difference = span ^ present;
        let level = (u64::BITS - 1 - difference.leading_zeros()) / BITS;
        Place::Far(level as usize, (deadline >> (SPAN + level * BITS)) as usize & (SLOTS - 1))
    }

    /// The first moment of a slot that is not empty.
    const fn start_of(&self, level: usize, slot: usize) -> u64 {
        let shift = SPAN + level as u32 * BITS;
        let above = match self.moment.checked_shr(shift + BITS) {
            Some(above) => above << BITS,
            None => 0,
        };
        (above | slot as u64) << shift
    }

    /// The slot with the earliest timers.
    #[inline]
    fn first_slot(&self) -> Option<(usize, usize)> {
        (self.occupied != 0).then(|| {
            let level = self.occupied.trailing_zeros() as usize;
            (level, self.levels[level].occupied.trailing_zeros() as usize)
        })
    }

    #[inline]
    fn link(&mut self, index: u32, deadline: Time) {
        let deadline = deadline.as_nanos();
        if deadline == u64::MAX {
            return;
        }
        let deadline = deadline.max(self.come);
        let item = match self.seats.book(index, deadline) {
            Some(item) => item,
            None => self.book_anew(index, deadline),
        };
        match self.place(deadline) {
            Place::Near => self.near.push(item),
            Place::Far(level, slot) => self.push(level, slot, item),
        }
        if deadline <= self.bound {
            (self.bound, self.exact) = (deadline, true);
        }
    }

    /// Books a seat that was booked as often as it can be told.
    #[cold]
    fn book_anew(&mut self, index: u32, deadline: u64) -> Item {
        self.near.sweep(|item| self.seats.is_booked(item));
        for level in &mut self.levels {
            level.sweep(|item| self.seats.is_booked(item));
        }
        self.seats.begin_anew(index);
        self.seats.book(index, deadline).expect("the first booking is not the last")
    }

    fn push(&mut self, level: usize, slot: usize, item: Item) {
        while self.levels.len() <= level {
            self.levels.push(Level::new());
        }
        self.occupied |= 1 << level;
        self.levels[level].push(slot, item, &mut self.spare);
    }

    #[inline]
    fn unlink(&mut self, index: u32) {
        let Some(item) = self.seats.item(index) else {
            return;
        };
        self.seats.rest(item);
        let alive = |item: &Item| self.seats.is_booked(item);
        match self.place(item.deadline) {
            Place::Near => self.near.lose(alive),
            Place::Far(level, slot) => {
                self.levels[level].lose(slot, item, alive, &mut self.spare);
                self.note_empty(level);
            }
        }
        self.exact &= item.deadline != self.bound;
    }

    fn note_empty(&mut self, level: usize) {
        if self.levels[level].occupied == 0 {
            self.occupied &= !(1 << level);
        }
    }

    /// Empties the first bucket, after the moment has come into it: all timers that are due are near from here on, however
    /// wide their bucket is; the others move down.
    fn open(&mut self, level: usize, slot: usize, now: u64) {
        let (mut items, dead) = self.levels[level].take(slot);
        self.note_empty(level);
        if dead {
            items.retain(|item| self.seats.is_booked(item));
        }
        let (first, last) = reach(&items);
        (self.bound, self.exact) = (first, true);
        self.moment = last.min(now);
        let near = self.moment | ((1 << SPAN) - 1);
        if last > near {
            items.retain(|&item| match self.place(item.deadline) {
                Place::Near => true,
                Place::Far(level, slot) => {
                    self.push(level, slot, item);
                    false
                }
            });
        }
        self.spare.give(if items.is_empty() { items } else { self.near.begin(items, &(first..=last.min(near))) });
    }

    fn look(&mut self, looks: usize) -> Option<Time> {
        if !self.exact {
            if let Some(item) = self.near.first(|item| self.seats.is_booked(item)) {
                (self.bound, self.exact) = (item.deadline, true);
            } else if let Some((level, slot)) = self.first_slot() {
                match self.levels[level].earliest(slot, looks, |item| self.seats.is_booked(item)) {
                    Some(earliest) => (self.bound, self.exact) = (earliest, true),
                    None => self.bound = self.bound.max(self.start_of(level, slot)),
                }
            } else {
                self.bound = u64::MAX;
                return None;
            }
        }
        Some(Time::from_nanos(self.bound))
    }
}

/// The deadlines of the first and of the last.
fn reach(items: &[Item]) -> (u64, u64) {
    let deadlines = items.iter().map(|item| item.deadline);
    deadlines.fold((u64::MAX, 0), |(first, last), deadline| (first.min(deadline), last.max(deadline)))
}

impl<T: Default, B: Subject> Due<'_, T, B> {
    #[inline]
    pub(crate) const fn key(&self) -> Key {
        self.key
    }

    /// When it was due. If that had passed when it was armed, it is the moment to which the wheel had come.
    #[inline]
    pub(crate) const fn deadline(&self) -> Time {
        Time::from_nanos(self.deadline)
    }

    /// What [`Subject::is_simple`] says.
    #[inline]
    pub(crate) fn is_simple(&self) -> bool {
        self.wheel.seats.is_simple(self.key.index)
    }

    #[inline]
    pub(crate) fn value(&mut self) -> &mut T {
        self.wheel.seats.front(self.key.index)
    }

    /// Ends it. What is left of what it was for stays where it lies, and is dropped when another timer comes there.
    #[inline]
    pub(crate) fn end_emptied(self) {
        self.wheel.seats.abandon(self.key.index);
    }
}
