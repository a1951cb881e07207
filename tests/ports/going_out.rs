//! Mail that leaves the node: held by a port until that says what became of it.

use std::time::Duration;

use rohrpost::{Address, Code, Failure, Message, Nid, NodeId};

use crate::world::{Add, DEVICE, Note, Secret, Sum, World};

#[test]
fn a_port_that_stores_a_request_first_answers_it_later() {
    let mut world = World::new();
    world.clerk.request(World::lamp(), Add(2, 3));
    world.rest();
    world.clerk.expect_nothing();
    let mail = world.locker.fetch();
    assert_eq!(mail.message().sender(), Some(world.home), "expected the sender to be known out there");
    assert_eq!(mail.message().receiver(), Some(World::lamp()));
    world.test.advance(Duration::from_secs(3600)).unwrap();
    let Add(left, right) = *mail.record::<Add>().unwrap();
    mail.answer(Sum(left + right));
    world.rest();
    assert_eq!(world.clerk.expect_answer::<Sum>(), Sum(5));
}

#[test]
fn a_question_from_outside_goes_out_by_a_port_too() {
    let world = World::new();
    let (kernel, locker) = (world.test.kernel().clone(), world.locker.clone());
    let mut question = Box::pin(kernel.ask(World::lamp(), Add(2, 3)));
    let task = &mut std::task::Context::from_waker(std::task::Waker::noop());
    assert!(Future::poll(question.as_mut(), task).is_pending());
    locker.fetch().answer(Sum(5));
    let answer = Future::poll(question.as_mut(), task);
    assert!(matches!(answer, std::task::Poll::Ready(Ok(Sum(5)))), "expected the answer: {answer:?}");
}

#[test]
fn a_notification_is_done_when_its_port_says_so_and_not_before() {
    let mut world = World::new();
    world.clerk.notify(World::lamp(), Note(1));
    world.clerk.notify(World::lamp(), Note(2));
    world.rest();
    let before = world.test.kernel().counters().handled;
    world.locker.fetch().finish(Code::OK);
    assert_eq!(world.test.kernel().counters().handled, before + 1);
    world.locker.fetch().fail(Failure::new(Code::DENIED, "the lamp is off limits"));
    world.rest();
    assert_eq!(world.clerk.expect_returned::<Note>(), Code::DENIED);
}

#[test]
fn a_port_is_flushed_once_after_all_that_a_turn_has_sent_and_at_once_by_a_thread() {
    let mut world = World::new();
    world.rest();
    assert_eq!(world.locker.flushes(), [0; 0], "expected nobody to flush who has sent nothing");
    world.clerk.act(|ctx| (0..5).for_each(|number| ctx.notify(World::lamp(), Note(number))));
    world.rest();
    assert_eq!(world.locker.flushes(), [5]);
    world.test.kernel().notify(World::lamp(), Note(5)).unwrap();
    assert_eq!(world.locker.flushes(), [6], "expected a thread that has no turns not to wait for the end of one");
}

#[test]
fn what_a_port_drops_comes_back_as_lost() {
    let mut world = World::new();
    world.clerk.request(World::lamp(), Add(1, 1));
    world.rest();
    drop(world.locker.fetch());
    world.rest();
    assert_eq!(world.clerk.expect_returned::<Add>(), Code::NODE_LOST);
}

#[test]
fn a_port_that_panics_loses_nothing() {
    let mut world = World::new();
    world.clerk.notify(World::lamp(), Note(13));
    world.rest();
    assert_eq!(world.clerk.expect_returned::<Note>(), Code::NODE_LOST);
    world.clerk.notify(World::lamp(), Note(14));
    world.rest();
    world.locker.fetch().finish(Code::OK);
}

#[test]
fn mail_for_a_node_that_no_port_reaches_comes_back_with_no_node() {
    let mut world = World::new();
    let elsewhere = Address::service(Nid::name("lamp")).on_node(NodeId::name("elsewhere"));
    world.clerk.request(elsewhere, Add(1, 1));
    world.rest();
    assert_eq!(world.clerk.expect_returned::<Add>(), Code::NO_NODE);
    let failure = world.test.ask(elsewhere, Add(1, 1)).unwrap_err();
    assert_eq!(failure.code(), Code::NO_NODE);
    let refused = world.test.kernel().notify(elsewhere, Note(1)).unwrap_err();
    assert_eq!((refused.code(), refused.into_message().record::<Note>()), (Code::NO_NODE, Some(&Note(1))));
}

