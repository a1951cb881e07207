//! The rows of every peer whose actors are tasks: written once, so that all are driven in the same way.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use ::tokio::runtime::Builder;
use ::tokio::runtime::Handle;
use ::tokio::runtime::Runtime;
use ::tokio::sync::Notify;
use ::tokio::task::yield_now;
use futures_executor::block_on;

use crate::alloc;
use crate::cores;
use crate::cores::APART;
use crate::cores::Sides;
use crate::cores::TOGETHER;
use crate::harness::Group;
use crate::harness::Row;
use crate::harness::Timed;
use crate::harness::warm_up;
use crate::work::Small;
use crate::work::Tally;
use crate::work::Token;
use crate::work::sum_of_answers;

/// Messages sent between two looks at whether they have arrived.
const BATCH: u64 = 1024;
const RING: usize = 100;
const IDLE: usize = 100_000;

/// What is inside every actor.
pub struct Node<A> {
    pub tally: Tally,
    pub next: Option<A>,
    /// Told when the last hop has arrived.
    pub done: Option<Arc<Notify>>,
    _token: Token,
}

impl<A> Node<A> {
    pub fn new(done: Option<Arc<Notify>>) -> Self {
        Self { tally: Tally::default(), next: None, done, _token: Token }
    }

    /// Counts a hop; the next actor and what is left, unless it was the last.
    #[inline]
    pub fn hop(&mut self, left: u64) -> Option<(&A, u64)> {
        self.tally.count += 1;
        if left > 1 {
            return self.next.as_ref().map(|next| (next, left - 1));
        }
        if let Some(done) = &self.done {
            done.notify_one();
        }
        None
    }
}

/// An actor library on an async runtime.
pub trait Peer: 'static {
    const NAME: &'static str;
    type Addr: Clone + Send + 'static;
    /// Another thread with a runtime of its own.
    type Thread;

    /// Runs `main` on a fresh single-threaded runtime on this thread.
    fn run<T>(main: impl Future<Output = T>) -> T;
    async fn start(node: Node<Self::Addr>) -> Self::Addr;
    fn stop(addr: Self::Addr);

    /// On the core at that position, or on any.
    fn thread(core: Option<usize>) -> Self::Thread;
    fn start_on(thread: &Self::Thread, node: Node<Self::Addr>) -> Self::Addr;
    fn end(thread: Self::Thread);

    async fn put(to: &Self::Addr, small: Small);
    async fn add(to: &Self::Addr, n: u64) -> u64;
    async fn hop(to: &Self::Addr, left: u64);
    async fn link(to: &Self::Addr, next: Self::Addr);
    async fn tally(of: &Self::Addr) -> Tally;
}

pub fn rows<P: Peer>() -> Vec<Row> {
    vec![
        Row::time(Group::Notify, P::NAME, notify::<P>),
        Row::time(Group::Ask, P::NAME, ask::<P>),
        Row::time(Group::Ring, P::NAME, ring::<P>),
        Row::time(Group::Park, P::NAME, |ops| park::<P>(ops, APART)),
        Row::time(Group::ParkTogether, P::NAME, |ops| park::<P>(ops, TOGETHER)),
        Row::time(Group::Flow, P::NAME, flow::<P>),
        Row::time(Group::Outside, P::NAME, outside::<P>),
        Row::time(Group::Create, P::NAME, create::<P>),
        Row::bytes(P::NAME, idle::<P>),
    ]
}

/// A runtime without timers and without I/O: what it does not have it need not poll.
pub fn bare_runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime without I/O needs nothing from the system")
}

/// A thread that runs a [`bare_runtime`] until told to end.
pub struct RuntimeThread {
    handle: Handle,
    end: Arc<Notify>,
    join: thread::JoinHandle<()>,
}

impl RuntimeThread {
    pub fn new(core: Option<usize>) -> Self {
        let end = Arc::new(Notify::new());
        let runtime = bare_runtime();
        let handle = runtime.handle().clone();
        let join = {
            let end = Arc::clone(&end);
            thread::spawn(move || {
                core.into_iter().for_each(cores::pin_to);
                runtime.block_on(end.notified());
            })
        };
        Self { handle, end, join }
    }

    /// Runs `work` over there and waits for its result.
    pub fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        block_on(self.handle.spawn(work)).expect("starting an actor does not panic")
    }

    pub fn end(self) {
        self.end.notify_one();
        self.join.join().expect("the runtime's thread ends in order");
    }
}

/// The account once `count` messages are handled. It is asked for again as long as some are missing: xtra's mailbox is a
/// heap, in which a later message may overtake.
async fn settled<P: Peer>(of: &P::Addr, count: u64) -> Tally {
    loop {
        let tally = P::tally(of).await;
        if tally.count >= count {
            return tally;
        }
    }
}

async fn put_all<P: Peer>(to: &P::Addr, from: u64, until: u64) {
    let mut i = from;
    while i < until {
        let end = until.min(i + BATCH);
        for i in i..end {
            P::put(to, Small::nth(i)).await;
        }
        i = end;
        settled::<P>(to, i).await;
    }
}

fn notify<P: Peer>(ops: u64) -> Timed {
    P::run(async {
        let target = P::start(Node::new(None)).await;
        let warm = warm_up(ops);
        put_all::<P>(&target, 0, warm).await;
        let start = Instant::now();
        put_all::<P>(&target, warm, warm + ops).await;
        let timed = Timed::since(start, ops);
        assert_eq!(P::tally(&target).await, Tally::of_puts(warm + ops));
        P::stop(target);
        timed
    })
}

