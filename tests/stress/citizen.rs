//! The target of the stress test: it passes chains on to others, and now and then does something worse.

use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rohrpost::{Address, Context, Message, OnPanic, Outcome, RequestId, Restart, Setup, Target, Thread, record};

use crate::chimes::{Alarm, Chime};
use crate::dice::Dice;
use crate::town::{Quarter, Token};

/// What each planned panic says.
pub(crate) const PLANNED: &str = "a planned panic";

record!(Hop, "stress.hop", no_clone);

/// One message of a chain.
#[derive(Debug)]
pub(crate) struct Hop {
    pub(crate) token: Option<Token>,
    /// Messages that are to follow.
    pub(crate) left: u32,
    /// What decides the rest of the chain.
    pub(crate) dice: Dice,
}

record!(News, "stress.news");

/// What is told to observers.
#[derive(Clone, Debug)]
pub(crate) struct News(Dice);

pub(crate) struct Citizen {
    pub(crate) quarter: Rc<Quarter>,
    place: usize,
    /// Requests that are not answered yet.
    open: Vec<RequestId>,
    /// Timers that have not ended.
    pub(crate) alarms: Vec<Alarm>,
    /// Whether it goes for good, and does not come back after a while.
    leaves: bool,
}

impl Citizen {
    fn new(quarter: &Rc<Quarter>, place: usize) -> Self {
        Self { quarter: quarter.clone(), place, open: Vec::new(), alarms: Vec::new(), leaves: place % 4 != 3 }
    }

    /// Registers whoever belongs to a place: of four that panic one is restarted at once, one after a while, one is kept,
    /// and one goes.
    pub(crate) fn settle(quarter: &Rc<Quarter>, place: usize, thread: Thread<'_>) -> Option<Address> {
        let settled = match place % 4 {
            0 => thread.register(Self::new(quarter, place)),
            1 => thread.register_with(Setup::new().on_panic(OnPanic::Keep), Self::new(quarter, place)),
            _ => {
                let quarter = quarter.clone();
                let while_away = Duration::from_micros(50)..=Duration::from_millis(1);
                let later = Restart::new().backoff(while_away, 2).limit(usize::MAX, Duration::from_millis(1));
                let setup = if place % 4 == 3 { Setup::new().restart(later) } else { Setup::new() };
                thread.register_factory(setup, move || {
                    // The life before has just left its place, and this one takes it.
                    quarter.empty.borrow_mut().retain(|&empty| empty != place);
                    Self::new(&quarter, place)
                })
            }
        };
        // On a worker that closes nobody settles any more.
        settled.ok()
    }

    fn fill_empty_places(&self, ctx: &Context<'_>) {
        for place in self.quarter.empty.take() {
            if let Some(address) = Self::settle(&self.quarter, place, ctx.thread()) {
                self.quarter.town().move_in(self.quarter.number.get(), place, address);
            }
        }
    }

    /// Somebody, more often in the neighbourhood; now and then whoever takes chains on there.
    fn anybody(&self, dice: &mut Dice) -> Address {
        let town = self.quarter.town();
        let quarters = town.quarters.len();
        let quarter = if dice.below(100) < 60 { self.quarter.number.get() } else { dice.below(quarters) };
        if dice.below(10) == 0 {
            return town.services[quarter];
        }
        town.at(quarter, dice.below(1 << 20))
    }

    /// The services of some namespace.
    fn somewhere(&self, dice: &mut Dice) -> Address {
        let services = &self.quarter.town().services;
        services[dice.below(services.len())]
    }

    /// Passes a chain on.
    fn onward(&mut self, mut hop: Hop, ctx: &Context<'_>) {
        while let Some(left) = hop.left.checked_sub(1) {
            hop.left = left;
            let to = self.anybody(&mut hop.dice);
            Quarter::add(&self.quarter.sent, 1);
            match hop.dice.below(10) {
                0..5 => return ctx.notify(to, hop),
                5..9 => {
                    Quarter::add(&self.quarter.requests, 1);
                    let request = ctx.request(to, hop).id();
                    self.open.push(request);
                    return;
                }
                _ => match ctx.call(to, hop) {
                    Ok(()) => return,
                    Err(mut failure) => match failure.take_record::<Hop>() {
                        Some(back) if back.token.is_some() => hop = back,
                        _ => return,
                    },
                },
            }
        }
    }

    /// Takes the chain out of a message, if it has not been passed on from there.
    fn take_hop(message: &mut Message<'_>) -> Option<Hop> {
        let hop = message.record_mut::<Hop>()?;
        Some(Hop { token: Some(hop.token.take()?), left: hop.left, dice: hop.dice })
    }

