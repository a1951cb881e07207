//! The machine in statig, in its blocking mode with the attribute macro and without hooks, as its documentation shows it.

use crate::work::{Event, Log};
use statig::blocking::*;

#[derive(Default)]
struct Work {
    log: Log,
}

#[state_machine(initial = "State::c()")]
impl Work {
    #[superstate(entry_action = "enter_a", exit_action = "exit_a")]
    fn a(&mut self, event: &Event) -> Outcome<State> {
        match event {
            Event::Check => {
                self.log.effect(7);
                Handled
            }
            Event::Leave => Transition(State::f()),
            _ => Super,
        }
    }

    #[superstate(superstate = "a", entry_action = "enter_b", exit_action = "exit_b")]
    fn b(&mut self, event: &Event) -> Outcome<State> {
        match event {
            Event::Tick => {
                self.log.effect(4);
                Handled
            }
            Event::Side => {
                self.log.effect(6);
                Transition(State::e())
            }
            _ => Super,
        }
    }

    #[state(superstate = "b", entry_action = "enter_c", exit_action = "exit_c")]
    fn c(&mut self, event: &Event) -> Outcome<State> {
        match event {
            Event::Next => {
                self.log.effect(1);
                Transition(State::d())
            }
            _ => Super,
        }
    }

    #[state(superstate = "b", entry_action = "enter_d", exit_action = "exit_d")]
    fn d(&mut self, event: &Event) -> Outcome<State> {
        match event {
            Event::Next => {
                self.log.effect(2);
                Transition(State::c())
            }
            Event::Check if self.log.is_even() => {
                self.log.effect(3);
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "a", entry_action = "enter_e", exit_action = "exit_e")]
    fn e(&mut self, event: &Event) -> Outcome<State> {
        match event {
            Event::Side => {
                self.log.effect(5);
                Transition(State::c())
            }
            _ => Super,
        }
    }

    #[state(entry_action = "enter_f", exit_action = "exit_f")]
    fn f(&mut self, event: &Event) -> Outcome<State> {
        match event {
            Event::Leave => {
                self.log.effect(8);
                Transition(State::c())
            }
            _ => Super,
        }
    }

    #[action]
    fn enter_a(&mut self) {
        self.log.enter(1);
    }

    #[action]
    fn exit_a(&mut self) {
        self.log.exit(1);
    }

    #[action]
    fn enter_b(&mut self) {
        self.log.enter(2);
    }

    #[action]
    fn exit_b(&mut self) {
        self.log.exit(2);
    }

    #[action]
    fn enter_c(&mut self) {
        self.log.enter(3);
    }

    #[action]
    fn exit_c(&mut self) {
        self.log.exit(3);
    }

    #[action]
    fn enter_d(&mut self) {
        self.log.enter(4);
    }

    #[action]
    fn exit_d(&mut self) {
        self.log.exit(4);
    }

    #[action]
    fn enter_e(&mut self) {
        self.log.enter(5);
    }

    #[action]
    fn exit_e(&mut self) {
        self.log.exit(5);
    }

    #[action]
    fn enter_f(&mut self) {
        self.log.enter(6);
    }

    #[action]
    fn exit_f(&mut self) {
        self.log.exit(6);
    }
}

#[inline(never)]
fn one(machine: &mut InitializedStateMachine<Work>, event: &Event) {
    machine.handle(event);
}

pub fn run(events: &[Event], repeats: usize) -> Log {
    // Initialised here, so that handling an event has no question to ask first.
    let mut machine = Work::default().uninitialized_state_machine().init();
    for _ in 0..repeats {
        for event in events {
            one(&mut machine, event);
        }
    }
    machine.inner().log
}
