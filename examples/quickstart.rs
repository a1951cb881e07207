//! The smallest whole program: two namespaces, requests and their answers, a notification, a message that comes back.
//!
//! Look at `Clerk`: it sends four messages from one handler and keeps no list of them. What it asked for arrives in
//! `answered` when the handler has returned, whether it is an answer, a refusal, or mail for nobody. The calculator
//! runs on another thread; nothing in either target says so.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;
use std::time::Duration;

use rohrpost::{
    Address, Answers, Code, Context, Failure, Handle, Held, Kernel, Later, RequestId, Tid, handles, record,
};

#[derive(Clone, Debug)]
struct Add(i64, i64);
#[derive(Clone, Debug)]
struct Sum(i64);
#[derive(Clone, Debug)]
struct Reset;
#[derive(Clone, Debug)]
struct Errands;

record!(Add, "calc.add" => Sum); // a request, and what answers it
record!(Sum, "calc.sum");
record!(Reset, "calc.reset");
record!(Errands, "office.errands");

/// A code of this program's own; they begin at 1000.
const OVERFLOW: Code = Code::application(0);

#[derive(Default)]
struct Calculator {
    additions: u32,
}

impl Handle<Add> for Calculator {
    fn handle(&mut self, add: &Add, _ctx: &mut Context<'_>) -> Result<Sum, Failure> {
        self.additions += 1;
        add.0.checked_add(add.1).map(Sum).ok_or_else(|| Failure::new(OVERFLOW, "the sum does not fit"))
    }
}

impl Handle<Reset> for Calculator {
    fn handle(&mut self, _reset: &Reset, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.additions = 0;
        Ok(())
    }
}

handles!(Calculator: Add, Reset);

struct Clerk {
    calculator: Address,
    /// Requests that are not back yet.
    open: u32,
    /// Who sent the clerk; gets its answer when everything is back.
    errands: Option<Held<Errands>>,
}

impl Later<Errands> for Clerk {
    fn handle(&mut self, errands: Held<Errands>, ctx: &mut Context<'_>) {
        self.errands = Some(errands);
        let nobody = Address::target(Tid::name("nobody"));
        for (what, to, add) in [
            ("the calculator", self.calculator, Add(2, 3)),
            ("the calculator", self.calculator, Add(i64::MAX, 1)),
            ("nobody", nobody, Add(1, 1)),
        ] {
            let id = ctx.request(to, add.clone()).id();
            println!("clerk: {add:?} to {what} is request {id}");
            self.open += 1;
        }
        ctx.notify(self.calculator, Reset); // comes back only if it fails
        println!("clerk: all sent, and nothing has come back while this handler ran");
    }
}

impl Answers<Sum> for Clerk {
    fn answered(&mut self, sum: Result<Sum, Failure>, request: Option<RequestId>, _ctx: &mut Context<'_>) {
        match (sum, request) {
            (Ok(Sum(sum)), Some(id)) => println!("clerk: request {id} is answered: {sum}"),
            (Err(failure), Some(id)) => println!("clerk: request {id} came back: {failure}"),
            (_, None) => println!("clerk: a notification came back"),
        }
        self.open -= 1;
        if self.open == 0
            && let Some(errands) = self.errands.take()
        {
            errands.answer(());
        }
    }
}

handles!(Clerk: later Errands; answers Sum);

fn main() -> Result<(), Box<dyn Error>> {
    let kernel = Kernel::builder("house").start()?;
    let calc = kernel.namespace("calc").open()?;
    let office = kernel.namespace("office").open()?;

    let calculator = calc.register_as("calculator", Calculator::default())?;
    let clerk = office.register(Clerk { calculator, open: 0, errands: None })?;
    println!("main:  the calculator lives at {calculator}, the clerk at {clerk}");

    // A plain thread asks, and waits for the answer.
    let Sum(sum) = kernel.ask(calculator, Add(20, 22)).timeout(Duration::from_secs(5)).wait()?;
    println!("main:  20 + 22 = {sum}");
    kernel.ask(clerk, Errands).timeout(Duration::from_secs(5)).wait()?;

    let report = kernel.stop(Duration::from_secs(5));
    let mail = kernel.counters();
    println!("main:  {} threads have ended", report.ended.len());
    println!("main:  {} messages sent = {} handled + {} returned", mail.sent, mail.handled, mail.returned);
    Ok(())
}
