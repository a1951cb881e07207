//! Nodes in processes of their own, and how they end.

use std::time::{Duration, Instant};

use crate::net::transport::{Gone, Transport as _};
use crate::zenoh::config::Network;
use crate::zenoh::session::OpenError;
use crate::zenoh::tests::child::Remote;
use crate::zenoh::tests::ears::Heard;
use crate::zenoh::tests::names::{Node, endpoint, frame, peer};
use crate::zenoh::tests::skipping::skipped;

/// A node here, and one in another process.
fn pair(realm: &str) -> (Node, Remote, String) {
    let seed = endpoint("tcp");
    let here = Node::open(peer("here", 1), &Network::new().realm(realm).listen(&seed));
    let there = Remote::start("there", 1, realm, &seed);
    here.meets(there.me);
    (here, there, seed)
}

#[test]
fn frames_go_to_another_process_and_back_in_order() {
    let (mut here, there, _) = pair("echo");
    for number in 0..1000 {
        here.send(there.me, &number.to_string()).unwrap();
    }
    let heard = here.log.until("1000 frames", |heard| heard.len() > 1000);
    let mut expected = vec![Heard::Joined(there.me)];
    expected.extend((0..1000).map(|number| frame(there.me, &number.to_string())));
    assert!(heard == expected, "expected 1000 frames in order, heard {heard:?}");
}

#[test]
fn a_process_that_stops_is_told_from_one_that_is_killed() {
    let (here, there, seed) = pair("ends");
    let gone = Heard::Left(there.me, Gone::Closed);
    there.stop();
    here.log.hears(&gone);

    let again = Remote::start("there", 2, "ends", &seed);
    here.meets(again.me);
    let gone = Heard::Left(again.me, Gone::Lost);
    again.kill();
    here.log.hears(&gone);
}

#[test]
fn a_node_that_was_killed_comes_back_as_another_life() {
    let (mut here, there, seed) = pair("lives");
    let first = there.me;
    there.kill();
    let there = Remote::start("there", 2, "lives", &seed);
    let heard = here.log.hears(&Heard::Joined(there.me));
    assert_eq!(heard, [Heard::Joined(first), Heard::Left(first, Gone::Lost), Heard::Joined(there.me)]);
    assert!(here.send(first, "to the dead").is_err(), "expected nothing to be sent to a former life");
    here.send(there.me, "hello").unwrap();
    here.log.hears(&frame(there.me, "hello"));
}

#[test]
fn a_node_of_another_process_keeps_its_name_to_itself() {
    let (_here, there, _) = pair("names");
    let zenoh = Network::new().realm("names").lease(Duration::from_millis(300)).connect(&there.endpoint);
    let refused = Node::try_open(peer("there", 2), &zenoh).unwrap_err();
    assert!(matches!(refused, OpenError::Taken { .. }), "expected the name to be taken, got {refused}");
    assert!(refused.to_string().contains("`there` in the zenoh session"), "{refused}");
    drop(there);
}

#[test]
fn a_seed_that_comes_late_is_found() {
    let seed = endpoint("tcp");
    let there = Remote::start("there", 1, "late", &seed);
    let mut here = Node::open(peer("here", 1), &Network::new().realm("late").listen(&seed));
    here.meets(there.me);
    here.send(there.me, "hello").unwrap();
    here.log.hears(&frame(there.me, "hello"));
}

#[test]
fn a_process_that_stands_still_is_lost_and_sending_to_it_is_over_in_bounded_time() {
    let seed = endpoint("tcp");
    let zenoh = Network::new().realm("still").lease(Duration::from_secs(2)).block(Duration::from_millis(500));
    let mut here = Node::open(peer("here", 1), &zenoh.listen(&seed));
    let there = Remote::start("there", 1, "still", &seed);
    here.meets(there.me);
    if !signal(&there, "STOP") {
        return;
    }
    let start = Instant::now();
    let text = "x".repeat(1 << 20);
    // Each send may block for half a second; the first that has to closes the link.
    while here.send(there.me, &text).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(20), "expected the node to be lost");
    }
    here.log.hears(&Heard::Left(there.me, Gone::Lost));
    assert!(signal(&there, "CONT"), "expected a second signal to be possible, too");
    here.log.until("the node to join again", |heard| {
        heard.iter().filter(|heard| **heard == Heard::Joined(there.me)).count() >= 2
    });
    here.carriage.stop();
}

/// Whether `process` could be sent a signal; without `kill` there is a word and no test.
fn signal(process: &Remote, signal: &str) -> bool {
    let sent = std::process::Command::new("kill").args([format!("-{signal}"), process.pid().to_string()]).status();
    match sent {
        Ok(status) => status.success(),
        Err(missing) => {
            skipped(format_args!("there is no `kill` here ({missing})"));
            false
        }
    }
}
