//! Deferred messages when the target goes or panics.

use std::time::Duration;

use rohrpost::{Code, Context, Failure, MachineTarget, Meanwhile, OnPanic, Restart, Setup, effect, hsm, record};

use crate::rig::{Break, Buy, Open, Rig, Shop, ShopChart, Sold, end};

#[test]
fn what_a_target_has_deferred_comes_back_when_it_goes() {
    let mut rig = Rig::new();
    let mut asks = [rig.ask(Buy(1)), rig.ask(Buy(2))];
    rig.space.deregister(rig.shop).unwrap();
    rig.run();
    for ask in &mut asks {
        assert_eq!(end(ask).expect("expected an end").unwrap_err().code(), Code::STOPPED);
    }
    rig.balanced();
}

#[test]
fn what_is_being_recalled_comes_back_when_the_target_goes() {
    let mut rig = Rig::new();
    let mut ask = rig.ask(Buy(1));
    rig.kernel.notify(rig.shop, Open).unwrap();
    rig.space.deregister(rig.shop).unwrap();
    rig.run();
    let end = end(&mut ask).expect("expected an end").map_err(|failure| failure.code());
    assert!(matches!(end, Ok(Sold(1)) | Err(Code::STOPPED)), "expected an answer, or to hear why not: {end:?}");
    rig.balanced();
}

#[test]
fn a_machine_that_stops_itself_takes_nothing_along() {
    #[derive(Clone, Debug)]
    struct Go;
    record!(Go, "test.go");
    struct Quitter;
    hsm! {
        chart QuitterChart for Quitter;
        messages QuitterEvent { Go, Buy }
        initial Here;
        state Here {
            defer Buy;
            on Go => Gone / |_, ctx, _| ctx.stop();
        }
        state Gone {
            on Buy / |_, _, _| panic!("nobody is here");
        }
    }

    let mut rig = Rig::new();
    rig.shop = rig.space.register(MachineTarget::new(QuitterChart, Quitter)).unwrap();
    rig.run();
    let mut asks = [rig.ask(Buy(1)), rig.ask(Buy(2))];
    assert_eq!(rig.code(Go), Code::OK);
    for ask in &mut asks {
        assert_eq!(end(ask).expect("expected an end").unwrap_err().code(), Code::STOPPED);
    }
    assert_eq!(rig.balanced().panics, 0);
}

#[test]
fn what_is_being_recalled_waits_for_the_next_life_if_the_policy_keeps_mail() {
    #[derive(Clone, Debug)]
    struct Go;
    record!(Go, "test.walk");
    struct Clumsy;
    impl Clumsy {
        fn stumble(&mut self, buy: &Buy, _ctx: &mut Context<'_>) -> Result<Sold, Failure> {
            assert_ne!(buy.0, 1, "stumbled");
            Ok(Sold(buy.0))
        }
    }
    hsm! {
        chart ClumsyChart for Clumsy;
        messages ClumsyEvent { Go, Buy }
        initial Here;
        state Here {
            defer Buy;
            on Go => There;
        }
        state There {
            on Buy / effect!(Clumsy::stumble);
        }
    }

    const SECOND: Duration = Duration::from_secs(1);
    for (meanwhile, expected) in [(Meanwhile::Wait, Ok(Sold(2))), (Meanwhile::Return, Err(Code::RESTARTING))] {
        let mut rig = Rig::new();
        let restart = Restart::new().backoff(SECOND..=SECOND, 1).meanwhile(meanwhile);
        let make = || MachineTarget::new(ClumsyChart, Clumsy);
        rig.shop = rig.space.register_factory(Setup::new().restart(restart), make).unwrap();
        rig.run();
        let (mut first, mut second) = (rig.ask(Buy(1)), rig.ask(Buy(2)));
        rig.notify(Go);
        assert_eq!(end(&mut first).expect("expected an end").unwrap_err().code(), Code::EXCEPTION);
        rig.pass(SECOND);
        rig.notify(Go);
        let end = end(&mut second).expect("expected an end").map_err(|failure| failure.code());
        assert_eq!(end, expected, "{meanwhile:?}");
        rig.balanced();
    }
}

#[test]
fn what_is_being_recalled_comes_back_when_the_kernel_stops() {
    let mut rig = Rig::with(|builder| builder, |shop| shop.deferring(200));
    let mut asks: Vec<_> = (0..200).map(|number| rig.ask(Buy(number))).collect();
    rig.kernel.notify(rig.shop, Open).unwrap();
    rig.turn();
    rig.turn();
    let sold = rig.take().len() - 1;
    assert!(0 < sold && sold < 200, "expected to stop in the middle: {sold}");
    drop(rig);
    let ends: Vec<_> = asks.iter_mut().map(|ask| end(ask).expect("expected an end")).collect();
    assert!(ends[..sold].iter().all(Result::is_ok), "expected what was sold to be answered");
    let codes = ends[sold..].iter().map(|end| end.as_ref().map_or_else(Failure::code, |_| Code::OK));
    assert!(
        codes.clone().all(|code| code == Code::STOPPED),
        "expected the others back: {:?}",
        codes.collect::<Vec<_>>()
    );
}

#[test]
fn what_is_deferred_comes_back_when_the_kernel_stops() {
    let mut rig = Rig::new();
    let mut ask = rig.ask(Buy(1));
    let Rig { kernel, .. } = rig;
    drop(kernel);
    assert_eq!(end(&mut ask).expect("expected an end").unwrap_err().code(), Code::STOPPED);
}

#[test]
fn a_panic_returns_the_message_and_what_is_deferred_and_the_next_life_starts_anew() {
    let mut rig = Rig::new();
    let (setup, shop) = (Setup::new().on_panic(OnPanic::Restart), Shop::default());
    rig.shop = rig.space.register_factory(setup, move || MachineTarget::new(ShopChart, shop.clone())).unwrap();
    rig.run();
    let mut deferred = rig.ask(Buy(1));
    let mut broken = rig.ask(Break);
    let failure = end(&mut broken).expect("expected an end").unwrap_err();
    assert_eq!((failure.code(), failure.text()), (Code::EXCEPTION, "broken"));
    assert_eq!(end(&mut deferred).expect("expected an end").unwrap_err().code(), Code::STOPPED);
    let mut again = rig.ask(Buy(2));
    assert!(end(&mut again).is_none(), "expected the next life to begin in the initial state");
    rig.notify(Open);
    assert_eq!(end(&mut again).unwrap().unwrap(), Sold(2));
    rig.balanced();
}

#[test]
fn a_machine_that_is_kept_after_a_panic_is_where_it_was() {
    let mut rig = Rig::new();
    let setup = Setup::new().on_panic(OnPanic::Keep);
    rig.shop = rig.space.register_with(setup, MachineTarget::new(ShopChart, Shop::default())).unwrap();
    rig.run();
    rig.notify(Open);
    assert_eq!(rig.code(Break), Code::EXCEPTION);
    assert_eq!(end(&mut rig.ask(Buy(1))).unwrap().unwrap(), Sold(1));
    rig.balanced();
}
