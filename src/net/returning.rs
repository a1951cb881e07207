//! [`Return`]: how mail gets back to the node that it came from.

use crate::address::Address;
use crate::id::NodeId;
use crate::message::Message;
use crate::net::link::Request;
use crate::net::transport::{Incarnation, Peer};
use crate::origin::Stub;
use crate::port::Ticket;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Return {
    /// As the answer to a request.
    Answer(Request),
    /// As a notification that failed.
    Notification(Option<Ticket>),
}

/// In a stub, where that of a request has its session, which is less.
const NOTIFICATION: u64 = 1 << 63;
const WITHOUT_TICKET: u64 = u64::MAX;

impl Return {
    /// What is kept of it by a message that `peer` has sent; the tickets of notifications lead to their senders.
    pub(crate) fn stub(self, peer: Peer) -> Stub {
        let [first, second] = match self {
            Self::Answer(request) => request.numbers(),
            Self::Notification(None) => [WITHOUT_TICKET, 0],
            Self::Notification(Some(ticket)) => {
                let [_, _, life, request] = ticket.parts();
                [NOTIFICATION | life, request]
            }
        };
        [peer.node.raw(), peer.incarnation.0, first, second]
    }

    /// Reads the stub of a message.
    pub(crate) fn read([node, incarnation, first, second]: Stub, message: &Message<'_>) -> (Peer, Self) {
        let peer = Peer { node: NodeId::from_raw(node), incarnation: Incarnation(incarnation) };
        if first & NOTIFICATION == 0 {
            return (peer, Self::Answer(Request::from_numbers([first, second])));
        }
        let life = first & !NOTIFICATION;
        let sender = message.origin().filter(|_| first != WITHOUT_TICKET);
        let ticket = |sender: Address| Ticket::from_parts([sender.tid.raw(), sender.nid.raw(), life, second]);
        (peer, Self::Notification(sender.map(ticket)))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Incarnation, Message, Peer, Request, Return, Ticket};
    use crate::address::Address;
    use crate::id::{Nid, NodeId, Tid};
    use crate::net::frame::Session;
    use crate::origin::Origin;

    #[test]
    fn a_stub_tells_what_it_was_made_of() {
        let peer = Peer { node: NodeId::name("north"), incarnation: Incarnation(u64::MAX) };
        let sender = Address { tid: Tid::name("clerk"), nid: Nid::name("app"), node: peer.node };
        let mut message = Message::notification(Address::service(Nid::number(1)), ());
        message.cold().origin = Some(Origin::new().sender(sender));
        let read = |way: Return| Return::read(way.stub(peer), &message);
        for session in [Session::new(0), Session::MAX] {
            let request = Request::from_numbers([session.number(), u64::MAX]);
            let (from, way) = read(Return::Answer(request));
            assert!(from == peer && matches!(way, Return::Answer(same) if same == request), "{way:?}");
        }
        for life in [0, u64::from(u32::MAX)] {
            let ticket = Ticket::from_parts([sender.tid.raw(), sender.nid.raw(), life, u64::MAX]);
            let (from, way) = read(Return::Notification(Some(ticket)));
            assert!(from == peer && matches!(way, Return::Notification(Some(same)) if same == ticket), "{way:?}");
        }
        assert!(matches!(read(Return::Notification(None)), (_, Return::Notification(None))));
    }
}
