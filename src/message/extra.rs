//! One word of a message that two things share: the deadline of those that have one, and the node of those that go to another.
//!
//! Most mail to another node has no deadline, and so has no memory aside; the node of one that has both lies there.

use crate::clock::Time;
use crate::id::NodeId;
use crate::message::{Flags, Message};

impl Message<'_> {
    /// The moment after which it is not handled any more.
    #[must_use]
    pub fn expires(&self) -> Option<Time> {
        self.flags.contains(Flags::DEADLINE).then_some(Time::from_nanos(self.extra))
    }

    /// Its deadline; [`Time::NEVER`] if it has none.
    #[inline]
    pub(crate) fn due(&self) -> Time {
        self.expires().unwrap_or(Time::NEVER)
    }

    #[inline]
    pub(crate) fn set_deadline(&mut self, deadline: Time) {
        let elsewhere = self.elsewhere();
        self.flags.set(Flags::DEADLINE, deadline != Time::NEVER);
        self.extra = deadline.as_nanos();
        if elsewhere.is_some() {
            self.send_elsewhere(elsewhere);
        }
    }

    /// The receiver's node, where it is not the sender's.
    #[inline]
    pub(crate) fn elsewhere(&self) -> Option<NodeId> {
        if !self.flags.contains(Flags::ABROAD) {
            return None;
        }
        if self.flags.contains(Flags::DEADLINE) {
            return self.cold.as_deref()?.elsewhere;
        }
        Some(NodeId::from_raw(self.extra))
    }

    /// Sets the receiver's node, where it is not the sender's.
    pub(crate) fn send_elsewhere(&mut self, node: Option<NodeId>) {
        self.flags.set(Flags::ABROAD, node.is_some());
        let Some(node) = node else {
            return;
        };
        if self.flags.contains(Flags::DEADLINE) {
            self.cold_abroad().elsewhere = Some(node);
        } else {
            self.extra = node.raw();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::address::Address;
    use crate::clock::Time;
    use crate::id::{Nid, NodeId};
    use crate::message::Message;

    #[test]
    fn a_message_has_its_deadline_and_its_node_in_whichever_order_they_come_and_go() {
        let here = NodeId::name("north");
        let [there, then] = [NodeId::name("south"), NodeId::name("west")];
        let home = Address::service(Nid::name("app")).on_node(here);
        let moment = Time::from_nanos(7);
        let mut message = Message::notification(home, ());
        let expect = |message: &Message<'_>, node: NodeId, moment: Option<Time>| {
            assert_eq!((message.destination().node, message.expires()), (node, moment));
        };
        expect(&message, here, None);
        message.send_elsewhere(Some(there));
        expect(&message, there, None);
        message.set_deadline(moment);
        expect(&message, there, Some(moment));
        message.send_elsewhere(Some(then));
        expect(&message, then, Some(moment));
        message.set_deadline(Time::NEVER);
        expect(&message, then, None);
        message.set_deadline(moment);
        message.send_elsewhere(None);
        expect(&message, here, Some(moment));
        message.send_elsewhere(Some(there));
        message.launch();
        expect(&message, there, Some(moment));
    }
}
