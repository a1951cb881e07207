//! How a program that fails is made smaller: piece by piece is cut away as long as it still fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rohrpost::OnPanic;

use crate::program::{Act, Alarm, Bounds, Fate, Mail, Offer, Program, Resident, Step};

/// How long is shrunk at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// The smallest program found that still fails, and what is wrong with it. `fails` says what is wrong with a program.
pub(crate) fn shrink(
    mut program: Program,
    mut failure: String,
    mut fails: impl FnMut(&Program) -> Option<String>,
) -> (Program, String) {
    let started = Instant::now();
    let mut shrunk = true;
    while shrunk {
        shrunk = false;
        let mut cut = 0;
        while let Some(smaller) = program.cut(cut) {
            if started.elapsed() > PATIENCE {
                return (program, failure);
            }
            if let Some(still) = fails(&smaller) {
                (program, failure, shrunk) = (smaller, still, true);
            } else {
                cut += 1;
            }
        }
    }
    (program, failure)
}

impl Program {
    /// The program with one piece less: with the piece that has this number.
    fn cut(&self, number: usize) -> Option<Self> {
        let mut program = self.clone();
        Knife(number).cut(&mut program).then_some(program)
    }
}

/// Cuts the piece with this number away. Its methods say whether it has been cut.
struct Knife(usize);

impl Knife {
    /// Whether this is the piece.
    fn here(&mut self) -> bool {
        if self.0 == 0 {
            return true;
        }
        self.0 -= 1;
        false
    }

    fn cut(&mut self, program: &mut Program) -> bool {
        self.steps(&mut program.steps)
            || program.steps.iter_mut().any(|step| match step {
                Step::Mail(mail) => self.mail(mail),
                Step::Arm(_, alarm) => self.alarm(alarm),
                Step::Publish(issue) => self.acts(&mut Arc::make_mut(issue).acts),
                _ => false,
            })
            || program.residents.iter_mut().any(|resident| self.resident(resident))
            || self.last_resident(&mut program.residents)
            || self.bounds(&mut program.bounds)
            || program.homes.iter_mut().any(|offer| self.none(&mut offer.group) || self.unset(&mut offer.retains))
            || self.last_home(&mut program.homes)
    }

    /// Longer pieces first.
    fn steps(&mut self, steps: &mut Vec<Step>) -> bool {
        let mut length = steps.len();
        while length > 0 {
            for start in (0..steps.len()).step_by(length) {
                if self.here() {
                    steps.drain(start..steps.len().min(start + length));
                    return true;
                }
            }
            length /= 2;
        }
        false
    }

    fn mail(&mut self, mail: &mut Arc<Mail>) -> bool {
        let mail = Arc::make_mut(mail);
        self.none(&mut mail.within)
            || self.unset(&mut mail.large)
            || self.unset(&mut mail.bomb)
            || self.none(&mut mail.second)
            || self.stops(mail)
            || self.acts(&mut mail.then)
    }

    fn stops(&mut self, mail: &mut Mail) -> bool {
        for index in 0..mail.stops.len() {
            let stop = &mut mail.stops[index];
            if self.acts(&mut stop.acts) {
                return true;
            }
            if stop.fate != Fate::Answer && self.here() {
                stop.fate = Fate::Answer;
                mail.stops.truncate(index + 1);
                return true;
            }
        }
        mail.stops.len() > 1 && self.here() && mail.stops.pop().is_some()
    }

    fn acts(&mut self, acts: &mut Vec<Act>) -> bool {
        for index in 0..acts.len() {
            if self.here() {
                acts.remove(index);
                return true;
            }
        }
        acts.iter_mut().any(|act| match act {
            Act::Mail(mail) => self.mail(mail),
            Act::Arm(alarm) => self.alarm(alarm),
            Act::Publish(issue) => self.acts(&mut Arc::make_mut(issue).acts),
            _ => false,
        })
    }

    fn alarm(&mut self, alarm: &mut Arc<Alarm>) -> bool {
        let alarm = Arc::make_mut(alarm);
        for tick in &mut alarm.ticks {
            if self.acts(&mut tick.acts) {
                return true;
            }
            if tick.fate != Fate::Answer && self.here() {
                tick.fate = Fate::Answer;
                return true;
            }
        }
        alarm.ticks.len() > 1 && self.here() && alarm.ticks.pop().is_some()
    }

    fn resident(&mut self, resident: &mut Resident) -> bool {
        if self.acts(&mut resident.on_start) || self.acts(&mut resident.on_stop) {
            return true;
        }
        if resident.restart.is_some() && self.here() {
            resident.restart = None;
            return true;
        }
        if resident.restart.is_none() && resident.on_panic != OnPanic::Deregister && self.here() {
            resident.on_panic = OnPanic::Deregister;
            return true;
        }
        for number in [&mut resident.home, &mut resident.thread] {
            if *number > 0 && self.here() {
                *number = 0;
                return true;
            }
        }
        self.unset(&mut resident.named) || self.unset(&mut resident.bad_end) || self.unset(&mut resident.bad_factory)
    }

    /// Mail for one that is not there finds nobody.
    fn last_resident(&mut self, residents: &mut Vec<Resident>) -> bool {
        residents.len() > 1 && self.here() && residents.pop().is_some()
    }

    fn bounds(&mut self, bounds: &mut Bounds) -> bool {
        let Bounds { capacity, waiting, held, requests, depth, timers } = bounds;
        [capacity, waiting, held, requests, depth, timers].into_iter().any(|bound| self.none(bound))
    }

    fn last_home(&mut self, homes: &mut Vec<Offer>) -> bool {
        homes.len() > 1 && self.here() && homes.pop().is_some()
    }

    fn none<T>(&mut self, choice: &mut Option<T>) -> bool {
        choice.is_some() && self.here() && choice.take().is_some()
    }

    fn unset(&mut self, flag: &mut bool) -> bool {
        *flag && self.here() && std::mem::take(flag)
    }
}
