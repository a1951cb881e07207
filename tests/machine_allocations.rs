//! What a machine takes from the heap while it runs: nothing.

#![expect(unsafe_code, reason = "only an allocator sees what is allocated")]

use rohrpost::{
    Address, Context, Failure, Handle, Kernel, MachineTarget, effect, handles, hsm,
    machine::{Engine, EventId, Model, State, Table, Transition},
    record,
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    /// How much has been taken.
    static COUNT: Cell<usize> = const { Cell::new(0) };
    /// How much has been taken and not given back.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// The allocator of the system, which counts for each thread.
struct Counting;

// SAFETY: everything is handed on to the allocator of the system.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        HELD.set(HELD.get() + 1);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - 1);
        // SAFETY: the caller keeps the promises of `dealloc`, and the pointer comes from `alloc` above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(run: impl FnOnce()) -> usize {
    let before = COUNT.get();
    run();
    COUNT.get() - before
}

struct Counter(u64);

impl Model for Counter {
    type Event<'e> = u8;
    type Context<'c> = ();
}

hsm! {
    chart CounterChart for Counter;
    events Input { Next = 0, Noise = 1 }
    initial S;
    state S {
        initial A;
        on Noise / |counter, _, step| {
            counter.0 += 1;
            step.raise(Input::Next);
        };
        state A {
            entry |counter, _, _| counter.0 += 1;
            on Next => B;
        }
        state B { on Next => A; }
    }
}

#[test]
fn a_fixed_machine_of_one_region_has_nothing_on_the_heap_and_allocates_nothing() {
    let mut counter = Counter(0);
    let held = HELD.get();
    let mut engine = Engine::new(CounterChart);
    let _ = engine.start(&mut counter, &mut ());
    assert_eq!(HELD.get(), held, "what the start takes it gives back");
    let count = allocations(|| {
        for event in [0, 1, 0, 0, 1, 2] {
            let _ = engine.handle(&mut { event }, &mut counter, &mut ());
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn a_machine_with_regions_histories_and_timeouts_allocates_nothing_once_it_has_moved() {
    let mut builder = Table::<Counter>::builder();
    let (step, leave, back) = (builder.event("step"), builder.event("leave"), builder.event("back"));
    let region = |name: &str, first: &'static str, second: &'static str| {
        State::new(name).initial(Transition::to(first)).state(State::new(first).on(step, Transition::to(second))).state(
            State::<Counter>::new(second)
                .entry(|counter, _, _| counter.0 += 1)
                .on(step, Transition::to(first))
                .after(std::time::Duration::from_secs(1), Transition::to(first)),
        )
    };
    let table = builder
        .initial(Transition::to("p"))
        .state(
            State::parallel("p")
                .state(region("l", "l1", "l2"))
                .state(region("r", "r1", "r2"))
                .state(State::deep_history("h"))
                .on(leave, Transition::to("out")),
        )
        .state(State::new("out").on(back, Transition::to("?")))
        .state(
            State::<Counter>::choice("?")
                .branch(Transition::to("h").when(|counter: &Counter, _, _| counter.0 > 0))
                .branch(Transition::to("p")),
        )
        .build()
        .expect("the chart has no faults");
    let mut counter = Counter(0);
    let mut engine = Engine::new(&table);
    let _ = engine.start(&mut counter, &mut ());
    let mut round = |counter: &mut Counter| {
        for event in [step, leave, back, step, leave, back, EventId::OTHER] {
            let _ = engine.dispatch(event, &mut 0, counter, &mut ());
            drop(engine.timers());
        }
    };
    round(&mut counter);
    assert_eq!(allocations(|| round(&mut counter)), 0);
}

#[derive(Clone, Debug)]
struct Step;
#[derive(Clone, Debug)]
struct Ask(u64);
#[derive(Clone, Debug)]
struct Told(u64);
#[derive(Clone, Debug)]
struct Measure;
record!(Step, "count.step");
record!(Ask, "count.ask" => Told);
record!(Told, "count.told");
record!(Measure, "count.measure" => Told);

struct Walker(u64);

impl Walker {
    fn tell(&mut self, ask: &Ask, _ctx: &mut Context<'_>) -> Result<Told, Failure> {
        Ok(Told(self.0 + ask.0))
    }
}

hsm! {
    chart WalkerChart for Walker;
    messages WalkerEvent { Step, Ask }
    initial Road;
    state Road {
        initial Left;
        on Ask / effect!(Walker::tell);
        state Left { exit |walker, _, _| walker.0 += 1; on Step => Right; }
        state Right { on Step => Left; }
    }
}

/// Walks and asks, and tells what that took from the heap.
struct Meter(Address);

impl Handle<Measure> for Meter {
    fn handle(&mut self, _: &Measure, ctx: &mut Context<'_>) -> Result<Told, Failure> {
        let mut answers = 0;
        let count = allocations(|| {
            for _ in 0..10 {
                ctx.notify(self.0, Step);
                answers += ctx.call(self.0, Ask(1)).map_or(0, |told| told.0);
            }
        });
        assert_eq!(answers, 10 + 1 + 1 + 2 + 2 + 3 + 3 + 4 + 4 + 5 + 5);
        Ok(Told(count as u64))
    }
}
handles!(Meter: Measure);

#[test]
fn a_message_to_a_machine_in_a_target_allocates_nothing() {
    let kernel = Kernel::builder("meter").start().expect("a kernel");
    let space = kernel.namespace("space").open().expect("a namespace");
    let walker = space.register(MachineTarget::new(WalkerChart, Walker(0))).expect("a target");
    let meter = space.register(Meter(walker)).expect("a target");
    let Told(count) = kernel.ask(meter, Measure).wait().expect("an answer");
    assert_eq!(count, 0);
}
