//! Timers of the stress test: armed by citizens for themselves and from outside, cancelled and started anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rohrpost::{Address, Context, Namespace, Outcome, Tick, Time, Timer, TimerHandle, record};

use crate::citizen::Citizen;
use crate::dice::Dice;
use crate::town::{Quarter, Town};

/// So few that the bound of a namespace is reached now and then.
pub(crate) const TIMERS: usize = 60;
/// Ticks of a periodic timer.
const MOST: u32 = 5;

record!(Chime, "stress.chime");

/// What a timer brings.
#[derive(Clone, Debug)]
pub(crate) struct Chime {
    pub(crate) dice: Dice,
    /// Of one that was armed from outside, whether it has ticked.
    rung: Option<Arc<AtomicBool>>,
    _there: There,
}

/// Counts the chimes that there are.
#[derive(Debug)]
struct There(Arc<Town>);

/// One of a citizen's own timers.
pub(crate) struct Alarm {
    timer: Timer,
    /// The time until it ticks.
    span: Duration,
    /// From when on: when it was started, or was due last.
    since: Time,
    /// Of one that ticks again and again, how many ticks are left.
    left: Option<u32>,
}

/// Timers that were armed from outside. Each either ticks or is cancelled, or its target goes first.
#[derive(Default)]
pub(crate) struct Bells(Vec<(TimerHandle, Arc<AtomicBool>, bool)>);

impl Chime {
    fn new(town: &Arc<Town>, dice: Dice, rung: Option<Arc<AtomicBool>>) -> Self {
        Self { dice, rung, _there: There::new(town) }
    }
}

impl There {
    fn new(town: &Arc<Town>) -> Self {
        town.chimes.fetch_add(1, Ordering::SeqCst);
        Self(town.clone())
    }
}

impl Clone for There {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for There {
    fn drop(&mut self) {
        self.0.chimes.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Citizen {
    pub(crate) fn set_alarm(&mut self, dice: &mut Dice, ctx: &Context<'_>) {
        let span = Duration::from_micros(dice.below(2000) as u64 + 1);
        let timer = ctx.timer(Chime::new(self.quarter.town(), *dice, None));
        let left = (dice.below(2) == 0).then_some(MOST);
        // There may be as many as there may be.
        let armed = if left.is_some() { timer.every(span) } else { timer.after(span) };
        self.alarms.extend(armed.ok().map(|timer| Alarm { timer, span, since: ctx.now(), left }));
    }

    /// Cancels one of its timers, or starts it anew.
    pub(crate) fn alter_alarm(&mut self, dice: &mut Dice, ctx: &Context<'_>) {
        let Some(index) = dice.below(1 << 20).checked_rem(self.alarms.len()) else {
            return;
        };
        let alarm = &mut self.alarms[index];
        alarm.since = ctx.now();
        let timer = alarm.timer;
        let runs = if dice.below(2) == 0 {
            self.alarms.swap_remove(index);
            ctx.cancel(timer)
        } else {
            ctx.retrigger(timer)
        };
        // All that have not ended are known.
        Quarter::add(&self.quarter.stale, u64::from(!runs));
    }

    /// Handles a tick.
    pub(crate) fn chime(&mut self, chime: &Chime, ctx: &Context<'_>) -> Outcome {
        Quarter::add(&self.quarter.sent, 1);
        Quarter::add(&self.quarter.ticks, 1);
        let right = ctx.tick().is_some_and(|tick| match &chime.rung {
            Some(rung) => !rung.swap(true, Ordering::SeqCst) && tick.missed() == 0,
            None => self.advance(tick, ctx),
        });
        Quarter::add(&self.quarter.stale, u64::from(!right));
        self.after_tick(chime.dice, ctx)
    }

    /// Whether one of its timers is due for this tick; it is due a period later then.
    fn advance(&mut self, tick: Tick, ctx: &Context<'_>) -> bool {
        let Some(index) = self.alarms.iter().position(|alarm| alarm.timer == tick.timer()) else {
            return false;
        };
        let alarm = &mut self.alarms[index];
        let periods = u32::try_from(tick.missed() + 1).unwrap_or(u32::MAX);
        let right = tick.due() == alarm.since.after(alarm.span * periods) && tick.due() <= ctx.now();
        alarm.since = tick.due();
        alarm.left = alarm.left.and_then(|left| left.checked_sub(1));
        if alarm.left.is_none() {
            // One that ticks once has ended.
            let _ = ctx.cancel(self.alarms.swap_remove(index).timer);
        }
        right
    }
}

impl Bells {
    /// Arms a timer for somebody, or cancels one that was armed before.
    pub(crate) fn ring(&mut self, town: &Arc<Town>, space: &Namespace, to: Address, dice: &mut Dice) {
        if dice.below(3) == 0
            && let Some(index) = dice.below(1 << 20).checked_rem(self.0.len())
        {
            let (timer, _, cancelled) = &mut self.0[index];
            *cancelled |= timer.cancel();
            return;
        }
        let rung = Arc::new(AtomicBool::new(false));
        let chime = Chime::new(town, *dice, Some(rung.clone()));
        let armed = space.timer(to, chime).after(Duration::from_micros(dice.below(2000) as u64));
        self.0.extend(armed.ok().map(|timer| (timer, rung, false)));
    }

    /// How many have ticked, and how many have ticked and were cancelled.
    pub(crate) fn rung(&self) -> (usize, usize) {
        let rung = self.0.iter().filter(|(_, rung, _)| rung.load(Ordering::SeqCst));
        rung.fold((0, 0), |(all, stale), (_, _, cancelled)| (all + 1, stale + usize::from(*cancelled)))
    }
}
