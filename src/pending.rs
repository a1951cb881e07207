//! Requests with a deadline, whose answers somebody watches for.
//!
//! A pure table: it knows no clock and no thread, and is asked what is due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use crate::address::Address;
use crate::clock::Time;
use crate::id::Tid;
use crate::record::RecordType;

/// A request whose answer is watched for.
pub(crate) struct Pending {
    pub(crate) requester: Tid,
    pub(crate) life: u32,
    pub(crate) to: Address,
    pub(crate) record: &'static RecordType,
    pub(crate) deadline: Time,
}

/// The watched requests of one thread.
#[derive(Default)]
pub(crate) struct PendingRequests {
    tracked: HashMap<u64, Pending, BuildHasherDefault<IdHasher>>,
    deadlines: BinaryHeap<Reverse<(Time, u64)>>,
}

/// Request ids count up: they are spread well enough by one multiplication.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl PendingRequests {
    /// Watches for the answer to `request` until its deadline.
    pub(crate) fn track(&mut self, request: u64, pending: Pending) {
        // Most requests are answered in time; their deadlines stay in the heap until then, or until they prevail.
        if self.deadlines.len() > 64 + 2 * self.tracked.len() {
            let tracked = &self.tracked;
            self.deadlines.retain(|Reverse((_, request))| tracked.contains_key(request));
        }
        self.deadlines.push(Reverse((pending.deadline, request)));
        self.tracked.insert(request, pending);
    }

    /// Stops watching; `false` if nobody did, because the deadline was first.
    pub(crate) fn answered(&mut self, request: u64) -> bool {
        self.tracked.remove(&request).is_some()
    }

    /// The earliest deadline of a request that is not answered.
    pub(crate) fn next_deadline(&mut self) -> Option<Time> {
        while let Some(&Reverse((deadline, request))) = self.deadlines.peek() {
            if self.tracked.contains_key(&request) {
                return Some(deadline);
            }
            self.deadlines.pop();
        }
        None
    }

    /// Takes a request whose deadline is not after `now`.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<(u64, Pending)> {
        if self.next_deadline()? > now {
            return None;
        }
        let Reverse((_, request)) = self.deadlines.pop()?;
        self.tracked.remove(&request).map(|pending| (request, pending))
    }

    /// Whether any deadline is watched.
    #[inline]
    pub(crate) fn watches_time(&self) -> bool {
        !self.deadlines.is_empty()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Pending, PendingRequests};
    use crate::address::Address;
    use crate::clock::Time;
    use crate::id::Tid;
    use crate::record::Record;

    fn pending(nanos: u64) -> Pending {
        Pending {
            requester: Tid::number(1),
            life: 0,
            to: Address::target(Tid::number(2)),
            record: <()>::TYPE,
            deadline: Time::from_nanos(nanos),
        }
    }

    #[test]
    fn requests_fall_due_in_the_order_of_their_deadlines() {
        let mut requests = PendingRequests::default();
        for (request, nanos) in [(1, 30), (2, 10), (3, 20)] {
            requests.track(request, pending(nanos));
        }
        assert!(requests.answered(3));
        assert!(!requests.answered(3), "expected a request to be answered once");
        assert_eq!(requests.next_deadline(), Some(Time::from_nanos(10)));
        let due = std::iter::from_fn(|| requests.pop_due(Time::from_nanos(30))).map(|(request, _)| request);
        assert_eq!(due.collect::<Vec<_>>(), [2, 1], "expected the answered request not to fall due");
        assert!(!requests.watches_time());
    }

    #[test]
    fn answered_requests_do_not_pile_up() {
        let mut requests = PendingRequests::default();
        for request in 0..10_000 {
            requests.track(request, pending(1_000_000 + request));
            assert!(requests.answered(request));
        }
        assert!(requests.deadlines.len() < 100, "expected old deadlines to be forgotten");
    }
}
