//! What can be registered, and what is refused with which words.

use rohrpost::{Address, Balance, Code, Record, RecordId, ServeError, record};

use crate::world::{Note, PATIENCE, Query, Unique, World};

/// The error says each of these.
fn says(error: &ServeError, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "expected `{part}` in `{text}`");
    }
}

#[test]
fn a_second_owner_is_refused_and_told_who_has_the_service() {
    let mut world = World::new();
    let (first, second) = (world.near("first"), world.near("second"));
    world.near.serve::<Note>(first).unwrap();
    world.near.serve::<Note>(first).expect("expected the same owner to be welcome again");
    let refused = world.near.serve::<Note>(second).unwrap_err();
    assert_eq!(refused, ServeError::Taken { record: "services.note", owner: first });
    says(&refused, &["services.note", &first.to_string(), "group"]);
    world.have(second, |_, ctx| assert!(ctx.serve::<Note>().is_err()));
    world.near.withdraw::<Note>(first).unwrap();
    world.have(second, |_, ctx| ctx.serve::<Note>().expect("expected the service to be free"));
    assert_eq!(world.balanced().panics, 0);
}

#[test]
fn an_owner_lives_in_the_namespace_of_its_service() {
    let mut world = World::new();
    let (here, stranger) = (world.near("here"), world.far("stranger"));
    says(&world.near.serve::<Note>(stranger).unwrap_err(), &[&stranger.to_string(), "near", "own"]);
    let gone = world.near("gone");
    world.near.deregister(gone).unwrap();
    world.settle();
    world.near.serve::<Note>(gone).unwrap();
    world.settle();
    world.near.serve::<Note>(here).expect("expected a target that is gone to own nothing");
    let nobody: Address = "nobody".parse().unwrap();
    says(&world.near.serve::<Query>(nobody).unwrap_err(), &["nobody", "NO_TARGET"]);
    says(&world.near.serve::<Query>(world.near.address()).unwrap_err(), &["NO_TARGET"]);
    says(&world.near.observe::<Note>(nobody).unwrap_err(), &["nobody", "NO_TARGET"]);
    let named = world.probe("named");
    let named = world.near.register_as("named", named).unwrap();
    world.near.serve::<Query>(named).expect("expected a name to do");
}

#[test]
fn a_service_is_told_of_by_the_name_of_its_record() {
    // In the process nobody has used these names before.
    #[derive(Clone, Debug)]
    struct Served;
    #[derive(Clone, Debug)]
    struct Published;
    #[derive(Clone, Debug)]
    struct Missing;
    record!(Served, "registering.served");
    record!(Published, "registering.published");
    record!(Missing, "registering.missing");
    let mut world = World::new();
    let owner = world.near("owner");
    world.near.serve::<Served>(owner).unwrap();
    world.near.topic::<Published>().open().unwrap();
    for (id, name) in [(Served::ID, "registering.served"), (Published::ID, "registering.published")] {
        assert_eq!(id.to_string(), name, "expected the name, as in what monitors are told");
    }
    says(&world.near.observe::<Missing>(owner).unwrap_err(), &["registering.missing"]);
}

#[test]
fn a_record_that_cannot_be_cloned_cannot_be_observed_but_served() {
    let mut world = World::new();
    let (owner, observer) = (world.near("owner"), world.near("observer"));
    world.near.serve::<Unique>(owner).unwrap();
    let service = world.near.address();
    let refused = world.near.observe::<Unique>(observer).unwrap_err();
    assert_eq!(refused, ServeError::NotCloneable("services.unique"));
    says(&refused, &["services.unique", "no_clone", "Clone"]);
    world.have(observer, move |_, ctx| assert!(ctx.observe::<Unique>(service).is_err()));
    assert!(world.near.topic::<Unique>().open().is_err(), "expected no topic that nobody can observe");
    assert!(world.near.service::<Unique>().retain_last().open().is_err(), "expected nothing to be retained");
    world.have(observer, move |_, ctx| ctx.notify(service, Unique(1)));
    assert_eq!(world.said(), ["owner got 1"]);
    assert_eq!(world.balanced().panics, 0);
}

