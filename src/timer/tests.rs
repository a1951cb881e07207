//! The wheel beside a plain list that is searched from end to end.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_oneof, proptest};

use super::{Group, Key, Subject, Wheel};
use crate::clock::Time;

impl Subject for () {
    fn is_simple(&self) -> bool {
        true
    }
}

/// A timer of the list: what it is for, and its time with the number of its arming, unless it is for none.
struct Known {
    key: Key,
    group: usize,
    name: u32,
    due: Option<(u64, u64)>,
}

/// Both, side by side.
struct Pair {
    wheel: Wheel<u32, ()>,
    groups: [Group; 2],
    known: Vec<Known>,
    armings: u64,
    come: u64,
    now: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Arm(usize, Moment),
    Cancel(usize),
    Rearm(usize, Moment),
    /// Ends a whole group.
    End(usize),
    /// Moves on and takes out so many of those that are due.
    Pop(u64, usize),
    Look,
}

#[derive(Clone, Debug)]
enum Moment {
    FromNow(u64),
    Ago(u64),
    At(u64),
}

impl Pair {
    fn new() -> Self {
        Self { wheel: Wheel::new(), groups: Default::default(), known: Vec::new(), armings: 0, come: 0, now: 0 }
    }

    fn time(&self, moment: &Moment) -> u64 {
        match *moment {
            Moment::FromNow(nanos) => self.now.saturating_add(nanos),
            Moment::Ago(nanos) => self.now.saturating_sub(nanos),
            Moment::At(nanos) => nanos,
        }
    }

    fn due(&mut self, deadline: u64) -> Option<(u64, u64)> {
        self.armings += 1;
        (deadline != u64::MAX).then(|| (deadline.max(self.come), self.armings))
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Arm(group, moment) => {
                let deadline = self.time(moment);
                let due = self.due(deadline);
                let name = self.armings as u32;
                let key = self.wheel.arm(&mut self.groups[*group], Time::from_nanos(deadline), (name, ()));
                self.known.push(Known { key, group: *group, name, due });
            }
            Step::Cancel(index) if !self.known.is_empty() => {
                let known = self.known.swap_remove(index % self.known.len());
                assert_eq!(self.wheel.cancel(known.key), Some((known.name, ())), "expected the timer to be there");
                assert_eq!(self.wheel.cancel(known.key), None, "expected it to end once");
                assert!(!self.wheel.rearm(known.key, Time::START), "expected an ended timer not to be armed again");
            }
            Step::Rearm(index, moment) if !self.known.is_empty() => {
                let deadline = self.time(moment);
                let due = self.due(deadline);
                let index = index % self.known.len();
                self.known[index].due = due;
                assert!(self.wheel.rearm(self.known[index].key, Time::from_nanos(deadline)));
            }
            Step::End(group) => {
                let mut expected: Vec<_> = self.known.extract_if(.., |known| known.group == *group).collect();
                let ended = std::iter::from_fn(|| self.wheel.end_one(&mut self.groups[*group]).map(|(name, ())| name));
                let mut ended: Vec<_> = ended.collect();
                ended.sort_unstable();
                expected.sort_unstable_by_key(|known| known.name);
                assert_eq!(ended, expected.iter().map(|known| known.name).collect::<Vec<_>>(), "expected its timers");
            }
            Step::Pop(nanos, most) => {
                self.now = self.now.saturating_add(*nanos);
                for _ in 0..*most {
                    if !self.pop() {
                        break;
                    }
                }
            }
            Step::Look => {
                let guess = self.wheel.next_look();
                let expected = self.known.iter().filter_map(|known| known.due).min();
                let expected = expected.map(|(deadline, _)| Time::from_nanos(deadline));
                assert!(guess <= expected, "expected {guess:?} not to be after {expected:?}");
                assert_eq!(self.wheel.next_deadline(), expected, "expected the next deadline");
            }
            Step::Cancel(_) | Step::Rearm(..) => {}
        }
        for known in &self.known {
            assert!(self.wheel.is_armed(known.key), "expected {} to be armed", known.name);
            assert_eq!(self.wheel.get_mut(known.key), Some((&mut known.name.clone(), &mut ())));
        }
    }

    /// Takes the next that is due out of both; whether there was one.
    fn pop(&mut self) -> bool {
        let due = self.known.iter_mut().filter(|known| known.due.is_some_and(|(deadline, _)| deadline <= self.now));
        let expected = due.min_by_key(|known| known.due);
        let popped = self.wheel.pop_due(Time::from_nanos(self.now)).map(|due| due.key());
        assert_eq!(popped, expected.as_ref().map(|known| known.key), "expected the next at {}", self.now);
        match expected.and_then(|known| known.due.take()) {
            Some((deadline, _)) => self.come = deadline,
            None => self.come = self.now.min(u64::MAX - 1),
        }
        popped.is_some()
    }
}

