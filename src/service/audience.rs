//! The observers of one service on one thread.
//!
//! Whoever publishes walks over a snapshot, because an observer may come or go meanwhile. A snapshot is one reference
//! count; only a change while somebody walks copies the list.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use crate::id::Tid;
use crate::service::catalogue::KeyHasher;

/// A target that gets copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Observer {
    pub(crate) tid: Tid,
    /// It sees numbered messages from behind this one on.
    began: u64,
}

/// A set of observers, in no particular order.
#[derive(Debug, Default)]
pub(crate) struct Audience {
    list: Rc<Vec<Observer>>,
    /// Where each stands in the list.
    places: HashMap<Tid, usize, BuildHasherDefault<KeyHasher>>,
}

impl Observer {
    /// Whether it is to see the message with this number; 0 is none.
    #[inline]
    pub(crate) const fn sees(self, number: u64) -> bool {
        number == 0 || number > self.began
    }
}

impl Audience {
    /// Adds an observer; `false` if it is one already.
    pub(crate) fn add(&mut self, tid: Tid, began: u64) -> bool {
        if self.places.contains_key(&tid) {
            return false;
        }
        self.places.insert(tid, self.list.len());
        Rc::make_mut(&mut self.list).push(Observer { tid, began });
        true
    }

    /// Removes an observer; `false` if it is none.
    pub(crate) fn remove(&mut self, tid: Tid) -> bool {
        let Some(place) = self.places.remove(&tid) else {
            return false;
        };
        let list = Rc::make_mut(&mut self.list);
        list.swap_remove(place);
        if let Some(moved) = list.get(place) {
            self.places.insert(moved.tid, place);
        }
        true
    }

    pub(crate) fn contains(&self, tid: Tid) -> bool {
        self.places.contains_key(&tid)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The observers of this moment.
    #[inline]
    pub(crate) fn snapshot(&self) -> Rc<Vec<Observer>> {
        self.list.clone()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Audience;
    use crate::id::Tid;

    #[test]
    fn a_snapshot_is_not_changed_by_those_who_come_and_go() {
        let mut audience = Audience::default();
        for number in 1..=3 {
            assert!(audience.add(Tid::number(number), 0));
        }
        assert!(!audience.add(Tid::number(1), 0), "expected an observer to be there once");
        let before = audience.snapshot();
        assert!(audience.remove(Tid::number(1)) && !audience.remove(Tid::number(1)));
        assert!(audience.remove(Tid::number(3)) && audience.contains(Tid::number(2)));
        assert_eq!((before.len(), audience.snapshot().len()), (3, 1));
        assert!(audience.remove(Tid::number(2)) && audience.is_empty());
    }

    #[test]
    fn an_observer_sees_what_is_numbered_behind_its_beginning() {
        let mut audience = Audience::default();
        assert!(audience.add(Tid::number(1), 5));
        let observer = audience.snapshot()[0];
        assert_eq!([0, 4, 5, 6].map(|number| observer.sees(number)), [true, false, false, true]);
    }
}
