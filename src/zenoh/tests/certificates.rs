//! Certificates: whom they let in, and under which name.

use std::time::Duration;

use rcgen::{CertificateParams, date_time_ymd};
use zenoh::Wait as _;

use crate::zenoh::config::Network;
use crate::zenoh::tests::authority::{Authority, Files};
use crate::zenoh::tests::ears::Heard;
use crate::zenoh::tests::names::{Node, endpoint, frame, meet_and_write, peer};
use crate::zenoh::tls::Tls;

impl Authority {
    /// The files of a node with a certificate of this authority.
    pub(super) fn node(&self, name: &str) -> Tls {
        self.signed(name, "127.0.0.1", |_| ())
    }

    /// The same for a node that is called at `host`, changed in some way.
    fn signed(&self, name: &str, host: &str, change: impl FnOnce(&mut CertificateParams)) -> Tls {
        let Files { authority, certificate, key } = self.files(name, host, change);
        Tls::new(authority, certificate, key).admit_anybody()
    }
}

/// Three nodes `a`, `b` and `c`: `b` with `tls` calls `a`, and so does `c`, whose certificate is good. When `a` has met `c`,
/// which came later, it must not have met `b`.
fn keeps_out(realm: &str, authority: &Authority, b: &Network, name_of_b: &str) {
    let seed = endpoint("quic");
    let zenoh = Network::new().realm(realm).without_gossip();
    let a = Node::open(peer("a", 1), &zenoh.clone().tls(authority.node("a")).listen(&seed));
    let b = Node::open(peer(name_of_b, 1), &b.clone().realm(realm).without_gossip().connect(&seed));
    let c = Node::open(peer("c", 1), &zenoh.tls(authority.node("c")).connect(&seed));
    a.meets(c.me);
    assert_eq!(a.log.take(), [Heard::Joined(c.me)], "expected {realm} to be kept out");
    assert_eq!(b.log.take(), [], "expected {realm} to see nobody");
}

#[test]
fn nodes_with_certificates_of_one_authority_meet() {
    let authority = Authority::new();
    let seed = endpoint("quic");
    let zenoh = Network::new().realm("met");
    let mut a = Node::open(peer("a", 1), &zenoh.clone().tls(authority.node("a")).listen(&seed));
    let mut b = Node::open(peer("b", 1), &zenoh.tls(authority.node("b")).connect(&seed));
    meet_and_write(&mut a, &mut b);
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    // It trusts the right one and shows a wrong one, so that the node which is called refuses it.
    let mut tls = other.node("b");
    tls.authority = authority.certificate();
    keeps_out("wrong-authority", &authority, &Network::new().tls(tls), "b");
}

#[test]
fn a_node_calls_nobody_whose_authority_it_does_not_know() {
    let (authority, other) = (Authority::new(), Authority::new());
    // It shows a right one and trusts a wrong one, so that the node which calls refuses.
    let mut tls = authority.node("b");
    tls.authority = other.certificate();
    keeps_out("unknown-authority", &authority, &Network::new().tls(tls), "b");
}

#[test]
fn a_certificate_that_has_expired_is_refused() {
    let authority = Authority::new();
    let expired = authority.signed("b", "127.0.0.1", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 2);
    });
    keeps_out("expired", &authority, &Network::new().tls(expired), "b");
}

#[test]
fn a_node_without_a_certificate_is_refused() {
    let authority = Authority::new();
    let seed = endpoint("quic");
    let zenoh = Network::new().realm("none").without_gossip();
    let a = Node::open(peer("a", 1), &zenoh.clone().tls(authority.node("a")).listen(&seed));
    // No setup of this library makes such a node, so zenoh is asked to.
    let mut config = zenoh::Config::default();
    let ca = authority.certificate();
    for (key, value) in [
        ("mode", "\"peer\"".to_owned()),
        ("listen/endpoints", "[]".to_owned()),
        ("connect/endpoints", format!("[\"{seed}\"]")),
        ("scouting/multicast/enabled", "false".to_owned()),
        ("transport/link/tls/root_ca_certificate", format!("{:?}", ca.to_str().unwrap())),
    ] {
        config.insert_json5(key, &value).unwrap();
    }
    let stranger = zenoh::open(config).wait().unwrap();
    let b = peer("b", 1);
    let token = format!("rohrpost/none/node/{:016x}/{:016x}/{}/b", b.node.raw(), 1, stranger.zid());
    let _token = stranger.liveliness().declare_token(token).wait().unwrap();
    let c = Node::open(peer("c", 1), &zenoh.tls(authority.node("c")).connect(&seed));
    a.meets(c.me);
    assert_eq!(a.log.take(), [Heard::Joined(c.me)]);
    assert_eq!(stranger.info().peers_zid().wait().count(), 0, "expected the stranger to have no link");
}

