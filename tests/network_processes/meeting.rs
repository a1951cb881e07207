//! Processes on one machine: how they find each other, and who may.

use crate::fleet::{HEALING, Plan, Process, Traffic, all_is_well, plans, start_all};

fn each_asks_each(nodes: &[Process], traffic: Traffic) {
    let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
    for node in nodes {
        let peers: Vec<&str> = names.iter().filter(|&name| *name != node.name).map(String::as_str).collect();
        node.asks(&peers, traffic);
    }
}

#[test]
fn two_processes_ask_each_other() {
    let nodes = start_all(&plans(2, "two"));
    each_asks_each(&nodes, Traffic::Saturated);
    let reports = all_is_well(nodes);
    for report in reports {
        assert!(report.number("answered") > 0, "expected answers: {report:?}");
        assert_eq!(report.number("returned"), 0, "expected nothing to come back: {report:?}");
    }
}

#[test]
fn three_processes_that_know_one_seed_ask_each_other() {
    let nodes = start_all(&plans(3, "three"));
    each_asks_each(&nodes, Traffic::Steady);
    all_is_well(nodes);
}

#[test]
fn four_processes_of_which_one_comes_late_ask_each_other() {
    let plans = plans(4, "four");
    let mut nodes = start_all(&plans[..3]);
    each_asks_each(&nodes, Traffic::Saturated);
    let late = plans[3].start();
    for name in ["a", "b", "c"] {
        late.reaches(name, HEALING);
    }
    nodes.push(late);
    all_is_well(nodes);
}

#[test]
fn two_processes_that_call_each_other_have_one_link() {
    let [one, other] = [Plan::new("a", "crossed"), Plan::new("b", "crossed")];
    let nodes = start_all(&[one.clone().calls(&other), other.calls(&one)]);
    each_asks_each(&nodes, Traffic::Saturated);
    for report in all_is_well(nodes) {
        assert_eq!(report.number("links"), 1, "expected one link: {report:?}");
    }
}

#[test]
fn a_second_process_of_the_same_name_is_refused_and_disturbs_nobody() {
    let plans = plans(2, "double");
    let nodes = start_all(&plans);
    each_asks_each(&nodes, Traffic::Steady);
    let double = Plan::new("b", "double").calls(&plans[0]);
    let refused = double.try_start().expect_err("a name that is taken");
    assert!(refused.contains("the node b is there already"), "expected the name in `{refused}`");
    assert_eq!(refused.matches("incarnation ").count(), 2, "expected both to be told apart in `{refused}`");
    for report in all_is_well(nodes) {
        assert_eq!(report.number("returned"), 0, "expected nothing to come back: {report:?}");
        assert_eq!(report.number("links"), 1, "expected the link to stay: {report:?}");
    }
}

#[test]
fn those_who_have_met_go_on_without_their_seed_and_it_comes_back_under_its_name() {
    let plans = plans(3, "seed");
    let mut nodes = start_all(&plans);
    each_asks_each(&nodes, Traffic::Steady);
    nodes.remove(0).kill();
    for (one, other) in [(0, "c"), (1, "b")] {
        nodes[one].reaches(other, HEALING);
    }
    nodes.push(plans[0].start());
    all_is_well(nodes);
}
