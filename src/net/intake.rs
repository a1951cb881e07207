//! [`Intake`]: what any thread of this node has for the carrier, and what the transport tells it, each in the order in which
//! it came.
//!
//! Whoever puts something in goes on at once. The porter is told once for all that has come since it looked last: of most
//! things with the first, of letters that come in a stream when they fill a bundle, or when no more comes for now. What the
//! carrier can do [in passing](crate::net::carrier) does not get here.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use crossbeam_utils::CachePadded;
use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

use crate::address::Address;
use crate::code::Code;
use crate::directory::Directory;
use crate::ending::Reason;
use crate::fault::quietly;
use crate::held::HeldMessage;
use crate::id::{Nid, Tid};
use crate::message::{Flags, Message, Sender};
use crate::net::bundle;
use crate::net::carrier::Carrier;
use crate::net::letter::Style;
use crate::net::parcel::{Parcel, is_plain};
use crate::net::reach::Reach;
use crate::net::returning::Return;
use crate::net::sheaf::{self, LARGEST, Sheaf, Written};
use crate::net::transport::{Ears, Gone, Peer, in_a_moment};
use crate::net::words::ObserverGone;
use crate::orders;
use crate::port::Watch;
use crate::post::Post;
use crate::record;
use crate::waking::WakeLater;

/// Something for the carrier to do.
#[derive(Debug)]
pub(crate) enum Input {
    /// Mail for another node.
    Mail(Parcel),
    /// The next letter of the sheaf.
    Letter,
    /// All else, of which there is less.
    Errand(Box<Errand>),
}

