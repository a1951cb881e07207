//! Nodes in one process.

use std::sync::Arc;
use std::time::Duration;

use crate::kernel::Kernel;
use crate::net::Joining;
use crate::net::transport::{Gone, Lane, Transport as _};
use crate::zenoh::config::Network;
use crate::zenoh::session::OpenError;
use crate::zenoh::tests::ears::{Heard, LIMIT, Log};
use crate::zenoh::tests::names::{Node, endpoint, frame, peer};

/// Two nodes that have met, the second of which called the first.
fn pair(protocol: &str) -> (Node, Node) {
    let seed = endpoint(protocol);
    let a = Node::open(peer("a", 1), &Network::new().realm(protocol).listen(&seed));
    let b = Node::open(peer("b", 1), &Network::new().realm(protocol).connect(&seed));
    a.meets(b.me);
    b.meets(a.me);
    (a, b)
}

#[test]
fn two_nodes_meet_and_frames_arrive_in_order() {
    let (mut a, mut b) = pair("tcp");
    let (from_a, from_b) = (a.me, b.me);
    for number in 0..1000 {
        a.send(b.me, &number.to_string()).unwrap();
        b.send(a.me, &number.to_string()).unwrap();
    }
    for (node, from) in [(&a, from_b), (&b, from_a)] {
        let mut expected = vec![Heard::Joined(from)];
        expected.extend((0..1000).map(|number| frame(from, &number.to_string())));
        let heard = node.log.until("1000 frames", |heard| heard.len() > 1000);
        assert!(heard == expected, "expected 1000 frames in order, heard {heard:?}");
    }
}

#[test]
fn a_frame_of_a_megabyte_arrives_whole_and_one_above_the_limit_does_not() {
    let seed = endpoint("tcp");
    let mut a = Node::open(peer("a", 1), &Network::new().realm("large").listen(&seed));
    let b = Node::open(peer("b", 1), &Network::new().realm("large").connect(&seed).max_message(1 << 20));
    a.meets(b.me);
    b.meets(a.me);
    for size in [1 << 20, (1 << 20) + 1, 1 << 19] {
        a.carriage.send(b.me, Lane::Mail, vec![7; size]).unwrap();
    }
    let half = frame(a.me, &format!("{} bytes", 1 << 19));
    let heard = b.log.hears(&half);
    assert_eq!(heard[1..], [frame(a.me, &format!("{} bytes", 1 << 20)), half]);
}

#[test]
fn a_node_whose_mail_zenoh_would_not_put_together_does_not_join() {
    let kernel = Kernel::builder("a").start().expect("a kernel");
    let network = Network::new().realm("small").max_message(1 << 20);
    let join = |bytes: usize| network.join_with(&kernel, Joining::new().max_message(bytes)).map(drop);
    let refused = join(1 << 20).expect_err("expected it to be refused").to_string();
    assert_eq!(refused, "max_message is 1048576, and has to be from 1024 to 1047552");
    join((1 << 20) - (1 << 10)).expect("expected as much to be all right");
    assert!(kernel.stop(Duration::from_secs(10)).is_complete());
}

#[test]
fn beats_arrive_on_a_lane_of_their_own() {
    let (mut a, b) = pair("tcp");
    a.carriage.send(b.me, Lane::Beat, b"beat".to_vec()).unwrap();
    b.log.hears(&frame(a.me, "beat"));
}

#[test]
fn a_node_that_stops_says_farewell_behind_its_mail() {
    let (mut a, b) = pair("tcp");
    for number in 0..100 {
        a.send(b.me, &number.to_string()).unwrap();
    }
    a.carriage.stop();
    let heard = b.log.until("a farewell", |heard| heard.iter().any(|heard| matches!(heard, Heard::Left(..))));
    let mut expected = vec![Heard::Joined(a.me)];
    expected.extend((0..100).map(|number| frame(a.me, &number.to_string())));
    expected.push(Heard::Left(a.me, Gone::Closed));
    assert!(heard == expected, "expected a farewell behind 100 frames, heard {heard:?}");
    assert!(a.send(b.me, "late").is_err(), "expected nothing to leave a node that has stopped");
}

