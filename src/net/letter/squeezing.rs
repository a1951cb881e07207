//! Compressed records: LZ4, each for itself, so that a letter can be told and passed on without a look into its records.
//!
//! In front of what was compressed stands how many bytes it was. That is believed only as far as LZ4 could bear it out, and
//! nothing is allocated before all such lengths of a letter have been held against its reader's limit.

use std::borrow::Cow;

use lz4_flex::block;

use super::LetterError;
use crate::id::RecordId;

/// The bit of a record's length that says that it is compressed, in a letter with that mark.
pub(super) const SQUEEZED: u32 = 1 << 31;

/// Bytes that stand for the length before.
const HEAD: usize = 4;

/// LZ4 makes of one byte so many at most.
const MOST: usize = 255;

/// A record as it lies in a letter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    pub(super) id: RecordId,
    bytes: &'a [u8],
    squeezed: bool,
}

impl<'a> Content<'a> {
    pub(super) const fn new(id: RecordId, bytes: &'a [u8], squeezed: bool) -> Self {
        Self { id, bytes, squeezed }
    }

    /// How many bytes more it has when it is read than it has here.
    pub(super) fn growth(&self) -> Result<usize, LetterError> {
        if !self.squeezed {
            return Ok(0);
        }
        let (full, block) = self.parts()?;
        Ok(full.saturating_sub(HEAD + block.len()))
    }

    /// Its id and its wire form, unless it is compressed.
    pub(super) fn bare(self) -> Option<(RecordId, &'a [u8])> {
        (!self.squeezed).then_some((self.id, self.bytes))
    }

    /// The bytes of its wire form; they are copied only if they were compressed.
    pub(super) fn plain(&self) -> Result<Cow<'a, [u8]>, LetterError> {
        if !self.squeezed {
            return Ok(Cow::Borrowed(self.bytes));
        }
        let (full, block) = self.parts()?;
        let mut plain = vec![0; full];
        match block::decompress_into(block, &mut plain) {
            Ok(length) if length == full => Ok(Cow::Owned(plain)),
            _ => Err(LetterError::Squeezed(self.id)),
        }
    }

    /// How long it says that it is, and the compressed bytes.
    fn parts(&self) -> Result<(usize, &'a [u8]), LetterError> {
        let parts = self.bytes.split_first_chunk::<HEAD>();
        let parts = parts.map(|(full, block)| (u32::from_le_bytes(*full) as usize, block));
        let possible = parts.filter(|(full, block)| full / MOST <= block.len());
        possible.ok_or(LetterError::Squeezed(self.id))
    }
}

