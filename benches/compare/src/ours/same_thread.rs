//! Same-thread rows: a driver and what it works on, on one worker.

use std::time::Instant;

use rohrpost::Address;
use rohrpost::Answers;
use rohrpost::Context;
use rohrpost::Failure;
use rohrpost::Handle;
use rohrpost::Held;
use rohrpost::Later;
use rohrpost::Message;
use rohrpost::Namespace;
use rohrpost::Observes;
use rohrpost::Outcome;
use rohrpost::RequestId;
use rohrpost::Target;
use rohrpost::handles;

use super::Add;
use super::Join;
use super::Run;
use super::Seen;
use super::Sum;
use super::Took;
use super::Total;
use super::ask;
use super::end;
use super::kernel;
use crate::alloc;
use crate::bounds;
use crate::harness::Group;
use crate::harness::Row;
use crate::harness::Timed;
use crate::harness::warm_up;
use crate::work::OBSERVERS;
use crate::work::Small;
use crate::work::Tally;
use crate::work::Token;
use crate::work::sum_of_answers;

pub fn rows() -> Vec<Row> {
    vec![
        Row::time(Group::Notify, bounds::NOTIFY, notify),
        Row::time(Group::Ask, bounds::CALL, call),
        Row::time(Group::Ask, bounds::REQUEST, request),
        Row::time(Group::Ask, bounds::SERVICE, request_to_a_service),
        Row::time(Group::Publish, bounds::PUBLISH, publish),
        Row::time(Group::Create, bounds::TARGET, create),
        Row::bytes(bounds::TARGET, idle),
    ]
}

/// Counts what it gets.
#[derive(Default)]
pub struct Sink {
    tally: Tally,
    _token: Token,
}

handles!(Sink: Small, Add, Total, Join; observes Small);

impl Handle<Small> for Sink {
    fn handle(&mut self, small: &Small, _: &mut Context<'_>) -> Result<(), Failure> {
        self.tally.put(*small);
        Ok(())
    }
}

impl Handle<Join> for Sink {
    fn handle(&mut self, join: &Join, ctx: &mut Context<'_>) -> Result<(), Failure> {
        ctx.observe::<Small>(join.0).expect("the topic is open");
        Ok(())
    }
}

impl Observes<Small> for Sink {
    fn observed(&mut self, small: &Small, _: &mut Context<'_>) {
        self.tally.put(*small);
    }
}

impl Handle<Add> for Sink {
    fn handle(&mut self, add: &Add, _: &mut Context<'_>) -> Result<Sum, Failure> {
        Ok(Sum(self.tally.add(add.0)))
    }
}

impl Handle<Total> for Sink {
    fn handle(&mut self, _: &Total, _: &mut Context<'_>) -> Result<Seen, Failure> {
        Ok(Seen(self.tally))
    }
}

/// A driver whose whole work is done within one handler.
struct Driver<F>(F);

impl<F: FnMut(&mut Context<'_>) -> Took + 'static> Target for Driver<F> {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if message.record::<Run>().is_none() {
            return Outcome::NotHandled;
        }
        let took = (self.0)(ctx);
        message.answer(took);
        Outcome::Handled
    }
}

