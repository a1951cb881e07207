//! ractor: one enum of messages, `cast` one-way, `call` without a timeout for an answer.

use ::ractor::Actor;
use ::ractor::ActorProcessingErr;
use ::ractor::ActorRef;
use ::ractor::RpcReplyPort;
use ::ractor::rpc::CallResult;

use crate::harness::Row;
use crate::peers::asynch;
use crate::peers::asynch::Node;
use crate::peers::asynch::Peer;
use crate::peers::asynch::RuntimeThread;
use crate::work::Small;
use crate::work::Tally;

pub fn rows() -> Vec<Row> {
    asynch::rows::<Ractor>()
}

struct Ractor;

struct Target;

enum Mail {
    Put(Small),
    Add(u64, RpcReplyPort<u64>),
    Hop(u64),
    Link(ActorRef<Self>),
    Tally(RpcReplyPort<Tally>),
}

impl Actor for Target {
    type Msg = Mail;
    type State = Node<ActorRef<Mail>>;
    type Arguments = Self::State;

    async fn pre_start(&self, _: ActorRef<Mail>, node: Self::State) -> Result<Self::State, ActorProcessingErr> {
        Ok(node)
    }

    async fn handle(&self, _: ActorRef<Mail>, mail: Mail, node: &mut Self::State) -> Result<(), ActorProcessingErr> {
        match mail {
            Mail::Put(small) => node.tally.put(small),
            Mail::Add(n, answer) => answer.send(node.tally.add(n))?,
            Mail::Hop(left) => {
                if let Some((next, left)) = node.hop(left) {
                    let _ = next.cast(Mail::Hop(left));
                }
            }
            Mail::Link(next) => node.next = Some(next),
            Mail::Tally(answer) => answer.send(node.tally)?,
        }
        Ok(())
    }
}

async fn call<T: Send + 'static>(to: &ActorRef<Mail>, mail: impl FnOnce(RpcReplyPort<T>) -> Mail) -> T {
    match to.call(mail, None).await {
        Ok(CallResult::Success(answer)) => answer,
        _ => panic!("every request is answered"),
    }
}

fn cast(to: &ActorRef<Mail>, mail: Mail) {
    to.cast(mail).expect("the actor lives as long as the row");
}

impl Peer for Ractor {
    const NAME: &'static str = "ractor";
    type Addr = ActorRef<Mail>;
    type Thread = RuntimeThread;

    fn run<T>(main: impl Future<Output = T>) -> T {
        asynch::bare_runtime().block_on(main)
    }

    async fn start(node: Node<Self::Addr>) -> Self::Addr {
        let (addr, _) = Target::spawn(None, Target, node).await.expect("a nameless actor starts");
        addr
    }

    fn stop(addr: Self::Addr) {
        addr.stop(None);
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
        cast(to, Mail::Put(small));
    }

    async fn add(to: &Self::Addr, n: u64) -> u64 {
        call(to, |answer| Mail::Add(n, answer)).await
    }

    async fn hop(to: &Self::Addr, left: u64) {
        cast(to, Mail::Hop(left));
    }

    async fn link(to: &Self::Addr, next: Self::Addr) {
        cast(to, Mail::Link(next));
    }

    async fn tally(of: &Self::Addr) -> Tally {
        call(of, Mail::Tally).await
    }
}
