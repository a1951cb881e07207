//! A shop whose states are a chart, in a kernel that the test turns by hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as Task, Poll, Waker};
use std::time::Duration;

use rohrpost::machine::Step;
use rohrpost::{
    Address, Ask, Code, Context, Counters, Driven, Failure, Handle, Kernel, MachineTarget, ManualClock, Message,
    Namespace, NamespaceBuilder, Record, effect, guard, handles, hsm, record,
};

/// The code with which the shop refuses a sum.
pub(crate) const TOO_LITTLE: Code = Code::application(1);

macro_rules! records {
    ($($(#[$doc:meta])* $record:ident $(($content:ty))? $name:literal $(=> $answer:ty)?;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub(crate) struct $record $((pub(crate) $content))?;
            record!($record, $name $(=> $answer)?);
        )*
    };
}

records! {
    /// Buys the thing of this number: noted, answered with the number.
    Buy(u32) "shop.buy" => Sold;
    Sold(u32) "shop.sold";
    /// Pays this sum.
    Pay(u32) "shop.pay" => Receipt;
    Receipt(u32) "shop.receipt";
    Open "shop.open";
    Close "shop.close";
    /// Counts what is there; rejected meanwhile: `Buy`; dropped: `Open`.
    Count "shop.count";
    /// Nobody takes it anywhere.
    Listed "shop.listed";
    /// No event of the chart.
    Unlisted "shop.unlisted";
    /// Panics.
    Break "shop.break";
    /// Has the shop ask this bank.
    Bill(Address) "shop.bill";
    Charge(u32) "bank.charge" => Receipt;
}

hsm! {
    pub(crate) chart ShopChart for Shop;

    messages ShopEvent {
        Buy,
        Pay,
        Open,
        Close,
        Count,
        Listed,
        Break,
        Bill,
        Paid = answer Receipt,
        Refused = returned Charge,
    }

    initial Closed;
    on Close => Closed;
    on Break / |_, _, _| panic!("broken");
    on Pay if guard!(Shop::is_enough) => internal / effect!(Shop::pay);
    on Pay / |shop: &mut Shop, ctx, step| shop.refuse(ctx, step);

    state Closed {
        entry |shop, _, _| shop.note("closed");
        defer Buy;
        on Open => Opened;
    }
    state Opened {
        initial Ready;
        entry |shop, _, _| shop.note("opened");
        on Buy / effect!(Shop::sell);
        on Bill => Waiting / effect!(Shop::bill);
        on Count => Counting;
        state Ready {}
    }
    state Waiting {
        modal defer except Break, Close;
        on Paid => Opened / |shop, _, step| shop.paid(step);
        on Refused => Closed / |shop, _, step| shop.paid(step);
    }
    state Counting {
        reject Buy;
        drop Open;
        defer Paid;
    }
}

/// What the chart is about.
#[derive(Clone, Default, Debug)]
pub(crate) struct Shop {
    log: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.log.lock().unwrap().push(line.into());
    }

    fn sell(&mut self, buy: &Buy, _ctx: &mut Context<'_>) -> Result<Sold, Failure> {
        self.note(format!("sold {}", buy.0));
        Ok(Sold(buy.0))
    }

    fn is_enough(&self, pay: &Pay, _ctx: &Context<'_>) -> bool {
        pay.0 >= 10
    }

    fn pay(&mut self, pay: &Pay, _ctx: &mut Context<'_>) -> Result<Receipt, Failure> {
        Ok(Receipt(pay.0))
    }

    fn refuse(&self, ctx: &Context<'_>, step: &mut Step<'_, Message<'_>>) {
        self.note(format!("refused for {}", ctx.address().tid().is_some()));
        if let Some(message) = step.event() {
            message.fail(Failure::new(TOO_LITTLE, "ten at least"));
        }
    }

    fn bill(&mut self, bill: &Bill, ctx: &mut Context<'_>) -> Result<(), Failure> {
        let _ = ctx.request(bill.0, Charge(7));
        Ok(())
    }

    fn paid(&self, step: &mut Step<'_, Message<'_>>) {
        let end = step.event().map(|message| match message.record::<Receipt>() {
            Some(receipt) => format!("paid {}", receipt.0),
            None => format!("not paid: {} {}", message.code(), message.text()),
        });
        self.note(end.unwrap_or_default());
    }
}

