//! actix: actors on the arbiter of the current thread, `do_send` one-way, `send` for an answer.

use ::actix::Actor;
use ::actix::Addr;
use ::actix::Context;
use ::actix::Handler;
use ::actix::Message;
use ::actix::MessageResult;
use actix_rt::Arbiter;
use actix_rt::System;

use crate::cores;
use crate::harness::Row;
use crate::peers::asynch;
use crate::peers::asynch::Node;
use crate::peers::asynch::Peer;
use crate::peers::asynch::bare_runtime;
use crate::work::Small;
use crate::work::Tally;

pub fn rows() -> Vec<Row> {
    asynch::rows::<Actix>()
}

struct Actix;

struct Target(Node<Addr<Self>>);

impl Actor for Target {
    type Context = Context<Self>;
}

struct Put(Small);
struct Add(u64);
struct Hop(u64);
struct Link(Addr<Target>);
struct Total;

impl Message for Put {
    type Result = ();
}
impl Message for Add {
    type Result = u64;
}
impl Message for Hop {
    type Result = ();
}
impl Message for Link {
    type Result = ();
}
impl Message for Total {
    type Result = Tally;
}

impl Handler<Put> for Target {
    type Result = ();
    fn handle(&mut self, put: Put, _: &mut Context<Self>) {
        self.0.tally.put(put.0);
    }
}

impl Handler<Add> for Target {
    type Result = u64;
    fn handle(&mut self, add: Add, _: &mut Context<Self>) -> u64 {
        self.0.tally.add(add.0)
    }
}

impl Handler<Hop> for Target {
    type Result = ();
    fn handle(&mut self, hop: Hop, _: &mut Context<Self>) {
        if let Some((next, left)) = self.0.hop(hop.0) {
            next.do_send(Hop(left));
        }
    }
}

impl Handler<Link> for Target {
    type Result = ();
    fn handle(&mut self, link: Link, _: &mut Context<Self>) {
        self.0.next = Some(link.0);
    }
}

impl Handler<Total> for Target {
    type Result = MessageResult<Total>;
    fn handle(&mut self, _: Total, _: &mut Context<Self>) -> MessageResult<Total> {
        MessageResult(self.0.tally)
    }
}

impl Peer for Actix {
    const NAME: &'static str = "actix";
    type Addr = Addr<Target>;
    type Thread = Arbiter;

    fn run<T>(main: impl Future<Output = T>) -> T {
        System::with_tokio_rt(bare_runtime).block_on(main)
    }

    async fn start(node: Node<Self::Addr>) -> Self::Addr {
        Target(node).start()
    }

    fn stop(addr: Self::Addr) {
        drop(addr);
    }

    fn thread(core: Option<usize>) -> Arbiter {
        // The factory runs on the arbiter's thread.
        Arbiter::with_tokio_rt(move || {
            core.into_iter().for_each(cores::pin_to);
            bare_runtime()
        })
    }

    fn start_on(thread: &Arbiter, node: Node<Self::Addr>) -> Self::Addr {
        Target::start_in_arbiter(&thread.handle(), |_| Target(node))
    }

    fn end(thread: Arbiter) {
        thread.stop();
        thread.join().expect("the arbiter's thread ends in order");
    }

    async fn put(to: &Self::Addr, small: Small) {
        to.do_send(Put(small));
    }

    async fn add(to: &Self::Addr, n: u64) -> u64 {
        to.send(Add(n)).await.expect("every request is answered")
    }

    async fn hop(to: &Self::Addr, left: u64) {
        to.do_send(Hop(left));
    }

    async fn link(to: &Self::Addr, next: Self::Addr) {
        to.do_send(Link(next));
    }

    async fn tally(of: &Self::Addr) -> Tally {
        of.send(Total).await.expect("every request is answered")
    }
}
