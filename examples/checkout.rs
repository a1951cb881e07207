//! A checkout that waits for its bank: a state machine in a target, and mail that waits for the right state.
//!
//! Look at `Paying`: the state is modal. While the bank thinks, everything but a cancellation is deferred: the customer's
//! `Add` is neither lost nor answered with an excuse, it waits and comes in its turn when the bank has answered. The answer
//! is an event like any other. Look at the customer's side in `main`: nothing there knows of states. Then look at the last
//! lines: what a closed checkout does not take comes back with a code that says why.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;
use std::thread;
use std::time::Duration;

use rohrpost::machine::Step;
use rohrpost::{
    Address, Ask, Code, Context, Failure, Held, Kernel, Later, MachineTarget, Message, Record, WhichState, effect,
    guard, handles, hsm, record,
};

/// Puts something into the basket.
#[derive(Clone, Debug)]
struct Add(u32);
#[derive(Clone, Debug)]
struct Basket(u32);
/// Pays what is in the basket.
#[derive(Clone, Debug)]
struct Pay;
#[derive(Clone, Debug)]
struct Cancel;
/// Asks the bank for money.
#[derive(Clone, Debug)]
struct Charge(u32);
#[derive(Clone, Debug)]
struct Receipt(u32);

record!(Add, "shop.add" => Basket);
record!(Basket, "shop.basket");
record!(Pay, "shop.pay");
record!(Cancel, "shop.cancel");
record!(Charge, "bank.charge" => Receipt);
record!(Receipt, "bank.receipt");

hsm! {
    chart CheckoutChart for Checkout;

    messages CheckoutEvent {
        Add,
        Pay,
        Cancel,
        Paid = answer Receipt,
        Refused = returned Charge,
    }

    initial Shopping;
    on Cancel => Closed;

    state Shopping {
        on Add / effect!(Checkout::add);
        on Pay if guard!(Checkout::has_something) => Paying;
    }
    state Paying {
        entry Checkout::charge;
        modal defer except Cancel;
        on Paid => Shopping / Checkout::take_receipt;
        on Refused => Shopping / Checkout::take_refusal;
    }
    state Closed {
        modal reject;
    }
}

struct Checkout {
    bank: Address,
    basket: u32,
}

impl Checkout {
    fn add(&mut self, add: &Add, _ctx: &mut Context<'_>) -> Result<Basket, Failure> {
        self.basket += add.0;
        println!("    {} more in the basket", add.0);
        Ok(Basket(self.basket))
    }

    fn has_something(&self, _pay: &Pay, _ctx: &Context<'_>) -> bool {
        self.basket > 0
    }

    fn charge(&mut self, ctx: &mut Context<'_>, _step: &mut Step<'_, Message<'_>>) {
        println!("    asks the bank for {}", self.basket);
        let _ = ctx.request(self.bank, Charge(self.basket));
    }

    fn take_receipt(&mut self, _ctx: &mut Context<'_>, step: &mut Step<'_, Message<'_>>) {
        if let Some(Receipt(sum)) = step.event().and_then(|answer| answer.record()) {
            println!("    {sum} paid");
            self.basket -= sum;
        }
    }

    fn take_refusal(&mut self, _ctx: &mut Context<'_>, step: &mut Step<'_, Message<'_>>) {
        if let Some(charge) = step.event() {
            println!("    the bank refuses: {}", charge.text());
        }
    }
}

/// Takes its time, on a thread of its own.
struct Bank;

impl Later<Charge> for Bank {
    fn handle(&mut self, charge: Held<Charge>, _ctx: &mut Context<'_>) {
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            let sum = charge.0;
            if sum > 100 {
                return charge.fail(Failure::new(Code::application(0), "not so much"));
            }
            charge.answer(Receipt(sum));
        });
    }
}
handles!(Bank: later Charge);

fn tell<R: Record>(what: &str, ask: Ask<R>) {
    match ask.wait() {
        Ok(answer) => println!("{what}: {answer:?}"),
        Err(failure) => println!("{what}: {failure}"),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let kernel = Kernel::builder("shop").start()?;
    let bank = kernel.namespace("bank").open()?.register(Bank)?;
    let shop = kernel.namespace("shop").open()?;
    let checkout = shop.register(MachineTarget::new(CheckoutChart, Checkout { bank, basket: 0 }))?;

    tell("pay nothing", kernel.ask(checkout, Pay));
    let Basket(sum) = kernel.ask(checkout, Add(30)).wait()?;
    println!("add 30: {sum} to pay");
    tell("pay", kernel.ask(checkout, Pay));
    println!("now it is in {:?}", kernel.ask(checkout, WhichState).wait()?.active);
    tell("add 12, while the bank thinks", kernel.ask(checkout, Add(12)));
    println!("now it is in {:?}", kernel.ask(checkout, WhichState).wait()?.active);

    tell("add 100", kernel.ask(checkout, Add(100)));
    tell("pay", kernel.ask(checkout, Pay));
    tell("add 1, while the bank thinks", kernel.ask(checkout, Add(1)));
    tell("cancel", kernel.ask(checkout, Cancel));
    tell("add 5", kernel.ask(checkout, Add(5)));
    Ok(())
}
