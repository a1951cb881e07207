//! What threads do that are no workers: they notify and ask.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rohrpost::{Ask, Failure, Message, Record};

use crate::actor::with_second;
use crate::ledger::From;
use crate::letter::{Letter, Parcel, Reply};
use crate::program::{Mail, Way};
use crate::world::World;

/// A question that has not been answered yet.
pub(crate) type Question = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send>>;

/// Sends a notification from outside, or tries to.
pub(crate) fn notify(mail: &Arc<Mail>, world: &Arc<World>, thread: usize) {
    if mail.large {
        notify_with(Parcel::new, mail, world, thread);
    } else {
        notify_with(Letter::new, mail, world, thread);
    }
}

fn notify_with<R: Record>(
    record: impl FnOnce(&Arc<Mail>, &Arc<World>) -> R,
    mail: &Arc<Mail>,
    world: &Arc<World>,
    thread: usize,
) {
    let to = world.address(mail.to);
    world.ledger.sent(mail, From::Outside(thread), mail.within.is_some());
    let record = record(mail, world);
    let mut message = match mail.way {
        Way::Notify if mail.within.is_none() => {
            return refuse(world.kernel.notify(to, record), mail, world);
        }
        Way::SendRequest => Message::request(to, record),
        _ => Message::notification(to, record),
    };
    if let Some(millis) = mail.within {
        message = message.deadline(world.kernel.now().after(Duration::from_millis(millis)));
    }
    refuse(world.kernel.send(with_second(message, mail, world)), mail, world);
}

fn refuse(sent: Result<(), rohrpost::SendError>, mail: &Mail, world: &World) {
    if let Err(error) = sent {
        world.ledger.refused(mail.number, error.code());
        world.ledger.defuse(mail.number);
        let message = error.into_message();
        if Letter::of(&message).is_none_or(|letter| letter.mail.number != mail.number) {
            world.ledger.fault(format!("mail {} was refused and did not come back", mail.number));
        }
    }
}

/// A question from outside, not asked yet. It has a timeout only if `timed`.
pub(crate) fn question(mail: &Arc<Mail>, world: &Arc<World>, thread: usize, timed: bool) -> Question {
    let timeout = mail.within.filter(|_| timed).map(Duration::from_millis);
    world.ledger.sent(mail, From::Outside(thread), timeout.is_some());
    let to = world.address(mail.to);
    if mail.large {
        Box::pin(with_timeout(world.kernel.ask(to, Parcel::new(mail, world)), timeout))
    } else {
        Box::pin(with_timeout(world.kernel.ask(to, Letter::new(mail, world)), timeout))
    }
}

/// Asks, and waits for the answer on this thread.
pub(crate) fn wait(mail: &Arc<Mail>, world: &Arc<World>, thread: usize) {
    let timeout = mail.within.map(Duration::from_millis);
    world.ledger.sent(mail, From::Outside(thread), timeout.is_some());
    let to = world.address(mail.to);
    let end = if mail.large {
        with_timeout(world.kernel.ask(to, Parcel::new(mail, world)), timeout).wait()
    } else {
        with_timeout(world.kernel.ask(to, Letter::new(mail, world)), timeout).wait()
    };
    world.asked(mail.number, thread, &end);
}

fn with_timeout<R: Record>(ask: Ask<R>, timeout: Option<Duration>) -> Ask<R> {
    match timeout {
        Some(timeout) => ask.timeout(timeout),
        None => ask,
    }
}

/// Looks whether there is an answer.
pub(crate) fn poll(question: &mut Question) -> Option<Result<Reply, Failure>> {
    match question.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(end) => Some(end),
        Poll::Pending => None,
    }
}

/// Waits for a question on this thread, as an executor does.
pub(crate) fn block_on(mut question: Question) -> Result<Reply, Failure> {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        if let Poll::Ready(end) = question.as_mut().poll(&mut Context::from_waker(&waker)) {
            return end;
        }
        std::thread::park();
    }
}
