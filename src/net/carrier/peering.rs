//! [`Peering`]: another node as the carrier sees it, and how what is said to it leaves.

use crate::clock::Time;
use crate::code::{Code, Failure};
use crate::message::Message;
use crate::net::bundle::{Bundle, LARGE};
use crate::net::carrier::keeping::Kept;
use crate::net::carrier::standing_in::StandIns;
use crate::net::frame::{Kind, TAIL};
use crate::net::intake::is_own;
use crate::net::letter::Desk;
use crate::net::link::{Link, LinkCounters, Refusal};
use crate::net::transport::{Lane, Peer, Transport};

/// A node that is there, or was.
pub(super) struct Peering {
    pub(super) peer: Peer,
    pub(super) link: Link<Kept>,
    pub(super) desk: Desk,
    /// Frames that leave as soon as there is nothing else to do.
    pub(super) bundle: Bundle,
    /// When it is in the schedule.
    pub(super) due: Option<Time>,
    /// Whether something was done in passing since it was looked at.
    pub(super) lively: bool,
    /// What the link had counted when that was told.
    pub(super) told: LinkCounters,
    /// Bytes of the link's that are counted in `under_way`.
    pub(super) weighs: usize,
    /// Targets of this node that stand in for some of that one, for as long as a session of the link.
    pub(super) stand_ins: StandIns,
    /// Whether the monitors have been told that it is there.
    pub(super) met: bool,
}

impl Peering {
    /// Writes mail where it leaves, with what leaves together; `None` if that is not possible.
    pub(super) fn write_in_place(
        &mut self,
        message: &Message<'_>,
        (kind, keep): (Kind, Kept),
        now: Time,
    ) -> Option<Result<(), Failure>> {
        let Self { link, desk, bundle, .. } = self;
        if !link.flows() {
            return None;
        }
        let written = bundle.write(|out| {
            let start = out.len();
            desk.mail_behind(message, now, (out, LARGE - TAIL))?;
            link.send(kind, out.len() - start, keep, now).map_err(|refused| {
                // The names in it have not been told.
                desk.renew();
                failure(refused.why)
            })
        });
        // What is large goes alone.
        Some(written).filter(|written| !written.as_ref().is_err_and(|why| why.code() == Code::TOO_LARGE))
    }

    /// Writes mail as a letter of its own, which the link sends when it can.
    pub(super) fn write(
        &mut self,
        message: &Message<'_>,
        (kind, keep): (Kind, Kept),
        now: Time,
    ) -> Result<(), Failure> {
        let Self { link, desk, .. } = self;
        let letter = desk.mail(message, now)?;
        let sent = match kind {
            _ if is_own(message) => link.insist(kind, letter, keep, now),
            Kind::Request => link.request(letter, keep, now),
            _ => link.notify(letter, keep, now),
        };
        sent.map_err(|refused| {
            desk.renew();
            failure(refused.why)
        })
    }
}

/// Sends what a link wants to be sent; whether there was anything.
pub(super) fn transmit(peering: &mut Peering, transport: &mut dyn Transport) -> bool {
    let more = collect(peering, transport);
    send_bundle(peering, transport) || more
}

/// Sends what has been bundled; whether there was anything.
pub(super) fn send_bundle(peering: &mut Peering, transport: &mut dyn Transport) -> bool {
    let piece = peering.bundle.take();
    let any = piece.is_some();
    // A frame that does not leave is missed by the other side, as one that is lost on the way.
    piece.into_iter().for_each(|piece| drop(transport.send(peering.peer, Lane::Mail, piece)));
    any
}

pub(super) fn failure(why: Refusal) -> Failure {
    Failure::new(why.code(), why.to_string())
}

/// Bundles what a link wants to be sent, and sends what is full; whether there was anything.
pub(super) fn collect(peering: &mut Peering, transport: &mut dyn Transport) -> bool {
    let Peering { peer, link, desk, bundle, .. } = peering;
    let mut any = false;
    let mut send = |lane, piece| drop(transport.send(*peer, lane, piece));
    while let Some(draft) = link.poll_transmit() {
        any = true;
        match draft.lane {
            Lane::Beat => send(Lane::Beat, draft.into_bytes()),
            Lane::Mail => {
                if let Some(memory) = bundle.add(draft, |piece| send(Lane::Mail, piece)) {
                    desk.reuse(memory);
                }
            }
        }
    }
    any
}
