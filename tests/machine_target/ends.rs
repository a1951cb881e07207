//! Deferred messages when the target goes or panics.

use rohrpost::{Code, MachineTarget, OnPanic, Setup};

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
