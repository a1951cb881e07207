//! The command line, read into a [`Command`].

use std::path::PathBuf;
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value};
use lexopt::{Parser, ValueExt as _};
use rohrpost::{Address, NodeId};

use crate::help;
use crate::trouble::Trouble;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Command {
    /// Only this is to be said.
    Tell(&'static str),
    Node {
        config: PathBuf,
    },
    Ping {
        to: Address,
        count: u32,
        access: Access,
    },
    List {
        node: Option<NodeId>,
        access: Access,
    },
    Watch {
        node: Option<NodeId>,
        access: Access,
    },
    Send {
        to: Address,
        record: String,
        json: String,
        access: Access,
    },
}

/// How a command finds the network, and who it is there.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) config: Option<PathBuf>,
    pub(crate) connect: Vec<String>,
    pub(crate) listen: Vec<String>,
    pub(crate) realm: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) authority: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) any_host: bool,
    pub(crate) insecure: bool,
    pub(crate) timeout: Duration,
}

/// What was said, not yet judged.
#[derive(Debug)]
struct Said {
    values: Vec<String>,
    access: Access,
    count: Option<u32>,
    help: bool,
}

impl Command {
    pub(crate) fn read(mut parser: Parser) -> Result<Self, Trouble> {
        let first = parser.next().map_err(|fault| usage(fault, ""))?;
        let name = match first {
            Some(Value(name)) => name.string().map_err(|fault| usage(fault, ""))?,
            Some(Long("help") | Short('h')) => return Ok(Self::Tell(help::ALL)),
            Some(Long("version") | Short('V')) => {
                return Ok(Self::Tell(concat!("rohrpost ", env!("CARGO_PKG_VERSION"))));
            }
            Some(other) => return Err(usage(other.unexpected(), "")),
            None => return Err(usage("say what to do", "")),
        };
        let text = match name.as_str() {
            "node" => help::NODE,
            "ping" => help::PING,
            "list" => help::LIST,
            "watch" => help::WATCH,
            "send" => help::SEND,
            other => return Err(usage(format_args!("there is no command `{other}`"), "")),
        };
        let said = Said::read(&mut parser).map_err(|fault| usage(fault, &name))?;
        if said.help {
            return Ok(Self::Tell(text));
        }
        said.judge(&name).map_err(|fault| usage(fault, &name))
    }
}

impl Said {
    fn read(parser: &mut Parser) -> Result<Self, lexopt::Error> {
        let access = Access {
            config: None,
            connect: Vec::new(),
            listen: Vec::new(),
            realm: None,
            name: None,
            authority: None,
            certificate: None,
            key: None,
            any_host: false,
            insecure: false,
            timeout: Duration::from_secs(5),
        };
        let mut said = Self { values: Vec::new(), access, count: None, help: false };
        while let Some(argument) = parser.next()? {
            let access = &mut said.access;
            match argument {
                Long("help") | Short('h') => said.help = true,
                Long("config") | Short('c') => access.config = Some(parser.value()?.into()),
                Long("connect") => access.connect.push(parser.value()?.string()?),
                Long("listen") => access.listen.push(parser.value()?.string()?),
                Long("realm") => access.realm = Some(parser.value()?.string()?),
                Long("name") => access.name = Some(parser.value()?.string()?),
                Long("authority") => access.authority = Some(parser.value()?.into()),
                Long("certificate") => access.certificate = Some(parser.value()?.into()),
                Long("key") => access.key = Some(parser.value()?.into()),
                Long("any-host") => access.any_host = true,
                Long("insecure") => access.insecure = true,
                Long("timeout") => {
                    let timeout = parser.value()?.parse_with(|text| text.parse().map(Duration::try_from_secs_f64))?;
                    access.timeout = timeout.map_err(|fault| format!("no timeout: {fault}"))?;
                }
                Long("count") => said.count = Some(parser.value()?.parse()?),
                Value(value) => said.values.push(value.string()?),
                other => return Err(other.unexpected()),
            }
        }
        Ok(said)
    }

    fn judge(self, name: &str) -> Result<Command, String> {
        let Self { values, access, count, .. } = self;
        if count.is_some() && name != "ping" {
            return Err(format!("`--count` is not an option of `{name}`"));
        }
        let mut values = values.into_iter();
        let mut next = |what| values.next().ok_or_else(|| format!("{what} is missing"));
        let command = match name {
            "node" => {
                let config = access.config.clone().ok_or("`--config FILE` is missing")?;
                if !access.is_only_config() {
                    return Err("a node is set up by its file alone".to_owned());
                }
                Command::Node { config }
            }
            "ping" => Command::Ping { to: pinged(&next("ADDRESS")?)?, count: count.unwrap_or(1).max(1), access },
            "send" => {
                let to = whole(&next("ADDRESS")?)?;
                Command::Send { to, record: next("RECORD")?, json: next("JSON")?, access }
            }
            _ => {
                let node = next("NODE").ok().map(|text| text.parse()).transpose();
                let node = node.map_err(|fault| format!("NODE is the name of a node: {fault}"))?;
                if name == "list" { Command::List { node, access } } else { Command::Watch { node, access } }
            }
        };
        values.next().map_or(Ok(command), |more| Err(format!("`{more}` is one argument too many")))
    }
}

impl Access {
    const fn is_only_config(&self) -> bool {
        self.connect.is_empty()
            && self.listen.is_empty()
            && self.realm.is_none()
            && self.name.is_none()
            && self.authority.is_none()
            && self.certificate.is_none()
            && self.key.is_none()
            && !self.any_host
            && !self.insecure
    }
}

/// Who is to be pinged: a node by its name, or an address.
fn pinged(text: &str) -> Result<Address, String> {
    let system = rohrpost::system::ADDRESS;
    if !text.contains('.') {
        return text.parse().map(|node| system.on_node(node)).map_err(|fault| format!("no node: {fault}"));
    }
    match text.parse::<Address>().map(|address| (address.tid(), address.nid(), address.node())) {
        Ok((None, None, Some(node))) => Ok(system.on_node(node)),
        _ => whole(text),
    }
}

/// An address that says where: nothing here could complete it.
fn whole(text: &str) -> Result<Address, String> {
    let address: Address = text.parse().map_err(|fault| format!("{fault}"))?;
    let lacks = match (address.nid(), address.node()) {
        (_, None) => "node",
        (None, _) => "namespace",
        _ => return Ok(address),
    };
    Err(format!("the address `{text}` lacks the {lacks}: TID.NID.NODEID, or .NID.NODEID for a service"))
}

fn usage(fault: impl std::fmt::Display, command: &str) -> Trouble {
    let space = if command.is_empty() { "" } else { " " };
    Trouble::setup(format_args!("{fault}; see `rohrpost{space}{command} --help`"))
}
