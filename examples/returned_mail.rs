//! Every code with which mail comes back inside one program, provoked on purpose: the code, how, what came back.
//!
//! Look at the last column: the letter itself is there again, so that its sender can send it elsewhere. Where it is
//! not, somebody else still has it. Look at `main` too: the namespaces have no threads, they run when they are told
//! to, and the clock is turned by hand; so this program does the same each time it runs.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rohrpost::{
    Address, Code, Context, Driven, Failure, Handle, Held, Kernel, Later, ManualClock, Meanwhile, Message, Nid, NodeId,
    Outcome, Restart, Setup, Target, Tid, handles, record,
};

/// What is sent, with its stamp.
#[derive(Clone, Debug)]
struct Letter(char);
#[derive(Clone, Debug)]
struct Receipt;
/// Has the clerk send a letter.
#[derive(Clone, Debug)]
struct Errand(Letter, Address, Way);

record!(Letter, "post.letter" => Receipt);
record!(Receipt, "post.receipt");
record!(Errand, "post.errand");

#[derive(Clone, Copy, Debug)]
enum Way {
    Notify,
    Request,
    RequestWithin(Duration),
    Call,
}

/// A code of this program's own.
const NO_POSTAGE: Code = Code::application(0);

/// Sends what it is told to, and writes down what comes back.
struct Clerk {
    returned: Rc<RefCell<Vec<(Code, String)>>>,
}

impl Target for Clerk {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let Some(Errand(letter, to, way)) = message.take() else {
            return Outcome::NotHandled;
        };
        match way {
            Way::Notify => ctx.notify(to, letter),
            Way::Request => drop(ctx.request(to, letter)),
            Way::RequestWithin(timeout) => drop(ctx.within(timeout).request(to, letter)),
            Way::Call => {
                if let Err(mut failure) = ctx.call(to, letter) {
                    let back = describe(failure.take_record(), failure.text());
                    self.returned.borrow_mut().push((failure.code(), back));
                }
            }
        }
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, _ctx: &mut Context<'_>) {
        let back = describe(answer.take(), answer.text());
        self.returned.borrow_mut().push((answer.code(), back));
    }
}

/// Knows no record at all.
struct Illiterate;
handles!(Illiterate:);

struct Clumsy;
impl Handle<Letter> for Clumsy {
    fn handle(&mut self, letter: &Letter, _ctx: &mut Context<'_>) -> Result<Receipt, Failure> {
        panic!("letter {} fell apart", letter.0);
    }
}
handles!(Clumsy: Letter);

struct Strict;
impl Handle<Letter> for Strict {
    fn handle(&mut self, _letter: &Letter, _ctx: &mut Context<'_>) -> Result<Receipt, Failure> {
        Err(Failure::new(NO_POSTAGE, "no postage on it"))
    }
}
handles!(Strict: Letter);

/// Keeps every letter and never answers.
#[derive(Default)]
struct Keeper(Vec<Held<Letter>>);
impl Later<Letter> for Keeper {
    fn handle(&mut self, letter: Held<Letter>, _ctx: &mut Context<'_>) {
        self.0.push(letter);
    }
}
handles!(Keeper: later Letter);

/// Answers a letter with the letter, where `record!` says that a receipt answers it.
struct Echo;
impl Target for Echo {
    fn receive(&mut self, message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        message.answer(Letter('?'));
        Outcome::Handled
    }
}

fn describe(letter: Option<Letter>, text: &str) -> String {
    let letter = letter.map_or_else(|| "no letter".to_owned(), |letter| format!("{letter:?}"));
    if text.is_empty() { letter } else { format!("{letter}: {text}") }
}

/// The clerk's office, and the table that is printed there.
struct Office {
    kernel: Kernel,
    worker: Driven,
    clerk: Address,
    returned: Rc<RefCell<Vec<(Code, String)>>>,
    stamps: std::ops::RangeInclusive<char>,
}

impl Office {
    fn letter(&mut self) -> Letter {
        Letter(self.stamps.next().unwrap_or('?'))
    }

    fn send(&mut self, way: Way, to: Address) -> Result<(), Box<dyn Error>> {
        let errand = Errand(self.letter(), to, way);
        self.kernel.notify(self.clerk, errand)?;
        self.worker.run_until_idle();
        Ok(())
    }

    /// Prints the one message that has come back.
    fn show(&mut self, expected: Code, how: &str) -> Result<(), Box<dyn Error>> {
        self.worker.run_until_idle();
        let mut returned = self.returned.take();
        match (returned.pop(), returned.is_empty()) {
            (Some((code, back)), true) => row(expected, code, how, &back),
            (last, _) => Err(format!("{how}: expected one message, {last:?} came last, {returned:?} before").into()),
        }
    }

    fn provoke(&mut self, expected: Code, way: Way, to: Address, how: &str) -> Result<(), Box<dyn Error>> {
        self.send(way, to)?;
        self.show(expected, how)
    }
}

