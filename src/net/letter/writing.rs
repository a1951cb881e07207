//! [`Desk`]: where the letters to one other node are written.

use super::squeezing::{SQUEEZED, squeeze};
use super::{MAX_TEXT, Marks, VERSION};
use crate::address::Address;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::id::{Nid, NodeId, RecordId, Tid};
use crate::message::{Flags, Message, RecordRef};
use crate::net::codec::{self, EncodeError};
use crate::net::frame::TAIL;
use crate::net::names::{Heading, Told, mention};
use crate::net::opaque::Opaque;
use crate::port::Ticket;
use crate::record::Absent;

/// Room for an envelope and a small record, so that most letters grow once.
const ROOM: usize = 256;

/// Letters whose memory is kept, and the most that one may have.
const SPARE: usize = 64;
const LARGEST_SPARE: usize = 4 << 10;

/// Writes the letters to one other node.
///
/// A letter lies in memory of its own, with room for what the link adds. It is allocated, and grows with a letter of more
/// than 256 bytes, unless some is there that was used [before](Desk::reuse).
#[derive(Debug)]
pub(crate) struct Desk {
    /// The node that writes.
    home: NodeId,
    /// The largest letter, in bytes.
    limit: usize,
    /// From how many bytes on a record is compressed.
    squeeze: usize,
    told: Told,
    codecs: codec::Latest,
    /// Memory of letters that have been sent.
    spare: Vec<Vec<u8>>,
}

/// Where the first record's id is in a heading.
const RECORD: usize = 5;

/// A letter's envelope.
struct Envelope<'a> {
    marks: Marks,
    code: Code,
    hops: u16,
    receiver: (Tid, Nid),
    sender: Option<Address>,
    /// The sender's life and the request's number.
    ticket: (u32, u64),
    left: u64,
    text: &'a str,
}

impl Desk {
    pub(crate) fn new(home: NodeId, limit: usize) -> Self {
        Self {
            home,
            limit,
            squeeze: usize::MAX,
            told: Told::default(),
            codecs: codec::Latest::default(),
            spare: Vec::new(),
        }
    }

    /// Compresses records of `bytes` and more, where that makes them smaller.
    pub(crate) fn squeezing(mut self, bytes: Option<usize>) -> Self {
        self.squeeze = bytes.unwrap_or(usize::MAX);
        self
    }

    /// The link has opened anew: the other side may know none of the names that were told before.
    pub(crate) fn renew(&mut self) {
        self.told.forget();
    }

    /// Takes the memory of a letter that has been sent, for another one.
    pub(crate) fn reuse(&mut self, mut letter: Vec<u8>) {
        if self.spare.len() < SPARE && (ROOM..=LARGEST_SPARE).contains(&letter.capacity()) {
            letter.clear();
            self.spare.push(letter);
        }
    }

    /// Writes mail: a request, a notification or a copy.
    ///
    /// # Errors
    ///
    /// `NOT_ROUTABLE` if it, or one of its records, may not or cannot leave the node; `TOO_LARGE`.
    pub(crate) fn mail(&mut self, message: &Message<'_>, now: Time) -> Result<Vec<u8>, Failure> {
        if message.flags.contains(Flags::LOCAL_ONLY) {
            return Err(Failure::new(Code::NOT_ROUTABLE, "the message is `local_only`"));
        }
        let mut envelope = Envelope::to(message.destination());
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
        self.write(envelope, message.records())
    }

    /// Writes what has become of a request: its answer, or code and text. The records of a request that failed stay here;
    /// its sender still has them.
    ///
    /// # Errors
    ///
    /// As for [`Desk::mail`]; then the failure can be [written](Desk::failure) in the answer's place.
    pub(crate) fn answer(&mut self, message: &Message<'_>) -> Result<Vec<u8>, Failure> {
        let mut envelope = Envelope::to(Address::target(Tid::UNSET));
        envelope.marks |= Marks::TURNED;
        envelope.code = message.code;
        envelope.text = message.text();
        if message.code.is_ok() { self.write(envelope, message.records()) } else { self.write(envelope, []) }
    }