#[test]
fn nothing_is_sent_to_a_node_that_is_not_there() {
    let mut a = Node::open(peer("a", 1), &Network::new().realm("alone"));
    let refused = a.send(peer("b", 1), "x").unwrap_err();
    assert_eq!(refused.to_string(), "the node `b` is not there");
}

#[test]
fn three_nodes_that_know_one_seed_all_meet() {
    let seed = endpoint("tcp");
    let zenoh = Network::new().realm("three");
    let a = Node::open(peer("a", 1), &zenoh.clone().listen(&seed));
    let b = Node::open(peer("b", 1), &zenoh.clone().listen(endpoint("tcp")).connect(&seed));
    let mut c = Node::open(peer("c", 1), &zenoh.listen(endpoint("tcp")).connect(&seed));
    for (node, others) in [(&a, [b.me, c.me]), (&b, [a.me, c.me]), (&c, [a.me, b.me])] {
        others.into_iter().for_each(|other| node.meets(other));
    }
    for to in [a.me, b.me] {
        c.send(to, "hello").unwrap();
    }
    a.log.hears(&frame(c.me, "hello"));
    b.log.hears(&frame(c.me, "hello"));
}

#[test]
fn nodes_of_another_realm_are_not_there() {
    let seed = endpoint("tcp");
    let a = Node::open(peer("a", 1), &Network::new().realm("one").listen(&seed));
    let b = Node::open(peer("b", 1), &Network::new().realm("other").connect(&seed));
    let c = Node::open(peer("c", 1), &Network::new().realm("one").connect(&seed));
    a.meets(c.me);
    assert_eq!(b.log.take(), [], "expected a node to see its own realm alone");
    assert_eq!(a.log.take(), [Heard::Joined(c.me)]);
}

#[test]
fn a_node_that_is_there_already_is_refused_and_both_are_named() {
    let seed = endpoint("tcp");
    let zenoh = Network::new().realm("double").lease(Duration::from_millis(500));
    let a = Node::open(peer("car-7", 0xa), &zenoh.clone().listen(&seed));
    let refused = Node::try_open(peer("car-7", 0xb), &zenoh.clone().connect(&seed)).unwrap_err();
    let OpenError::Taken { node, holder, incarnation } = &refused else { panic!("expected Taken, got {refused}") };
    assert_eq!((*node, *incarnation), (a.me.node, 0xb));
    let (before, after) = holder.split_once(" in the zenoh session ").unwrap();
    assert_eq!(before, "`car-7`");
    assert!(after.ends_with(", incarnation 000000000000000a"), "expected the other's incarnation in `{after}`");
    assert!(refused.to_string().contains("000000000000000b"), "expected the own incarnation in `{refused}`");
    assert_eq!(a.log.take(), [], "expected nothing to be heard of a node that was refused");
}

#[test]
fn a_node_waits_for_a_former_life_that_is_about_to_go() {
    let seed = endpoint("tcp");
    let zenoh = Network::new().realm("former").lease(Duration::from_secs(10));
    let mut former = Node::open(peer("a", 1), &zenoh.clone().listen(&seed));
    // The later life knows somebody who stays, too.
    let other = endpoint("tcp");
    let watcher = Node::open(peer("watcher", 1), &zenoh.clone().listen(&other).connect(&seed));
    watcher.meets(former.me);
    former.meets(watcher.me);
    let log = Arc::new(Log::default());
    let opening = {
        let (zenoh, log) = (zenoh.connect(&seed).connect(&other), log.clone());
        std::thread::spawn(move || Node::open_heard(peer("a", 2), &zenoh, log).unwrap())
    };
    let waits =
        |heard: &[Heard]| matches!(heard, [Heard::Waits(who), ..] if who.starts_with("`a` in the zenoh session"));
    log.until("the later life to wait for the former", waits);
    former.carriage.stop();
    let later = opening.join().unwrap();
    let heard = watcher.log.hears(&Heard::Joined(later.me));
    assert_eq!(heard, [Heard::Joined(peer("a", 1)), Heard::Left(peer("a", 1), Gone::Closed), Heard::Joined(later.me)]);
}

