//! [`Settings`]: a node's configuration file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rohrpost::net::{Gatekeeper, Rule};
use rohrpost::zenoh::{ConfigError, Network, Tls};
use rohrpost::{Nid, NodeId, RecordId};
use toml::Spanned;
use toml::de::DeValue;

use crate::toml_reader::{At, Fault, Reader};
use crate::trouble::Trouble;

const KEYS: [&str; 9] = ["name", "listen", "connect", "behind_router", "realm", "lease", "insecure", "tls", "rule"];
const TLS_KEYS: [&str; 7] = ["authority", "certificate", "key", "admit", "relay", "admit_anybody", "any_host"];
const RULE_KEYS: [&str; 3] = ["record", "namespace", "node"];

/// What a configuration file says.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) listen: Vec<String>,
    pub(crate) connect: Vec<String>,
    pub(crate) behind_router: bool,
    pub(crate) realm: Option<String>,
    pub(crate) lease: Option<Duration>,
    pub(crate) insecure: bool,
    pub(crate) tls: Option<Tls>,
    pub(crate) gatekeeper: Gatekeeper,
}

/// The table `tls`, as far as it has been read.
#[derive(Default)]
struct Files {
    authority: Option<At<PathBuf>>,
    certificate: Option<At<PathBuf>>,
    key: Option<At<PathBuf>>,
    admit: Vec<NodeId>,
    relay: Vec<At<String>>,
    anybody: bool,
    any_host: bool,
}

impl Settings {
    /// Reads the file at `path`, or tells all its faults.
    pub(crate) fn read(path: &Path) -> Result<Self, Trouble> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|fault| Trouble::setup(format_args!("{shown}: {fault}")))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|faults| {
            let lines: String = faults.iter().map(|fault| format!("\n  {shown}: {fault}")).collect();
            let count = faults.len();
            Trouble::setup(format_args!("{count} fault{} in {shown}:{lines}", if count == 1 { "" } else { "s" }))
        })
    }

    /// The network without its endpoints.
    pub(crate) fn network(&self) -> Network {
        let mut network = Network::new();
        if let Some(realm) = &self.realm {
            network = network.realm(realm);
        }
        if let Some(lease) = self.lease {
            network = network.lease(lease);
        }
        if self.insecure {
            network = network.insecure();
        }
        if self.behind_router {
            network = network.behind_router();
        }
        if let Some(tls) = &self.tls {
            network = network.tls(tls.clone());
        }
        network
    }

    /// Reads `text`; the files that it names are looked for in `folder`.
    fn parse(text: &str, folder: &Path) -> Result<Self, Vec<Fault>> {
        let (mut reader, table) = Reader::open(text);
        let mut settings = Self::default();
        let (mut name, mut realm, mut lease, mut tls) = (None, None, None, None);
        let (mut listen, mut connect, mut behind) = (Vec::new(), Vec::new(), None);
        for (key, value) in &table {
            match &**key.get_ref() {
                "name" => name = Some(reader.parsed("name", value, node_name)),
                "listen" => listen = reader.texts("listen", value),
                "connect" => connect = reader.texts("connect", value),
                "behind_router" => behind = reader.flag("behind_router", value),
                "realm" => realm = reader.text("realm", value),
                "lease" => lease = reader.parsed("lease", value, duration),
                "insecure" => settings.insecure = reader.flag("insecure", value).is_some_and(|flag| flag.value),
                "tls" => tls = Some((value.span().start, read_tls(&mut reader, value, folder))),
                "rule" => settings.gatekeeper = read_rules(&mut reader, value),
                other => reader.unknown(key.span().start, other, &KEYS),
            }
        }
        match name {
            None => reader.fault(0, "name", "is missing: what the node is to be called, such as name = \"house\""),
            Some(found) => settings.name = found.map_or_else(String::new, |name| name.value),
        }
        let me = NodeId::number(0);
        let whole = tls.is_none() || matches!(&tls, Some((_, Some(_))));
        if let Some((start, Some(tls))) = tls {
            if reader.is_content()
                && let Err(fault) = Network::new().tls(tls.clone()).validate(me)
            {
                reader.fault(start, "tls", told(&fault));
            }
            settings.tls = Some(tls);
        }
        let alone = |fault: Result<(), ConfigError>| fault.err().map(|fault| told(&fault));
        if let Some(at) = &realm
            && let Some(fault) = alone(Network::new().realm(&at.value).validate(me))
        {
            reader.fault_at(at, fault);
        }
        if let Some(at) = &lease
            && let Some(fault) = alone(Network::new().lease(at.value).validate(me))
        {
            reader.fault_at(at, fault);
        }
        settings.realm = realm.map(|at| at.value);
        settings.lease = lease.map(|at| at.value);
        // Each endpoint alone, so that each fault is found, and without what is wrong elsewhere.
        let plain = Self { insecure: settings.insecure, tls: settings.tls.clone(), ..Self::default() }.network();
        let tried = listen.iter().map(|at| (at, plain.clone().listen(&at.value)));
        for (at, network) in tried.chain(connect.iter().map(|at| (at, plain.clone().connect(&at.value)))) {
            match network.validate(me) {
                Err(fault @ ConfigError::Endpoint { .. }) => reader.fault_at(at, told(&fault)),
                Err(fault @ (ConfigError::Exposed(_) | ConfigError::Plain(_) | ConfigError::NoCertificates(_)))
                    if whole =>
                {
                    reader.fault_at(at, told(&fault));
                }
                _ => {}
            }
        }
        if let Some(behind) = behind.filter(|at| at.value) {
            // The endpoints have been looked at, each alone.
            let hidden = listen.first().map(|at| ConfigError::Hidden(at.value.clone()));
            let fault = hidden.or_else(|| connect.is_empty().then_some(ConfigError::NoRouter));
            fault.into_iter().for_each(|fault| reader.fault_at(&behind, told(&fault)));
            settings.behind_router = true;
        }
        settings.listen = listen.into_iter().map(|at| at.value).collect();
        settings.connect = connect.into_iter().map(|at| at.value).collect();
        if reader.is_content() { Ok(settings) } else { Err(reader.into_faults()) }
    }
}

