//! The records: each is made once and dropped once, and what is copied is dropped as often as it was made.

use super::{Ledger, Line};

#[derive(Clone, Copy, Default)]
pub(super) struct Piece {
    pub(super) made: bool,
    pub(super) dropped: bool,
    pub(super) armed: bool,
}

impl Ledger {
    pub(crate) fn made(&self, number: usize, piece: usize) {
        self.write(|state| state.mail(number).pieces[piece].made = true);
    }

    /// A record is dropped; whether it explodes.
    pub(crate) fn dropped(&self, number: usize, piece: usize) -> bool {
        self.write(|state| {
            let piece = &mut state.mail(number).pieces[piece];
            let twice = std::mem::replace(&mut piece.dropped, true);
            let explodes = piece.armed && !std::thread::panicking();
            if twice {
                state.faults.push(format!("a record of mail {number} was dropped twice"));
            }
            if explodes {
                state.line(Line::Exploded(number));
                state.panics += 1;
            }
            explodes && !twice
        })
    }

    /// The records of the message harm nobody any more.
    pub(crate) fn defuse(&self, number: usize) {
        self.write(|state| state.mail(number).pieces.iter_mut().for_each(|piece| piece.armed = false));
    }

    /// There is one copy more, or one less, of what a timer or a topic brings.
    pub(crate) fn copied(&self, which: (bool, usize), more: isize) {
        self.write(|state| {
            let copies = state.copies.entry(which).or_default();
            *copies += more;
            if *copies < 0 {
                state.faults.push(format!("what {} brings was dropped once too often", name(which)));
            }
        });
    }

    /// Copies that are still there.
    pub(super) fn leaked(&self) -> Vec<String> {
        let state = self.state();
        let left = state.copies.iter().filter(|(_, copies)| **copies != 0);
        left.map(|(&which, copies)| format!("{copies} copies of what {} brings were never dropped", name(which)))
            .collect()
    }
}

fn name((timer, number): (bool, usize)) -> String {
    format!("{} {number}", if timer { "timer" } else { "issue" })
}