    fn hold(&self, message: &mut Message<'_>, ctx: &Context<'_>) -> Outcome {
        let Ok(held) = ctx.hold(message) else {
            return Outcome::NotHandled;
        };
        let town = self.quarter.town();
        let helper = town.helper.lock().expect("nobody panics here");
        if let Some(helper) = &*helper {
            town.held.fetch_add(1, Ordering::SeqCst);
            if helper.send(held).is_err() {
                town.held.fetch_sub(1, Ordering::SeqCst);
            }
        }
        Outcome::Handled
    }

    /// What comes of a tick: the next one, news, a panic, or that it comes back.
    pub(crate) fn after_tick(&mut self, mut dice: Dice, ctx: &Context<'_>) -> Outcome {
        match dice.below(100) {
            0..5 => self.panic(),
            5..10 => return Outcome::NotHandled,
            10..30 => {
                Quarter::add(&self.quarter.sent, 1);
                ctx.notify(self.somewhere(&mut dice), News(dice));
            }
            30..40 => self.alter_alarm(&mut dice, ctx),
            _ => {}
        }
        Outcome::Handled
    }

    fn panic(&self) -> ! {
        Quarter::add(&self.quarter.panics, 1);
        panic!("{PLANNED}")
    }
}

impl Target for Citizen {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        self.fill_empty_places(ctx);
        if let Some(chime) = message.record::<Chime>().cloned() {
            return self.chime(&chime, ctx);
        }
        let Some(hop) = message.record_mut::<Hop>() else {
            return Outcome::NotHandled;
        };
        let what = hop.dice.below(1000);
        let mut dice = hop.dice;
        match what {
            // The chain goes back with the message, and its sender goes on with it.
            0..5 => self.panic(),
            5..15 => return Outcome::NotHandled,
            15..75 if hop.left > 0 => {
                hop.left -= 1;
                let to = self.anybody(&mut hop.dice);
                ctx.forward(message, to);
                return Outcome::Handled;
            }
            _ => {}
        }
        if let Some(hop) = Self::take_hop(message) {
            self.onward(hop, ctx);
        }
        match what {
            75..80 => self.panic(),
            80..85 => ctx.stop(),
            85..88 => {
                // Whether anybody is there does not matter.
                let _ = ctx.deregister(self.anybody(&mut dice));
            }
            88..108 => return self.hold(message, ctx),
            108..118 => {
                Quarter::add(&self.quarter.sent, 1);
                ctx.notify(self.somewhere(&mut dice), News(dice));
            }
            118..122 => {
                // Whether it observes them does not matter.
                let _ = ctx.unobserve::<News>(self.somewhere(&mut dice));
                let _ = ctx.withdraw::<Hop>();
            }
            122..142 => self.set_alarm(&mut dice, ctx),
            142..152 => self.alter_alarm(&mut dice, ctx),
            _ => {}
        }
        Outcome::Handled
    }

    fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        if let Some(request) = answer.request_id() {
            match self.open.iter().position(|&open| open == request) {
                Some(index) => {
                    self.open.swap_remove(index);
                    Quarter::add(&self.quarter.ended, 1);
                }
                None => {
                    self.quarter.town().counts.unknown.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
        if let Some(hop) = Self::take_hop(answer) {
            self.onward(hop, ctx);
        }
    }

    fn observed(&mut self, message: &Message<'_>, _: &mut Context<'_>) {
        Quarter::add(&self.quarter.observed, 1);
        if message.record::<News>().is_some_and(|news| news.0.clone().below(200) == 0) {
            self.panic();
        }
    }

    fn started(&mut self, ctx: &mut Context<'_>) {
        if self.place.is_multiple_of(10) {
            // On a kernel that stops there are no services any more.
            let _ = ctx.serve::<Hop>();
        }
        if self.place.is_multiple_of(25) {
            let mut dice = Dice(self.place as u64 | 1);
            let _ = ctx.observe::<News>(self.somewhere(&mut dice));
        }
    }

    fn stopping(&mut self, _: &mut Context<'_>) {
        self.leaves = true;
        let town = self.quarter.town();
        if town.at_rest.load(Ordering::SeqCst) {
            town.counts.lost.fetch_add(self.open.len() as u64, Ordering::SeqCst);
        }
    }
}

impl Drop for Citizen {
    fn drop(&mut self) {
        Quarter::add(&self.quarter.abandoned, self.open.len() as u64);
        if self.leaves {
            self.quarter.empty.borrow_mut().push(self.place);
        }
    }
}
