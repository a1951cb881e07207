//! The demo services: something to ping, list, watch and send to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rohrpost::{Address, Code, Context, Failure, Handle, Kernel, Nid, RegisterError, handles, record};
use serde::{Deserialize, Serialize};

use crate::trouble::Trouble;

/// Where they are.
pub(crate) const NAMESPACE: Nid = Nid::name("demo");

/// The code of a division by zero.
const NO_QUOTIENT: Code = Code::application(0);

/// What is offered: the record, and what it does.
pub(crate) const OFFERED: [(&str, &str); 3] = [
    ("demo.echo", "comes back as it was"),
    ("demo.calculate", "calculates, and refuses to divide by zero"),
    ("demo.time", "a topic: the time of day, each second"),
];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Echo {
    pub(crate) text: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Calculate {
    pub(crate) left: f64,
    pub(crate) operator: Operator,
    pub(crate) right: f64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Operator {
    #[serde(rename = "+")]
    Plus,
    #[serde(rename = "-")]
    Minus,
    #[serde(rename = "*")]
    Times,
    #[serde(rename = "/")]
    By,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Number(pub(crate) f64);

/// The time of day, in seconds since 1970 (UTC).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Time {
    pub(crate) seconds: u64,
}

/// The clock's hand moves.
#[derive(Clone, Debug)]
struct Tick;

record!(Echo, "demo.echo" => Echo, wire);
record!(Calculate, "demo.calculate" => Number, wire);
record!(Number, "demo.number", wire);
record!(Time, "demo.time", wire);
record!(Tick, "demo.tick", local);

struct Parrot;

impl Handle<Echo> for Parrot {
    fn handle(&mut self, echo: &Echo, _: &mut Context<'_>) -> Result<Echo, Failure> {
        Ok(echo.clone())
    }
}

handles!(Parrot: Echo);

struct Calculator;

impl Handle<Calculate> for Calculator {
    fn handle(&mut self, question: &Calculate, _: &mut Context<'_>) -> Result<Number, Failure> {
        let &Calculate { left, operator, right } = question;
        Ok(Number(match operator {
            Operator::Plus => left + right,
            Operator::Minus => left - right,
            Operator::Times => left * right,
            Operator::By if right == 0.0 => return Err(Failure::new(NO_QUOTIENT, "nothing can be divided by zero")),
            Operator::By => left / right,
        }))
    }
}

handles!(Calculator: Calculate);

struct Clock;

impl Handle<Tick> for Clock {
    fn handle(&mut self, _: &Tick, ctx: &mut Context<'_>) -> Result<(), Failure> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        ctx.notify(Address::service(NAMESPACE), Time { seconds });
        Ok(())
    }
}

handles!(Clock: Tick);

/// Opens the demo services on a node.
pub(crate) fn open(kernel: &Kernel) -> Result<(), Trouble> {
    let space = kernel.namespace("demo").open().map_err(Trouble::setup)?;
    let refused = |fault: RegisterError| Trouble::setup(fault);
    let parrot = space.register_as("parrot", Parrot).map_err(refused)?;
    let calculator = space.register_as("calculator", Calculator).map_err(refused)?;
    let clock = space.register_as("clock", Clock).map_err(refused)?;
    space.serve::<Echo>(parrot).map_err(Trouble::setup)?;
    space.serve::<Calculate>(calculator).map_err(Trouble::setup)?;
    space.topic::<Time>().retain_last().open().map_err(Trouble::setup)?;
    space.timer(clock, Tick).every(Duration::from_secs(1)).map_err(Trouble::setup)?;
    Ok(())
}
