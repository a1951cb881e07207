//! A ticker that does not know its readers: a topic, observers on two threads, and one that joins late.
//!
//! Look at `Ticker`: a periodic timer drives it, and it sends each quote to the topic, whoever reads it. Look at the
//! line of the archive: it joins between two quotes and gets the last one at once, because the topic retains it. The two
//! or three readers of the other thread share one hand-off and one clone of each quote. The threads are real. The clock
//! is turned by hand: `main` moves it on when everybody has read, so nobody waits.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rohrpost::{Address, Context, Failure, Handle, Kernel, ManualClock, Nid, Observes, Time, handles, record};

const SECOND: Duration = Duration::from_secs(1);
/// Where the quotes are published: the services of this namespace, whoever they are.
const EXCHANGE: Address = Address::service(Nid::name("exchange"));

/// What a share costs.
#[derive(Clone, Debug)]
struct Quote {
    number: usize,
    cents: u32,
}
/// It is time for a quote.
#[derive(Clone, Debug)]
struct Due;

record!(Quote, "exchange.quote");
record!(Due, "exchange.due");

/// Publishes a quote whenever it is due.
struct Ticker {
    published: usize,
}

impl Handle<Due> for Ticker {
    fn handle(&mut self, _due: &Due, ctx: &mut Context<'_>) -> Result<(), Failure> {
        let cents = [9950, 10_025, 10_110, 10_080, 10_245][self.published % 5];
        self.published += 1;
        ctx.notify(EXCHANGE, Quote { number: self.published, cents });
        Ok(())
    }
}

handles!(Ticker: Due);

/// Reads the quotes aloud, to `main`.
struct Reader {
    name: &'static str,
    listener: Sender<String>,
}

impl Observes<Quote> for Reader {
    fn observed(&mut self, quote: &Quote, ctx: &mut Context<'_>) {
        let (seconds, Quote { number, cents }) = (ctx.now().since(Time::START).as_secs(), quote);
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        let price = format!("{}.{:02}", cents / 100, cents % 100);
        let line = format!("{seconds} s   {:<8} {thread:<11} quote {number}: {price:>6}", self.name);
        // Only a `main` that has ended does not listen.
        let _ = self.listener.send(line);
    }
}

handles!(Reader: observes Quote);

/// Prints what so many readers say, in the order of their names.
fn listen(readers: usize, said: &Receiver<String>) -> Result<(), Box<dyn Error>> {
    let mut lines = Vec::new();
    for _ in 0..readers {
        lines.push(said.recv_timeout(10 * SECOND)?);
    }
    lines.sort();
    lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let clock = Arc::new(ManualClock::new());
    let kernel = Kernel::builder("city").clock(clock.clone()).start()?;
    let exchange = kernel.namespace("exchange").threads(2).open()?;
    exchange.topic::<Quote>().retain_last().open()?;

    let (listener, said) = channel();
    let join = |name, thread| -> Result<(), Box<dyn Error>> {
        let reader = exchange.register_on(thread, Reader { name, listener: listener.clone() })?;
        Ok(exchange.observe::<Quote>(reader)?)
    };
    join("broker", 0)?;
    join("window", 1)?;
    join("wire", 1)?;
    let ticker = exchange.register(Ticker { published: 0 })?;
    exchange.timer(ticker, Due).every(SECOND)?; // goes on without the handle

    println!("time  reader   thread      what it reads");
    for _ in 0..3 {
        clock.advance(SECOND);
        listen(3, &said)?;
    }
    println!("      the archive joins");
    join("archive", 1)?;
    listen(1, &said)?;
    for _ in 0..2 {
        clock.advance(SECOND);
        listen(4, &said)?;
    }

    let report = kernel.stop(SECOND);
    let mail = kernel.counters();
    println!("{} messages: a tick and a quote a second; {} of {} copies read", mail.sent, mail.observed, mail.copies);
    if report.detached.is_empty() { Ok(()) } else { Err(format!("threads that have not ended: {report:?}").into()) }
}
