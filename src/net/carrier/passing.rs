//! What is done in passing: by the thread that has mail, if the carrier has nothing else to do.
//!
//! Waking a thread takes the system longer than all that is done to a small message here. So whoever has one for a link on
//! which little is on its way sends it at once, and whoever hears one brings it in, instead of waking the porter. Where more
//! is on its way, a worker gathers what its targets send, and sends it off when it has nothing else to do, or after a few
//! turns; should it not come to that, the porter does so within a millisecond.
//!
//! Nobody waits for that: the carrier must be free, and the transport [quick](crate::net::transport::Transport::is_quick).
//! Nothing is overtaken: everything that came before has been done, which is why the intake must be empty. Whatever is not
//! plain is left to the porter.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

use crate::clock::Time;
use crate::code::Failure;
use crate::core::Core;
use crate::directory::Directory;
use crate::held::HeldMessage;
use crate::id::NodeId;
use crate::message::Message;
use crate::net::bundle::{self, LARGE};
use crate::net::carrier::Carrier;
use crate::net::carrier::keeping::Kept;
use crate::net::carrier::peering::{Peering, collect, transmit};
use crate::net::frame::TAIL;
use crate::net::intake::{Input, Return};
use crate::net::letter::Letter;
use crate::net::link::Event;
use crate::net::transport::Peer;
use crate::system;

/// With more letters of a link on their way, those that come meanwhile are better sent together.
const FEW: usize = 4;
/// With more bytes on their way to all nodes, a transport that several of them share may be full.
const LITTLE: usize = 16 << 10;
/// With more bytes on their way to all nodes, what is gathered may not leave without waiting.
const MUCH: usize = 256 << 10;
/// What is larger is left to the porter: it takes time to write and to read, and goes alone.
const SMALL: usize = LARGE - TAIL;
/// With more that waits for the porter, it is left to it.
const BACKLOG: usize = 64;
/// Stack that a transport may need.
const STACK: usize = 192 << 10;

/// What has become of mail that was to leave in passing.
pub(crate) enum Passed {
    /// It has left, or is about to.
    Sent,
    /// It is to go back.
    Refused(Failure),
    /// It is still there, for the porter.
    Left,
}

/// How what is sent in passing leaves.
enum Departure {
    AtOnce,
    /// With what else the turns of this worker bring.
    Gathered(Rc<Core>),
}

impl Carrier {
    /// Takes a message of this node and sends it, or leaves it.
    pub(crate) fn send_in_passing(&mut self, mail: &mut HeldMessage) -> Passed {
        let node = mail.message().destination().node;
        let Some(departure) = self.departure(node) else {
            return Passed::Left;
        };
        let sent = self.send(mail, self.moment(&departure));
        self.go_on(node, &departure);
        sent.map_or_else(Passed::Refused, |()| Passed::Sent)
    }

    /// Sends what has become of a message to the node that it came from; whether it has.
    pub(crate) fn send_back_in_passing(&mut self, to: Peer, way: Return, message: &Message<'static>) -> bool {
        let Some(departure) = self.departure(to.node) else {
            return false;
        };
        self.send_back(to, way, message, self.moment(&departure));
        self.go_on(to.node, &departure);
        true
    }

    /// Does what waits for the porter, if there is little of it and it can be done in passing; whether nothing is left.
    pub(crate) fn catch_up(&mut self) -> bool {
        let mut inputs = std::mem::take(&mut self.inputs);
        self.intake.take(&mut inputs);
        let done = inputs.len() <= BACKLOG && self.pass(&mut inputs);
        if !done {
            self.intake.put_back(&mut inputs);
        }
        inputs.clear();
        self.inputs = inputs;
        done
    }

    /// Does what can be done in passing; whether that was all.
    fn pass(&mut self, inputs: &mut VecDeque<Input>) -> bool {
        while let Some(input) = inputs.pop_front() {
            let left = match input {
                Input::Mail(mut mail) => match self.send_in_passing(&mut mail) {
                    Passed::Sent => None,
                    Passed::Refused(why) => {
                        mail.fail(why);
                        None
                    }
                    Passed::Left => Some(Input::Mail(mail)),
                },
                Input::Heard(from, piece) => {
                    self.hear_in_passing(from, piece).err().map(|piece| Input::Heard(from, piece))
                }
                other => Some(other),
            };
            if let Some(left) = left {
                inputs.push_front(left);
                return false;
            }
        }
        true
    }

    /// Sends off what has been gathered, or leaves it to the porter.
    pub(crate) fn send_off(&mut self) {
        while let Some(node) = self.gathered.pop() {
            if let Some(peering) = self.peers.get_mut(&node) {
                if self.transport.is_quick(peering.peer) {
                    transmit(peering, &mut *self.transport);
                } else {
                    self.touched.insert(node);
                }
            }
            self.leave(node, self.now());
        }
    }