    /// Writes why a request has no answer.
    pub(crate) fn failure(&mut self, failure: &Failure) -> Vec<u8> {
        let mut envelope = Envelope::to(Address::target(Tid::UNSET));
        envelope.marks |= Marks::TURNED;
        envelope.code = if failure.code().is_ok() { Code::NOT_HANDLED } else { failure.code() };
        envelope.text = failure.text();
        self.write(envelope, []).unwrap_or_default()
    }

    /// Writes a notification back to the sender whose ticket came with it. Its receiver here is who sends it back. Records
    /// that cannot leave the node, or not any more, stay here, and [`Absent`] says of which type the first was.
    pub(crate) fn give_back(&mut self, message: &Message<'_>, ticket: Ticket) -> Vec<u8> {
        let whole = self.write(Envelope::back(message, ticket), message.records());
        whole.unwrap_or_else(|_| {
            let absent = Message::notification(message.destination(), Absent::of(message.asked()));
            self.write(Envelope::back(message, ticket), absent.records()).unwrap_or_default()
        })
    }

    #[expect(single_use_lifetimes, reason = "it cannot be left out here")]
    fn write<'a>(
        &mut self,
        envelope: Envelope<'_>,
        records: impl IntoIterator<Item = RecordRef<'a>>,
    ) -> Result<Vec<u8>, Failure> {
        Told::begin();
        let mut out = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(ROOM + TAIL));
        let mut heading = envelope.write(&mut out, self.home);
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
            squeezed |= self.write_record(id, record, &mut out)?;
            count =
                count.checked_add(1).ok_or_else(|| Failure::new(Code::TOO_LARGE, "more records than a letter has"))?;
        }
        out[place..place + 2].copy_from_slice(&count.to_le_bytes());
        if squeezed {
            Marks::COMPRESSED.add_to(&mut out);
        }
        self.write_names(heading, &mut out);
        Ok(out)
    }

    /// Whether the record was compressed.
    fn write_record(&mut self, id: RecordId, record: RecordRef<'_>, out: &mut Vec<u8>) -> Result<bool, EncodeError> {
        out.extend_from_slice(&id.raw().to_le_bytes());
        let place = out.len();
        out.extend_from_slice(&[0; 4]);
        let (start, name) = (out.len(), record.kind().name());
        match record.downcast::<Opaque>() {
            Some(opaque) if opaque.bytes().len() > self.limit.saturating_sub(start) => {
                return Err(EncodeError::TooLarge(name));
            }
            Some(opaque) => out.extend_from_slice(opaque.bytes()),
            None => {
                let codec = self.codecs.of(id).ok_or(EncodeError::NoWireForm(name))?;
                codec.encode(record, out, self.limit)?;
            }
        }
        let squeezed = out.len() - start >= self.squeeze && squeeze(out, start);
        let length = u32::try_from(out.len() - start).ok().filter(|length| length & SQUEEZED == 0);
        let length = length.ok_or(EncodeError::TooLarge(name))?;
        let length = if squeezed { length | SQUEEZED } else { length };
        out[place..start].copy_from_slice(&length.to_le_bytes());
        Ok(squeezed)
    }

    /// Writes the names for which there is room: the records are what the letter is for.
    fn write_names(&mut self, heading: Heading, out: &mut Vec<u8>) {
        let (place, limit) = (out.len(), self.limit);
        out.push(0);
        let mut count: u8 = 0;
        self.told.tell(heading, |name| {
            let length = u8::try_from(name.len()).ok().filter(|_| out.len() + 1 + name.len() <= limit);
            let Some(length) = length else {
                return false;
            };
            out.push(length);
            out.extend_from_slice(name.as_bytes());
            count += 1;
            true
        });
        out[place] = count;
    }
}

impl<'a> Envelope<'a> {
    fn to(receiver: Address) -> Self {
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
    fn back(message: &'a Message<'_>, ticket: Ticket) -> Self {
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
        let mut start = [VERSION, 0, 0, 0, 0, 0, 0, 0, 0];
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
