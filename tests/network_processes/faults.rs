//! What happens to a process, on one machine with the one that asks it: killed, stopped, standing still, slow, oversize.

use std::time::Duration;

use crate::fleet::{HEALING, Plan, Process, Traffic, all_is_well, plans, start_all};
use crate::node::LARGEST;

const LEASE: Duration = Duration::from_secs(2);

fn pair(realm: &str) -> (Vec<Plan>, Process, Process) {
    let plans = plans(2, realm);
    let mut nodes = start_all(&plans);
    let other = nodes.pop().expect("two nodes");
    (plans, nodes.pop().expect("two nodes"), other)
}

#[test]
fn what_a_killed_process_was_asked_comes_back_and_its_next_life_answers() {
    for traffic in [Traffic::Steady, Traffic::Saturated] {
        let (plans, a, b) = pair("killed");
        a.asks(&["b"], traffic);
        b.asks(&["a"], traffic);
        a.reaches("b", HEALING);
        b.kill();
        let report = a.settles(LEASE * 2);
        assert!(report.number("answered") > 0, "expected answers before: {report:?}");
        let b = plans[1].start();
        all_is_well(vec![a, b]);
    }
}

#[test]
fn a_process_that_is_killed_while_it_is_slow_returns_all_that_was_open() {
    let (plans, a, b) = pair("slow-killed");
    a.asks_for("b", 100, 60_000, &[10]);
    a.has_open(1);
    b.kill();
    let report = a.settles(LEASE * 2);
    assert_eq!(report.number("answered"), 0, "expected no answer: {report:?}");
    let b = plans[1].start();
    all_is_well(vec![a, b]);
}

#[test]
fn a_process_that_is_terminated_ends_well_and_so_does_all_that_it_asked_and_was_asked() {
    for traffic in [Traffic::Steady, Traffic::Saturated] {
        let (plans, a, b) = pair("terminated");
        a.asks(&["b"], traffic);
        b.asks(&["a"], traffic);
        b.reaches("a", HEALING);
        let report = b.terminate();
        assert!(report.number("answered") > 0, "expected answers before: {report:?}");
        a.settles(LEASE * 2);
        let b = plans[1].start();
        all_is_well(vec![a, b]);
    }
}

/// A process stands still for a time, under each kind of traffic.
fn stands_still(realm: &str, time: Duration) {
    for traffic in [Traffic::Idle, Traffic::Steady, Traffic::Saturated] {
        let (_, a, b) = pair(realm);
        a.asks(&["b"], traffic);
        b.asks(&["a"], traffic);
        a.reaches("b", HEALING);
        b.signal("STOP");
        // The fault's duration.
        std::thread::sleep(time);
        b.signal("CONT");
        all_is_well(vec![a, b]);
    }
}

#[test]
fn a_process_that_stands_still_for_less_than_the_lease_goes_on() {
    stands_still("pause", LEASE / 4);
}

#[test]
fn a_process_that_stands_still_for_longer_than_the_lease_comes_back() {
    stands_still("sleep", LEASE * 2);
}

#[test]
fn what_a_process_that_stands_still_was_asked_comes_back_while_it_does() {
    let (_, a, b) = pair("still");
    a.asks(&["b"], Traffic::Saturated);
    a.reaches("b", HEALING);
    b.signal("STOP");
    a.settles(LEASE * 2);
    b.signal("CONT");
    all_is_well(vec![a, b]);
}

#[test]
fn a_process_that_zenoh_says_is_alive_and_that_does_not_answer_has_the_session_opened_anew_and_is_found_again() {
    let plans = plans(3, "half-dead").into_iter().map(|plan| plan.slow_engine(Duration::from_secs(60)));
    let nodes = start_all(&plans.collect::<Vec<_>>());
    let [a, b, c] = &nodes[..] else { panic!("three nodes") };
    a.asks(&["b", "c"], Traffic::Steady);
    b.asks(&["a", "c"], Traffic::Steady);
    c.signal("STOP");
    a.reopens();
    a.reaches("b", HEALING);
    c.signal("CONT");
    all_is_well(nodes);
}

#[test]
fn a_process_that_stands_still_disturbs_nobody_but_those_that_ask_it() {
    let plans = plans(3, "bystander");
    let mut nodes = start_all(&plans);
    let c = nodes.pop().expect("three nodes");
    nodes[0].asks(&["b"], Traffic::Steady);
    nodes[1].asks(&["a"], Traffic::Steady);
    nodes[1].reaches("a", HEALING);
    c.signal("STOP");
    std::thread::sleep(LEASE * 2);
    for node in &nodes {
        let report = node.settles(HEALING);
        assert_eq!(report.number("returned"), 0, "expected only answers: {report:?}");
    }
    c.signal("CONT");
    nodes.push(c);
    all_is_well(nodes);
}

#[test]
fn a_slow_handler_holds_up_its_askers_and_not_the_link() {
    let (_, a, b) = pair("slow");
    // Ten of them take longer than the lease.
    a.asks_for("b", 10, 300, &[10]);
    a.has_open(1);
    std::thread::sleep(LEASE * 2);
    for report in all_is_well(vec![a, b]) {
        assert_eq!(report.number("links"), 1, "expected the link to stay: {report:?}");
        assert_eq!(report.number("returned"), 0, "expected only answers: {report:?}");
    }
}

#[test]
fn what_is_too_large_comes_back_and_the_small_ones_between_are_answered() {
    let (_, a, b) = pair("large");
    a.asks_for("b", 16, 0, &[10, LARGEST * 2, 1000, LARGEST / 2]);
    a.has_open(1);
    a.reaches("b", HEALING);
    let [report, other] = &all_is_well(vec![a, b])[..] else { panic!("expected two reports") };
    let too_large = report.number("TOO_LARGE");
    assert!(too_large > 0, "expected some to be too large: {report:?}");
    assert_eq!(report.number("returned"), too_large, "expected no other code: {report:?}");
    assert!(report.number("answered") > 0, "expected the others to be answered: {report:?}");
    assert_eq!((report.number("links"), other.number("links")), (1, 1), "expected the link to stay");
}
