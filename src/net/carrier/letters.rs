//! Letters that workers have written: sent as they are, and read again if they do not arrive.

use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::held::HeldMessage;
use crate::id::NodeId;
use crate::net::carrier::Carrier;
use crate::net::carrier::peering::{Kept, Peering};
use crate::net::frame::Kind;
use crate::net::intake::{Errand, Input, Pile};
use crate::net::letter::Letter;
use crate::net::link::Refusal;
use crate::net::sheaf::Slip;

impl Carrier {
    /// Sends the next letter of the sheaf on its way, or ends it. Gives the node to which it is on its way.
    pub(super) fn send_letter(&mut self, now: Time) -> Option<NodeId> {
        let slip = self.pile.sheaf.pop()?;
        let node = slip.node;
        let sent = match self.peers.get_mut(&node) {
            Some(peering) => send(peering, &slip, now).map_err(|why| Failure::new(why.code(), why.to_string())),
            None => Err(Code::NO_NODE.into()),
        };
        if let Err(why) = sent {
            let letter = slip.letter.to_vec();
            self.return_letter(node, &letter, why);
            return None;
        }
        self.touched.insert(node);
        Some(node)
    }

    /// Ends what was kept for a letter that does not arrive, as far as is known.
    pub(super) fn lose(&self, node: NodeId, kept: Kept, why: Code) {
        match kept {
            Kept::Mail(mail) => mail.open().finish(why),
            Kept::Letter(letter) => self.return_letter(node, &letter, why.into()),
            Kept::Watch(watch) => self.lose_watch(node, watch),
            Kept::Nothing => {}
        }
    }

    /// Drops what has not been taken up. Parcels go back by themselves.
    pub(super) fn drop_all(&self, mut left: Pile) {
        for input in std::mem::take(&mut left.inputs) {
            match input {
                Input::Letter => {
                    let slip = left.sheaf.pop().expect("a sheaf has a slip for each letter of its pile");
                    self.return_letter(slip.node, slip.letter, Code::NODE_LOST.into());
                }
                Input::Errand(errand) => {
                    if let Errand::Watch(target, watch) = *errand {
                        self.lose_watch(target.node, watch);
                    }
                }
                Input::Mail(_) => {}
            }
        }
    }

    /// Ends all that is on its way, as it is known by now what has become of it.
    pub(super) fn drop_sent(&mut self) {
        let left = std::mem::take(&mut self.pile);
        self.drop_all(left);
        let now = self.inlet.directory.clock.now();
        for mut peering in std::mem::take(&mut self.peers).into_values() {
            peering.link.close();
            while let Some(event) = peering.link.poll_event() {
                if event.is_fate() {
                    self.deal_with(peering.peer, event, None, now);
                }
            }
        }
    }

    /// Sends the message back that a letter to `node` was written of.
    fn return_letter(&self, node: NodeId, letter: &[u8], why: Failure) {
        let letter = Letter::read(letter).expect("a letter of this node can be read");
        let message = letter.reopen((self.own.node, node));
        HeldMessage::abroad(message, self.inlet.directory.clone()).fail(why);
    }
}

/// Has the link send a letter, with the names that are to be told, or says why it does not.
fn send(peering: &mut Peering, slip: &Slip<'_>, now: Time) -> Result<(), Refusal> {
    let Peering { link, desk, .. } = peering;
    link.has_room(Kind::Notification)?;
    let ids = (slip.heading, slip.mentioned());
    // The names in one that is refused have not been told.
    desk.complete(slip.letter, ids, |letter| link.post(letter, now)).inspect_err(|_| desk.renew())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::address::Address;
    use crate::code::Code;
    use crate::net::memory::{Faults, Network};
    use crate::record;
    use crate::testing::{Probe, TestKernel};

    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Note(u32);
    /// Larger than what a worker writes.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Roll(Vec<u8>);
    record!(Note, "letters.note", wire);
    record!(Roll, "letters.roll", wire);

    /// Of each kind.
    const NOTES: u32 = 50;

    /// Two nodes that have met, with somebody who has just sent notes to the other: they wait for the carrier, or are on their
    /// way.
    fn sent(run: bool) -> (TestKernel, TestKernel, crate::net::Net, Probe, Network) {
        let network = Network::new();
        let mut north = TestKernel::new("north");
        let south = north.neighbour("south");
        let [net, _] = [&north, &south].map(|node| network.join(node.kernel()).expect("a network"));
        let [clerk, other] = ["clerk", "other"].map(Probe::new);
        north.namespace("app").open().expect("a namespace").register(clerk.clone()).expect("a target");
        let to: Address = south.namespace("app").open().expect("a namespace").register(other).expect("a target");
        north.run_until_idle().expect("an end");
        network.set_faults(north.kernel().node(), south.kernel().node(), Faults::new().cut());
        clerk.act(move |ctx| {
            for number in 0..NOTES {
                ctx.notify(to, Roll(vec![7; 2000]));
                ctx.notify(to, Note(number));
            }
        });
        let before = north.kernel().counters().sent;
        while north.kernel().counters().sent < before + u64::from(2 * NOTES) {
            north.step().expect("something to do");
        }
        if run {
            north.run_until_idle().expect("an end");
        }
        (north, south, net, clerk, network)
    }

    #[test]
    fn whatever_waits_or_is_on_its_way_when_a_carrier_goes_comes_back() {
        for run in [false, true] {
            let (mut north, _south, net, clerk, _network) = sent(run);
            assert_eq!(net.intake().waiting() > 0, !run, "expected letters to wait, or to have left: {run}");
            net.intake().dismiss();
            north.run_until_idle().expect("an end");
            (0..NOTES).for_each(|_| {
                assert_eq!(clerk.expect_returned::<Roll>(), Code::NODE_LOST);
                assert_eq!(clerk.expect_returned::<Note>(), Code::NODE_LOST);
            });
            assert!(north.kernel().counters().is_balanced(), "{:?}", north.kernel().counters());
            // Nobody takes any more.
            let to = clerk.address().expect("a clerk").on_node("south".parse().expect("a node"));
            clerk.notify(to, Note(7));
            north.run_until_idle().expect("an end");
            assert_eq!(clerk.expect_returned::<Note>(), Code::STOPPED);
        }
    }
}