#[test]
fn two_that_could_not_see_each_other_learn_that_they_are_the_same_node() {
    let seed = endpoint("tcp");
    let zenoh = Network::new().realm("split");
    // The seed comes last, so that the two open without seeing each other.
    let older = Node::open(peer("a", 1), &zenoh.clone().connect(&seed).listen(endpoint("tcp")));
    let newer = Node::open(peer("a", 2), &zenoh.clone().connect(&seed).listen(endpoint("tcp")));
    let c = Node::open(peer("c", 1), &zenoh.listen(&seed));
    let told = |other| {
        move |heard: &[Heard]| heard.iter().any(|heard| matches!(heard, Heard::Doubled(who, _) if *who == other))
    };
    older.log.until("to be told of the double", told(newer.me));
    newer.log.until("to be told of the double", told(older.me));
    let heard = c.log.hears(&Heard::Joined(newer.me));
    let last = heard.last().unwrap();
    assert_eq!(last, &Heard::Joined(newer.me), "expected the newer one to be it");
}

#[test]
fn a_session_that_is_opened_anew_carries_frames_both_ways() {
    let (mut a, mut b) = pair("tcp");
    a.carriage.reopen();
    let again = [Heard::Joined(b.me), Heard::Left(b.me, Gone::Lost), Heard::Joined(b.me)];
    let heard = a.log.until("the other to leave and join", |heard| heard.len() >= 3);
    assert_eq!(heard, again);
    a.send(b.me, "to b").unwrap();
    b.log.hears(&frame(a.me, "to b"));
    b.send(a.me, "to a").unwrap();
    a.log.hears(&frame(b.me, "to a"));

    b.carriage.reopen();
    b.log.until("the other to join again", |heard| {
        heard.iter().filter(|heard| **heard == Heard::Joined(a.me)).count() >= 2
    });
    b.send(a.me, "again").unwrap();
    a.log.hears(&frame(b.me, "again"));
}

#[test]
fn two_that_open_their_sessions_anew_at_once_meet_again() {
    let (mut a, mut b) = pair("tcp");
    let peers = (a.me, b.me);
    std::thread::scope(|scope| {
        scope.spawn(|| a.carriage.reopen());
        scope.spawn(|| b.carriage.reopen());
    });
    // Each has forgotten the other, and may see its former session once more before the new one.
    let meets_again = |heard: &[Heard], other| {
        let left = heard.iter().position(|heard| *heard == Heard::Left(other, Gone::Lost));
        left.is_some_and(|left| heard[left..].contains(&Heard::Joined(other)))
    };
    a.log.until("to meet again", |heard| meets_again(heard, peers.1));
    b.log.until("to meet again", |heard| meets_again(heard, peers.0));
    // What is sent before the last of the old sessions has gone may be lost, so it is said until it is heard.
    let (to_a, to_b) = (frame(peers.1, "to a"), frame(peers.0, "to b"));
    let pause = Duration::from_millis(100);
    let passed = (0..LIMIT.as_millis() / pause.as_millis()).any(|_| {
        let _ = (a.send(peers.1, "to b"), b.send(peers.0, "to a"));
        b.log.within(pause, |heard| heard.contains(&to_b)) && a.log.within(pause, |heard| heard.contains(&to_a))
    });
    assert!(passed, "expected frames to pass both ways");
}

#[test]
fn frames_pass_through_a_unix_socket() {
    let path = std::env::temp_dir().join(format!("rohrpost-{}.sock", std::process::id()));
    let seed = format!("unixsock-stream/{}", path.display());
    let mut a = Node::open(peer("a", 1), &Network::new().realm("unix").listen(&seed));
    let b = Node::open(peer("b", 1), &Network::new().realm("unix").connect(&seed));
    a.meets(b.me);
    b.meets(a.me);
    a.send(b.me, "hello").unwrap();
    b.log.hears(&frame(a.me, "hello"));
}

#[test]
fn a_node_can_be_opened_on_a_thread_of_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut a = Node::open(peer("a", 1), &Network::new().realm("tokio"));
        a.carriage.stop();
    });
}

#[test]
fn a_port_that_is_taken_is_an_error_that_names_it() {
    let seed = endpoint("tcp");
    let _a = Node::open(peer("a", 1), &Network::new().realm("port").listen(&seed));
    let refused = Node::try_open(peer("b", 1), &Network::new().realm("port").listen(&seed)).unwrap_err();
    assert!(refused.to_string().contains(&seed[4..]), "expected the endpoint in `{refused}`");
}
