//! Generated ids: each belongs to one target for ever.

use std::collections::HashSet;

use rohrpost::{Address, Code, Setup};

use crate::{Named, PATIENCE, Who, kernel, who};

#[test]
fn a_generated_id_is_no_number_and_no_name() {
    let kernel = kernel();
    let space = kernel.namespace("space").threads(2).open().unwrap();
    for index in [0, 1] {
        let address = space.register_on(index, Named(1)).unwrap();
        let tid = address.tid().expect("expected a target");
        assert!(!tid.is_name() && tid.raw() > u64::from(u32::MAX), "expected a generated id: {tid}");
        assert_eq!(address.to_string().parse(), Ok(address), "expected {address} to be read back");
        assert_eq!(who(&kernel, address.to_string().parse().unwrap()), Ok(1), "expected it to find its target");
    }
}

#[test]
fn a_generated_id_is_never_used_twice_by_targets_registered_from_outside() {
    let kernel = kernel();
    let (space, mut worker) = kernel.namespace("space").driven().unwrap();
    let mut used = HashSet::new();
    for _ in 0..5_000 {
        let (first, second) = (space.register(Named(1)).unwrap(), space.register(Named(2)).unwrap());
        for address in [first, second] {
            assert!(used.insert(address), "expected {address} to be new");
        }
        worker.run_until_idle();
        space.deregister(first).unwrap();
        // The second one goes before its first message, the first one after.
        space.deregister(second).unwrap();
        worker.run_until_idle();
    }
    assert_eq!(kernel.counters().deregistered, 10_000, "expected all to have gone");
}

#[test]
fn a_generated_id_is_never_used_twice_by_targets_registered_on_their_thread() {
    let kernel = kernel();
    let (space, mut worker) = kernel.namespace("space").driven().unwrap();
    let mut used = HashSet::new();
    for round in 0..5_000 {
        let address = worker.build(|thread| thread.register(Named(1))).unwrap();
        assert!(used.insert(address), "expected {address} to be new");
        let other = space.register(Named(2)).unwrap();
        assert!(used.insert(other), "expected {other} to be new");
        worker.run_until_idle();
        for address in [address, other].into_iter().skip(round % 2) {
            space.deregister(address).unwrap();
        }
        worker.run_until_idle();
    }
}

#[test]
fn an_id_that_was_given_out_in_vain_is_not_given_to_another() {
    let kernel = kernel();
    let (space, mut worker) = kernel.namespace("space").driven().unwrap();
    let mut used = HashSet::new();
    for _ in 0..100 {
        // Known to whoever registers before the factory panics.
        let address = space.register_factory(Setup::new(), || -> Named { panic!("no parts") }).unwrap();
        assert!(used.insert(address), "expected {address} to be new");
        worker.run_until_idle();
        let next = space.register(Named(1)).unwrap();
        assert!(used.insert(next), "expected {next} to be new");
        worker.run_until_idle();
    }
}

#[test]
fn a_namespace_that_is_opened_anew_gives_no_id_a_second_time() {
    let kernel = kernel();
    let mut used = HashSet::new();
    for round in 0..300 {
        let space = kernel.namespace("space").open().unwrap();
        let fresh: Vec<Address> = (0..3).map(|number| space.register(Named(number)).unwrap()).collect();
        let named = space.register_as("named", Named(round)).unwrap();
        let resolved = space.resolve("named").unwrap();
        for &address in fresh.iter().chain([&resolved]) {
            assert!(used.insert(address), "expected {address} to be new in round {round}");
        }
        assert_eq!(who(&kernel, named), Ok(round), "expected the name to find the target of this round");
        for &old in used.iter().filter(|old| !fresh.contains(old) && **old != resolved).take(10) {
            assert_eq!(who(&kernel, old), Err(Code::NO_TARGET), "expected {old} to find nobody in round {round}");
        }
        assert!(space.close(PATIENCE).is_complete(), "expected the thread to end");
        assert_eq!(who(&kernel, named), Err(Code::NO_NAMESPACE), "expected no namespace between the rounds");
    }
    let counters = kernel.counters();
    assert!(counters.is_balanced(), "expected the counters to add up: {counters:?}");
}

#[test]
fn the_address_of_one_namespace_finds_nobody_in_another() {
    let kernel = kernel();
    let (first, second) = (kernel.namespace("first").open().unwrap(), kernel.namespace("second").open().unwrap());
    let (a, b) = (first.register(Named(1)).unwrap(), second.register(Named(2)).unwrap());
    for (target, nid) in [(a, second.id()), (b, first.id())] {
        assert_eq!(who(&kernel, target.in_namespace(nid)), Err(Code::NO_TARGET), "expected nobody there");
        assert_eq!(first.deregister(target.in_namespace(nid)), Err(Code::NO_TARGET), "expected nobody to go");
    }
    assert_eq!((who(&kernel, a), who(&kernel, b)), (Ok(1), Ok(2)), "expected both to be there");
}

#[test]
fn a_name_can_be_given_again_when_its_target_has_gone() {
    let kernel = kernel();
    let (space, mut worker) = kernel.namespace("space").driven().unwrap();
    let mut last: Option<Address> = None;
    for _ in 0..1_000 {
        let named = space.register_as("router", Named(1)).expect("expected the name to be free");
        worker.run_until_idle();
        let resolved = space.resolve("router").unwrap();
        if let Some(old) = last.replace(resolved) {
            assert_ne!(old, resolved, "expected another generated id");
            kernel.notify(old, Who(0)).unwrap();
        }
        space.deregister(named).unwrap();
        worker.run_until_idle();
        assert_eq!(space.resolve("router"), Err(Code::NO_TARGET), "expected the name to be free");
    }
    let counters = kernel.counters();
    assert_eq!((counters.sent, counters.dead_letters), (999, 999), "expected old ids to find nobody");
}
