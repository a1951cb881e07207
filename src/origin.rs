//! [`Origin`]: where mail comes from that no target of this node has sent, and the way back there.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::RwLock;

use crate::address::Address;
use crate::message::Message;

/// Who sent a message from outside the node, as whoever let it in has made sure of: a certificate's name, a login.
///
/// Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(Arc<str>);

impl Principal {
    /// The principal of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a message comes from that a [`Port`](crate::Port) brings in, and what takes it back there.
///
/// ```
/// use rohrpost::{Origin, Principal};
///
/// let device = Origin::new()
///     .principal(Principal::new("device-7"))
///     .back(|message| println!("{:?}: {}", message.kind(), message.code()));
/// # let _ = device;
/// ```
#[derive(Default)]
#[must_use]
pub struct Origin {
    pub(crate) sender: Option<Address>,
    pub(crate) principal: Option<Principal>,
    pub(crate) back: Option<Back>,
}

/// What takes a message back that has its final code.
pub(crate) enum Back {
    Call(Box<dyn FnOnce(Message<'static>) + Send>),
    /// Nothing to be allocated for each message, nor to be counted by two threads.
    Way(WayNumber, Stub),
}

/// What a [`Way`] keeps of a message, in numbers that mean something to it alone.
pub(crate) type Stub = [u64; 4];

/// Which [`Way`] of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WayNumber(u32);

/// A way out of the node, back to where many messages come from.
pub(crate) trait Way: fmt::Debug + Send + Sync {
    /// Takes a message back that has its final code: as what is given to [`Origin::back`].
    fn take_back(&self, stub: Stub, message: Message<'static>);
}

/// The ways of a node, for as long as others keep them.
#[derive(Debug, Default)]
pub(crate) struct Ways(RwLock<Vec<Weak<dyn Way>>>);

impl Ways {
    pub(crate) fn add(&self, way: Weak<dyn Way>) -> WayNumber {
        let mut ways = self.0.write();
        ways.push(way);
        WayNumber(ways.len() as u32 - 1)
    }

    /// Takes a message back. Where nobody is there any more, nobody needs it.
    pub(crate) fn take_back(&self, back: Back, message: Message<'static>) {
        match back {
            Back::Call(back) => back(message),
            Back::Way(WayNumber(number), stub) => {
                let way = self.0.read().get(number as usize).and_then(Weak::upgrade);
                if let Some(way) = way {
                    way.take_back(stub, message);
                }
            }
        }
    }
}

impl Origin {
    /// Somebody who has no address and is not told what becomes of the message.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sender's address: a target's on another node. Its mail is answered by way of `back`; mail that is sent to it
    /// later goes through the port that reaches its node.
    pub fn sender(self, sender: Address) -> Self {
        Self { sender: Some(sender), ..self }
    }

    /// Who has been found to have sent it.
    pub fn principal(self, principal: Principal) -> Self {
        Self { principal: Some(principal), ..self }
    }

    /// What is done with the message when it comes back: once for a request, with its answer or a code; for a notification
    /// only if it fails. Called on the thread where the message ended; it must not wait. A panic in it is caught.
    pub fn back(self, back: impl FnOnce(Message<'static>) + Send + 'static) -> Self {
        Self { back: Some(Back::Call(Box::new(back))), ..self }
    }

    /// The same for a copy, which nobody answers or returns.
    pub(crate) fn of_copy(&self) -> Self {
        Self { sender: self.sender, principal: self.principal.clone(), back: None }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut origin = f.debug_struct("Origin");
        origin.field("sender", &self.sender).field("principal", &self.principal).finish_non_exhaustive()
    }
}
