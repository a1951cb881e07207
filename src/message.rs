//! [`Message`]: an envelope and its records.
//!
//! A message is 120 bytes and moves by value: into a waiting list, into a hand-off slot, into a [`HeldMessage`]. On
//! the direct path it does not move at all: the receiver borrows it from its sender's stack. What most messages do
//! not have (a text, a second record, another node) lies behind one pointer.
//!
//! The fields stand in the order in which a receiver needs them: beside its stamp in a hand-off, what a plain
//! notification with a record of up to 24 bytes is handled by lies in one cache line, and the other is not looked at.
//!
//! [`HeldMessage`]: crate::HeldMessage

mod cold;
mod extra;
mod flags;
mod spare;

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU64;

use crate::address::Address;
use crate::body::Body;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::id::{Nid, NodeId, Tid};
pub(crate) use crate::message::cold::Cold;
pub(crate) use crate::message::flags::Flags;
pub(crate) use crate::message::spare::Aside;
use crate::origin::Principal;
use crate::record::{Record, RecordType};
use crate::reply::Asker;

/// Tells the answers of one target's requests apart; unique on its worker thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) u64);

/// Who sent a message.
#[derive(Debug)]
pub(crate) enum Sender {
    /// A target of this node.
    Target(NonZeroU64, Nid),
    /// A plain thread; it waits for the answer if there is an asker.
    Outside(Option<Asker>),
}

impl Sender {
    /// The target with the generated id `tid`.
    #[inline]
    pub(crate) fn target(tid: Tid, nid: Nid) -> Self {
        NonZeroU64::new(tid.raw()).map_or(Self::Outside(None), |tid| Self::Target(tid, nid))
    }
}

/// An envelope and its records.
///
/// A handler borrows it; `'m` is the life of the memory it lies in, so a message can be taken out of a handler only
/// with [`Context::hold`](crate::Context::hold). One that you build yourself is a `Message<'static>`.
///
/// Cost: 120 bytes. A record of up to 32 bytes lies in the message; a larger one is borrowed from the sender's stack
/// on the direct path and moves to the heap when the message waits, is held or crosses a thread. Records after the
/// first and a text that is not empty allocate.
///
/// ```
/// use rohrpost::{Address, Message, Record, record};
///
/// #[derive(Clone, Debug)]
/// struct Tick(u64);
/// record!(Tick, "clock.tick");
///
/// let clock: Address = "clock.home.".parse()?;
/// let message = Message::notification(clock, Tick(1)).and(Tick(2));
/// assert_eq!(message.records().count(), 2);
/// assert_eq!(message.record::<Tick>().map(|tick| tick.0), Some(1));
/// assert!(!message.wants_answer());
/// # Ok::<(), rohrpost::ParseAddressError>(())
/// ```
#[repr(C)]
pub struct Message<'m> {
    /// What has become of it so far.
    pub(crate) code: Code,
    pub(crate) flags: Flags,
    /// Forwardings in a row, bounded so that a circle of forwarders starves nobody.
    pub(crate) hops: u32,
    /// Which life of the sender sent it: a restarted target does not get its predecessor's mail back.
    pub(crate) life: u32,
    pub(crate) tid: Tid,
    pub(crate) body: Body<'m>,
    /// Looked at only where [`Flags::COLD`] says so.
    pub(crate) cold: Aside,
    pub(crate) sender: Sender,
    pub(crate) nid: Nid,
    /// The node of the sender; in a draft that of the receiver.
    pub(crate) node: NodeId,
    /// Where [`Flags::DEADLINE`] says so, the deadline in nanoseconds; else the receiver's node, where [`Flags::ABROAD`] does.
    extra: u64,
    pub(crate) request: u64,
    /// `'m` is invariant: no message can be put in the place of the one that a handler is looking at.
    brand: PhantomData<fn(&'m ()) -> &'m ()>,
}

/// One record of a message, of a type to be found out.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    body: &'a Body<'a>,
}

