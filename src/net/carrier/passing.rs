//! What is done in passing: by the thread that has mail, if the carrier has nothing else to do.
//!
//! Waking a thread takes the system longer than all that is done to a small message here. So whoever has one for a link on
//! which little is on its way sends it at once, and whoever hears one brings it in, instead of waking the porter. Nobody
//! waits for that: the carrier must be free, and the transport [quick](crate::net::transport::Transport::is_quick). Nothing
//! is overtaken: everything that came before has been done, which is why the intake must be empty. Whatever is not plain is
//! left to the porter.

use bytes::Bytes;

use crate::clock::Time;
use crate::code::Failure;
use crate::core::Core;
use crate::id::NodeId;
use crate::message::Message;
use crate::net::bundle;
use crate::net::carrier::Carrier;
use crate::net::carrier::incoming::is_from_target_to_target;
use crate::net::carrier::peering::Kept;
use crate::net::letter::Letter;
use crate::net::link::Event;
use crate::net::parcel::Parcel;
use crate::net::returning::Return;
use crate::net::transport::Peer;

/// With more letters of a link on their way, those that come meanwhile are better sent together.
const FEW: usize = 4;
/// With more bytes on their way to all nodes, a transport that several of them share may be full.
const LITTLE: usize = 16 << 10;
/// What is larger is left to the porter: it takes time to write and to read.
const SMALL: usize = 8 << 10;
/// Stack that a transport may need.
const STACK: usize = 192 << 10;

impl Carrier {
    /// Sends a message of this node, or gives it back for the porter. If it is refused it comes back with the reason.
    pub(crate) fn send_in_passing(&mut self, mail: Parcel) -> Result<Option<(Parcel, Failure)>, Parcel> {
        let node = mail.message().destination().node;
        if !self.is_quick(node) {
            return Err(mail);
        }
        let refused = self.send(mail, self.now()).err();
        self.go_on(node);
        Ok(refused)
    }

    /// Sends what has become of a message to the node that it came from; whether it has.
    pub(crate) fn send_back_in_passing(&mut self, to: Peer, way: Return, message: &Message<'static>) -> bool {
        if !self.is_quick(to.node) {
            return false;
        }
        self.send_back(to, way, message, self.now());
        self.go_on(to.node);
        true
    }

    /// Takes up what a peer has sent, or gives it back for the porter.
    pub(crate) fn hear_in_passing(&mut self, from: Peer, piece: Bytes) -> Result<(), Bytes> {
        let known = self.peers.get(&from.node).filter(|peering| peering.peer == from);
        let calm = known.is_some_and(|peering| peering.link.is_open() && peering.link.is_settled());
        if !calm || !self.touched.is_empty() || piece.len() > SMALL {
            return Err(piece);
        }
        let now = self.now();
        if let Some(peering) = self.peering(from) {
            for frame in bundle::frames(piece) {
                peering.link.heard(frame, now);
            }
        }
        while let Some(peering) = self.peers.get_mut(&from.node)
            && peering.link.peek_event().is_some_and(is_plain)
            && let Some(event) = peering.link.poll_event()
        {
            self.deal_with(from, event, None, now);
        }
        self.leave(from.node);
        Ok(())
    }

    /// Whether what is sent to `node` leaves at once, and nobody waits for that.
    fn is_quick(&self, node: NodeId) -> bool {
        let quick = |peer| self.transport.is_quick(peer) && Core::current().is_none_or(|core| core.has_stack(STACK));
        self.touched.is_empty()
            && self.under_way <= LITTLE
            && self.peers.get(&node).is_some_and(|peering| peering.link.is_calm(FEW) && quick(peering.peer))
    }

    /// Sends what has just been written, if it is small.
    fn go_on(&mut self, node: NodeId) {
        let Some(peering) = self.peers.get_mut(&node) else {
            return;
        };
        if peering.link.under_way() <= LITTLE + SMALL {
            peering.transmit(&mut *self.transport);
        }
        self.leave(node);
    }

    /// Has the porter look after what is left to do for a node, and when it is to be.
    fn leave(&mut self, node: NodeId) {
        let Some(peering) = self.peers.get_mut(&node) else {
            return;
        };
        peering.lively = true;
        let due = peering.link.next_deadline();
        let done = peering.link.is_settled() && peering.link.counters() == peering.told;
        // The porter looks at the link in time, or earlier.
        let early = due.is_none_or(|due| peering.due.is_some_and(|alarm| alarm <= due));
        let due = if early { peering.due } else { due };
        self.schedule(node, due);
        if done {
            self.touched.remove(node);
        }
        let left = !done || !early;
        if left && !std::mem::replace(&mut self.rung, true) {
            self.intake.ring();
        }
    }

