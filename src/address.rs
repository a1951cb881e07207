//! [`Address`]: where mail goes, `TID.NID.NODEID`.

use std::fmt;
use std::str::FromStr;

use crate::id::{Nid, NodeId, ParseIdError, Tid};

/// Where mail goes: a target, its namespace, its node.
///
/// It prints and parses as `TID.NID.NODEID`. A part that is left out is completed from the sender; without a TID the
/// address means a service of the namespace, found by the record that the message carries. It is three words, `Copy`,
/// and says nothing about whether anybody lives there.
///
/// ```
/// use rohrpost::{Address, Nid, Tid};
///
/// let router: Address = "router.navigation.car-7".parse()?;
/// assert_eq!(router.tid(), Some(Tid::name("router")));
/// assert_eq!(router.to_string(), "router.navigation.car-7");
///
/// let service: Address = ".navigation.car-7".parse()?;
/// assert_eq!(service.tid(), None);
///
/// let near: Address = "router".parse()?;              // namespace and node are the sender's
/// assert_eq!(near, Address::target(Tid::name("router")));
/// assert_eq!(near.in_namespace(Nid::number(3)).to_string(), "router.3.");
///
/// let error = "router.navi gation.7".parse::<Address>().unwrap_err();
/// assert!(error.to_string().contains("NID"));
/// # Ok::<(), rohrpost::ParseAddressError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub(crate) tid: Tid,
    pub(crate) nid: Nid,
    pub(crate) node: NodeId,
}

/// The node of [`Address::any_node`] as text.
const ANY: &str = "*";

/// Which part of an address a fault is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressPart {
    /// The first part: the target.
    Tid,
    /// The second part: the namespace.
    Nid,
    /// The third part: the node.
    NodeId,
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseAddressError {
    /// There is no text; write at least a TID, or a dot and a NID.
    #[error("an address is TID.NID.NODEID, and this one is empty")]
    Empty,
    /// One part is not an id.
    #[error("the {part} of the address `{text}` is wrong: {source}")]
    Part {
        /// The address as it was given.
        text: String,
        /// The part that is wrong.
        part: AddressPart,
        /// What is wrong with it.
        source: ParseIdError,
    },
    /// There are more than three parts.
    #[error("the address `{text}` has {parts} parts; TID.NID.NODEID has three")]
    TooManyParts {
        /// The address as it was given.
        text: String,
        /// How many parts it has.
        parts: usize,
    },
}

impl Address {
    /// A target in the sender's own namespace and node.
    #[must_use]
    pub const fn target(tid: Tid) -> Self {
        Self { tid, nid: Nid::UNSET, node: NodeId::UNSET }
    }

    /// The services of a namespace in the sender's own node.
    #[must_use]
    pub const fn service(nid: Nid) -> Self {
        Self { tid: Tid::UNSET, nid, node: NodeId::UNSET }
    }

    /// The services of a namespace on whichever node offers them: this one if it does, else the nearest, by the time that
    /// the way there takes, of those that a [`Port`](crate::Port) reaches. The node is chosen when a message is sent to it, by
    /// the message's first record, and stays the message's; where nobody offers it that is
    /// [`Code::NO_SERVICE`](crate::Code::NO_SERVICE). Prints as `.NID.*`.
    ///
    /// ```
    /// use rohrpost::{Address, Nid};
    ///
    /// let tiles = Address::any_node(Nid::name("map"));
    /// assert_eq!(tiles.to_string().parse(), Ok(tiles));
    /// ```
    #[must_use]
    pub const fn any_node(nid: Nid) -> Self {
        Self { tid: Tid::UNSET, nid, node: NodeId::ANY }
    }

    /// The same address in another namespace.
    #[must_use]
    pub const fn in_namespace(self, nid: Nid) -> Self {
        Self { nid, ..self }
    }

    /// The same address on another node.
    #[must_use]
    pub const fn on_node(self, node: NodeId) -> Self {
        Self { node, ..self }
    }

    /// The target; `None` for a service address.
    #[must_use]
    pub const fn tid(self) -> Option<Tid> {
        if self.tid.is_unset() { None } else { Some(self.tid) }
    }

    /// The namespace; `None` where it is the sender's.
    #[must_use]
    pub const fn nid(self) -> Option<Nid> {
        if self.nid.is_unset() { None } else { Some(self.nid) }
    }

    /// The node; `None` where it is the sender's.
    #[must_use]
    pub const fn node(self) -> Option<NodeId> {
        if self.node.is_unset() { None } else { Some(self.node) }
    }

    /// This address with its missing namespace and node taken from `home`.
    #[must_use]
    pub const fn completed_from(self, home: Self) -> Self {
        Self {
            tid: self.tid,
            nid: if self.nid.is_unset() { home.nid } else { self.nid },
            node: if self.node.is_unset() { home.node } else { self.node },
        }
    }
}

impl fmt::Display for AddressPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tid => "TID",
            Self::Nid => "NID",
            Self::NodeId => "NODEID",
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tid) = self.tid() {
            write!(f, "{tid}")?;
        }
        f.write_str(".")?;
        if let Some(nid) = self.nid() {
            write!(f, "{nid}")?;
        }
        f.write_str(".")?;
        match self.node() {
            Some(NodeId::ANY) => f.write_str(ANY)?,
            Some(node) => write!(f, "{node}")?,
            None => {}
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        if text.is_empty() {
            return Err(ParseAddressError::Empty);
        }
        let parts = text.split('.').count();
        if parts > 3 {
            return Err(ParseAddressError::TooManyParts { text: text.to_owned(), parts });
        }
        let wrong = |part, source| ParseAddressError::Part { text: text.to_owned(), part, source };
        let mut parts = text.split('.').map(|part| Some(part).filter(|part| !part.is_empty()));
        let mut next = || parts.next().flatten();
        let tid = next().map_or(Ok(Tid::UNSET), Tid::learn).map_err(|e| wrong(AddressPart::Tid, e))?;
        let nid = next().map_or(Ok(Nid::UNSET), Nid::learn).map_err(|e| wrong(AddressPart::Nid, e))?;
        let read = |node| if node == ANY { Ok(NodeId::ANY) } else { NodeId::learn(node) };
        let node = next().map_or(Ok(NodeId::UNSET), read).map_err(|e| wrong(AddressPart::NodeId, e))?;
        Ok(Self { tid, nid, node })
    }
}
