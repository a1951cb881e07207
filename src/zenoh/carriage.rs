//! [`Carriage`]: the transport itself, which opens a zenoh session, sends through it, and replaces it when it is asked to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::id::NodeId;
use crate::net::transport::{Ears, Incarnation, Lane, Peer, Transport, Unsent};
use crate::zenoh::config::Network;
use crate::zenoh::key::Keys;
use crate::zenoh::roster::Roster;
use crate::zenoh::session::{Claim, Desk, Office, OpenError, Owner, Route, Session};

/// How long a session that could not be opened anew is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// Frames by zenoh.
#[derive(Debug)]
pub(crate) struct Carriage {
    /// For a session that is opened anew.
    anew: zenoh::Config,
    owner: Owner,
    /// None after it was stopped, and while it could not be opened anew.
    session: Option<Session>,
    /// Ways to those who have been sent something, each with the life it was opened for.
    routes: HashMap<NodeId, (Incarnation, Route)>,
    /// When to try again to open a session.
    again: Option<Instant>,
}

impl Network {
    /// Joins the network as `me`. Blocks until the seeds are connected, or for 0.5 s, then for 0.5 s for those of whom they
    /// tell, and where somebody else is `me`, for a lease more. `ears` hear of others before it returns.
    ///
    /// A rival whom it has no link to by then is not seen: when they see each other, both are told ([`Ears::doubled`]).
    pub(crate) fn open(&self, me: Peer, ears: Arc<dyn Ears>) -> Result<Carriage, OpenError> {
        self.open_after(me, ears, &|_| ())
    }

    /// The same; `waits` is called with somebody else who is `me`, while he is waited for to go.
    pub(super) fn open_after(
        &self,
        me: Peer,
        ears: Arc<dyn Ears>,
        waits: &(dyn Fn(&str) + Sync),
    ) -> Result<Carriage, OpenError> {
        let config = self.check(me.node)?;
        let office = Office::new(Roster::new(me, ears, self.lease_time()));
        let owner = Owner { keys: Keys::new(self.realm_name(), me), office, largest: self.largest() };
        let claim = Some(Claim { me, patience: self.lease_time(), expects: self.looks_around(), waits });
        let session = Some(aside(|| Session::open(&config, &owner, claim))?);
        let anew = self.check_anew(me.node)?;
        Ok(Carriage { anew, owner, session, routes: HashMap::new(), again: None })
    }
}

impl Carriage {
    /// Lets go of the session, of which nothing is heard any more, and does with the roster what is left to do.
    fn shut(&mut self, rest: fn(&mut Roster)) {
        // Its callbacks may still run, and must not be waited for with the lock held.
        {
            let mut desk = self.owner.office.lock();
            desk.session += 1;
            rest(&mut desk.roster);
        }
        let routes = std::mem::take(&mut self.routes);
        if let Some(session) = self.session.take() {
            // What cannot be closed has no use either.
            let _ = aside(|| session.close());
        }
        drop(routes);
    }

    /// Opens a session if there is none.
    fn open_anew(&mut self) -> Result<(), OpenError> {
        let Self { anew, owner, .. } = self;
        match aside(|| Session::open(anew, owner, None)) {
            Ok(session) => {
                (self.session, self.again) = (Some(session), None);
                Ok(())
            }
            Err(failed) => {
                self.again = Some(Instant::now() + RETRY);
                Err(failed)
            }
        }
    }
}

impl Transport for Carriage {
    fn send(&mut self, to: Peer, lane: Lane, frame: Vec<u8>) -> Result<(), Unsent> {
        if self.again.is_some_and(|again| Instant::now() >= again) {
            self.open_anew().map_err(|failed| Unsent(failed.to_string()))?;
        }
        let Some(session) = &self.session else {
            return Err(Unsent("the zenoh session is closed".to_owned()));
        };
        // No zenoh call with the lock held: zenoh's callbacks, which hold its own locks, wait for it.
        let joined = self.owner.office.lock().roster.joined(to.node);
        if joined != Some(to.incarnation) {
            self.routes.remove(&to.node);
            return Err(Unsent(format!("the node `{}` is not there", to.node)));
        }
        if self.routes.get(&to.node).is_none_or(|(life, _)| *life != to.incarnation) {
            let gone: Vec<NodeId> = {
                let desk = self.owner.office.lock();
                self.routes.keys().copied().filter(|node| desk.roster.joined(*node).is_none()).collect()
            };
            for node in gone {
                self.routes.remove(&node);
            }
            let route = session.route(to).map_err(|failed| Unsent(failed.to_string()))?;
            self.routes.insert(to.node, (to.incarnation, route));
        }
        let (_, route) = self.routes.get(&to.node).expect("a route has just been there");
        route.send(lane, frame).map_err(Unsent)
    }

    fn is_quick(&self, to: Peer) -> bool {
        let open = self.session.is_some() && self.again.is_none();
        let routed = || self.routes.get(&to.node).is_some_and(|(life, _)| *life == to.incarnation);
        let there = |desk: &Desk| desk.roster.joined(to.node) == Some(to.incarnation);
        open && routed() && self.owner.office.try_lock().is_some_and(|desk| there(&desk))
    }

    fn reopen(&mut self) {
        self.shut(Roster::clear);
        // If it does not open now, `send` tries again.
        let _ = self.open_anew();
    }

    fn stop(&mut self) {
        if let Some(session) = &self.session {
            aside(|| session.farewell());
        }
        self.shut(Roster::forget);
        self.again = None;
    }
}

impl Drop for Carriage {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs `work` on a thread of its own: on a thread of a Tokio runtime with one thread zenoh would panic.
fn aside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
