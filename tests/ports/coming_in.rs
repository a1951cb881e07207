//! Mail that a port brings in: who sent it, and how it gets back there.

use rohrpost::testing::Probe;
use rohrpost::{
    Address, Change, Code, Context, Event, Failure, Filter, Handle, Message, Nid, NodeId, Origin, Outcome, Parting,
    Principal, Target, Ticket, Tid, handles,
};

use crate::world::{Add, DEVICE, Locker, Note, Sum, World};

/// Who sent a message, as its receiver saw it.
type Seen = std::sync::mpsc::Sender<(Option<Address>, Option<Principal>)>;

/// Tells who sent it what; handles nothing but sums.
struct Porter(Seen);

impl Target for Porter {
    fn receive(&mut self, message: &mut Message<'_>, _: &mut Context<'_>) -> Outcome {
        self.0.send((message.sender(), message.principal().cloned())).unwrap();
        let Some(&Add(left, right)) = message.record() else {
            return Outcome::NotHandled;
        };
        message.answer(Sum(left + right));
        Outcome::Handled
    }

    fn observed(&mut self, message: &Message<'_>, _: &mut Context<'_>) {
        self.0.send((message.sender(), message.principal().cloned())).unwrap();
    }
}

struct Calculator;
impl Handle<Add> for Calculator {
    fn handle(&mut self, add: &Add, _: &mut Context<'_>) -> Result<Sum, Failure> {
        Ok(Sum(add.0 + add.1))
    }
}
handles!(Calculator: Add);

fn somebody() -> Address {
    Address::target(Tid::number(7)).in_namespace(Nid::name("lamp")).on_node(DEVICE)
}

#[test]
fn a_request_is_answered_to_where_it_came_from() {
    let mut world = World::new();
    let calculator = world.test.namespace("app").open().unwrap().register_on(1, Calculator).unwrap();
    world.bring(Message::request(calculator, Add(2, 3)), Origin::new().sender(somebody()));
    assert_eq!(world.returns(), [], "expected the answer when the workers have run");
    world.rest();
    assert_eq!(world.returns(), [(Code::OK, Some(5))]);
}

#[test]
fn what_comes_in_for_a_service_goes_to_whoever_owns_it_then() {
    let mut world = World::new();
    let app = world.test.namespace("app").open().unwrap();
    let (first, second, watcher) = (Probe::new("first"), Probe::new("second"), Probe::new("watcher"));
    let owners = [&first, &second].map(|probe| app.register_on(1, probe.clone()).unwrap());
    let watching = app.register(watcher.clone()).unwrap();
    let service = Address::service(app.id());
    let mut bring = |number| {
        world.rest();
        world.bring(Message::notification(service, Note(number)), Origin::new());
        world.rest();
        world.returns()
    };
    assert_eq!(bring(1), [(Code::NO_SERVICE, None)]);
    app.serve::<Note>(owners[0]).unwrap();
    assert_eq!([bring(2), bring(3)].concat(), []);
    app.observe::<Note>(watching).unwrap();
    assert_eq!(bring(4), []);
    app.unobserve::<Note>(watching).unwrap();
    app.withdraw::<Note>(owners[0]).unwrap();
    assert_eq!(bring(5), [(Code::NO_SERVICE, None)]);
    app.serve::<Note>(owners[1]).unwrap();
    assert_eq!(bring(6), []);
    app.deregister(owners[1]).unwrap();
    assert_eq!(bring(7), [(Code::NO_SERVICE, None)]);
    assert_eq!([2, 3, 4].map(|_| first.expect::<Note>()), [Note(2), Note(3), Note(4)]);
    assert_eq!(watcher.expect_observed::<Note>(), Note(4));
    assert_eq!(second.expect::<Note>(), Note(6));
}

#[test]
fn a_receiver_knows_the_sender_and_the_principal_of_what_comes_in() {
    let mut world = World::new();
    let (told, heard) = std::sync::mpsc::channel();
    let app = world.test.namespace("app").open().unwrap();
    let porter = app.register(Porter(told.clone())).unwrap();
    app.serve::<Add>(porter).unwrap();
    app.observe::<Add>(app.register_on(1, Porter(told)).unwrap()).unwrap();
    let origin = || Origin::new().sender(somebody()).principal(Principal::new("device-7"));
    world.bring(Message::request(app.address(), Add(1, 1)), origin());
    world.rest();
    let known = (Some(somebody()), Some(Principal::new("device-7")));
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [known.clone(), known], "expected owner and observer to know");
    world.bring(Message::request(porter, Add(1, 1)), Origin::new());
    world.rest();
    assert_eq!(heard.try_recv(), Ok((None, None)), "expected a stranger to stay one");
}

