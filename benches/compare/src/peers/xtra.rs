//! xtra: a detached `send` one-way, a plain `send` for an answer. Mailboxes are unbounded on the sender's own thread and
//! bounded across threads: its mailbox is a heap, which gets slower as it grows.

use ::xtra::Actor;
use ::xtra::Address;
use ::xtra::Context;
use ::xtra::Handler;
use ::xtra::Mailbox;

use crate::harness::Row;
use crate::peers::asynch;
use crate::peers::asynch::Node;
use crate::peers::asynch::Peer;
use crate::peers::asynch::RuntimeThread;
use crate::work::Small;
use crate::work::Tally;

pub fn rows() -> Vec<Row> {
    asynch::rows::<Xtra>()
}

struct Xtra;

struct Target(Node<Address<Self>>);

impl Actor for Target {
    type Stop = ();
    async fn stopped(self) {}
}

struct Put(Small);
struct Add(u64);
struct Hop(u64);
struct Link(Address<Target>);
struct Total;

impl Handler<Put> for Target {
    type Return = ();
    async fn handle(&mut self, put: Put, _: &mut Context<Self>) {
        self.0.tally.put(put.0);
    }
}

impl Handler<Add> for Target {
    type Return = u64;
    async fn handle(&mut self, add: Add, _: &mut Context<Self>) -> u64 {
        self.0.tally.add(add.0)
    }
}

impl Handler<Hop> for Target {
    type Return = ();
    async fn handle(&mut self, hop: Hop, _: &mut Context<Self>) {
        if let Some((next, left)) = self.0.hop(hop.0) {
            let _ = next.send(Hop(left)).detach().await;
        }
    }
}

impl Handler<Link> for Target {
    type Return = ();
    async fn handle(&mut self, link: Link, _: &mut Context<Self>) {
        self.0.next = Some(link.0);
    }
}

impl Handler<Total> for Target {
    type Return = Tally;
    async fn handle(&mut self, _: Total, _: &mut Context<Self>) -> Tally {
        self.0.tally
    }
}

async fn detached<M: Send + 'static>(to: &Address<Target>, message: M)
where
    Target: Handler<M, Return = ()>,
{
    let _ = to.send(message).detach().await;
}

impl Peer for Xtra {
    const NAME: &'static str = "xtra";
    type Addr = Address<Target>;
    type Thread = RuntimeThread;

    fn run<T>(main: impl Future<Output = T>) -> T {
        asynch::bare_runtime().block_on(main)
    }

    async fn start(node: Node<Self::Addr>) -> Self::Addr {
        ::xtra::spawn_tokio(Target(node), Mailbox::unbounded())
    }

    fn stop(addr: Self::Addr) {
        drop(addr);
    }

    fn thread(core: Option<usize>) -> RuntimeThread {
        RuntimeThread::new(core)
    }

    fn start_on(thread: &RuntimeThread, node: Node<Self::Addr>) -> Self::Addr {
        thread.run(async { ::xtra::spawn_tokio(Target(node), Mailbox::bounded(1024)) })
    }

    fn end(thread: RuntimeThread) {
        thread.end();
    }

    async fn put(to: &Self::Addr, small: Small) {
        detached(to, Put(small)).await;
    }

    async fn add(to: &Self::Addr, n: u64) -> u64 {
        to.send(Add(n)).await.expect("every request is answered")
    }

    async fn hop(to: &Self::Addr, left: u64) {
        detached(to, Hop(left)).await;
    }

    async fn link(to: &Self::Addr, next: Self::Addr) {
        detached(to, Link(next)).await;
    }

    async fn tally(of: &Self::Addr) -> Tally {
        of.send(Total).await.expect("every request is answered")
    }
}
