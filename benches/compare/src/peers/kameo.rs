//! kameo: unbounded mailboxes, `tell` with `try_send` one-way, `ask` for an answer.

use std::convert::Infallible;

use ::kameo::Actor;
use ::kameo::actor::ActorRef;
use ::kameo::actor::Spawn;
use ::kameo::mailbox;
use ::kameo::message::Context;
use ::kameo::message::Message;

use crate::harness::Row;
use crate::peers::asynch;
use crate::peers::asynch::Node;
use crate::peers::asynch::Peer;
use crate::peers::asynch::RuntimeThread;
use crate::work::Small;
use crate::work::Tally;

pub fn rows() -> Vec<Row> {
    asynch::rows::<Kameo>()
}

struct Kameo;

struct Target(Node<ActorRef<Self>>);

impl Actor for Target {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(target: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(target)
    }
}

struct Put(Small);
struct Add(u64);
struct Hop(u64);
struct Link(ActorRef<Target>);
struct Total;

impl Message<Put> for Target {
    type Reply = ();
    async fn handle(&mut self, put: Put, _: &mut Context<Self, ()>) {
        self.0.tally.put(put.0);
    }
}

impl Message<Add> for Target {
    type Reply = u64;
    async fn handle(&mut self, add: Add, _: &mut Context<Self, u64>) -> u64 {
        self.0.tally.add(add.0)
    }
}

impl Message<Hop> for Target {
    type Reply = ();
    async fn handle(&mut self, hop: Hop, _: &mut Context<Self, ()>) {
        if let Some((next, left)) = self.0.hop(hop.0) {
            let _ = next.tell(Hop(left)).try_send();
        }
    }
}

impl Message<Link> for Target {
    type Reply = ();
    async fn handle(&mut self, link: Link, _: &mut Context<Self, ()>) {
        self.0.next = Some(link.0);
    }
}

impl Message<Total> for Target {
    type Reply = (u64, u64);
    async fn handle(&mut self, _: Total, _: &mut Context<Self, (u64, u64)>) -> (u64, u64) {
        (self.0.tally.count, self.0.tally.sum)
    }
}

fn tell<M: Send + 'static>(to: &ActorRef<Target>, message: M)
where
    Target: Message<M>,
{
    to.tell(message).try_send().expect("an unbounded mailbox takes it");
}

impl Peer for Kameo {
    const NAME: &'static str = "kameo";
    type Addr = ActorRef<Target>;
    type Thread = RuntimeThread;

    fn run<T>(main: impl Future<Output = T>) -> T {
        asynch::bare_runtime().block_on(main)
    }

    async fn start(node: Node<Self::Addr>) -> Self::Addr {
        Target::spawn_with_mailbox(Target(node), mailbox::unbounded())
    }

    fn stop(addr: Self::Addr) {
        drop(addr);
    }

    fn thread(core: Option<usize>) -> RuntimeThread {
        RuntimeThread::new(core)
    }

    fn start_on(thread: &RuntimeThread, node: Node<Self::Addr>) -> Self::Addr {
        thread.run(Self::start(node))
    }

    fn end(thread: RuntimeThread) {
        thread.end();
    }

    async fn put(to: &Self::Addr, small: Small) {
        tell(to, Put(small));
    }

    async fn add(to: &Self::Addr, n: u64) -> u64 {
        to.ask(Add(n)).await.expect("every request is answered")
    }

    async fn hop(to: &Self::Addr, left: u64) {
        tell(to, Hop(left));
    }

    async fn link(to: &Self::Addr, next: Self::Addr) {
        tell(to, Link(next));
    }

    async fn tally(of: &Self::Addr) -> Tally {
        let (count, sum) = of.ask(Total).await.expect("every request is answered");
        Tally { count, sum }
    }
}
