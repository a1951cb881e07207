//! The command `rohrpost`: a node with demo services, and a look at other nodes from outside.
//!
//! Each command is a node of its own for as long as it runs: it joins the network, asks, and says farewell. It is built on
//! the library's facade, as any other program is.

mod again;
mod arguments;
mod config;
mod courier;
mod demo;
mod help;
mod known;
mod list;
mod node;
mod out;
mod party;
mod ping;
mod send;
mod stopping;
mod toml_reader;
mod trouble;
mod watch;

use std::process::ExitCode;

use crate::arguments::Command;
use crate::trouble::Trouble;

fn main() -> ExitCode {
    match Command::read(lexopt::Parser::from_env()).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => trouble.tell(),
    }
}

fn run(command: Command) -> Result<(), Trouble> {
    match command {
        Command::Tell(text) => out::say(text),
        Command::Node { config } => node::run(&config),
        Command::Ping { to, count, access } => ping::run(to, count, &access),
        Command::List { node, access } => list::run(node, &access),
        Command::Watch { node, access } => watch::run(node, &access),
        Command::Send { to, record, json, access } => send::run(to, &record, &json, &access),
    }
}
