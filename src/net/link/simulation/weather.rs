//! What a simulated network does to frames, and the dice that decide it.

/// `SplitMix64`: numbers that a seed determines.
#[derive(Debug)]
pub(crate) struct Dice(pub(in super::super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// What the network does to frames, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    pub(super) loss: u64,
    pub(super) repeat: u64,
    pub(super) reorder: u64,
    /// From which side nothing arrives.
    pub(crate) cut: [bool; 2],
    /// Whether heartbeats are lost.
    pub(crate) no_beats: bool,
    /// Which side does not look at what has happened.
    pub(crate) asleep: [bool; 2],
}
