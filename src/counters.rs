//! Counters: what became of all mail, counted where each message ends.
//!
//! A worker's counters are written by its thread alone, with a load and a store each, so that counting costs the
//! direct path no atomic read-modify-write. Whoever reads them sums them up.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident $count:ident;)*) => {
        /// What became of all mail of a kernel.
        ///
        /// While mail is on its way the sums are not even; at a quiescent point they are, which
        /// [`Counters::is_balanced`] checks.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])* pub $field: u64,)*
        }

        /// What can be counted.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Count {
            /// Sent and handled in one step, on the direct path.
            Direct,
            $($count,)*
        }

        impl Tally {
            pub(crate) fn read(&self) -> Counters {
                let value = |count: Count| self.0[count as usize].load(Ordering::Acquire);
                let mut counters = Counters { $($field: value(Count::$count),)* };
                counters.sent = counters.sent.wrapping_add(value(Count::Direct));
                counters.handled = counters.handled.wrapping_add(value(Count::Direct));
                counters
            }
        }

        impl AddAssign for Counters {
            fn add_assign(&mut self, other: Self) {
                $(self.$field = self.$field.wrapping_add(other.$field);)*
            }
        }

        const COUNTS: usize = 1 $(+ { let _ = Count::$count; 1 })*;
    };
}

counters! {
    /// Messages sent, each once, however far they were forwarded; answers and returns are not sent anew.
    sent Sent;
    /// Messages whose final code was `OK`.
    handled Handled;
    /// Messages that came back to their sender with another code.
    returned Returned;
    /// Messages that failed and could not come back: they had no sender, or it was gone.
    dead_letters DeadLetters;
    /// Answers to requests that were handled; the results of calls are not among them.
    answers Answers;
    /// Answers that reached the requester.
    answered Answered;
    /// Answers that came after the requester had been told `EXPIRED`, or had stopped waiting.
    late_answers LateAnswers;
    /// Answers whose requester was gone.
    dead_answers DeadAnswers;
    /// Requesters that were told `EXPIRED` while their message was elsewhere.
    expired Expired;
    /// Copies for observers, one for each; a copy for a whole thread that did not get there counts one.
    copies Copies;
    /// Copies that their observers have seen.
    observed Observed;
    /// Copies that nobody has seen: the hand-off or the waiting list was full, the deadline had passed, the observer
    /// had gone, or the record could not be cloned.
    lost_copies LostCopies;
    /// Answers and returns that a typed target does not list.
    ignored Ignored;
    /// Panics that were caught.
    panics Panics;
    /// Targets made anew by their factories.
    restarts Restarts;
    /// Targets registered.
    registered Registered;
    /// Targets deregistered.
    deregistered Deregistered;
}

/// The counters of one thread, or of all threads that are not workers.
#[derive(Debug, Default)]
pub(crate) struct Tally([AtomicU64; COUNTS]);

impl Tally {
    /// Counts one more, on the only thread that writes to this tally.
    #[inline]
    pub(crate) fn own(&self, count: Count) {
        let counter = &self.0[count as usize];
        counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    /// Counts several more, on the only thread that writes to this tally.
    pub(crate) fn own_many(&self, count: Count, many: u64) {
        let counter = &self.0[count as usize];
        counter.store(counter.load(Ordering::Relaxed).wrapping_add(many), Ordering::Release);
    }

    /// Counts one more in a tally that several threads write to.
    pub(crate) fn shared(&self, count: Count) {
        self.shared_many(count, 1);
    }

    /// Counts several more in a tally that several threads write to.
    pub(crate) fn shared_many(&self, count: Count, many: u64) {
        self.0[count as usize].fetch_add(many, Ordering::AcqRel);
    }
}

impl Counters {
    /// Whether every message, answer and copy has ended exactly once: sent = handled + returned + dead letters, answers =
    /// answered + late + dead, and copies = observed + lost. True at quiescent points only.
    #[must_use]
    pub const fn is_balanced(&self) -> bool {
        self.sent == self.handled.wrapping_add(self.returned).wrapping_add(self.dead_letters)
            && self.answers == self.answered.wrapping_add(self.late_answers).wrapping_add(self.dead_answers)
            && self.copies == self.observed.wrapping_add(self.lost_copies)
    }
}