fn moments() -> impl Strategy<Value = Moment> {
    prop_oneof![
        4 => (0..200_u64).prop_map(Moment::FromNow),
        4 => (0..64_u32, 0..64_u64).prop_map(|(shift, nanos)| Moment::FromNow((1 << shift) - 1 + nanos)),
        2 => any::<u64>().prop_map(Moment::At),
        1 => (0..1000_u64).prop_map(Moment::Ago),
        1 => prop_oneof![Just(0), Just(1), Just(u64::MAX - 1), Just(u64::MAX)].prop_map(Moment::At),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2_usize, moments()).prop_map(|(group, moment)| Step::Arm(group, moment)),
        2 => any::<usize>().prop_map(Step::Cancel),
        2 => (any::<usize>(), moments()).prop_map(|(index, moment)| Step::Rearm(index, moment)),
        4 => (0..300_u64, 0..6_usize).prop_map(|(nanos, most)| Step::Pop(nanos, most)),
        2 => (0..64_u32, 0..20_usize).prop_map(|(shift, most)| Step::Pop(1 << shift, most)),
        2 => Just(Step::Look),
        1 => (0..2_usize).prop_map(Step::End),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_wheel_does_what_a_sorted_list_does(steps in prop::collection::vec(steps(), 0..120)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.step(step);
        }
        pair.now = u64::MAX;
        while pair.pop() {}
        prop_assert!(pair.wheel.is_quiet(), "expected nothing to be left");
    }
}

/// So many that rows are sorted, dead items swept out and buckets opened without a look at all their timers.
#[test]
fn many_timers_fall_due_in_their_order_whatever_is_cancelled_among_them() {
    for seed in 1..=if cfg!(miri) { 1 } else { 6_u64 } {
        let mut dice = seed;
        let mut roll = move |sides: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % sides
        };
        let (mut wheel, mut group) = (Wheel::new(), Group::default());
        let mut armed = std::collections::HashMap::new();
        let mut expected = std::collections::BTreeMap::new();
        let (mut now, mut come, mut order) = (0_u64, 0_u64, 0_u64);
        for round in 0..60 {
            let within = [1 << 10, 1 << 18, 1 << 26, 1 << 34][roll(4) as usize];
            for _ in 0..roll(if cfg!(miri) { 60 } else { 3000 }) {
                order += 1;
                let due = (now + roll(within)).max(come);
                let key = wheel.arm(&mut group, Time::from_nanos(due), ((), ()));
                expected.insert((due, order), key);
                armed.insert(key, (due, order));
            }
            // Many of them, so that rows are swept.
            let keys: Vec<_> = expected.values().copied().collect();
            for key in keys {
                if roll(5) >= round % 5 {
                    continue;
                }
                expected.remove(&armed.remove(&key).expect("a timer that is armed"));
                if roll(2) == 0 {
                    assert!(wheel.cancel(key).is_some());
                    continue;
                }
                order += 1;
                let due = (now + roll(within)).max(come);
                assert!(wheel.rearm(key, Time::from_nanos(due)));
                expected.insert((due, order), key);
                armed.insert(key, (due, order));
            }
            now += roll(within);
            let most = roll(4000);
            for _ in 0..most {
                let next = expected.first_entry().filter(|next| next.key().0 <= now);
                let popped = wheel.pop_due(Time::from_nanos(now)).map(|due| due.key());
                assert_eq!(popped, next.as_ref().map(|next| *next.get()), "expected the next at {now}, seed {seed}");
                let Some(next) = next else {
                    come = now;
                    break;
                };
                come = next.key().0;
                let key = next.remove();
                armed.remove(&key);
                assert!(wheel.cancel(key).is_some());
            }
            let next = expected.keys().next().map(|&(due, _)| Time::from_nanos(due));
            assert!(wheel.next_look() <= next, "expected no look to come too late");
            assert_eq!(wheel.next_deadline(), next);
        }
    }
}

