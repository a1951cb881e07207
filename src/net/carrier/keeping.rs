//! Mail of this node whose fate is not known: how it is kept, and how it ends.

use slab::Slab;

use crate::code::Code;
use crate::counters::Count;
use crate::fault::quietly;
use crate::held::HeldMessage;
use crate::id::NodeId;
use crate::message::{Aside, Flags, Message};
use crate::net::carrier::Carrier;
use crate::port::Watch;

/// What is kept until it is known what has become of a letter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kept {
    /// Its number in the [`Keeping`].
    Mail(usize),
    /// It asks for the end of a target to be told.
    Watch(Watch),
    /// The carriers' own words: nobody waits for them.
    Nothing,
}

/// Mail that has left or is about to; links move its number.
#[derive(Debug, Default)]
pub(super) struct Keeping(Slab<Mail>);

#[derive(Debug)]
struct Mail {
    message: Message<'static>,
    /// The receiver's node, where the message itself does not say it: most have nothing else that lies in memory of its
    /// own, and whoever acknowledges them need not look there.
    node: Option<NodeId>,
}

impl Keeping {
    /// Under which number the next is going to be kept.
    pub(super) fn next(&self) -> usize {
        self.0.vacant_key()
    }

    pub(super) fn put(&mut self, mut message: Message<'static>) {
        let node = take_node(&mut message);
        self.0.insert(Mail { message, node });
    }

    fn take(&mut self, number: usize) -> Option<Message<'static>> {
        self.0.try_remove(number).map(Mail::restored)
    }
}

impl Mail {
    fn restored(mut self) -> Message<'static> {
        if self.node.is_some() {
            self.message.send_elsewhere(self.node);
        }
        self.message
    }
}

/// Takes the receiver's node out of a message, if nothing else lies beside it.
fn take_node(message: &mut Message<'static>) -> Option<NodeId> {
    let cold = message.cold.as_deref()?;
    let alone = cold.origin.is_none() && cold.number == 0 && cold.text().is_empty() && cold.more().is_empty();
    let node = cold.elsewhere.filter(|_| alone)?;
    message.cold = Aside::NOTHING;
    message.flags -= Flags::COLD | Flags::ABROAD;
    Some(node)
}

impl Carrier {
    /// Takes mail out that was kept, to be ended.
    pub(super) fn fetch(&mut self, number: usize) -> Option<HeldMessage> {
        let message = self.kept.take(number)?;
        Some(HeldMessage::abroad(message, self.inlet.directory.clone()))
    }

    /// Sends mail of this node back.
    pub(super) fn end(&mut self, number: usize, code: Code) {
        self.fetch(number).into_iter().for_each(|mail| mail.finish(code));
    }

    /// Ends a notification that has arrived: nobody waits for it, and its record is dropped where it lies.
    pub(super) fn note_arrival(&mut self, number: usize) {
        let Some(Mail { message, .. }) = self.kept.0.get(number) else {
            return;
        };
        if message.flags.intersects(Flags::WANT_ANSWER | Flags::LOADED) || message.has_several() {
            return self.end(number, Code::OK);
        }
        self.arrived += 1;
        quietly(|| drop(self.kept.0.try_remove(number)));
    }

    /// Counts what has arrived: once for all that one acknowledgement tells of.
    pub(super) fn count(&mut self) {
        if self.arrived > 0 {
            self.inlet.directory.outside.shared_many(Count::Handled, std::mem::take(&mut self.arrived));
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        for mail in self.kept.0.drain() {
            drop(HeldMessage::abroad(mail.restored(), self.inlet.directory.clone()));
        }
    }
}
