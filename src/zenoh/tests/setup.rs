//! What is wrong with a setup is told with the value and the way out.

use std::time::Duration;

use crate::id::NodeId;
use crate::zenoh::config::{ConfigError, Network};
use crate::zenoh::tests::authority::Authority;
use crate::zenoh::threads::take_turns;
use crate::zenoh::tls::Tls;

fn refused(zenoh: &Network) -> String {
    zenoh.check(NodeId::number(1)).expect_err("a wrong setup").to_string()
}

#[test]
fn listening_for_strangers_needs_certificates_or_a_word() {
    for open in ["tcp/0.0.0.0:7447", "tcp/[::]:7447", "tcp/192.168.0.7:0", "tcp/car-7.example:7447"] {
        let zenoh = Network::new().listen(open);
        let text = refused(&zenoh);
        assert!(text.contains(open) && text.contains("`insecure`"), "{text}");
        zenoh.insecure().check(NodeId::number(1)).expect("a setup that was called insecure");
    }
    let socket = format!("unixsock-stream/{}", std::env::temp_dir().join("rohrpost.sock").display());
    for closed in ["tcp/127.0.0.1:7447", "tcp/localhost:7447", "tcp/[::1]:0", &socket] {
        Network::new().listen(closed).check(NodeId::number(1)).expect(closed);
    }
}

#[test]
fn a_wrong_value_is_named() {
    let nobody = Tls::new("/nowhere/ca.pem", "/nowhere/a.pem", "/nowhere/a.key");
    let tls = nobody.clone().admit_anybody();
    for (zenoh, part) in [
        (Network::new().listen("udp/127.0.0.1:1"), "`udp`"),
        (Network::new().connect("127.0.0.1:7447"), "no `/`"),
        (Network::new().realm("a/b"), "`a/b`"),
        (Network::new().realm(""), "1 to 64"),
        (Network::new().lease(Duration::from_millis(99)), "99ms"),
        (Network::new().lease(Duration::MAX), "100 ms to 1 h"),
        (Network::new().keep_alive(1), "1 keep-alives"),
        (Network::new().keep_alive(100).lease(Duration::from_millis(500)), "100 keep-alives"),
        (Network::new().block(Duration::from_secs(4)), "lease of 4s"),
        (Network::new().block(Duration::ZERO), "0ns"),
        (Network::new().max_message(1), "1 bytes"),
        (Network::new().listen("tls/127.0.0.1:0"), "needs certificates"),
        (Network::new().connect("quic/127.0.0.1:1"), "needs certificates"),
        (Network::new().tls(tls.clone()).connect("tcp/127.0.0.1:1"), "without the certificates"),
        (Network::new().tls(tls), "/nowhere/ca.pem"),
        (Network::new().tls(nobody), "`admit_anybody`"),
        (Network::new().behind_router(), "with `connect`"),
        (Network::new().behind_router().connect("tcp/gate:7447").listen("tcp/127.0.0.1:0"), "tcp/127.0.0.1:0"),
    ] {
        let text = refused(&zenoh);
        assert!(text.contains(part), "expected `{part}` in `{text}`");
    }
}

#[test]
fn a_link_that_zenoh_would_break_is_refused_with_the_way_out() {
    let text = ConfigError::TwoThreads("tls/127.0.0.1:0".to_owned()).to_string();
    for part in ["tls/127.0.0.1:0", "`quic/`", "ZENOH_RUNTIME='(tx:(handover:rx),rx:(worker_threads:1))'"] {
        assert!(text.contains(part), "expected `{part}` in `{text}`");
    }
    let files = Authority::new().node("a");
    for zenoh in [Network::new().listen("tls/127.0.0.1:0"), Network::new().connect("tls/127.0.0.1:1")] {
        let checked = zenoh.tls(files.clone()).check(NodeId::number(1));
        assert_eq!(checked.is_ok(), take_turns(), "expected what this process was started with to decide");
        assert!(checked.is_ok() || matches!(checked, Err(ConfigError::TwoThreads(_))));
    }
}

#[test]
fn extreme_values_within_their_range_are_taken() {
    let zenoh = Network::new().lease(Duration::from_millis(100)).keep_alive(10).max_message(64 << 10);
    zenoh.check(NodeId::number(1)).expect("the smallest");
    let zenoh = Network::new().lease(Duration::from_secs(3600)).keep_alive(100).max_message(1 << 30);
    zenoh.check(NodeId::number(1)).expect("the largest");
}
