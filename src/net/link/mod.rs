//! [`Link`]: the delivery of mail to one other node, as an engine: no thread, no clock reading, no transport.
//!
//! It is told what time it is, what came in and what is to go out; it gives frames to send and events to deal with. Nothing
//! is sent twice: what was on its way when a session ended comes out as lost, and whether it had arrived nobody knows. So
//! every kept `T` comes out exactly once: in [`Event::Delivered`], [`Event::Answered`], [`Event::TooLarge`] or
//! [`Event::Lost`], or in [`Refused`]. Of a posted letter the `T` is made only when it is lost or too large, of its bytes.
//! `simulation.rs` holds that.

mod book;
mod event;
mod hearing;
mod incoming;
mod outgoing;
mod pulse;
mod session;
#[cfg(all(test, not(loom)))]
mod simulation;
mod terms;
#[cfg(all(test, not(loom)))]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

pub(crate) use self::event::{Event, LinkCounters, Request};
use self::incoming::Incoming;
use self::outgoing::{Outbound, Outgoing};
use self::pulse::Pulse;
use self::session::{Sessions, State};
pub(crate) use self::terms::{Refusal, Refused, Terms};
use crate::clock::Time;
use crate::net::frame::{Beat, Draft, Frame, Kind, Route, Session, Stamp};
use crate::net::transport::Lane;

/// So many letters are taken to be sent at once, and so many bytes at most.
const MANY: usize = 16;
const MUCH: usize = 8 << 10;

/// One end of the association of two nodes. `T` is kept for each letter until its fate is known, and made of a posted one if it
/// is to come back.
pub(crate) struct Link<T> {
    terms: Terms,
    sessions: Sessions,
    outgoing: Outgoing<T>,
    incoming: Incoming,
    pulse: Pulse,
    /// With the number of the letter that is accepted when the event is taken, and the session it came in.
    events: VecDeque<(Event<T>, Option<Request>)>,
    /// A farewell to be said.
    bye: Option<Route>,
    /// The largest letter that the other side takes, once it has said so.
    their_limit: usize,
    counters: LinkCounters,
    /// The latest moment that was told.
    now: Time,
}

impl<T: From<Vec<u8>>> Link<T> {
    /// A link that looks for the other side. `first` is higher than any session that this node had before.
    pub(crate) fn new(first: Session, terms: Terms, now: Time) -> Self {
        Self {
            terms,
            sessions: Sessions::new(first, terms.lease, now),
            outgoing: Outgoing::new(),
            incoming: Incoming::new(terms.window, terms.ack_delay),
            pulse: Pulse::new(terms.beat),
            events: VecDeque::new(),
            bye: None,
            their_limit: terms.max_message,
            counters: LinkCounters::default(),
            now,
        }
    }

    /// Sends a notification, or hands back what was to be kept.
    pub(crate) fn notify(&mut self, letter: Vec<u8>, keep: T, now: Time) -> Result<(), Refused<T>> {
        self.tell_time(now);
        if let Err(why) = self.admit(letter.len()) {
            return Err(Refused { why, keep });
        }
        self.outgoing.push(Outbound::Notification(keep), letter, self.now);
        Ok(())
    }

    /// Sends a notification of which the link keeps nothing but the letter, or says why not. The letter is copied: it needs no
    /// memory of its own.
    pub(crate) fn post(&mut self, letter: &[u8], now: Time) -> Result<(), Refusal> {
        self.tell_time(now);
        self.admit(letter.len())?;
        self.outgoing.post(letter, self.now);
        Ok(())
    }

    /// Sends a request, or hands back what was to be kept.
    pub(crate) fn request(&mut self, letter: Vec<u8>, keep: T, now: Time) -> Result<(), Refused<T>> {
        self.tell_time(now);
        if let Err(why) = self.has_room(Kind::Request).and_then(|()| self.admit(letter.len())) {
            return Err(Refused { why, keep });
        }
        self.outgoing.push(Outbound::Request(keep), letter, self.now);
        Ok(())
    }

    /// Sends what is refused for lack of room by no means: little, of the carriers' own.
    pub(crate) fn insist(&mut self, kind: Kind, letter: Vec<u8>, keep: T, now: Time) -> Result<(), Refused<T>> {
        self.tell_time(now);
        if let Err(why) = self.fits(letter.len()) {
            return Err(Refused { why, keep });
        }
        let outbound = if kind == Kind::Request { Outbound::Request(keep) } else { Outbound::Notification(keep) };
        self.outgoing.push(outbound, letter, self.now);
        Ok(())
    }