/// Something that is no mail of this node.
#[derive(Debug)]
pub(crate) enum Errand {
    /// What has become of mail that came from there.
    Back(Peer, Return, Message<'static>),
    /// A copy of what has been published, for observers on that node.
    Copy(Peer, Vec<(Tid, Nid)>, Message<'static>),
    /// An observer for which a copy came is not there any more.
    ObserverGone(Peer, ObserverGone),
    /// A target of this node watches one of another, or does no more.
    Watch(Address, Watch),
    Unwatch(Address, Watch),
    /// A target of this node has ended that the peer watches under this number.
    WatchEnded(Peer, u64, Reason),
}

/// What the transport tells; it comes in its own order.
#[derive(Debug)]
pub(crate) enum Tiding {
    /// A peer is there.
    Joined(Peer),
    /// A peer has sent a piece.
    Heard(Peer, Bytes),
    /// A peer is not there any more.
    Left(Peer, Gone),
    /// The kernel has stopped: the last that comes.
    Stop,
}

/// What lies before the carrier, in the order in which it came.
#[derive(Debug, Default)]
pub(crate) struct Pile {
    pub(crate) inputs: VecDeque<Input>,
    /// The letters among them.
    pub(crate) sheaf: Sheaf,
    pub(crate) tidings: VecDeque<Tiding>,
}

/// What has come and has not been taken, and who knows.
#[derive(Debug, Default)]
struct Queue {
    pile: Pile,
    /// Whether the porter has been rung for since it took something last.
    rung: bool,
    /// Whether the porter looks by itself before long.
    attended: bool,
}

/// Has the carrier look at its intake, or do what its timer was for.
#[derive(Clone, Debug)]
pub(crate) struct Wake;

record!(Wake, "rohrpost.net.wake", local);

/// Where a target of the library lives, to wake it.
#[derive(Debug)]
pub(crate) struct Bell {
    pub(crate) post: Arc<Post>,
    pub(crate) target: Tid,
}

/// So much of it is kept room for, however little there is at the moment: 64 KiB, once here and once with the porter.
const SPARE: usize = 4096;
const _: () = assert!(size_of::<Input>() * SPARE <= 64 << 10, "it is as little as it says");

/// With so many inputs the porter is rung for letters, too, though more may come soon: they fill a bundle.
const ENOUGH: usize = bundle::MOST as usize;
/// So many letters wait here at most, however many a link would take.
const MANY: usize = 4096;

/// What has come and has not been taken.
#[derive(Debug)]
pub(crate) struct Intake {
    /// `None` after the last.
    queue: Mutex<Option<Queue>>,
    /// Whether there is anything in the queue, about.
    piled: AtomicBool,
    /// Mail from this node that may wait here.
    bound: usize,
    /// With so much of it, mail is not written before it is its turn: a link may refuse it.
    few: usize,
    /// How its letters are written.
    style: Style,
    bell: OnceLock<Bell>,
    /// From when the network has been joined until the porter goes. Only the porter waits for it. The queue is taken with
    /// this locked, so that whoever has it and finds the queue empty comes after all that was in it.
    carrier: Mutex<Option<Box<Carrier>>>,
    /// The nodes for which mail is taken, in cache lines of its own: what is written for each message lies elsewhere.
    pub(crate) reach: CachePadded<Reach>,
    /// How often somebody else has claimed to be this node.
    pub(crate) doubled: AtomicU64,
}

/// Whether it is the network's own mail, for which there is always room: there is little of it, and what it says is said
/// once.
pub(crate) const fn is_own(message: &Message<'_>) -> bool {
    matches!(message.sender, Sender::Target(_, nid) if nid.raw() == Directory::TRANSPORT.raw())
}

/// Whether mail may be written before its turn, and end with that: a plain notification of a target, with no deadline.
fn may_be_written(message: &Message<'_>) -> bool {
    let apart = message.flags.intersects(Flags::COPY | Flags::DEADLINE);
    matches!(message.sender, Sender::Target(..)) && is_plain(message) && !apart && !is_own(message)
}

impl Pile {
    pub(crate) fn len(&self) -> usize {
        self.inputs.len() + self.tidings.len()
    }

    /// Takes the next thing that the transport tells. The end comes after all else.
    pub(crate) fn next_tiding(&mut self) -> Option<Tiding> {
        let waits = matches!(self.tidings.front(), Some(Tiding::Stop)) && !self.inputs.is_empty();
        if waits { None } else { self.tidings.pop_front() }
    }
}

/// Moves all of `from` behind what there is, by exchanging them if that is nothing.
fn move_all<T>(from: &mut VecDeque<T>, to: &mut VecDeque<T>) {
    if to.is_empty() { std::mem::swap(from, to) } else { to.append(from) }
}

impl Bell {
    pub(crate) fn ring(&self) {
        let target = self.target;
        orders::command(&self.post, move |core| core.tell(target, Wake));
    }
}

impl Intake {
    /// For links with this window.
    pub(crate) fn new(bound: usize, window: usize, style: Style) -> Self {
        let queue = Mutex::new(Some(Queue::default()));
        Self {
            queue,
            piled: AtomicBool::new(false),
            bound,
            few: bound.min(window).min(MANY),
            style: Style { limit: style.limit.min(LARGEST), ..style },
            bell: OnceLock::new(),
            carrier: Mutex::new(None),
            reach: CachePadded::new(Reach::nowhere()),
            doubled: AtomicU64::new(0),
        }
    }

    /// The carrier whose porter is about to come.
    pub(crate) fn employ(&self, carrier: Carrier) {
        *self.carrier.lock() = Some(Box::new(carrier));
    }

    /// The porter goes, and the carrier with it.
    pub(crate) fn dismiss(&self) {
        let carrier = self.carrier.lock().take();
        drop(carrier);
    }

    /// What the porter does; nothing if it has been dismissed.
    pub(crate) fn with_carrier<T>(&self, work: impl FnOnce(&mut Carrier) -> T) -> Option<T> {
        self.carrier.lock().as_deref_mut().map(work)
    }

    /// From here on the porter is woken, also for what has come before.
    pub(crate) fn hang_up(&self, bell: Bell) {
        let bell = self.bell.get_or_init(|| bell);
        bell.ring();
    }

    /// Has the porter look.
    pub(crate) fn ring(&self) {
        self.bell.get().into_iter().for_each(Bell::ring);
    }

    /// Takes mail of this node, or ends it. It may wait for more until somebody [flushes](Self::flush), or the porter looks.
    pub(crate) fn post(&self, mail: HeldMessage) {
        let mail = match self.passing() {
            None => mail,
            Some(mut carrier) => match carrier.send_in_passing(Parcel::pack(mail)) {
                // With the carrier let go of: who gets it back may send again.
                Ok(refused) => {
                    drop(carrier);
                    return refused.into_iter().for_each(|(mail, why)| mail.fail(why));
                }
                Err(mail) => mail.open(),
            },
        };
        if may_be_written(mail.message()) && self.post_letter(mail.message()) {
            return quietly(|| drop(mail.into_message()));
        }
        self.post_parcel(Parcel::pack(mail));
    }

    /// Takes a message as a letter, if there is room; whether it has.
    fn post_letter(&self, message: &Message<'_>) -> bool {
        let put = |written: &Written<'_>| {
            let mut queue = self.queue.lock();
            let Queue { pile, rung, attended } = queue.as_mut().filter(|queue| queue.pile.inputs.len() < self.few)?;
            pile.sheaf.push(written);
            pile.inputs.push_back(Input::Letter);
            let ring = !*rung && (!*attended || pile.inputs.len() >= ENOUGH);
            *rung |= ring;
            self.piled.store(true, Ordering::Relaxed);
            Some(ring)
        };
        let put = sheaf::write(&self.style, message, put).flatten();
        if put == Some(true) {
            self.ring();
        }
        put.is_some()
    }

    /// Takes mail as it is, or ends it.
    fn post_parcel(&self, mail: Parcel) {
        let queue = self.queue.lock();
        let refused = match &*queue {
            None => Some(Code::STOPPED),
            Some(Queue { pile, .. }) if pile.inputs.len() >= self.bound && !is_own(mail.message()) => Some(Code::BUSY),
            Some(_) => None,
        };
        if let Some(code) = refused {
            drop(queue);
            return mail.fail(code.into());
        }
        self.add(queue, |pile| pile.inputs.push_back(Input::Mail(mail)));
    }

    /// Has the porter look if anything waits that it has not been rung for.
    pub(crate) fn flush(&self) {
        if !self.piled.load(Ordering::Relaxed) {
            return;
        }
        let mut queue = self.queue.lock();
        let waits = |queue: &&mut Queue| queue.pile.len() > 0;
        let ring = queue.as_mut().filter(waits).is_some_and(|queue| !std::mem::replace(&mut queue.rung, true));
        drop(queue);
        if ring {
            self.ring();
        }
    }

    /// Takes what has become of mail that came from another node.
    pub(crate) fn send_back(&self, to: Peer, way: Return, message: Message<'static>) {
        let passed = self.passing().is_some_and(|mut carrier| carrier.send_back_in_passing(to, way, &message));
        if !passed {
            self.put(Errand::Back(to, way, message));
        }
    }

    /// Takes what cannot be refused; after the last nobody needs it any more.
    pub(crate) fn put(&self, errand: Errand) {
        let input = Input::Errand(Box::new(errand));
        self.put_on(|pile| pile.inputs.push_back(input));
    }

    /// The same for what the transport tells.
    pub(crate) fn tell(&self, tiding: Tiding) {
        self.put_on(|pile| pile.tidings.push_back(tiding));
    }

    /// Puts everything that has come since the last time on `pile`, and takes memory that is empty there for what comes next.
    /// The porter looks again before it [rests](Self::rest).
    pub(crate) fn take(&self, pile: &mut Pile) {
        pile.inputs.shrink_to(SPARE);
        let mut queue = self.queue.lock();
        self.piled.store(false, Ordering::Relaxed);
        if let Some(Queue { pile: waiting, rung, attended }) = &mut *queue {
            move_all(&mut waiting.inputs, &mut pile.inputs);
            move_all(&mut waiting.tidings, &mut pile.tidings);
            pile.sheaf.take_all(&mut waiting.sheaf);
            (*rung, *attended) = (false, true);
        }
    }

    /// From here on the porter does not look by itself.
    pub(crate) fn rest(&self) {
        if let Some(queue) = &mut *self.queue.lock() {
            queue.attended = false;
        }
        self.flush();
    }

    /// Takes nothing any more; gives what has come after the last.
    pub(crate) fn close(&self) -> Option<Pile> {
        Some(self.queue.lock().take()?.pile)
    }

    /// Whether the porter has been rung for.
    #[cfg(test)]
    fn is_rung_for(&self) -> bool {
        self.queue.lock().as_ref().is_some_and(|queue| queue.rung)
    }

    /// How much waits for the porter.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.queue.lock().as_ref().map_or(0, |queue| queue.pile.len())
    }

