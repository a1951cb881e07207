//! How a target ends, and what those are told who watch it.

use std::fmt;

use crate::address::Address;
use crate::code::Code;
use crate::record;

/// Why a target is not there any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Somebody deregistered it, perhaps itself.
    Deregistered,
    /// It panicked, with this text, and was not kept; or its factory did when it was to be restarted.
    Panicked(String),
    /// It, or its factory, panicked with this text more often than its [`Restart`](crate::Restart) lets pass.
    TooManyRestarts(String),
    /// Its namespace was closed, or its driven worker dropped.
    NamespaceClosed,
    /// The kernel stopped.
    KernelStopped,
    /// It was gone already, or was never there; nobody knows why.
    Gone,
    /// Its node is not reached any more, and so nobody here knows what becomes of it.
    NodeLeft(Parting),
    /// Its node does not let it be watched from here, and says so with this code: [`Code::DENIED`] by a gatekeeper.
    Refused(Code),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deregistered => f.write_str("deregistered"),
            Self::Panicked(text) => write!(f, "panicked: {text}"),
            Self::TooManyRestarts(text) => write!(f, "panicked too often: {text}"),
            Self::NamespaceClosed => f.write_str("namespace closed"),
            Self::KernelStopped => f.write_str("kernel stopped"),
            Self::Gone => f.write_str("gone already"),
            Self::NodeLeft(parting) => write!(f, "its node left: {parting}"),
            Self::Refused(code) => write!(f, "not to be watched: {code}"),
        }
    }
}

/// Why a node is not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Parting {
    /// It said farewell.
    Closed,
    /// Its connection broke without a farewell: its process has ended, or the way to it has.
    Crashed,
    /// Its connection looks alive, but nothing comes from it; or mail between the two was lost, and both begin anew.
    Silent,
    /// Another life of it has begun.
    Replaced,
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Crashed => "crashed",
            Self::Silent => "silent",
            Self::Replaced => "replaced",
        })
    }
}

/// Tells a target that another has ended which it watches with [`Context::watch`](crate::Context::watch).
///
/// A notification without a sender. A target that does not handle it makes it a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// Who has ended, as it was named to `watch`, with namespace and node.
    pub address: Address,
    /// Why.
    pub reason: Reason,
}

impl Ended {
    pub(crate) const fn new(address: Address, reason: Reason) -> Self {
        Self { address, reason }
    }
}

record!(Ended, "rohrpost.ended");

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Reason;

    #[test]
    fn a_reason_reads_as_a_phrase() {
        let panicked = Reason::Panicked("no ink".into());
        assert_eq!(panicked.to_string(), "panicked: no ink", "expected the panic's text");
        assert_eq!(Reason::NamespaceClosed.to_string(), "namespace closed");
    }
}