    /// Answers a request. Dropped and counted if the request's session is over; else never refused, as its room was reserved
    /// with the request.
    pub(crate) fn answer(&mut self, re: Request, letter: Vec<u8>, now: Time) {
        self.tell_time(now);
        if !self.is_present(re.session) {
            self.counters.late_answers += 1;
            return;
        }
        self.outgoing.push(Outbound::Answer(re), letter, self.now);
    }

    /// Sends a notification back that had been delivered. Never refused, but given up if the other side does not come back
    /// within the lease, or is away.
    pub(crate) fn give_back(&mut self, letter: Vec<u8>, now: Time) {
        self.tell_time(now);
        let many = self.outgoing.count() >= self.terms.window + self.terms.requests;
        if !self.sessions.is_there() || (!self.sessions.is_open() && many) {
            self.counters.dropped_returns += 1;
            return;
        }
        self.outgoing.push(Outbound::Return, letter, self.now);
    }

    /// Does what is due. Frames that have come are to be heard first.
    pub(crate) fn timeout(&mut self, now: Time) {
        self.tell_time(now);
        if self.sessions.timeout(self.now) {
            self.counters.half_dead += 1;
            self.tell(Event::HalfDead);
        }
        if !self.sessions.is_open() {
            let (now, lease) = (self.now, self.terms.lease);
            if self.outgoing.stale(lease) <= now {
                self.drop_waiting(|since, _| since.after(lease) <= now, Event::Lost);
            }
            return;
        }
        if self.outgoing.overdue(self.terms.lease).min(self.pulse.silent()) <= self.now {
            self.counters.half_dead += 1;
            self.renew();
            self.tell(Event::Silent);
            return;
        }
        self.pulse.timeout(self.now);
        self.incoming.timeout(self.now);
    }