    /// The carrier, if nobody else has it and it has done all that was before.
    fn passing(&self) -> Option<MappedMutexGuard<'_, Carrier>> {
        // Where mail waits already more of it need not wait for the carrier.
        if self.piled.load(Ordering::Relaxed) {
            return None;
        }
        let carrier = MutexGuard::try_map(in_a_moment(|| self.carrier.try_lock())?, Option::as_deref_mut).ok()?;
        let idle = self.queue.lock().as_ref().is_some_and(|queue| queue.pile.len() == 0);
        idle.then_some(carrier)
    }

    fn put_on(&self, add: impl FnOnce(&mut Pile)) {
        self.add(self.queue.lock(), add);
    }

    /// Adds something that does not wait for more.
    fn add(&self, mut queue: MutexGuard<'_, Option<Queue>>, add: impl FnOnce(&mut Pile)) {
        let Some(Queue { pile, rung, .. }) = &mut *queue else {
            return;
        };
        add(pile);
        self.piled.store(true, Ordering::Relaxed);
        let ring = !std::mem::replace(rung, true);
        drop(queue);
        if ring {
            self.ring();
        }
    }
}

impl Ears for Intake {
    fn joined(&self, peer: Peer) {
        self.tell(Tiding::Joined(peer));
    }

    fn heard(&self, from: Peer, frame: Bytes) {
        // Whoever is woken finds the carrier free.
        let _later = WakeLater::new();
        let passed = match self.passing() {
            Some(mut carrier) => carrier.hear_in_passing(from, frame),
            None => Err(frame),
        };
        if let Err(frame) = passed {
            self.tell(Tiding::Heard(from, frame));
        }
    }