#[test]
fn a_principal_stays_with_a_message_that_is_held_and_forwarded() {
    let mut world = World::new();
    let (told, heard) = std::sync::mpsc::channel();
    let app = world.test.namespace("app").open().unwrap();
    let porter = app.register_on(1, Porter(told)).unwrap();
    world.clerk.hold::<Add>();
    world.bring(Message::request(world.home, Add(1, 2)), Origin::new().principal(Principal::new("anna")));
    world.rest();
    world.clerk.take_held::<Add>().unwrap().forward(porter);
    world.rest();
    assert_eq!(heard.try_recv(), Ok((None, Some(Principal::new("anna")))));
    assert_eq!(world.returns(), [(Code::OK, Some(3))]);
}

#[test]
fn nobody_can_bring_a_principal_along_in_a_message_of_his_own() {
    let mut world = World::new();
    let (told, heard) = std::sync::mpsc::channel();
    let porter = world.test.namespace("app").open().unwrap().register(Porter(told)).unwrap();
    world.clerk.hold::<Add>();
    world.bring(Message::request(world.home, Add(1, 2)), Origin::new().principal(Principal::new("anna")));
    world.rest();
    let copy = world.clerk.take_held::<Add>().unwrap().message().try_clone().unwrap();
    assert_eq!(copy.principal(), None);
    world.clerk.notify(porter, Add(1, 2));
    world.rest();
    assert_eq!(heard.try_recv(), Ok((Some(world.home), None)));
}

#[test]
fn a_notification_comes_back_only_if_it_fails() {
    let mut world = World::new();
    let (told, _heard) = std::sync::mpsc::channel();
    let porter = world.test.namespace("app").open().unwrap().register(Porter(told)).unwrap();
    world.bring(Message::notification(porter, Add(1, 1)), Origin::new());
    world.rest();
    assert_eq!(world.returns(), []);
    world.bring(Message::notification(porter, Note(1)), Origin::new());
    world.rest();
    assert_eq!(world.returns(), [(Code::NOT_HANDLED, None)]);
}

#[test]
fn what_was_brought_in_with_a_stub_comes_back_to_its_own_port_with_it() {
    let mut world = World::new();
    let other = std::sync::Arc::new(Locker::default());
    world.test.kernel().attach(other.clone());
    let (told, _heard) = std::sync::mpsc::channel();
    let porter = world.test.namespace("app").open().unwrap().register(Porter(told)).unwrap();
    let nobody = Address::target(Tid::name("nobody")).in_namespace(Nid::name("app"));
    for (number, mail) in [
        (1, Message::request(porter, Add(1, 1))),
        (2, Message::notification(porter, Add(1, 1))),
        (3, Message::notification(porter, Note(1))),
        (4, Message::request(nobody, Add(1, 1))),
    ] {
        world.locker.inlet().bring(mail, Origin::new().stub([number, 7, 8, 9]));
    }
    other.inlet().bring(Message::request(porter, Note(2)), Origin::new().stub([5; 4]));
    world.rest();
    let mut back = world.locker.back();
    back.sort_unstable_by_key(|(stub, _)| *stub);
    let expected = [(1, Code::OK), (3, Code::NOT_HANDLED), (4, Code::NO_TARGET)];
    assert_eq!(back, expected.map(|(number, code)| ([number, 7, 8, 9], code)));
    assert_eq!(other.back(), [([5; 4], Code::NOT_HANDLED)]);
}

#[test]
fn what_fails_at_once_comes_back_with_its_code() {
    let mut world = World::new();
    let nobody = |nid| Address::target(Tid::name("nobody")).in_namespace(Nid::name(nid));
    let elsewhere = nobody("app").on_node(NodeId::name("elsewhere"));
    let cases = [
        (nobody("app"), Code::NO_TARGET),
        (nobody("nowhere"), Code::NO_NAMESPACE),
        (Address::service(Nid::name("app")), Code::NO_SERVICE),
        (elsewhere, Code::NO_NODE),
    ];
    for (to, code) in cases {
        world.bring(Message::request(to, Add(1, 1)), Origin::new());
        assert_eq!(world.returns(), [(code, None)], "expected mail to {to} to come back");
        world.bring(Message::notification(to, Add(1, 1)), Origin::new());
        assert_eq!(world.returns(), [(code, None)], "expected mail to {to} to come back");
    }
    world.rest();
}