    fn now(&self) -> Time {
        self.inlet.directory.clock.now()
    }
}

/// Whether an event is mail, small to read, and from a target to a target: all that needs no target of the network's own.
fn is_plain(event: &Event<Kept>) -> bool {
    match event {
        Event::Notified { letter } | Event::Requested { letter, .. } => {
            Letter::read(letter).is_ok_and(|letter| is_from_target_to_target(&letter) && !letter.is_compressed())
        }
        Event::Answered { letter, .. } | Event::Returned { letter } => {
            !Letter::read(letter).is_ok_and(|letter| letter.is_compressed())
        }
        Event::Delivered(_) | Event::Posted(_) => true,
        _ => false,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context as Task, Wake};

    use serde::{Deserialize, Serialize};

    use crate::address::Address;
    use crate::code::Failure;
    use crate::context::Context;
    use crate::kernel::Kernel;
    use crate::net::joining::{Joining, Net};
    use crate::net::memory::{Faults, Network};
    use crate::testing::{Probe, TestKernel};
    use crate::typed::Handle;
    use crate::{handles, record};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Note(u32, Vec<u8>);
    record!(Note, "passing.note" => Note, wire);

    struct Desk(Arc<parking_lot::Mutex<Vec<u32>>>);
    impl Handle<Note> for Desk {
        fn handle(&mut self, note: &Note, _: &mut Context<'_>) -> Result<Note, Failure> {
            self.0.lock().push(note.0);
            Ok(note.clone())
        }
    }
    handles!(Desk: Note);

    struct World {
        network: Network,
        nodes: [TestKernel; 2],
        nets: [Net; 2],
        /// On the second node, and what it has read.
        desk: Address,
        read: Arc<parking_lot::Mutex<Vec<u32>>>,
    }

    fn world() -> World {
        world_with(&Joining::new())
    }

    /// Two nodes that know each other, and have nothing to do.
    fn world_with(settings: &Joining) -> World {
        let network = Network::new();
        let mut north = TestKernel::new("north");
        let south = north.neighbour("south");
        let nets = [&north, &south].map(|node| network.join_with(node.kernel(), settings.clone()).expect("a network"));
        let read = Arc::default();
        let desk = south.namespace("app").open().expect("a namespace").register(Desk(Arc::clone(&read)));
        let desk = desk.expect("a target");
        north.run_until_idle().expect("an end");
        // Names are told once, and letters acknowledged.
        assert_eq!(north.ask(desk, Note(0, Vec::new())).expect("an answer").0, 0);
        north.advance(std::time::Duration::from_millis(5)).expect("an end");
        read.lock().clear();
        World { network, nodes: [north, south], nets, desk, read }
    }

    fn notify(world: &World, number: u32, size: usize) {
        world.nodes[0].kernel().notify(world.desk, Note(number, vec![7; size])).expect("it is sent");
    }

    #[test]
    fn mail_leaves_on_the_thread_of_its_sender_if_little_is_on_its_way() {
        let world = world();
        let south = world.nodes[1].kernel().node();
        notify(&world, 1, 10);
        assert_eq!(world.network.under_way(south), 1, "expected it to have left");
        for number in 2..100 {
            notify(&world, number, 10);
        }
        assert!(world.network.under_way(south) < 20, "expected the others to wait for each other");
    }

    #[test]
    fn a_sender_that_finds_the_carrier_at_work_goes_on() {
        let mut world = world();
        let south = world.nodes[1].kernel().node();
        let none = world.nets[0].intake().with_carrier(|_| {
            notify(&world, 1, 10);
            world.network.under_way(south)
        });
        assert_eq!(none, Some(0), "expected it to wait for the porter");
        world.nodes[0].run_until_idle().expect("an end");
        assert_eq!(*world.read.lock(), [1]);
    }

    /// Sends a note when it is woken, and counts what is under way then.
    struct Again {
        kernel: Kernel,
        desk: Address,
        network: Network,
        under_way: AtomicUsize,
    }
    impl Wake for Again {
        fn wake(self: Arc<Self>) {
            self.kernel.notify(self.desk, Note(2, Vec::new())).expect("it is sent");
            self.under_way.store(self.network.under_way(self.desk.node), Ordering::Relaxed);
        }
    }

    #[test]
    fn whoever_is_woken_by_an_answer_finds_the_carrier_free() {
        let mut world = world();
        let [kernel, south] = [&world.nodes[0], &world.nodes[1]].map(|node| node.kernel().clone());
        let (desk, network) = (world.desk, world.network.clone());
        let again = Arc::new(Again { kernel: kernel.clone(), desk, network, under_way: AtomicUsize::new(0) });
        let mut question = pin!(kernel.ask(desk, Note(1, Vec::new())).into_future());
        let waker = Arc::clone(&again).into();
        assert!(question.as_mut().poll(&mut Task::from_waker(&waker)).is_pending());
        world.network.give_out(south.node());
        while world.network.under_way(kernel.node()) == 0 {
            world.nodes[1].step().expect("something to do");
        }
        world.network.give_out(kernel.node());
        assert_eq!(again.under_way.load(Ordering::Relaxed), 1, "expected it to have left at once");
    }

    #[test]
    fn what_comes_is_brought_in_without_the_porter_and_a_large_letter_by_it() {
        for (size, left) in [(10, 0), (100_000, 1)] {
            let mut world = world();
            let south = world.nodes[1].kernel().node();
            notify(&world, 1, size);
            world.nets[0].intake().with_carrier(|carrier| {
                for peering in carrier.peers.values_mut() {
                    peering.transmit(&mut *carrier.transport);
                }
            });
            world.network.give_out(south);
            assert_eq!(
                world.nets[1].intake().waiting(),
                left,
                "expected {size} bytes to be left to the porter: {left}"
            );
            world.nodes[0].run_until_idle().expect("an end");
            assert_eq!(*world.read.lock(), [1]);
        }
    }

    #[test]
    fn news_of_letters_that_workers_have_written_needs_no_porter() {
        let mut world = world();
        let [north, south] = [&world.nodes[0], &world.nodes[1]].map(|node| node.kernel().node());
        let (clerk, desk) = (Probe::new("clerk"), world.desk);
        world.nodes[0].namespace("app").open().expect("a namespace").register(clerk.clone()).expect("a target");
        let later = std::time::Duration::from_millis(10);
        world.network.set_faults(south, north, Faults::new().delay(later));
        clerk.act(move |ctx| (0..50).for_each(|number| ctx.notify(desk, Note(number, Vec::new()))));
        world.nodes[0].advance(later / 2).expect("an end");
        assert_eq!((world.read.lock().len(), world.network.under_way(north)), (50, 1), "expected an acknowledgement");
        let handled = || world.nodes[0].kernel().counters().handled;
        let before = handled();
        world.network.give_out(north);
        assert_eq!(handled(), before + 50);
        let left = world.nets[0].intake().with_carrier(|carrier| !carrier.touched.is_empty());
        assert_eq!(left, Some(false), "expected nothing to be left to the porter");
    }

    #[test]
    fn what_has_come_is_acknowledged_before_all_of_it_is_read() {
        // So narrow that each letter is acknowledged.
        let mut world = world_with(&Joining::new().window(4));
        let [north, south] = [&world.nodes[0], &world.nodes[1]].map(|node| node.kernel().node());
        let later = std::time::Duration::from_millis(10);
        world.network.set_faults(south, north, Faults::new().delay(later));
        (1..=3).for_each(|number| notify(&world, number, 10));
        // Each in a piece of its own, which wait for the porter.
        world.nets[1].intake().with_carrier(|_| world.network.give_out(south));
        assert_eq!(world.nets[1].intake().waiting(), 3);
        world.nodes[0].run_until_idle().expect("an end");
        assert_eq!(*world.read.lock(), [1, 2, 3]);
        assert_eq!(world.network.under_way(north), 3, "expected one acknowledgement for each piece");
    }

    #[test]
    fn the_order_is_kept_whoever_carries_a_message() {
        let mut world = world();
        let mut dice = 1_u64;
        let mut sent = 0;
        for _ in 0..200 {
            for _ in 0..dice % 7 {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                notify(&world, sent, if dice >> 60 == 0 { 20_000 } else { 10 });
                sent += 1;
            }
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if dice >> 63 == 0 {
                world.nodes[0].run_until_idle().expect("an end");
            }
        }
        world.nodes[0].run_until_idle().expect("an end");
        assert_eq!(*world.read.lock(), (0..sent).collect::<Vec<_>>());
        assert!(sent > 300, "expected some: {sent}");
    }
}