/// So many at once that they are sorted part by part, while their handlers arm and cancel others of them.
#[test]
fn many_overdue_timers_fall_due_in_their_order_whatever_their_handlers_do() {
    for (seed, spread) in (1_u64..).zip([1_u64 << 8, 1 << 20, 1 << 30, 1 << 45]) {
        let mut dice = seed;
        let mut roll = move |sides: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005_u64).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 20) % sides
        };
        let (mut wheel, mut group) = (Wheel::new(), Group::default());
        let (mut armed, mut expected) = (Vec::new(), std::collections::BTreeMap::new());
        let start = 1 << 40;
        let count = if cfg!(miri) { 200 } else { 20_000 };
        for order in 0..count {
            let due = start + roll(spread);
            expected.insert((due, order), wheel.arm(&mut group, Time::from_nanos(due), ((), ())));
            armed.push((due, order));
        }
        // Some are not due yet, some among others that are.
        let now = start + spread - spread / 8;
        let (mut order, mut come) = (count, 0);
        while let Some(key) = wheel.pop_due(Time::from_nanos(now)).map(|due| due.key()) {
            let (next, expected_key) = expected.pop_first().expect("a timer that is armed");
            assert_eq!(key, expected_key, "expected the timer for {next:?}, spread {spread}");
            assert_eq!(wheel.cancel(key), Some(((), ())));
            come = next.0;
            // Of those that are left more than half go, so that they are swept out.
            let chosen = roll(count) as usize;
            let Some(key) = expected.remove(&armed[chosen]) else {
                continue;
            };
            if roll(4) > 0 {
                assert!(wheel.cancel(key).is_some());
                continue;
            }
            // In the past, now or later.
            let due = (start + roll(2 * spread)).max(come);
            order += 1;
            assert!(wheel.rearm(key, Time::from_nanos(due)));
            armed[chosen] = (due, order);
            expected.insert(armed[chosen], key);
        }
        let next = expected.keys().next().map(|&(due, _)| Time::from_nanos(due));
        assert!(next.is_none_or(|next| next > Time::from_nanos(now)), "expected all that are due, not {next:?}");
        assert_eq!(wheel.next_deadline(), next, "after {come}");
    }
}

#[test]
fn a_timer_for_never_stays_armed_and_does_not_fall_due() {
    let (mut wheel, mut group) = (Wheel::new(), Group::default());
    let key = wheel.arm(&mut group, Time::NEVER, ('a', ()));
    assert!(wheel.pop_due(Time::NEVER).is_none(), "expected never not to come");
    assert_eq!(wheel.next_deadline(), None);
    assert!(wheel.is_armed(key));
    assert_eq!(wheel.cancel(key), Some(('a', ())));
}

#[test]
fn timers_of_one_deadline_fall_due_in_the_order_in_which_they_were_armed() {
    let (mut wheel, mut group) = (Wheel::new(), Group::default());
    let noon = Time::from_nanos(1 << 40);
    let first = wheel.arm(&mut group, noon, (1, ()));
    // Comes close, so that the next ones are placed on a lower level.
    let close = Time::from_nanos((1 << 40) - 3);
    assert!(wheel.pop_due(close).is_none());
    let second = wheel.arm(&mut group, noon, (2, ()));
    let third = wheel.arm(&mut group, noon, (3, ()));
    assert!(wheel.rearm(second, noon), "expected the second to go behind the third");
    let order: Vec<_> = std::iter::from_fn(|| wheel.pop_due(noon).map(|due| due.key())).collect();
    assert_eq!(order, [first, third, second], "expected the order of arming");
}

#[test]
fn a_place_that_is_used_again_does_not_know_the_old_key() {
    let (mut wheel, mut group) = (Wheel::new(), Group::default());
    let old = wheel.arm(&mut group, Time::START, (1, ()));
    assert_eq!(wheel.cancel(old), Some((1, ())));
    let new = wheel.arm(&mut group, Time::START, (2, ()));
    assert_ne!(old, new);
    assert!(!wheel.is_armed(old) && wheel.is_armed(new), "expected only the new key to be known");
    assert_eq!(wheel.cancel(old), None, "expected the old key to end nothing");
}

#[test]
fn a_place_that_begins_to_count_its_bookings_anew_does_not_know_those_of_before() {
    let (mut wheel, mut group) = (Wheel::new(), Group::default());
    let [early, late] = [1_u64 << 30, 1 << 31].map(Time::from_nanos);
    let key = wheel.arm(&mut group, early, ('a', ()));
    // Stands behind it, so that what is left of it stays in the row.
    let other = wheel.arm(&mut group, early, ('b', ()));
    assert!(wheel.rearm(key, late));
    let bookings = 4 * u64::from(super::seats::LAST_BOOKING);
    for _ in 0..bookings {
        assert!(wheel.rearm(key, late));
        let due = wheel.next_deadline();
        assert_eq!(due, Some(early), "expected the other to be next");
    }
    assert_eq!(wheel.pop_due(early).map(|due| due.key()), Some(other));
    assert_eq!(wheel.pop_due(early).map(|due| due.key()), None, "expected nothing to come early");
    assert_eq!(wheel.pop_due(late).map(|due| due.key()), Some(key));
    assert!(wheel.pop_due(late).is_none() && wheel.is_quiet(), "expected it to fall due once");
}

#[test]
fn a_million_cancelled_timers_leave_nothing_to_wake_for() {
    let (mut wheel, mut group) = (Wheel::new(), Group::default());
    let arm =
        |wheel: &mut Wheel<u64, ()>, group: &mut Group, n| wheel.arm(group, Time::from_nanos(1000 + n * 977), (n, ()));
    let keys: Vec<_> = (0..1_000_000).map(|n| arm(&mut wheel, &mut group, n)).collect();
    for key in keys {
        assert!(wheel.cancel(key).is_some());
    }
    assert_eq!(wheel.next_look(), None, "expected nothing to wake for");
    assert!(wheel.is_quiet());
}
