//! Observers on other nodes: a copy crosses once for each node.

use std::sync::{Arc, Mutex};

use rohrpost::net::{Gatekeeper, Joining, Rule};
use rohrpost::system::{AddObserver, ListTargets, RemoveObserver};
use rohrpost::{Address, Code, Context, Message, Observes, Record, Target, handles};

use crate::world::{Note, Sum, World};

/// Writes down what it sees, and who sent it.
#[derive(Clone, Default)]
struct Eye(Arc<Mutex<Vec<u32>>>);
impl Observes<Note> for Eye {
    fn observed(&mut self, note: &Note, _: &mut Context<'_>) {
        self.0.lock().unwrap().push(note.0);
    }
}
handles!(Eye: observes Note);

impl Eye {
    fn seen(&self) -> Vec<u32> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Two nodes; on the first is a topic, which the second may observe.
fn topic() -> (World, Address) {
    let open = Joining::new().gatekeeper(Gatekeeper::new().rule(Rule::allow()));
    let world = World::with(2, 0, &open);
    let app = world.nodes[0].test.namespace("app").open().unwrap();
    app.topic::<Note>().open().unwrap();
    let topic = app.address();
    (world, topic)
}

fn system(world: &World, node: usize) -> Address {
    world.nodes[node].test.kernel().system()
}

#[test]
fn observers_on_another_node_see_what_is_published_and_one_copy_crosses_for_all() {
    let (mut world, topic) = topic();
    let eyes: Vec<Eye> = (0..5).map(|_| Eye::default()).collect();
    let there = system(&world, 0);
    for eye in &eyes {
        let observer = world.register(1, eye.clone());
        let add = AddObserver { service: topic, record: Note::ID, observer };
        world.nodes[1].test.ask(there, add).unwrap();
    }
    let before = world.nodes[0].test.kernel().counters().copies;
    for number in 0..10 {
        world.nodes[0].probe.notify(topic, Note(number));
    }
    world.rest();
    for eye in &eyes {
        assert_eq!(eye.seen(), (0..10).collect::<Vec<_>>());
    }
    let crossed = world.nodes[0].test.kernel().counters().copies - before;
    assert_eq!(crossed, 10, "expected one copy for each message and node");
    assert_eq!(world.nodes[1].test.kernel().counters().observed, 50);
    world.check_counters();
}

#[test]
fn a_gatekeeper_is_asked_about_copies_too() {
    let (mut world, topic) = topic();
    let wary = Gatekeeper::new().rule(Rule::deny().record(Note::ID).from(world.nodes[0].id));
    let wary = world.add("wary", &Joining::new().gatekeeper(wary));
    let (there, eye) = (system(&world, 0), Eye::default());
    let observer = world.register(wary, eye.clone());
    world.nodes[wary].test.ask(there, AddObserver { service: topic, record: Note::ID, observer }).unwrap();
    world.nodes[0].probe.notify(topic, Note(7));
    world.rest();
    assert_eq!(eye.seen(), [0; 0], "expected what is not let in not to be seen");
    assert_eq!(world.nodes[wary].net.counters().denied, 1);
    world.check_counters();
}

#[test]
fn who_stands_in_for_an_observer_that_was_refused_goes() {
    let (mut world, topic) = topic();
    let there = system(&world, 0);
    let observer = world.register(1, Eye::default());
    let residents =
        |world: &mut World| world.nodes[0].test.ask(there, ListTargets("TRANSPORT".parse().unwrap())).unwrap().0.len();
    let before = residents(&mut world);
    for _ in 0..10 {
        let add = AddObserver { service: topic, record: Sum::ID, observer };
        assert_eq!(world.nodes[1].test.ask(there, add).unwrap_err().code(), Code::NO_SERVICE);
    }
    world.run(2000);
    assert_eq!(residents(&mut world), before);
}

#[test]
fn an_observer_that_is_removed_or_gone_sees_nothing_more_and_leaves_nothing_behind() {
    let (mut world, topic) = topic();
    let (there, eyes) = (system(&world, 0), [Eye::default(), Eye::default()]);
    let observers = eyes.clone().map(|eye| world.register(1, eye));
    for observer in observers {
        world.nodes[1].test.ask(there, AddObserver { service: topic, record: Note::ID, observer }).unwrap();
    }
    world.nodes[1]
        .test
        .ask(there, RemoveObserver { service: topic, record: Note::ID, observer: observers[0] })
        .unwrap();
    world.nodes[0].probe.notify(topic, Note(1));
    world.rest();
    assert_eq!(eyes.each_ref().map(Eye::seen), [vec![], vec![1]]);
    world.nodes[1].test.namespace("app").open().unwrap().deregister(observers[1]).unwrap();
    let targets = world.nodes[0].test.kernel().counters().deregistered;
    world.nodes[0].probe.notify(topic, Note(2));
    world.run(10);
    assert_eq!(world.nodes[0].test.kernel().counters().deregistered, targets + 1, "expected who stood in to go");
    let failure = world.nodes[0].test.ask(topic, Note(3)).unwrap_err();
    assert_eq!(failure.code(), Code::NOT_HANDLED, "expected nobody to observe it");
    world.check_counters();
}

#[test]
fn a_node_that_goes_leaves_no_observers_behind() {
    let (mut world, topic) = topic();
    let observer = world.register(1, Eye::default());
    let there = system(&world, 0);
    world.nodes[1].test.ask(there, AddObserver { service: topic, record: Note::ID, observer }).unwrap();
    world.nodes[0].test.ask(topic, Note(1)).unwrap();
    world.network.crash(world.nodes[1].id);
    world.rest();
    let failure = world.nodes[0].test.ask(topic, Note(2)).unwrap_err();
    assert_eq!(failure.code(), Code::NOT_HANDLED, "expected nobody to observe it");
}

#[test]
fn an_observer_knows_who_sent_what_it_sees() {
    struct Curious(Arc<Mutex<Vec<Option<Address>>>>);
    impl Target for Curious {
        fn receive(&mut self, _: &mut Message<'_>, _: &mut Context<'_>) -> rohrpost::Outcome {
            rohrpost::Outcome::NotHandled
        }
        fn observed(&mut self, message: &Message<'_>, _: &mut Context<'_>) {
            self.0.lock().unwrap().push(message.sender());
        }
    }
    let (mut world, topic) = topic();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observer = world.register(1, Curious(seen.clone()));
    let there = system(&world, 0);
    world.nodes[1].test.ask(there, AddObserver { service: topic, record: Note::ID, observer }).unwrap();
    world.nodes[0].probe.notify(topic, Note(1));
    world.rest();
    assert_eq!(*seen.lock().unwrap(), [Some(world.nodes[0].home)]);
}
