//! Processes of the command, and what they print.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

/// How long anything may take: long, for a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A process that is killed with its test.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    /// What it has printed so far.
    seen: RefCell<String>,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let (tell, lines) = mpsc::channel();
        read(child.stdout.take().expect("a pipe"), tell.clone());
        read(child.stderr.take().expect("a pipe"), tell);
        Self { child, lines, seen: RefCell::default() }
    }

    /// Waits for a line that contains `part`.
    pub(crate) fn line(&self, part: &str) -> String {
        self.lines(&[part])
    }

    /// Waits until for each of `parts` a line has come that contains it, in any order; the last line.
    pub(crate) fn lines(&self, parts: &[&str]) -> String {
        let end = Instant::now() + PATIENCE;
        let mut missing = parts.to_vec();
        loop {
            let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) else {
                panic!("expected {missing:?} in what was printed:\n{}", self.seen.borrow());
            };
            let mut seen = self.seen.borrow_mut();
            seen.push_str(&line);
            seen.push('\n');
            missing.retain(|part| !line.contains(part));
            if missing.is_empty() {
                return line;
            }
        }
    }

    /// Sends a signal: `TERM`, `INT`, `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("there is `kill`").success(), "expected the process to be there for SIG{name}");
    }

    /// Waits for its end; its exit code, and none if a signal killed it.
    pub(crate) fn exit(&mut self) -> Option<i32> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status.code();
            }
            assert!(Instant::now() < end, "expected it to end; it printed:\n{}", self.seen.borrow());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end: the exit code, and all that it printed.
pub(crate) fn command(arguments: &[&str]) -> (i32, String) {
    let mut running = Running::start(arguments);
    let code = running.exit().unwrap_or_else(|| panic!("expected {arguments:?} to end by itself"));
    // Ends when both pipes are read.
    let lines: Vec<String> = running.lines.iter().collect();
    (code, lines.join("\n"))
}

fn read(pipe: impl Read + Send + 'static, tell: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
}

/// A folder that is gone with its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rohrpost-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for a test");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file; its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file for a test");
        path.to_str().expect("the path is text").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