    /// When [`Link::timeout`] is to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let mut next = self.sessions.next_deadline();
        if self.sessions.is_open() {
            let dead = self.outgoing.overdue(self.terms.lease).min(self.pulse.silent());
            next = next.min(dead).min(self.pulse.next_deadline()).min(self.incoming.next_deadline());
        } else {
            next = next.min(self.outgoing.stale(self.terms.lease));
        }
        (next != Time::NEVER).then_some(next)
    }

    /// The transport says that the other side is gone: everything is lost, also what waits. Nothing is sent until
    /// [`Link::begin`], or until the other side says Hello in a new session.
    pub(crate) fn lost(&mut self) {
        self.leave(State::Away);
    }

    /// The transport says that the other side is there again.
    pub(crate) fn begin(&mut self, now: Time) {
        self.tell_time(now);
        if self.sessions.state() == State::Away {
            self.sessions.begin(self.now);
        }
    }

    /// The same of another life of the other side, which is given as long to answer as the first was.
    pub(crate) fn begin_anew(&mut self, now: Time) {
        self.sessions.forget();
        self.begin(now);
    }

    /// Says farewell: everything is lost, and nothing goes out or in any more.
    pub(crate) fn close(&mut self) {
        if self.sessions.state() != State::Closed {
            self.bye = self.sessions.is_there().then(|| self.sessions.route()).flatten();
            self.leave(State::Closed);
        }
    }

    /// Takes what is to be sent next.
    pub(crate) fn poll_transmit(&mut self) -> Option<Draft<'_>> {
        if let Some(route) = self.bye.take() {
            return Some((Lane::Mail, Frame::Bye { route }).into());
        }
        if let Some((from, to)) = self.sessions.take_greeting() {
            let hello = Frame::Hello { from, to, limit: self.terms.max_message as u64 };
            return Some((Lane::Mail, hello).into());
        }
        let route = self.sessions.route().filter(|_| self.sessions.is_open())?;
        if let Some(echo) = self.pulse.take(self.now) {
            let (seq, ack, nanos) = (self.outgoing.last(), self.incoming.tell(), self.now.as_nanos());
            let beat = Beat { seq, ack, nanos, echo };
            return Some((Lane::Beat, Frame::Beat { route, beat }).into());
        }
        if self.incoming.is_hurried() && !self.outgoing.has_waiting() {
            let ack = Frame::Ack { route, ack: self.incoming.tell() };
            return Some((Lane::Mail, ack).into());
        }
        let (seq, kind, letter) = self.outgoing.next(self.now)?;
        let stamp = Stamp::new(route, (seq, self.incoming.tell_along()), kind);
        Some(Draft { lane: Lane::Mail, bytes: letter, stamp: Some(stamp) })
    }

    /// Takes what has happened. A letter counts as accepted when its event is taken, and not before: then the other side is
    /// told.
    pub(crate) fn poll_event(&mut self) -> Option<Event<T>> {
        let (event, letter) = self.events.pop_front()?;
        if let Some(letter) = letter.filter(|letter| self.is_present(letter.session)) {
            self.incoming.accept(letter.seq);
        }
        Some(event)
    }

    /// What [`poll_event`](Self::poll_event) gives next.
    pub(crate) fn peek_event(&self) -> Option<&Event<T>> {
        self.events.front().map(|(event, _)| event)
    }

    /// Whether mail that is sent now leaves before anything else: the link is open, and no more than `count` letters are on
    /// their way.
    pub(crate) fn is_calm(&self, count: usize) -> bool {
        self.is_open() && self.outgoing.is_calm(count) && self.is_settled()
    }

    /// Whether there is nothing to deal with and nothing to be sent.
    pub(crate) fn is_settled(&self) -> bool {
        self.events.is_empty() && !self.has_to_send()
    }

    /// Whether there is something to be sent at once.
    pub(crate) fn has_to_send(&self) -> bool {
        let greets = self.bye.is_some() || self.sessions.greets();
        greets || (self.is_open() && (self.pulse.is_due() || self.outgoing.has_waiting() || self.incoming.is_hurried()))
    }

    /// Whether it is time to take what is to be sent: the next letters have the memory of those before them.
    pub(crate) fn has_much_to_send(&self) -> bool {
        self.is_open() && (self.outgoing.waiting() >= MANY || self.outgoing.latest() >= MUCH)
    }

    /// Bytes of the letters that wait or are not acknowledged.
    pub(crate) fn under_way(&self) -> usize {
        self.outgoing.bytes()
    }

    /// Whether mail would be taken, but for its size: to be asked before a letter is written.
    pub(crate) fn has_room(&self, kind: Kind) -> Result<(), Refusal> {
        if kind == Kind::Request && self.outgoing.requests() >= self.terms.requests {
            return Err(Refusal::Busy);
        }
        self.admit(0)
    }

    /// Whether mail goes out as it comes.
    pub(crate) fn is_open(&self) -> bool {
        self.sessions.is_open()
    }

    /// How long a letter that comes now waits before it is acknowledged by itself.
    pub(crate) fn patience(&self) -> Duration {
        self.incoming.patience()
    }

    /// How long the way there and back takes, smoothed; once it has been measured.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.pulse.round_trip()
    }

    pub(crate) const fn counters(&self) -> LinkCounters {
        self.counters
    }

    fn renew(&mut self) {
        if self.sessions.renew(self.now) {
            self.end();
        }
    }

    /// What was sent in the session that is over is lost.
    fn end(&mut self) {
        let events = &mut self.events;
        // What came in it is not accepted in the next, where the numbers begin anew.
        events.iter_mut().for_each(|(_, letter)| *letter = None);
        self.outgoing.end(|keep| events.push_back((Event::Lost(keep), None)));
        self.incoming = Incoming::new(self.terms.window, self.terms.ack_delay);
        self.pulse.rest();
    }

    fn leave(&mut self, state: State) {
        self.sessions.leave(state);
        self.end();
        self.drop_waiting(|_, _| true, Event::Lost);
    }

    fn drop_waiting(&mut self, may_go: impl Fn(Time, usize) -> bool, event: fn(T) -> Event<T>) {
        let events = &mut self.events;
        let returns = self.outgoing.drop_waiting(may_go, |keep| events.push_back((event(keep), None)));
        self.counters.dropped_returns += returns;
    }

    fn admit(&self, length: usize) -> Result<(), Refusal> {
        self.fits(length)?;
        let count = self.outgoing.count();
        if count >= self.terms.window || (count > 0 && self.outgoing.bytes() + length > self.terms.window_bytes) {
            return Err(Refusal::Busy);
        }
        Ok(())
    }

    /// Whether it is there, and takes letters of this length.
    fn fits(&self, length: usize) -> Result<(), Refusal> {
        if !self.sessions.is_there() {
            return Err(Refusal::Away);
        }
        let limit = self.terms.max_message.min(self.their_limit);
        if length > limit { Err(Refusal::TooLarge { length, limit }) } else { Ok(()) }
    }

    /// Whether the other side is still in this session, and the link open.
    fn is_present(&self, theirs: Session) -> bool {
        self.sessions.is_open() && self.sessions.route().is_some_and(|route| route.to == theirs)
    }

    fn tell(&mut self, event: Event<T>) {
        self.events.push_back((event, None));
    }

    fn tell_time(&mut self, now: Time) {
        self.now = self.now.max(now);
    }
}

impl<T> fmt::Debug for Link<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("sessions", &self.sessions)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
