//! Nodes on hosts that cannot reach each other, with a router between them.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::time::Duration;

use zenoh::Wait as _;

use crate::fleet::{HEALING, Plan, Traffic, all_is_well, all_reach_all, itself, start_all};
use crate::hosts::{Hosts, address};

/// The variable of the environment that makes a process a router: where it listens.
const LISTEN: &str = "ROHRPOST_PROOF_ROUTER";

/// A router in another process. It is killed with this.
struct Router(Child);

impl Router {
    fn start(host: &str, listen: &str) -> Self {
        let mut process = itself(Some(host))
            .args(["--exact", "routed::a_router_in_a_process_of_its_own", "--nocapture"])
            .env(LISTEN, listen)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("@ready")), "expected the router to start");
        Self(process)
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test of its own: what [`Router`] runs, which is what `zenohd` is.
#[test]
fn a_router_in_a_process_of_its_own() {
    let Ok(listen) = std::env::var(LISTEN) else { return };
    let mut config = zenoh::Config::default();
    let listen = format!("[\"{listen}\"]");
    let values = [("mode", "\"router\""), ("listen/endpoints", &listen), ("scouting/multicast/enabled", "false")];
    for (key, value) in values {
        config.insert_json5(key, value).unwrap();
    }
    let router = zenoh::open(config).wait().unwrap();
    println!("@ready");
    let _ = std::io::stdin().read(&mut [0]);
    let _ = router.close().wait();
}

#[test]
fn hosts_that_cannot_reach_each_other_ask_each_other_through_a_router_whatever_happens_to_it() {
    let Some(hosts) = Hosts::new(3) else { return };
    hosts.move_apart(3);
    let other_side = hosts.straddle(1, 3);
    let listen = "tcp/0.0.0.0:7447";
    let router = Router::start(&hosts.host(1), listen);
    let plan = |name: &str, number: usize, side: &str| {
        let plan = Plan { host: Some(hosts.host(number)), ..Plan::new(name, "routed") };
        plan.behind(format!("tcp/{side}:7447"))
    };
    let nodes = start_all(&[plan("a", 2, &address(1)), plan("b", 3, &other_side)]);
    nodes[0].asks(&["b"], Traffic::Saturated);
    nodes[1].asks(&["a"], Traffic::Saturated);
    all_reach_all(&nodes, HEALING);
    hosts.pull(3);
    // The fault's duration: longer than the lease.
    std::thread::sleep(Duration::from_secs(5));
    hosts.move_apart(3);
    all_reach_all(&nodes, HEALING);
    drop(router);
    let reports: Vec<_> = nodes.iter().map(|node| node.settles(HEALING)).collect();
    assert!(reports.iter().all(|report| report.number("answered") > 0 && report.number("returned") > 0), "{reports:?}");
    let _router = Router::start(&hosts.host(1), listen);
    all_is_well(nodes);
}