fn ask<P: Peer>(ops: u64) -> Timed {
    P::run(async {
        let target = P::start(Node::new(None)).await;
        let warm = warm_up(ops);
        let mut sum = 0;
        for i in 0..warm {
            sum += P::add(&target, i).await;
        }
        let start = Instant::now();
        for i in warm..warm + ops {
            sum += P::add(&target, i).await;
        }
        let timed = Timed::since(start, ops);
        assert_eq!(sum, sum_of_answers(warm + ops));
        assert_eq!(P::tally(&target).await.count, warm + ops);
        P::stop(target);
        timed
    })
}

fn ring<P: Peer>(ops: u64) -> Timed {
    P::run(async {
        let done = Arc::new(Notify::new());
        let mut ring = Vec::new();
        for _ in 0..RING {
            ring.push(P::start(Node::new(Some(Arc::clone(&done)))).await);
        }
        for i in 0..RING {
            P::link(&ring[i], ring[(i + 1) % RING].clone()).await;
        }
        let warm = warm_up(ops);
        P::hop(&ring[0], warm).await;
        done.notified().await;
        let start = Instant::now();
        P::hop(&ring[0], ops).await;
        done.notified().await;
        let timed = Timed::since(start, ops);
        let mut hops = 0;
        for addr in ring {
            hops += P::tally(&addr).await.count;
            P::stop(addr);
        }
        assert_eq!(hops, warm + ops);
        timed
    })
}

/// Two threads, an actor on each: neither has anything else to do, so both sleep between the hops.
fn park<P: Peer>(ops: u64, sides: Sides) -> Timed {
    P::run(async {
        let done = Arc::new(Notify::new());
        let threads = sides.map(|core| P::thread(Some(core)));
        let [ping, pong] = [0, 1].map(|side| P::start_on(&threads[side], Node::new(Some(Arc::clone(&done)))));
        P::link(&ping, pong.clone()).await;
        P::link(&pong, ping.clone()).await;
        let warm = warm_up(ops);
        P::hop(&ping, 2 * warm).await;
        done.notified().await;
        let start = Instant::now();
        P::hop(&ping, 2 * ops).await;
        done.notified().await;
        let timed = Timed::since(start, ops);
        assert_eq!(P::tally(&ping).await.count, warm + ops);
        assert_eq!(P::tally(&pong).await.count, warm + ops);
        P::stop(ping);
        P::stop(pong);
        threads.into_iter().for_each(P::end);
        timed
    })
}

fn flow<P: Peer>(ops: u64) -> Timed {
    P::run(async {
        let thread = P::thread(None);
        let target = P::start_on(&thread, Node::new(None));
        let warm = warm_up(ops);
        for i in 0..warm {
            P::put(&target, Small::nth(i)).await;
        }
        settled::<P>(&target, warm).await;
        let start = Instant::now();
        for i in warm..warm + ops {
            P::put(&target, Small::nth(i)).await;
        }
        let tally = settled::<P>(&target, warm + ops).await;
        let timed = Timed::since(start, ops);
        assert_eq!(tally, Tally::of_puts(warm + ops));
        P::stop(target);
        P::end(thread);
        timed
    })
}

/// The asking thread has no runtime: it blocks on the future. The actor's thread sleeps when idle, it cannot spin.
fn outside<P: Peer>(ops: u64) -> Timed {
    P::run(async {
        let thread = P::thread(None);
        let target = P::start_on(&thread, Node::new(None));
        let warm = warm_up(ops);
        let asker = thread::spawn({
            let target = target.clone();
            move || {
                let mut sum = 0;
                for i in 0..warm {
                    sum += block_on(P::add(&target, i));
                }
                let start = Instant::now();
                for i in warm..warm + ops {
                    sum += block_on(P::add(&target, i));
                }
                let timed = Timed::since(start, ops);
                assert_eq!(sum, sum_of_answers(warm + ops));
                timed
            }
        });
        let timed = asker.join().expect("the asker ends with the last answer");
        assert_eq!(P::tally(&target).await.count, warm + ops);
        P::stop(target);
        P::end(thread);
        timed
    })
}

fn create<P: Peer>(ops: u64) -> Timed {
    async fn some<P: Peer>(ops: u64, batch: &mut Vec<P::Addr>) {
        for _ in 0..ops {
            batch.push(P::start(Node::new(None)).await);
        }
        let gone = Token::dropped() + ops;
        batch.drain(..).for_each(P::stop);
        while Token::dropped() < gone {
            yield_now().await;
        }
    }
    const TOGETHER: u64 = 100;
    P::run(async {
        let mut batch = Vec::with_capacity(TOGETHER as usize);
        let before = Token::dropped();
        some::<P>(TOGETHER, &mut batch).await;
        let batches = ops.div_ceil(TOGETHER);
        let start = Instant::now();
        for _ in 0..batches {
            some::<P>(TOGETHER, &mut batch).await;
        }
        let timed = Timed::since(start, batches * TOGETHER);
        assert_eq!(Token::dropped() - before, (batches + 1) * TOGETHER);
        timed
    })
}

fn idle<P: Peer>() -> f64 {
    P::run(async {
        let mut addrs = Vec::with_capacity(IDLE);
        P::stop(P::start(Node::new(None)).await);
        yield_now().await;
        alloc::start_counting();
        for _ in 0..IDLE {
            addrs.push(P::start(Node::new(None)).await);
        }
        let all = P::tally(&addrs[IDLE - 1]).await;
        let live = alloc::stop_counting();
        assert_eq!(all, Tally::default());
        addrs.into_iter().for_each(P::stop);
        live as f64 / IDLE as f64 - size_of::<Node<P::Addr>>() as f64
    })
}
