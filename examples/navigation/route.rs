//! The route: follows the car along the way, and has the voice say where to turn.

use std::time::Duration;

use rohrpost::{Context, Failure, Handle, Held, Later, Observes, Started, Timer, handles, record};

use crate::log::log;
use crate::services::{Arrival, Fix, MAP, Name, NameOf, Say, VOICE};
use crate::way::{Turn, Way};

/// How many metres before a turn one is told of it.
const AHEAD: f64 = 300.0;
/// What has not been said after so long is not worth saying.
const WORTH: Duration = Duration::from_secs(10);

/// Nobody has told for some time where the car is.
#[derive(Clone, Debug)]
struct Silence;
/// It is time to say how far it is.
#[derive(Clone, Debug)]
struct Progress;
record!(Silence, "route.silence");
record!(Progress, "route.progress");

pub(crate) struct Route {
    way: Way,
    pace: Pace,
    /// The index of the point at which the car is, once that is known.
    at: Option<usize>,
    kmh: f64,
    /// How many turns were told of, and how many are behind.
    told: usize,
    turned: usize,
    silence: Option<Timer>,
    progress: Option<Timer>,
    /// Whoever wants to know of the arrival.
    waiting: Vec<Held<Arrival>>,
    arrived: bool,
    /// Whether there is nothing more to be said of the arrival.
    over: bool,
}

/// How often something happens on this trip.
pub(crate) struct Pace {
    /// How long no news of the position is no reason to worry.
    pub(crate) patience: Duration,
    /// How often to say how far it is.
    pub(crate) progress: Duration,
}

impl Route {
    pub(crate) fn new(way: Way, pace: Pace) -> Self {
        let (silence, progress, waiting) = (None, None, Vec::new());
        Self {
            way,
            pace,
            at: None,
            kmh: 0.0,
            told: 0,
            turned: 0,
            silence,
            progress,
            waiting,
            arrived: false,
            over: false,
        }
    }

    /// Says something, and does something when that is said, or was not.
    fn say(&self, text: String, ctx: &Context<'_>, then: impl FnOnce(&mut Self) + 'static) {
        let shown = text.clone();
        ctx.within(WORTH).request(VOICE, Say(text)).then_on(self, move |me, said, ctx| {
            if let Err(failure) = said {
                log(ctx.now(), "route", &format!("not said ({}): \"{shown}\"", failure.code()));
            }
            then(me);
        });
    }

    /// Says something with the name of a place in it, if the map knows one.
    fn say_where(&self, index: usize, ctx: &Context<'_>, text: impl FnOnce(String) -> String + 'static) {
        ctx.within(WORTH).request(MAP, NameOf(self.way.points[index])).then_on(self, move |me, name, ctx| {
            let name = name.unwrap_or_else(|failure| {
                log(ctx.now(), "route", &format!("no map ({}): the place has no name", failure.code()));
                Name(None)
            });
            let Name(name) = name;
            let text = text(name.map_or(String::new(), |name| format!(" at {name}")));
            me.say(text, ctx, |me| {
                if me.arrived {
                    me.over = true;
                    me.waiting.drain(..).for_each(|arrival| arrival.answer(()));
                }
            });
        });
    }

    fn follow(&mut self, at: usize, ctx: &Context<'_>) {
        if at == self.way.end() {
            return self.arrive(ctx);
        }
        if let Some(&Turn { at: corner, hand }) = self.way.turns.get(self.turned)
            && corner <= at
        {
            self.turned += 1;
            self.told = self.told.max(self.turned);
            self.say(format!("Now {hand}."), ctx, |_| {});
        }
        if let Some(&Turn { at: corner, hand }) = self.way.turns.get(self.told) {
            let metres = self.way.lengths[corner] - self.way.lengths[at];
            if metres <= AHEAD {
                self.told += 1;
                let metres = (metres / 10.0).round() * 10.0;
                self.say_where(corner, ctx, move |place| format!("In {metres} metres {hand}{place}."));
            }
        }
    }

    fn arrive(&mut self, ctx: &Context<'_>) {
        self.arrived = true;
        [self.silence.take(), self.progress.take()].into_iter().flatten().for_each(|timer| {
            ctx.cancel(timer);
        });
        self.say_where(self.way.end(), ctx, |place| format!("You have arrived{place}."));
    }
}

impl Started for Route {
    fn started(&mut self, ctx: &mut Context<'_>) {
        self.silence = ctx.timer(Silence).after(self.pace.patience).ok();
        self.progress = ctx.timer(Progress).every(self.pace.progress).ok();
    }
}

impl Observes<Fix> for Route {
    fn observed(&mut self, fix: &Fix, ctx: &mut Context<'_>) {
        if self.arrived {
            return;
        }
        self.kmh = fix.kmh;
        if !self.silence.is_some_and(|timer| ctx.retrigger(timer)) {
            self.silence = ctx.timer(Silence).after(self.pace.patience).ok();
        }
        let at = self.way.place(self.at.unwrap_or(0), fix.point);
        if self.at.replace(at).is_none() {
            let km = self.way.length() / 1000.0;
            self.say(format!("It is {km:.1} kilometres. Have a good trip."), ctx, |_| {});
        }
        self.follow(at, ctx);
    }
}

impl Handle<Silence> for Route {
    fn handle(&mut self, _silence: &Silence, ctx: &mut Context<'_>) -> Result<(), Failure> {
        let seconds = self.pace.patience.as_secs();
        log(ctx.now(), "route", &format!("no position for {seconds} s; a tunnel?"));
        Ok(())
    }
}

impl Handle<Progress> for Route {
    fn handle(&mut self, _progress: &Progress, ctx: &mut Context<'_>) -> Result<(), Failure> {
        let driven = self.at.map_or(0.0, |at| self.way.lengths[at]);
        let left = (self.way.length() - driven) / 1000.0;
        log(ctx.now(), "route", &format!("{left:.1} km to go, at {:.0} km/h", self.kmh));
        Ok(())
    }
}

impl Later<Arrival> for Route {
    fn handle(&mut self, arrival: Held<Arrival>, _ctx: &mut Context<'_>) {
        if self.over {
            return arrival.answer(());
        }
        self.waiting.push(arrival);
    }
}

handles!(Route: Silence, Progress; later Arrival; observes Fix; hooks started);
