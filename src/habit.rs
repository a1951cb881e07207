//! [`Habit`]: whether a thread that waits for another node had better sleep or spin.
//!
//! The way there and back is a chain of wakings. A processor whose threads all sleep halts, and to wake it again takes some
//! microseconds, on a virtual machine tens of them; one that spins is awake, and what has to run on it meanwhile takes a
//! change of threads. But where all processors have work, spinning keeps from it whoever is waited for. Which of both holds
//! depends on the machine and its load, and changes, so it is tried: a thread does what has been quicker lately, and the
//! other now and then. The idea is that of adaptive mutexes, which spin as long as that has been worth it.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::idle::Manner;

/// So long is spun at most, as [`Idle::Adaptive`](crate::Idle::Adaptive) says. Beyond that a waking more or less makes no
/// difference.
const PATIENCE: Duration = Duration::from_micros(250);
/// What takes longer than that counts as that long.
const LONGEST: Duration = Duration::from_micros(500);
/// A trial takes so many waits: threads and processors need some to settle.
const TRIAL: u32 = 64;
/// Waits until it is tried again to spin: so many at first, and twice as many after each time that was not quicker.
const SOONEST: u32 = 256;
/// As long as that at most. As many waits are spun before it is tried to sleep.
const LATEST: u32 = 8192;

/// What to do while waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Sleep,
    Spin,
}

/// What one thread has learnt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habit {
    /// How long a wait took lately, the last dozen or so.
    slept: Duration,
    spun: Duration,
    /// What it does, as a trial or because it is quicker, and for how many waits more.
    way: Way,
    is_trial: bool,
    left: u32,
    /// For how many waits it will sleep when spinning is not quicker.
    until_spin: u32,
}

impl Habit {
    /// Nothing is known: it sleeps for as many waits as a trial has, and tries to spin then.
    pub(crate) const NEW: Self =
        Self { slept: LONGEST, spun: LONGEST, way: Way::Sleep, is_trial: false, left: TRIAL, until_spin: SOONEST };

    /// Waits as has been quicker, and learns from it if `counts` says that what has come was waited for.
    pub(crate) fn wait<T>(
        of_thread: &Cell<Self>,
        wait: impl FnOnce(Manner) -> T,
        counts: impl FnOnce(&T) -> bool,
    ) -> T {
        let mut habit = of_thread.get();
        let began = Instant::now();
        let end = wait(habit.manner());
        if counts(&end) {
            habit.learn(began.elapsed());
            of_thread.set(habit);
        }
        end
    }

    /// What to do this time.
    pub(crate) const fn manner(&self) -> Manner {
        match self.way {
            Way::Sleep => Manner::PARK,
            Way::Spin => Manner { spins: PATIENCE, yields: true },
        }
    }

    /// This time it took so long.
    pub(crate) fn learn(&mut self, took: Duration) {
        let known = match self.way {
            Way::Sleep => &mut self.slept,
            Way::Spin => &mut self.spun,
        };
        *known = (*known * 7 + took.min(LONGEST)) / 8;
        self.left = self.left.saturating_sub(1);
        match self.way {
            Way::Spin if self.spun > PATIENCE => self.settle(),
            // What has made it a habit does not hold any more.
            Way::Spin if !self.is_trial && !self.spinning_pays() => self.attempt(Way::Sleep),
            _ if self.left > 0 => {}
            _ if self.is_trial => self.settle(),
            Way::Sleep => self.attempt(Way::Spin),
            Way::Spin => self.attempt(Way::Sleep),
        }
    }

    /// Does the other for a while. What was known of it is old, and forgotten meanwhile.
    fn attempt(&mut self, way: Way) {
        if way == Way::Spin {
            // In favour of it, so that one answer that is late at the beginning does not end the trial.
            self.spun = self.slept.min(PATIENCE) * 3 / 4;
        }
        (self.way, self.is_trial, self.left) = (way, true, TRIAL);
    }

    /// Stays with what is quicker.
    fn settle(&mut self) {
        let (way, left) = if self.spinning_pays() {
            self.until_spin = SOONEST;
            (Way::Spin, LATEST)
        } else {
            let left = self.until_spin;
            self.until_spin = (left * 2).min(LATEST);
            (Way::Sleep, left)
        };
        (self.way, self.is_trial, self.left) = (way, false, left);
    }

