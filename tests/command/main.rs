//! The command `rohrpost`, run as its users run it: processes that talk over loopback.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails where it is surprised")]

mod authority;
mod certificates;
mod running;

use rohrpost::zenoh::Network;
use rohrpost::{Context, Failure, Handle, Kernel, handles, record};
use serde::{Deserialize, Serialize};

use crate::running::{Folder, Running, command};

/// The demo's rules, under which nodes let themselves be looked at.
const OPEN: &str = include_str!("../../examples/data/node.toml");

/// A node with these lines in its file, and where it listens.
fn node(folder: &Folder, name: &str, lines: &str) -> (Running, String) {
    let text = format!("name = \"{name}\"\nlisten = [\"tcp/127.0.0.1:0\"]\n{lines}");
    let node = Running::start(&["node", "--config", &folder.write(&format!("{name}.toml"), &text)]);
    let listens = node.line(&format!("{name} listens on "));
    node.line(&format!("{name} is there"));
    let endpoint = listens.rsplit(' ').next().expect("an endpoint").to_owned();
    (node, endpoint)
}

/// The rules of the demo's file.
fn rules() -> &'static str {
    &OPEN[OPEN.find("[[rule]]").expect("the demo's file has rules")..]
}

#[test]
fn a_node_is_pinged_and_one_that_is_not_there_is_a_code() {
    let folder = Folder::new();
    let (_house, endpoint) = node(&folder, "house", "");
    let (code, out) = command(&["ping", "house", "--count", "2", "--connect", &endpoint]);
    assert_eq!(code, 0, "{out}");
    assert_eq!(out.matches("house is there: ").count(), 2, "{out}");
    let (code, out) = command(&["ping", "nobody", "--connect", &endpoint, "--timeout", "1"]);
    assert!(code == 1 && out.contains("NO_NODE"), "{code}: {out}");
    let (code, out) = command(&["ping", "calculator.demo.house", "--connect", &endpoint]);
    assert!(code == 1 && out.contains("NOT_HANDLED"), "{code}: {out}");
}

#[test]
fn the_list_names_the_nodes_that_are_there_and_what_one_has() {
    let folder = Folder::new();
    let (_house, endpoint) = node(&folder, "house", rules());
    let (_garden, _) = node(&folder, "garden", &format!("connect = [\"{endpoint}\"]\n"));
    let (code, out) = command(&["list", "--connect", &endpoint]);
    assert_eq!(code, 0, "{out}");
    let names: Vec<&str> = out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["NODE", "garden", "house"], "expected names, and no numbers:\n{out}");
    let (code, out) = command(&["list", "house", "--connect", &endpoint]);
    assert_eq!(code, 0, "{out}");
    let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    for row in [
        ["demo", "service", "demo.calculate", "calculator.demo.house"],
        ["demo", "topic", "demo.time", "-"],
        ["demo", "target", "parrot", ""],
    ] {
        let there = rows.iter().any(|there| there.iter().zip(row).all(|(cell, wanted)| cell.starts_with(wanted)));
        assert!(there, "expected {row:?} in\n{out}");
    }
}

#[test]
fn a_list_where_nobody_is_says_whom_it_called() {
    let folder = Folder::new();
    let endpoint = format!("unixsock-stream/{}", folder.path("nobody").display());
    let (code, out) = command(&["list", "--connect", &endpoint, "--timeout", "0.5"]);
    assert_eq!(code, 1, "expected no empty table:\n{out}");
    for part in [endpoint.as_str(), "NO_NODE", "no node has been seen within 500ms"] {
        assert!(out.contains(part), "expected `{part}` in {out}");
    }
}

