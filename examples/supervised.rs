//! A target that panics on some input and comes back: after a delay that grows, and not without end.
//!
//! Look at the times in the first column. What is sent while the meter is away waits, and is answered by its next life,
//! which has forgotten what the one before had read. The delay is 100 ms after the first panic, then 200, then 400;
//! the fourth panic within a minute is the last. The second meter has another policy: its mail does not wait. The
//! clock is turned by hand, so the seconds pass in no time, and the program does the same each time it runs.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;
use std::time::Duration;

use rohrpost::testing::TestKernel;
use rohrpost::{
    Address, Context, Failure, Handle, Meanwhile, Message, Outcome, Restart, Setup, Started, Target, Time, handles,
    record,
};

/// A line from a thermometer.
#[derive(Clone, Debug)]
struct Reading(&'static str);
/// What the meter makes of it.
#[derive(Clone, Debug)]
struct Average {
    degrees: f64,
    readings: u32,
    life: u32,
}
/// Has the feed send a reading.
#[derive(Clone, Debug)]
struct Send(Reading, Address);

record!(Reading, "meter.reading" => Average);
record!(Average, "meter.average");
record!(Send, "feed.send");

/// Knows the average of what it has read in this life. It was written for thermometers that always work.
struct Meter {
    life: u32,
    sum: f64,
    readings: u32,
}

impl Meter {
    /// Makes one life after the other.
    fn factory() -> impl FnMut() -> Self {
        let mut life = 0;
        move || {
            life += 1;
            Self { life, sum: 0.0, readings: 0 }
        }
    }
}

impl Handle<Reading> for Meter {
    fn handle(&mut self, reading: &Reading, _ctx: &mut Context<'_>) -> Result<Average, Failure> {
        let Ok(degrees) = reading.0.parse::<f64>() else {
            panic!("`{}` is no temperature", reading.0);
        };
        self.sum += degrees;
        self.readings += 1;
        Ok(Average { degrees: self.sum / f64::from(self.readings), readings: self.readings, life: self.life })
    }
}

impl Started for Meter {
    fn started(&mut self, ctx: &mut Context<'_>) {
        row(ctx.now(), "", &format!("life {} begins", self.life));
    }
}

handles!(Meter: Reading; hooks started);

/// Sends what it is told to, and prints what comes back.
struct Feed;

impl Target for Feed {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        let Some(Send(reading, meter)) = message.take() else {
            return Outcome::NotHandled;
        };
        row(ctx.now(), reading.0, "");
        let text = reading.0;
        ctx.request(meter, reading).then_on(self, move |_, average, ctx| match average {
            Ok(Average { degrees, readings, life }) => {
                row(ctx.now(), "", &format!("{text}: the average of {readings} in life {life} is {degrees:.1}"));
            }
            Err(failure) => row(ctx.now(), "", &format!("{text}: {}", told(&failure))),
        });
        Outcome::Handled
    }
}

/// Code and text, without the address, which says nothing to the reader of the table.
fn told(failure: &Failure) -> String {
    if failure.text().is_empty() {
        failure.code().to_string()
    } else {
        format!("{}, {}", failure.code(), failure.text())
    }
}

fn row(now: Time, sent: &str, happened: &str) {
    let line = format!("{:>5} ms  {sent:<6} {happened}", now.since(Time::START).as_millis());
    println!("{}", line.trim_end());
}

fn main() -> Result<(), Box<dyn Error>> {
    // The panics are wanted, and the table tells of them: what the usual hook prints would only stand in between.
    std::panic::set_hook(Box::new(|_| {}));
    let mut test = TestKernel::new("house");
    let app = test.namespace("cellar").threads(2).open()?;
    let feed = app.register(Feed)?;
    let kernel = test.kernel().clone();

    println!("{:>8}  {:<6} what happens\n{}", "time", "sent", "-".repeat(72));
    let restart = Restart::new().limit(3, Duration::from_secs(60));
    let meter = app.register_factory(Setup::new().thread(1).name("meter").restart(restart), Meter::factory())?;
    let day = ["21.0", "23.0", "hot", "19.0", "20.0", "??", "18.5", "--", "18.0", "n/a", "17.0"];
    for text in day {
        kernel.notify(feed, Send(Reading(text), meter))?;
        test.advance(Duration::from_millis(70))?;
    }
    test.advance(Duration::from_secs(1))?;
    kernel.notify(feed, Send(Reading("16.0"), meter))?;
    test.run_until_idle()?;

    println!("\nAnother meter, whose mail does not wait:");
    let restart = restart.meanwhile(Meanwhile::Return);
    let meter = app.register_factory(Setup::new().thread(1).restart(restart), Meter::factory())?;
    for text in ["hot", "19.0", "20.0"] {
        kernel.notify(feed, Send(Reading(text), meter))?;
        test.advance(Duration::from_millis(70))?;
    }

    let mail = kernel.counters();
    println!("\n{} panics, {} restarts; all mail is accounted for: {}", mail.panics, mail.restarts, mail.is_balanced());
    if mail.is_balanced() { Ok(()) } else { Err(format!("the counters do not add up: {mail:?}").into()) }
}
