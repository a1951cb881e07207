//! Mail from node to node: requests, notifications, returns, forwards, deadlines, order.

use std::time::Duration;

use rohrpost::net::Joining;
use rohrpost::testing::Probe;
use rohrpost::{Address, Code, Context, Message, Outcome, Target, Tid};

use crate::world::{Add, Calculator, Homely, Load, Note, Scribe, Sum, World};

#[test]
fn a_request_is_answered_by_another_node() {
    let mut world = World::new(2);
    let calculator = world.register(1, Calculator);
    world.nodes[0].probe.request(calculator, Add(2, 3));
    world.rest();
    assert_eq!(world.nodes[0].probe.expect_answer::<Sum>(), Sum(5));
    assert_eq!(world.nodes[0].test.ask(calculator, Add(20, 22)).unwrap(), Sum(42));
    world.check_counters();
}

#[test]
fn what_is_not_handled_there_comes_back_with_code_text_and_record() {
    let mut world = World::new(2);
    let calculator = world.register(1, Calculator);
    let mut failure = world.nodes[0].test.ask(calculator, Add(6, 7)).unwrap_err();
    assert_eq!((failure.code(), failure.text()), (Code::REJECTED, "thirteen is not a number"));
    assert_eq!(failure.take_record::<Add>(), Some(Add(6, 7)), "expected the record to come back");

    world.nodes[0].probe.notify(calculator, Add(6, 7));
    world.nodes[0].probe.notify(calculator, Note(1));
    world.nodes[0].probe.notify(calculator.in_namespace("nowhere".parse().unwrap()), Note(2));
    let nobody =
        Address::target(Tid::name("nobody")).in_namespace(calculator.nid().unwrap()).on_node(world.nodes[1].id);
    world.nodes[0].probe.request(nobody, Add(1, 1));
    world.rest();
    let probe = &world.nodes[0].probe;
    let mut sums = [(); 2].map(|()| probe.expect_returned::<Add>());
    let mut notes = [(); 2].map(|()| probe.expect_returned::<Note>());
    sums.sort_unstable_by_key(|code| code.number());
    notes.sort_unstable_by_key(|code| code.number());
    assert_eq!(sums, [Code::NO_TARGET, Code::REJECTED]);
    assert_eq!(notes, [Code::NOT_HANDLED, Code::NO_NAMESPACE]);
    world.check_counters();
}

#[test]
fn a_request_that_its_receiver_does_not_know_comes_back_as_not_handled() {
    let mut world = World::new(2);
    let calculator = world.register(1, Calculator);
    let failure = world.nodes[0].test.ask(calculator, Note(1)).unwrap_err();
    assert_eq!(failure.code(), Code::NOT_HANDLED, "expected the code that it was given there");
    world.check_counters();
}

#[test]
fn a_receiver_knows_its_sender_and_writes_back() {
    struct Polite;
    impl Target for Polite {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            ctx.notify(message.sender().unwrap(), Note(99));
            Outcome::Handled
        }
    }
    let mut world = World::new(2);
    let polite = world.register(1, Polite);
    world.nodes[0].probe.notify(polite, Note(1));
    world.rest();
    assert_eq!(world.nodes[0].probe.expect::<Note>(), Note(99));
    world.check_counters();
}

#[test]
fn what_one_sender_sends_to_one_receiver_arrives_in_order() {
    let mut world = World::new(2);
    let scribe = Scribe::default();
    let to = world.register(1, scribe.clone());
    let numbers: Vec<u32> = (0..200).collect();
    world.nodes[0].probe.act(move |ctx| (0..200).for_each(|number| ctx.notify(to, Note(number))));
    world.rest();
    assert_eq!(scribe.numbers(), numbers);
    let (sender, _) = scribe.0.lock().unwrap()[0];
    assert_eq!(sender, Some(world.nodes[0].home), "expected the sender to be known");
    world.check_counters();
}

#[test]
fn what_is_sent_to_the_carriers_of_another_node_by_mistake_comes_back() {
    let mut world = World::new(2);
    let carriers = Address::service("TRANSPORT".parse().unwrap()).on_node(world.nodes[1].id);
    let target = Address::target(Tid::number(7)).in_namespace("TRANSPORT".parse().unwrap()).on_node(world.nodes[1].id);
    for to in [carriers, target] {
        world.nodes[0].probe.notify(to, Note(1));
        world.nodes[0].probe.request(to, Add(1, 1));
        world.rest();
        assert_eq!(world.nodes[0].probe.expect_returned::<Note>(), Code::NO_SERVICE);
        assert_eq!(world.nodes[0].probe.expect_returned::<Add>(), Code::NO_SERVICE);
    }
    world.check_counters();
}

#[test]
fn a_service_of_another_node_is_found_by_the_record() {
    let mut world = World::new(2);
    let calculator = world.register(1, Calculator);
    world.nodes[1].test.namespace("app").open().unwrap().serve::<Add>(calculator).unwrap();
    let service = Address::service(calculator.nid().unwrap()).on_node(world.nodes[1].id);
    assert_eq!(world.nodes[0].test.ask(service, Add(1, 2)).unwrap(), Sum(3));
    let failure = world.nodes[0].test.ask(service, Note(1)).unwrap_err();
    assert_eq!(failure.code(), Code::NO_SERVICE);
    world.check_counters();
}

