//! A node in this process, or three of them as children of it.

use std::error::Error;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rohrpost::{Kernel, zenoh};

use crate::lapse::Lapse;
use crate::log::say;
use crate::roles::{self, Role};
use crate::{drive, trip};

/// How long a node that has ended stays away.
const AWAY: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(10);

/// What is to run.
pub(crate) struct Setup {
    /// One role, or all.
    pub(crate) role: Option<Role>,
    pub(crate) listen: Option<String>,
    pub(crate) connect: Option<String>,
    /// How many times as fast as life.
    pub(crate) factor: f64,
}

impl Default for Setup {
    fn default() -> Self {
        Self { role: None, listen: None, connect: None, factor: 5.0 }
    }
}

pub(crate) fn run(setup: &Setup) -> Result<(), Box<dyn Error>> {
    match setup.role {
        Some(role) => alone(role, setup),
        None => family(setup.factor),
    }
}

/// One node, until the car has arrived or nobody writes to this process any more.
fn alone(role: Role, setup: &Setup) -> Result<(), Box<dyn Error>> {
    let mut network = zenoh::Network::new().realm("fleet");
    network = setup.listen.iter().fold(network, |network, endpoint| network.listen(endpoint));
    network = setup.connect.iter().fold(network, |network, endpoint| network.connect(endpoint));
    let (trip, kernel) = (trip()?, role.start(Arc::new(Lapse::new(setup.factor)))?);
    let net = network.join_with(&kernel, roles::joining(setup.factor))?;
    match role {
        Role::Map => roles::map(&kernel, &trip)?,
        Role::Cockpit => {
            roles::cockpit(&kernel)?;
        }
        Role::Car => {
            roles::car(&kernel, &trip)?;
            for other in [Role::Map, Role::Cockpit] {
                if !net.wait_for(other.node(), PATIENCE) {
                    say(format_args!("the {} is not there; the car goes without it", other.name()));
                }
            }
            let driver = kernel.clone();
            std::thread::spawn(move || wait_for_the_end(&driver));
            let driven = drive(&kernel, &trip);
            let _ = kernel.stop(PATIENCE);
            return driven;
        }
    }
    wait_for_the_end(&kernel);
    Ok(())
}

/// Says farewell when there is no input any more: at Ctrl-D, or when the parent has ended.
fn wait_for_the_end(kernel: &Kernel) {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    let _ = kernel.stop(PATIENCE);
}

/// The three nodes as processes, until the car arrives. One that ends is started anew.
fn family(factor: f64) -> Result<(), Box<dyn Error>> {
    // The port is free for all that is known; a seed must be the same when its node comes back.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let endpoint = format!("tcp/127.0.0.1:{port}");
    let start = |role: Role| {
        let way = if role == Role::Map { "--listen" } else { "--connect" };
        let factor = factor.to_string();
        let arguments = ["--role", role.name(), way, &endpoint, "--live", &factor];
        let child = Command::new(std::env::current_exe()?).args(arguments).stdin(Stdio::piped()).spawn()?;
        say(format_args!("the {} is process {}", role.name(), child.id()));
        Ok::<Child, std::io::Error>(child)
    };
    let mut children = Vec::new();
    for role in Role::ALL {
        children.push((role, start(role)?, None));
    }
    say(format_args!("kill one, or stop it for a while, and see what the others say:"));
    for (role, child, _) in &children {
        let (pid, name) = (child.id(), role.name());
        say(format_args!("    kill -9 {pid}      kill -STOP {pid}; sleep 8; kill -CONT {pid}      # the {name}"));
    }
    loop {
        for (role, child, ended) in &mut children {
            let Some(status) = child.try_wait()? else { continue };
            if *role == Role::Car && status.success() {
                // The others end when nobody writes to them any more.
                children.iter_mut().for_each(|(_, child, _)| drop(child.stdin.take()));
                return children.iter_mut().try_for_each(|(_, child, _)| Ok(child.wait().map(drop)?));
            }
            let since = *ended.get_or_insert_with(|| {
                say(format_args!("the {} has ended ({status}) and comes back in {AWAY:?}", role.name()));
                Instant::now()
            });
            if since.elapsed() >= AWAY {
                (*child, *ended) = (start(*role)?, None);
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
