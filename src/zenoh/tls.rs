//! [`Tls`]: the certificates of a node, and which nodes they let in.

use std::path::{Path, PathBuf};

use crate::id::NodeId;
use crate::zenoh::access::Guest;
use crate::zenoh::config::ConfigError;

/// The certificates of a node, for links over `quic/` and `tls/`.
///
/// Both ends of a link show a certificate, always (mutual TLS 1.3). A node takes those that its authority has signed, that
/// are valid now and, where it calls, whose alternative name is the host or the address that it called.
///
/// # What is trusted
///
/// [`admit`](Self::admit) names the nodes that are let in, and binds the name of each to its certificate: on a direct link, a
/// certificate with the common name `car-7` can be the node `car-7` and no other, and mail in the name of another node, or to
/// be told what is sent to another, is refused by zenoh before this library sees it. A node must say whom it lets in. Where the
/// authority signs for nobody else, [`admit_anybody`](Self::admit_anybody) lets in all whom it has signed for: **then each of
/// its certificates can be any node.**
///
/// A router carries what others say. Behind it nobody sees their certificates: who lets a router in
/// ([`relay`](Self::relay)) trusts it, and all whom it lets in, with every name. Names must then be bound in the router's own
/// access control.
///
/// Where a node calls, zenoh takes a certificate of the public web authorities, too; the call goes to the host that the
/// certificate names. `admit` closes that: no such authority signs a common name without a dot.
///
/// The certificate of a node names itself: its common name is the node's name ([`NodeId`] as text), its alternative names
/// are the host names and addresses under which it is called. With gossip a node is called by its address, so that the
/// address must be among them, or [`any_host`](Self::any_host) be set.
///
/// ```
/// use rohrpost::zenoh::{Network, Tls};
///
/// let tls = Tls::new("ca.pem", "car-7.pem", "car-7.key").admit("car-8".parse()?).admit("control".parse()?);
/// let zenoh = Network::new().listen("quic/0.0.0.0:7447").tls(tls);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tls {
    pub(super) authority: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) guests: Vec<Guest>,
    pub(super) anybody: bool,
    pub(super) any_host: bool,
}

impl Tls {
    /// Certificates as PEM files: that of the authority, that of this node (with those between, if any), and its key.
    #[must_use]
    pub fn new(authority: impl Into<PathBuf>, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let (authority, certificate, key) = (authority.into(), certificate.into(), key.into());
        Self { authority, certificate, key, guests: Vec::new(), anybody: false, any_host: false }
    }

    /// Lets in a node, under its own name only.
    #[must_use]
    pub fn admit(mut self, node: NodeId) -> Self {
        self.guests.push(Guest::Node(node));
        self
    }

    /// Lets in a router whose certificate has this common name, and trusts it with all names.
    #[must_use]
    pub fn relay(mut self, common_name: impl Into<String>) -> Self {
        self.guests.push(Guest::Relay(common_name.into()));
        self
    }

    /// Leaves it to the authority who is let in, and under which name. Has no effect beside [`admit`](Self::admit) and
    /// [`relay`](Self::relay).
    #[must_use]
    pub const fn admit_anybody(mut self) -> Self {
        self.anybody = true;
        self
    }

    /// Does not look whether a certificate names the host that was called. Sensible with [`admit`](Self::admit), which binds
    /// the node instead; without it, each node can pose as each other.
    #[must_use]
    pub const fn any_host(mut self) -> Self {
        self.any_host = true;
        self
    }

    /// Looks at whom it lets in, and at the files: a fault shows here and not as a link that never comes.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.guests.is_empty() && !self.anybody {
            return Err(ConfigError::NobodyAdmitted);
        }
        contains(&self.authority, "authority's certificate", "CERTIFICATE-----")?;
        contains(&self.certificate, "node's certificate", "CERTIFICATE-----")?;
        contains(&self.key, "node's key", "PRIVATE KEY-----")
    }
}

fn contains(path: &Path, what: &'static str, mark: &str) -> Result<(), ConfigError> {
    if path.to_str().is_none() {
        return Err(ConfigError::PathText { what, path: path.to_owned() });
    }
    match std::fs::read_to_string(path) {
        Ok(text) if text.contains(mark) => Ok(()),
        Ok(_) => Err(ConfigError::NoPem { what, path: path.to_owned() }),
        Err(source) => Err(ConfigError::Unreadable { what, path: path.to_owned(), source }),
    }
}
