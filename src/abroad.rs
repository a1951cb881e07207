//! [`Abroad`]: what a worker has to do with other nodes, and what they owe it.

use std::cell::Cell;

use crate::message::{Flags, Message};

/// See the module. It decides how the worker waits when it has nothing to do.
#[derive(Debug, Default)]
pub(crate) struct Abroad {
    /// Questions of its targets that are not answered yet.
    open: Cell<usize>,
    /// Those that have been, and those that came back.
    closed: Cell<u64>,
    /// Whether anything went there or came from there since it was looked at last.
    dealt: Cell<bool>,
}

impl Abroad {
    /// A message goes to another node, as a question of this worker's own or as something else.
    pub(crate) fn give(&self, message: &mut Message<'_>, asks: bool) {
        self.dealt.set(true);
        if asks && !message.flags.contains(Flags::ASKED) {
            message.flags |= Flags::ASKED;
            self.open.set(self.open.get() + 1);
        }
    }

    /// Mail has come from there, or an answer goes there.
    pub(crate) fn deal(&self) {
        self.dealt.set(true);
    }

    /// A message that was to go there has not left.
    pub(crate) fn keep(&self, message: &mut Message<'_>) {
        if message.flags.contains(Flags::ASKED) {
            message.flags -= Flags::ASKED;
            self.open.set(self.open.get() - 1);
        }
    }

    /// Something is back.
    pub(crate) fn close(&self, message: &mut Message<'_>) {
        if message.flags.contains(Flags::ASKED) {
            self.keep(message);
            self.closed.set(self.closed.get() + 1);
        }
    }

    /// How many answers are owed to it.
    pub(crate) fn open(&self) -> usize {
        self.open.get()
    }

    /// How many there have been.
    pub(crate) fn closed(&self) -> u64 {
        self.closed.get()
    }

    /// Whether anything went there or came from there since this was asked last.
    pub(crate) fn take_dealt(&self) -> bool {
        self.dealt.replace(false)
    }
}
