//! What zenoh is told of a network: its settings, by their keys.

use std::path::Path;
use std::time::Duration;

use crate::id::NodeId;
use crate::zenoh::access::{self, Guest};
use crate::zenoh::config::{ConfigError, Network};
use crate::zenoh::key::Permits;
use crate::zenoh::threads::take_turns;
use crate::zenoh::tls::Tls;

/// How long a node behind a router calls it at first.
const ROUTER: Duration = Duration::from_secs(10);

/// More than zenoh puts around a frame, in bytes.
const ENVELOPE: usize = 4 << 10;

impl Network {
    /// What zenoh is told when the node `me` opens a session anew: mail waits, so a router that is gone is not waited for.
    pub(in crate::zenoh) fn check_anew(&self, me: NodeId) -> Result<zenoh::Config, ConfigError> {
        let mut config = self.check(me)?;
        if self.behind_router {
            insert(&mut config, "connect/timeout_ms", "500".to_owned())?;
        }
        Ok(config)
    }

    /// What zenoh is told for the node `me`, or what is wrong.
    pub(in crate::zenoh) fn check(&self, me: NodeId) -> Result<zenoh::Config, ConfigError> {
        self.check_realm()?;
        let block = self.check_numbers()?;
        let mut config = zenoh::Config::default();
        let mut set = |key, value| insert(&mut config, key, value);
        set("mode", if self.behind_router { "\"client\"" } else { "\"peer\"" }.to_owned())?;
        if self.behind_router {
            set("connect/timeout_ms", ROUTER.as_millis().to_string())?;
        }
        set("listen/endpoints", list(&self.listeners()?))?;
        set("connect/endpoints", list(&self.seeds()?))?;
        // A seed that was lost is called again soon; a call into a network that is cut is given up and made again.
        set("connect/retry", r#"{"period_init_ms":250,"period_max_ms":1000,"period_increase_factor":2}"#.to_owned())?;
        let call = self.lease.clamp(Duration::from_secs(1), Duration::from_secs(10));
        set("transport/unicast/open_timeout", call.as_millis().to_string())?;
        // How long opening waits for the seeds and those of whom they tell; some of these may be gone.
        set("scouting/delay", "500".to_owned())?;
        set("scouting/multicast/enabled", self.multicast.to_string())?;
        set("scouting/gossip/enabled", self.gossip.to_string())?;
        // One of two calls the other; else both do, and one of the links is thrown away.
        let strategy = r#"{"peer":{"to_router":"always","to_peer":"greater-zid"}}"#;
        set("scouting/gossip/autoconnect_strategy", strategy.to_owned())?;
        set("scouting/multicast/autoconnect_strategy", strategy.to_owned())?;
        set("transport/link/tx/lease", self.lease.as_millis().to_string())?;
        set("transport/link/tx/keep_alive", self.keep_alive.to_string())?;
        set("transport/link/tx/queue/congestion_control/block/wait_before_close", block.as_micros().to_string())?;
        // Batches of 64 KiB: with zenoh's two, whoever writes a large message and whoever sends it wait for each other.
        set("transport/link/tx/queue/size/data", "8".to_owned())?;
        set("transport/link/tx/queue/batching/enabled", "true".to_owned())?;
        // zenoh counts the envelope with it; the exact limit is kept on arrival.
        set("transport/link/rx/max_message_size", (self.max_message + ENVELOPE).to_string())?;
        set("transport/unicast/qos/enabled", "true".to_owned())?;
        set("transport/unicast/lowlatency", "false".to_owned())?;
        set("transport/unicast/compression/enabled", "false".to_owned())?;
        set("transport/link/protocols", list(&self.protocols()))?;
        if let Some(tls) = &self.tls {
            tls.check()?;
            self.secure(tls, me, &mut set)?;
        }
        Ok(config)
    }

    /// Those of the links that it may have: gossip may tell of endpoints that are not to be called.
    fn protocols(&self) -> Vec<String> {
        let plain = self.tls.is_none() || self.insecure;
        let all = [("quic", true), ("unixsock-stream", true), ("tcp", plain), ("tls", take_turns())];
        all.into_iter().filter(|(_, may)| *may).map(|(name, _)| name.to_owned()).collect()
    }

    fn secure(
        &self,
        tls: &Tls,
        me: NodeId,
        set: &mut impl FnMut(&'static str, String) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let file = |path: &Path| quoted(&path.to_string_lossy());
        let (authority, certificate, key) = (file(&tls.authority), file(&tls.certificate), file(&tls.key));
        set("transport/link/tls/root_ca_certificate", authority)?;
        set("transport/link/tls/listen_certificate", certificate.clone())?;
        set("transport/link/tls/listen_private_key", key.clone())?;
        set("transport/link/tls/connect_certificate", certificate)?;
        set("transport/link/tls/connect_private_key", key)?;
        set("transport/link/tls/enable_mtls", "true".to_owned())?;
        set("transport/link/tls/verify_name_on_connect", (!tls.any_host).to_string())?;
        set("transport/link/tls/close_link_on_expiration", "true".to_owned())?;
        for guest in &tls.guests {
            if let Guest::Relay(name) = guest
                && !access::is_plain(name)
            {
                return Err(ConfigError::CommonName(name.clone()));
            }
        }
        if tls.guests.is_empty() {
            return Ok(());
        }
        set("access_control", access::rules(&Permits::new(&self.realm, me), &tls.guests))
    }
}

fn insert(config: &mut zenoh::Config, key: &'static str, value: String) -> Result<(), ConfigError> {
    let inserted = config.insert_json5(key, &value);
    inserted.map_err(|reason| ConfigError::Refused { key, value, reason: reason.to_string() })
}

/// The text as a string of JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\0'..='\x1f' => quoted.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(","))
}
