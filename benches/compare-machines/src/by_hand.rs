//! The machine as one would write it without a library.

use crate::work::{Event, Log};

#[derive(Clone, Copy)]
enum State {
    C,
    D,
    E,
    F,
}

struct Machine {
    state: State,
    log: Log,
}

impl Machine {
    fn new() -> Self {
        let mut machine = Self { state: State::C, log: Log::default() };
        machine.enter_a();
        machine
    }

    #[inline]
    fn handle(&mut self, event: Event) {
        match self.state {
            State::C => match event {
                Event::Next => {
                    self.log.exit(3);
                    self.log.effect(1);
                    self.log.enter(4);
                    self.state = State::D;
                }
                event => self.handle_b(event, 3),
            },
            State::D => match event {
                Event::Next => {
                    self.log.exit(4);
                    self.log.effect(2);
                    self.log.enter(3);
                    self.state = State::C;
                }
                Event::Check if self.log.is_even() => self.log.effect(3),
                event => self.handle_b(event, 4),
            },
            State::E => match event {
                Event::Side => {
                    self.log.exit(5);
                    self.log.effect(5);
                    self.log.enter(2);
                    self.log.enter(3);
                    self.state = State::C;
                }
                Event::Leave => {
                    self.log.exit(5);
                    self.leave_a();
                }
                event => self.handle_a(event),
            },
            State::F => {
                if event == Event::Leave {
                    self.log.exit(6);
                    self.log.effect(8);
                    self.enter_a();
                }
            }
        }
    }

    #[inline]
    fn handle_b(&mut self, event: Event, leaf: u64) {
        match event {
            Event::Tick => self.log.effect(4),
            Event::Side => {
                self.log.exit(leaf);
                self.log.exit(2);
                self.log.effect(6);
                self.log.enter(5);
                self.state = State::E;
            }
            Event::Leave => {
                self.log.exit(leaf);
                self.log.exit(2);
                self.leave_a();
            }
            event => self.handle_a(event),
        }
    }

    #[inline]
    fn handle_a(&mut self, event: Event) {
        if event == Event::Check {
            self.log.effect(7);
        }
    }

    #[inline]
    fn leave_a(&mut self) {
        self.log.exit(1);
        self.log.enter(6);
        self.state = State::F;
    }

    #[inline]
    fn enter_a(&mut self) {
        self.log.enter(1);
        self.log.enter(2);
        self.log.enter(3);
        self.state = State::C;
    }
}

#[inline(never)]
fn one(machine: &mut Machine, event: Event) {
    machine.handle(event);
}

pub fn run(events: &[Event], repeats: usize) -> Log {
    let mut machine = Machine::new();
    for _ in 0..repeats {
        for &event in events {
            one(&mut machine, event);
        }
    }
    machine.log
}
