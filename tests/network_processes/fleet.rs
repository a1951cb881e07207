//! The tests' side: processes that are nodes, and what is expected of all of them in the end.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::authority::Files;
use crate::node::{PAPERS, SPECIFICATION};

/// How long traffic may take to flow again.
pub(crate) const HEALING: Duration = Duration::from_secs(10);
/// How long nodes that can see each other may take to meet, on a busy machine.
pub(crate) const MEETING: Duration = Duration::from_secs(30);
/// How long a process may take for anything else.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) realm: String,
    pub(crate) lease: Duration,
    /// When zenoh gives a silent link up.
    pub(crate) engine: Duration,
    pub(crate) listen: String,
    pub(crate) seeds: Vec<String>,
    pub(crate) reach: Reach,
    /// The network namespace that it runs in.
    pub(crate) host: Option<String>,
    /// The files of its certificates, if it has some, and whom they let in.
    pub(crate) papers: Option<String>,
}

/// Whom a node has links to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Everybody of whom it is told.
    All,
    /// Those that it calls or that call it.
    Called,
    /// The router that it calls.
    Router,
}

/// A node in another process. It is killed with this.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    process: Child,
    said: Receiver<String>,
}

/// What a node says of its mail.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    text: String,
    numbers: HashMap<String, u128>,
}

/// How much is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    Idle,
    /// 10 times a second.
    Steady,
    /// 64 questions at a time, one follows the other.
    Saturated,
}

impl Plan {
    /// A node on the loopback address, of which nobody else knows.
    pub(crate) fn new(name: &str, realm: &str) -> Self {
        let listen = endpoint();
        let (name, realm) = (name.to_owned(), format!("{realm}-{}", std::process::id()));
        let lease = Duration::from_secs(2);
        let (seeds, reach) = (Vec::new(), Reach::All);
        Self { name, realm, lease, engine: lease, listen, seeds, reach, host: None, papers: None }
    }

    /// Shows these certificates, and lets in those who are named.
    pub(crate) fn certified(mut self, files: &Files, admits: &[&str]) -> Self {
        let files = [&files.authority, &files.certificate, &files.key].map(|path| path.to_str().unwrap());
        self.papers = Some([&files[..], admits].concat().join(" "));
        self.listen = self.listen.replace("tcp/", "quic/");
        self
    }

    pub(crate) fn lease(mut self, lease: Duration) -> Self {
        (self.lease, self.engine) = (lease, lease);
        self
    }

    /// Has zenoh give a silent link up later than the node does.
    pub(crate) fn slow_engine(mut self, lease: Duration) -> Self {
        self.engine = lease;
        self
    }

    /// Calls `seed`.
    pub(crate) fn calls(mut self, seed: &Self) -> Self {
        self.seeds.push(seed.listen.clone());
        self
    }

    /// Has links to those alone that it calls or that call it.
    pub(crate) fn without_gossip(mut self) -> Self {
        self.reach = Reach::Called;
        self
    }

    /// Calls the router at `endpoint`, and nobody else.
    pub(crate) fn behind(mut self, endpoint: String) -> Self {
        (self.reach, self.seeds, self.listen) = (Reach::Router, vec![endpoint], "-".to_owned());
        self
    }

    pub(crate) fn start(&self) -> Process {
        self.try_start().unwrap_or_else(|refused| panic!("expected `{}` to join: {refused}", self.name))
    }

    /// Starts it, or says why it did not join.
    pub(crate) fn try_start(&self) -> Result<Process, String> {
        let mut command = itself(self.host.as_deref());
        let Self { name, realm, lease, engine, listen, seeds, reach, .. } = self;
        let [lease, engine] = [lease, engine].map(Duration::as_millis);
        let mut specification = format!("{name} {realm} {lease} {engine} {listen} {reach:?}");
        seeds.iter().for_each(|seed| specification.extend([" ", seed]));
        command.envs(self.papers.as_ref().map(|papers| (PAPERS, papers)));
        let mut process = command
            .args(["--exact", "node::a_node_in_a_process_of_its_own", "--nocapture"])
            .env(SPECIFICATION, specification)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        let (told, said) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                // The harness begins a line of its own with no end.
                if let Some(at) = line.find('@') {
                    let _ = told.send(line[at + 1..].to_owned());
                }
            }
        });
        let process = Process { name: name.clone(), process, said };
        match process.hear().split_once(' ') {
            None => Ok(process),
            Some((_, refused)) => Err(refused.to_owned()),
        }
    }
}

