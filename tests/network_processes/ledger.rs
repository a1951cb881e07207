//! A target that asks other nodes and writes down how each of its questions ends, and one that answers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rohrpost::{
    Address, Context, Failure, Handle, Message, Nid, NodeId, Outcome, RequestId, Target, Timer, handles, record,
};
use serde::{Deserialize, Serialize};

/// Where both targets live.
pub(crate) const SPACE: Nid = Nid::name("proof");

/// A question that takes `millis` to answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ask {
    pub(crate) asker: String,
    pub(crate) number: u64,
    pub(crate) millis: u64,
    pub(crate) load: Vec<u8>,
}
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Reply(u64);
record!(Ask, "proof.ask" => Reply, wire);
record!(Reply, "proof.reply", wire);

/// What is asked from here on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    pub(crate) peers: Vec<NodeId>,
    /// How many questions to each may be open; no more are asked while there are.
    pub(crate) open: usize,
    /// How far apart questions are; what has been answered is followed by another at once if this is none.
    pub(crate) every: Option<Duration>,
    /// How long each takes to answer.
    pub(crate) millis: u64,
    /// How many bytes each carries, one after the other.
    pub(crate) loads: Vec<usize>,
}
record!(Pace, "proof.pace");

/// Time to ask.
#[derive(Clone, Debug)]
struct Turn;
record!(Turn, "proof.turn");

/// How the questions of one node have ended.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    /// By code.
    pub(crate) returned: BTreeMap<i32, u64>,
    /// What came back that was not asked, or had ended before.
    pub(crate) stray: u64,
    pub(crate) open: usize,
    /// Questions of others that have come twice.
    pub(crate) doubled: u64,
    /// When the last one came back with a code.
    pub(crate) last_return: Option<SystemTime>,
}

pub(crate) type Ledger = Arc<Mutex<Book>>;

/// Asks at the pace that it is told, without deadlines.
pub(crate) struct Asker {
    ledger: Ledger,
    me: String,
    pace: Pace,
    timer: Option<Timer>,
    /// Whom it was, and which number.
    open: HashMap<RequestId, (NodeId, u64)>,
    counts: HashMap<NodeId, usize>,
    next: u64,
}

impl Asker {
    pub(crate) fn new(ledger: Ledger, me: String) -> Self {
        // Higher than in an earlier life of this node.
        let next = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
        Self { ledger, me, pace: Pace::default(), timer: None, open: HashMap::new(), counts: HashMap::new(), next }
    }

    fn ask(&mut self, peer: NodeId, ctx: &Context<'_>) {
        self.next += 1;
        let (number, loads) = (self.next, &self.pace.loads);
        let size = if loads.is_empty() { 0 } else { loads[number as usize % loads.len()] };
        let ask = Ask { asker: self.me.clone(), number, millis: self.pace.millis, load: vec![7; size] };
        let id = ctx.request(Address::service(SPACE).on_node(peer), ask).id();
        self.open.insert(id, (peer, number));
        *self.counts.entry(peer).or_default() += 1;
        let mut book = self.ledger.lock().unwrap();
        book.sent += 1;
        book.open = self.open.len();
    }

    fn fill(&mut self, ctx: &Context<'_>) {
        let most = if self.pace.every.is_some() { 1 } else { self.pace.open };
        for peer in self.pace.peers.clone() {
            for _ in 0..most {
                if self.counts.get(&peer).is_none_or(|&open| open < self.pace.open) {
                    self.ask(peer, ctx);
                }
            }
        }
    }
}

impl Target for Asker {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if let Some(pace) = message.take::<Pace>() {
            self.timer.take().map(|timer| ctx.cancel(timer));
            if !pace.peers.is_empty() {
                // A peer that sends everything back at once is not asked again at once.
                let every = pace.every.unwrap_or(Duration::from_millis(10));
                self.timer = Some(ctx.timer(Turn).every(every).expect("a timer"));
            }
            self.pace = pace;
            self.fill(ctx);
            message.answer(());
            return Outcome::Handled;
        }
        if message.record::<Turn>().is_none() {
            return Outcome::NotHandled;
        }
        self.fill(ctx);
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        let asked = answer.request_id().and_then(|id| self.open.remove(&id));
        let code = answer.code();
        {
            let mut book = self.ledger.lock().unwrap();
            book.open = self.open.len();
            let right = match (&asked, code.is_ok()) {
                (Some((_, number)), true) => answer.record::<Reply>().is_some_and(|reply| reply.0 == *number),
                (Some((_, number)), false) => answer.record::<Ask>().is_some_and(|ask| ask.number == *number),
                (None, _) => false,
            };
            match (right, code.is_ok()) {
                (false, _) => book.stray += 1,
                (true, true) => book.answered += 1,
                (true, false) => {
                    *book.returned.entry(code.number()).or_default() += 1;
                    book.last_return = Some(SystemTime::now());
                }
            }
        }
        let Some((peer, _)) = asked else { return };
        *self.counts.get_mut(&peer).expect("it was counted") -= 1;
        if code.is_ok() && self.pace.every.is_none() && self.pace.peers.contains(&peer) {
            self.ask(peer, ctx);
        }
    }
}

/// Answers, and takes its time if it is asked to.
pub(crate) struct Answerer {
    ledger: Ledger,
    seen: HashSet<(String, u64)>,
}

impl Answerer {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self { ledger, seen: HashSet::new() }
    }
}

impl Handle<Ask> for Answerer {
    fn handle(&mut self, ask: &Ask, _: &mut Context<'_>) -> Result<Reply, Failure> {
        if !self.seen.insert((ask.asker.clone(), ask.number)) {
            self.ledger.lock().unwrap().doubled += 1;
        }
        if ask.millis > 0 {
            // A handler that is slow is the test itself.
            std::thread::sleep(Duration::from_millis(ask.millis));
        }
        Ok(Reply(ask.number))
    }
}
handles!(Answerer: Ask);
