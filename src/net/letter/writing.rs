//! [`Desk`]: where the letters to one other node are written.

use super::Marks;
use super::scribe::{Envelope, Scribe, Style};
use crate::address::Address;
use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::id::Tid;
use crate::message::{Message, RecordRef};
use crate::net::frame::TAIL;
use crate::net::names::{Heading, Told, with_mentioned};
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
    style: Style,
    scribe: Scribe,
    told: Told,
    /// Memory of letters that have been sent.
    spare: Vec<Vec<u8>>,
}

impl Desk {
    pub(crate) fn new(style: Style) -> Self {
        Self { style, scribe: Scribe::default(), told: Told::default(), spare: Vec::new() }
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
        self.write(Envelope::of(message, now)?, message.records())
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

    /// Has `send` get a letter that another thread has written, with the names of the ids in it that are to be told: those of
    /// its heading, and those that are mentioned.
    pub(crate) fn complete<R>(
        &mut self,
        letter: &[u8],
        (heading, mentioned): (Heading, impl Iterator<Item = u64> + Clone),
        send: impl FnOnce(&[u8]) -> R,
    ) -> R {
        if self.told.knows_all(heading, mentioned.clone()) {
            return send(letter);
        }
        let mut out = self.spare.pop().unwrap_or_default();
        out.extend_from_slice(&letter[..letter.len() - 1]);
        self.write_names(heading, mentioned, &mut out);
        let sent = send(&out);
        self.reuse(out);
        sent
    }

    #[expect(single_use_lifetimes, reason = "it cannot be left out here")]
    fn write<'a>(
        &mut self,
        envelope: Envelope<'_>,
        records: impl IntoIterator<Item = RecordRef<'a>>,
    ) -> Result<Vec<u8>, Failure> {
        let mut out = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(ROOM + TAIL));
        let heading = self.scribe.write(&self.style, envelope, records, &mut out)?;
        with_mentioned(|mentioned| self.write_names(heading, mentioned.iter().copied(), &mut out));
        Ok(out)
    }

    /// Writes the names for which there is room: the records are what the letter is for.
    fn write_names(&mut self, heading: Heading, mentioned: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
        let (place, limit) = (out.len(), self.style.limit);
        out.push(0);
        let mut count: u8 = 0;
        self.told.tell(heading, mentioned, |name| {
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