/// Prints a row of the table, if the code is the one that was to be shown.
fn row(expected: Code, code: Code, how: &str, back: &str) -> Result<(), Box<dyn Error>> {
    if code != expected {
        return Err(format!("{how}: expected {expected}, not {code}").into());
    }
    println!("{code:<15} {how:<52} {back}");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let clock = Arc::new(ManualClock::new());
    let kernel = Kernel::builder("earth").clock(clock.clone()).start()?;
    let (office, mut worker) = kernel.namespace("office").driven()?;
    // Its hand-off has room for one thing, and is never emptied.
    let (island, island_worker) = kernel.namespace("island").capacity(1).driven()?;
    let islander = island.register(Strict)?; // that one thing

    let returned = Rc::default();
    let clerk = Clerk { returned: Rc::clone(&returned) };
    let clerk = worker.build(|thread| thread.register(clerk))?;
    let illiterate = office.register(Illiterate)?;
    let clumsy = office.register(Clumsy)?;
    let restart =
        Restart::new().backoff(Duration::from_secs(1)..=Duration::from_secs(60), 2).meanwhile(Meanwhile::Return);
    let supervised = office.register_factory(Setup::new().restart(restart), || Clumsy)?;
    let strict = office.register(Strict)?;
    let keeper = office.register(Keeper::default())?;
    let echo = office.register(Echo)?;
    let nobody = Address::target(Tid::name("nobody"));
    let nowhere = nobody.in_namespace(Nid::name("nowhere"));
    let mars = nobody.on_node(NodeId::name("mars"));

    println!("{:<15} {:<52} what came back\n{}", "code", "how", "-".repeat(100));
    let mut desk = Office { kernel: kernel.clone(), worker, clerk, returned, stamps: 'A'..='Z' };
    desk.provoke(Code::NOT_HANDLED, Way::Notify, illiterate, "notify: the receiver does not know the record")?;
    desk.provoke(Code::NO_TARGET, Way::Notify, nobody, "notify: nobody has that name")?;
    desk.provoke(Code::NO_NAMESPACE, Way::Notify, nowhere, "notify: there is no such namespace")?;
    desk.provoke(Code::NO_SERVICE, Way::Notify, office.address(), "notify: nobody offers the record as a service")?;
    desk.provoke(Code::NO_NODE, Way::Notify, mars, "notify: there is no way to that node")?;
    desk.provoke(Code::BUSY, Way::Notify, islander, "notify: the other thread's hand-off is full")?;
    desk.provoke(NO_POSTAGE, Way::Request, strict, "request: a code of the application's own")?;

    // These panics are wanted, and the table tells of them: what the usual hook prints would only stand in between.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let restarted = "notify: the handler panics, to be restarted later";
    let provoked = desk
        .provoke(Code::EXCEPTION, Way::Request, clumsy, "request: the handler panics")
        .and_then(|()| desk.provoke(Code::EXCEPTION, Way::Notify, supervised, restarted));
    std::panic::set_hook(hook);
    provoked?;
    desk.provoke(Code::RESTARTING, Way::Notify, supervised, "notify: it is not back yet, and keeps no mail")?;

    desk.send(Way::RequestWithin(Duration::from_secs(1)), keeper)?;
    clock.advance(Duration::from_secs(2));
    desk.show(Code::EXPIRED, "request within 1 s: the receiver keeps it for 2 s")?;
    desk.send(Way::Request, keeper)?;
    office.deregister(keeper)?;
    // The letter that has expired goes with its keeper, too; it is counted, and not shown twice.
    desk.show(Code::STOPPED, "request: its keeper is deregistered")?;

    desk.provoke(Code::WOULD_DEADLOCK, Way::Call, clerk, "call: the receiver is the caller itself")?;
    desk.provoke(Code::WOULD_BLOCK, Way::Call, islander, "call: the receiver lives on another thread")?;
    desk.provoke(Code::MALFORMED, Way::Call, echo, "call: the answer is not of the type it should be")?;

    // Outside there is no sender to come back to: what fails at once is an error, with the message inside.
    let Err(full) = kernel.notify(islander, desk.letter()) else {
        return Err("expected the hand-off to be full".into());
    };
    let (code, letter) = (full.code(), full.into_message().take());
    row(Code::BUSY, code, "notify from outside: the hand-off is full", &describe(letter, ""))?;
    let Err(mut failure) = kernel.ask(strict, desk.letter()).wait() else {
        return Err("expected a thread not to wait for what it has to do itself".into());
    };
    let back = describe(failure.take_record(), "");
    row(Code::WOULD_BLOCK, failure.code(), "ask: this very thread runs the receiver", &back)?;

    let stamp = desk.letter();
    drop((desk, island_worker));
    let _ = kernel.stop(Duration::from_secs(5));
    let Err(mut failure) = kernel.ask(strict, stamp).wait() else {
        return Err("expected no answer from a kernel that has stopped".into());
    };
    row(Code::STOPPED, failure.code(), "ask: the kernel has stopped", &describe(failure.take_record(), ""))?;

    let mail = kernel.counters();
    println!("\n{} messages sent = {} handled + {} returned", mail.sent, mail.handled, mail.returned);
    if mail.is_balanced() { Ok(()) } else { Err(format!("the counters do not add up: {mail:?}").into()) }
}