impl Message<'static> {
    /// A message that wants no answer. It comes back only if it fails.
    pub fn notification<R: Record>(to: Address, record: R) -> Self {
        Self::draft(to, Body::new(record), Flags::empty())
    }

    /// A message that wants an answer.
    pub fn request<R: Record>(to: Address, record: R) -> Self {
        Self::draft(to, Body::new(record), Flags::WANT_ANSWER)
    }

    fn draft(to: Address, body: Body<'static>, flags: Flags) -> Self {
        Message::new(to, body, flags | Flags::DRAFT, Sender::Outside(None))
    }

    /// Adds a record. The message is routed by its first one.
    #[must_use]
    pub fn and<R: Record>(mut self, record: R) -> Self {
        self.cold().push(Body::new(record));
        self
    }

    /// Sets the moment after which the message is not handled any more; without it the sender's deadline is
    /// inherited.
    #[must_use]
    pub fn deadline(mut self, deadline: Time) -> Self {
        self.set_deadline(deadline);
        self
    }

    /// Keeps the message on its node: at the edge it comes back with [`Code::NOT_ROUTABLE`].
    #[must_use]
    pub fn local_only(mut self) -> Self {
        self.flags |= Flags::LOCAL_ONLY;
        self
    }
}

impl<'m> Message<'m> {
    #[inline]
    pub(crate) fn new(to: Address, body: Body<'m>, flags: Flags, sender: Sender) -> Self {
        Self {
            code: Code::NOT_HANDLED,
            flags,
            hops: 0,
            life: 0,
            tid: to.tid,
            body,
            cold: Aside::NOTHING,
            sender,
            nid: to.nid,
            node: to.node,
            extra: 0,
            request: 0,
            brand: PhantomData,
        }
    }

    /// Who sent it: the requester of a request, the one who answered of an answer. `None` for a plain thread.
    #[must_use]
    pub fn sender(&self) -> Option<Address> {
        if self.is_answer() { Some(self.destination()) } else { self.origin() }
    }