/// Compresses what `out` has from `start` on, if that saves an eighth of it; whether it did.
pub(super) fn squeeze(out: &mut Vec<u8>, start: usize) -> bool {
    let content = &out[start..];
    let Ok(full) = u32::try_from(content.len()) else {
        return false;
    };
    let room = content.len() - content.len() / 8;
    // With room for the worst case, so that it does not fail; what it then has is what counts.
    let mut block = vec![0; block::get_maximum_output_size(content.len())];
    match block::compress_into(content, &mut block) {
        Ok(length) if length + HEAD <= room => {
            out.truncate(start);
            out.extend_from_slice(&full.to_le_bytes());
            out.extend_from_slice(&block[..length]);
            true
        }
        _ => false,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};
    use serde::{Deserialize, Serialize};

    use super::{HEAD, MOST, SQUEEZED};
    use crate::address::Address;
    use crate::clock::Time;
    use crate::code::{Code, Failure};
    use crate::id::{Nid, NodeId, Tid};
    use crate::message::Message;
    use crate::net::letter::{Desk, Letter, LetterError, Style};
    use crate::net::opaque::Opaque;
    use crate::port::Ticket;
    use crate::record::{Absent, Record};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Text(String);
    crate::record!(Text, "squeezing.text", wire);

    const LIMIT: usize = 1 << 16;
    const PEER: NodeId = NodeId::number(2);

    fn desk(at_least: Option<usize>) -> Desk {
        Desk::new(Style::new(NodeId::number(1), LIMIT).squeezing(at_least))
    }

    fn letter(text: &str, at_least: Option<usize>) -> Vec<u8> {
        let to = Address::target(Tid::number(1)).in_namespace(Nid::number(2)).on_node(PEER);
        let message = Message::notification(to, Text(text.into())).and(());
        desk(at_least).mail(&message, Time::START).expect("expected the message to be written")
    }

    /// A letter with this content said to become `full` bytes.
    fn claiming(full: u32, block: &[u8]) -> Vec<u8> {
        let mut letter = letter(&"x".repeat(1000), Some(64));
        let content = content_of(&letter);
        letter.splice(content.clone(), [&full.to_le_bytes()[..], block].concat());
        let length = (HEAD + block.len()) as u32 | SQUEEZED;
        letter[content.start - 4..content.start].copy_from_slice(&length.to_le_bytes());
        letter
    }

    /// Where the content of the first record lies.
    fn content_of(letter: &[u8]) -> std::ops::Range<usize> {
        let id = Text::ID.raw().to_le_bytes();
        let start = letter.windows(8).position(|part| part == id).expect("a record") + 8 + 4;
        let length = u32::from_le_bytes(*letter[start - 4..].first_chunk().expect("a length"));
        start..start + (length & !SQUEEZED) as usize
    }

    fn refusal(bytes: &[u8]) -> LetterError {
        let opened = Letter::read(bytes).and_then(|letter| letter.open(LIMIT, Time::START));
        opened.map(drop).expect_err("expected the letter to be refused")
    }

    #[test]
    fn a_record_that_compresses_well_travels_so_and_comes_out_as_it_was() {
        let text = "all work and no play ".repeat(1000);
        let (plain, small) = (letter(&text, None), letter(&text, Some(64)));
        assert!(small.len() * 20 < plain.len(), "expected far fewer than {} bytes, not {}", plain.len(), small.len());
        let message = Letter::read(&small).expect("a letter").open(LIMIT, Time::START).expect("a message");
        assert_eq!(message.record(), Some(&Text(text)));
        assert_eq!(message.records().count(), 2);
        let sealed = Letter::read(&small).expect("a letter").sealed(LIMIT);
        let again = desk(None).mail(&sealed, Time::START).expect("expected it to be passed on");
        let [again, plain] = [again, plain].map(|bytes| bytes[content_of(&bytes)].to_vec());
        assert_eq!(again, plain, "expected what nobody looked into to be passed on as it was");
    }

    #[test]
    fn what_is_small_or_does_not_compress_travels_as_it_is() {
        let mut noise = 1_u32;
        let mut letters = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'!' + (noise >> 24) as u8 % 94)
        };
        let text: String = (0..500).map(|_| letters()).collect();
        assert_eq!(letter(&text, Some(64)), letter(&text, None));
        let text = "x".repeat(62);
        assert_eq!(letter(&text, Some(64)), letter(&text, None), "expected 63 bytes to be too few");
        assert_ne!(letter(&"x".repeat(63), Some(64)), letter(&"x".repeat(63), None));
    }

    #[test]
    fn more_than_the_reader_takes_is_too_large_before_it_is_read() {
        let bomb = letter(&"x".repeat(LIMIT - 1000), Some(64));
        assert!(bomb.len() < 1000, "expected few bytes, not {}", bomb.len());
        let letter = Letter::read(&bomb).expect("a letter");
        let refused = letter.open(LIMIT / 2, Time::START).map(drop).expect_err("expected it to be too large");
        assert!(matches!(refused, LetterError::TooLarge { length, .. } if length > LIMIT / 2), "{refused}");
        let back = letter.sealed(LIMIT / 2);
        assert_eq!(back.record::<Absent>().map(|absent| absent.record().id()), Some(Text::ID));
    }

    #[test]
    fn a_length_that_the_bytes_cannot_bear_out_is_malformed_and_its_sender_is_told_which_record_it_was() {
        for lie in [claiming(u32::MAX, &[0; 64]), claiming(64 * MOST as u32 + 255, &[0; 64]), claiming(999, &[0xf0; 9])]
        {
            assert_eq!(refusal(&lie), LetterError::Squeezed(Text::ID));
        }
        let honest = letter(&"x".repeat(1000), Some(64));
        let block = honest[content_of(&honest)][HEAD..].to_vec();
        for wrong in [claiming(1001, &block), claiming(1003, &block), claiming(1002, &block[1..]), claiming(3, &[])] {
            assert_eq!(Failure::from(refusal(&wrong)).code(), Code::MALFORMED);
        }
        let bytes = claiming(1001, &block);
        let mut sealed = Letter::read(&bytes).expect("a letter").sealed(LIMIT);
        sealed.fail(Failure::new(Code::MALFORMED, "no glasses"));
        let back = Desk::new(Style::new(PEER, LIMIT)).give_back(&sealed, Ticket::from_parts([1, 2, 3, 4]));
        let (back, _) = Letter::read(&back).expect("a letter").open_return(PEER, LIMIT, Time::START);
        assert_eq!((back.code(), back.asked().id()), (Code::MALFORMED, Text::ID));
    }

    #[test]
    fn an_unknown_record_is_opaque_in_its_full_size() {
        let id = crate::RecordId::name("squeezing.unknown");
        let to = Address::service(Nid::number(2)).on_node(PEER);
        let message = Message::notification(to, Opaque::new(id, &[7; 5000]));
        let bytes = desk(Some(64)).mail(&message, Time::START).expect("a letter");
        assert!(bytes.len() < 500, "expected it to be compressed, not {} bytes", bytes.len());
        let read = Letter::read(&bytes).expect("a letter").open(LIMIT, Time::START).expect("a message");
        assert_eq!(read.record::<Opaque>().map(|opaque| opaque.bytes().to_vec()), Some(vec![7; 5000]));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_as_it_was(part in ".{0,40}", times in 0..200_usize) {
            let text = part.repeat(times);
            let bytes = letter(&text, Some(64));
            let read = Letter::read(&bytes).expect("a letter").open(LIMIT, Time::START).expect("a message");
            prop_assert_eq!(read.record(), Some(&Text(text)));
        }
    }
}
