//! Bundles: several frames for one node as one piece, so that the transport is asked once for all of them.
//!
//! A frame ends with its version, and so does a bundle, with a number that no frame has. Before it stands how many frames
//! there are; each is followed by its length.

/// The last byte of a bundle.
const MARK: u8 = 0xb5;
/// Bytes of a bundle, about: what a transport sends in one piece anyway.
const ROOM: usize = 48 << 10;
/// A frame with more bytes goes alone.
const LARGE: usize = 8 << 10;
/// Frames in a bundle.
const MOST: usize = 255;

/// Frames for one node that wait for each other, but for no time.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    frames: Vec<Vec<u8>>,
    bytes: usize,
}

impl Bundle {
    /// Adds a frame; what has to be sent before it, if there is no room for both.
    pub(crate) fn add(&mut self, frame: Vec<u8>) -> Option<Vec<u8>> {
        let full = self.frames.len() == MOST || self.bytes + frame.len() > ROOM || frame.len() > LARGE;
        let before = if full { self.take() } else { None };
        self.bytes += frame.len();
        self.frames.push(frame);
        before
    }

    /// All that is there, as one piece: a frame alone as it is.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        let bytes = std::mem::take(&mut self.bytes);
        if self.frames.len() < 2 {
            return self.frames.pop();
        }
        let mut piece = Vec::with_capacity(bytes + 4 * self.frames.len() + 2);
        let count = self.frames.len() as u8;
        for frame in self.frames.drain(..) {
            piece.extend_from_slice(&frame);
            piece.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        }
        piece.extend_from_slice(&[count, MARK]);
        Some(piece)
    }
}

/// The frames of a piece, in order. What is no bundle, or one with lengths that do not fit, is a frame, which is for its reader
/// to judge.
pub(crate) fn frames(piece: Vec<u8>) -> Vec<Vec<u8>> {
    match split(&piece) {
        Some(frames) => frames,
        None => vec![piece],
    }
}

fn split(piece: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut rest, &[count, MARK]) = piece.split_last_chunk::<2>()? else {
        return None;
    };
    let mut frames = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let (before, length) = rest.split_last_chunk::<4>()?;
        let start = before.len().checked_sub(u32::from_le_bytes(*length) as usize)?;
        frames.push(before[start..].to_vec());
        rest = &before[..start];
    }
    frames.reverse();
    rest.is_empty().then_some(frames)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Bundle, MARK, MOST, frames};

    /// What comes out of the pieces that these frames make.
    fn through(sent: &[Vec<u8>]) -> (Vec<Vec<u8>>, usize) {
        let mut bundle = Bundle::default();
        let mut pieces: Vec<Vec<u8>> = sent.iter().filter_map(|frame| bundle.add(frame.clone())).collect();
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
        let many = vec![vec![7]; 3 * MOST];
        assert_eq!(through(&many), (many.clone(), 3));
        assert_eq!(through(&[]), (vec![], 0));
    }

    #[test]
    fn what_only_looks_like_a_bundle_is_a_frame() {
        for piece in [vec![], vec![MARK], vec![1, MARK], vec![9, 9, 0, 0, 0, 2, MARK], vec![0, 0, 0, 1, 1, MARK]] {
            assert_eq!(frames(piece.clone()), [piece]);
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
            prop_assert!(frames(marked).iter().map(Vec::len).sum::<usize>() <= length + 1);
        }
    }
}