    /// Who sent it from outside the node, if whoever let it in has made sure of that; see [`Port`](crate::Port).
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.cold.as_deref()?.origin.as_ref()?.principal.as_ref()
    }

    /// To whom it is addressed. `None` for the answer to a plain thread.
    #[must_use]
    pub fn receiver(&self) -> Option<Address> {
        if self.is_answer() { self.origin() } else { Some(self.destination()) }
    }

    /// Whether it wants an answer.
    #[must_use]
    pub const fn wants_answer(&self) -> bool {
        self.flags.contains(Flags::WANT_ANSWER)
    }

    /// Whether it is on its way back: an answer, or a message that failed.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        self.flags.contains(Flags::TURNED)
    }

    /// Whether it is a copy of a message to a service, made for an observer: it can be neither answered nor held nor
    /// forwarded, and never comes back.
    #[must_use]
    pub const fn is_copy(&self) -> bool {
        self.flags.contains(Flags::COPY)
    }

    /// Whether it has been held or was taken otherwise, so that nothing is left here but the envelope.
    #[must_use]
    pub const fn is_taken(&self) -> bool {
        self.flags.contains(Flags::TAKEN)
    }

    /// What has become of it: [`Code::NOT_HANDLED`] until somebody says otherwise.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// A text about the code, for logs; empty if there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.cold.as_deref().map_or("", Cold::text)
    }

    /// Which request this is, or answers.
    #[must_use]
    pub fn request_id(&self) -> Option<RequestId> {
        self.wants_answer().then_some(RequestId(self.request))
    }

    /// The type of the first record.
    #[must_use]
    pub const fn kind(&self) -> &'static RecordType {
        self.body.kind()
    }

    /// The first record of type `R`.
    #[inline]
    #[must_use]
    pub fn record<R: Record>(&self) -> Option<&R> {
        self.body.get().or_else(|| self.cold.as_deref()?.more().iter().find_map(Body::get))
    }

    /// The first record of type `R`, to change it.
    #[must_use]
    pub fn record_mut<R: Record>(&mut self) -> Option<&mut R> {
        self.body.get_mut().or_else(|| self.cold.as_deref_mut()?.more_mut().iter_mut().find_map(Body::get_mut))
    }

    /// Takes the first record of type `R` out, leaving `()` in its place.
    #[must_use]
    pub fn take<R: Record>(&mut self) -> Option<R> {
        self.body.take().or_else(|| self.cold.as_deref_mut()?.more_mut().iter_mut().find_map(Body::take))
    }

    /// All records in order; at least one.
    pub fn records(&self) -> impl Iterator<Item = RecordRef<'_>> {
        let more = self.cold.as_deref().map_or(&[][..], Cold::more);
        std::iter::once(&self.body).chain(more).map(|body| RecordRef { body })
    }

    /// Sets the code. A code that is not [`Code::OK`] sends the message back.
    pub fn set_code(&mut self, code: Code) {
        self.code = code;
    }

    /// Sets the code and the text of `failure`. Allocates if the text is not empty.
    pub fn fail(&mut self, failure: Failure) {
        let (code, text) = failure.into_parts();
        self.code = code;
        self.set_text(text);
    }

    /// Puts `answer` in the place of the records and sets [`Code::OK`]. It travels when the handler has returned.
    #[inline]
    pub fn answer<R: Record>(&mut self, answer: R) {
        self.code = Code::OK;
        if self.flags.contains(Flags::COLD) || self.flags.contains(Flags::PARTS) {
            return self.answer_several(Body::new(answer));
        }
        self.body = Body::new(answer);
    }

    /// The same where there are, or were, several records.
    #[cold]
    fn answer_several(&mut self, answer: Body<'static>) {
        if self.flags.contains(Flags::PARTS) {
            self.cold().answers().push(answer);
            return;
        }
        let record = std::mem::replace(&mut self.body, answer);
        let more = self.cold().take_more();
        drop((record, more));
    }

    /// A notification to the same receiver with copies of the records; `None` if one of them is `no_clone`.
    #[must_use]
    pub fn try_clone(&self) -> Option<Message<'static>> {
        let mut copy = Message::draft(self.destination(), self.body.try_clone()?, Flags::empty());
        for body in self.cold.as_deref().map_or(&[][..], Cold::more) {
            copy.cold().push(body.try_clone()?);
        }
        Some(copy)
    }

    /// Moves the message out and leaves an envelope marked as taken.
    #[inline]
    pub(crate) fn take_all(&mut self) -> Message<'static> {
        // Before anything is copied, so that the rest is, straight to where it is to lie.
        let body = self.body.own();
        let taken = Message {
            code: self.code,
            flags: self.flags,
            hops: self.hops,
            life: self.life,
            tid: self.tid,
            body: body.take(),
            cold: if self.flags.contains(Flags::COLD) { self.cold.take() } else { Aside::NOTHING },
            sender: std::mem::replace(&mut self.sender, Sender::Outside(None)),
            nid: self.nid,
            node: self.node,
            extra: self.extra,
            request: self.request,
            brand: PhantomData,
        };
        self.flags |= Flags::TAKEN;
        taken
    }

    /// The same message in memory of its own.
    pub(crate) fn into_owned(mut self) -> Message<'static> {
        self.take_all()
    }
}

impl<'a> RecordRef<'a> {
    /// The record's type.
    #[must_use]
    pub const fn kind(self) -> &'static RecordType {
        self.body.kind()
    }

    /// The record, if it is an `R`.
    #[must_use]
    pub fn downcast<R: Record>(self) -> Option<&'a R> {
        self.body.get()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut message = f.debug_struct("Message");
        message.field("sender", &self.sender()).field("receiver", &self.receiver()).field("code", &self.code);
        if !self.text().is_empty() {
            message.field("text", &self.text());
        }
        if let Some(deadline) = self.expires() {
            message.field("deadline", &deadline);
        }
        message.field("flags", &self.flags).field("records", &self.records().collect::<Vec<_>>()).finish()
    }
}

const _: () = assert!(size_of::<Sender>() == 16, "a sender is two words");
const _: () = assert!(size_of::<Message<'static>>() == 120, "a message and its stamp are two cache lines");
