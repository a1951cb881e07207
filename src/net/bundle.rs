//! Bundles: several frames for one node as one piece, so that the transport is asked once for all of them.
//!
//! A frame ends with its version, and so does a bundle, with a number that no frame has. Before it stands how many frames
//! there are, and before that their lengths. Most letters follow another of their kind, so that what the link adds to
//! them can be told from that: such a letter stands there without it, and a mark is set in its length.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use crate::net::ahead;
use crate::net::frame::{Draft, Frame, FrameError, Stamp, TAIL};
use crate::net::shelf;

/// The last byte of a bundle.
const MARK: u8 = 0xb5;
/// Bytes of a bundle, about: what a transport sends in one piece anyway.
const ROOM: usize = 48 << 10;
/// A frame with more bytes goes alone.
const LARGE: usize = 8 << 10;
/// Frames in a bundle.
pub(crate) const MOST: u8 = 255;
/// Set in the length of a letter without a stamp.
const FOLLOWS: u32 = 1 << 31;

/// Frames for one node that wait for each other, but for no time.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    bytes: Vec<u8>,
    /// Those of the frames, as they are to stand behind them.
    lengths: Vec<u8>,
    count: u8,
    /// That of the last frame, if it is mail.
    last: Option<Stamp>,
}

impl Bundle {
    /// Adds a frame; `send` gets what has to be sent before it, and a large one itself, which nobody moves. The memory of a
    /// small one that has its own comes back.
    pub(crate) fn add(&mut self, draft: Draft<'_>, mut send: impl FnMut(Vec<u8>)) -> Option<Vec<u8>> {
        let length = draft.bytes.len() + TAIL;
        if length > LARGE {
            self.take().into_iter().for_each(&mut send);
            send(draft.into_bytes());
            return None;
        }
        if self.count == MOST || self.bytes.len() + self.lengths.len() + length > ROOM {
            self.take().into_iter().for_each(send);
        }
        let Draft { bytes, stamp, .. } = draft;
        self.bytes.extend_from_slice(&bytes);
        self.close(bytes.len(), stamp);
        match bytes {
            Cow::Owned(memory) => Some(memory),
            Cow::Borrowed(_) => None,
        }
    }

    /// The last frame is complete but for its stamp.
    fn close(&mut self, length: usize, stamp: Option<Stamp>) {
        let mut part = length as u32;
        if let Some(stamp) = stamp {
            if self.last.and_then(Stamp::next) == Some(stamp) {
                part |= FOLLOWS;
            } else {
                self.bytes.extend_from_slice(&stamp.tail());
                part += TAIL as u32;
            }
        }
        self.lengths.extend_from_slice(&part.to_le_bytes());
        self.count += 1;
        self.last = stamp;
    }

    /// All that is there, as one piece: a frame alone as it is.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        self.last = None;
        let mut piece = std::mem::take(&mut self.bytes);
        match std::mem::take(&mut self.count) {
            0 => return None,
            1 => {}
            count => {
                piece.extend_from_slice(&self.lengths);
                piece.extend_from_slice(&[count, MARK]);
                // The next one is about as long, or longer.
                self.bytes = shelf::take(if piece.len() < LARGE { piece.len() } else { ROOM + LARGE });
            }
        }
        self.lengths.clear();
        Some(piece)
    }
}

/// Reads the frames of a piece, in order. What is no bundle, or one with lengths that do not fit, is read as a frame.
/// Letters stay where they lie.
pub(crate) fn frames(piece: Bytes) -> Frames {
    let lengths = lengths(&piece);
    Frames { alone: lengths.is_none(), lengths: lengths.unwrap_or_default(), piece, at: 0, last: None }
}

/// See [`frames`].
#[derive(Debug)]
pub(crate) struct Frames {
    piece: Bytes,
    /// Whether all of it is one frame that has not been read.
    alone: bool,
    /// Where the lengths of those lie that have not been read.
    lengths: Range<usize>,
    /// Where the next one begins.
    at: usize,
    /// That of the last frame, if it was mail.
    last: Option<Stamp>,
}