fn read_tls<'t>(reader: &mut Reader<'t>, value: &Spanned<DeValue<'t>>, folder: &Path) -> Option<Tls> {
    let start = value.span().start;
    let table = reader.table("tls", value)?;
    let mut files = Files::default();
    for (key, value) in table {
        // Each file for itself, so that all that are missing, or are something else, are told.
        let file = |what: &'static str| move |path: &str| pem(&folder.join(path), what);
        match &**key.get_ref() {
            "authority" => files.authority = reader.parsed("tls.authority", value, file("CERTIFICATE")),
            "certificate" => files.certificate = reader.parsed("tls.certificate", value, file("CERTIFICATE")),
            "key" => files.key = reader.parsed("tls.key", value, file("PRIVATE KEY")),
            "admit" => {
                let names = reader.list("tls.admit", value).into_iter();
                let read =
                    |name| reader.parsed("tls.admit", name, |text| text.parse().map_err(said)).map(|at| at.value);
                files.admit = names.filter_map(read).collect();
            }
            "relay" => files.relay = reader.texts("tls.relay", value),
            "admit_anybody" => {
                files.anybody = reader.flag("tls.admit_anybody", value).is_some_and(|flag| flag.value);
            }
            "any_host" => files.any_host = reader.flag("tls.any_host", value).is_some_and(|flag| flag.value),
            other => reader.unknown(key.span().start, &format!("tls.{other}"), &TLS_KEYS),
        }
    }
    for key in ["authority", "certificate", "key"] {
        if !table.iter().any(|(there, _)| &**there.get_ref() == key) {
            reader.fault(start, &format!("tls.{key}"), "is missing: a PEM file");
        }
    }
    if !files.anybody && !table.iter().any(|(there, _)| matches!(&**there.get_ref(), "admit" | "relay")) {
        let why =
            "is missing: the names of the nodes to let in; or say `admit_anybody = true`, and the authority decides";
        reader.fault(start, "tls.admit", why);
    }
    let (authority, certificate, key) = (files.authority?, files.certificate?, files.key?);
    let mut tls = Tls::new(authority.value, certificate.value, key.value);
    if files.anybody {
        tls = tls.admit_anybody();
    }
    for node in files.admit {
        tls = tls.admit(node);
    }
    for name in files.relay {
        if let Err(fault) = Network::new().tls(tls.clone().relay(&name.value)).validate(NodeId::number(0)) {
            reader.fault_at(&name, told(&fault));
            continue;
        }
        tls = tls.relay(name.value);
    }
    Some(if files.any_host { tls.any_host() } else { tls })
}

