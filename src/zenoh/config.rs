//! [`Network`]: how a node's network is set up.

mod settings;

use std::path::PathBuf;
use std::time::Duration;

use crate::id::NodeId;
use crate::zenoh::endpoint::{Endpoint, Reach};
use crate::zenoh::threads::{RUNTIME, TLS_RUNTIME, take_turns};
use crate::zenoh::tls::Tls;

/// What is wrong with the setup of a network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An endpoint is none.
    #[error("`{text}` is not an endpoint such as `tcp/127.0.0.1:7447` or `tls/car-7.example:7447`: {reason}")]
    Endpoint {
        /// The endpoint as it was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Certificates that let nobody in.
    #[error(
        "these certificates let nobody in: name the nodes with `admit`, a router with `relay`, or leave it to the authority \
         with `admit_anybody`, and then each of its certificates can be any node"
    )]
    NobodyAdmitted,
    /// Strangers could reach the node, and nothing would protect it.
    #[error(
        "listening on `{0}` lets in whoever reaches this machine: give certificates with `tls` and listen on `quic/`, \
         listen on a loopback address, or say `insecure` if the network itself is safe"
    )]
    Exposed(String),
    /// The node has certificates, and a link would not use them.
    #[error("`{0}` would be a link without the certificates that were given: write `quic/`, or say `insecure`")]
    Plain(String),
    /// A node behind a router has its link to that alone.
    #[error("`{0}` would not be listened at: who is `behind_router` calls routers, and nobody calls it")]
    Hidden(String),
    /// A node behind a router needs to know one.
    #[error("`behind_router` needs a router to be called, with `connect`")]
    NoRouter,
    /// A protocol that needs certificates, and there are none.
    #[error("`{0}` needs certificates: give them with `tls`, or write `tcp/`")]
    NoCertificates(String),
    /// zenoh would read and write such a link at the same time, which breaks it.
    #[error(
        "`{0}` would be read and written by two of zenoh's threads at the same time, which breaks such a link: write `quic/`, \
         or start the program with {RUNTIME}='{TLS_RUNTIME}' in its environment"
    )]
    TwoThreads(String),
    /// The realm cannot be part of a key.
    #[error("`{0}` is not a realm: 1 to 64 characters of [A-Za-z0-9_-]")]
    Realm(String),
    /// The lease is out of range.
    #[error("a lease of {0:?} is out of range: 100 ms to 1 h")]
    Lease(Duration),
    /// The number of keep-alives is out of range.
    #[error("{0} keep-alives in a lease are out of range: 2 to 100, and one each 10 ms at most")]
    KeepAlive(u32),
    /// A blocked link would be given up too late.
    #[error(
        "a link that blocks for {block:?} would outlive its lease of {lease:?}: choose less than the lease, 1 ms or more"
    )]
    Block {
        /// The time that was asked for.
        block: Duration,
        /// The lease.
        lease: Duration,
    },
    /// The largest message is out of range.
    #[error("a largest message of {0} bytes is out of range: 64 KiB to 1 GiB")]
    MaxMessage(usize),
    /// A common name cannot stand in a rule.
    #[error("`{0}` is not a common name that can be let in: printable ASCII without `\"` and `\\`")]
    CommonName(String),
    /// A file of a certificate cannot be read.
    #[error("the {what} `{path}` cannot be read")]
    Unreadable {
        /// Which file.
        what: &'static str,
        /// Where it was looked for.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("the {what} `{path}` is not a PEM file of that kind: it begins with `-----BEGIN`")]
    NoPem {
        /// Which file.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
    },
    /// The path of a file is not text.
    #[error("the path of the {what}, `{path}`, is not UTF-8; move the file")]
    PathText {
        /// Which file.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
    },
    /// zenoh refuses a value.
    #[error("zenoh refuses {value} for `{key}`: {reason}")]
    Refused {
        /// The key in zenoh's configuration.
        key: &'static str,
        /// The value.
        value: String,
        /// What zenoh says.
        reason: String,
    },
}