#[test]
fn a_held_request_is_answered_later_and_a_forwarded_one_by_a_third_node() {
    let mut world = World::new(3);
    let calculator = world.register(2, Calculator);
    let desk = world.nodes[1].home;
    world.nodes[1].probe.hold::<Add>();
    world.nodes[0].probe.request(desk, Add(4, 4));
    world.nodes[0].probe.request(desk, Add(5, 5));
    world.rest();
    world.nodes[0].probe.expect_nothing();
    world.nodes[1].probe.take_held::<Add>().unwrap().forward(calculator);
    world.nodes[1].probe.take_held::<Add>().unwrap().answer(Sum(100));
    world.rest();
    let mut sums = [(); 2].map(|()| world.nodes[0].probe.expect_answer::<Sum>().0);
    sums.sort_unstable();
    assert_eq!(sums, [8, 100]);
    world.check_counters();
}

#[test]
fn several_records_travel_together_and_a_large_one_does_too() {
    let mut world = World::new(2);
    let probe = world.nodes[1].probe.clone();
    let to = world.nodes[1].home;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|byte| byte as u8).collect();
    let load = Load(bytes.clone());
    world.nodes[0].probe.act(move |ctx| {
        ctx.send(Message::notification(to, Note(1)).and(Sum(2)).and(load));
    });
    world.rest();
    world.nodes[0].probe.expect_nothing();
    assert_eq!(probe.expect::<Note>(), Note(1));
    world.nodes[0].probe.notify(to, Load(bytes.clone()));
    world.rest();
    assert!(probe.expect::<Load>().0 == bytes, "expected all bytes to arrive");
    world.check_counters();
}

#[test]
fn what_has_no_wire_form_or_is_too_large_comes_back_at_once() {
    let mut world = World::new(2);
    let to = world.nodes[1].home;
    world.nodes[0].probe.notify(to, Homely);
    world.nodes[0].probe.notify(to, Load(vec![0; 17 << 20]));
    world.nodes[0].probe.notify(to, Note(1));
    world.rest();
    assert_eq!(world.nodes[0].probe.expect_returned::<Homely>(), Code::NOT_ROUTABLE);
    assert_eq!(world.nodes[0].probe.expect_returned::<Load>(), Code::TOO_LARGE);
    assert_eq!(world.nodes[1].probe.expect::<Note>(), Note(1), "expected the others to go on");
    world.check_counters();
}

#[test]
fn a_deadline_travels_as_the_time_that_is_left() {
    let mut world = World::new(3);
    let (to, started) = (world.nodes[1].home, world.nodes[0].test.now());
    world.nodes[1].probe.hold::<Add>();
    world.nodes[0].probe.act(move |ctx| {
        let _ = ctx.within(Duration::from_secs(2)).request(to, Add(1, 1));
    });
    world.rest();
    let held = world.nodes[1].probe.take_held::<Add>().unwrap();
    assert_eq!(held.message().expires(), Some(started.after(Duration::from_secs(2))));
    world.run(2000);
    assert_eq!(world.nodes[0].probe.expect_returned::<Add>(), Code::EXPIRED);
    held.answer(Sum(2));
    world.rest();
    world.nodes[0].probe.expect_nothing();
    assert_eq!(world.nodes[0].test.kernel().counters().late_answers, 1);
    world.check_counters();
}

#[test]
fn more_than_the_window_takes_comes_back_with_busy() {
    let settings = Joining::new().window(8);
    let mut world = World::with(2, 0, &settings);
    let scribe = Scribe::default();
    let to = world.register(1, scribe.clone());
    world.nodes[0].probe.act(move |ctx| (0..20).for_each(|number| ctx.notify(to, Note(number))));
    world.rest();
    world.run(100);
    let taken = scribe.numbers();
    assert_eq!(taken, (0..8).collect::<Vec<_>>());
    for _ in 8..20 {
        assert_eq!(world.nodes[0].probe.expect_returned::<Note>(), Code::BUSY);
    }
    world.nodes[0].probe.notify(to, Note(20));
    world.rest();
    assert_eq!(scribe.numbers().last(), Some(&20), "expected room again");
    world.check_counters();
}

#[test]
fn a_question_to_another_node_from_a_probe_that_is_gone_is_a_dead_letter() {
    let mut world = World::new(2);
    let gone = Probe::new("gone");
    let address = world.register(0, gone.clone());
    let to = world.nodes[1].home;
    world.nodes[1].probe.hold::<Add>();
    gone.request(to, Add(1, 1));
    world.rest();
    world.nodes[0].test.namespace("app").open().unwrap().deregister(address).unwrap();
    world.rest();
    drop(world.nodes[1].probe.take_held::<Add>());
    world.rest();
    assert_eq!(world.nodes[0].test.kernel().counters().dead_letters, 1);
    world.check_counters();
}

#[test]
fn records_that_one_node_compresses_another_reads_and_answers_whatever_it_does_itself() {
    let settings = Joining::new().compress(64).max_message(1 << 20);
    let mut world = World::with(2, 0, &settings);
    let plain = world.nodes[0].test.neighbour("plain");
    world.network.join(plain.kernel()).unwrap();
    world.run(5);
    let load = Load((0..100_000_u32).map(|number| (number / 1000) as u8).collect());
    let other = Probe::new("other");
    let homes = [world.nodes[1].home, plain.namespace("app").open().unwrap().register(other.clone()).unwrap()];
    for home in homes {
        world.nodes[0].probe.notify(home, load.clone());
    }
    world.rest();
    assert_eq!((world.nodes[1].probe.expect::<Load>(), other.expect::<Load>()), (load.clone(), load));
    world.nodes[0].probe.notify(homes[0], Load(vec![7; 2 << 20]));
    world.rest();
    assert_eq!(
        world.nodes[0].probe.expect_returned::<Load>(),
        Code::TOO_LARGE,
        "expected the limit to be of the full size"
    );
    world.check_counters();
}