#[test]
fn what_is_local_only_does_not_leave_its_node() {
    let mut world = World::new();
    world.clerk.notify(World::lamp(), Secret);
    world.clerk.act(|ctx| {
        ctx.send(Message::notification(World::lamp(), Note(1)).local_only());
        ctx.send(Message::notification(World::lamp(), Note(1)).and(Secret));
    });
    world.rest();
    assert_eq!(world.clerk.expect_returned::<Secret>(), Code::NOT_ROUTABLE);
    assert_eq!(world.clerk.expect_returned::<Note>(), Code::NOT_ROUTABLE);
    assert_eq!(world.clerk.expect_returned::<Note>(), Code::NOT_ROUTABLE);
    assert!(world.locker.is_empty(), "expected nothing to have left the node");
}

#[test]
fn nobody_can_wait_on_the_stack_for_another_node() {
    let mut world = World::new();
    let (told, heard) = std::sync::mpsc::channel();
    world.clerk.act(move |ctx| {
        let called = ctx.call(World::lamp(), Add(1, 1));
        told.send(called.map_err(|failure| failure.code())).unwrap();
    });
    world.rest();
    assert_eq!(heard.try_recv().unwrap(), Err(Code::WOULD_BLOCK));
    assert!(world.locker.is_empty(), "expected nothing to have left the node");
}

#[test]
fn a_deadline_ends_the_waiting_while_a_port_has_the_request() {
    let mut world = World::new();
    world.clerk.act(|ctx| {
        let _ = ctx.within(Duration::from_secs(1)).request(World::lamp(), Add(1, 1));
    });
    world.rest();
    let mail = world.locker.fetch();
    assert!(mail.message().expires().is_some(), "expected the deadline to go with it");
    world.test.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(world.clerk.expect_returned::<Add>(), Code::EXPIRED);
    mail.answer(Sum(2));
    world.test.run_until_idle().unwrap();
    world.clerk.expect_nothing();
    assert_eq!(world.test.kernel().counters().late_answers, 1);
}

#[test]
fn a_message_is_forwarded_to_another_node_and_answered_from_there() {
    let mut world = World::new();
    let desk = rohrpost::testing::Probe::new("desk");
    desk.hold::<Add>();
    let address = world.test.namespace("app").open().unwrap().register_on(1, desk.clone()).unwrap();
    world.clerk.request(address, Add(20, 22));
    world.rest();
    desk.take_held::<Add>().unwrap().forward(World::lamp());
    let mail = world.locker.fetch();
    assert_eq!(mail.message().sender(), Some(world.home), "expected the first sender to be kept");
    assert_eq!(mail.message().receiver().unwrap().node(), Some(DEVICE));
    mail.answer(Sum(42));
    world.rest();
    assert_eq!(world.clerk.expect_answer::<Sum>(), Sum(42));
}

#[test]
fn mail_for_any_node_goes_to_the_nearest_that_offers_its_service() {
    let mut world = World::new();
    let anywhere = Address::any_node(Nid::name("app"));
    world.clerk.request(anywhere, Add(1, 1));
    world.rest();
    assert_eq!(world.clerk.expect_returned::<Add>(), Code::NO_SERVICE);

    world.locker.offer(Nid::name("app"));
    world.clerk.request(anywhere, Add(1, 2));
    world.rest();
    let mail = world.locker.fetch();
    let chosen = Address::service(Nid::name("app")).on_node(DEVICE);
    assert_eq!(mail.message().receiver(), Some(chosen), "expected the node to be chosen");
    mail.answer(Sum(3));

    let app = world.test.namespace("app").open().unwrap();
    app.serve::<Add>(world.home).unwrap();
    world.clerk.hold::<Add>();
    let kernel = world.test.kernel().clone();
    let mut question = Box::pin(async move { kernel.ask(anywhere, Add(1, 3)).await });
    let task = &mut std::task::Context::from_waker(std::task::Waker::noop());
    assert!(Future::poll(question.as_mut(), task).is_pending());
    world.rest();
    assert!(world.locker.is_empty(), "expected this node to be the nearest");
    world.clerk.take_held::<Add>().unwrap().answer(Sum(4));
    assert!(matches!(Future::poll(question.as_mut(), task), std::task::Poll::Ready(Ok(Sum(4)))));
}

#[test]
fn mail_for_another_node_never_touches_a_local_target_of_the_same_id() {
    let mut world = World::new();
    let twin = world.home.on_node(DEVICE);
    let second = world.test.namespace("app").open().unwrap().register(rohrpost::testing::Probe::new("second")).unwrap();
    world.clerk.act(move |ctx| {
        ctx.send(Message::notification(second.on_node(DEVICE), Note(1)));
        ctx.notify(twin, Note(2));
    });
    world.clerk.hold::<Add>();
    world.clerk.request(world.home, Add(1, 1));
    world.rest();
    world.clerk.take_held::<Add>().unwrap().forward(second.on_node(DEVICE));
    world.rest();
    let receivers = [(); 3].map(|()| world.locker.fetch().message().receiver());
    assert_eq!(receivers, [Some(second.on_node(DEVICE)), Some(twin), Some(second.on_node(DEVICE))]);
}
