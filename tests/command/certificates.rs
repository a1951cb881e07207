//! Certificates, over `tls/` and over `quic/`: in a node's file, and as options of the commands that look at it.

use std::path::Path;

use crate::authority::{Authority, Files};
use crate::running::{Folder, Running, command};

/// Of a node that lets in whoever has a certificate.
const ANYBODY: &str = "admit_anybody = true\n";

/// A node with these files, and where it listens.
fn node(folder: &Folder, name: &str, files: &Files, more: &str) -> (Running, String) {
    started(name, &file(folder, name, files, more))
}

fn started(name: &str, config: &str) -> (Running, String) {
    let node = Running::start(&["node", "--config", config]);
    let listens = node.line(&format!("{name} listens on "));
    node.line(&format!("{name} is there"));
    let endpoint = listens.rsplit(' ').next().expect("an endpoint").to_owned();
    (node, endpoint)
}

fn file(folder: &Folder, name: &str, files: &Files, more: &str) -> String {
    let [authority, certificate, key] = [&files.authority, &files.certificate, &files.key].map(|path| text(path));
    let text = format!(
        "name = \"{name}\"\nlisten = [\"tls/127.0.0.1:0\"]\n[tls]\nauthority = \"{authority}\"\n\
         certificate = \"{certificate}\"\nkey = \"{key}\"\n{more}"
    );
    folder.write(&format!("{name}.toml"), &text)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

/// The options that name these files.
fn options(files: &Files) -> [&str; 6] {
    let [authority, certificate, key] = [&files.authority, &files.certificate, &files.key].map(|path| text(path));
    ["--authority", authority, "--certificate", certificate, "--key", key]
}

#[test]
fn a_node_that_says_nothing_of_where_listens_with_its_certificate_on_a_free_port() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let config = file(&folder, "house", &authority.files("house", "127.0.0.1", |_| ()), ANYBODY);
    let text = std::fs::read_to_string(&config).unwrap();
    let config = folder.write("house.toml", &text.replace("listen", "# listen"));
    let (_house, endpoint) = started("house", &config);
    assert!(endpoint.starts_with("quic/127.0.0.1:"), "{endpoint}");
    let console = authority.files("console", "127.0.0.1", |_| ());
    let (code, out) = command(&[&["ping", "house", "--connect", &endpoint][..], &options(&console)].concat());
    assert!(code == 0 && out.contains("house is there"), "{code}: {out}");
}

#[test]
fn a_command_with_a_certificate_reaches_a_node_that_asks_for_one_and_nobody_else_does() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let house = authority.files("house", "127.0.0.1", |_| ());
    let (_house, endpoint) = node(&folder, "house", &house, ANYBODY);
    let console = authority.files("console", "127.0.0.1", |_| ());
    let ping = ["ping", "house", "--connect", &endpoint];
    let (code, out) = command(&[&ping[..], &options(&console)].concat());
    assert!(code == 0 && out.contains("house is there"), "{code}: {out}");
    let (code, out) = command(&ping);
    assert!(code == 2 && out.contains("needs certificates"), "expected to be told what is missing: {code}: {out}");
    let short = ["--timeout", "2"];
    let stranger = Authority::new().files("console", "127.0.0.1", |_| ());
    let foreign = Files { authority: authority.certificate(), ..stranger };
    let (code, out) = command(&[&ping[..], &options(&foreign), &short].concat());
    assert!(code != 0 && !out.contains("is there"), "expected a stranger to be kept out: {code}: {out}");
    let (code, out) = command(&[&ping[..], &options(&console)[..4]].concat());
    assert!(code == 2 && out.contains("belong together"), "{code}: {out}");
    let (code, out) = command(&["ping", "house", "--connect", "tcp/127.0.0.1:1", "--any-host"]);
    assert!(code == 2 && out.contains("`--any-host` is for certificates"), "{code}: {out}");
}

#[test]
fn a_command_finds_certificates_and_network_in_the_file_of_a_node() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let (_house, endpoint) = node(&folder, "house", &authority.files("house", "127.0.0.1", |_| ()), ANYBODY);
    let console = authority.files("console", "127.0.0.1", |_| ());
    let config = file(&folder, "console", &console, ANYBODY);
    let (code, out) = command(&["ping", "house", "--config", &config, "--connect", &endpoint]);
    assert!(code == 0 && out.contains("house is there"), "{code}: {out}");
}

#[test]
fn a_node_that_admits_others_by_name_lets_in_these_alone_and_a_host_may_have_any_name_then() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let house = authority.files("house", "house.example", |_| ());
    let (_house, endpoint) = node(&folder, "house", &house, "admit = [\"console\"]\n");
    let ask = |name: &str, more: &[&str]| {
        let files = authority.files(name, "127.0.0.1", |_| ());
        let ping = ["ping", "house", "--connect", &endpoint, "--timeout", "3", "--name", name];
        command(&[&ping[..], &options(&files), more].concat())
    };
    let (code, out) = ask("console", &["--any-host"]);
    assert!(code == 0 && out.contains("house is there"), "{code}: {out}");
    let (code, out) = ask("console", &[]);
    assert!(code != 0 && !out.contains("is there"), "expected another host's certificate to be refused: {code}: {out}");
    let (code, out) = ask("stranger", &["--any-host"]);
    assert!(
        code != 0 && !out.contains("is there"),
        "expected a name that is not admitted to be refused: {code}: {out}"
    );
}

#[test]
fn all_faults_of_the_files_of_certificates_are_told_at_once_with_line_and_key() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let right = authority.files("house", "127.0.0.1", |_| ());
    let wrong = Files { authority: right.key.clone(), certificate: right.key.clone(), key: right.certificate };
    let config = file(&folder, "house", &wrong, "relay = [\"gate\", \"a \\\" b\"]\n");
    let (code, out) = command(&["node", "--config", &config]);
    assert_eq!(code, 2, "{out}");
    for fault in ["3 faults", "line 4: `tls.authority`: ", "line 5: `tls.certificate`: ", "line 6: `tls.key`: "] {
        assert!(out.contains(fault), "expected `{fault}` in {out}");
    }
    let right = authority.files("house", "127.0.0.1", |_| ());
    let config = file(&folder, "house", &right, "relay = [\"gate\", \"a \\\" b\", \"\"]\n");
    let (code, out) = command(&["node", "--config", &config]);
    assert!(code == 2 && out.contains("2 faults"), "{code}: {out}");
    assert_eq!(out.matches("line 7: `tls.relay`: ").count(), 2, "expected each wrong name: {out}");
    let config = file(&folder, "house", &right, "any_host = true\n");
    let (code, out) = command(&["node", "--config", &config]);
    assert!(code == 2 && out.contains("line 3: `tls.admit`: "), "expected to be asked who is let in: {code}: {out}");
}
