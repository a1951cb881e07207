//! A bare zenoh session with one publisher and one subscriber on each side, set up as a node is: mode peer, TCP, `Block`,
//! express off, batching on.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use zenoh::Wait as _;
use zenoh::pubsub::{Publisher, Subscriber};
use zenoh::qos::{CongestionControl, Priority};
use zenoh::sample::{Locality, Sample};

use crate::{ROUNDS, SENDING, SMALL};

/// A message that is no payload: its first byte. Payloads begin with 0.
const END: u8 = 1;

/// So long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Batches that a link queues: zenoh's own number, and that of a node.
pub(crate) const BATCHES: usize = 2;
pub(crate) const BATCHES_OF_A_NODE: usize = 8;

/// The children of this program, by the word on the command line.
pub(crate) const ECHO: &str = "--echo-in-the-callback";
pub(crate) const ECHO_BY_THREAD: &str = "--echo-by-a-thread";
pub(crate) const COUNT: &str = "--count";

/// Prints what a session takes: memory, and threads by their names.
pub(crate) fn footprint() {
    let memory = |when: &str| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("unknown").trim();
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        let mut names: Vec<String> = names.map(|name| name.trim().to_owned()).collect();
        names.sort();
        println!("{when:<44} {resident:>12} resident, {} threads: {}", names.len(), names.join(" "));
    };
    memory("before");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("tcp/127.0.0.1:{port}");
    let first = open(&endpoint, "[]", BATCHES);
    memory("with one session");
    let second = open("", &format!("[\"{endpoint}\"]"), BATCHES);
    memory("with two, and a link between them");
    first.close().wait().unwrap();
    second.close().wait().unwrap();
    memory("with none any more");
    println!();
}

/// What the asker does until its answer is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    Sleeps,
    /// Looks for it, and leaves its core to others each 10 µs.
    Spins,
}

/// The median round trip in µs, 64 bytes there and back.
pub(crate) fn round_trips(what: &str, asker: Asker) -> f64 {
    let (there, answers) = There::start(what, BATCHES);
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS + ROUNDS / 10 {
        let start = Instant::now();
        there.publisher.put(vec![0; SMALL]).wait().unwrap();
        let answer = match asker {
            Asker::Sleeps => answers.recv_timeout(PATIENCE).unwrap(),
            Asker::Spins => spin_for(&answers),
        };
        if round >= ROUNDS / 10 {
            rounds.push(start.elapsed());
        }
        assert_eq!(answer.len(), SMALL);
    }
    rounds.sort();
    rounds[rounds.len() / 2].as_secs_f64() * 1e6
}

fn spin_for(answers: &Receiver<Vec<u8>>) -> Vec<u8> {
    let (start, mut yielded) = (Instant::now(), Instant::now());
    loop {
        for _ in 0..64 {
            if let Ok(answer) = answers.try_recv() {
                return answer;
            }
            std::hint::spin_loop();
        }
        if yielded.elapsed() >= Duration::from_micros(10) {
            assert!(start.elapsed() < PATIENCE, "expected an answer");
            std::thread::yield_now();
            yielded = Instant::now();
        }
    }
}

/// Messages of `size` bytes per second (of 1 MiB: MiB per second), from the first that is sent to the last that has arrived.
pub(crate) fn one_way(size: usize, batches: usize) -> f64 {
    let (there, answers) = There::start(COUNT, batches);
    let start = Instant::now();
    let mut sent = 0_u64;
    while start.elapsed() < SENDING {
        // Reading the clock for each would be felt.
        for _ in 0..if size == SMALL { 64 } else { 1 } {
            there.publisher.put(vec![0; size]).wait().unwrap();
            sent += 1;
        }
    }
    there.publisher.put(vec![END]).wait().unwrap();
    let answer = answers.recv_timeout(Duration::from_secs(30)).unwrap();
    let took = start.elapsed().as_secs_f64();
    let arrived = u64::from_le_bytes(answer[..].try_into().unwrap());
    assert_eq!(arrived, sent, "expected everything to arrive");
    sent as f64 / took
}

