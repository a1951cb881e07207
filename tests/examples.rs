//! The examples of machines show what their comments promise.
//!
//! `cargo test` builds the examples before it runs anything; here their programs are run as a reader would run them.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The program of an example, which lies beside the folder of the tests' own.
fn program(example: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a running test has a file");
    let programs = own.parent().and_then(|deps| deps.parent()).expect("a test lies two folders down").join("examples");
    let program = programs.join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    let way_out = "`cargo test` builds it, and so does `cargo build --examples`";
    assert!(program.exists(), "expected {}: {way_out}", program.display());
    program
}

fn run_with(example: &str, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(program(example));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the example starts");
    // An example that reads nothing may have ended already.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    child.wait_with_output().expect("the example ends")
}

/// What an example prints if all goes well.
fn run(example: &str, arguments: &[&str], input: &str) -> String {
    let output = run_with(example, arguments, input);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "expected {example} {arguments:?} to end well: {told}");
    String::from_utf8(output.stdout).expect("an example prints text")
}

/// Expects `lines` in this order, perhaps with others between them. How far a line is indented or filled up does not matter.
fn expect(printed: &str, lines: &[&str]) {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut rest = printed.lines();
    for &line in lines {
        assert!(rest.any(|there| words(there) == words(line)), "expected `{line}` where it belongs in\n{printed}");
    }
}

#[test]
fn a_door_opens_and_locks_and_shows_its_diagram() {
    expect(
        &run("door", &[], ""),
        &[
            "Push Open",
            "Pull Unlocked",
            "Turn { key: 3 } Unlocked (nothing happens)",
            "click",
            "Turn { key: 7 } Locked",
            "Push Locked (nothing happens)",
            "opened 1 time(s), 16 bytes a machine",
            "stateDiagram-v2",
            "state \"Unlocked\" as s3",
            "s3 --> s4 : Turn [?] / !",
            "class s4 active",
        ],
    );
}

#[test]
fn a_player_goes_on_where_it_paused_and_its_lamp_has_a_life_of_its_own() {
    expect(
        &run("player", &[], ""),
        &[
            "0 s goes to sleep Idle",
            "5 s play wakes up, plays the intro Intro + Bright",
            "15 s plays the verse Verse + Bright",
            "20 s dims its lamp Verse + Dim",
            "30 s pause falls silent, brightens its lamp Paused + Bright",
            "60 s play brightens its lamp, plays the verse Verse + Bright",
            "85 s next falls silent, brightens its lamp, plays the intro Intro + Bright",
            "155 s falls silent, begins the next song, plays the intro Intro + Dim",
            "470 s goes to sleep Idle",
            "485 s off falls silent, goes to sleep Idle",
        ],
    );
}

#[test]
fn a_checkout_lets_its_customer_wait_for_the_bank() {
    let printed = run("checkout", &[], "");
    expect(
        &printed,
        &[
            "asks the bank for 30",
            "pay: ()",
            "30 paid",
            "12 more in the basket",
            "add 12, while the bank thinks: Basket(12)",
            "now it is in [\"Shopping\"]",
            "asks the bank for 112",
            "the bank refuses: not so much",
            "1 more in the basket",
            "add 1, while the bank thinks: Basket(113)",
            "cancel: ()",
        ],
    );
    for line in ["pay nothing: NOT_HANDLED: shop.pay to ", "add 5: REJECTED: shop.add to "] {
        assert!(printed.contains(line), "expected `{line}` in\n{printed}");
    }
}

#[test]
fn a_statechart_plays_its_own_events_if_there_are_no_others() {
    expect(
        &run("statechart", &[], ""),
        &[
            "(start) [idle green] beans=2 +machine +work +idle +lamp +green",
            "coffee [brewing red] beans=1 -idle +brewing -green +red",
            "ready [idle green] beans=1 -brewing +idle -red +green",
            "coffee [empty red] beans=0 -idle +empty -green +red",
            "fill [idle green] beans=2 -empty +idle -red +green",
        ],
    );
}

#[test]
fn a_statechart_is_stepped_from_standard_input() {
    expect(
        &run("statechart", &[], "coffee\ntea\nfill\nready\n"),
        &[
            "coffee [brewing red] beans=1 -idle +brewing -green +red",
            "tea is no event; there are coffee, fill, ready",
            "fill [brewing red] beans=1 (Unhandled)",
            "ready [idle green] beans=1 -brewing +idle -red +green",
        ],
    );
}

#[test]
fn a_statechart_is_drawn_for_graphviz() {
    let printed = run("statechart", &["--dot"], "");
    expect(&printed, &["digraph chart {", "s3 -> s4 [label=\"coffee [?]\"];", "s7 -> s8 [label=\"[?]\"];", "}"]);
}

/// Two charts in one file, as the vectors of the conformance test have them.
const CHARTS: &str = r#"{ "cases": [
    { "group": "lamps", "name": "one", "vars": {},
      "states": [
        { "id": "root", "type": "root", "initial": ["off"] },
        { "id": "off", "type": "state", "parent": "root" },
        { "id": "on", "type": "state", "parent": "root" } ],
      "transitions": [
        { "source": "off", "events": ["press"], "targets": ["on"] },
        { "source": "on", "events": ["press"], "targets": ["off"] } ],
      "events": [["press", []]] },
    { "group": "lamps", "name": "faulty", "vars": {},
      "states": [{ "id": "root", "type": "root", "initial": ["dim"] }, { "id": "off", "type": "state", "parent": "root" }],
      "transitions": [], "events": [] } ] }"#;

#[test]
fn a_statechart_is_chosen_from_a_file_and_told_its_faults() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lamps.json");
    std::fs::write(&file, CHARTS).expect("room for a file");
    let file = file.to_str().expect("a path of text");
    expect(&run("statechart", &[file], ""), &["lamps/one", "lamps/faulty"]);
    expect(&run("statechart", &[file, "lamps/one"], ""), &["(start) [off] +off", "press [on] -off +on"]);
    for (arguments, told) in [
        (vec![file, "lamps/faulty"], "dim"),
        (vec![file, "lamps/two"], "lamps/two"),
        (vec!["no/such/file.json"], "no/such/file.json"),
    ] {
        let output = run_with("statechart", &arguments, "");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "expected {arguments:?} to be refused");
        assert!(error.contains(told), "expected an error that names `{told}`: {error}");
    }
}
