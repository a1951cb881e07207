//! Nodes that cannot reach each other meet behind a router.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zenoh::Wait as _;

use crate::code::Code;
use crate::context::Context;
use crate::ending::{Parting, Reason};
use crate::kernel::Kernel;
use crate::net::transport::{Gone, Transport as _};
use crate::typed::Handle;
use crate::zenoh::config::Network;
use crate::zenoh::tests::authority::{Authority, Files};
use crate::zenoh::tests::ears::{Heard, LIMIT};
use crate::zenoh::tests::names::{Node, endpoint, frame, peer};
use crate::{Address, Ended, Failure, handles, record};

/// What `zenohd` is: a zenoh session that is a router. With the files of a certificate only bearers of certificates get in.
fn router(listen: &str, tls: Option<&Files>) -> zenoh::Session {
    let mut config = zenoh::Config::default();
    let mut set = |key: &str, value: String| config.insert_json5(key, &value).unwrap();
    set("mode", "\"router\"".to_owned());
    set("listen/endpoints", format!("[\"{listen}\"]"));
    set("scouting/multicast/enabled", "false".to_owned());
    if let Some(Files { authority, certificate, key }) = tls {
        let quoted = |path: &std::path::Path| format!("{:?}", path.to_str().unwrap());
        set("transport/link/tls/root_ca_certificate", quoted(authority));
        set("transport/link/tls/listen_certificate", quoted(certificate));
        set("transport/link/tls/listen_private_key", quoted(key));
        set("transport/link/tls/enable_mtls", "true".to_owned());
    }
    zenoh::open(config).wait().unwrap()
}

/// A node whose only link is to the router.
fn behind(realm: &str, endpoint: &str) -> Network {
    Network::new().realm(realm).behind_router().lease(Duration::from_secs(1)).connect(endpoint)
}

/// Sends a frame, again and again: behind a router the token of a node may be there before the way to it.
fn gets_through(from: &mut Node, to: &Node) {
    let arrived = frame(from.me, "hello");
    let passed = (0..100).any(|_| {
        let _ = from.send(to.me, "hello");
        to.log.within(Duration::from_millis(100), |heard| heard.contains(&arrived))
    });
    assert!(passed, "expected a frame to pass the router");
}

#[test]
fn nodes_that_know_a_router_alone_meet_and_part_behind_it() {
    let endpoint = endpoint("tcp");
    let _router = router(&endpoint, None);
    let zenoh = behind("routed", &endpoint);
    let mut a = Node::open(peer("a", 1), &zenoh);
    let mut b = Node::open(peer("b", 1), &zenoh);
    a.meets(b.me);
    b.meets(a.me);
    gets_through(&mut a, &b);
    gets_through(&mut b, &a);
    let refused = Node::try_open(peer("b", 2), &zenoh).unwrap_err().to_string();
    assert!(refused.contains("`b`"), "expected a name that is taken behind the router to be refused: {refused}");
    let c = Node::open(peer("c", 1), &Network::new().realm("routed").connect(&endpoint));
    a.meets(c.me);
    c.meets(a.me);
    b.carriage.stop();
    a.log.hears(&Heard::Left(b.me, Gone::Closed));
}

#[test]
fn a_router_that_dies_parts_those_behind_it_and_one_that_comes_back_joins_them() {
    let endpoint = endpoint("tcp");
    let first = router(&endpoint, None);
    let zenoh = behind("rerouted", &endpoint);
    let a = Node::open(peer("a", 1), &zenoh);
    let mut b = Node::open(peer("b", 1), &zenoh);
    a.meets(b.me);
    first.close().wait().unwrap();
    a.log.hears(&Heard::Left(b.me, Gone::Lost));
    let _second = router(&endpoint, None);
    let again = |heard: &[Heard]| heard.iter().filter(|heard| **heard == Heard::Joined(b.me)).count() >= 2;
    a.log.until("the other to join again", again);
    b.log.until("the other to join again", |heard| {
        heard.iter().filter(|heard| **heard == Heard::Joined(a.me)).count() >= 2
    });
    gets_through(&mut b, &a);
}

