//! A machine in a target against the same target without one: nanoseconds per message on the direct path.

use crate::work::{Log, median};
use rohrpost::{Address, Context, Failure, Handle, Kernel, MachineTarget, effect, handles, hsm, record};
use std::{hint::black_box, time::Instant};

/// Messages per measurement.
const LENGTH: u64 = 1 << 20;
const ROUNDS: usize = 7;

#[derive(Clone, Debug)]
struct Tick;
#[derive(Clone, Debug)]
struct Next;
/// Has the sender send so many, ticks only or each second one a `Next`.
#[derive(Clone, Debug)]
struct Send(Address, u64, bool);
record!(Tick, "bench.tick");
record!(Next, "bench.next");
record!(Send, "bench.send");

#[derive(Default)]
struct Plain {
    log: Log,
}

impl Handle<Tick> for Plain {
    fn handle(&mut self, _: &Tick, _: &mut Context<'_>) -> Result<(), Failure> {
        self.log.effect(4);
        Ok(())
    }
}

impl Handle<Next> for Plain {
    fn handle(&mut self, _: &Next, _: &mut Context<'_>) -> Result<(), Failure> {
        self.log.exit(3);
        self.log.effect(1);
        self.log.enter(4);
        Ok(())
    }
}
handles!(Plain: Tick, Next);

#[derive(Default)]
struct Work {
    log: Log,
}

impl Work {
    fn tick(&mut self, _: &Tick, _: &mut Context<'_>) -> Result<(), Failure> {
        self.log.effect(4);
        Ok(())
    }
}

hsm! {
    chart Chart for Work;
    messages Input { Tick, Next }

    initial A;
    state A {
        initial C;
        on Tick / effect!(Work::tick);

        state C {
            exit |work, _, _| work.log.exit(3);
            entry |work, _, _| work.log.enter(3);
            on Next => D / |work, _, _| work.log.effect(1);
        }
        state D {
            exit |work, _, _| work.log.exit(4);
            entry |work, _, _| work.log.enter(4);
            on Next => C / |work, _, _| work.log.effect(2);
        }
    }
}

struct Sender;

impl Handle<Send> for Sender {
    fn handle(&mut self, send: &Send, ctx: &mut Context<'_>) -> Result<(), Failure> {
        let &Send(to, count, moves) = send;
        for at in 0..count {
            if moves && at & 1 == 0 {
                ctx.notify(to, Next);
            } else {
                ctx.notify(to, Tick);
            }
        }
        Ok(())
    }
}
handles!(Sender: Send);

pub fn measure() {
    let kernel = Kernel::builder("bench").start().expect("a kernel");
    let (space, mut worker) = kernel.namespace("bench").driven().expect("a namespace");
    let sender = space.register(Sender).expect("a target");
    let targets = [
        space.register(Plain::default()).expect("a target"),
        space.register(MachineTarget::new(Chart, Work::default())).expect("a target"),
    ];
    worker.run_until_idle();
    println!("{:<36} {:>9} {:>9} {:>9}", "in a target, ns/message", "without", "with", "more");
    for (path, moves) in [("internal event, one level up", false), ("every second one a transition", true)] {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (times, &target) in times.iter_mut().zip(&targets) {
                kernel.notify(sender, black_box(Send(target, LENGTH, moves))).expect("sent");
                let start = Instant::now();
                worker.run_until_idle();
                times.push(start.elapsed().as_nanos() as f64 / LENGTH as f64);
            }
        }
        let [without, with] = times.map(median);
        println!("  {path:<34} {without:>9.2} {with:>9.2} {:>+9.2}", with - without);
    }
}
