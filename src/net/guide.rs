//! From one process to many: what a program meets when it is split over nodes.
//!
//! `examples/fleet` is the navigation example on three nodes; its targets are the same files. What had to change is what this
//! chapter is about.
//!
//! # What does not change
//!
//! The address, and the ways to send to it. A message is handled or comes back; every request is answered exactly once; what
//! one sender sends to one receiver arrives in order; everything is bounded; deadlines travel; every message is counted once.
//! A handler is still never blocked: sending to another node puts the message into the carrier's intake and goes on,
//! or, if the carrier has nothing else to do and the way is free, writes it and hands it to the engine. Small notifications that
//! a handler sends one after the other leave together, when there is a bundle of them or when its turn ends; if it goes on for
//! long, after about a millisecond of the kernel's clock.
//!
//! # What changes
//!
//! | | on one node | between nodes |
//! |---|---|---|
//! | latency | a call, or one hand-off | one hand-off, the engine and the wire, each way; under load two more hand-offs |
//! | codes | | [`NO_NODE`], [`NODE_LOST`], [`NOT_ROUTABLE`], [`MALFORMED`], [`TOO_LARGE`], [`DENIED`] |
//! | delivery | known | at most once: nothing is sent twice, and [`NODE_LOST`] means that *nobody knows* whether it was handled |
//! | a notification | done when it is handled | done when the other *node* has accepted it; if it fails there, it comes back later |
//! | records | moved | written, and read as a value of their own: an `Arc` in it is shared no more |
//! | a record that comes back | itself | a request's is itself; a notification's may have been dropped when it was written, and is then what the other node would have read: a field that is skipped has its default |
//! | order | per sender and receiver | the same, as long as a link lasts; what is forwarded is ordered from its forwarder |
//! | deadline | one clock | travels as the time that is left: the time on the wire is not counted there |
//! | observers | see the message | see a copy, which crosses once for each node; what finds no room is lost and told to nobody |
//!
//! The requester's own node keeps the deadline, so it gets [`EXPIRED`](crate::Code::EXPIRED) in time whatever happens
//! elsewhere. But a process that was stopped for a while reads the mail that waited in its socket as if it had just been sent,
//! and may do what nobody waits for any more. A record that must not be late carries its own time.
//!
//! What may be done twice is asked again after [`NODE_LOST`]; what may not carries a number by which its receiver recognizes
//! it. No network can do that for the program.
//!
//! **Waiting for an answer** is mostly waiting for threads that are woken, one by another: some six on the way there and back.
//! A processor whose threads all sleep halts, and on a virtual machine it takes tens of microseconds to wake it. Therefore who
//! asks learns whether it is answered sooner while it spins or while it sleeps ([`Idle::Adaptive`](crate::Idle::Adaptive), the
//! default). In one run of the benchmark `net` on two otherwise idle cores of a virtual machine, with 64 bytes, a thread had its
//! answer after 145 µs, and after 224 where it was told to sleep; bare zenoh took 176, and 97 if its asker spun. Both processes
//! together took 246 µs of processor time for a question, and 230 if the asker slept. Where other work keeps the cores busy it
//! comes to sleeping, and [`Idle::Park`](crate::Idle::Park) is for programs that must save power.
//!
//! **A node that is started anew is another life.** Nothing of before reaches it, and nothing that it said before is believed
//! any more: mail under way comes back, its targets have new addresses (those with names have the same), its observers and
//! monitors elsewhere are forgotten. Whoever wants news of it asks for them again when it [joins](#who-is-there).
//!
//! # Records on the wire
//!
//! The mark `wire` gives a record a form in which it leaves its node: it is then serde's `Serialize` and `Deserialize`, and
//! written by [postcard](https://docs.rs/postcard). Both sides need the same definition: fields have no names there, so a
//! record that has changed is another record, with another name. A record may be written more than once on its way. Bytes that
//! are none of it come back as [`MALFORMED`]. The answer needs the mark, too.
//!
//! ```
//! use rohrpost::record;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, Serialize, Deserialize)]
//! struct NameOf { lat: f64, lon: f64 }
//! #[derive(Clone, Debug, Serialize, Deserialize)]
//! struct Name(Option<String>);
//! #[derive(Clone, Debug)]
//! struct Unused(u32);
//!
//! record!(NameOf, "map.name-of" => Name, wire);
//! record!(Name, "map.name", wire);
//! record!(Unused, "map.unused", local); // says that it is not meant to
//! ```
//!
//! A record without the mark, or marked `local`, comes back with [`NOT_ROUTABLE`] at the edge of its node, at once.
//!
//! A node need not know a record to deal with it: it is [`Opaque`](super::Opaque) there, bytes behind an id, which can be
//! observed, held and forwarded, and is written as what it was. A typed handler does not take it; its sender reads
//! [`NOT_HANDLED`](crate::Code::NOT_HANDLED), or [`NO_SERVICE`](crate::Code::NO_SERVICE) at a namespace.
//!
//! # Services, wherever they are
//!
//! `.map.server-1` is a service of the node `server-1`. [`Address::any_node`](crate::Address::any_node), `.map.*`, is one of
//! whichever node offers it: this node if it does, else the nearest by the measured round trip; those that are about equally
//! near take turns. It is chosen once for each message, which stays with its choice: if that node is lost, the message comes
//! back, and is not sent to the next one. Without any it is [`NO_SERVICE`](crate::Code::NO_SERVICE).
//!
//! ```
//! # use rohrpost::{Context, Failure, Handle, handles, record};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Clone, Debug, Serialize, Deserialize)] struct NameOf { lat: f64, lon: f64 }
//! # #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)] struct Name(Option<String>);
//! # record!(NameOf, "guide.name-of" => Name, wire); record!(Name, "guide.name", wire);
//! # struct Map;
//! # impl Handle<NameOf> for Map {
//! #     fn handle(&mut self, _: &NameOf, _: &mut Context<'_>) -> Result<Name, Failure> { Ok(Name(Some("Mill".into()))) }
//! # }
//! # handles!(Map: NameOf);
//! use rohrpost::net::memory::Network;
//! use rohrpost::testing::TestKernel;
//! use rohrpost::{Address, Code, Nid};
//!
//! const MAP: Address = Address::any_node(Nid::name("map"));
//!
//! let network = Network::new();
//! let mut car = TestKernel::new("car");
//! let server = car.neighbour("server-1");
//! network.join(car.kernel())?;
//! network.join(server.kernel())?;
//! let map = server.namespace("map").open()?;
//! map.serve::<NameOf>(map.register(Map)?)?;
//! car.run_until_idle()?;
//! assert_eq!(car.ask(MAP, NameOf { lat: 0.0, lon: 0.0 })?, Name(Some("Mill".into())));
//!
//! network.crash(server.kernel().node());
//! car.run_until_idle()?;
//! let failure = car.ask(MAP, NameOf { lat: 0.0, lon: 0.0 }).unwrap_err();
//! assert_eq!(failure.code(), Code::NO_SERVICE); // at once; nobody waits for a timeout
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who is there
//!
//! A [monitor](crate::Context::monitor) of a [node](crate::Filter::node) tells when it joins and why it left: `closed` (it
//! said farewell), `crashed` (its connection broke), `silent` (it looked alive and did not answer), `replaced` (there is
//! another life of it). A node that leaves takes all that it had with it, without a word on each of its targets. When mail
//! between two nodes was lost, or only one of them found the other silent, each is told that the other left and joined.
//!
//! A single target of another node is [watched](crate::Context::watch) like one of this node. If its node leaves, its watchers
//! are told so, [`Reason::NodeLeft`](crate::Reason::NodeLeft), each once. There a gatekeeper is asked as if a record
//! `rohrpost.watch` were sent to the target's namespace.
//!
//! What happens *on* another node, that node tells: [`AddMonitor`](crate::system::AddMonitor), and for the mail of a service
//! [`AddObserver`](crate::system::AddObserver), are sent to its namespace `SYSTEM`, if its gatekeeper lets them in. They end
//! with the link, so they are asked for whenever the node joins:
//!
//! ```
//! use rohrpost::system::{self, AddObserver};
//! use rohrpost::{Change, Context, Event, Failure, Filter, Handle, Started, handles};
//!
//! struct Subscriber(AddObserver);
//!
//! impl Started for Subscriber {
//!     fn started(&mut self, ctx: &mut Context<'_>) {
//!         let node = self.0.service.node().expect("the service of another node");
//!         ctx.monitor(Filter::new().node(node)).expect("a target that starts can monitor");
//!     }
//! }
//!
//! impl Handle<Change> for Subscriber {
//!     fn handle(&mut self, change: &Change, ctx: &mut Context<'_>) -> Result<(), Failure> {
//!         if let Event::NodeJoined { node } = change.event {
//!             ctx.request(system::ADDRESS.on_node(node), self.0);
//!         }
//!         Ok(())
//!     }
//! }
//!
//! handles!(Subscriber: Change; hooks started);
//! ```
//!
//! # What goes wrong, and what a sender sees
//!
//! With the defaults: a lease of 4 s, a heartbeat each second.
//!
//! | what happens | mail under way | later mail | a monitor reads | when |
//! |---|---|---|---|---|
//! | the process is killed (`kill -9`) | [`NODE_LOST`] | [`NO_NODE`] | crashed | as soon as the system closes its connection |
//! | the kernel stops (farewell) | what it does not answer: `STOPPED`, or [`NODE_LOST`] | [`NO_NODE`] | closed | at once |
//! | the link is cut in silence | [`NODE_LOST`] | [`NO_NODE`] until the node is found again | silent, or crashed if the engine sees it first | 3.5 s after the last frame that came: three heartbeats and a half; at most the lease |
//! | the engine says alive, frames do not pass (half-dead) | [`NODE_LOST`] | waits for the link up to the lease, then [`NODE_LOST`] | silent | the same; a lease later the engine's session is [opened anew](#a-session-that-is-opened-anew) |
//! | the process stands still for less than that | arrives late | arrives late; more than the link's buffers take has zenoh give the link up after 1 s (`block`) | nothing | |
//! | it stands still for longer | [`NODE_LOST`], and may still be handled when it goes on | as with a cut | silent or crashed; joined when it goes on | as with a cut |
//! | it is started anew under its name | [`NODE_LOST`] | goes to the new life | crashed or replaced, then joined | when it joins |
//! | a second node wants the same name | | goes on to the first | nothing | the second gets [`JoinError::Taken`](super::JoinError::Taken), over zenoh a lease later: the first might be about to go |
//! | the message is too large | | | | [`TOO_LARGE`], before it leaves |
//! | the message takes longer than the lease to cross: its bytes, by what the line carries in a second | [`NODE_LOST`], also what is under way beside it | waits for the link, which opens at once | silent, then joined | a lease after it began |
//! | its bytes are no such record there | | | | [`MALFORMED`], after one way there and back; the link goes on |
//! | a gatekeeper does not let it in | | | | [`DENIED`] with the missing rule in the text, after one way there and back |
//! | its record has no wire form | | | | [`NOT_ROUTABLE`], before it leaves |
//! | nobody there knows its record | | | | [`NOT_HANDLED`](crate::Code::NOT_HANDLED) or [`NO_SERVICE`](crate::Code::NO_SERVICE), after one way there and back |
//! | 4096 messages or 64 MiB are not acknowledged, or 1024 requests not answered; 65,536 messages wait for the carrier | | | | [`BUSY`], at once |
//!
//! Where two nodes of one name could not see each other when they joined, both count it later as
//! [`doubled`](super::NetCounters::doubled).
//!
//! A request keeps its place among the 1024 until the other node has answered it, or the link ends, also when its deadline has
//! passed here: what is held there for ever takes it for ever. Whoever holds requests does well to look at their deadlines.
//!
//! A request that comes back with [`NODE_LOST`] may have been handled. With [`MALFORMED`], [`TOO_LARGE`] or [`NOT_ROUTABLE`]
//! it may be the answer that could not travel: the text names the record. With the other codes it has not been handled.
//!
//! ## A session that is opened anew
//!
//! Only the whole session of the engine can be opened anew. So all links of the node that does it are lost with it, and what
//! is under way on them is [`NODE_LOST`]; they are there again within some 100 ms. It is done a lease after a link has gone
//! silent while the engine says that the other node is there, and, if that does not help, again after 2, 4 and 8 leases and then
//! each 16: one node that hangs and does not die disturbs those that know it now and then until it answers or is ended.
//!
//! # Whom to let in
//!
//! A [`Gatekeeper`](super::Gatekeeper) is asked about all mail from other nodes before it enters: by record, by the
//! namespace it goes to, by the node it comes from; about a copy for an observer by that one's namespace. The first rule that matches decides; if none does, everything is let in
//! but what goes to `SYSTEM`, of which only ping is open. What is not let in is [counted](super::NetCounters::denied),
//! and told to `tracing` if that feature is on. Who forwards a message answers for it: the node is the last one.
//!
//! ```
//! use rohrpost::net::{Gatekeeper, Joining, Rule};
//! use rohrpost::system::{self, AddObserver};
//! use rohrpost::{NodeId, Record};
//!
//! let map = NodeId::name("map");
//! let settings = Joining::new().gatekeeper(
//!     Gatekeeper::new().rule(Rule::allow().record(AddObserver::ID).to(system::NAMESPACE).from(map)),
//! );
//! # let _ = settings;
//! ```
//!
//! # Certificates
//!
//! Without certificates whoever reaches a port can be any node; therefore listening elsewhere than on the loopback address
//! asks for `insecure`. With them (`rohrpost::zenoh::Tls`) both ends of every link show one, always. Links with certificates
//! are best `quic/`: for `tls/` zenoh must be told to use one thread, by the environment (`rohrpost::zenoh::TLS_RUNTIME`).
//! What they are worth:
//!
//! - `admit(node)`, for each node: on a **direct link** a certificate with the common name `car-7` can speak and read as the
//!   node `car-7` and as no other.
//! - `admit_anybody`, which must be said: whoever bears a certificate of the authority may join, under any name. A gatekeeper's
//!   rule by node is then a matter of good faith.
//! - Behind a **router** nobody sees the others' certificates. Who lets one in (`relay`) trusts it, and all whom it lets in,
//!   with every name: one of them can pose as another, and read its mail. Who lets no router in sees nobody behind it.
//!   The names must then be bound in the router's own access control.
//!
//! # Over the internet, by a router
//!
//! Two nodes behind two walls cannot call each other, but both can call a router, [`zenohd`](https://zenoh.io), that has an
//! address. It listens, with certificates and mutual TLS on, and the nodes say that they are `behind_router`:
//!
//! ```text
//! Network::new().connect("quic/router.example:7447").behind_router().tls(
//!     Tls::new("ca.pem", "car-7.pem", "car-7.key").relay("router.example"))
//! ```
//!
//! Each of them has that one link. A router passes on between nodes that say so, and between each of these and the others
//! that call it. Between two others it does not: these are taken to reach each other. So a mesh of nodes in one place may
//! call a router, and any number of nodes elsewhere may be behind it.
//!
//! Frames are encrypted on both links and in the clear inside the router, which can read, drop, and forge them: it belongs to
//! whoever owns the nodes. Two crossings take the place of one, and a lost node is seen by the router and told on. Choose the
//! lease by the worse of both lines.
//!
//! # Large messages
//!
//! A message of more than a few KiB is written by the carrier when its turn has come, and read by the other one: two copies
//! more than a plain send has. What that costs depends on where the bytes lie. So keep few large ones under way, enough to fill
//! the line and no more: in one run of the benchmark `net`, two processes on loopback and two cores of an AMD EPYC, messages of
//! 1 MiB went at a median of 1,776 MiB/s with four under way, and at 1,245 MiB/s with 28, which waited until no cache had them
//! any more. The answer to a small question behind each is a good sign that there is room for the next.
//!
//! Large and small messages to one node share a line, in the order in which they were sent: a small one waits for the large
//! ones before it. Where the line is slow, and what is small must not wait, send what is large in pieces. A message is
//! acknowledged when all of it has come, so it has to cross within the lease: 16 MiB in 4 s need a line that carries 4 MiB a second.
//!
//! # Over slow links
//!
//! Records can be [compressed](super::Joining::compress) on their way, from a size on that is set for a node. It is
//! said in each letter, so others need no such setting to read it. The window in bytes counts what travels; the limit
//! of a message holds for its full size, and what claims to be larger than that, or than its bytes can bear out, is
//! [`TOO_LARGE`] or [`MALFORMED`] before memory is taken for it.
//!
//! # How many nodes
//!
//! A realm is a full mesh: each node has a link to each other, with a heartbeat in both directions. So for N nodes
//!
//! - each has N − 1 links, and the realm N (N − 1) / 2 connections if nodes call each other;
//! - each sends N − 1 beats a second, and receives as many;
//! - each knows N liveliness tokens, and the realm's nodes are told of one that joins or leaves N times.
//!
//! A frame is small (a test holds these numbers): a Hello or an Ack 26 bytes, a Beat 58, a Bye 18, and around a letter 42. A
//! letter around one record is 40 bytes and the record; its sender adds 16, a number by which it comes back 12, a deadline 8,
//! and each name in it its text, once for each link. So a request with a record of 8 bytes and no deadline is a frame of 118.
//! zenoh, TCP and IP add theirs.
//!
//! Measured over zenoh with two processes on loopback, two cores of an Intel Xeon, a release build, twice: with a beat each
//! 10 ms in both directions a beat costs 180 bytes, all headers included, and to send one and hear one costs 0.25 to 0.29 ms
//! of processor time, most of it the waking of threads. An idle link with a beat each second takes 430 to 450 bytes a second,
//! both directions and zenoh's own signs of life included, and 0.4 to 0.5 ms a second in each process. What follows is worked
//! out from the dearer of these figures, and was not measured with so many nodes: beats that fall together share frames and
//! wakings.
//!
//! | nodes | links, and beats a second each way, of one node | connections of the realm | bytes a second of one node | of a core |
//! |--:|--:|--:|--:|--:|
//! | 10 | 9 | 45 | 3 kB | 0.3 % |
//! | 100 | 99 | 4,950 | 36 kB | 3 % |
//! | 300 | 299 | 44,850 | 108 kB | 9 % |
//! | 1,000 | 999 | 499,500 | 360 kB | 29 % |
//! | 10,000 | 9,999 | 49,995,000 | 3.6 MB | 290 % |
//!
//! **A full mesh does not reach 10,000 nodes in one realm.** Up to some
//! 300 nodes it costs less than a tenth of a core on each. At 1,000 it is about a third, and the 1,024 files that a
//! process may have open by default are used up; between 3,000 and 4,000 the beats alone fill a core, and all of them
//! go through one thread, the carrier's. And 10,000 nodes that start together are 100 million tokens to be told. What
//! to do, in this order:
//!
//! 1. **Realms.** Nodes that do not write to each other need not see each other. 10,000 nodes as 200 realms of 50 are 50 links
//!    for each node. A program with two kernels, one in each realm, forwards between them.
//! 2. **Longer heartbeats** ([`Joining::heartbeat`](super::Joining::heartbeat)): at 10 s the beats cost a tenth, and a node
//!    that looks alive and is not is found after 35 s. A process that dies is seen at once all the same: that is the engine's.
//!    The lease must be longer, too, since what is not acknowledged within it counts as lost.
//! 3. **Routers.** Behind a router each node has *one* connection instead of N − 1, which saves sockets and
//!    memory. The links of this library remain, one to each node, and so do their beats, all of which pass the router: 10,000
//!    nodes at one beat a second would be 100 million frames a second in it. So routers help a realm of hundreds, and together
//!    with realms and longer heartbeats they carry many such realms.
//!
//! [`NO_NODE`]: crate::Code::NO_NODE
//! [`NODE_LOST`]: crate::Code::NODE_LOST
//! [`NOT_ROUTABLE`]: crate::Code::NOT_ROUTABLE
//! [`MALFORMED`]: crate::Code::MALFORMED
//! [`TOO_LARGE`]: crate::Code::TOO_LARGE
//! [`DENIED`]: crate::Code::DENIED
//! [`BUSY`]: crate::Code::BUSY