#[test]
fn a_record_is_sent_as_json_and_its_answer_or_code_is_printed() {
    let folder = Folder::new();
    let (_house, endpoint) = node(&folder, "house", "");
    let sum = r#"{"left": 6, "operator": "*", "right": 7}"#;
    for to in [".demo.house", "calculator.demo.house", ".demo.*"] {
        let (code, out) = command(&["send", to, "demo.calculate", sum, "--connect", &endpoint]);
        assert_eq!((code, out.trim()), (0, "42.0"), "sent to {to}");
    }
    let zero = r#"{"left": 6, "operator": "/", "right": 0}"#;
    let (code, out) = command(&["send", ".demo.house", "demo.calculate", zero, "--connect", &endpoint]);
    assert!(code == 1 && out.contains("divided by zero"), "{code}: {out}");
    let (code, out) = command(&["send", ".demo.house", "demo.nothing", "{}", "--connect", &endpoint]);
    assert!(code == 2 && out.contains("demo.calculate") && out.contains("demo.number"), "{code}: {out}");
    let (code, out) = command(&["send", ".demo.house", "demo.echo", "{}", "--connect", &endpoint]);
    assert!(code == 2 && out.contains("missing field `text`"), "{code}: {out}");
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Echo {
    text: String,
}
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Strange(u8, String);
record!(Echo, "demo.echo" => Strange, wire);
record!(Strange, "strange.answer", wire);

struct Stranger;

impl Handle<Echo> for Stranger {
    fn handle(&mut self, echo: &Echo, _: &mut Context<'_>) -> Result<Strange, Failure> {
        Ok(Strange(7, echo.text.clone()))
    }
}

handles!(Stranger: Echo);

#[test]
fn an_answer_that_the_command_does_not_know_is_printed_as_its_bytes() {
    let folder = Folder::new();
    let endpoint = format!("unixsock-stream/{}", folder.path("stranger").display());
    let kernel = Kernel::builder("stranger").start().unwrap();
    let space = kernel.namespace("demo").open().unwrap();
    space.serve::<Echo>(space.register(Stranger).unwrap()).unwrap();
    let net = Network::new().listen(&endpoint).join(&kernel).unwrap();
    let (code, out) = command(&["send", ".demo.stranger", "demo.echo", r#"{"text": "AB"}"#, "--connect", &endpoint]);
    assert_eq!((code, out.trim()), (0, r#"{"bytes":"07024142","record":"strange.answer"}"#));
    drop(net);
    assert!(kernel.stop(running::PATIENCE).is_complete());
}

#[test]
fn who_watches_sees_nodes_come_crash_and_close() {
    let folder = Folder::new();
    let (_house, endpoint) = node(&folder, "house", "");
    let watch = Running::start(&["watch", "--connect", &endpoint]);
    watch.line("node house");
    let connect = format!("connect = [\"{endpoint}\"]\n");
    let (shed, _) = node(&folder, "shed", &connect);
    let (mut garden, _) = node(&folder, "garden", &connect);
    watch.lines(&["+ node shed", "+ node garden"]);
    shed.signal("KILL");
    watch.line("- node shed (crashed)");
    garden.signal("TERM");
    watch.line("- node garden (closed)");
    assert_eq!(garden.exit(), Some(0));
}

#[test]
fn who_watches_a_node_sees_its_targets_and_services() {
    let folder = Folder::new();
    let (house, endpoint) = node(&folder, "house", rules());
    let mut watch = Running::start(&["watch", "house", "--connect", &endpoint]);
    watch.lines(&["= target parrot.demo.house", "= service demo.time at .demo.house"]);
    house.signal("TERM");
    watch.line("- node house (closed)");
    watch.signal("INT");
    assert_eq!(watch.exit(), Some(0));
}

#[test]
fn a_refusal_prints_the_missing_rule() {
    let folder = Folder::new();
    let (_house, endpoint) = node(&folder, "house", "");
    let asks = ["--connect", endpoint.as_str(), "--name", "console"];
    for (command_line, record) in [(["list", "house"], "list-namespaces"), (["watch", "house"], "add-monitor")] {
        let (code, out) = command(&[&command_line[..], &asks].concat());
        let rule = format!(r#"allow = {{ record = "rohrpost.{record}", namespace = "SYSTEM", node = "console" }}"#);
        assert!(code == 1 && out.contains("DENIED") && out.contains(&rule), "expected {rule} in {code}: {out}");
    }
    // And the rule is taken as it was printed.
    let rule = r#"[[rule]]
allow = { record = "rohrpost.list-namespaces", namespace = "SYSTEM", node = "console" }"#;
    let (_barn, endpoint) = node(&folder, "barn", rule);
    let (code, out) = command(&["list", "barn", "--connect", &endpoint, "--name", "console"]);
    assert!(code == 1 && out.contains("rohrpost.list-targets"), "expected the next rule to be missing: {out}");
}

#[test]
fn sigterm_and_sigint_end_a_node_with_a_farewell_and_exit_code_0() {
    for signal in ["TERM", "INT"] {
        let folder = Folder::new();
        let (mut house, _) = node(&folder, "house", "");
        house.signal(signal);
        house.line("house has left");
        assert_eq!(house.exit(), Some(0), "after SIG{signal}");
    }
}

#[test]
fn all_faults_of_a_file_are_told_at_once() {
    let folder = Folder::new();
    let file = folder.write("wrong.toml", "name = \"house\"\nlisten = [\"udp/1\"]\nlease = 4\nnmae = \"x\"\n");
    let (code, out) = command(&["node", "--config", &file]);
    assert_eq!(code, 2, "{out}");
    for fault in ["3 faults", "line 2: `listen`", "line 3: `lease`", "line 4: `nmae`"] {
        assert!(out.contains(fault), "expected `{fault}` in {out}");
    }
}

#[test]
fn a_command_line_that_is_wrong_says_where_help_is_and_each_command_has_some() {
    for (line, text) in [
        (&["dance"][..], "there is no command `dance`"),
        (&["ping"], "ADDRESS is missing"),
        (&["ping", "house"], "say where the network is"),
        (&["list", "--loud"], "rohrpost list --help"),
        (&["ping", "house.demo"], "the address `house.demo` lacks the node"),
        (&["send", "echo", "demo.echo", "{}"], "the address `echo` lacks the node"),
        (&["node"], "`--config FILE` is missing"),
    ] {
        let (code, out) = command(line);
        assert!(code == 2 && out.contains(text), "expected `{text}` of {line:?}, not {code}: {out}");
    }
    for name in ["node", "ping", "list", "watch", "send"] {
        let (code, out) = command(&[name, "--help"]);
        assert!(code == 0 && out.starts_with(&format!("rohrpost {name}")), "{code}: {out}");
    }
}

#[test]
fn the_demo_file_has_no_fault() {
    // With another port than the one that is written there, which may be taken.
    let folder = Folder::new();
    let file = folder.write("node.toml", &OPEN.replace("127.0.0.1:7447", "127.0.0.1:0"));
    let house = Running::start(&["node", "--config", &file]);
    house.line("house is there");
}
