//! Links that are cut without a word, between hosts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::fleet::{HEALING, Process, Traffic, all_is_well, all_reach_all, start_all};
use crate::hosts::Hosts;

const LEASE: Duration = Duration::from_secs(2);

/// A link is cut for a time, and heals. Says how long traffic took to flow both ways again, and what the nodes report.
fn cut(time: Duration, traffic: Traffic, lease: Duration) -> Option<String> {
    let hosts = Hosts::new(2)?;
    let plans: Vec<_> = hosts.plans("cut").into_iter().map(|plan| plan.lease(lease)).collect();
    let nodes = start_all(&plans);
    nodes[0].asks(&["b"], traffic);
    nodes[1].asks(&["a"], traffic);
    all_reach_all(&nodes, HEALING);
    hosts.pull(2);
    // The fault's duration.
    std::thread::sleep(time);
    hosts.plug(2);
    let took = all_reach_all(&nodes, HEALING);
    let reports = all_is_well(nodes);
    let sum = |name| reports.iter().map(|report| report.number(name)).sum::<u128>();
    Some(format!(
        "healed={} sent={} answered={} returned={} dead={} links={} anew={}",
        took.as_millis(),
        sum("sent"),
        sum("answered"),
        sum("returned"),
        sum("dead"),
        sum("links"),
        sum("anew"),
    ))
}

#[test]
fn after_a_link_was_cut_all_has_ended_and_traffic_flows_again() {
    for (seconds, traffic) in [(1, Traffic::Steady), (8, Traffic::Saturated)] {
        let Some(report) = cut(Duration::from_secs(seconds), traffic, LEASE) else { return };
        println!("cut for {seconds} s, {traffic:?}: {report}");
    }
}

#[test]
fn halves_of_a_network_go_on_apart_and_together_again() {
    let Some(hosts) = Hosts::new(4) else { return };
    let nodes = start_all(&hosts.plans("halves"));
    for (node, peers) in nodes.iter().zip([["b", "c", "d"], ["a", "c", "d"], ["a", "b", "d"], ["a", "b", "c"]]) {
        node.asks(&peers, Traffic::Steady);
    }
    all_reach_all(&nodes, HEALING);
    hosts.move_apart(3);
    hosts.move_apart(4);
    for (node, peer) in [(0, "b"), (1, "a"), (2, "d"), (3, "c")] {
        nodes[node].reaches(peer, HEALING);
    }
    // The fault's duration.
    std::thread::sleep(Duration::from_secs(6));
    let reports: Vec<_> = nodes.iter().map(|node| node.settles(HEALING)).collect();
    assert!(
        reports.iter().all(|report| report.number("returned") > 0),
        "expected the far half to be lost: {reports:?}"
    );
    hosts.plug(3);
    hosts.plug(4);
    all_is_well(nodes);
}

/// Two nodes that have met and ask each other for 5 s, on hosts that `spoil` has given bad cables, if it can.
fn on_bad_cables(realm: &str, spoil: impl Fn(&Hosts, usize) -> bool) -> Option<(Hosts, Vec<Process>)> {
    let hosts = Hosts::new(2)?;
    let nodes = start_all(&hosts.plans(realm));
    if !(spoil(&hosts, 1) && spoil(&hosts, 2)) {
        return None;
    }
    nodes[0].asks(&["b"], Traffic::Saturated);
    nodes[1].asks(&["a"], Traffic::Saturated);
    std::thread::sleep(Duration::from_secs(5));
    Some((hosts, nodes))
}

#[test]
fn a_link_that_loses_and_delays_loses_no_request() {
    let spoil = |hosts: &Hosts, number| hosts.spoil(number, "loss 5% delay 20ms 10ms");
    let Some((_hosts, nodes)) = on_bad_cables("bad", spoil) else { return };
    all_is_well(nodes);
}

#[test]
fn a_link_that_loses_packets_at_random_loses_no_request() {
    let Some((hosts, nodes)) = on_bad_cables("deaf", |hosts, number| hosts.deafen(number, 5)) else { return };
    let lost = [1, 2].map(|number| hosts.lost(number));
    assert!(lost.iter().all(|&lost| lost > 0), "expected packets to be lost both ways: {lost:?}");
    all_is_well(nodes);
}

#[test]
fn a_link_that_drops_and_delays_what_is_too_much_loses_no_request() {
    let Some((hosts, nodes)) = on_bad_cables("narrow", |hosts, number| hosts.narrow(number, "4mbit")) else { return };
    let dropped = [1, 2].map(|number| hosts.dropped(number));
    assert!(dropped.iter().all(|&dropped| dropped > 0), "expected packets to be lost both ways: {dropped:?}");
    for report in all_is_well(nodes) {
        assert_eq!(report.number("returned"), 0, "expected the transport to make up for them: {report:?}");
    }
}

#[test]
fn a_link_that_comes_and_goes_loses_no_request() {
    let Some(hosts) = Hosts::new(2) else { return };
    let nodes = start_all(&hosts.plans("loose"));
    nodes.iter().zip(["b", "a"]).for_each(|(node, peer)| node.asks(&[peer], Traffic::Saturated));
    for round in 0..20 {
        hosts.pull(1 + round % 2);
        std::thread::sleep(Duration::from_millis(20 * round as u64));
        hosts.plug(1 + round % 2);
        std::thread::sleep(Duration::from_millis(100));
    }
    all_is_well(nodes);
}

/// One run of the long proof, of which `tests/long.sh` says what it is.
#[test]
#[ignore = "one of many runs of tests/long.sh"]
fn one_cut() {
    let told = |name| std::env::var(name).unwrap_or_else(|_| panic!("expected {name} in the environment"));
    let seconds = told("CUT_SECONDS").parse().expect("a number of seconds");
    let traffic = match told("CUT_TRAFFIC").as_str() {
        "idle" => Traffic::Idle,
        "steady" => Traffic::Steady,
        "saturated" => Traffic::Saturated,
        other => panic!("expected idle, steady or saturated, got `{other}`"),
    };
    let lease =
        std::env::var("CUT_LEASE").map_or(LEASE, |millis| Duration::from_millis(millis.parse().expect("a number")));
    let report = cut(Duration::from_secs(seconds), traffic, lease).expect("hosts");
    println!("RESULT {report}");
}

/// Silent for good: how long until all that was asked has come back.
pub(crate) fn silence(lease: Duration) -> Option<Duration> {
    let hosts = Hosts::new(2)?;
    let plans: Vec<_> = hosts.plans("silent").into_iter().map(|plan| plan.lease(lease)).collect();
    let nodes: Vec<Process> = start_all(&plans);
    nodes[0].asks_for("b", 100, 60_000, &[10]);
    nodes[0].has_open(100);
    // What comes back is not to be asked again.
    nodes[0].asks_nobody();
    let cut = SystemTime::now();
    hosts.pull(2);
    let report = nodes[0].settles(lease * 3);
    let last = UNIX_EPOCH + Duration::from_nanos(report.number("last") as u64);
    Some(last.duration_since(cut).expect("returns after the cut"))
}
