//! What goes wrong in a post office, told by `tracing`: run it with `--features tracing`.
//!
//! Look at what is not there: the parcel that is handled makes no event. Then at the level and the target of each line:
//! with `with_max_level(Level::WARN)` in `main` the returns and the restart are gone, and a filter of targets
//! (`rohrpost::return=off`) picks what you like. The name in front is the thread on which it happened: `office/0` for
//! the clerk's mail, and `main` for the question that `main` asks.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;
use std::time::Duration;

use rohrpost::{Address, Code, Context, Failure, Handle, Kernel, Setup, handles, record};
use tracing::Level;

/// So many grams to be weighed.
#[derive(Clone, Debug)]
struct Parcel(i64);
/// What it costs to send it, in cents.
#[derive(Clone, Debug)]
struct Postage(u32);
/// Brings the clerk a parcel.
#[derive(Clone, Debug)]
struct Bring(i64);
/// Has the clerk sleep.
#[derive(Clone, Debug)]
struct Nap(Duration);
/// Time to close.
#[derive(Clone, Debug)]
struct Closing;

record!(Parcel, "post.parcel" => Postage);
record!(Postage, "post.postage");
record!(Bring, "post.bring");
record!(Nap, "post.nap");
record!(Closing, "post.closing");

const TOO_HEAVY: Code = Code::application(0);

struct Scales;
impl Handle<Parcel> for Scales {
    fn handle(&mut self, &Parcel(grams): &Parcel, _ctx: &mut Context<'_>) -> Result<Postage, Failure> {
        assert!(grams > 0, "a parcel of {grams} g");
        if grams > 20_000 {
            return Err(Failure::new(TOO_HEAVY, "more than 20 kg go by train"));
        }
        Ok(Postage(if grams > 1_000 { 700 } else { 200 }))
    }
}
handles!(Scales: Parcel);

/// Has parcels weighed, and does not mind those that come back.
struct Clerk {
    scales: Address,
}
impl Handle<Bring> for Clerk {
    fn handle(&mut self, bring: &Bring, ctx: &mut Context<'_>) -> Result<(), Failure> {
        if let Ok(Postage(cents)) = ctx.call(self.scales, Parcel(bring.0)) {
            println!("that makes {cents} cents");
        }
        Ok(())
    }
}
impl Handle<Nap> for Clerk {
    fn handle(&mut self, nap: &Nap, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        std::thread::sleep(nap.0);
        Ok(())
    }
}
impl Handle<Closing> for Clerk {
    fn handle(&mut self, _: &Closing, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        println!("the clerk closes");
        Ok(())
    }
}
handles!(Clerk: Bring, Nap, Closing);

fn main() -> Result<(), Box<dyn Error>> {
    // The event tells of the panic; what the usual hook prints would only stand in between.
    std::panic::set_hook(Box::new(|_| {}));
    tracing_subscriber::fmt().with_max_level(Level::DEBUG).with_thread_names(true).without_time().init();

    let kernel = Kernel::builder("town").start()?;
    let office = kernel.namespace("office").open()?;
    let scales = office.register_factory(Setup::new().name("scales"), || Scales)?;
    let clerk = office.register(Clerk { scales })?;

    println!("The scales are {scales}, the clerk is {clerk}.\n\nA parcel of 500 g is handled:");
    kernel.ask(clerk, Bring(500)).wait()?;

    println!("\nOne of 50 kg comes back to the clerk:");
    kernel.ask(clerk, Bring(50_000)).wait()?;

    println!("\nOne that weighs less than nothing is too much for the scales:");
    kernel.ask(clerk, Bring(-1)).wait()?;

    println!("\nMain asks the scales itself:");
    let failure = kernel.ask(scales, Parcel(30_000)).wait().expect_err("the scales take no more than 20 kg");
    println!("and has an error in its hand: {failure}");

    println!("\nThe clerk falls asleep for 30 ms, and is to close after 1 ms:");
    office.timer(clerk, Closing).after(Duration::from_millis(1))?;
    kernel.ask(clerk, Nap(Duration::from_millis(30))).wait()?;
    // A tick that is due comes before other mail.
    kernel.ask(scales, Parcel(100)).wait()?;

    println!("\nThe clerk has gone home, and what is still brought has nobody to come back to:");
    office.deregister(clerk)?;
    kernel.notify(clerk, Bring(100))?;
    // What is asked behind it is answered after it.
    kernel.ask(scales, Parcel(100)).wait()?;

    let mail = kernel.counters();
    println!("\n{} came back, {} dead letter, {} panic", mail.returned, mail.dead_letters, mail.panics);
    if mail.is_balanced() { Ok(()) } else { Err(format!("the counters do not add up: {mail:?}").into()) }
}
