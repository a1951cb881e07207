//! What the machine does, the same in every style.
//!
//! Six states in three levels:
//!
//! ```text
//! A  initial B
//!   B  initial C;  Tick / count;  Side -> E / count
//!     C  Next -> D / count
//!     D  Next -> C / count;  Check [even] / count
//!   E  Side -> B / count
//!   Check / count (A);  Leave -> F (A)
//! F  Leave -> A / count
//! ```

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    Tick,
    Next,
    Side,
    Leave,
    Check,
    Noise,
}

/// What has been done, in an order that shows. Effects are kept apart, since statig does them before it leaves a state.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Log {
    pub moves: u64,
    pub effects: u64,
}

impl Log {
    #[cfg_attr(feature = "calls", inline(never))]
    pub fn enter(&mut self, state: u64) {
        self.moves = self.moves.rotate_left(5) ^ state;
    }

    #[cfg_attr(feature = "calls", inline(never))]
    pub fn exit(&mut self, state: u64) {
        self.moves = self.moves.rotate_left(5) ^ (state << 8);
    }

    #[cfg_attr(feature = "calls", inline(never))]
    pub fn effect(&mut self, which: u64) {
        self.effects = self.effects.wrapping_add(which);
    }

    #[inline]
    pub fn is_even(&self) -> bool {
        self.effects & 1 == 0
    }
}

/// The median of some times, which it sorts.
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
