//! What a message needs to know of a service, and whose turn it is among several owners.

use crate::id::Tid;
use crate::sync::{Arc, AtomicUsize, Ordering};

/// How a group of owners shares the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Balance {
    /// Each in turn. Every sending thread keeps its own turn.
    RoundRobin,
    /// The one with the fewest unanswered requests, of several the next in turn. What an owner passes on is no longer
    /// its own. Costs each request two atomic additions and a look-up where it ends.
    FewestPending,
}

/// Who may answer for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One owner.
    Single,
    /// Nobody: it has observers only.
    Topic,
    /// Several owners.
    Group(Balance),
}

/// What a message needs to know of a service.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) owners: Box<[Owner]>,
    /// The workers that have observers.
    pub(crate) workers: Box<[u32]>,
    pub(crate) open: bool,
}

/// A target that answers for a service.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) tid: Tid,
    /// Its unanswered requests, where they are counted.
    pub(crate) load: Option<Arc<AtomicUsize>>,
}

impl Plan {
    /// The owner whose turn it is among those that `may` have it.
    pub(crate) fn pick(&self, kind: Kind, turn: usize, may: impl Fn(Tid) -> bool) -> Option<&Owner> {
        let first = turn.checked_rem(self.owners.len())?;
        let (before, from) = self.owners.split_at(first);
        let mut owners = from.iter().chain(before).filter(|owner| may(owner.tid));
        if kind == Kind::Group(Balance::FewestPending) {
            return owners.min_by_key(|owner| owner.pending());
        }
        owners.next()
    }
}

impl Owner {
    fn pending(&self) -> usize {
        self.load.as_ref().map_or(0, |load| load.load(Ordering::Relaxed))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Balance, Kind, Owner, Plan};
    use crate::id::Tid;
    use crate::sync::{Arc, AtomicUsize};

    const ANN: Tid = Tid::generated(1, 0, 0);
    const BEN: Tid = Tid::generated(1, 1, 0);

    #[test]
    fn the_next_in_turn_is_picked_or_the_one_with_the_least_to_do() {
        let owner = |tid, pending| Owner { tid, load: Some(Arc::new(AtomicUsize::new(pending))) };
        let plan = Plan { owners: Box::new([owner(ANN, 2), owner(BEN, 1)]), workers: Box::default(), open: true };
        let pick = |balance, turn| plan.pick(Kind::Group(balance), turn, |_| true).map(|owner| owner.tid);
        assert_eq!([0, 1, 2].map(|turn| pick(Balance::RoundRobin, turn)), [Some(ANN), Some(BEN), Some(ANN)]);
        assert_eq!([0, 1].map(|turn| pick(Balance::FewestPending, turn)), [Some(BEN), Some(BEN)]);
        assert!(plan.pick(Kind::Single, 0, |_| false).is_none(), "expected nobody who may not have it");
    }
}