/// Runs `work` as the handler of a target, with a [`Sink`] beside it.
fn in_handler(ops: u64, mut work: impl FnMut(Address, &mut Context<'_>) -> Took + Send + 'static) -> Timed {
    let kernel = kernel();
    let space = kernel.namespace("same").open().expect("a namespace opens");
    let sink = space.register(Sink::default()).expect("a target registers");
    let driver = Driver(move |ctx: &mut Context<'_>| work(sink, ctx));
    let driver = space.register(driver).expect("a target registers");
    let Took(timed) = ask(&kernel, driver, Run(ops));
    end(&kernel);
    timed
}

fn notify(ops: u64) -> Timed {
    in_handler(ops, move |sink, ctx| {
        let warm = warm_up(ops);
        for i in 0..warm {
            ctx.notify(sink, Small::nth(i));
        }
        let start = Instant::now();
        for i in warm..warm + ops {
            ctx.notify(sink, Small::nth(i));
        }
        let took = Took::since(start, ops);
        let Seen(tally) = ctx.call(sink, Total).expect("the sink is idle");
        assert_eq!(tally, Tally::of_puts(warm + ops));
        took
    })
}

fn call(ops: u64) -> Timed {
    in_handler(ops, move |sink, ctx| {
        let warm = warm_up(ops);
        let mut sum = 0;
        let mut add = |i| sum += ctx.call(sink, Add(i)).expect("the sink is idle").0;
        (0..warm).for_each(&mut add);
        let start = Instant::now();
        (warm..warm + ops).for_each(&mut add);
        let took = Took::since(start, ops);
        assert_eq!(sum, sum_of_answers(warm + ops));
        took
    })
}

/// Asks a sink, one question at a time, each from where the last answer arrived.
struct Asker {
    sink: Address,
    sum: u64,
    next: u64,
    warm: u64,
    until: u64,
    start: Instant,
    run: Option<Held<Run>>,
}

handles!(Asker: later Run; answers Sum);

impl Later<Run> for Asker {
    fn handle(&mut self, run: Held<Run>, ctx: &mut Context<'_>) {
        self.warm = warm_up(run.0);
        self.until = self.warm + run.0;
        self.run = Some(run);
        let _ = ctx.request(self.sink, Add(0));
    }
}

impl Answers<Sum> for Asker {
    fn answered(&mut self, answer: Result<Sum, Failure>, _: Option<RequestId>, ctx: &mut Context<'_>) {
        self.sum += answer.expect("the sink answers").0;
        self.next += 1;
        if self.next == self.warm {
            self.start = Instant::now();
        }
        if self.next < self.until {
            let _ = ctx.request(self.sink, Add(self.next));
            return;
        }
        let took = Took::since(self.start, self.until - self.warm);
        assert_eq!(self.sum, sum_of_answers(self.until));
        if let Some(run) = self.run.take() {
            run.answer(took);
        }
    }
}

fn request(ops: u64) -> Timed {
    request_to(ops, |_, sink| sink)
}

fn request_to_a_service(ops: u64) -> Timed {
    request_to(ops, |space, sink| {
        space.serve::<Add>(sink).expect("nobody else serves it");
        space.address()
    })
}

fn request_to(ops: u64, to: impl FnOnce(&Namespace, Address) -> Address) -> Timed {
    let kernel = kernel();
    let space = kernel.namespace("same").open().expect("a namespace opens");
    let sink = space.register(Sink::default()).expect("a target registers");
    let asker = Asker { sink: to(&space, sink), sum: 0, next: 0, warm: 0, until: 0, start: Instant::now(), run: None };
    let asker = space.register(asker).expect("a target registers");
    let Took(timed) = ask(&kernel, asker, Run(ops));
    let Seen(tally) = ask(&kernel, sink, Total);
    assert_eq!(tally.count, warm_up(ops) + ops);
    end(&kernel);
    timed
}

fn publish(ops: u64) -> Timed {
    in_handler(ops, move |_, ctx| {
        let topic = ctx.topic::<Small>().open().expect("the topic opens");
        let join = |_| {
            let sink = ctx.register(Sink::default()).expect("a target registers");
            ctx.notify(sink, Join(topic));
            sink
        };
        let sinks: Vec<_> = (0..OBSERVERS).map(join).collect();
        let (warm, rounds) = (warm_up(ops).div_ceil(OBSERVERS), ops.div_ceil(OBSERVERS));
        for i in 0..warm {
            ctx.notify(topic, Small::nth(i));
        }
        let start = Instant::now();
        for i in warm..warm + rounds {
            ctx.notify(topic, Small::nth(i));
        }
        let took = Took::since(start, rounds * OBSERVERS);
        for sink in sinks {
            let Seen(tally) = ctx.call(sink, Total).expect("the sink is idle");
            assert_eq!(tally, Tally::of_puts(warm + rounds));
        }
        took
    })
}

fn create(ops: u64) -> Timed {
    const TOGETHER: u64 = 100;
    in_handler(ops, move |_, ctx| {
        let before = Token::dropped();
        let mut batch = Vec::with_capacity(TOGETHER as usize);
        let mut some = || {
            for _ in 0..TOGETHER {
                batch.push(ctx.register(Sink::default()).expect("a target registers"));
            }
            for target in batch.drain(..) {
                ctx.deregister(target).expect("it was registered just now");
            }
        };
        some();
        let batches = ops.div_ceil(TOGETHER);
        let start = Instant::now();
        (0..batches).for_each(|_| some());
        let took = Took::since(start, batches * TOGETHER);
        assert_eq!(Token::dropped() - before, (batches + 1) * TOGETHER);
        took
    })
}

fn idle() -> f64 {
    const IDLE: usize = 100_000;
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    in_handler(1, move |_, ctx| {
        let start = Instant::now();
        let mut targets = Vec::with_capacity(IDLE);
        alloc::start_counting();
        for _ in 0..IDLE {
            targets.push(ctx.register(Sink::default()).expect("a target registers"));
        }
        let live = alloc::stop_counting();
        let last = ctx.call(targets[IDLE - 1], Total).expect("it is idle").0;
        assert_eq!(last, Tally::default());
        tell.send(live).expect("the row waits");
        Took::since(start, 1)
    });
    let live = told.recv().expect("the handler has told");
    live as f64 / IDLE as f64 - size_of::<Sink>() as f64
}
