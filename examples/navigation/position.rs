//! The receiver of satellites, which here plays a track: it publishes where the car is.

use std::time::Duration;

use rohrpost::{Code, Context, Failure, Handle, Time, handles, record};

use crate::services::{CAR, Depart, Fix};
use crate::way::Point;

/// The time of the next point has come.
#[derive(Clone, Debug)]
struct Next;
record!(Next, "position.next");

pub(crate) struct Position {
    track: Vec<(Duration, Point)>,
    next: usize,
    start: Time,
}

impl Position {
    pub(crate) const fn new(track: Vec<(Duration, Point)>) -> Self {
        Self { track, next: 0, start: Time::START }
    }

    /// Each point has its own time from the start, so that nothing adds up.
    fn wait(&self, ctx: &Context<'_>) -> Result<(), Failure> {
        let Some(&(time, _)) = self.track.get(self.next) else {
            return Ok(());
        };
        let timer = ctx.timer(Next).at(self.start.after(time));
        timer.map(drop).map_err(|error| Failure::new(Code::BUSY, error.to_string()))
    }

    fn kmh(&self) -> f64 {
        let Some([(before, from), (now, to)]) = self.track.get(self.next.saturating_sub(1)..=self.next) else {
            return 0.0;
        };
        let seconds = (*now - *before).as_secs_f64();
        if seconds > 0.0 { from.distance(*to) / seconds * 3.6 } else { 0.0 }
    }
}

impl Handle<Depart> for Position {
    fn handle(&mut self, _depart: &Depart, ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.start = ctx.now();
        self.wait(ctx)
    }
}

impl Handle<Next> for Position {
    fn handle(&mut self, _next: &Next, ctx: &mut Context<'_>) -> Result<(), Failure> {
        let (_, point) = self.track[self.next];
        ctx.notify(CAR, Fix { point, kmh: self.kmh() });
        self.next += 1;
        self.wait(ctx)
    }
}

handles!(Position: Depart, Next);
