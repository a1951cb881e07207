//! The machine in both front ends of rohrpost.

use crate::work::{Event, Log};
use rohrpost::{
    hsm,
    machine::{Engine, EventId, Model, Query, State, Step, Table, Trace, Transition, Untraced},
};

pub const FIXED_SIZE: usize = size_of::<Engine<Chart>>();
pub const BUILT_SIZE: usize = size_of::<Engine<&Table<Work>>>();

#[derive(Default)]
pub struct Work {
    log: Log,
}

impl Model for Work {
    type Event<'e> = Event;
    type Context<'c> = ();
}

fn enter<const STATE: u64>(me: &mut Work, _: &mut (), _: &mut Step<'_, Event>) {
    me.log.enter(STATE);
}

fn exit<const STATE: u64>(me: &mut Work, _: &mut (), _: &mut Step<'_, Event>) {
    me.log.exit(STATE);
}

fn effect<const WHICH: u64>(me: &mut Work, _: &mut (), _: &mut Step<'_, Event>) {
    me.log.effect(WHICH);
}

fn is_even(me: &Work, _: &(), _: &Query<'_, Event>) -> bool {
    me.log.is_even()
}

hsm! {
    pub chart Chart for Work;

    events Input {
        Tick = Event::Tick,
        Next = Event::Next,
        Side = Event::Side,
        Leave = Event::Leave,
        Check = Event::Check,
    }

    initial A;

    state A {
        entry enter::<1>;
        exit exit::<1>;
        initial B;
        on Check / effect::<7>;
        on Leave => F;

        state B {
            entry enter::<2>;
            exit exit::<2>;
            initial C;
            on Tick / effect::<4>;
            on Side => E / effect::<6>;

            state C {
                entry enter::<3>;
                exit exit::<3>;
                on Next => D / effect::<1>;
            }
            state D {
                entry enter::<4>;
                exit exit::<4>;
                on Next => C / effect::<2>;
                on Check if is_even => internal / effect::<3>;
            }
        }
        state E {
            entry enter::<5>;
            exit exit::<5>;
            on Side => B / effect::<5>;
        }
    }
    state F {
        entry enter::<6>;
        exit exit::<6>;
        on Leave => A / effect::<8>;
    }
}

fn table() -> Table<Work> {
    let mut builder = Table::<Work>::builder();
    let tick = builder.event("Tick");
    let next = builder.event("Next");
    let side = builder.event("Side");
    let leave = builder.event("Leave");
    let check = builder.event("Check");
    builder
        .initial(Transition::to("A"))
        .state(
            State::new("A")
                .entry(enter::<1>)
                .exit(exit::<1>)
                .initial(Transition::to("B"))
                .on(check, Transition::internal().effect(effect::<7>))
                .on(leave, Transition::to("F"))
                .state(
                    State::new("B")
                        .entry(enter::<2>)
                        .exit(exit::<2>)
                        .initial(Transition::to("C"))
                        .on(tick, Transition::internal().effect(effect::<4>))
                        .on(side, Transition::to("E").effect(effect::<6>))
                        .state(
                            State::new("C")
                                .entry(enter::<3>)
                                .exit(exit::<3>)
                                .on(next, Transition::to("D").effect(effect::<1>)),
                        )
                        .state(
                            State::new("D")
                                .entry(enter::<4>)
                                .exit(exit::<4>)
                                .on(next, Transition::to("C").effect(effect::<2>))
                                .on(check, Transition::internal().when(is_even).effect(effect::<3>)),
                        ),
                )
                .state(
                    State::new("E").entry(enter::<5>).exit(exit::<5>).on(side, Transition::to("B").effect(effect::<5>)),
                ),
        )
        .state(State::new("F").entry(enter::<6>).exit(exit::<6>).on(leave, Transition::to("A").effect(effect::<8>)))
        .build()
        .expect("the chart has no faults")
}

#[inline(never)]
fn one_fixed(engine: &mut Engine<Chart>, work: &mut Work, mut event: Event) {
    engine.handle(&mut event, work, &mut ());
}

pub fn run_fixed(events: &[Event], repeats: usize) -> Log {
    let mut work = Work::default();
    let mut engine = Engine::new(Chart);
    engine.start(&mut work, &mut ());
    for _ in 0..repeats {
        for &event in events {
            one_fixed(&mut engine, &mut work, event);
        }
    }
    work.log
}

#[inline(never)]
fn one_built<T: Trace>(engine: &mut Engine<&Table<Work>, T>, work: &mut Work, mut event: Event) {
    engine.dispatch(EventId::new(event as u16), &mut event, work, &mut ());
}

fn run_table<T: Trace>(trace: T, events: &[Event], repeats: usize) -> Log {
    let mut work = Work::default();
    let table = table();
    let mut engine = Engine::traced(&table, trace);
    engine.start(&mut work, &mut ());
    for _ in 0..repeats {
        for &event in events {
            one_built(&mut engine, &mut work, event);
        }
    }
    work.log
}

pub fn run_built(events: &[Event], repeats: usize) -> Log {
    run_table(Untraced, events, repeats)
}

/// Looks at nothing, but keeps the engine from using its plans.
struct Look;

impl Trace for Look {}

pub fn run_general(events: &[Event], repeats: usize) -> Log {
    run_table(Look, events, repeats)
}
