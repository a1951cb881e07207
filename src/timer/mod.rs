//! Timers as a pure engine: who is due, told in the order of deadlines. It knows no clock and no thread, and is told
//! what time it is.
//!
//! [`Wheel`] is a hierarchical timing wheel whose present span of time is sorted. It was measured beside an indexed heap of
//! four children a node, and beside a wheel of linked lists down to the nanosecond. With a million armed the heap takes two
//! to four times as long to arm a short timeout, look and cancel, and as much longer for each timer that falls due; the
//! linked lists are as fast as this while neighbours in time are neighbours in memory, and two to three times slower when
//! they are not.

mod bucket;
mod near;
mod plan;
mod seats;
mod sorting;
mod wheel;

#[cfg(all(test, not(loom)))]
mod tests;

pub(crate) use plan::Plan;
pub(crate) use wheel::{Due, Wheel};

/// One arming of one timer in its wheel; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    index: u32,
    /// Counts all armings of the wheel, from 1 on.
    serial: u64,
}

/// The timers of one owner, which can be ended together. It belongs to one wheel.
#[derive(Debug)]
pub(crate) struct Group {
    /// [`NONE`] if it never had a timer.
    id: u32,
}

impl Default for Group {
    fn default() -> Self {
        Self { id: NONE }
    }
}

/// The part of what a timer is for that lies apart from what every tick needs.
pub(crate) trait Subject: Default {
    /// Whether nobody needs this part when the timer falls due. That stays so.
    fn is_simple(&self) -> bool;
}

/// No index.
const NONE: u32 = u32::MAX;