    /// It has to be worth its processor: an eighth quicker.
    fn spinning_pays(&self) -> bool {
        self.spun < PATIENCE && self.spun < self.slept * 7 / 8
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::{Habit, LATEST, SOONEST, TRIAL};

    /// Waits where either way takes so many microseconds; how often it spun.
    fn wait(habit: &mut Habit, times: u32, slept: u64, spun: u64) -> u32 {
        (0..times).fold(0, |spins, _| {
            let spins_now = !habit.manner().spins.is_zero();
            habit.learn(Duration::from_micros(if spins_now { spun } else { slept }));
            spins + u32::from(spins_now)
        })
    }

    /// The same until it has learnt what there is to learn.
    fn settled(slept: u64, spun: u64) -> Habit {
        let mut habit = Habit::NEW;
        wait(&mut habit, 10 * LATEST, slept, spun);
        habit
    }

    #[test]
    fn whoever_is_answered_sooner_while_spinning_spins() {
        let mut habit = Habit::NEW;
        assert_eq!(wait(&mut habit, TRIAL, 200, 90), 0, "expected it to see first how long sleeping takes");
        assert_eq!(wait(&mut habit, TRIAL + LATEST, 200, 90), TRIAL + LATEST);
        assert_eq!(wait(&mut habit, TRIAL, 200, 90), 0, "expected it to see whether that has changed");
        assert_eq!(wait(&mut habit, LATEST, 200, 90), LATEST);
    }

    #[test]
    fn whoever_is_answered_sooner_while_sleeping_sleeps_and_tries_to_spin_ever_more_rarely() {
        let mut habit = Habit::NEW;
        assert_eq!(wait(&mut habit, TRIAL + TRIAL + SOONEST + TRIAL + 2 * SOONEST, 100, 240), 2 * TRIAL);
        assert!(wait(&mut settled(100, 240), LATEST, 100, 240) <= TRIAL);
    }

    #[test]
    fn answers_that_take_longer_than_is_spun_are_slept_for_and_a_trial_is_short() {
        let mut habit = settled(20_000, 20_000);
        assert_eq!(wait(&mut habit, 4 * LATEST, 20_000, 20_000), 4 * 2);
    }

    #[test]
    fn a_gain_that_is_small_is_not_worth_a_processor() {
        let mut habit = Habit::NEW;
        assert_eq!(wait(&mut habit, TRIAL + TRIAL + SOONEST, 100, 95), TRIAL);
    }

    #[test]
    fn a_machine_that_gets_busy_is_noticed_by_the_next_answers_and_one_that_gets_free_by_the_next_trial() {
        for busy in [480, 240] {
            let mut habit = settled(200, 90);
            assert!(wait(&mut habit, 200, 110, busy) < 20, "expected it to stop spinning soon at {busy} µs");
            wait(&mut habit, 10 * LATEST, 110, busy);
            wait(&mut habit, LATEST + TRIAL, 200, 90);
            assert_eq!(wait(&mut habit, 100, 200, 90), 100, "expected one trial to do");
        }
    }

    #[test]
    fn one_answer_that_takes_very_long_ends_neither_a_trial_nor_a_habit() {
        let mut habit = Habit::NEW;
        wait(&mut habit, TRIAL, 200, 90);
        wait(&mut habit, 1, 0, 1_000_000);
        assert_eq!(wait(&mut habit, TRIAL, 200, 90), TRIAL);
        wait(&mut habit, 1, 0, 1_000_000);
        assert_eq!(wait(&mut habit, 100, 200, 90), 100);
    }

    #[test]
    fn what_was_not_waited_for_teaches_nothing() {
        let habit = Cell::new(Habit::NEW);
        let left = |counts: bool| {
            assert_eq!(Habit::wait(&habit, |manner| manner.spins, |_| counts), Duration::ZERO);
            habit.get().left
        };
        assert_eq!((left(false), left(true)), (TRIAL, TRIAL - 1));
    }
}
