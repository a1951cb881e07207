//! [`Party`]: this process as a node of the network, for as long as a command runs.

use std::fmt::Display;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use rohrpost::net::{Joining, Net};
use rohrpost::zenoh::Tls;
use rohrpost::{Address, Code, Failure, Kernel, NodeId, Record, StopReport};

use crate::again;
use crate::arguments::Access;
use crate::config::Settings;
use crate::trouble::Trouble;

/// How long the threads of a node may take to end.
const STOP: Duration = Duration::from_secs(5);

/// A node that asks others. It says farewell when it is dropped.
#[derive(Debug)]
pub(crate) struct Party {
    pub(crate) kernel: Kernel,
    pub(crate) net: Net,
    /// How long a node and an answer are waited for.
    pub(crate) timeout: Duration,
    /// Whom it calls.
    seeds: Vec<String>,
}

impl Party {
    /// Joins as `access` says.
    pub(crate) fn join(access: &Access) -> Result<Self, Trouble> {
        let mut settings = access.config.as_deref().map_or_else(|| Ok(Settings::default()), Settings::read)?;
        settings.insecure |= access.insecure;
        settings.realm = access.realm.clone().or(settings.realm);
        settings.tls = certificates(access)?.or(settings.tls);
        if access.any_host {
            let tls =
                settings.tls.ok_or_else(|| Trouble::setup("`--any-host` is for certificates, and there are none"))?;
            settings.tls = Some(tls.any_host());
        }
        let seeds: Vec<String> = access
            .connect
            .iter()
            .chain(&settings.connect)
            .cloned()
            .chain(settings.listen.iter().filter_map(|there| callable(there)))
            .collect();
        if seeds.is_empty() {
            let text = "say where the network is, with `--connect ENDPOINT` or with the `--config FILE` of a node that \
                listens at a port or calls others";
            return Err(Trouble::setup(text));
        }
        again::fit_for(seeds.iter().chain(&access.listen));
        let network = seeds.iter().fold(settings.network(), |network, there| network.connect(there));
        let network = access.listen.iter().fold(network, |network, there| network.listen(there));
        let name = access.name.clone().unwrap_or_else(|| format!("console-{}", std::process::id()));
        let kernel = Kernel::builder(name).start().map_err(Trouble::setup)?;
        let net = network.join_with(&kernel, joining(&settings)).map_err(|fault| Trouble::setup(reason(&fault)))?;
        Ok(Self { kernel, net, timeout: access.timeout, seeds })
    }

    /// Waits until `node` is there.
    pub(crate) fn find(&self, node: NodeId) -> Result<(), Trouble> {
        if self.net.wait_for(node, self.timeout) {
            return Ok(());
        }
        let text = format!("it has not been seen within {:?}", self.timeout);
        Err(Trouble::returned(node, Failure::new(Code::NO_NODE, text)))
    }

