//! What happens to the wire between two processes, on one machine and without any rights: it is slow, keeps what it is given,
//! in one direction or both, and breaks.

use std::time::Duration;

use crate::fleet::{HEALING, Plan, Process, Traffic, all_is_well, start_all};
use crate::wire::{Way, Wire};

const LEASE: Duration = Duration::from_secs(2);

/// Two nodes with one link, through a wire.
fn wired(realm: &str) -> (Wire, Vec<Process>) {
    let a = Plan::new("a", realm).without_gossip();
    let wire = Wire::to(&a.listen);
    let mut b = Plan::new("b", realm).without_gossip();
    b.seeds.push(wire.endpoint.clone());
    let nodes = start_all(&[a, b]);
    (wire, nodes)
}

fn ask_each_other(nodes: &[Process], traffic: Traffic) {
    nodes[0].asks(&["b"], traffic);
    nodes[1].asks(&["a"], traffic);
}

#[test]
fn a_slow_wire_makes_mail_late_and_loses_none() {
    let (wire, nodes) = wired("slow-wire");
    wire.delays(Duration::from_millis(100));
    ask_each_other(&nodes, Traffic::Saturated);
    let took = nodes[0].reaches("b", HEALING);
    assert!(took >= Duration::from_millis(200), "expected a question and its answer to be late, not after {took:?}");
    std::thread::sleep(LEASE * 2);
    for report in all_is_well(nodes) {
        assert_eq!(report.number("links"), 1, "expected the link to stay: {report:?}");
        assert_eq!(report.number("returned"), 0, "expected only answers: {report:?}");
        assert!(report.number("answered") > 100, "expected many to be under way at once: {report:?}");
    }
}

#[test]
fn a_wire_that_keeps_mail_for_less_than_the_lease_loses_none() {
    for ways in [&[Way::There][..], &[Way::Back], &[Way::There, Way::Back]] {
        let (wire, nodes) = wired("short-wire");
        ask_each_other(&nodes, Traffic::Steady);
        nodes[0].reaches("b", HEALING);
        ways.iter().for_each(|&way| wire.keeps(way));
        // The fault's duration.
        std::thread::sleep(LEASE / 4);
        wire.heals();
        for report in all_is_well(nodes) {
            assert_eq!(report.number("links"), 1, "expected the link to stay: {ways:?} {report:?}");
            assert_eq!(report.number("returned"), 0, "expected only answers: {ways:?} {report:?}");
        }
    }
}

#[test]
fn a_wire_that_keeps_mail_for_longer_loses_no_request_and_is_made_good() {
    for ways in [&[Way::There][..], &[Way::Back], &[Way::There, Way::Back]] {
        for traffic in [Traffic::Steady, Traffic::Saturated] {
            let (wire, nodes) = wired("long-wire");
            ask_each_other(&nodes, traffic);
            nodes[0].reaches("b", HEALING);
            ways.iter().for_each(|&way| wire.keeps(way));
            // The fault's duration.
            std::thread::sleep(LEASE * 2);
            wire.heals();
            let reports = all_is_well(nodes);
            let returned: u128 = reports.iter().map(|report| report.number("returned")).sum();
            assert!(returned > 0, "expected what was under way to come back: {ways:?} {reports:?}");
        }
    }
}

#[test]
fn a_wire_that_is_torn_returns_at_once_what_is_under_way_and_is_made_good() {
    let (wire, nodes) = wired("torn-wire");
    nodes[0].asks_for("b", 100, 60_000, &[10]);
    nodes[0].has_open(100);
    nodes[0].asks_nobody();
    wire.tears();
    let report = nodes[0].settles(LEASE);
    assert_eq!(report.number("NODE_LOST"), 100, "expected nobody to know what became of them: {report:?}");
    drop(wire);
}

#[test]
fn a_wire_that_is_torn_again_and_again_loses_no_request() {
    let (wire, nodes) = wired("frayed-wire");
    ask_each_other(&nodes, Traffic::Saturated);
    for round in 0..5 {
        nodes[0].reaches("b", HEALING);
        wire.tears();
        // The fault's duration.
        std::thread::sleep(Duration::from_millis(200 * round));
        wire.heals();
    }
    all_is_well(nodes);
}
