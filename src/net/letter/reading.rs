//! [`Letter`]: what came, looked at where it lies.

use std::borrow::Cow;
use std::time::Duration;

use super::squeezing::{Content, SQUEEZED};
use super::{LetterError, MAX_TEXT, Marks, VERSION};
use crate::address::Address;
use crate::body::Body;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::held::HeldMessage;
use crate::id::{Nid, NodeId, RecordId, Tid};
use crate::message::{Flags, Message, Sender};
use crate::net::codec;
use crate::net::names::{is_name, learn_from_elsewhere};
use crate::net::opaque::{Opaque, describe};
use crate::port::Ticket;
use crate::record::Absent;

/// A letter in the bytes it came in, all lengths checked. Its records have not been looked into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter<'a> {
    marks: Marks,
    pub(super) code: Code,
    hops: u16,
    receiver: (Tid, Nid),
    sender: (Tid, Nid),
    senders_node: NodeId,
    ticket: (u32, u64),
    left: Duration,
    pub(super) text: &'a str,
    pub(super) records: Records<'a>,
    names: Names<'a>,
    /// In bytes, with all records as they are when they are read.
    length: usize,
}

/// The records of a letter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Records<'a> {
    count: u16,
    /// Whether some may be compressed.
    squeezed: bool,
    bytes: Reader<'a>,
}

/// The names in a letter.
#[derive(Clone, Copy, Debug)]
struct Names<'a> {
    count: u8,
    bytes: Reader<'a>,
}

