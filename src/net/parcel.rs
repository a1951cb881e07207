//! [`Parcel`]: mail of this node on its way to another one, by one pointer.
//!
//! It passes through a queue and lies with a link until it is known what has become of it. It is written once, by the thread
//! that sends it, into memory that is used again.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use crate::code::Failure;
use crate::directory::Directory;
use crate::fault::quietly;
use crate::held::HeldMessage;
use crate::message::{Flags, Message};
use crate::pool::{Pool, Spare};
use crate::prefetch;

/// At most 512 KiB.
static POOL: Pool<Content> = Pool::new();

thread_local! {
    static SPARE: Spare<Content> = const { RefCell::new(Vec::new()) };
}

/// See the module. Dropped, the mail goes back as one that a port drops.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// `None` when it has been opened.
    content: Option<Box<Content>>,
}

/// Two cache lines.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Content {
    message: Option<Message<'static>>,
    /// The node, which is there as long as its carrier: mail that outlives both has nobody to go back to. It stays when the
    /// message goes: the next one is of the same node, and no two threads count how many know it.
    directory: Weak<Directory>,
}

/// Whether mail is a notification of whose end nobody needs to be told, with nothing aside that is to be dropped apart.
pub(crate) const fn is_plain(message: &Message<'_>) -> bool {
    !message.flags.intersects(Flags::WANT_ANSWER.union(Flags::LOADED).union(Flags::COLD))
}

impl Parcel {
    pub(crate) fn pack(mail: HeldMessage) -> Self {
        let mut content = POOL.take(&SPARE).unwrap_or_default();
        if !std::ptr::addr_eq(content.directory.as_ptr(), Arc::as_ptr(&mail.directory)) {
            content.directory = Arc::downgrade(&mail.directory);
        }
        content.message = mail.into_message();
        Self { content: Some(content) }
    }

    /// The message.
    pub(crate) fn message(&self) -> &Message<'static> {
        let message = self.content.as_deref().and_then(|content| content.message.as_ref());
        message.expect("a parcel has mail until it is opened")
    }

    /// Has it come from the core that packed it, while something else is done.
    pub(crate) fn prefetch(&self) {
        self.content.iter().for_each(|content| prefetch::all_to_read(&**content));
    }

    /// Takes the mail out.
    pub(crate) fn open(mut self) -> HeldMessage {
        self.take().expect("a parcel has mail until it is opened")
    }

    /// Sends the mail back.
    pub(crate) fn fail(self, why: Failure) {
        self.open().fail(why);
    }

    /// Drops the mail, of which nobody is told.
    pub(crate) fn discard(mut self) {
        self.content.iter_mut().for_each(|content| quietly(|| content.message = None));
    }

    fn take(&mut self) -> Option<HeldMessage> {
        let content = self.content.as_mut()?;
        let message = content.message.take()?;
        Some(HeldMessage::abroad(message, content.directory.upgrade()?))
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        drop(self.take());
        if let Some(content) = self.content.take() {
            POOL.give(&SPARE, content);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::{Parcel, SPARE, is_plain};
    use crate::address::Address;
    use crate::code::Code;
    use crate::id::{Nid, NodeId};
    use crate::message::Message;
    use crate::testing::TestKernel;
    use crate::{HeldMessage, Inlet, Port};

    /// Reaches any node, and keeps what is for it.
    #[derive(Debug, Default)]
    struct Locker(Mutex<Option<HeldMessage>>);

    impl Port for Locker {
        fn reaches(&self, _: NodeId) -> bool {
            true
        }
        fn start(&self, _: Inlet) {}
        fn deliver(&self, mail: HeldMessage) {
            *self.0.lock() = Some(mail);
        }
        fn stop(&self) {}
    }

    const THERE: Address = Address::service(Nid::name("app")).on_node(NodeId::name("south"));

    /// A node, and what a port of it gets.
    struct Node {
        kernel: TestKernel,
        locker: Arc<Locker>,
    }

    impl Node {
        fn new(name: &str) -> Self {
            let (kernel, locker) = (TestKernel::new(name), Arc::new(Locker::default()));
            kernel.kernel().attach(locker.clone());
            Self { kernel, locker }
        }

        fn pack(&self, message: Message<'static>) -> Parcel {
            self.kernel.kernel().send(message).expect("it is sent");
            Parcel::pack(self.locker.0.lock().take().expect("mail"))
        }
    }

    #[test]
    fn mail_comes_out_as_it_went_in_and_its_memory_is_used_again() {
        let node = Node::new("north");
        let packed = node.pack(Message::notification(THERE, ()));
        assert_eq!(packed.message().destination(), THERE);
        assert_eq!(packed.open().message().destination(), THERE);
        let spare = SPARE.with_borrow(Vec::len);
        assert!(spare > 0, "expected it to be kept");
        drop(node.pack(Message::notification(THERE, ())));
        assert_eq!(SPARE.with_borrow(Vec::len), spare, "expected it to be used again");
    }

    #[test]
    fn mail_goes_back_where_it_comes_from_in_memory_that_was_another_nodes() {
        for name in ["north", "west"] {
            let node = Node::new(name);
            let dead = |node: &Node| node.kernel.kernel().counters().dead_letters;
            drop(node.pack(Message::notification(THERE, ())));
            assert_eq!(dead(&node), 1, "expected what is dropped to be told on its node, `{name}`");
            node.pack(Message::notification(THERE, ())).fail(Code::BUSY.into());
            assert_eq!(dead(&node), 2);
            node.pack(Message::notification(THERE, ())).discard();
            assert_eq!(dead(&node), 2, "expected nobody to be told of what is discarded");
        }
    }

    #[test]
    fn mail_of_a_node_that_is_gone_goes_with_it() {
        let node = Node::new("north");
        let packed = node.pack(Message::notification(THERE, ()));
        drop(node);
        drop(packed);
    }

    #[test]
    fn a_notification_with_one_record_is_plain() {
        let node = Node::new("north");
        assert!(is_plain(node.pack(Message::notification(THERE, ())).message()));
        assert!(!is_plain(node.pack(Message::notification(THERE, ()).and(())).message()));
    }
}
