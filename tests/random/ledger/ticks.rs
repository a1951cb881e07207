//! The timers: each tick is due when it should be, comes no sooner and no more often, and none is lost.

use std::time::Duration;

use rohrpost::{Tick, Time};

use super::{Ledger, Line, State};
use crate::program::{Alarm, Alter};

/// What is known of one timer.
pub(super) struct Watch {
    /// The life that it ticks for; of one that was armed from outside, when it has ticked.
    owner: Option<usize>,
    span: Duration,
    every: bool,
    /// When it was started, or was due last: between two moments. Where threads race it may be several.
    starts: Vec<(Time, Time)>,
    ended: bool,
    /// Whether it was cancelled while a tick of it may have begun on another thread.
    fading: bool,
    ticks: usize,
    handled: u64,
    failed: u64,
    back: u64,
}

impl Ledger {
    /// A timer is being armed: by its own target, or from outside.
    pub(crate) fn arms(&self, alarm: &Alarm, owner: Option<usize>, now: Time) {
        self.write(|state| {
            let starts = vec![(now, if owner.is_some() { now } else { Time::NEVER })];
            let (span, every) = (alarm.span(), alarm.every);
            let (ticks, handled, failed, back) = (0, 0, 0, 0);
            let watch = Watch { owner, span, every, starts, ended: false, fading: false, ticks, handled, failed, back };
            if state.timers.insert(alarm.number, watch).is_some() {
                state.faults.push(format!("timer {} was armed twice; the test is wrong", alarm.number));
            }
        });
    }

    /// It is armed, or was refused.
    pub(crate) fn armed(&self, number: usize, is_armed: bool, now: Time) {
        self.write(|state| {
            state.line(Line::Armed(number));
            let watch = state.watch(number);
            watch.ended |= !is_armed;
            watch.started_by(now);
        });
    }

    /// A target has received a tick; which one it is, counted from 0 on.
    pub(crate) fn ticked(&self, number: usize, life: usize, tick: Tick, now: Time) -> usize {
        self.write(|state| {
            state.line(Line::Ticked(number, life, tick.missed()));
            state.check_life(life, &format!("gets a tick of timer {number}"));
            let (watch, missed) = (state.watch(number), tick.missed());
            let mut faults = Vec::new();
            let mut expect = |holds: bool, what: &str| {
                if !holds {
                    faults.push(format!("timer {number} of life {life}: expected {what}, not {tick:?} at {now:?}"));
                }
            };
            expect(tick.due() <= now, "no tick before its time");
            expect(*watch.owner.get_or_insert(life) == life, "all ticks to reach one life");
            expect(!watch.ended, "no tick after the end");
            expect(watch.every || missed == 0, "a single tick to have missed none");
            let span = watch.span.saturating_mul(u32::try_from(missed + 1).unwrap_or(u32::MAX));
            let fits = |&(from, to): &(Time, Time)| from.after(span) <= tick.due() && tick.due() <= to.after(span);
            let start = watch.starts.iter().position(fits);
            expect(start.is_some(), &format!("a tick {span:?} after one of {:?}", watch.starts));
            watch.starts.drain(..start.unwrap_or(0));
            watch.starts[0] = (tick.due(), tick.due());
            watch.ended |= !watch.every;
            watch.ticks += 1;
            let index = watch.ticks - 1;
            state.faults.extend(faults);
            index
        })
    }

    /// The handler of a tick is done with it.
    pub(crate) fn tick_ended(&self, number: usize, handled: bool) {
        self.write(|state| {
            let watch = state.watch(number);
            *if handled { &mut watch.handled } else { &mut watch.failed } += 1;
        });
    }

    /// A tick has come back to its target.
    pub(crate) fn tick_back(&self, number: usize, life: usize) {
        self.write(|state| {
            state.check_life(life, &format!("gets a tick of timer {number} back"));
            let watch = state.watch(number);
            watch.back += 1;
            if watch.back > watch.failed || watch.owner != Some(life) {
                state.faults.push(format!("a tick of timer {number} came back to life {life} without a reason"));
            }
        });
    }

    /// The target itself has cancelled its timer, or started it anew; whether it could.
    pub(crate) fn altered(&self, number: usize, alter: Alter, could: bool, now: Time) {
        self.write(|state| {
            state.line(Line::Altered(number, alter, could));
            let watch = state.watch(number);
            let known = watch.ended;
            watch.alter(alter, could, now);
            if could == known {
                state.faults.push(format!("timer {number} had ended: {known}, and yet {alter:?} said {could}"));
            }
        });
    }

