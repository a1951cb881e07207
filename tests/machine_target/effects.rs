//! What hooks can do with the message that set them off, and which codes say what became of it.

use rohrpost::Code;

use crate::rig::{Buy, Close, Count, Listed, Open, Pay, Receipt, Rig, Sold, TOO_LITTLE, Unlisted, end};

#[test]
fn an_effect_answers_the_message() {
    let mut rig = Rig::new();
    rig.notify(Open);
    let answer = end(&mut rig.ask(Buy(3))).expect("expected an answer");
    assert_eq!(answer.unwrap(), Sold(3));
    assert_eq!(rig.take(), ["opened", "sold 3"]);
    rig.balanced();
}

#[test]
fn an_effect_that_says_nothing_has_handled_the_message() {
    let mut rig = Rig::new();
    assert_eq!(rig.code(Open), Code::OK);
    rig.balanced();
}

#[test]
fn an_effect_may_fail_the_message() {
    let mut rig = Rig::new();
    let failure = end(&mut rig.ask(Pay(9))).unwrap().unwrap_err();
    assert_eq!((failure.code(), failure.text()), (TOO_LITTLE, "ten at least"));
    rig.balanced();
}

#[test]
fn a_guard_sees_the_record() {
    let mut rig = Rig::new();
    assert_eq!(rig.code(Pay(9)), TOO_LITTLE);
    assert_eq!(end(&mut rig.ask(Pay(10))).unwrap().unwrap(), Receipt(10));
    assert_eq!(rig.take(), ["refused for true"]);
}

#[test]
fn what_no_state_takes_is_not_handled() {
    let mut rig = Rig::new();
    assert_eq!(rig.code(Listed), Code::NOT_HANDLED);
    rig.balanced();
}

#[test]
fn a_record_that_the_chart_does_not_list_is_not_handled_whatever_the_state() {
    let mut rig = Rig::new();
    assert_eq!(rig.code(Unlisted), Code::NOT_HANDLED);
    let bank = rig.space.register(crate::rig::Bank).unwrap();
    rig.notify(Open);
    rig.notify(Count);
    assert_eq!(rig.code(Unlisted), Code::NOT_HANDLED);
    rig.space.deregister(bank).unwrap();
    rig.balanced();
}

#[test]
fn a_state_rejects_with_a_code_of_its_own_and_drops_with_none() {
    let mut rig = Rig::new();
    rig.notify(Open);
    rig.notify(Count);
    assert_eq!(rig.code(Buy(1)), Code::REJECTED);
    assert_eq!(rig.code(Open), Code::OK);
    assert_eq!(rig.take(), ["opened"]);
    rig.notify(Close);
    assert_eq!(rig.take(), ["closed"]);
    rig.balanced();
}

#[test]
fn each_record_of_a_message_is_an_event() {
    use rohrpost::Message;
    let mut rig = Rig::new();
    rig.kernel.send(Message::notification(rig.shop, Open).and(Buy(1)).and(Close)).unwrap();
    rig.run();
    assert_eq!(rig.take(), ["opened", "sold 1", "closed"]);
    // The second cannot be kept alone, so the third does not get its turn.
    rig.kernel.send(Message::notification(rig.shop, Open).and(Close).and(Buy(2)).and(Open)).unwrap();
    rig.run();
    assert_eq!(rig.take(), ["opened", "closed"]);
    rig.balanced();
}
