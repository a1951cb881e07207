//! [`Origin`]: where mail comes from that no target of this node has sent, and the way back there.

use std::fmt;
use std::sync::Arc;

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

/// What a port keeps of a message that it brings in: numbers that mean something to it alone.
pub type Stub = [u64; 4];

/// What takes a message back that has its final code.
pub(crate) enum Back {
    Call(Box<dyn FnOnce(Message<'static>) + Send>),
    /// The port with this number.
    Port(u32, Stub),
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

    /// The same by [`Port::take_back`](crate::Port::take_back) of the port that brings the message in, which gets these numbers
    /// again: nothing is allocated for it, nor counted by two threads. In the place of [`back`](Self::back).
    pub fn stub(self, stub: Stub) -> Self {
        // The inlet knows the port.
        Self { back: Some(Back::Port(0, stub)), ..self }
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