/// Answers a charge.
pub(crate) struct Bank;

impl Handle<Charge> for Bank {
    fn handle(&mut self, charge: &Charge, _ctx: &mut Context<'_>) -> Result<Receipt, Failure> {
        Ok(Receipt(charge.0))
    }
}
handles!(Bank: Charge);

/// A kernel with one driven worker and a shop on it.
pub(crate) struct Rig {
    pub(crate) kernel: Kernel,
    pub(crate) space: Namespace,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) shop: Address,
    log: Arc<Mutex<Vec<String>>>,
    worker: Driven,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder, |shop| shop)
    }

    pub(crate) fn with(
        bounds: impl FnOnce(NamespaceBuilder) -> NamespaceBuilder,
        change: impl FnOnce(MachineTarget<ShopChart>) -> MachineTarget<ShopChart>,
    ) -> Self {
        let clock = Arc::new(ManualClock::new());
        let kernel = Kernel::builder("town").clock(clock.clone()).start().unwrap();
        let (space, worker) = bounds(kernel.namespace("street")).driven().unwrap();
        let shop = Shop::default();
        let log = shop.log.clone();
        let shop = space.register(change(MachineTarget::new(ShopChart, shop))).unwrap();
        let mut rig = Self { kernel, space, clock, shop, log, worker };
        rig.run();
        rig.take();
        rig
    }

    pub(crate) fn run(&mut self) {
        self.worker.run_until_idle();
    }

    /// Lets one turn happen, which is not enough for everything.
    pub(crate) fn turn(&mut self) {
        self.worker.run_once();
    }

    /// Sends a notification and lets everything come to rest.
    pub(crate) fn notify<R: Record>(&mut self, record: R) {
        self.kernel.notify(self.shop, record).unwrap();
        self.run();
    }

    /// Asks, and lets everything come to rest.
    pub(crate) fn ask<R: Record>(&mut self, record: R) -> Ask<R> {
        let ask = self.send(self.shop, record);
        self.run();
        ask
    }

    /// Asks, and lets nobody do anything yet.
    #[track_caller]
    pub(crate) fn send<R: Record>(&self, to: Address, record: R) -> Ask<R> {
        begun(self.kernel.ask(to, record))
    }

    /// The code that comes back, `OK` for an answer.
    #[track_caller]
    pub(crate) fn code<R: Record>(&mut self, record: R) -> Code {
        let mut ask = self.ask(record);
        match end(&mut ask).expect("expected an end") {
            Ok(_) => Code::OK,
            Err(failure) => failure.code(),
        }
    }

    /// What has been noted since the last look.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    /// Moves the clock and lets everything come to rest.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.run();
    }

    /// The counters, once all mail has ended.
    #[track_caller]
    pub(crate) fn balanced(&mut self) -> Counters {
        self.run();
        let counters = self.kernel.counters();
        assert!(counters.is_balanced(), "expected every message to end once: {counters:?}");
        counters
    }
}

/// Sends a question.
#[track_caller]
pub(crate) fn begun<R: Record>(mut ask: Ask<R>) -> Ask<R> {
    assert!(end(&mut ask).is_none(), "expected the question to be on its way");
    ask
}

/// What a question has come to, if it has ended.
pub(crate) fn end<R: Record>(ask: &mut Ask<R>) -> Option<Result<R::Answer, Failure>> {
    match Pin::new(ask).poll(&mut Task::from_waker(Waker::noop())) {
        Poll::Ready(end) => Some(end),
        Poll::Pending => None,
    }
}