    /// What it is when nobody at all is there.
    pub(crate) fn alone(&self) -> Trouble {
        let text = format!("no node has been seen within {:?}", self.timeout);
        Trouble::returned(self.seeds.join(", "), Failure::new(Code::NO_NODE, text))
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask<R: Record>(&self, to: Address, record: R) -> Result<R::Answer, Trouble> {
        self.kernel.ask(to, record).timeout(self.timeout).wait().map_err(|failure| Trouble::returned(to, failure))
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        let _ = self.kernel.stop(STOP);
    }
}

/// Stops a node; its threads that did not come back are told.
pub(crate) fn stop(kernel: &Kernel) -> Result<(), Trouble> {
    let report: StopReport = kernel.stop(STOP);
    if report.is_complete() {
        return Ok(());
    }
    Err(Trouble::Stuck(format!("these threads did not end: {}", report.detached.join(", "))))
}

/// How a node with these settings joins.
pub(crate) fn joining(settings: &Settings) -> Joining {
    let joining = Joining::new().gatekeeper(settings.gatekeeper.clone());
    match settings.lease {
        // As by default: three beats and a half, after which a node is silent, are a little less than a lease.
        Some(lease) => joining.lease(lease).heartbeat(lease / 4),
        None => joining,
    }
}

/// An error with all that is behind it.
pub(crate) fn reason(fault: &(dyn std::error::Error + 'static)) -> String {
    let mut text = fault.to_string();
    let mut source = fault.source();
    while let Some(behind) = source {
        let more = behind.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = behind.source();
    }
    text
}

/// The endpoint with a port that is free, if it asks for any: zenoh does not tell which one it took. Somebody else may take
/// it before the node does; then the node says so and does not start.
pub(crate) fn settled(endpoint: &str) -> String {
    let Some((protocol, host)) = endpoint.split_once('/').and_then(|(protocol, rest)| {
        Some((protocol, rest.strip_suffix(":0")?)).filter(|(protocol, _)| matches!(*protocol, "tcp" | "tls" | "quic"))
    }) else {
        return endpoint.to_owned();
    };
    let any = format!("{host}:0");
    let free = if protocol == "quic" {
        UdpSocket::bind(any).and_then(|socket| socket.local_addr())
    } else {
        TcpListener::bind(any).and_then(|socket| socket.local_addr())
    };
    // What cannot be bound is zenoh's to complain about.
    free.map_or_else(|_| endpoint.to_owned(), |address| format!("{protocol}/{host}:{}", address.port()))
}

/// Where a node that listens at `endpoint` can be called from this machine, if that can be told.
fn callable(endpoint: &str) -> Option<String> {
    let (protocol, address) = endpoint.split_once('/')?;
    let Ok(address) = address.parse::<SocketAddr>() else {
        return (!address.ends_with(":0")).then(|| endpoint.to_owned());
    };
    let host = match address {
        SocketAddr::V4(it) if it.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V6(it) if it.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V4(it) => it.ip().to_string(),
        SocketAddr::V6(it) => format!("[{}]", it.ip()),
    };
    (address.port() != 0).then(|| format!("{protocol}/{host}:{}", address.port()))
}

fn certificates(access: &Access) -> Result<Option<Tls>, Trouble> {
    let Access { authority, certificate, key, .. } = access;
    match (authority, certificate, key) {
        (None, None, None) => Ok(None),
        (Some(authority), Some(certificate), Some(key)) => {
            // A command calls, and those who are called are named by their hosts.
            Ok(Some(Tls::new(authority, certificate, key).admit_anybody()))
        }
        _ => Err(Trouble::setup(missing("`--authority`, `--certificate` and `--key`"))),
    }
}

fn missing(what: impl Display) -> String {
    format!("{what} belong together: one of them is missing")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{callable, joining, settled};
    use crate::config::Settings;

    #[test]
    fn the_heartbeat_goes_with_the_lease() {
        let settings = |lease| Settings { lease, ..Settings::default() };
        let joined = |lease| format!("{:?}", joining(&settings(lease)));
        assert_eq!(joined(None), joined(Some(Duration::from_secs(4))), "expected a quarter by default as well");
        let slow = joined(Some(Duration::from_secs(30)));
        assert!(slow.contains("lease: 30s") && slow.contains("beat: 7.5s"), "{slow}");
    }

    #[test]
    fn a_node_that_listens_everywhere_is_called_at_this_machine() {
        assert_eq!(callable("tcp/0.0.0.0:7447").as_deref(), Some("tcp/127.0.0.1:7447"));
        assert_eq!(callable("tls/[::]:7447").as_deref(), Some("tls/[::1]:7447"));
        assert_eq!(callable("tcp/10.0.0.1:7447").as_deref(), Some("tcp/10.0.0.1:7447"));
        assert_eq!(callable("unixsock-stream//run/house").as_deref(), Some("unixsock-stream//run/house"));
        assert_eq!(callable("tcp/127.0.0.1:0"), None);
    }

    #[test]
    fn only_an_endpoint_that_asks_for_any_port_is_given_one() {
        assert_eq!(settled("tcp/127.0.0.1:7447"), "tcp/127.0.0.1:7447");
        assert_eq!(settled("unixsock-stream//run/a:0"), "unixsock-stream//run/a:0");
        let given = settled("tcp/127.0.0.1:0");
        assert!(given.starts_with("tcp/127.0.0.1:") && !given.ends_with(":0"), "expected a port in {given}");
    }
}
