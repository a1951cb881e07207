//! The targets that the rows measure.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use rohrpost::{
    Address, Answers, Code, Context, Failure, Handle, Message, Outcome, RequestId, Target, handles, record,
};

/// One small record of 16 bytes.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "the second word is there to be carried")]
pub(crate) struct Small(pub(crate) u64, pub(crate) u64);

/// A record of a kilobyte, which is lent from the sender's stack.
#[derive(Clone, Debug)]
pub(crate) struct Large(pub(crate) [u64; 128]);

#[derive(Clone, Debug)]
pub(crate) struct Add(pub(crate) u64, pub(crate) u64);

#[derive(Clone, Debug)]
pub(crate) struct Sum(pub(crate) u64);

/// Has a driver do `1` of what `0` says and tell how long it took.
#[derive(Clone, Debug)]
pub(crate) struct Drive(pub(crate) Path, pub(crate) u64);

#[derive(Clone, Debug)]
pub(crate) struct Took(pub(crate) Duration);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Path {
    Notify,
    NotifyLarge,
    Call,
    Request,
    Register,
}

record!(Small, "bench.small");
record!(Large, "bench.large");
record!(Add, "bench.add" => Sum);
record!(Sum, "bench.sum");
record!(Drive, "bench.drive" => Took);
record!(Took, "bench.took");

/// Adds up what it gets.
#[derive(Default)]
pub(crate) struct Adder(u64);

impl Handle<Small> for Adder {
    fn handle(&mut self, small: &Small, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.0 = self.0.wrapping_add(small.0);
        Ok(())
    }
}

impl Handle<Large> for Adder {
    fn handle(&mut self, large: &Large, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.0 = self.0.wrapping_add(large.0[0]);
        Ok(())
    }
}

impl Handle<Add> for Adder {
    fn handle(&mut self, add: &Add, _ctx: &mut Context<'_>) -> Result<Sum, Failure> {
        Ok(Sum(add.0.wrapping_add(add.1)))
    }
}

handles!(Adder: Small, Add, Large);

/// Sends to another target of its thread and takes the time.
pub(crate) struct Driver {
    pub(crate) to: Address,
    pub(crate) sum: u64,
}

impl Handle<Drive> for Driver {
    fn handle(&mut self, drive: &Drive, ctx: &mut Context<'_>) -> Result<Took, Failure> {
        let started = Instant::now();
        for turn in 0..drive.1 {
            match drive.0 {
                Path::Notify => ctx.notify(self.to, Small(turn, 1)),
                Path::NotifyLarge => ctx.notify(self.to, Large([turn; 128])),
                Path::Call => self.sum = self.sum.wrapping_add(ctx.call(self.to, Add(turn, 1))?.0),
                Path::Request => {
                    let _ = ctx.request(self.to, Add(turn, 1));
                }
                Path::Register => {
                    let made = ctx.register(Adder::default()).map_err(|_| Failure::from(Code::BUSY))?;
                    ctx.deregister(made)?;
                }
            }
        }
        Ok(Took(started.elapsed()))
    }
}

impl Answers<Sum> for Driver {
    fn answered(&mut self, sum: Result<Sum, Failure>, _request: Option<RequestId>, _ctx: &mut Context<'_>) {
        self.sum = self.sum.wrapping_add(sum.map_or(0, |sum| sum.0));
    }
}

handles!(Driver: Drive; answers Sum);

/// One of a ring of targets.
pub(crate) struct Hop {
    pub(crate) next: Option<Address>,
    pub(crate) by: Passing,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Passing {
    Notify,
    Forward,
}

impl Target for Hop {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        match (self.next, self.by) {
            (Some(next), Passing::Notify) => ctx.notify(next, Small(1, 2)),
            (Some(next), Passing::Forward) => ctx.forward(message, next),
            (None, _) => {}
        }
        Outcome::Handled
    }
}

/// Sends a count back and forth until it is zero, then says so.
pub(crate) struct Player {
    /// To whom it sends; back to the sender if there is nobody.
    pub(crate) other: Option<Address>,
    pub(crate) done: Option<Sender<()>>,
}

impl Target for Player {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let Some(&Small(left, _)) = message.record() else {
            return Outcome::NotHandled;
        };
        match (left.checked_sub(1), self.other.or_else(|| message.sender())) {
            (Some(left), Some(to)) => ctx.notify(to, Small(left, 0)),
            _ => self.done.iter().for_each(|done| {
                // The bench may have gone.
                let _ = done.send(());
            }),
        }
        Outcome::Handled
    }
}
