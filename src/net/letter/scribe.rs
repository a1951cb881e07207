//! [`Scribe`]: how envelopes and records are written.
//!
//! What has been told already is known where a letter leaves. So the names in it are left to the [`Desk`] there, and any thread
//! can write the rest.
//!
//! [`Desk`]: super::Desk

use super::squeezing::{SQUEEZED, squeeze};
use super::{MAX_TEXT, Marks, VERSION};
use crate::address::Address;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::id::{Nid, NodeId, RecordId, Tid};
use crate::message::{Flags, Message, RecordRef};
use crate::net::codec::{self, EncodeError};
use crate::net::names::{Heading, begin_to_mention, mention};
use crate::net::opaque::Opaque;
use crate::port::Ticket;

/// Where the first record's id is in a heading.
const RECORD: usize = 5;

/// Bytes before the ids of an envelope.
const START: usize = 9;

/// What is the same for all letters of a writer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// The node that writes.
    pub(crate) home: NodeId,
    /// The largest letter, in bytes.
    pub(crate) limit: usize,
    /// From how many bytes on a record is compressed, where that makes it smaller.
    pub(crate) squeeze: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Scribe {
    codecs: codec::Latest,
}

/// A letter's envelope.
pub(super) struct Envelope<'a> {
    pub(super) marks: Marks,
    pub(super) code: Code,
    hops: u16,
    receiver: (Tid, Nid),
    sender: Option<Address>,
    /// The sender's life and the request's number.
    ticket: (u32, u64),
    left: u64,
    pub(super) text: &'a str,
}

impl Style {
    pub(crate) const fn new(home: NodeId, limit: usize) -> Self {
        Self { home, limit, squeeze: usize::MAX }
    }

    /// Compresses records of `bytes` and more, where that makes them smaller.
    pub(crate) fn squeezing(mut self, bytes: Option<usize>) -> Self {
        self.squeeze = bytes.unwrap_or(usize::MAX);
        self
    }
}

impl Scribe {
    /// Writes mail where nothing is yet: a request, a notification or a copy, and its number of names, which is none. The ids
    /// that are to be told are the heading, and those that are [mentioned](crate::net::names::with_mentioned) by then.
    ///
    /// # Errors
    ///
    /// `NOT_ROUTABLE` if it, or one of its records, may not or cannot leave the node; `TOO_LARGE`.
    pub(crate) fn mail(
        &mut self,
        style: &Style,
        message: &Message<'_>,
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<Heading, Failure> {
        let heading = self.write(style, Envelope::of(message, now)?, message.records(), out)?;
        out.push(0);
        Ok(heading)
    }

    /// Writes a letter up to its names.
    #[expect(single_use_lifetimes, reason = "it cannot be left out here")]
    pub(super) fn write<'a>(
        &mut self,
        style: &Style,
        envelope: Envelope<'_>,
        records: impl IntoIterator<Item = RecordRef<'a>>,
        out: &mut Vec<u8>,
    ) -> Result<Heading, Failure> {
        begin_to_mention();
        let mut heading = envelope.write(out, style.home);
        let place = out.len();
        out.extend_from_slice(&[0; 2]);
        let mut count: u16 = 0;
        let mut squeezed = false;
        for record in records {
            let id = id_of(record);
            match count {
                0 => heading[RECORD] = id.raw(),
                _ => mention(id.raw()),
            }
            squeezed |= self.write_record(style, id, record, out)?;
            count =
                count.checked_add(1).ok_or_else(|| Failure::new(Code::TOO_LARGE, "more records than a letter has"))?;
        }
        out[place..place + 2].copy_from_slice(&count.to_le_bytes());
        if squeezed {
            Marks::COMPRESSED.add_to(out);
        }
        Ok(heading)
    }