/// This binary, to be started on a host.
pub(crate) fn itself(host: Option<&str>) -> Command {
    let binary = std::env::current_exe().unwrap();
    let Some(host) = host else { return Command::new(binary) };
    let mut command = Command::new("ip");
    command.args(["netns", "exec", host]).arg(binary);
    command
}

impl Process {
    fn hear(&self) -> String {
        self.said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("expected `{}` to say something", self.name))
    }

    fn order(&self, order: &str) {
        let sent = writeln!(self.process.stdin.as_ref().expect("it is there"), "{order}");
        sent.unwrap_or_else(|gone| panic!("expected `{}` to run: {gone}", self.name));
    }

    fn told(&self, order: &str) -> String {
        self.order(order);
        self.hear()
    }

    /// Has it ask `peers` from here on.
    pub(crate) fn asks(&self, peers: &[&str], traffic: Traffic) {
        let pace = match traffic {
            Traffic::Idle => return self.asks_nobody(),
            Traffic::Steady => "100 64 0 10",
            Traffic::Saturated => "0 64 0 1000",
        };
        assert_eq!(self.told(&format!("pace {pace} {}", peers.join(" "))), "ok");
    }

    /// Has it have `open` questions to `peer` at a time, each of which takes `millis` to answer, with so many bytes each.
    pub(crate) fn asks_for(&self, peer: &str, open: usize, millis: u64, loads: &[usize]) {
        let loads = loads.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        assert_eq!(self.told(&format!("pace 0 {open} {millis} {loads} {peer}")), "ok");
    }

    pub(crate) fn asks_nobody(&self) {
        assert_eq!(self.told("pace 0 0 0 0"), "ok");
    }

    /// Waits until so many of its questions have not ended.
    pub(crate) fn has_open(&self, questions: usize) {
        let end = Instant::now() + HEALING;
        while self.told("open").parse::<usize>().unwrap() < questions {
            assert!(Instant::now() < end, "expected `{}` to have {questions} open questions", self.name);
        }
    }

    /// Waits until it has opened its connections anew.
    pub(crate) fn reopens(&self) {
        let end = Instant::now() + PATIENCE;
        while Report::read(&self.told("report")).number("anew") == 0 {
            assert!(Instant::now() < end, "expected `{}` to open its connections anew", self.name);
        }
    }

    /// Waits until `peer` is there for it.
    pub(crate) fn meets(&self, peer: &str) {
        let met = self.told(&format!("meet {peer} {}", MEETING.as_millis()));
        assert_eq!(met, "yes", "expected `{}` to meet `{peer}`", self.name);
    }

    /// Asks `peer` until it answers, and says how long that took.
    pub(crate) fn reaches(&self, peer: &str, within: Duration) -> Duration {
        self.order(&format!("ask {peer} {}", within.as_millis()));
        self.reached(peer).unwrap_or_else(|missed| panic!("{missed}"))
    }

    /// Asks `peer` for a while and gets no answer.
    pub(crate) fn misses(&self, peer: &str, time: Duration) {
        self.order(&format!("ask {peer} {}", time.as_millis()));
        let reached = self.reached(peer);
        assert!(reached.is_err(), "expected `{}` not to reach `{peer}`: {reached:?}", self.name);
    }

    fn reached(&self, peer: &str) -> Result<Duration, String> {
        let said = self.hear();
        let millis = said.strip_prefix("yes ").and_then(|millis| millis.parse().ok());
        let missed = || format!("expected `{peer}` to answer `{}` in time, and in the end it said: {said}", self.name);
        millis.map(Duration::from_millis).ok_or_else(missed)
    }

    /// Waits until all that it has asked has ended.
    pub(crate) fn settles(&self, within: Duration) -> Report {
        self.asks_nobody();
        let report = Report::read(&self.told(&format!("settle {}", within.as_millis())));
        let open = report.number("open");
        assert_eq!(open, 0, "expected every question of `{}` to end: {report:?}", self.name);
        report.is_right(&self.name);
        report
    }

    /// Sends it a signal, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args([format!("-{signal}"), pid]).status();
        assert!(sent.expect("a command `kill`").success(), "expected `{}` to be there", self.name);
    }

    /// Ends it without a word: SIGKILL.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Has it stop by SIGTERM, and end as it should.
    pub(crate) fn terminate(mut self) -> Report {
        self.signal("TERM");
        let said = loop {
            let said = self.hear();
            if said.starts_with("stopped") {
                break said;
            }
        };
        let report = Report::read(&said);
        report.is_right(&self.name);
        // Its last words are said.
        assert!(self.process.wait().unwrap().success(), "expected `{}` to end well", self.name);
        report
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Report {
    fn read(text: &str) -> Self {
        let pair = |word: &str| {
            let (name, number) = word.split_once('=')?;
            Some((name.to_owned(), number.parse().ok()?))
        };
        Self { text: text.to_owned(), numbers: text.split(' ').filter_map(pair).collect() }
    }

    /// A number that it gives; 0 if it does not.
    pub(crate) fn number(&self, name: &str) -> u128 {
        self.numbers.get(name).copied().unwrap_or(0)
    }

    /// The promise: every question has ended exactly once, and nothing came twice. What was still open when the asker itself
    /// went is in the kernel's counters alone.
    fn is_right(&self, name: &str) {
        let Self { text, .. } = self;
        assert_eq!(self.number("stray"), 0, "expected `{name}` to hear nothing that it had not asked: {text}");
        assert_eq!(self.number("doubled"), 0, "expected nothing to come to `{name}` twice: {text}");
        let ended = self.number("answered") + self.number("returned") + self.number("open");
        assert_eq!(self.number("sent"), ended, "expected each question of `{name}` to end once: {text}");
        assert_eq!(self.number("even"), 1, "expected the counters of `{name}` to come out even: {text}");
    }
}

/// Expects that each reaches each within the time, all at once, and gives the longest that it took.
pub(crate) fn all_reach_all(nodes: &[Process], within: Duration) -> Duration {
    let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
    for node in nodes.iter() {
        for peer in names.iter().filter(|&peer| *peer != node.name) {
            node.order(&format!("ask {peer} {}", within.as_millis()));
        }
    }
    let mut longest = Duration::ZERO;
    let mut missed = Vec::new();
    for node in nodes {
        // It does one after the other.
        let mut took = Duration::ZERO;
        for peer in names.iter().filter(|&peer| *peer != node.name) {
            node.reached(peer).map_or_else(|why| missed.push(why), |one| took += one);
        }
        longest = longest.max(took);
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(longest <= within, "expected traffic between all within {within:?}, it took {longest:?}");
    longest
}

/// Starts nodes of which the first is the seed of all others, and waits until all have met.
pub(crate) fn start_all(plans: &[Plan]) -> Vec<Process> {
    let starting: Vec<JoinHandle<Process>> =
        plans.iter().cloned().map(|plan| std::thread::spawn(move || plan.start())).collect();
    let nodes: Vec<Process> = starting.into_iter().map(|node| node.join().expect("a node")).collect();
    for node in &nodes {
        plans.iter().filter(|plan| plan.name != node.name).for_each(|plan| node.meets(&plan.name));
    }
    nodes
}

/// Plans for nodes `a`, `b` and so on, the first of which is the seed.
pub(crate) fn plans(count: usize, realm: &str) -> Vec<Plan> {
    let seed = Plan::new("a", realm);
    let others = ["b", "c", "d"].map(|name| Plan::new(name, realm).calls(&seed));
    std::iter::once(seed).chain(others).take(count).collect()
}

/// Expects the end that every test has: traffic between all, all questions ended, all even.
#[expect(clippy::needless_pass_by_value, reason = "the processes end with it")]
pub(crate) fn all_is_well(nodes: Vec<Process>) -> Vec<Report> {
    nodes.iter().for_each(Process::asks_nobody);
    all_reach_all(&nodes, HEALING);
    nodes.iter().map(|node| node.settles(HEALING)).collect()
}

/// A free port of the loopback address, below those that the system gives to callers.
pub(crate) fn endpoint() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (std::process::id() * 31 + next) % 10_000;
        if TcpListener::bind(("127.0.0.1", port as u16)).is_ok() {
            return format!("tcp/127.0.0.1:{port}");
        }
    }
}
