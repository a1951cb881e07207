//! Plain tokio: an actor is a task with an unbounded channel of an enum, the way tokio's own guides write one.

use std::sync::Arc;
use std::time::Instant;

use ::tokio::runtime::Builder;
use ::tokio::sync::Notify;
use ::tokio::sync::mpsc;
use ::tokio::sync::oneshot;

use crate::harness::Group;
use crate::harness::Row;
use crate::harness::Timed;
use crate::harness::warm_up;
use crate::peers::asynch;
use crate::peers::asynch::Node;
use crate::peers::asynch::Peer;
use crate::peers::asynch::RuntimeThread;
use crate::work::Small;
use crate::work::Tally;

pub fn rows() -> Vec<Row> {
    let mut rows = asynch::rows::<Tokio>();
    // The scheduler keeps two tasks that wake each other on one worker, so this is not a way across threads.
    rows.push(Row::time(Group::Park, "tokio, 2-worker runtime (stays on one worker)", two_workers).unlimited());
    rows
}

struct Tokio;

#[derive(Clone)]
struct Addr(mpsc::UnboundedSender<Mail>);

enum Mail {
    Put(Small),
    Add(u64, oneshot::Sender<u64>),
    Hop(u64),
    Link(Addr),
    Tally(oneshot::Sender<Tally>),
}

impl Addr {
    fn send(&self, mail: Mail) {
        self.0.send(mail).expect("the task lives as long as its address");
    }
}

async fn live(mut node: Node<Addr>, mut mail: mpsc::UnboundedReceiver<Mail>) {
    while let Some(mail) = mail.recv().await {
        match mail {
            Mail::Put(small) => node.tally.put(small),
            Mail::Add(n, answer) => {
                let _ = answer.send(node.tally.add(n));
            }
            Mail::Hop(left) => {
                if let Some((next, left)) = node.hop(left) {
                    // The ring is taken down while its last hop may still be on the way.
                    let _ = next.0.send(Mail::Hop(left));
                }
            }
            Mail::Link(next) => node.next = Some(next),
            Mail::Tally(answer) => {
                let _ = answer.send(node.tally);
            }
        }
    }
}

impl Peer for Tokio {
    const NAME: &'static str = "tokio";
    type Addr = Addr;
    type Thread = RuntimeThread;

    fn run<T>(main: impl Future<Output = T>) -> T {
        asynch::bare_runtime().block_on(main)
    }

    async fn start(node: Node<Addr>) -> Addr {
        let (addr, mail) = mpsc::unbounded_channel();
        ::tokio::spawn(live(node, mail));
        Addr(addr)
    }

    fn stop(addr: Addr) {
        drop(addr);
    }

    fn thread(core: Option<usize>) -> RuntimeThread {
        RuntimeThread::new(core)
    }

    fn start_on(thread: &RuntimeThread, node: Node<Addr>) -> Addr {
        thread.run(Self::start(node))
    }

    fn end(thread: RuntimeThread) {
        thread.end();
    }

    async fn put(to: &Addr, small: Small) {
        to.send(Mail::Put(small));
    }

    async fn add(to: &Addr, n: u64) -> u64 {
        let (answer, answered) = oneshot::channel();
        to.send(Mail::Add(n, answer));
        answered.await.expect("every request is answered")
    }

    async fn hop(to: &Addr, left: u64) {
        to.send(Mail::Hop(left));
    }

    async fn link(to: &Addr, next: Addr) {
        to.send(Mail::Link(next));
    }

    async fn tally(of: &Addr) -> Tally {
        let (answer, answered) = oneshot::channel();
        of.send(Mail::Tally(answer));
        answered.await.expect("every request is answered")
    }
}

fn two_workers(ops: u64) -> Timed {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime without I/O needs nothing from the system");
    let driver = runtime.spawn(async move {
        let done = Arc::new(Notify::new());
        let ping = Tokio::start(Node::new(Some(Arc::clone(&done)))).await;
        let pong = Tokio::start(Node::new(Some(Arc::clone(&done)))).await;
        Tokio::link(&ping, pong.clone()).await;
        Tokio::link(&pong, ping.clone()).await;
        let warm = warm_up(ops);
        Tokio::hop(&ping, 2 * warm).await;
        done.notified().await;
        let start = Instant::now();
        Tokio::hop(&ping, 2 * ops).await;
        done.notified().await;
        let timed = Timed::since(start, ops);
        assert_eq!(Tokio::tally(&ping).await.count, warm + ops);
        assert_eq!(Tokio::tally(&pong).await.count, warm + ops);
        timed
    });
    runtime.block_on(driver).expect("the driver ends with the last hop")
}