#[test]
fn who_gets_mail_from_another_node_writes_back_through_its_port() {
    let mut world = World::new();
    struct Polite;
    impl Target for Polite {
        fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
            ctx.notify(message.sender().unwrap(), Note(99));
            Outcome::Handled
        }
    }
    let polite = world.test.namespace("app").open().unwrap().register(Polite).unwrap();
    world.bring(Message::notification(polite, Note(1)), Origin::new().sender(somebody()));
    world.rest();
    let mail = world.locker.fetch();
    assert_eq!((mail.message().receiver(), mail.record::<Note>()), (Some(somebody()), Some(&Note(99))));
    mail.finish(Code::OK);
}

#[test]
fn a_way_back_that_panics_harms_nobody() {
    let mut world = World::new();
    let calculator = world.test.namespace("app").open().unwrap().register(Calculator).unwrap();
    let origin = Origin::new().back(|_| panic!("expected this to be caught"));
    world.locker.inlet().bring(Message::request(calculator, Add(2, 3)), origin);
    world.rest();
    world.bring(Message::request(calculator, Add(2, 3)), Origin::new());
    world.rest();
    assert_eq!(world.returns(), [(Code::OK, Some(5))]);
}

#[test]
fn what_comes_in_can_go_out_again() {
    let mut world = World::new();
    world.bring(Message::request(World::lamp(), Add(4, 4)), Origin::new().sender(somebody()));
    let mail = world.locker.fetch();
    assert_eq!(mail.message().sender(), Some(somebody()));
    mail.answer(Sum(8));
    world.rest();
    assert_eq!(world.returns(), [(Code::OK, Some(8))]);
}

#[test]
fn a_notification_that_was_done_can_still_be_brought_back() {
    let mut world = World::new();
    world.clerk.notify(World::lamp(), Note(1));
    world.rest();
    let mail = world.locker.fetch();
    let ticket = Ticket::from_parts(Ticket::of(mail.message()).unwrap().parts());
    let mut copy = mail.message().try_clone().unwrap();
    mail.finish(Code::OK);
    copy.set_code(Code::NO_TARGET);
    world.locker.inlet().bring_back(copy, ticket);
    world.rest();
    assert_eq!(world.clerk.expect_returned::<Note>(), Code::NO_TARGET);
    let nobody = Ticket::from_parts([u64::MAX >> 1, 0, 0, 0]);
    world.locker.inlet().bring_back(Message::notification(World::lamp(), Note(2)), nobody);
    world.rest();
    assert_eq!(world.test.kernel().counters().dead_letters, 1);
}

#[test]
fn monitors_are_told_which_nodes_are_there() {
    let mut world = World::new();
    let viewer = Probe::new("viewer");
    let target = world.test.namespace("app").open().unwrap().register(viewer.clone()).unwrap();
    let inlet = world.locker.inlet();
    inlet.joined(DEVICE);
    let filters = [Filter::new().node(DEVICE), Filter::new().node(NodeId::name("other"))];
    let [of_it, of_another] = filters.map(|filter| world.test.kernel().monitor(filter, target).unwrap());
    world.rest();
    inlet.joined(DEVICE);
    inlet.left(DEVICE, Parting::Crashed);
    inlet.left(DEVICE, Parting::Closed);
    world.rest();
    let changes = (0..4).map(|_| viewer.expect::<Change>());
    let told: Vec<_> = changes.map(|change| (change.monitor, change.event)).collect();
    viewer.expect_nothing();
    let joined = Event::NodeJoined { node: DEVICE };
    let left = Event::NodeLeft { node: DEVICE, reason: Parting::Crashed };
    let of = |wanted| told.iter().filter(|(monitor, _)| *monitor == wanted).map(|(_, event)| event).collect::<Vec<_>>();
    assert_eq!(of(of_it), [&joined, &Event::Complete, &left], "expected each once");
    assert_eq!(of(of_another), [&Event::Complete], "expected nothing of other nodes");
}
