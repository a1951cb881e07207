//! Two nodes over zenoh, with the defaults but for the window that a row says, and twice that as the capacity of its receiver.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rohrpost::net::Joining;
use rohrpost::zenoh::Network;
use rohrpost::{Address, Answers, Context, Failure, Handle, Idle, Kernel, Nid, NodeId, RequestId, handles, record};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ROUNDS, SENDING, SMALL};

/// The child of this program, by the word on the command line.
pub(crate) const NODE: &str = "--node";

/// Messages to one node that may be unacknowledged: what there is without asking, and fewer.
pub(crate) const WINDOW: usize = 4096;
pub(crate) const NARROW: usize = 768;

const THERE: NodeId = NodeId::name("there");
const SOON: Duration = Duration::from_secs(30);

/// Bytes, written as such: a `Vec<u8>` of serde's is a list of numbers.
#[derive(Clone, Debug)]
struct Load(Vec<u8>);
/// Is to be sent back.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Echo(Load);
/// Asks how many loads have come.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Count;
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Counted(u64);
record!(Load, "bench.load", wire);
record!(Echo, "bench.echo" => Echo, wire);
record!(Count, "bench.count" => Counted, wire);
record!(Counted, "bench.counted", wire);

impl Serialize for Load {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Load {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Load;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Load, E> {
                Ok(Load(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// Counts the loads, and sends those back that are to be.
#[derive(Default)]
struct Depot {
    count: u64,
}

impl Handle<Load> for Depot {
    fn handle(&mut self, _: &Load, _: &mut Context<'_>) -> Result<(), Failure> {
        self.count += 1;
        Ok(())
    }
}

impl Handle<Echo> for Depot {
    fn handle(&mut self, echo: &Echo, _: &mut Context<'_>) -> Result<Echo, Failure> {
        Ok(echo.clone())
    }
}

impl Handle<Count> for Depot {
    fn handle(&mut self, _: &Count, _: &mut Context<'_>) -> Result<Counted, Failure> {
        Ok(Counted(self.count))
    }
}

handles!(Depot: Load, Echo, Count);

/// Has a target begin.
#[derive(Clone, Debug)]
struct Begin;
record!(Begin, "bench.begin", local);

/// Asks one question after the other, and tells how long each took.
struct Asker {
    to: Address,
    asked: Instant,
    rounds: Vec<Duration>,
    done: Sender<Vec<Duration>>,
}

impl Asker {
    fn ask(&mut self, ctx: &Context<'_>) {
        self.asked = Instant::now();
        let _ = ctx.request(self.to, Echo(Load(vec![0; SMALL])));
    }
}

impl Handle<Begin> for Asker {
    fn handle(&mut self, _: &Begin, ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.ask(ctx);
        Ok(())
    }
}

impl Answers<Echo> for Asker {
    fn answered(&mut self, answer: Result<Echo, Failure>, _: Option<RequestId>, ctx: &mut Context<'_>) {
        let Echo(Load(answer)) = answer.unwrap();
        assert_eq!(answer.len(), SMALL);
        self.rounds.push(self.asked.elapsed());
        if self.rounds.len() < ROUNDS + ROUNDS / 10 {
            return self.ask(ctx);
        }
        self.done.send(self.rounds.split_off(ROUNDS / 10)).unwrap();
    }
}

handles!(Asker: Begin; answers Echo);

/// Sends loads in batches: the last thing in each is a question, whose answer makes room for another batch. So no more is
/// under way than the window takes.
struct Pump {
    to: Address,
    size: usize,
    /// Loads in a batch, and batches under way.
    batch: usize,
    batches: usize,
    began: Instant,
    sent: u64,
    under_way: usize,
    /// Loads that were sent, and when the last question was answered.
    done: Sender<(u64, u64, Duration)>,
}

impl Pump {
    fn send_batch(&mut self, ctx: &Context<'_>) {
        for _ in 0..self.batch {
            ctx.notify(self.to, Load(vec![0; self.size]));
        }
        self.sent += self.batch as u64;
        self.under_way += 1;
        let _ = ctx.request(self.to, Count);
    }
}

impl Handle<Begin> for Pump {
    fn handle(&mut self, _: &Begin, ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.began = Instant::now();
        (0..self.batches).for_each(|_| self.send_batch(ctx));
        Ok(())
    }
}

impl Answers<Counted> for Pump {
    fn answered(&mut self, answer: Result<Counted, Failure>, _: Option<RequestId>, ctx: &mut Context<'_>) {
        let Counted(arrived) = answer.unwrap();
        self.under_way -= 1;
        if self.began.elapsed() < SENDING {
            return self.send_batch(ctx);
        }
        if self.under_way == 0 {
            self.done.send((self.sent, arrived, self.began.elapsed())).unwrap();
        }
    }
}

handles!(Pump: Begin; answers Counted);

/// The median round trip in µs, asked by a plain thread that waits that way.
pub(crate) fn round_trips(idle: Idle) -> f64 {
    let there = There::start(WINDOW);
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS + ROUNDS / 10 {
        let start = Instant::now();
        let question = Echo(Load(vec![0; SMALL]));
        let Echo(Load(answer)) = there.kernel.ask(there.depot(), question).timeout(SOON).idle(idle).wait().unwrap();
        if round >= ROUNDS / 10 {
            rounds.push(start.elapsed());
        }
        assert_eq!(answer.len(), SMALL);
    }
    median(rounds)
}

/// The same, asked by a target.
pub(crate) fn round_trips_of_a_target() -> f64 {
    let there = There::start(WINDOW);
    let (done, rounds) = channel();
    let asker = Asker { to: there.depot(), asked: Instant::now(), rounds: Vec::new(), done };
    median(there.run(asker, &rounds))
}

fn median(mut rounds: Vec<Duration>) -> f64 {
    rounds.sort();
    rounds[rounds.len() / 2].as_secs_f64() * 1e6
}

/// Messages of `size` bytes per second (of 1 MiB: MiB per second), from the first that is sent to the last that has arrived.
pub(crate) fn one_way(size: usize, window: usize) -> f64 {
    let there = There::start(window);
    let (done, end) = channel();
    // Within the window, with the questions. Of large ones few: those that wait for their turn are in no cache by then.
    let (batch, batches) = if size == SMALL { (window / 4 - 12, 4) } else { (1, 4) };
    let pump = Pump { to: there.depot(), size, batch, batches, began: Instant::now(), sent: 0, under_way: 0, done };
    let (sent, arrived, took) = there.run(pump, &end);
    assert_eq!(arrived, sent, "expected everything to arrive");
    sent as f64 / took.as_secs_f64()
}

/// The other process, and this node.
struct There {
    kernel: Kernel,
    process: Child,
}

impl There {
    fn start(window: usize) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let endpoint = format!("tcp/127.0.0.1:{port}");
        let kernel = Kernel::builder("here").start().unwrap();
        let net = Network::new().listen(&endpoint).join_with(&kernel, Joining::new().window(window)).unwrap();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([NODE, &endpoint, &window.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ready = BufReader::new(process.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        assert_eq!(ready, "ready");
        assert!(net.wait_for(THERE, SOON), "expected the other node to join");
        let there = Self { kernel, process };
        // Until the link has opened mail waits for it.
        there.kernel.ask(there.depot(), Count).timeout(SOON).wait().unwrap();
        there
    }

    fn depot(&self) -> Address {
        Address::service(Nid::name("bench")).on_node(THERE)
    }

    /// Has a target do its work, and waits for what it has to tell.
    fn run<T>(&self, target: impl Handle<Begin> + rohrpost::Target + Send, end: &Receiver<T>) -> T {
        let space = self.kernel.namespace("bench").open().unwrap();
        let address = space.register(target).unwrap();
        self.kernel.notify(address, Begin).unwrap();
        end.recv_timeout(SOON * 4).unwrap()
    }
}

impl Drop for There {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
        let _ = self.kernel.stop(SOON);
    }
}

/// What the child does, until its parent closes the pipe.
pub(crate) fn serve(endpoint: &str, window: usize) {
    let kernel = Kernel::builder("there").start().unwrap();
    let space = kernel.namespace("bench").capacity(2 * window).open().unwrap();
    let depot = space.register(Depot::default()).unwrap();
    space.serve::<Load>(depot).unwrap();
    space.serve::<Echo>(depot).unwrap();
    space.serve::<Count>(depot).unwrap();
    let _net = Network::new().connect(endpoint).join_with(&kernel, Joining::new().window(window)).unwrap();
    println!("ready");
    let _ = std::io::stdin().read(&mut [0]);
    let _ = kernel.stop(SOON);
}