/// The other process, and the way there.
struct There {
    publisher: Publisher<'static>,
    _inbox: Subscriber<()>,
    _session: zenoh::Session,
    process: Child,
}

impl There {
    /// Starts it; what it answers comes out of the channel.
    fn start(what: &str, batches: usize) -> (Self, Receiver<Vec<u8>>) {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let endpoint = format!("tcp/127.0.0.1:{port}");
        let session = open(&endpoint, "[]", batches);
        let (sender, answers) = channel();
        let inbox = session.declare_subscriber("bench/here").allowed_origin(Locality::Remote);
        let inbox = inbox.callback(move |sample| drop(sender.send(bytes(&sample)))).wait().unwrap();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([what, &endpoint])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ready = BufReader::new(process.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        assert_eq!(ready, "ready");
        let publisher = publisher(&session, "bench/there");
        // It has declared its subscriber, but that may still be on its way.
        let patience = Instant::now();
        loop {
            publisher.put(vec![END]).wait().unwrap();
            if answers.recv_timeout(Duration::from_millis(20)).is_ok() {
                break;
            }
            assert!(patience.elapsed() < Duration::from_secs(10), "expected the other process to answer");
        }
        while answers.recv_timeout(Duration::from_millis(50)).is_ok() {}
        (Self { publisher, _inbox: inbox, _session: session, process }, answers)
    }
}

impl Drop for There {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// What the child does, until its parent closes the pipe.
pub(crate) fn serve(what: &str, endpoint: &str) {
    let session = open("", &format!("[\"{endpoint}\"]"), BATCHES);
    let publisher = publisher(&session, "bench/here");
    let declared = session.declare_subscriber("bench/there").allowed_origin(Locality::Remote);
    let (sender, payloads) = channel();
    let mut count = 0_u64;
    let inbox = match what {
        ECHO => declared.callback(move |sample| publisher.put(bytes(&sample)).wait().unwrap()).wait().unwrap(),
        ECHO_BY_THREAD => {
            std::thread::spawn(move || answer(&payloads, &publisher));
            declared.callback(move |sample| drop(sender.send(bytes(&sample)))).wait().unwrap()
        }
        _ => declared
            .callback_mut(move |sample| {
                // As a node does: what comes is copied into one piece.
                let payload = bytes(&sample);
                if payload == [END] {
                    publisher.put(std::mem::take(&mut count).to_le_bytes().to_vec()).wait().unwrap();
                } else {
                    count += 1;
                }
            })
            .wait()
            .unwrap(),
    };
    println!("ready");
    let _ = std::io::stdin().read(&mut [0]);
    drop(inbox);
}

fn answer(payloads: &Receiver<Vec<u8>>, publisher: &Publisher<'static>) {
    for payload in payloads {
        publisher.put(payload).wait().unwrap();
    }
}

fn bytes(sample: &Sample) -> Vec<u8> {
    sample.payload().to_bytes().into_owned()
}

fn open(listen: &str, connect: &str, batches: usize) -> zenoh::Session {
    let mut config = zenoh::Config::default();
    let listen = if listen.is_empty() { "[]".to_owned() } else { format!("[\"{listen}\"]") };
    for (key, value) in [
        ("mode", "\"peer\""),
        ("listen/endpoints", &listen),
        ("connect/endpoints", connect),
        ("scouting/multicast/enabled", "false"),
        ("transport/link/tx/lease", "4000"),
        ("transport/link/tx/queue/size/data", &batches.to_string()),
        ("transport/link/tx/queue/congestion_control/block/wait_before_close", "1000000"),
    ] {
        config.insert_json5(key, value).unwrap();
    }
    zenoh::open(config).wait().unwrap()
}

fn publisher(session: &zenoh::Session, key: &'static str) -> Publisher<'static> {
    let declared = session.declare_publisher(key).priority(Priority::Data);
    let declared = declared.congestion_control(CongestionControl::Block).express(false);
    declared.allowed_destination(Locality::Remote).wait().unwrap()
}
