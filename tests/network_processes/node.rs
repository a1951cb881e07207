//! A node in a process of its own: what it is told by its input, line by line, and what it says by its output.

use std::fmt::Write as _;
use std::io::{BufRead as _, Write as _};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant, SystemTime};

use rohrpost::net::{Joining, Net};
use rohrpost::zenoh::{Network, Tls};
use rohrpost::{Address, Code, Kernel, NodeId};

use crate::ledger::{Answerer, Ask, Asker, Ledger, Pace, SPACE};

/// The variable of the environment that makes a process a node: name, realm, lease in ms and that of zenoh, listener, reach,
/// seeds.
pub(crate) const SPECIFICATION: &str = "ROHRPOST_PROOF_NODE";

/// That of its certificates: three files, and the names of those who are let in.
pub(crate) const PAPERS: &str = "ROHRPOST_PROOF_PAPERS";

/// The largest message, in bytes.
pub(crate) const LARGEST: usize = 1 << 20;

const STOPPING: Duration = Duration::from_secs(5);

struct Node {
    kernel: Kernel,
    net: Net,
    asker: Address,
    ledger: Ledger,
}

/// Not a test of its own: what [`Process`](crate::fleet::Process) runs.
#[test]
fn a_node_in_a_process_of_its_own() {
    let Ok(specification) = std::env::var(SPECIFICATION) else { return };
    let mut words = specification.split(' ');
    let mut word = || words.next().expect("six words at least").to_owned();
    let (name, realm, lease, engine, listen, reach) = (word(), word(), word(), word(), word(), word());
    let [lease, engine] = [lease, engine].map(|millis| Duration::from_millis(number(&millis)));
    let network = certified(Network::new().realm(realm).lease(engine));
    let network = match reach.as_str() {
        "Router" => network.behind_router(),
        "Called" => network.without_gossip().listen(listen),
        _ => network.listen(listen),
    };
    let network = words.fold(network, Network::connect);
    let kernel = Kernel::builder(&name).start().unwrap();
    let ledger = Ledger::default();
    let space = kernel.namespace("proof").threads(2).open().unwrap();
    let asker = space.register_on(0, Asker::new(ledger.clone(), name)).unwrap();
    space.serve::<Ask>(space.register_on(1, Answerer::new(ledger.clone())).unwrap()).unwrap();
    let joining = Joining::new().lease(lease).heartbeat(lease / 4).max_message(LARGEST);
    let net = match network.join_with(&kernel, joining) {
        Ok(net) => net,
        Err(refused) => return say(&format!("@refused {refused}")),
    };
    say("@ready");
    Node { kernel, net, asker, ledger }.run();
}

/// With the certificates that the environment names, if it does.
fn certified(network: Network) -> Network {
    let Ok(papers) = std::env::var(PAPERS) else { return network.insecure() };
    let papers: Vec<&str> = papers.split(' ').collect();
    let [authority, certificate, key, admits @ ..] = &papers[..] else { panic!("expected three files: {papers:?}") };
    network.tls(admits.iter().fold(Tls::new(authority, certificate, key), |tls, name| tls.admit(node(name))))
}

impl Node {
    fn run(self) {
        let (orders, told) = channel();
        take_signals(orders.clone());
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let _ = orders.send(line.unwrap());
            }
            // Whoever started it is gone.
            let _ = orders.send("stop".to_owned());
        });
        loop {
            let line = match told.recv_timeout(Duration::from_secs(600)) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => "stop".to_owned(),
            };
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["pace", every, open, millis, loads, ref peers @ ..] => self.pace(every, open, millis, loads, peers),
                ["meet", peer, millis] => {
                    let met = self.net.wait_for(node(peer), Duration::from_millis(number(millis)));
                    say(if met { "@yes" } else { "@no" });
                }
                ["ask", peer, millis] => self.ask(node(peer), Duration::from_millis(number(millis))),
                ["report"] => say(&format!("@report even=1 {}", self.report())),
                ["open"] => say(&format!("@{}", self.ledger.lock().unwrap().open)),
                ["settle", millis] => self.settle(Duration::from_millis(number(millis))),
                ["stop"] => break,
                _ => panic!("expected an order, got `{line}`"),
            }
        }
        let stopped = self.kernel.stop(STOPPING);
        let even = self.kernel.counters().is_balanced() && stopped.is_complete();
        say(&format!("@stopped even={} {}", u8::from(even), self.report()));
    }

    fn pace(&self, every: &str, open: &str, millis: &str, loads: &str, peers: &[&str]) {
        let every = Some(Duration::from_millis(number(every))).filter(|every| !every.is_zero());
        let pace = Pace {
            peers: peers.iter().map(|peer| node(peer)).collect(),
            open: number(open) as usize,
            every,
            millis: number(millis),
            loads: loads.split(',').map(|load| number(load) as usize).collect(),
        };
        self.kernel.ask(self.asker, pace).timeout(STOPPING).wait().unwrap();
        say("@ok");
    }

    /// Asks until there is an answer.
    fn ask(&self, peer: NodeId, patience: Duration) {
        let start = Instant::now();
        let ask = Ask { asker: String::new(), number: 0, millis: 0, load: Vec::new() };
        let to = Address::service(SPACE).on_node(peer);
        let mut last = Code::NO_NODE;
        while start.elapsed() < patience {
            // Each gets another number, so that none seems to come twice.
            let number = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
            let asker = format!("outside {}", self.kernel.node());
            match self.kernel.ask(to, Ask { asker, number, ..ask.clone() }).timeout(Duration::from_secs(1)).wait() {
                Ok(_) => return say(&format!("@yes {}", start.elapsed().as_millis())),
                Err(failure) => last = failure.code(),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        say(&format!("@no {last} there={:?} {} {:?}", self.net.nodes(), self.report(), self.net.counters()));
    }

    /// Waits until every question has ended, and the counters come out even.
    fn settle(&self, patience: Duration) {
        let end = Instant::now() + patience;
        let settled = || self.ledger.lock().unwrap().open == 0 && self.kernel.counters().is_balanced();
        while !settled() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        let counters = self.kernel.counters();
        say(&format!("@settled even={} {} {counters:?}", u8::from(counters.is_balanced()), self.report()));
    }

    fn report(&self) -> String {
        let book = self.ledger.lock().unwrap();
        let counters = self.net.counters();
        let returned: u64 = book.returned.values().sum();
        let last = book.last_return.map_or(0, |last| last.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos());
        let mut report = format!(
            "sent={} answered={} returned={returned} open={} stray={} doubled={} last={last} links={} dead={} anew={} gaps={}",
            book.sent,
            book.answered,
            book.open,
            book.stray,
            book.doubled,
            counters.opened,
            counters.half_dead,
            counters.reopened,
            counters.gaps,
        );
        for (&code, count) in &book.returned {
            let _ = write!(report, " {}={count}", Code::from_number(code));
        }
        report
    }
}

/// Has SIGTERM stop the node as it should be.
fn take_signals(orders: Sender<String>) {
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM]).unwrap();
    std::thread::spawn(move || {
        for _ in signals.forever() {
            let _ = orders.send("stop".to_owned());
        }
    });
}

fn node(name: &str) -> NodeId {
    name.parse().unwrap()
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("expected a number, got `{text}`"))
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever started it may be gone.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
