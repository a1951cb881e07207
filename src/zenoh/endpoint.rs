//! Where a node listens and whom it calls: `PROTOCOL/ADDRESS`, as zenoh writes it, read so far that it can be judged.

use std::net::{IpAddr, SocketAddr};

/// Who can reach an endpoint, and what protects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// This machine alone.
    Machine,
    /// Whoever has a route there.
    Network,
}

/// An endpoint whose protocol and address make sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) text: String,
    pub(super) reach: Reach,
    /// Whether the protocol knows certificates.
    pub(super) certified: bool,
}

impl Endpoint {
    /// Reads an endpoint, or says what is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let Some((protocol, rest)) = text.split_once('/') else {
            return Err("there is no `/` between a protocol and an address".to_owned());
        };
        let address = rest.split(['?', '#']).next().unwrap_or_default();
        let reach = match protocol {
            "tcp" | "tls" | "quic" => reach(address)?,
            "unixsock-stream" if address.is_empty() => {
                return Err("there is no path after `unixsock-stream/`".to_owned());
            }
            "unixsock-stream" => Reach::Machine,
            other => return Err(format!("`{other}` is none of the protocols tcp, tls, quic, unixsock-stream")),
        };
        Ok(Self { text: text.to_owned(), reach, certified: matches!(protocol, "tls" | "quic") })
    }
}

/// Who can reach `HOST:PORT`.
fn reach(address: &str) -> Result<Reach, String> {
    if let Ok(address) = address.parse::<SocketAddr>() {
        return Ok(if loops(address.ip()) { Reach::Machine } else { Reach::Network });
    }
    let Some((host, port)) = address.rsplit_once(':') else {
        return Err(format!("`{address}` has no port; write HOST:PORT, and port 0 for any that is free"));
    };
    if port.parse::<u16>().is_err() {
        return Err(format!("`{port}` is not a port (0 to 65535)"));
    }
    let named = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !named {
        return Err(format!("`{host}` is neither a host name nor an address; an IPv6 address stands in brackets"));
    }
    // The one name that is not looked up anywhere else.
    Ok(if host.eq_ignore_ascii_case("localhost") { Reach::Machine } else { Reach::Network })
}

fn loops(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, Reach};

    #[test]
    fn an_endpoint_tells_who_can_reach_it() {
        for (text, reach) in [
            ("tcp/127.0.0.1:7447", Reach::Machine),
            ("tcp/localhost:0", Reach::Machine),
            ("tls/[::1]:7447", Reach::Machine),
            ("tcp/[::ffff:127.0.0.1]:7447", Reach::Machine),
            ("unixsock-stream//run/node.sock", Reach::Machine),
            ("tcp/0.0.0.0:7447", Reach::Network),
            ("tcp/[::]:7447", Reach::Network),
            ("quic/car-7.example:7447", Reach::Network),
            ("tcp/10.0.0.1:7447#iface=lo", Reach::Network),
        ] {
            assert_eq!(Endpoint::read(text).map(|endpoint| endpoint.reach), Ok(reach), "{text}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_told_with_the_reason() {
        for (text, reason) in [
            ("127.0.0.1:7447", "no `/`"),
            ("udp/127.0.0.1:7447", "`udp` is none of the protocols"),
            ("tcp/127.0.0.1", "has no port"),
            ("tcp/127.0.0.1:70000", "`70000` is not a port"),
            ("tcp/:7447", "neither a host name"),
            ("tcp/::1:7447", "stands in brackets"),
            ("unixsock-stream/", "no path"),
        ] {
            let refused = Endpoint::read(text).expect_err(text);
            assert!(refused.contains(reason), "expected `{reason}` in `{refused}`");
        }
    }
}