    /// Takes up what a peer has sent, or gives it back for the porter.
    pub(crate) fn hear_in_passing(&mut self, from: Peer, piece: Bytes) -> Result<(), Bytes> {
        let known = self.peers.get(&from.node).filter(|peering| peering.peer == from);
        let calm = known.is_some_and(|peering| peering.link.is_open() && peering.link.is_settled());
        if !calm || !self.touched.is_empty() || piece.len() > SMALL {
            return Err(piece);
        }
        let now = self.now();
        if let Some(peering) = self.peering(from) {
            for frame in bundle::frames(piece) {
                peering.link.heard(frame, now);
            }
        }
        while let Some(peering) = self.peers.get_mut(&from.node)
            && peering.link.peek_event().is_some_and(is_plain)
            && let Some(event) = peering.link.poll_event()
        {
            self.deal_with(from, event, None, now);
        }
        self.leave(from.node, now);
        Ok(())
    }

    /// How what is sent to `node` now leaves, if nobody has to wait for that.
    fn departure(&self, node: NodeId) -> Option<Departure> {
        let peering = self.peers.get(&node)?;
        let Peering { peer, link, bundle, .. } = peering;
        if !self.touched.is_empty() || self.under_way > MUCH || !link.is_open() || !link.is_settled() {
            return None;
        }
        let core = Core::current();
        let alone = bundle.is_empty() && self.under_way <= LITTLE && link.is_calm(FEW);
        if alone && self.transport.is_quick(*peer) && core.as_ref().is_none_or(|core| core.has_stack(STACK)) {
            return Some(Departure::AtOnce);
        }
        let tells = |core: &Rc<Core>| core.is_gathering() && Arc::ptr_eq(&core.directory, &self.inlet.directory);
        let core = core.filter(tells).filter(|core| core.has_stack(STACK))?;
        let stays = bundle.has_room() || self.transport.is_quick(*peer);
        stays.then_some(Departure::Gathered(core))
    }

    /// Sends or gathers what has just been written, if it is small.
    fn go_on(&mut self, node: NodeId, departure: &Departure) {
        let Some(peering) = self.peers.get_mut(&node) else {
            return;
        };
        let small = peering.link.under_way() <= peering.weighs + SMALL;
        let now = match departure {
            Departure::AtOnce => {
                if small {
                    transmit(peering, &mut *self.transport);
                }
                self.now()
            }
            Departure::Gathered(core) => {
                if small {
                    collect(peering, &mut *self.transport);
                }
                if !self.gathered.contains(&node) {
                    self.gathered.push(node);
                    self.intake.note_gathered();
                } else if peering.link.is_settled() {
                    // The porter looks after it in time, as it has been left to it before.
                    self.touched.remove(&node);
                    return self.weigh(node);
                }
                core.now()
            }
        };
        self.leave(node, now);
    }

    /// Has the porter look after what is left to do for a node, and when it is to be.
    fn leave(&mut self, node: NodeId, now: Time) {
        let Some(peering) = self.peers.get_mut(&node) else {
            return;
        };
        peering.lively = true;
        let mut due = peering.link.next_deadline();
        if !peering.bundle.is_empty() {
            let soon = now.after(self.terms.ack_delay);
            due = Some(due.map_or(soon, |due| due.min(soon)));
        }
        let done = peering.link.is_settled() && peering.link.counters() == peering.told;
        // The porter looks at the link in time, or earlier.
        let early = due.is_none_or(|due| peering.due.is_some_and(|alarm| alarm <= due));
        let due = if early { peering.due } else { due };
        self.schedule(node, due);
        if done {
            self.touched.remove(&node);
        } else {
            self.touched.insert(node);
        }
        let left = !done || !early;
        if left && !std::mem::replace(&mut self.rung, true) {
            self.intake.ring();
        }
        self.count();
    }

    /// The moment of what leaves.
    fn moment(&self, departure: &Departure) -> Time {
        match departure {
            Departure::AtOnce => self.now(),
            Departure::Gathered(core) => core.now(),
        }
    }

    fn now(&self) -> Time {
        self.inlet.directory.clock.now()
    }
}

/// Whether an event is mail, small to read, and from a target to a target: all that needs no target of the network's own.
fn is_plain(event: &Event<Kept>) -> bool {
    match event {
        Event::Notified { letter } | Event::Requested { letter, .. } => Letter::read(letter).is_ok_and(|letter| {
            let namespace = letter.receiver().nid;
            let special = namespace == Directory::TRANSPORT || namespace == system::NAMESPACE;
            !special && !letter.is_copy() && !letter.is_compressed()
        }),
        Event::Answered { letter, .. } | Event::Returned { letter } => {
            !Letter::read(letter).is_ok_and(|letter| letter.is_compressed())
        }
        Event::Delivered(_) => true,
        _ => false,
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
