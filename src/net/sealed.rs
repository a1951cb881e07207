//! [`Sealed`]: small mail from another node on its way to the worker that it is for, which reads its record.
//!
//! A record that is read takes memory, and when it has been handled that is freed: so both are done by one thread, and mail
//! for several threads is read by all of them at once, not by the porter. What crosses the threads is memory that is used
//! again, with the record as it came.

use std::cell::RefCell;

use crate::address::Address;
use crate::body::Body;
use crate::clock::Time;
use crate::core::Core;
use crate::id::{Nid, RecordId, Tid};
use crate::message::{Flags, Message, Sender};
use crate::net::codec::Codec;
use crate::net::letter::LetterError;
use crate::net::opaque::Opaque;
use crate::origin::{Back, Origin, Stub};
use crate::pool::{Pool, Spare};
use crate::port::{Inlet, Ways};
use crate::post::{Mail, Order};
use crate::prefetch;

/// Bytes that a record may have in its wire form.
pub(crate) const ROOM: usize = 152;

const _: () = assert!(size_of::<Sealed>() == 256, "a sealed letter is four cache lines");

/// At most 1 MiB.
static POOL: Pool<Sealed> = Pool::new();

thread_local! {
    static SPARE: Spare<Sealed> = const { RefCell::new(Vec::new()) };
}

/// See the module.
#[repr(align(64))]
struct Sealed {
    envelope: Envelope,
    /// The receiver, on the worker that gets it.
    tid: Tid,
    /// The port that brings it in.
    port: u32,
    length: u8,
    content: [u8; ROOM],
}

/// What there is of a letter beside its record and its receiver.
#[derive(Clone, Copy)]
pub(crate) struct Envelope {
    pub(crate) wants_answer: bool,
    pub(crate) hops: u16,
    pub(crate) due: Time,
    pub(crate) sender: Option<Address>,
    pub(crate) stub: Stub,
    pub(crate) codec: &'static Codec,
}

impl Sealed {
    /// `content` has no more than [`ROOM`] bytes.
    fn seal(envelope: Envelope, content: &[u8], (tid, port): (Tid, u32)) -> Box<Self> {
        let length = content.len() as u8;
        let mut sealed = match POOL.take(&SPARE) {
            Some(mut used) => {
                (used.envelope, used.tid, used.port, used.length) = (envelope, tid, port, length);
                used
            }
            None => Box::new(Self { envelope, tid, port, length, content: [0; ROOM] }),
        };
        sealed.content[..content.len()].copy_from_slice(content);
        sealed
    }

    fn content(&self) -> &[u8] {
        &self.content[..usize::from(self.length)]
    }

    /// The message, as one that was brought in.
    fn message(&self, record: Body<'static>, core: &Core) -> Message<'static> {
        let Envelope { wants_answer, hops, due, sender, stub, .. } = self.envelope;
        let flags = if wants_answer { Flags::WANT_ANSWER } else { Flags::empty() };
        let mut message = Message::new(core.address(self.tid), record, flags, Sender::Outside(None));
        message.hops = hops.into();
        message.set_deadline(due);
        message.set_origin(Origin { sender, principal: None, back: Some(Back::Port(self.port, stub)) });
        message
    }
}

impl Order for Sealed {
    fn obey(self: Box<Self>, core: &Core) {
        prefetch::all_to_read(&*self);
        core.abroad.deal();
        let codec = self.envelope.codec;
        match codec.decode(self.content()) {
            Ok(record) => {
                let mut message = self.message(record, core);
                POOL.give(&SPARE, self);
                core.open_message(&mut message);
            }
            Err(fault) => {
                let mut message = self.message(Opaque::new(codec.kind().id(), self.content()).into_body(), core);
                message.fail(LetterError::from(fault).into());
                core.send_back(&mut message);
            }
        }
    }
}

impl Inlet {
    /// Has a receiver of this node get a sealed letter with a record of this id, by the ways that mail of this caller's has
    /// gone before; whether it does. It is the caller's to count it as sent.
    pub(crate) fn bring_sealed(
        &self,
        ways: &mut Ways,
        (to, record): ((Tid, Nid), RecordId),
        (envelope, content): (Envelope, &[u8]),
    ) -> bool {
        let directory = &self.directory;
        let Some((target, post)) = ways.find(to, record, directory).filter(|_| !directory.is_stopping()) else {
            return false;
        };
        let seal = || Mail::Order(Some(Sealed::seal(envelope, content, (target, self.number))));
        post.inbox.push_with(seal).is_ok()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::RefCell;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize};

    use super::{ROOM, SPARE};
    use crate::address::Address;
    use crate::code::{Code, Failure};
    use crate::context::Context;
    use crate::core::Core;
    use crate::id::{Nid, NodeId};
    use crate::message::Message;
    use crate::namespace::Namespace;
    use crate::net::memory::Network;
    use crate::testing::TestKernel;
    use crate::typed::Handle;
    use crate::{handles, record};

