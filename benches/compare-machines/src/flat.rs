//! The machine in smlang, which knows no hierarchy: every leaf has all transitions, and each action does what the exits, the
//! effect and the entries would.

use crate::work::{Event, Log};
use smlang::statemachine;

statemachine! {
    transitions: {
        *C + Next / c_to_d = D,
        C + Tick / tick = C,
        C + Side / c_to_e = E,
        C + Leave / c_to_f = F,
        C + Check / check = C,
        D + Next / d_to_c = C,
        D + Tick / tick = D,
        D + Side / d_to_e = E,
        D + Leave / d_to_f = F,
        D + Check [is_even] / check_even = D,
        D + Check [!is_even] / check = D,
        E + Side / e_to_c = C,
        E + Leave / e_to_f = F,
        E + Check / check = E,
        F + Leave / f_to_c = C,
    }
}

#[derive(Default)]
struct Work {
    log: Log,
}

impl Work {
    #[inline]
    fn go(&mut self, exits: &[u64], effect: u64, entries: &[u64]) -> Result<(), ()> {
        for &state in exits {
            self.log.exit(state);
        }
        self.log.effect(effect);
        for &state in entries {
            self.log.enter(state);
        }
        Ok(())
    }
}

impl StateMachineContext for Work {
    fn is_even(&self) -> Result<bool, ()> {
        Ok(self.log.is_even())
    }

    fn c_to_d(&mut self) -> Result<(), ()> {
        self.go(&[3], 1, &[4])
    }

    fn d_to_c(&mut self) -> Result<(), ()> {
        self.go(&[4], 2, &[3])
    }

    fn c_to_e(&mut self) -> Result<(), ()> {
        self.go(&[3, 2], 6, &[5])
    }

    fn d_to_e(&mut self) -> Result<(), ()> {
        self.go(&[4, 2], 6, &[5])
    }

    fn e_to_c(&mut self) -> Result<(), ()> {
        self.go(&[5], 5, &[2, 3])
    }

    fn c_to_f(&mut self) -> Result<(), ()> {
        self.go(&[3, 2, 1], 0, &[6])
    }

    fn d_to_f(&mut self) -> Result<(), ()> {
        self.go(&[4, 2, 1], 0, &[6])
    }

    fn e_to_f(&mut self) -> Result<(), ()> {
        self.go(&[5, 1], 0, &[6])
    }

    fn f_to_c(&mut self) -> Result<(), ()> {
        self.go(&[6], 8, &[1, 2, 3])
    }

    fn tick(&mut self) -> Result<(), ()> {
        self.go(&[], 4, &[])
    }

    fn check(&mut self) -> Result<(), ()> {
        self.go(&[], 7, &[])
    }

    fn check_even(&mut self) -> Result<(), ()> {
        self.go(&[], 3, &[])
    }
}

#[inline(never)]
fn one(machine: &mut StateMachine<Work>, event: Event) {
    let event = match event {
        Event::Tick => Events::Tick,
        Event::Next => Events::Next,
        Event::Side => Events::Side,
        Event::Leave => Events::Leave,
        Event::Check => Events::Check,
        Event::Noise => return,
    };
    // An event that the state does not take is an error in smlang.
    let _ = machine.process_event(event);
}

pub fn run(events: &[Event], repeats: usize) -> Log {
    let mut work = Work::default();
    let _ = work.go(&[], 0, &[1, 2, 3]);
    let mut machine = StateMachine::new(work);
    for _ in 0..repeats {
        for event in events {
            one(&mut machine, *event);
        }
    }
    machine.context().log
}
