//! Bundles: several frames for one node as one piece, so that the transport is asked once for all of them.
//!
//! A frame ends with its version, and so does a bundle, with a number that no frame has. Before it stands how many frames
//! there are; each is followed by its length.

use std::ops::Range;

/// The last byte of a bundle.
const MARK: u8 = 0xb5;
/// Bytes of a bundle, about: what a transport sends in one piece anyway.
const ROOM: usize = 48 << 10;
/// A frame with more bytes goes alone.
const LARGE: usize = 8 << 10;
/// Frames in a bundle.
const MOST: u8 = 255;

/// Frames for one node that wait for each other, but for no time.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    /// Each frame with its length behind it.
    bytes: Vec<u8>,
    count: u8,
}

impl Bundle {
    /// Adds a frame; `send` gets what has to be sent before it, and a large one itself, which nobody moves.
    pub(crate) fn add(&mut self, frame: Vec<u8>, mut send: impl FnMut(Vec<u8>)) {
        let large = frame.len() > LARGE;
        if large || self.count == MOST || self.bytes.len() + frame.len() > ROOM {
            self.take().into_iter().for_each(&mut send);
        }
        if large {
            return send(frame);
        }
        self.bytes.extend_from_slice(&frame);
        self.bytes.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        self.count += 1;
    }

    /// All that is there, as one piece: a frame alone as it is.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        let mut piece = std::mem::take(&mut self.bytes);
        match std::mem::take(&mut self.count) {
            0 => return None,
            1 => piece.truncate(piece.len() - 4),
            count => {
                piece.extend_from_slice(&[count, MARK]);
                // The next one is about as long.
                self.bytes.reserve(piece.len());
            }
        }
        Some(piece)
    }
}

/// The frames of a piece, in order. What is no bundle, or one with lengths that do not fit, is a frame, which is for
/// its reader to judge.
pub(crate) fn frames(piece: Vec<u8>) -> Frames {
    match places(&piece) {
        Some(mut places) => {
            places.reverse();
            Frames { piece, places: places.into_iter(), alone: false }
        }
        None => Frames { piece, places: Vec::new().into_iter(), alone: true },
    }
}

/// See [`frames`].
#[derive(Debug)]
pub(crate) struct Frames {
    piece: Vec<u8>,
    places: std::vec::IntoIter<Range<usize>>,
    /// The whole piece is a frame.
    alone: bool,
}

impl Iterator for Frames {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if std::mem::take(&mut self.alone) {
            return Some(std::mem::take(&mut self.piece));
        }
        self.places.next().map(|place| self.piece[place].to_vec())
    }
}

/// Where the frames of a bundle lie, from the last on.
fn places(piece: &[u8]) -> Option<Vec<Range<usize>>> {
    let (mut rest, &[count, MARK]) = piece.split_last_chunk::<2>()? else {
        return None;
    };
    let mut places = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let (before, length) = rest.split_last_chunk::<4>()?;
        let start = before.len().checked_sub(u32::from_le_bytes(*length) as usize)?;
        places.push(start..before.len());
        rest = &before[..start];
    }
    rest.is_empty().then_some(places)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Bundle, MARK, MOST, frames};

    /// What comes out of the pieces that these frames make.
    fn through(sent: &[Vec<u8>]) -> (Vec<Vec<u8>>, usize) {
        let mut bundle = Bundle::default();
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        sent.iter().for_each(|frame| bundle.add(frame.clone(), |piece| pieces.push(piece)));
        pieces.extend(bundle.take());
        assert!(bundle.take().is_none(), "expected nothing to be left");
        (pieces.iter().cloned().flat_map(frames).collect(), pieces.len())
    }

    #[test]
    fn small_frames_go_together_and_large_ones_alone() {
        let small: Vec<Vec<u8>> = (0..100_u8).map(|byte| vec![byte, 1]).collect();
        assert_eq!(through(&small), (small.clone(), 1));
        let mixed = vec![vec![1], vec![2; 1 << 20], vec![1], vec![1]];
        assert_eq!(through(&mixed), (mixed.clone(), 3));
        let many = vec![vec![7]; 3 * usize::from(MOST)];
        assert_eq!(through(&many), (many.clone(), 3));
        assert_eq!(through(&[]), (vec![], 0));
    }

    #[test]
    fn what_only_looks_like_a_bundle_is_a_frame() {
        for piece in [vec![], vec![MARK], vec![1, MARK], vec![9, 9, 0, 0, 0, 2, MARK], vec![0, 0, 0, 1, 1, MARK]] {
            assert_eq!(frames(piece.clone()).collect::<Vec<_>>(), [piece]);
        }
    }

    proptest! {
        #[test]
        fn all_frames_come_out_as_they_went_in(sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..600)) {
            // A frame ends with its version, which is no bundle's mark.
            let sent: Vec<Vec<u8>> = sent.into_iter().map(|frame| [&frame[..], &[1]].concat()).collect();
            prop_assert_eq!(through(&sent).0, sent);
        }

        #[test]
        fn any_bytes_are_split_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let length = bytes.len();
            let marked = [&bytes[..], &[MARK]].concat();
            prop_assert!(frames(marked).map(|frame| frame.len()).sum::<usize>() <= length + 1);
        }
    }
}