impl<'a> Letter<'a> {
    /// Reads the envelope and checks where each record lies. Allocates nothing.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, LetterError> {
        let mut reader = Reader { bytes, length: bytes.len() };
        let [version] = reader.array()?;
        if version != VERSION {
            return Err(LetterError::Version(version));
        }
        let bits = u16::from_le_bytes(reader.array()?);
        let marks = Marks::from_bits(bits).ok_or(LetterError::Marks(bits))?;
        let code = Code::from_number(i32::from_le_bytes(reader.array()?));
        let hops = u16::from_le_bytes(reader.array()?);
        let receiver = reader.target()?;
        let sender = if marks.contains(Marks::SENDER) { reader.target()? } else { (Tid::UNSET, Nid::UNSET) };
        let elsewhere = marks.contains(Marks::SENDERS_NODE);
        let senders_node = if elsewhere { NodeId::from_raw(reader.word()?) } else { NodeId::UNSET };
        let mut ticket = (0, 0);
        if marks.contains(Marks::TICKET) {
            ticket = (u32::from_le_bytes(reader.array()?), reader.word()?);
        }
        let left = if marks.contains(Marks::DEADLINE) { Duration::from_nanos(reader.word()?) } else { Duration::MAX };
        let mut text = "";
        if marks.contains(Marks::TEXT) {
            let length = usize::from(u16::from_le_bytes(reader.array()?));
            text = str::from_utf8(reader.take(length)?).ok().filter(|_| length <= MAX_TEXT).ok_or(LetterError::Text)?;
        }
        let (records, growth) = Records::read(&mut reader, marks.contains(Marks::COMPRESSED))?;
        let names = Names::read(&mut reader)?;
        if !reader.bytes.is_empty() {
            return Err(LetterError::Long(reader.bytes.len()));
        }
        let length = bytes.len().saturating_add(growth);
        Ok(Self { marks, code, hops, receiver, sender, senders_node, ticket, left, text, records, names, length })
    }

    /// Whether its sender waits for an answer.
    pub(crate) const fn wants_answer(&self) -> bool {
        self.marks.contains(Marks::WANTS_ANSWER)
    }

    /// How often it has been forwarded in a row.
    pub(crate) const fn hops(&self) -> u16 {
        self.hops
    }

    /// Its deadline, if it is read now.
    pub(crate) fn due(&self, now: Time) -> Time {
        now.after(self.left)
    }

    /// Its record as it lies here, if it is the only one, and there is no more to it.
    pub(crate) fn lone_record(&self) -> Option<(RecordId, &'a [u8])> {
        let content = self.records.iter().next().filter(|_| self.records.count == 1)?;
        content.bare()
    }

    /// Whether its records may have far more bytes than it.
    pub(crate) const fn is_compressed(&self) -> bool {
        self.marks.contains(Marks::COMPRESSED)
    }

    /// Whether it is a copy for observers.
    pub(crate) const fn is_copy(&self) -> bool {
        self.marks.contains(Marks::COPY)
    }

    /// To whom it goes on the node that reads it; without a node.
    pub(crate) const fn receiver(&self) -> Address {
        Address { tid: self.receiver.0, nid: self.receiver.1, node: NodeId::UNSET }
    }

    /// Who sent it first, if a target did; `peer` is the node that it comes from.
    pub(crate) fn sender(&self, peer: NodeId) -> Option<Address> {
        let node = if self.senders_node.is_unset() { peer } else { self.senders_node };
        self.marks.contains(Marks::SENDER).then_some(Address { tid: self.sender.0, nid: self.sender.1, node })
    }

    /// With what a notification is [given back](super::Desk::give_back).
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        let (tid, nid) = if self.marks.contains(Marks::TURNED) { self.receiver } else { self.sender };
        let (life, request) = self.ticket;
        let ticket = Ticket::from_parts([tid.raw(), nid.raw(), u64::from(life), request]);
        self.marks.contains(Marks::TICKET).then_some(ticket)
    }

    /// Where the records end, and the names begin.
    pub(crate) const fn end_of_records(&self) -> usize {
        self.names.bytes.at() - 1
    }

    /// The message, as one that was built by hand and is to be [brought in](crate::Inlet::bring). A record that this node
    /// does not know becomes an [`Opaque`].
    ///
    /// # Errors
    ///
    /// [`LetterError::TooLarge`] above `limit` bytes, before anything is allocated; [`LetterError::Record`].
    pub(crate) fn open(&self, limit: usize, now: Time) -> Result<Message<'static>, LetterError> {
        if self.length > limit {
            return Err(LetterError::TooLarge { length: self.length, limit });
        }
        self.learn_names();
        let mut bodies = self.records.iter().map(decode);
        let first = bodies.next().ok_or(LetterError::NoRecord)??;
        let mut flags = Flags::DRAFT;
        flags.set(Flags::WANT_ANSWER, self.wants_answer());
        flags.set(Flags::COPY, self.is_copy());
        let mut message = Message::new(self.receiver(), first, flags, Sender::Outside(None));
        for body in bodies {
            message.cold().push(body?);
        }
        message.hops = self.hops.into();
        message.set_deadline(now.after(self.left));
        Ok(message)
    }

    /// The message with its records as they lie here, to be sent back by a node that cannot open it: its sender can read
    /// them. Above `limit` bytes they stay behind, and [`Absent`] says of which type the first was.
    pub(crate) fn sealed(&self, limit: usize) -> Message<'static> {
        self.learn_names();
        let small = self.length <= limit;
        let sealed = |record: Content<'_>| match small.then(|| record.plain()) {
            Some(Ok(bytes)) => Opaque::new(record.id, &bytes).into_body(),
            _ => Body::new(Absent::of(describe(record.id))),
        };
        let first = self.records.iter().next().map(sealed);
        let flags = if self.wants_answer() { Flags::DRAFT | Flags::WANT_ANSWER } else { Flags::DRAFT };
        let body = first.unwrap_or_else(|| Body::new(()));
        let mut message = Message::new(self.receiver(), body, flags, Sender::Outside(None));
        if small && self.records.count > 1 {
            message.cold().set_more(self.records.iter().skip(1).map(sealed).collect());
        }
        message
    }

    /// The notification that this letter was written of, when a target of the node `home` sent it to one of `node`: as the other
    /// node would have read it. Records that cannot be read stay [sealed](Self::sealed).
    pub(crate) fn reopen(&self, (home, node): (NodeId, NodeId)) -> Message<'static> {
        // It is of this node, and needs no bound.
        let mut message = self.open(usize::MAX, Time::START).unwrap_or_else(|_| self.sealed(usize::MAX));
        message.node = node;
        message.launch();
        message.complete_from(Nid::UNSET, home);
        let (tid, nid) = self.sender;
        message.sender = Sender::target(tid, nid);
        (message.life, message.request) = self.ticket;
        message.hops = self.hops.into();
        message
    }

    /// The message that comes back, and to whom. It has its code, and names as its receiver whoever sends it back; `peer` is
    /// the node that it comes from. Records that cannot be read stay [sealed](Self::sealed).
    pub(crate) fn open_return(&self, peer: NodeId, limit: usize, now: Time) -> (Message<'static>, Option<Ticket>) {
        let mut message = self.open(limit, now).unwrap_or_else(|_| self.sealed(limit));
        if let Some(sender) = self.sender(peer) {
            (message.tid, message.nid, message.node) = (sender.tid, sender.nid, sender.node);
        }
        message.code = self.code;
        message.set_text(Cow::Owned(self.text.to_owned()));
        (message, self.ticket())
    }

    /// Ends a request with the answer, or the code, that this letter brings.
    pub(crate) fn finish(&self, mut request: HeldMessage, limit: usize) {
        if !self.code.is_ok() {
            request.fail(Failure::new(self.code, self.text.to_owned()));
            return;
        }
        if self.length > limit {
            request.fail(LetterError::TooLarge { length: self.length, limit }.into());
            return;
        }
        self.learn_names();
        let bodies: Result<Vec<_>, _> = self.records.iter().map(decode).collect();
        match bodies {
            Err(error) => request.fail(error.into()),
            Ok(bodies) => {
                if let Some(message) = request.message_mut() {
                    message.answer(());
                    let mut bodies = bodies.into_iter();
                    if let Some(first) = bodies.next() {
                        message.body = first;
                    }
                    if bodies.len() > 0 {
                        message.cold().set_more(bodies.collect());
                    }
                }
                request.finish(Code::OK);
            }
        }
    }

    /// Remembers the names in it.
    pub(crate) fn learn_names(&self) {
        self.names.iter().for_each(learn_from_elsewhere);
    }
}

