//! What a link does with what the other side says.

use bytes::Bytes;

use super::incoming::Place;
use super::outgoing::Done;
use super::session::{State, Step};
use super::{Event, Link, Request};
use crate::clock::Time;
use crate::net::frame::{Beat, Frame, FrameError, Kind, Route, Session, Stamp};

impl<T: From<Vec<u8>>> Link<T> {
    /// Takes up a frame from the other side, or takes note that it was none.
    pub(crate) fn heard(&mut self, frame: Result<Frame, FrameError>, now: Time) {
        self.tell_time(now);
        match frame {
            Ok(Frame::Hello { from, to, limit }) => self.hear_hello(from, to, limit),
            Ok(Frame::Mail { route, seq, ack, kind, letter }) => self.hear_mail(route, (seq, ack), kind, letter),
            Ok(Frame::Ack { route, ack }) => {
                let _ = self.is_current(route) && self.acknowledge(ack);
            }
            Ok(Frame::Beat { route, beat }) => self.hear_beat(route, beat),
            Ok(Frame::Bye { route }) => self.hear_bye(route),
            Err(fault) => {
                self.counters.malformed += 1;
                self.tell(Event::Malformed(fault));
            }
        }
    }

    /// Takes up mail that is to be dealt with where it lies, and counts as accepted with that: a notification or a request,
    /// next in its session, with no news of what was sent from here, and behind nothing else. Of any other nothing is
    /// taken note of; it is to be [heard](Self::heard).
    pub(crate) fn take_up(&mut self, stamp: Stamp, now: Time) -> Option<Request> {
        let Stamp { route, seq, ack, kind } = stamp;
        let usual = matches!(kind, Kind::Notification | Kind::Request) && self.outgoing.is_acknowledged(ack);
        let here = usual && self.is_present(route.from) && self.sessions.is_mine(route.to);
        if !here || !self.events.is_empty() || !self.incoming.is_next(seq) {
            return None;
        }
        self.tell_time(now);
        self.pulse.hear(self.now);
        self.incoming.take(seq, self.now);
        self.incoming.accept(seq);
        Some(Request { session: route.from, seq })
    }

    fn hear_hello(&mut self, from: Session, to: Option<Session>, limit: u64) {
        let step = self.sessions.hello(from, to, self.now);
        if step.stale {
            self.counters.stale += 1;
            return;
        }
        self.their_limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.follow(step);
    }

    fn hear_mail(&mut self, route: Route, (seq, ack): (u64, u64), kind: Kind, letter: Bytes) {
        if !self.is_current(route) || !self.acknowledge(ack) {
            return;
        }
        match self.incoming.take(seq, self.now) {
            Place::Next => {}
            Place::Duplicate => {
                self.counters.duplicates += 1;
                return;
            }
            Place::Gap => {
                self.counters.gaps += 1;
                self.renew();
                return;
            }
        }
        let re = Request { session: route.from, seq };
        let event = match kind {
            Kind::Notification => Event::Notified { letter },
            Kind::Request => Event::Requested { re, letter },
            Kind::Return => Event::Returned { letter },
            Kind::Answer(asked) => match self.outgoing.answered(asked) {
                Some(keep) => Event::Answered { keep, letter },
                None => {
                    self.counters.stray_answers += 1;
                    Event::Malformed(FrameError::Stray(asked))
                }
            },
        };
        self.events.push_back((event, Some(re)));
    }

    fn hear_beat(&mut self, route: Route, beat: Beat) {
        if !self.is_current(route) || !self.acknowledge(beat.ack) {
            return;
        }
        self.pulse.beat(beat.nanos, beat.echo, self.now);
        if self.incoming.is_stuck(beat.seq) {
            self.counters.gaps += 1;
            self.renew();
        }
    }

    fn hear_bye(&mut self, route: Route) {
        if self.is_current(route) {
            self.leave(State::Away);
            self.tell(Event::Closed);
        }
    }

    /// Whether a frame belongs to the present sessions; then the other side is alive.
    fn is_current(&mut self, route: Route) -> bool {
        let step = self.sessions.present(route, self.now);
        if step.stale {
            self.counters.stale += 1;
            return false;
        }
        self.follow(step);
        self.pulse.hear(self.now);
        true
    }

    fn acknowledge(&mut self, ack: u64) -> bool {
        let events = &mut self.events;
        let sent = self.outgoing.acknowledge(ack, self.now, |done| {
            let event = match done {
                Done::Notification(keep) => Event::Delivered(keep),
                Done::Posted(count) => Event::Posted(count),
            };
            events.push_back((event, None));
        });
        self.counters.malformed += u64::from(!sent);
        sent
    }

    fn follow(&mut self, step: Step) {
        if step.ended {
            self.end();
        }
        if step.opened {
            self.counters.opened += 1;
            self.pulse.begin(self.now);
            self.tell(Event::Opened);
            let limit = self.their_limit;
            self.drop_waiting(|_, length| length > limit, Event::TooLarge);
        }
        if step.confirm {
            self.incoming.hurry();
        }
    }
}
