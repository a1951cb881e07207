//! [`Habit`]: whether a thread that waits for another node had better sleep or spin.
//!
//! The way there and back is a chain of wakings. A processor whose threads all sleep halts, and to wake it again takes some
//! microseconds, on a virtual machine tens of them; one that spins is awake, and what has to run on it meanwhile takes a
//! change of threads. But where all processors have work, spinning keeps from it whoever is waited for. Which of both holds
//! depends on the machine and its load, and changes, so it is tried: a thread does what has been quicker lately, and the
//! other now and then. The idea is that of adaptive mutexes, which spin as long as that has been worth it.

use std::time::Duration;

use crate::idle::Manner;

/// So long is spun at most. Beyond that a waking more or less makes no difference.
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
    /// How long a wait took lately; zero before the first.
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
    /// Nothing is known: it sleeps a few times, and then tries to spin.
    pub(crate) const NEW: Self = Self {
        slept: Duration::ZERO,
        spun: Duration::ZERO,
        way: Way::Sleep,
        is_trial: true,
        left: TRIAL,
        until_spin: SOONEST,
    };

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
        let took = took.min(LONGEST);
        *known = if known.is_zero() { took } else { (*known * 7 + took) / 8 };
        self.left = self.left.saturating_sub(1);
        match self.way {
            Way::Spin if self.spun > PATIENCE => self.settle(),
            _ if self.left > 0 => {}
            _ if self.is_trial => self.settle(),
            Way::Sleep => self.attempt(Way::Spin),
            Way::Spin => self.attempt(Way::Sleep),
        }
    }

    /// Does the other for a while. What was known of it is old.
    fn attempt(&mut self, way: Way) {
        match way {
            Way::Sleep => self.slept = Duration::ZERO,
            Way::Spin => self.spun = Duration::ZERO,
        }
        (self.way, self.is_trial, self.left) = (way, true, TRIAL);
    }

    /// Stays with what is quicker. Spinning has to be worth its processor: an eighth quicker.
    fn settle(&mut self) {
        if self.spun.is_zero() {
            return self.attempt(Way::Spin);
        }
        let (way, left) = if self.spun < PATIENCE && self.spun < self.slept * 7 / 8 {
            self.until_spin = SOONEST;
            (Way::Spin, LATEST)
        } else {
            let left = self.until_spin;
            self.until_spin = (left * 2).min(LATEST);
            (Way::Sleep, left)
        };
        (self.way, self.is_trial, self.left) = (way, false, left);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use super::{Habit, LATEST, PATIENCE, SOONEST, TRIAL};

    /// Waits where either way takes so many microseconds; how often it spun.
    fn wait(habit: &mut Habit, times: u32, slept: u64, spun: u64) -> u32 {
        (0..times).fold(0, |spins, _| {
            let spins_now = !habit.manner().spins.is_zero();
            habit.learn(Duration::from_micros(if spins_now { spun } else { slept }));
            spins + u32::from(spins_now)
        })
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
        wait(&mut habit, 10 * LATEST, 100, 240);
        assert!(wait(&mut habit, LATEST, 100, 240) <= TRIAL);
    }

    #[test]
    fn answers_that_take_longer_than_is_spun_are_slept_for_and_a_trial_is_one_of_them() {
        let mut habit = Habit::NEW;
        let late = PATIENCE.as_micros() as u64 + 1;
        assert_eq!(wait(&mut habit, TRIAL + 1 + SOONEST + 1 + 2 * SOONEST, 10 * late, late), 2);
    }

    #[test]
    fn a_gain_that_is_small_is_not_worth_a_processor() {
        let mut habit = Habit::NEW;
        assert_eq!(wait(&mut habit, TRIAL + TRIAL + SOONEST, 100, 95), TRIAL);
    }

    #[test]
    fn a_machine_that_gets_busy_is_noticed_by_the_next_answers_and_one_that_gets_free_by_the_next_trial() {
        let mut habit = Habit::NEW;
        wait(&mut habit, 1000, 200, 90);
        assert!(wait(&mut habit, 100, 110, 480) < 10, "expected it to stop spinning soon");
        wait(&mut habit, 10 * LATEST, 110, 480);
        wait(&mut habit, LATEST + TRIAL, 200, 90);
        assert!(wait(&mut habit, 100, 200, 90) == 100, "expected one trial to do");
    }

    #[test]
    fn a_few_answers_that_take_very_long_do_not_end_a_habit() {
        let mut habit = Habit::NEW;
        wait(&mut habit, 1000, 200, 90);
        wait(&mut habit, 2, 1_000_000, 1_000_000);
        assert_eq!(wait(&mut habit, 100, 200, 90), 100);
    }
}
