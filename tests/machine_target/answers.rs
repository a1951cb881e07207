//! Answers, and mail that came back, as events.

use rohrpost::Code;

use crate::rig::{Bank, Bill, Buy, Close, Count, Listed, Open, Rig, end};

#[test]
fn an_answer_is_an_event_of_the_machine_that_asked() {
    let mut rig = Rig::new();
    let bank = rig.space.register(Bank).unwrap();
    rig.notify(Open);
    rig.notify(Bill(bank));
    assert_eq!(rig.take(), ["opened", "paid 7", "opened"]);
    rig.balanced();
}

#[test]
fn a_message_that_came_back_is_an_event_too() {
    let mut rig = Rig::new();
    let nobody = rig.space.register(Bank).unwrap();
    rig.space.deregister(nobody).unwrap();
    rig.notify(Open);
    rig.notify(Bill(nobody));
    let code = Code::NO_TARGET;
    assert_eq!(rig.take(), ["opened".to_owned(), format!("not paid: {code} "), "closed".to_owned()]);
    rig.balanced();
}

#[test]
fn a_modal_state_defers_everything_but_its_list_until_the_answer_is_there() {
    let mut rig = Rig::new();
    let bank = rig.space.register(Bank).unwrap();
    rig.notify(Open);
    // In one go, so that all of them come between the question and its answer or behind both.
    rig.kernel.notify(rig.shop, Bill(bank)).unwrap();
    let mut buy = rig.send(rig.shop, Buy(1));
    let mut listed = rig.send(rig.shop, Listed);
    rig.run();
    assert_eq!(rig.take(), ["opened", "paid 7", "opened", "sold 1"]);
    assert!(end(&mut buy).is_some_and(|end| end.is_ok()));
    assert_eq!(end(&mut listed).unwrap().unwrap_err().code(), Code::NOT_HANDLED);
    rig.balanced();
}

#[test]
fn an_answer_that_a_state_defers_waits_for_its_state() {
    let mut rig = Rig::new();
    let till = rig.space.register(Slow::default()).unwrap();
    rig.notify(Open);
    rig.notify(Bill(till));
    rig.notify(Close);
    rig.notify(Open);
    rig.notify(Count);
    rig.take();
    rig.kernel.notify(till, Close).unwrap();
    rig.run();
    assert_eq!(rig.take(), [""; 0], "expected the answer to be deferred");
    rig.notify(Close);
    let counters = rig.balanced();
    assert_eq!(rig.take(), ["closed"]);
    assert_eq!(counters.ignored, 1, "expected the answer to be offered again, and nobody to want it");
}

use rohrpost::{Context, Failure, Handle, Held, Later, handles};

/// Answers a charge when it is told to.
#[derive(Default)]
struct Slow(Vec<Held<crate::rig::Charge>>);

impl Later<crate::rig::Charge> for Slow {
    fn handle(&mut self, charge: Held<crate::rig::Charge>, _ctx: &mut Context<'_>) {
        self.0.push(charge);
    }
}

impl Handle<Close> for Slow {
    fn handle(&mut self, _: &Close, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        for charge in self.0.drain(..) {
            charge.answer(crate::rig::Receipt(7));
        }
        Ok(())
    }
}
handles!(Slow: Close; later crate::rig::Charge);
