//! Several targets share what cannot leave their thread: an `Rc<RefCell<..>>`, without a lock.
//!
//! Look at `main`: `build_on` runs on the worker thread, so what it registers need not be `Send`, and hands one stock
//! to the gate and the hatch. Look at `note`: `ctx.local()` is the other way, a resource that the thread keeps by its
//! type. The second thread has a stock and a journal of its own, and neither thread ever waits for the other.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use rohrpost::{Code, Context, Failure, Handle, Kernel, handles, record};

#[derive(Clone, Debug)]
struct Bring(&'static str, u32);
#[derive(Clone, Debug)]
struct Fetch(&'static str, u32);
/// Asks how much is left, and what has been written down.
#[derive(Clone, Debug)]
struct Inspect;
#[derive(Clone, Debug)]
struct Findings {
    stock: BTreeMap<&'static str, u32>,
    journal: Vec<String>,
}

record!(Bring, "stock.bring");
record!(Fetch, "stock.fetch");
record!(Inspect, "stock.inspect" => Findings);
record!(Findings, "stock.findings");

const SOLD_OUT: Code = Code::application(0);

type Stock = Rc<RefCell<BTreeMap<&'static str, u32>>>;

/// What happened on this thread; made when somebody first writes to it.
#[derive(Default)]
struct Journal(RefCell<Vec<String>>);

fn note(ctx: &Context<'_>, line: String) {
    ctx.local::<Journal>().0.borrow_mut().push(line);
}

/// Where goods come in.
struct Gate(Stock);

impl Handle<Bring> for Gate {
    fn handle(&mut self, &Bring(goods, count): &Bring, ctx: &mut Context<'_>) -> Result<(), Failure> {
        *self.0.borrow_mut().entry(goods).or_default() += count;
        note(ctx, format!("the gate took in {count} {goods}"));
        Ok(())
    }
}

handles!(Gate: Bring);

/// Where goods go out.
struct Hatch(Stock);

impl Handle<Fetch> for Hatch {
    fn handle(&mut self, &Fetch(goods, count): &Fetch, ctx: &mut Context<'_>) -> Result<(), Failure> {
        let mut stock = self.0.borrow_mut();
        let left = stock.entry(goods).or_default();
        match left.checked_sub(count) {
            Some(rest) => *left = rest,
            None => return Err(Failure::new(SOLD_OUT, format!("{left} {goods} left, not {count}"))),
        }
        note(ctx, format!("the hatch gave out {count} {goods}"));
        Ok(())
    }
}

handles!(Hatch: Fetch);

struct Inspector(Stock);

impl Handle<Inspect> for Inspector {
    fn handle(&mut self, _inspect: &Inspect, ctx: &mut Context<'_>) -> Result<Findings, Failure> {
        let journal = ctx.local::<Journal>().0.borrow().clone();
        Ok(Findings { stock: self.0.borrow().clone(), journal })
    }
}

handles!(Inspector: Inspect);

fn main() -> Result<(), Box<dyn Error>> {
    let kernel = Kernel::builder("harbour").start()?;
    let warehouse = kernel.namespace("warehouse").threads(2).open()?;
    let patience = Duration::from_secs(5);

    for thread in 0..warehouse.threads() {
        let (gate, hatch, inspector) = warehouse.build_on(thread, |thread| {
            let stock = Stock::default();
            let gate = thread.register(Gate(stock.clone()))?;
            let hatch = thread.register(Hatch(stock.clone()))?;
            Ok((gate, hatch, thread.register(Inspector(stock))?))
        })?;

        let barrels = 10 * (thread as u32 + 1);
        kernel.ask(gate, Bring("barrels", barrels)).timeout(patience).wait()?;
        kernel.ask(gate, Bring("sacks", 3)).timeout(patience).wait()?;
        kernel.ask(hatch, Fetch("barrels", 4)).timeout(patience).wait()?;
        println!("thread {thread}");
        if let Err(refused) = kernel.ask(hatch, Fetch("sacks", 5)).timeout(patience).wait() {
            println!("  5 sacks are refused: {refused}");
        }
        let findings = kernel.ask(inspector, Inspect).timeout(patience).wait()?;
        println!("  stock   {:?}", findings.stock);
        for line in &findings.journal {
            println!("  journal {line}");
        }
    }
    Ok(())
}