#[cfg(all(test, not(loom)))]
mod tests {
    use bytes::Bytes;

    use crate::address::Address;
    use crate::clock::Time;
    use crate::id::{Nid, NodeId};
    use crate::message::Message;
    use crate::net::frame::{Beat, Frame, Kind, Route, Session};
    use crate::net::letter::{Desk, Style};
    use crate::record::Record;

    #[test]
    fn frames_have_the_sizes_that_the_chapter_counts_with() {
        let session = Session::new(1);
        let route = Route { from: session, to: session };
        let beat = Beat { seq: 1, ack: 1, nanos: 1, echo: Some((1, 1)) };
        let frames = [
            (Frame::Hello { from: session, to: Some(session), limit: 1 }, 26),
            (Frame::Ack { route, ack: 1 }, 26),
            (Frame::Beat { route, beat }, 58),
            (Frame::Bye { route }, 18),
            (Frame::Mail { route, seq: 1, ack: 1, kind: Kind::Request, letter: Bytes::new() }, 42),
        ];
        for (frame, size) in frames {
            assert_eq!(frame.clone().into_bytes().len(), size, "expected the size of {frame:?}");
        }
    }

    #[test]
    fn a_small_letter_has_the_size_that_the_chapter_counts_with() {
        <()>::TYPE.remember().expect("the name of one record");
        let mut desk = Desk::new(Style::new(NodeId::number(1), 1 << 20));
        let to = Address::service(Nid::number(2)).on_node(NodeId::number(3));
        let letter = |desk: &mut Desk| desk.mail(&Message::notification(to, ()), Time::START).expect("a letter");
        let (first, second) = (letter(&mut desk), letter(&mut desk));
        assert_eq!(second.len(), 40, "expected an envelope, an empty record and no name");
        assert_eq!(first.len(), 40 + 1 + "rohrpost.done".len(), "expected the name of the record the first time");
    }
}