impl Frames {
    /// The next frame, if it is a letter without a stamp of its own which `take` takes by the one that it has: what that makes
    /// of it, and the letter where it lies. Any other stays the next.
    pub(crate) fn next_letter<T>(&mut self, take: impl FnOnce(Stamp) -> Option<T>) -> Option<(T, &[u8])> {
        let length = self.next_length().filter(|length| length & FOLLOWS != 0)?;
        let stamp = self.last?.next()?;
        let taken = take(stamp)?;
        self.last = Some(stamp);
        let letter = self.pass_over(length);
        // Another core has written it.
        ahead::to_read(&self.piece[self.at..]);
        Some((taken, &self.piece[letter]))
    }

    /// That of the next frame, with its mark.
    fn next_length(&self) -> Option<u32> {
        let (length, _) = self.piece[self.lengths.clone()].split_first_chunk()?;
        Some(u32::from_le_bytes(*length))
    }

    /// Where the next frame lies, which has this length; the one behind it is the next from here on.
    fn pass_over(&mut self, length: u32) -> Range<usize> {
        self.lengths.start += size_of::<u32>();
        let end = self.at + (length & !FOLLOWS) as usize;
        std::mem::replace(&mut self.at, end)..end
    }
}

impl Iterator for Frames {
    type Item = Result<Frame, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        if std::mem::take(&mut self.alone) {
            return Some(Frame::read(&self.piece));
        }
        let length = self.next_length()?;
        let place = self.pass_over(length);
        let bytes = self.piece.slice(place);
        if length & FOLLOWS == 0 {
            self.last = Stamp::of(&bytes);
            return Some(Frame::read(&bytes));
        }
        self.last = self.last.and_then(Stamp::next);
        Some(self.last.map_or(Err(FrameError::Alone), |stamp| Ok(stamp.on(bytes))))
    }
}

