//! A monitor is told of services, their owners and their observers, wherever those live.

use rohrpost::{Address, Filter, Record, record};

use crate::monitoring::{begin, viewer};
use crate::world::World;

#[derive(Clone, Debug)]
struct Tick;
record!(Tick, "monitors.tick");

#[derive(Clone, Debug)]
struct Tock;
record!(Tock, "monitors.tock");

const HOME: &str = ".n0.node";

/// What is told of one record, in one line each.
fn lines(marks: &str, what: &[&str]) -> Vec<String> {
    what.iter().map(|what| format!("{marks}{what} {} at {HOME}", Tick::ID)).collect()
}

#[test]
fn services_owners_and_observers_are_told_as_they_come_and_go() {
    let mut world = World::new(2);
    let (viewer, view) = viewer(&mut world, 1);
    let (owner, _) = world.scribe(0);
    let (near, _) = world.scribe(0);
    let (far, _) = world.scribe(1);
    let monitor = begin(&mut world, viewer, Filter::new().address(HOME.parse().unwrap()).service(Tick::ID));
    assert_eq!(view.take(monitor), ["+ complete"], "expected no service yet");
    let home = world.spaces[0].clone();
    home.serve::<Tick>(owner).unwrap();
    home.serve::<Tock>(owner).unwrap();
    home.serve::<Tick>(owner).unwrap();
    world.settle();
    assert_eq!(view.take(monitor), lines("", &["opened", &format!("{owner} serves")]), "expected each once");
    home.observe::<Tick>(near).unwrap();
    home.observe::<Tick>(far).unwrap();
    home.observe::<Tick>(far).unwrap();
    home.observe::<Tock>(far).unwrap();
    world.settle();
    let mut told = view.take(monitor);
    told.sort();
    let mut observed = lines("", &[&format!("{near} observes"), &format!("{far} observes")]);
    observed.sort();
    assert_eq!(told, observed, "expected each once, wherever it lives");
    home.unobserve::<Tick>(near).unwrap();
    world.settle();
    assert_eq!(view.take(monitor), lines("", &[&format!("{near} observes no")]), "expected it to have gone");
    world.spaces[1].deregister(far).unwrap();
    world.settle();
    assert_eq!(view.take(monitor), lines("", &[&format!("{far} observes no")]), "expected it to go with its target");
    home.withdraw::<Tick>(owner).unwrap();
    world.settle();
    let gone = lines("", &[&format!("{owner} serves no"), "closed"]);
    assert_eq!(view.take(monitor), gone, "expected a service that nobody needs to be closed");
}

#[test]
fn services_that_are_there_belong_to_the_snapshot() {
    let mut world = World::new(2);
    let (viewer, view) = viewer(&mut world, 1);
    let (owner, _) = world.scribe(0);
    let (far, _) = world.scribe(1);
    world.spaces[0].serve::<Tick>(owner).unwrap();
    world.spaces[0].observe::<Tick>(far).unwrap();
    world.settle();
    let service = begin(&mut world, viewer, Filter::new().service(Tick::ID));
    let there = lines("+ ", &["opened", &format!("{owner} serves"), &format!("{far} observes")]);
    assert_eq!(view.take(service), [&there[..], &["+ complete".to_owned()]].concat(), "expected all of it");
    let target = begin(&mut world, viewer, Filter::new().address(owner).service(Tick::ID));
    assert_eq!(view.take(target), [&there[1..2], &["+ complete".to_owned()]].concat(), "expected the one target");
    let elsewhere = begin(&mut world, viewer, Filter::new().address(".n1.node".parse().unwrap()).service(Tick::ID));
    assert_eq!(view.take(elsewhere), ["+ complete"], "expected the service of another namespace to be left out");
    world.spaces[0].close_service::<Tick>().unwrap();
    world.settle();
    let gone = lines("", &[&format!("{owner} serves no"), "closed", &format!("{far} observes no")]);
    assert_eq!(view.take(service), gone, "expected the service to be closed with all that was attached");
    assert_eq!(view.take(target), gone[..1], "expected the one target");
    assert_eq!(view.take(elsewhere), [""; 0], "expected nothing to be told");
}

#[test]
fn a_namespace_that_closes_closes_its_services() {
    let mut world = World::new(2);
    let (viewer, view) = viewer(&mut world, 1);
    let (owner, _): (Address, _) = world.scribe(0);
    world.spaces[0].serve::<Tick>(owner).unwrap();
    let monitor = begin(&mut world, viewer, Filter::new().address(HOME.parse().unwrap()));
    view.take(monitor);
    world.close(0);
    world.settle();
    let services = lines("", &[&format!("{owner} serves no"), "closed"]);
    let rest = [format!("closed {HOME}"), format!("{owner} namespace closed")];
    assert_eq!(view.take(monitor), [services, rest.to_vec()].concat(), "expected services, namespace, targets");
}
