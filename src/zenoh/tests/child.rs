//! A node in a process of its own: this test binary, started again.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use crate::net::transport::{Ears, Gone, Lane, Peer, Transport as _};
use crate::zenoh::config::Network;
use crate::zenoh::tests::names::{endpoint, peer};

const SPECIFICATION: &str = "ROHRPOST_TEST_NODE";

/// A node in another process, which sends back what it is sent. It ends with this.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) me: Peer,
    /// Where it listens.
    pub(super) endpoint: String,
    process: Child,
}

impl Remote {
    /// Starts the node `name` with the seed `seed`, in the realm `realm`.
    pub(super) fn start(name: &str, incarnation: u64, realm: &str, seed: &str) -> Self {
        let endpoint = endpoint("tcp");
        let (_crate, test) = concat!(module_path!(), "::a_node_in_a_process_of_its_own").split_once("::").unwrap();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(SPECIFICATION, format!("{name} {incarnation} {realm} {seed} {endpoint}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let open = lines.any(|line| line.unwrap().contains("@open"));
        assert!(open, "expected the node {name} to open");
        // It goes on writing; nobody must wait for a reader.
        std::thread::spawn(move || lines.count());
        Self { me: peer(name, incarnation), endpoint, process }
    }

    /// Has it stop as it should.
    pub(super) fn stop(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success(), "expected the node to stop");
    }

    /// Ends it without a word: SIGKILL.
    pub(super) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What is to be sent back.
#[derive(Debug, Default)]
struct Echo {
    frames: Mutex<Vec<(Peer, Bytes)>>,
    more: Condvar,
}

impl Ears for Echo {
    fn joined(&self, _: Peer) {}

    fn heard(&self, from: Peer, frame: Bytes) {
        self.frames.lock().push((from, frame));
        self.more.notify_all();
    }

    fn left(&self, _: Peer, _: Gone) {}
}

/// Not a test of its own: what [`Remote`] runs.
#[test]
fn a_node_in_a_process_of_its_own() {
    let Ok(specification) = std::env::var(SPECIFICATION) else { return };
    let [name, incarnation, realm, seed, listen] = specification.split(' ').collect::<Vec<_>>()[..] else {
        panic!("expected five words in `{specification}`")
    };
    let echo = Arc::new(Echo::default());
    let zenoh = Network::new().realm(realm).listen(listen).connect(seed);
    let mut carriage = zenoh.open(peer(name, incarnation.parse().unwrap()), echo.clone()).unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "@open").unwrap();
    out.flush().unwrap();
    let ended = Arc::new(Mutex::new(false));
    let end = ended.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        *end.lock() = true;
    });
    // A parent that is gone closes the pipe, too.
    while !*ended.lock() {
        let frames = {
            let mut frames = echo.frames.lock();
            if frames.is_empty() {
                echo.more.wait_for(&mut frames, Duration::from_millis(20));
            }
            std::mem::take(&mut *frames)
        };
        for (from, frame) in frames {
            let _ = carriage.send(from, Lane::Mail, frame.into());
        }
    }
    carriage.stop();
}