    /// Somebody else is about to cancel a timer, or to start it anew; whether it has ended.
    pub(crate) fn alters(&self, number: usize, alter: Alter, now: Time) -> bool {
        self.write(|state| {
            let watch = state.watch(number);
            if matches!(alter, Alter::Retrigger(_)) {
                watch.starts.push((now, Time::NEVER));
            }
            watch.ended
        })
    }

    /// Somebody else has cancelled a timer, or started it anew; whether it `had_ended` before, and whether they could.
    pub(crate) fn altered_elsewhere(&self, number: usize, alter: Alter, had_ended: bool, could: bool, now: Time) {
        self.write(|state| {
            state.line(Line::Altered(number, alter, could));
            let exact = state.exact;
            let watch = state.watch(number);
            let owner = watch.owner;
            match alter {
                Alter::Retrigger(_) if could => watch.started_by(now),
                Alter::Retrigger(_) => drop(watch.starts.pop()),
                Alter::Cancel(_) => {}
            }
            if exact || alter_ends(alter) && could && !watch.every {
                watch.alter(alter, could, now);
            } else {
                watch.fading |= alter_ends(alter);
            }
            let lives = exact && owner.is_some_and(|owner| !state.lives[owner].gone);
            if could && had_ended || !could && !had_ended && lives {
                state.faults.push(format!("timer {number} had ended: {had_ended}, and yet {alter:?} said {could}"));
            }
        });
    }

    /// Timers that should have ticked by now, and ticks that have not come back.
    pub(crate) fn overdue(&self, now: Time) -> Vec<String> {
        let state = self.state();
        let mut found = Vec::new();
        for (number, watch) in &state.timers {
            if watch.owner.is_none_or(|owner| state.lives[owner].gone) || watch.fading {
                continue;
            }
            let due = watch.starts.iter().map(|&(_, start)| start.after(watch.span)).min();
            if !watch.ended && due.is_some_and(|due| due <= now) {
                found.push(format!("timer {number} should have ticked by {now:?}: {:?}", watch.starts));
            }
            if watch.failed != watch.back {
                found.push(format!("{} ticks of timer {number} failed, {} came back", watch.failed, watch.back));
            }
        }
        found
    }

    /// Of each timer that has ended, and of each that has not, as many records are there as should be.
    pub(crate) fn check_templates(&self) -> Vec<String> {
        let state = self.state();
        let kept = |number: &usize| state.copies.get(&(true, *number)).copied().unwrap_or(0);
        let wrong = state.timers.iter().filter(|(number, watch)| kept(number) != isize::from(!watch.has_ended(&state)));
        let text = |(number, watch): (&usize, &Watch)| {
            format!("timer {number} has {} records; ended: {}", kept(number), watch.has_ended(&state))
        };
        wrong.filter(|(_, watch)| watch.ended || watch.owner.is_some()).map(text).collect()
    }

    /// Whether a timer never ticks.
    pub(crate) fn is_endless(&self, number: usize) -> bool {
        self.state().timers.get(&number).is_some_and(|watch| watch.span == Duration::MAX)
    }

    /// The lives that have timers which never tick.
    pub(super) fn patient(&self) -> Vec<usize> {
        let state = self.state();
        let never = state.timers.values().filter(|watch| watch.span == Duration::MAX && !watch.has_ended(&state));
        never.filter_map(|watch| watch.owner).collect()
    }
}

impl Watch {
    fn has_ended(&self, state: &State) -> bool {
        self.ended || self.owner.is_some_and(|owner| state.lives[owner].gone)
    }

    /// The last start was no later than this.
    fn started_by(&mut self, now: Time) {
        if let Some((_, to)) = self.starts.last_mut().filter(|(_, to)| *to == Time::NEVER) {
            *to = now;
        }
    }

    fn alter(&mut self, alter: Alter, could: bool, now: Time) {
        match alter {
            Alter::Cancel(_) => self.ended |= could,
            Alter::Retrigger(_) if could && self.owner.is_some() => self.starts = vec![(now, now)],
            Alter::Retrigger(_) => {}
        }
    }
}

const fn alter_ends(alter: Alter) -> bool {
    matches!(alter, Alter::Cancel(_))
}

impl State {
    fn watch(&mut self, number: usize) -> &mut Watch {
        self.timers.get_mut(&number).expect("a timer is entered when it is armed")
    }

    /// Ticks that were sent, and those of them that were handled.
    pub(super) fn ticks(&self) -> (u64, u64) {
        let ticks = self.timers.values().map(|watch| (watch.ticks as u64, watch.handled));
        ticks.fold((0, 0), |(sent, handled), (ticks, more)| (sent + ticks, handled + more))
    }
}