/// The path of a PEM file that has something of this kind.
fn pem(path: &Path, what: &str) -> Result<PathBuf, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|fault| format!("{shown}: {fault}"))?;
    if !text.contains(&format!("{what}-----")) {
        return Err(format!("{shown}: it is no PEM file with `-----BEGIN {what}-----`"));
    }
    Ok(path.to_owned())
}

fn read_rules<'t>(reader: &mut Reader<'t>, value: &Spanned<DeValue<'t>>) -> Gatekeeper {
    let mut gatekeeper = Gatekeeper::new();
    for rule in reader.tables("rule", value) {
        if rule.value.len() != 1 {
            reader.fault_at(&rule, "must be one `allow` or one `deny`");
        }
        for (key, value) in rule.value {
            let verdict = match &**key.get_ref() {
                "allow" => Rule::allow(),
                "deny" => Rule::deny(),
                other => {
                    reader.unknown(key.span().start, &format!("rule.{other}"), &["allow", "deny"]);
                    continue;
                }
            };
            gatekeeper = gatekeeper.rule(read_rule(reader, key.get_ref(), value, verdict));
        }
    }
    gatekeeper
}

fn read_rule<'t>(reader: &mut Reader<'t>, verdict: &str, value: &Spanned<DeValue<'t>>, mut rule: Rule) -> Rule {
    let Some(table) = reader.table(&format!("rule.{verdict}"), value) else { return rule };
    for (key, value) in table {
        let path = format!("rule.{verdict}.{}", key.get_ref());
        match &**key.get_ref() {
            "record" => {
                let read = reader.parsed(&path, value, |text| text.parse::<RecordId>().map_err(said));
                rule = read.map_or(rule, |at| rule.record(at.value));
            }
            "namespace" => {
                let read = reader.parsed(&path, value, |text| text.parse::<Nid>().map_err(said));
                rule = read.map_or(rule, |at| rule.to(at.value));
            }
            "node" => {
                let read = reader.parsed(&path, value, |text| text.parse::<NodeId>().map_err(said));
                rule = read.map_or(rule, |at| rule.from(at.value));
            }
            _ => reader.unknown(key.span().start, &path, &RULE_KEYS),
        }
    }
    rule
}

fn node_name(text: &str) -> Result<String, String> {
    text.parse::<NodeId>().map(|_| text.to_owned()).map_err(said)
}

/// Reads `4s`, `500ms` or `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let millis = match unit.trim() {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        _ => None,
    };
    let read = || number.parse::<u64>().ok()?.checked_mul(millis?).map(Duration::from_millis);
    read().ok_or_else(|| format!("`{text}` is no time such as 4s, 500ms or 2m"))
}

fn said(fault: impl std::error::Error) -> String {
    fault.to_string()
}

