//! [`Parcel`]: mail of this node on its way to another one, by one pointer.
//!
//! It passes through a queue and lies with a link until it is known what has become of it. It is written once, by the thread
//! that sends it, into memory that is used again.

use std::cell::RefCell;

use crate::code::Failure;
use crate::held::HeldMessage;
use crate::message::{Flags, Message};
use crate::pool::{Pool, Spare};

/// At most 640 KiB.
static POOL: Pool<Option<HeldMessage>> = Pool::new();

thread_local! {
    static SPARE: Spare<Option<HeldMessage>> = const { RefCell::new(Vec::new()) };
}

/// See the module. Dropped, the mail goes back as one that a port drops.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// `None` when it has been opened.
    content: Option<Box<Option<HeldMessage>>>,
}

impl Parcel {
    pub(crate) fn pack(mail: HeldMessage) -> Self {
        let mut content = POOL.take(&SPARE).unwrap_or_default();
        *content = Some(mail);
        Self { content: Some(content) }
    }

    /// The message.
    pub(crate) fn message(&self) -> &Message<'static> {
        let mail = self.content.as_deref().and_then(Option::as_ref);
        mail.expect("a parcel has mail until it is opened").message()
    }

    /// Takes the mail out.
    pub(crate) fn open(mut self) -> HeldMessage {
        let mail = self.content.as_mut().and_then(|content| content.take());
        mail.expect("a parcel has mail until it is opened")
    }

    /// Sends the mail back.
    pub(crate) fn fail(self, why: Failure) {
        self.open().fail(why);
    }

    /// Whether it is a notification of whose end nobody needs to be told, with nothing aside that is to be dropped apart.
    pub(crate) fn is_plain(&self) -> bool {
        !self.message().flags.intersects(Flags::WANT_ANSWER | Flags::LOADED | Flags::COLD)
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        if let Some(mut content) = self.content.take() {
            *content = None;
            POOL.give(&SPARE, content);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::{Parcel, SPARE};
    use crate::address::Address;
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

    /// The message as a port gets it.
    fn parcel(message: Message<'static>) -> Parcel {
        let kernel = TestKernel::new("north");
        let locker = Arc::new(Locker::default());
        kernel.kernel().attach(locker.clone());
        kernel.kernel().send(message).expect("it is sent");
        Parcel::pack(locker.0.lock().take().expect("mail"))
    }

    #[test]
    fn mail_comes_out_as_it_went_in_and_its_memory_is_used_again() {
        let packed = parcel(Message::notification(THERE, ()));
        assert_eq!(packed.message().destination(), THERE);
        assert_eq!(packed.open().message().destination(), THERE);
        let spare = SPARE.with_borrow(Vec::len);
        assert!(spare > 0, "expected it to be kept");
        drop(parcel(Message::notification(THERE, ())));
        assert_eq!(SPARE.with_borrow(Vec::len), spare, "expected it to be used again");
    }

    #[test]
    fn a_notification_with_one_record_is_plain() {
        assert!(parcel(Message::notification(THERE, ())).is_plain());
        assert!(!parcel(Message::notification(THERE, ()).and(())).is_plain());
    }
}