fn decode(record: Content<'_>) -> Result<Body<'static>, LetterError> {
    let bytes = record.plain()?;
    match codec::of(record.id) {
        Some(codec) => Ok(codec.decode(&bytes)?),
        None => Ok(Opaque::new(record.id, &bytes).into_body()),
    }
}

impl<'a> Records<'a> {
    /// The records, and how many bytes more they have when they are read.
    fn read(reader: &mut Reader<'a>, squeezed: bool) -> Result<(Self, usize), LetterError> {
        let count = u16::from_le_bytes(reader.array()?);
        let records = Self { count, squeezed, bytes: *reader };
        let mut growth: usize = 0;
        for _ in 0..count {
            growth = growth.saturating_add(reader.record(squeezed)?.growth()?);
        }
        Ok((records, growth))
    }

    pub(super) fn iter(mut self) -> impl Iterator<Item = Content<'a>> {
        (0..self.count).map_while(move |_| self.bytes.record(self.squeezed).ok())
    }
}

impl<'a> Names<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, LetterError> {
        let [count] = reader.array()?;
        let names = Self { count, bytes: *reader };
        for _ in 0..count {
            reader.name()?;
        }
        Ok(names)
    }

    fn iter(mut self) -> impl Iterator<Item = &'a str> {
        (0..self.count).map_while(move |_| self.bytes.name().ok())
    }
}

/// Bytes that are read one after the other.
#[derive(Clone, Copy, Debug)]
struct Reader<'a> {
    /// Those that are left.
    bytes: &'a [u8],
    /// How many there were.
    length: usize,
}

impl<'a> Reader<'a> {
    const fn at(&self) -> usize {
        self.length - self.bytes.len()
    }

    #[inline]
    fn take(&mut self, count: usize) -> Result<&'a [u8], LetterError> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(LetterError::Short { at: self.length })?;
        self.bytes = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], LetterError> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(LetterError::Short { at: self.length })?;
        self.bytes = rest;
        Ok(*taken)
    }

    #[inline]
    fn word(&mut self) -> Result<u64, LetterError> {
        self.array().map(u64::from_le_bytes)
    }

    #[inline]
    fn target(&mut self) -> Result<(Tid, Nid), LetterError> {
        Ok((Tid::from_raw(self.word()?), Nid::from_raw(self.word()?)))
    }

    #[inline]
    fn record(&mut self, may_be_squeezed: bool) -> Result<Content<'a>, LetterError> {
        let id = RecordId::from_raw(self.word()?);
        let mut length = u32::from_le_bytes(self.array()?);
        let squeezed = may_be_squeezed && length & SQUEEZED != 0;
        if squeezed {
            length &= !SQUEEZED;
        }
        // A length that does not fit a word is longer than what is there.
        Ok(Content::new(id, self.take(usize::try_from(length).unwrap_or(usize::MAX))?, squeezed))
    }

    fn name(&mut self) -> Result<&'a str, LetterError> {
        let [length] = self.array()?;
        str::from_utf8(self.take(usize::from(length))?).ok().filter(|name| is_name(name)).ok_or(LetterError::Text)
    }
}