/// Where the lengths of the frames lie, if they fit: then it is a bundle.
fn lengths(piece: &[u8]) -> Option<Range<usize>> {
    let (rest, &[count, MARK]) = piece.split_last_chunk::<2>()? else {
        return None;
    };
    let start = rest.len().checked_sub(4 * usize::from(count))?;
    let (lengths, _) = rest[start..].as_chunks();
    let sum: u64 = lengths.iter().map(|&length| u64::from(u32::from_le_bytes(length) & !FOLLOWS)).sum();
    (sum == start as u64).then_some(start..rest.len())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::{
        Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_compose, prop_oneof, proptest,
    };

    use super::{Bundle, MARK, MOST, frames};
    use crate::net::frame::{Frame, FrameError, Kind, Route, Session, TAIL};
    use crate::net::transport::Lane;

    const ROUTE: Route = Route { from: Session::new(7), to: Session::new(9) };

    /// A letter of so many bytes, with this number.
    fn mail(seq: u64, length: usize) -> Frame {
        Frame::Mail { route: ROUTE, seq, ack: 3, kind: Kind::Notification, letter: vec![seq as u8; length].into() }
    }

    fn pieces(sent: &[Frame]) -> Vec<Vec<u8>> {
        let mut bundle = Bundle::default();
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        for frame in sent {
            let _ = bundle.add((Lane::Mail, frame.clone()).into(), |piece| pieces.push(piece));
        }
        pieces.extend(bundle.take());
        assert!(bundle.take().is_none(), "expected nothing to be left");
        pieces
    }

    /// What is read from these pieces: the same if every second letter is looked at where it lies.
    fn read(pieces: impl IntoIterator<Item = Vec<u8>>) -> Vec<Result<Frame, FrameError>> {
        let pieces: Vec<Bytes> = pieces.into_iter().map(Bytes::from).collect();
        let read: Vec<_> = pieces.iter().cloned().flat_map(frames).collect();
        let mut looked_at = Vec::new();
        for mut frames in pieces.into_iter().map(frames) {
            loop {
                let wanted = looked_at.len() % 2 == 0;
                let letter = frames.next_letter(|stamp| wanted.then_some(stamp));
                let letter = letter.map(|(stamp, letter)| Ok(stamp.on(Bytes::copy_from_slice(letter))));
                match letter.or_else(|| frames.next()) {
                    Some(frame) => looked_at.push(frame),
                    None => break,
                }
            }
        }
        assert_eq!(looked_at, read);
        read
    }

    #[test]
    fn small_frames_go_together_and_large_ones_alone() {
        let small: Vec<Frame> = (0..100).map(|seq| mail(seq, 9)).collect();
        let large = 1 << 20;
        let mixed = vec![mail(1, 1), mail(2, large), mail(3, 1), mail(4, 1)];
        let many = vec![mail(1, 1); 3 * usize::from(MOST)];
        for (sent, count) in [(small, 1), (mixed, 3), (many, 3), (Vec::new(), 0)] {
            let pieces = pieces(&sent);
            assert_eq!(pieces.len(), count, "expected so many pieces for {} frames", sent.len());
            assert_eq!(read(pieces), sent.into_iter().map(Ok).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_letter_that_follows_another_of_its_kind_has_nothing_but_its_length_beside_it() {
        let length = |frames: &[Frame]| pieces(frames)[0].len();
        let two = length(&[mail(1, 10), mail(2, 10)]);
        assert_eq!(length(&[mail(1, 10), mail(2, 10), mail(3, 10)]), two + 10 + 4);
        assert_eq!(
            length(&[mail(1, 10), mail(2, 10), mail(4, 10)]),
            two + 10 + 4 + TAIL,
            "expected the gap to be told"
        );
        let ack = Frame::Ack { route: ROUTE, ack: 3 };
        let apart = [mail(1, 10), ack, mail(2, 10)];
        assert_eq!(read(pieces(&apart)), apart.map(Ok), "expected a letter to follow none but the one before it");
    }

    #[test]
    fn a_letter_that_follows_none_is_no_frame() {
        let two = &pieces(&[mail(1, 10), mail(2, 10)])[0];
        // Without the first frame and its length.
        let alone = [&two[10 + TAIL..][..10], &two[two.len() - 2 - 4..two.len() - 2], &[1, MARK]].concat();
        assert_eq!(read([alone]), [Err(FrameError::Alone)]);
        assert_eq!(read([[&[0, 0, 0, 0x80][..], &[1, MARK]].concat()]), [Err(FrameError::Alone)]);
        let last = Frame::Mail { route: ROUTE, seq: u64::MAX, ack: 0, kind: Kind::Return, letter: Bytes::new() };
        let last = last.into_bytes();
        let more = [&last[..], &(last.len() as u32).to_le_bytes(), &[0, 0, 0, 0x80], &[2, MARK]].concat();
        assert_eq!(read([more])[1], Err(FrameError::Alone), "expected no number after the last");
    }

    #[test]
    fn what_only_looks_like_a_bundle_is_a_frame() {
        for piece in [vec![], vec![MARK], vec![1, MARK], vec![9, 9, 0, 0, 0, 2, MARK], vec![0, 0, 0, 1, 1, MARK]] {
            assert_eq!(read([piece.clone()]), [Frame::read(&piece.into())]);
        }
    }

    prop_compose! {
        fn some_mail()(letter: Vec<u8>, seq in 1..4_u64, ack in 0..2_u64, to in 0..2_u64, kind in 0..4) -> Frame {
            let kind = [Kind::Notification, Kind::Request, Kind::Answer(ack), Kind::Return][kind as usize];
            let route = Route { to: Session::new(to), ..ROUTE };
            Frame::Mail { route, seq, ack, kind, letter: letter.into() }
        }
    }

    fn some_frame() -> impl Strategy<Value = Frame> {
        prop_oneof![8 => some_mail(), 1 => Just(Frame::Ack { route: ROUTE, ack: 3 }), 1 => Just(Frame::Bye { route: ROUTE })]
    }

    proptest! {
        #[test]
        fn all_frames_come_out_as_they_went_in(sent in prop::collection::vec(some_frame(), 0..600)) {
            prop_assert_eq!(read(pieces(&sent)), sent.into_iter().map(Ok).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_split_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let length = bytes.len();
            let letter = |frame| if let Ok(Frame::Mail { letter, .. }) = frame { letter.len() } else { 0 };
            let marked = [&bytes[..], &[MARK]].concat();
            prop_assert!(read([bytes, marked]).into_iter().map(letter).sum::<usize>() <= 2 * length + 1);
        }
    }
}