    /// Notes which worker has read it, and whether that knows that it is from another node. It cannot be read if it is empty.
    #[derive(Clone, Debug, PartialEq, Serialize)]
    struct Page(Vec<u8>);
    record!(Page, "sealed.page" => Page, wire);

    thread_local! {
        static READERS: RefCell<Vec<(String, bool)>> = const { RefCell::new(Vec::new()) };
    }

    impl<'de> Deserialize<'de> for Page {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let page = Vec::deserialize(from)?;
            let reader = Core::current().map(|core| (core.post.name.clone(), core.abroad.take_dealt()));
            READERS.with_borrow_mut(|readers| readers.extend(reader));
            if page.is_empty() { Err(D::Error::custom("nothing on it")) } else { Ok(Self(page)) }
        }
    }

    /// Keeps the number of bytes of each page.
    struct Shelf(Arc<Mutex<Vec<usize>>>);
    impl Handle<Page> for Shelf {
        fn handle(&mut self, page: &Page, _: &mut Context<'_>) -> Result<Page, Failure> {
            self.0.lock().push(page.0.len());
            Ok(page.clone())
        }
    }
    handles!(Shelf: Page);

    struct World {
        _network: Network,
        north: TestKernel,
        south: TestKernel,
        app: Namespace,
        /// One target there, as a service and by its id.
        receivers: [Address; 2],
        shelved: Arc<Mutex<Vec<usize>>>,
    }

    fn world() -> World {
        let network = Network::new();
        let mut north = TestKernel::new("north");
        let south = north.neighbour("south");
        for node in [&north, &south] {
            network.join(node.kernel()).expect("a network");
        }
        let shelved = Arc::default();
        let app = south.namespace("app").open().expect("a namespace");
        let shelf = app.register(Shelf(Arc::clone(&shelved))).expect("a target");
        app.serve::<Page>(shelf).expect("a service");
        let service = Address::service(Nid::name("app")).on_node(NodeId::name("south"));
        north.run_until_idle().expect("an end");
        World { _network: network, north, south, app, receivers: [service, shelf], shelved }
    }

    #[test]
    fn small_mail_is_read_by_the_worker_that_it_is_for_and_in_its_order() {
        let mut world = world();
        READERS.take();
        let sizes = [1, ROOM + 1, 2, ROOM - 2, 3];
        for size in sizes {
            for to in world.receivers {
                world.north.kernel().notify(to, Page(vec![7; size])).expect("it is sent");
            }
        }
        world.north.run_until_idle().expect("an end");
        let expected: Vec<usize> = sizes.into_iter().flat_map(|size| [size; 2]).collect();
        assert_eq!(*world.shelved.lock(), expected, "expected nothing to be overtaken");
        let readers = READERS.take();
        let by = |name: &str| readers.iter().filter(|(reader, _)| reader.starts_with(name)).count();
        assert_eq!((by("app"), by("TRANSPORT")), (8, 2), "expected the small ones to be read there: {readers:?}");
        let known = readers.iter().filter(|(reader, known)| reader.starts_with("app") && *known).count();
        assert_eq!(known, 8, "expected it to know where they are from: {readers:?}");
    }

    #[test]
    fn what_cannot_be_read_there_comes_back_as_it_was() {
        let mut world = world();
        for to in world.receivers {
            let failure = world.north.ask(to, Page(Vec::new())).expect_err("expected it to come back");
            assert_eq!(failure.code(), Code::MALFORMED);
            assert!(failure.text().contains("sealed.page"), "expected the reason: {failure}");
            world.north.kernel().send(Message::notification(to, Page(Vec::new()))).expect("it is sent");
        }
        world.north.run_until_idle().expect("an end");
        assert!(world.shelved.lock().is_empty());
        assert!(world.south.kernel().counters().is_balanced(), "{:?}", world.south.kernel().counters());
    }

    #[test]
    fn the_ways_that_mail_has_gone_end_with_those_they_lead_to() {
        let mut world = world();
        let [service, target] = world.receivers;
        let mut ask = |to| world.north.ask(to, Page(vec![7; 9])).map_err(|failure| failure.code());
        assert!(ask(service).is_ok() && ask(target).is_ok());
        world.app.close_service::<Page>().expect("it was open");
        assert_eq!(ask(service), Err(Code::NO_SERVICE));
        assert!(ask(target).is_ok());
        world.app.deregister(target).expect("it was there");
        assert_eq!(ask(target), Err(Code::NO_TARGET));
        let next = world.app.register(Shelf(Arc::clone(&world.shelved))).expect("a target");
        world.app.serve::<Page>(next).expect("a service");
        assert!(ask(service).is_ok() && ask(next).is_ok());
    }

    #[test]
    fn its_memory_is_used_again() {
        let mut world = world();
        let [service, _] = world.receivers;
        let mut ask = || world.north.ask(service, Page(vec![7; 9])).expect("an answer");
        ask();
        let spare = SPARE.with_borrow(Vec::len);
        ask();
        assert_eq!((spare, SPARE.with_borrow(Vec::len)), (1, 1));
        assert_eq!(*world.shelved.lock(), [9; 2]);
    }
}
