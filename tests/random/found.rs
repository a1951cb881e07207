//! Programs that once failed, each reduced to what it takes.

mod circles;
mod ends;
mod faults;
mod rooms;
mod successors;

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::{Address, Code, Context, Driven, HeldMessage, Kernel, Message, Outcome, Target};

/// What a test waits at most for what has to happen soon.
const SOON: Duration = Duration::from_secs(5);

/// A target that does what its closures say.
struct Does<R, A> {
    receive: R,
    answered: A,
}

impl<R, A> Target for Does<R, A>
where
    R: FnMut(&mut Message<'_>, &mut Context<'_>) -> Outcome + 'static,
    A: FnMut(&mut Message<'_>, &mut Context<'_>) + 'static,
{
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        (self.receive)(message, ctx)
    }

    fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        (self.answered)(answer, ctx);
    }
}

/// A target that says *handled* when `receive` has run.
fn does(mut receive: impl FnMut(&mut Message<'_>, &mut Context<'_>) + 'static + Send) -> impl Target + Send {
    let receive = move |message: &mut Message<'_>, ctx: &mut Context<'_>| {
        receive(message, ctx);
        Outcome::Handled
    };
    Does { receive, answered: |_: &mut Message<'_>, _: &mut Context<'_>| {} }
}

/// A target that requests `()` of `to` whenever it gets mail, and passes on the codes of what comes back.
fn asks(to: Address, codes: Sender<Code>) -> impl Target + Send {
    Does {
        receive: move |_: &mut Message<'_>, ctx: &mut Context<'_>| {
            let _ = ctx.request(to, ());
            Outcome::Handled
        },
        answered: move |answer: &mut Message<'_>, _: &mut Context<'_>| {
            let _ = codes.send(answer.code());
        },
    }
}

/// A target that puts what it gets on the shelf.
fn keeps(shelf: Arc<Mutex<Vec<HeldMessage>>>) -> impl Target + Send {
    does(move |message, ctx| {
        if let Ok(held) = ctx.hold(message) {
            shelf.lock().unwrap().push(held);
        }
    })
}

fn kernel() -> Kernel {
    Kernel::builder("node").start().unwrap()
}

fn settle(workers: &mut [&mut Driven]) {
    for _ in 0..1000 {
        if workers.iter_mut().map(|worker| worker.run_until_idle()).sum::<usize>() == 0 {
            return;
        }
    }
    panic!("expected the workers to come to rest");
}

/// Has `run` done on another thread, `SOON` at most.
fn in_time<R: Send + 'static>(what: &str, run: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, end) = mpsc::channel();
    std::thread::spawn(move || done.send(run()));
    end.recv_timeout(SOON).unwrap_or_else(|_| panic!("expected {what} to end in {SOON:?}"))
}