/// A network over [zenoh](https://zenoh.io): where a node listens, whom it calls, and whom it trusts.
///
/// Nodes find each other from a few *seeds* ([`connect`](Self::connect)): each tells the others whom it knows (gossip), and
/// of two nodes that do not know each other yet one calls the other, so that in the end each has a link to each. For that each
/// must listen somewhere the others can reach; nodes do not pass on mail of others, routers (`zenohd`) do, for those who are
/// [`behind_router`](Self::behind_router).
///
/// # Cost
///
/// zenoh runs its own threads, once for the process however many nodes it has: six workers of [Tokio](https://tokio.rs)
/// in five pools, named `app-0`, `net-0`, `acc-0`, `tx-0`, `rx-0` and `rx-1`, the last three from the first link on, and
/// for a while further ones when something blocks (`acc-1`, `net-1` and so on; at most 50 in each pool, which go after
/// 10 s without work). The environment variable [`RUNTIME`] changes their numbers. They do not end when a node
/// stops; the process ends them. One of them carries all that is sent, two all that is received.
///
/// On Linux a process with one node is 6 MB larger than without, and 2 MB more with a first link. A busy link has up to 1 MiB
/// of batches to be sent and 64 KiB that are being read, and a message that comes in parts is put together in memory. Of the
/// buffers of large messages the process keeps up to 16 MiB for the next, of what mail lies in that is on its way 1.2 MiB, and
/// a node of what small letters wait in 1 MiB.
///
/// ```
/// use rohrpost::zenoh::Network;
///
/// let zenoh = Network::new().realm("fleet").listen("tcp/127.0.0.1:0").connect("tcp/127.0.0.1:7447");
/// # let _ = zenoh;
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    listen: Vec<String>,
    connect: Vec<String>,
    realm: String,
    multicast: bool,
    gossip: bool,
    behind_router: bool,
    lease: Duration,
    keep_alive: u32,
    block: Option<Duration>,
    max_message: usize,
    tls: Option<Tls>,
    insecure: bool,
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Network {
    /// A node that listens on some free port of the loopback address and calls nobody.
    #[must_use]
    pub fn new() -> Self {
        Self {
            listen: Vec::new(),
            connect: Vec::new(),
            realm: "default".to_owned(),
            multicast: false,
            gossip: true,
            behind_router: false,
            lease: Duration::from_secs(4),
            keep_alive: 4,
            block: None,
            max_message: 64 << 20,
            tls: None,
            insecure: false,
        }
    }

    /// Listens there, too: `tcp/HOST:PORT`, `quic/HOST:PORT`, `tls/HOST:PORT` or `unixsock-stream/PATH`, with port 0 for any
    /// that is free. If none is given: `tcp/127.0.0.1:0`, or `quic/127.0.0.1:0` with [`tls`](Self::tls).
    ///
    /// `tls/`, here and in [`connect`](Self::connect), needs a program that was started with [`TLS_RUNTIME`] in its
    /// environment: on its usual threads zenoh breaks such links
    /// ([its issue 2557](https://github.com/eclipse-zenoh/zenoh/issues/2557)). A program without it does not call such
    /// endpoints of which it hears, either: nodes that listen on `tls/` alone need all of their realm to be started with it.
    #[must_use]
    pub fn listen(mut self, endpoint: impl Into<String>) -> Self {
        self.listen.push(endpoint.into());
        self
    }

    /// Calls a node or a router there, a seed, again and again until it answers and when it has been lost. None if none is
    /// given: then others call.
    #[must_use]
    pub fn connect(mut self, endpoint: impl Into<String>) -> Self {
        self.connect.push(endpoint.into());
        self
    }

    /// Which nodes belong together: those of other realms are neither seen nor heard. `default` unless set; 1 to 64
    /// characters of `[A-Za-z0-9_-]`. It is no secret and keeps nobody out.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// Looks for other nodes by UDP multicast on the local network. Off unless set.
    #[must_use]
    pub const fn multicast(mut self) -> Self {
        self.multicast = true;
        self
    }

    /// Has links only to those that it calls or that call it. Unless set, nodes learn of each other from those that know both.
    #[must_use]
    pub const fn without_gossip(mut self) -> Self {
        self.gossip = false;
        self
    }

    /// Has one link alone, to a router (`zenohd`) out of those that it [`connect`](Self::connect)s to, and meets everybody through
    /// it: for a node that others cannot reach. It listens nowhere. If no router answers within 10 s joining fails; later it
    /// calls them again and again.
    ///
    /// A router passes on between nodes that say this, and between each of them and the others that call it; not between
    /// two of the others, which are taken to reach each other.
    #[must_use]
    pub const fn behind_router(mut self) -> Self {
        self.behind_router = true;
        self
    }

    /// How long a link may be silent until it counts as lost. 4 s unless set; 100 ms to 1 h. What is lost is seen after at
    /// most this time and, where a process dies and its machine does not, at once.
    ///
    /// This is zenoh's lease, of a link between two machines. What nodes notice themselves, a link that is up and carries nothing,
    /// goes by [`Joining::lease`](crate::net::Joining::lease) and [`heartbeat`](crate::net::Joining::heartbeat): set all three
    /// together, the heartbeat to a quarter of a lease.
    #[must_use]
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How many signs of life an idle link gives within a lease. 4 unless set; 2 to 100, and one each 10 ms at most.
    #[must_use]
    pub const fn keep_alive(mut self, times: u32) -> Self {
        self.keep_alive = times;
        self
    }

    /// How long sending may block on a link that takes nothing more; then the link is closed. 1 s unless set, or a quarter of
    /// the lease if that is less; 1 ms or more, and less than the lease.
    #[must_use]
    pub const fn block(mut self, time: Duration) -> Self {
        self.block = Some(time);
        self
    }

    /// The largest message that zenoh puts together from its parts, in bytes; a larger one is dropped there. 64 MiB unless
    /// set; 64 KiB to 1 GiB. Each link may need as much memory. [`Joining::max_message`](crate::net::Joining::max_message) has to
    /// be less by 1 KiB or more, on all nodes: joining looks at it.
    #[must_use]
    pub const fn max_message(mut self, bytes: usize) -> Self {
        self.max_message = bytes;
        self
    }

    /// Protects the links with certificates: all links use them.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Allows to listen without certificates where other machines can call: whoever reaches this one can be any node. Calling
    /// others without certificates needs no such word; whoever answers there can be any node, too.
    #[must_use]
    pub const fn insecure(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// Looks at the setup of the node `me` and at the files that it names, as joining does first, and opens nothing.
    ///
    /// # Errors
    ///
    /// The first fault that is found.
    pub fn validate(&self, me: NodeId) -> Result<(), ConfigError> {
        self.check(me).map(drop)
    }

    /// The realm.
    pub(super) fn realm_name(&self) -> &str {
        &self.realm
    }

    /// How long a lost link goes unnoticed at most.
    pub(super) const fn lease_time(&self) -> Duration {
        self.lease
    }

    /// Whether others may be there whom it does not know from its setup.
    pub(super) const fn looks_around(&self) -> bool {
        !self.connect.is_empty() || self.multicast
    }

    /// The largest message.
    pub(super) const fn largest(&self) -> usize {
        self.max_message
    }

    /// How long a link may block, if that and all other numbers are within their ranges.
    fn check_numbers(&self) -> Result<Duration, ConfigError> {
        if !(Duration::from_millis(100)..=Duration::from_secs(3600)).contains(&self.lease) {
            return Err(ConfigError::Lease(self.lease));
        }
        if !(2..=100).contains(&self.keep_alive) || self.lease / self.keep_alive < Duration::from_millis(10) {
            return Err(ConfigError::KeepAlive(self.keep_alive));
        }
        let block = self.block.unwrap_or_else(|| Duration::from_secs(1).min(self.lease / 4));
        if block < Duration::from_millis(1) || block >= self.lease {
            return Err(ConfigError::Block { block, lease: self.lease });
        }
        if !(64 << 10..=1 << 30).contains(&self.max_message) {
            return Err(ConfigError::MaxMessage(self.max_message));
        }
        Ok(block)
    }

    fn check_realm(&self) -> Result<(), ConfigError> {
        let plain = self.realm.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if plain && (1..=64).contains(&self.realm.len()) {
            return Ok(());
        }
        Err(ConfigError::Realm(self.realm.clone()))
    }

    /// Where to listen.
    fn listeners(&self) -> Result<Vec<String>, ConfigError> {
        let mut listen = self.listen.clone();
        if self.behind_router {
            return listen.pop().map_or(Ok(listen), |there| Err(ConfigError::Hidden(there)));
        }
        if listen.is_empty() {
            listen.push(if self.tls.is_some() { "quic/127.0.0.1:0" } else { "tcp/127.0.0.1:0" }.to_owned());
        }
        for text in &listen {
            let endpoint = self.read(text)?;
            if !endpoint.certified && endpoint.reach == Reach::Network && !self.insecure {
                return Err(ConfigError::Exposed(endpoint.text));
            }
        }
        Ok(listen)
    }

    /// Whom to call.
    fn seeds(&self) -> Result<Vec<String>, ConfigError> {
        if self.behind_router && self.connect.is_empty() {
            return Err(ConfigError::NoRouter);
        }
        for text in &self.connect {
            self.read(text)?;
        }
        Ok(self.connect.clone())
    }

    fn read(&self, text: &str) -> Result<Endpoint, ConfigError> {
        let endpoint =
            Endpoint::read(text).map_err(|reason| ConfigError::Endpoint { text: text.to_owned(), reason })?;
        if endpoint.certified && self.tls.is_none() {
            return Err(ConfigError::NoCertificates(endpoint.text));
        }
        if text.starts_with("tls/") && !take_turns() {
            return Err(ConfigError::TwoThreads(endpoint.text));
        }
        if text.starts_with("tcp/") && self.tls.is_some() && !self.insecure {
            return Err(ConfigError::Plain(endpoint.text));
        }
        Ok(endpoint)
    }
}
