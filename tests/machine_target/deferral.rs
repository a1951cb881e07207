//! Deferred messages: they are held, wait for their state, and come ahead of newer mail.

use std::time::Duration;

use rohrpost::{Address, Code, Context, Failure, Handle, handles, record};

use crate::rig::{Bill, Buy, Charge, Close, Open, Rig, Sold, begun, end};

#[test]
fn the_sender_of_a_deferred_message_waits_until_it_is_handled() {
    let mut rig = Rig::new();
    let mut ask = rig.ask(Buy(1));
    assert!(end(&mut ask).is_none(), "expected the question to wait");
    rig.notify(Open);
    assert_eq!(end(&mut ask).expect("expected an answer").unwrap(), Sold(1));
    rig.balanced();
}

#[test]
fn deferred_messages_are_recalled_in_the_order_of_arrival_ahead_of_newer_ones() {
    let mut rig = Rig::new();
    for number in 1..=3 {
        rig.notify(Buy(number));
    }
    // All in one go: what comes behind `Open` is newer than what is deferred.
    rig.kernel.notify(rig.shop, Open).unwrap();
    rig.kernel.notify(rig.shop, Buy(4)).unwrap();
    rig.run();
    assert_eq!(rig.take(), ["opened", "sold 1", "sold 2", "sold 3", "sold 4"]);
    rig.balanced();
}

#[test]
fn mail_that_waits_on_the_thread_already_is_newer_than_what_is_deferred() {
    let mut rig = Rig::new();
    rig.notify(Buy(1));
    let clerk = rig.space.register(Clerk(rig.shop)).unwrap();
    rig.kernel.notify(clerk, Open).unwrap();
    rig.run();
    assert_eq!(rig.take(), ["opened", "sold 1", "sold 2"]);
    rig.balanced();
}

/// Opens the shop and buys at once.
struct Clerk(Address);

impl Handle<Open> for Clerk {
    fn handle(&mut self, _: &Open, ctx: &mut Context<'_>) -> Result<(), Failure> {
        ctx.notify(self.0, Open);
        ctx.notify(self.0, Buy(2));
        Ok(())
    }
}
handles!(Clerk: Open);

#[test]
fn what_is_deferred_anew_keeps_its_place() {
    let mut rig = Rig::new();
    for number in 1..=2 {
        rig.notify(Buy(number));
    }
    let bank = rig.space.register(Vault::default()).unwrap();
    rig.take();
    // Once it has opened the shop sells what was asked for, and then everything waits for the bank, twice.
    rig.kernel.notify(rig.shop, Open).unwrap();
    rig.kernel.notify(rig.shop, Bill(bank)).unwrap();
    rig.kernel.notify(rig.shop, Buy(3)).unwrap();
    rig.kernel.notify(rig.shop, Bill(bank)).unwrap();
    rig.kernel.notify(rig.shop, Buy(4)).unwrap();
    rig.run();
    assert_eq!(rig.take(), ["opened", "sold 1", "sold 2"]);
    rig.kernel.notify(bank, Close).unwrap();
    rig.run();
    assert_eq!(rig.take(), ["paid 7", "opened", "sold 3"]);
    rig.kernel.notify(bank, Close).unwrap();
    rig.run();
    assert_eq!(rig.take(), ["paid 7", "opened", "sold 4"]);
    rig.balanced();
}

/// Answers a charge when it is told to.
#[derive(Default)]
struct Vault(Vec<rohrpost::Held<Charge>>);

impl rohrpost::Later<Charge> for Vault {
    fn handle(&mut self, charge: rohrpost::Held<Charge>, _ctx: &mut Context<'_>) {
        self.0.push(charge);
    }
}

impl Handle<Close> for Vault {
    fn handle(&mut self, _: &Close, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        for charge in self.0.drain(..) {
            let sum = charge.0;
            charge.answer(crate::rig::Receipt(sum));
        }
        Ok(())
    }
}
handles!(Vault: Close; later Charge);

#[test]
fn the_one_deferred_message_too_many_is_refused_at_once() {
    let mut rig = Rig::with(|builder| builder, |shop| shop.deferring(2));
    let mut first = [rig.ask(Buy(1)), rig.ask(Buy(2))];
    assert_eq!(rig.code(Buy(3)), Code::BUSY);
    rig.notify(Open);
    for ask in &mut first {
        assert!(end(ask).is_some_and(|end| end.is_ok()), "expected those before it to be handled");
    }
    rig.balanced();
}

#[test]
fn the_bound_of_the_worker_holds_too_and_what_was_deferred_never_loses_its_room() {
    let mut rig = Rig::with(|builder| builder.held(2), |shop| shop);
    let mut kept = [rig.ask(Buy(1)), rig.ask(Buy(2))];
    assert_eq!(rig.code(Buy(3)), Code::BUSY);
    let bank = rig.space.register(Vault::default()).unwrap();
    // Recalled, the first is handled; the bill that came between defers nothing that was there before it.
    rig.kernel.notify(rig.shop, Open).unwrap();
    rig.kernel.notify(rig.shop, Bill(bank)).unwrap();
    rig.run();
    for ask in &mut kept {
        assert!(end(ask).is_some_and(|end| end.is_ok()), "expected an answer");
    }
    rig.kernel.notify(bank, Close).unwrap();
    rig.balanced();
}

#[test]
fn a_call_that_would_be_deferred_is_told_so() {
    record!(Outcome, "test.outcome");
    #[derive(Clone, Debug)]
    struct Outcome(Code);
    #[derive(Clone, Debug)]
    struct Call;
    record!(Call, "test.call" => Outcome);
    struct Caller(Address);
    impl Handle<Call> for Caller {
        fn handle(&mut self, _: &Call, ctx: &mut Context<'_>) -> Result<Outcome, Failure> {
            Ok(Outcome(ctx.call(self.0, Buy(1)).map_or_else(|failure| failure.code(), |_| Code::OK)))
        }
    }
    handles!(Caller: Call);

    let mut rig = Rig::with(|builder| builder, |shop| shop.deferring(0));
    let caller = rig.space.register(Caller(rig.shop)).unwrap();
    for expected in [Code::WOULD_BLOCK, Code::OK] {
        let mut ask = rig.send(caller, Call);
        rig.run();
        assert_eq!(end(&mut ask).unwrap().unwrap().0, expected);
        rig.notify(Open);
    }
    rig.balanced();
}

#[test]
fn a_deferred_message_that_has_expired_is_not_handled() {
    let mut rig = Rig::new();
    let mut ask = begun(rig.kernel.ask(rig.shop, Buy(1)).timeout(Duration::from_secs(1)));
    let mut later = begun(rig.kernel.ask(rig.shop, Buy(2)).timeout(Duration::from_secs(9)));
    rig.run();
    rig.pass(Duration::from_secs(2));
    rig.notify(Open);
    assert_eq!(rig.take(), ["opened", "sold 2"]);
    assert_eq!(end(&mut ask).expect("expected an end").unwrap_err().code(), Code::EXPIRED);
    assert!(end(&mut later).is_some_and(|end| end.is_ok()), "expected the one behind it to be handled");
    rig.balanced();
}