    /// Whether the record was compressed.
    fn write_record(
        &mut self,
        style: &Style,
        id: RecordId,
        record: RecordRef<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool, EncodeError> {
        out.extend_from_slice(&id.raw().to_le_bytes());
        let place = out.len();
        out.extend_from_slice(&[0; 4]);
        let (start, name) = (out.len(), record.kind().name());
        match record.downcast::<Opaque>() {
            Some(opaque) if opaque.bytes().len() > style.limit.saturating_sub(start) => {
                return Err(EncodeError::TooLarge(name));
            }
            Some(opaque) => out.extend_from_slice(opaque.bytes()),
            None => {
                let codec = self.codecs.of(id).ok_or(EncodeError::NoWireForm(name))?;
                codec.encode(record, out, style.limit)?;
            }
        }
        let squeezed = out.len() - start >= style.squeeze && squeeze(out, start);
        let length = u32::try_from(out.len() - start).ok().filter(|length| length & SQUEEZED == 0);
        let length = length.ok_or(EncodeError::TooLarge(name))?;
        let length = if squeezed { length | SQUEEZED } else { length };
        out[place..start].copy_from_slice(&length.to_le_bytes());
        Ok(squeezed)
    }
}

impl<'a> Envelope<'a> {
    /// That of mail.
    pub(super) fn of(message: &Message<'_>, now: Time) -> Result<Self, Failure> {
        if message.flags.contains(Flags::LOCAL_ONLY) {
            return Err(Failure::new(Code::NOT_ROUTABLE, "the message is `local_only`"));
        }
        let mut envelope = Self::to(message.destination());
        envelope.hops = u16::try_from(message.hops).unwrap_or(u16::MAX);
        envelope.marks.set(Marks::WANTS_ANSWER, message.wants_answer());
        envelope.marks.set(Marks::COPY, message.flags.contains(Flags::COPY));
        if let Some(deadline) = message.expires() {
            envelope.marks |= Marks::DEADLINE;
            envelope.left = deadline.since(now).as_nanos() as u64;
        }
        envelope.sender = message.origin();
        if let Some(ticket) = Ticket::of(message) {
            let [_, _, life, request] = ticket.parts();
            envelope.marks |= Marks::TICKET;
            envelope.ticket = (life as u32, request);
        }
        Ok(envelope)
    }

    pub(super) fn to(receiver: Address) -> Self {
        Self {
            marks: Marks::empty(),
            code: Code::NOT_HANDLED,
            hops: 0,
            receiver: (receiver.tid, receiver.nid),
            sender: None,
            ticket: (0, 0),
            left: 0,
            text: "",
        }
    }

    /// That of a message that goes back to who sent it with this ticket.
    pub(super) fn back(message: &'a Message<'_>, ticket: Ticket) -> Self {
        let [tid, nid, life, request] = ticket.parts();
        let mut envelope = Self::to(Address::target(Tid::from_raw(tid)).in_namespace(Nid::from_raw(nid)));
        envelope.marks |= Marks::TURNED | Marks::TICKET;
        envelope.ticket = (life as u32, request);
        envelope.sender = Some(message.destination());
        envelope.code = message.code;
        envelope.text = message.text();
        envelope
    }

    /// Its ids are given back.
    fn write(mut self, out: &mut Vec<u8>, home: NodeId) -> Heading {
        let elsewhere = self.sender.is_some_and(|sender| sender.node != home);
        self.marks.set(Marks::SENDER, self.sender.is_some());
        self.marks.set(Marks::SENDERS_NODE, elsewhere);
        self.marks.set(Marks::TEXT, !self.text.is_empty());
        let mut start = [0; START];
        start[0] = VERSION;
        start[1..3].copy_from_slice(&self.marks.bits().to_le_bytes());
        start[3..7].copy_from_slice(&self.code.number().to_le_bytes());
        start[7..9].copy_from_slice(&self.hops.to_le_bytes());
        out.extend_from_slice(&start);
        let mut heading = Heading::default();
        let sender = self.sender.map_or((Tid::UNSET, Nid::UNSET, NodeId::UNSET), |it| (it.tid, it.nid, it.node));
        let (tid, nid) = self.receiver;
        let ids = [tid.raw(), nid.raw(), sender.0.raw(), sender.1.raw(), sender.2.raw()];
        let count = 2 + 2 * usize::from(self.sender.is_some()) + usize::from(elsewhere);
        for (place, &id) in heading.iter_mut().zip(&ids[..count]) {
            *place = id;
            out.extend_from_slice(&id.to_le_bytes());
        }
        if self.marks.contains(Marks::TICKET) {
            out.extend_from_slice(&self.ticket.0.to_le_bytes());
            out.extend_from_slice(&self.ticket.1.to_le_bytes());
        }
        if self.marks.contains(Marks::DEADLINE) {
            out.extend_from_slice(&self.left.to_le_bytes());
        }
        if !self.text.is_empty() {
            let text = &self.text[..self.text.floor_char_boundary(MAX_TEXT)];
            out.extend_from_slice(&(text.len() as u16).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        heading
    }
}

/// What a record is, also if this node does not know it.
fn id_of(record: RecordRef<'_>) -> RecordId {
    record.downcast::<Opaque>().map_or(record.kind().id(), Opaque::id)
}