#[test]
fn who_lets_a_router_in_trusts_it_with_every_name_and_who_does_not_sees_nobody_behind_it() {
    let (authority, endpoint) = (Authority::new(), endpoint("quic"));
    let _router = router(&endpoint, Some(&authority.files("gate", "127.0.0.1", |_| ())));
    let zenoh = behind("relayed", &endpoint);
    let trusting = |name: &str| zenoh.clone().tls(authority.node(name).relay("gate"));
    let mut a = Node::open(peer("a", 1), &trusting("a"));
    // Its certificate says `mallory`, and nobody behind the router can see that.
    let posing = Node::open(peer("b", 1), &trusting("mallory"));
    let wary = Node::open(peer("c", 1), &zenoh.clone().tls(authority.node("c").admit(a.me.node).admit(posing.me.node)));
    a.meets(posing.me);
    posing.meets(a.me);
    gets_through(&mut a, &posing);
    assert_eq!(wary.log.take(), [], "expected who has not let the router in to see nobody behind it");
    assert!(!a.log.take().contains(&Heard::Joined(wary.me)));
    let stranger = Authority::new();
    let mut foreign = stranger.node("d").relay("gate");
    foreign.authority = authority.certificate();
    let refused = Node::try_open(peer("d", 1), &zenoh.tls(foreign)).unwrap_err().to_string();
    assert!(
        refused.contains(&endpoint),
        "expected nobody in without a certificate of the router's authority: {refused}"
    );
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Double(u32);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Doubled(u32);
record!(Double, "routers.double" => Doubled, wire);
record!(Doubled, "routers.doubled", wire);

struct Doubler;
impl Handle<Double> for Doubler {
    fn handle(&mut self, double: &Double, _: &mut Context<'_>) -> Result<Doubled, Failure> {
        Ok(Doubled(double.0 * 2))
    }
}
handles!(Doubler: Double);

#[derive(Clone, Debug)]
struct Guard(Address);
record!(Guard, "routers.guard");

/// Watches whom it is told to, and tells how they end.
struct Keeper(std::sync::mpsc::Sender<Reason>);
impl Handle<Guard> for Keeper {
    fn handle(&mut self, guard: &Guard, ctx: &mut Context<'_>) -> Result<(), Failure> {
        ctx.watch(guard.0).map_err(|code| Failure::new(code, ""))
    }
}
impl Handle<Ended> for Keeper {
    fn handle(&mut self, ended: &Ended, _: &mut Context<'_>) -> Result<(), Failure> {
        self.0.send(ended.reason.clone()).map_err(|_| Failure::new(Code::REJECTED, ""))
    }
}
handles!(Keeper: Guard, Ended);

#[test]
fn a_request_goes_through_a_router_and_so_does_the_end_of_who_is_watched() {
    let endpoint = endpoint("tcp");
    let _router = router(&endpoint, None);
    let (car, server) = (Kernel::builder("car").start().unwrap(), Kernel::builder("server").start().unwrap());
    let app = server.namespace("app").open().unwrap();
    let doublers = [(); 2].map(|()| app.register(Doubler).unwrap());
    let net = behind("requested", &endpoint).join(&car).unwrap();
    behind("requested", &endpoint).join(&server).unwrap();
    assert!(net.wait_for(server.node(), LIMIT), "expected the nodes to meet");
    assert_eq!(car.ask(doublers[0], Double(21)).timeout(LIMIT).wait().unwrap(), Doubled(42));
    let (told, ends) = std::sync::mpsc::channel();
    let keeper = car.namespace("app").open().unwrap().register(Keeper(told)).unwrap();
    for doubler in doublers {
        car.ask(keeper, Guard(doubler)).timeout(LIMIT).wait().unwrap();
    }
    // What comes behind it has been answered, so the watch has arrived.
    car.ask(doublers[0], Double(1)).timeout(LIMIT).wait().unwrap();
    app.deregister(doublers[0]).unwrap();
    assert_eq!(ends.recv_timeout(LIMIT), Ok(Reason::Deregistered));
    let _ = server.stop(LIMIT);
    let end = ends.recv_timeout(LIMIT).expect("expected to be told of the second, too");
    let known = [Reason::NodeLeft(Parting::Closed), Reason::KernelStopped, Reason::NamespaceClosed];
    assert!(known.contains(&end), "expected the end of a stop, not {end}");
    let _ = car.stop(LIMIT);
}