#[test]
fn what_there_is_not_cannot_be_observed_withdrawn_or_closed() {
    let mut world = World::new();
    let (observer, owner) = (world.near("observer"), world.near("owner"));
    let missing = ServeError::NoService { record: RecordId::name("services.note"), namespace: world.near.id() };
    says(&missing, &["near"]);
    assert_eq!(world.near.observe::<Note>(observer), Err(missing.clone()));
    assert_eq!(world.near.unobserve::<Note>(observer), Err(missing.clone()));
    assert_eq!(world.near.withdraw::<Note>(observer), Err(missing.clone()));
    assert_eq!(world.near.close_service::<Note>(), Err(missing.clone()));
    let (service, elsewhere) = (world.near.address(), "..other-node".parse::<Address>().unwrap());
    world.have(observer, move |_, ctx| {
        assert_eq!(ctx.observe::<Note>(service), Err(missing.clone()));
        assert_eq!(ctx.unobserve::<Note>(service), Err(missing));
        assert!(ctx.observe::<Note>(elsewhere).is_err() && ctx.observe::<Note>(owner).is_err());
        assert!(ctx.withdraw::<Note>().is_err());
    });
    world.near.serve::<Note>(owner).unwrap();
    says(&world.near.withdraw::<Note>(observer).unwrap_err(), &["services.note", &observer.to_string()]);
    world.near.unobserve::<Note>(observer).expect("expected nothing to be wrong with one who observes nothing");
    assert_eq!(world.balanced().panics, 0);
}

#[test]
fn a_service_is_opened_in_one_way() {
    let mut world = World::new();
    let (owner, second) = (world.near("owner"), world.near("second"));
    let topic = world.near.topic::<Note>().open().unwrap();
    assert_eq!(world.near.topic::<Note>().open(), Ok(topic), "expected the same topic");
    assert_eq!(world.near.service::<Note>().open(), Err(ServeError::Exists("services.note")));
    assert_eq!(world.near.topic::<Note>().retain_last().open(), Err(ServeError::Exists("services.note")));
    assert_eq!(world.near.serve::<Note>(owner), Err(ServeError::Topic("services.note")));
    says(&world.near.topic::<Query>().owner(owner).open().unwrap_err(), &["services.query", "topic"]);
    world.near.close_service::<Note>().unwrap();
    assert_eq!(world.near.service::<Note>().owner(owner).open(), Ok(topic));
    assert!(matches!(world.near.service::<Note>().owner(second).open(), Err(ServeError::Taken { .. })));
    let far = world.far("far");
    assert!(world.near.group::<Query>(Balance::RoundRobin).owner(far).open().is_err());
    assert!(world.near.close_service::<Query>().is_err(), "expected a wrong owner to leave nothing open");
    world.have(owner, |_, ctx| {
        let opened = ctx.topic::<Query>().open().expect("expected a handler to open a topic");
        assert_eq!(opened.to_string(), ".near.world");
        assert!(ctx.service::<Query>().open().is_err() && ctx.group::<Query>(Balance::RoundRobin).open().is_err());
    });
    assert_eq!(world.balanced().panics, 0);
}

#[test]
fn a_service_that_was_opened_waits_for_its_owner() {
    let mut world = World::new();
    let (owner, observer) = (world.near("owner"), world.near("observer"));
    let service = world.near.service::<Note>().open().unwrap();
    world.near.observe::<Note>(observer).unwrap();
    assert_eq!(world.ask(service, Note(1)), Err(Code::NO_SERVICE));
    assert!(world.said().is_empty(), "expected nobody to see what is for nobody");
    world.near.serve::<Note>(owner).unwrap();
    assert_eq!(world.ask(service, Note(2)), Ok(()));
    assert_eq!(world.said(), ["observer saw 2", "owner got 2"]);
}

#[test]
fn services_are_the_kernels_own_in_system_and_end_with_their_namespace() {
    let mut world = World::new();
    let system = world.kernel.namespace("SYSTEM").open().unwrap();
    let observer = world.near("observer");
    assert_eq!(system.topic::<Note>().open(), Err(ServeError::Reserved(system.id())));
    assert!(system.serve::<Note>(observer).is_err());
    assert_eq!(system.close_service::<rohrpost::DeadLetter>(), Err(ServeError::Reserved(system.id())));
    let topic = world.far.topic::<Note>().open().unwrap();
    world.far.observe::<Note>(observer).unwrap();
    let old = world.far.clone();
    let _ = world.far.close(PATIENCE);
    assert_eq!(old.topic::<Note>().open(), Err(ServeError::Closed));
    assert_eq!(world.kernel.notify(topic, Note(1)).unwrap_err().code(), Code::NO_NAMESPACE);
    world.workers.remove(1);
    let (anew, worker) = world.kernel.namespace("far").driven().unwrap();
    world.workers.insert(1, worker);
    assert_eq!(
        world.kernel.notify(topic, Note(2)).unwrap_err().code(),
        Code::NO_SERVICE,
        "expected an empty namespace"
    );
    anew.topic::<Note>().open().unwrap();
    assert_eq!(world.kernel.notify(topic, Note(3)).unwrap_err().code(), Code::NOT_HANDLED);
    world.settle();
    assert!(world.said().is_empty(), "expected the old topic's observer to see nothing of the new one");
    assert!(world.kernel.stop(PATIENCE).ended.is_empty());
    assert_eq!(world.near.topic::<Query>().open(), Err(ServeError::Closed));
}