/// A fault with what is behind it.
fn told(fault: &ConfigError) -> String {
    std::error::Error::source(fault).map_or_else(|| fault.to_string(), |source| format!("{fault}: {source}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::Settings;

    fn faults(text: &str) -> Vec<String> {
        let faults = Settings::parse(text, Path::new("nowhere")).expect_err("expected faults");
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_is_read_as_it_is_written() {
        let text = r#"
            name = "house"
            listen = ["tcp/127.0.0.1:0"]
            connect = ["tcp/car.example:7447", "unixsock-stream//run/car"]
            insecure = true
            lease = "1500ms"
            realm = "fleet"
            [[rule]]
            allow = { record = "rohrpost.list-namespaces", namespace = "SYSTEM", node = "console" }
            [[rule]]
            deny = {}
        "#;
        let settings = Settings::parse(text, Path::new("")).expect("expected no fault");
        assert_eq!((settings.name.as_str(), settings.connect.len()), ("house", 2));
        assert_eq!(settings.lease, Some(Duration::from_millis(1500)));
        let rules = format!("{:?}", settings.gatekeeper);
        assert!(rules.contains("console") && rules.contains("Deny"), "expected both rules in {rules}");
    }

    #[test]
    fn all_faults_are_told_with_line_and_key_in_the_order_of_the_lines() {
        let text = r#"
name = "no name"
listen = ["tcp/127.0.0.1:0", "udp/127.0.0.1:0",
          "tcp/0.0.0.0:7447"]
lease = 4
relam = "fleet"
realm = "a b"
[[rule]]
alow = { record = "x" }
[[rule]]
allow = { record = "1 2", nide = "y" }
[tls]
authority = "ca.pem"
key = "node.key"
"#;
        let told = faults(text);
        let expected = [
            "line 2: `name`: ",
            "line 3: `listen`: ",
            "line 5: `lease`: must be a text",
            "line 6: `relam`: there is no such key",
            "line 7: `realm`: ",
            "line 9: `rule.alow`: ",
            "line 11: `rule.allow.nide`: ",
            "line 11: `rule.allow.record`: ",
            "line 12: `tls.admit`: is missing",
            "line 12: `tls.certificate`: is missing",
            "line 13: `tls.authority`: ",
            "line 14: `tls.key`: ",
        ];
        assert_eq!(told.len(), expected.len(), "expected as many faults: {told:#?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected), "expected `{expected}` to begin `{told}`");
        }
    }

    #[test]
    fn a_key_that_is_there_twice_is_named() {
        let told = faults("name = \"house\"\nlease = \"4s\"\nlease = \"5s\"\n");
        assert_eq!(told, ["line 3: `lease`: duplicate key"]);
        let told = faults("name = \"house\"\n[tls]\nkey = \"a\"\nkey = \"b\"\n");
        assert!(told.contains(&"line 4: `key`: duplicate key".to_owned()), "{told:?}");
        let told = faults("name = \"house\"\n[[rule]]\ndeny = {}\n[rule]\ndeny = {}\n");
        assert!(told.contains(&"line 4: `rule`: duplicate key".to_owned()), "{told:?}");
    }

    #[test]
    fn a_rule_in_one_pair_of_brackets_is_told_to_need_two() {
        let told = faults("name = \"house\"\n[rule]\ndeny = {}\n");
        let expected = "line 2: `rule`: must be a list of tables, each under `[[rule]]`, and is of the type table";
        assert_eq!(told, [expected]);
    }

    #[test]
    fn a_node_behind_a_router_calls_one_and_listens_nowhere() {
        let told = faults("name = \"car\"\nbehind_router = true\n");
        assert!(told[0].starts_with("line 2: `behind_router`: ") && told[0].contains("`connect`"), "{told:?}");
        let told = faults("name = \"car\"\nbehind_router = true\nlisten = [\"tcp/127.0.0.1:0\"]\n");
        assert!(told[0].starts_with("line 2: `behind_router`: ") && told[0].contains("tcp/127.0.0.1:0"), "{told:?}");
        let text = "name = \"car\"\nconnect = [\"tcp/gate:7447\"]\nbehind_router = true\n";
        assert!(Settings::parse(text, Path::new("")).expect("expected no fault").behind_router);
    }

    #[test]
    fn what_is_no_toml_and_what_would_let_strangers_in_is_told_with_its_line() {
        let told = faults("name = house\nlisten = [\"tcp/0.0.0.0:1\"]\nrealm = \n");
        assert!(told[0].starts_with("line 1: ") && told.iter().any(|fault| fault.starts_with("line 3: ")), "{told:?}");
        assert!(told.iter().any(|fault| fault.starts_with("line 2: `listen`: listening on")), "{told:?}");
        assert_eq!(faults("").len(), 1, "expected the missing name alone");
    }
}