#[test]
fn a_certificate_for_another_host_is_not_called() {
    let authority = Authority::new();
    let seed = endpoint("quic");
    let zenoh = Network::new().realm("host").without_gossip();
    let elsewhere = authority.signed("a", "a.example", |_| ());
    let a = Node::open(peer("a", 1), &zenoh.clone().tls(elsewhere).listen(&seed));
    let b = Node::open(peer("b", 1), &zenoh.clone().tls(authority.node("b")).connect(&seed));
    let c = Node::open(peer("c", 1), &zenoh.tls(authority.node("c").any_host()).connect(&seed));
    a.meets(c.me);
    c.meets(a.me);
    assert_eq!(b.log.take(), [], "expected only the one that does not look at the host to have a link");
}

#[test]
fn a_node_that_is_admitted_speaks_and_reads_under_its_own_name_only() {
    let authority = Authority::new();
    let seed = endpoint("quic");
    let (a, c) = (peer("a", 1), peer("c", 1));
    let admitting = |name: &str| {
        let tls = authority.node(name).admit(a.node).admit(c.node).admit(peer("b", 1).node);
        Network::new().realm("names").without_gossip().tls(tls)
    };
    let mut a = Node::open(a, &admitting("a").listen(&seed));
    // Its certificate says `b`, and it says that it is `eve`, whom nobody knows, and that it is `c`.
    let eve = Node::open(peer("eve", 1), &admitting("b").connect(&seed));
    let as_c = Node::open(peer("c", 9), &admitting("b").connect(&seed));
    let b = Node::open(peer("b", 1), &admitting("b").connect(&seed));
    let c = Node::open(c, &admitting("c").connect(&seed));
    a.meets(b.me);
    a.meets(c.me);
    c.meets(a.me);
    a.send(c.me, "for c alone").unwrap();
    c.log.hears(&frame(a.me, "for c alone"));
    let joined = a.log.take();
    assert!(!joined.contains(&Heard::Joined(eve.me)), "expected nobody under a name of its own making: {joined:?}");
    assert!(!joined.contains(&Heard::Joined(as_c.me)), "expected nobody under another's name: {joined:?}");
    let read = as_c.log.take();
    assert!(!read.contains(&frame(a.me, "for c alone")), "expected nobody to read mail for another: {read:?}");
}

#[test]
fn a_certificate_that_is_not_admitted_is_let_in_by_nobody() {
    let authority = Authority::new();
    let seed = endpoint("quic");
    let zenoh = Network::new().realm("guests").without_gossip();
    let (a, b, c) = (peer("a", 1), peer("b", 1), peer("c", 1));
    let a = Node::open(a, &zenoh.clone().tls(authority.node("a").admit(c.node)).listen(&seed));
    let b = Node::open(b, &zenoh.clone().tls(authority.node("b")).connect(&seed));
    let c = Node::open(c, &zenoh.tls(authority.node("c").admit(a.me.node)).connect(&seed));
    a.meets(c.me);
    c.meets(a.me);
    assert_eq!(a.log.take(), [Heard::Joined(c.me)]);
    assert_eq!(b.log.take(), [], "expected a guest without an invitation to see nobody");
}

#[test]
fn a_file_that_is_no_certificate_is_named() {
    let authority = Authority::new();
    let mut tls = authority.node("a");
    tls.key = tls.certificate.clone();
    let zenoh = Network::new().tls(tls).lease(Duration::from_secs(1));
    let refused = Node::try_open(peer("a", 1), &zenoh).unwrap_err().to_string();
    assert!(refused.contains("a.pem") && refused.contains("key"), "expected the file in `{refused}`");
}