    fn left(&self, peer: Peer, why: Gone) {
        self.tell(Tiding::Left(peer, why));
    }

    fn doubled(&self, _: Peer, _: &str) {
        self.doubled.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{
        ENOUGH, Errand, Input, Intake, MANY, Message, Peer, Pile, Sender, Style, Tiding, Watch, may_be_written,
    };
    use crate::address::Address;
    use crate::clock::Time;
    use crate::id::{Nid, NodeId, Tid};
    use crate::net::transport::Incarnation;

    fn intake(bound: usize) -> Intake {
        Intake::new(bound, 1 << 16, Style::new(NodeId::name("north"), 1 << 16))
    }

    /// A notification of a target of this node.
    fn letter() -> Message<'static> {
        let mut message = Message::notification(Address::service(Nid::name("app")).on_node(NodeId::name("south")), ());
        message.launch();
        message.complete_from(Nid::UNSET, NodeId::name("north"));
        message.sender = Sender::target(Tid::generated(1, 2, 3), Nid::number(4));
        message
    }

    #[test]
    fn letters_wait_for_a_bundle_only_as_long_as_the_porter_looks_by_itself() {
        let (intake, mut pile) = (intake(1 << 16), Pile::default());
        assert!(intake.post_letter(&letter()));
        assert!(intake.is_rung_for(), "expected the first to be told of");
        intake.take(&mut pile);
        for _ in 1..ENOUGH {
            assert!(intake.post_letter(&letter()));
            assert!(!intake.is_rung_for(), "expected these to wait for more");
        }
        intake.rest();
        assert!(intake.is_rung_for(), "expected the porter not to rest while any wait");
        intake.take(&mut pile);
        (0..ENOUGH).for_each(|_| assert!(intake.post_letter(&letter())));
        assert!(intake.is_rung_for(), "expected a bundle of them not to wait");
        intake.take(&mut pile);
        assert!(intake.post_letter(&letter()) && !intake.is_rung_for());
        intake.flush();
        assert!(intake.is_rung_for(), "expected nothing to wait when no more comes");
        intake.take(&mut pile);
        intake.flush();
        assert!(!intake.is_rung_for(), "expected nobody to be told of nothing");
        intake.rest();
        assert!(!intake.is_rung_for());
        assert_eq!(pile.len(), 2 * ENOUGH + 1);
    }

    #[test]
    fn what_may_be_refused_is_not_written_before_its_turn() {
        let style = Style::new(NodeId::name("north"), 1 << 16);
        for (bound, window, room) in [(10, 1 << 16, 10), (1 << 16, 20, 20), (1 << 16, 1 << 16, MANY)] {
            let intake = Intake::new(bound, window, style);
            assert_eq!((0..2 * MANY).filter(|_| intake.post_letter(&letter())).count(), room);
            assert_eq!(intake.close().map(|left| left.len()), Some(room));
            assert!(!intake.post_letter(&letter()), "expected nothing to be taken after the last");
        }
        let to = letter().destination();
        assert!(may_be_written(&letter()));
        let others = [Message::request(to, ()), Message::notification(to, ()).and(()), Message::notification(to, ())];
        assert!(!others.iter().any(may_be_written), "expected those to stay what they are");
        assert!(!may_be_written(&letter().deadline(Time::from_nanos(7))));
    }

    #[test]
    fn the_end_comes_after_all_that_is_to_be_sent_before_it() {
        let mut pile = Pile::default();
        let watch = Errand::Watch(Address::service(Nid::number(1)), Watch::from_number(1));
        pile.inputs.push_back(Input::Errand(Box::new(watch)));
        pile.tidings
            .extend([Tiding::Joined(Peer { node: NodeId::name("north"), incarnation: Incarnation(1) }), Tiding::Stop]);
        assert!(matches!(pile.next_tiding(), Some(Tiding::Joined(_))), "expected others not to wait");
        assert!(pile.next_tiding().is_none(), "expected the end to wait");
        pile.inputs.clear();
        assert!(matches!(pile.next_tiding(), Some(Tiding::Stop)));
    }
}
