//! What programs do with timers and services: in handlers, and from outside.

use std::sync::Arc;

use rohrpost::{Address, Code, Context, Message, Namespace, Nid, Outcome, RequestId, ServeError, Timer, TimerError};

use crate::actor::Actor;
use crate::ledger::From;
use crate::letter::{Letter, News, Parcel, Tock};
use crate::program::{Alarm, Alter, Fate, Issue, Offer, Tie, To};
use crate::world::{World, home_name};

impl Actor {
    pub(crate) fn arm(&mut self, alarm: &Arc<Alarm>, ctx: &Context<'_>) {
        let (world, now) = (self.world.clone(), ctx.now());
        world.ledger.arms(alarm, Some(self.life), now);
        let timer = ctx.timer(Tock::new(alarm, &world));
        let armed = if alarm.every { timer.every(alarm.span()) } else { timer.after(alarm.span()) };
        world.ledger.armed(alarm.number, armed.is_ok(), now);
        match armed {
            Ok(timer) => {
                self.check(ctx.is_running(timer), "a timer that was just armed does not run");
                self.timers.push((timer, alarm.number));
            }
            Err(error) => world.check_timer_error(alarm, &error),
        }
    }

    pub(crate) fn alter(&self, alter: Alter, ctx: &Context<'_>) {
        let (Alter::Cancel(index) | Alter::Retrigger(index)) = alter;
        match self.timers.get(index % (self.timers.len() + 1)).copied() {
            Some((timer, number)) => self.alter_own(timer, number, alter, ctx),
            None => self.world.alter(alter),
        }
    }

    fn alter_own(&self, timer: Timer, number: usize, alter: Alter, ctx: &Context<'_>) {
        let could = match alter {
            Alter::Cancel(_) => ctx.cancel(timer),
            Alter::Retrigger(_) => ctx.retrigger(timer),
        };
        self.world.ledger.altered(number, alter, could, ctx.now());
        let runs = could && matches!(alter, Alter::Retrigger(_));
        self.check(ctx.is_running(timer) == runs, &format!("timer {number} runs, or does not, against {alter:?}"));
    }

    /// Cancels the timers that never tick.
    pub(crate) fn lose_patience(&self, ctx: &Context<'_>) {
        for &(timer, number) in &self.timers {
            if ctx.is_running(timer) && self.world.ledger.is_endless(number) {
                self.alter_own(timer, number, Alter::Cancel(0), ctx);
            }
        }
    }

    /// Handles a tick.
    pub(crate) fn tick(&mut self, alarm: &Arc<Alarm>, ctx: &Context<'_>) -> Outcome {
        let world = self.world.clone();
        let Some(tick) = ctx.tick() else {
            self.check(false, "what a timer brings came without a tick");
            return Outcome::Handled;
        };
        self.check(ctx.expires().is_none(), "a tick has a deadline");
        self.check(tick.due() <= world.kernel.now(), "a tick came before its time");
        let index = world.ledger.ticked(alarm.number, self.life, tick, ctx.now());
        if alarm.every && index + 1 >= alarm.ticks.len() {
            self.alter_own(tick.timer(), alarm.number, Alter::Cancel(0), ctx);
        }
        let stop = alarm.stop(index);
        let panics = self.perform_until_panic(&stop.acts, ctx).is_err() || stop.fate == Fate::Panic;
        let handled = !panics && stop.fate != Fate::Ignore;
        world.ledger.tick_ended(alarm.number, handled);
        if panics {
            self.panic();
        }
        if handled { Outcome::Handled } else { Outcome::NotHandled }
    }

    pub(crate) fn tie(&self, tie: Tie, ctx: &Context<'_>) {
        let (world, place) = (&self.world, |home| Address::service(Nid::name(&home_name(home))));
        let tied = match tie {
            Tie::Serve => {
                world.ledger.serves(self.resident);
                ctx.serve::<Letter>().and(ctx.serve::<Parcel>())
            }
            Tie::Withdraw => ctx.withdraw::<Letter>().and(ctx.withdraw::<Parcel>()),
            Tie::Observe(home) => {
                world.ledger.turns_to(self.resident, home);
                let observes = ctx.observe::<News>(place(home));
                if observes.is_ok() {
                    world.ledger.observes(self.life, home);
                }
                observes
            }
            Tie::Unobserve(home) => {
                world.ledger.looks_away(|resident, topic| (resident, topic) == (self.resident, home));
                ctx.unobserve::<News>(place(home))
            }
        };
        world.check_tie(tie, &tied);
    }

    pub(crate) fn publish(&mut self, issue: &Arc<Issue>, ctx: &Context<'_>) {
        let world = self.world.clone();
        let to = Address::service(Nid::name(&home_name(issue.home)));
        world.ledger.publishes(issue, From::Life(self.life), ctx.expires().is_some());
        if issue.request {
            let message = Message::request(to, News::new(issue, &world));
            match ctx.send(message) {
                Some(id) => drop(self.papers.insert(id, issue.number)),
                None => self.check(false, "a request to a topic got no id"),
            }
        } else {
            ctx.notify(to, News::new(issue, &world));
        }
    }

    /// Sees a copy.
    pub(crate) fn read(&mut self, issue: &Arc<Issue>, ctx: &Context<'_>) {
        if self.world.ledger.sees(issue.number, self.life) == 0 {
            self.perform(&issue.acts, ctx);
        }
    }

    /// Takes in what a timer or a topic sent back; whether it was that.
    pub(crate) fn is_settled(&mut self, id: Option<RequestId>, back: &Message<'_>) -> bool {
        if let Some(tock) = back.record::<Tock>() {
            self.world.ledger.tick_back(tock.alarm.number, self.life);
            return true;
        }
        let asked = id.and_then(|id| self.papers.remove(&id));
        let number = asked.or_else(|| back.record::<News>().map(|news| news.issue.number).filter(|_| id.is_none()));
        if let Some(number) = number {
            self.world.ledger.issue_back(number, From::Life(self.life), back.code());
        }
        number.is_some()
    }
}

impl World {
    /// Opens the services of a namespace.
    pub(crate) fn offer(&self, home: usize, namespace: &Namespace) {
        let Offer { group, retains } = self.program.homes[home];
        let news = namespace.topic::<News>();
        let mut opened = vec![if retains { news.retain_last() } else { news }.open()];
        if let Some(balance) = group {
            opened.extend([namespace.group::<Letter>(balance).open(), namespace.group::<Parcel>(balance).open()]);
        }
        for error in opened.into_iter().filter_map(Result::err) {
            // On threads somebody may have served already.
            let early = matches!(error, ServeError::Exists(_)) && !self.ledger.is_exact();
            if error != ServeError::Closed && !early {
                self.ledger.fault(format!("a service was not opened: {error}"));
            }
        }
    }

    /// Closes the topic of a namespace and opens it anew.
    pub(crate) fn reopen(&self, home: usize) {
        let Some(namespace) = self.home(home) else {
            return;
        };
        self.ledger.looks_away(|_, topic| topic == home);
        let closed = namespace.close_service::<News>();
        if !matches!(closed, Ok(()) | Err(ServeError::NoService { .. })) {
            self.ledger.fault(format!("a topic was not closed: {closed:?}"));
        }
        self.offer(home, &namespace);
    }

    /// Arms a timer for a resident from outside.
    pub(crate) fn arm(self: &Arc<Self>, resident: usize, alarm: &Arc<Alarm>) {
        let home = self.program.residents.get(resident).and_then(|resident| self.home(resident.home));
        let Some(home) = home else {
            return;
        };
        self.ledger.arms(alarm, None, self.kernel.now());
        let timer = home.timer(self.address(To::Resident(resident)), Tock::new(alarm, self));
        let armed = if alarm.every { timer.every(alarm.span()) } else { timer.after(alarm.span()) };
        self.ledger.armed(alarm.number, armed.is_ok(), self.kernel.now());
        match armed {
            Ok(handle) => self.keep_handle(alarm, handle),
            Err(error) => self.check_timer_error(alarm, &error),
        }
    }

    /// Alters a timer that was armed from outside.
    pub(crate) fn alter(&self, alter: Alter) {
        let (Alter::Cancel(index) | Alter::Retrigger(index)) = alter;
        let Some((alarm, handle)) = self.handle(index) else {
            return;
        };
        let had_ended = self.ledger.alters(alarm.number, alter, self.kernel.now());
        let could = match alter {
            Alter::Cancel(_) => handle.cancel(),
            Alter::Retrigger(_) => handle.retrigger(),
        };
        self.ledger.altered_elsewhere(alarm.number, alter, had_ended, could, self.kernel.now());
        if matches!(alter, Alter::Cancel(_)) && handle.is_running() {
            self.ledger.fault(format!("timer {} runs although it was cancelled", alarm.number));
        }
    }

    fn check_timer_error(&self, alarm: &Alarm, error: &TimerError) {
        let right = match error {
            TimerError::TooMany { .. } => self.program.bounds.timers.is_some(),
            TimerError::NoTarget { .. } | TimerError::Stopped => true,
            _ => false,
        };
        if !right {
            self.ledger.fault(format!("timer {} was not armed: {error}", alarm.number));
        }
    }

    /// Ties a resident to a service from outside.
    pub(crate) fn tie(&self, resident: usize, tie: Tie) {
        let address = self.address(To::Resident(resident));
        let lives_in = self.program.residents.get(resident).map(|resident| resident.home);
        let home = match tie {
            Tie::Serve | Tie::Withdraw => lives_in,
            Tie::Observe(home) | Tie::Unobserve(home) => Some(home),
        };
        let Some(home) = home.and_then(|home| self.home(home)) else {
            return;
        };
        let tied = match tie {
            Tie::Serve => {
                self.ledger.serves(resident);
                home.serve::<Letter>(address).and(home.serve::<Parcel>(address))
            }
            Tie::Withdraw => home.withdraw::<Letter>(address).and(home.withdraw::<Parcel>(address)),
            Tie::Observe(place) => {
                self.ledger.turns_to(resident, place);
                home.observe::<News>(address)
            }
            Tie::Unobserve(place) => {
                self.ledger.looks_away(|observer, topic| (observer, topic) == (resident, place));
                home.unobserve::<News>(address)
            }
        };
        self.check_tie(tie, &tied);
    }

    fn check_tie(&self, tie: Tie, tied: &Result<(), ServeError>) {
        let right = match tied {
            Ok(()) | Err(ServeError::Closed | ServeError::NoService { .. }) => true,
            Err(ServeError::Taken { .. }) => tie == Tie::Serve,
            Err(ServeError::NotOwner { .. }) => tie == Tie::Withdraw,
            Err(ServeError::Unreachable { code, .. }) => {
                [Code::NO_TARGET, Code::NO_NAMESPACE, Code::STOPPED].contains(code)
            }
            // Whoever never was registered has the address of nobody, which is another namespace's.
            Err(ServeError::Stranger { .. }) => matches!(tie, Tie::Serve | Tie::Withdraw),
            Err(_) => false,
        };
        if !right {
            self.ledger.fault(format!("{tie:?} failed: {tied:?}"));
        }
    }

    /// Publishes from outside.
    pub(crate) fn publish(self: &Arc<Self>, issue: &Arc<Issue>, thread: usize) {
        let to = Address::service(Nid::name(&home_name(issue.home)));
        self.ledger.publishes(issue, From::Outside(thread), false);
        if let Err(error) = self.kernel.notify(to, News::new(issue, self)) {
            let code = error.code();
            let returned = error.into_message().record::<News>().map(|news| news.issue.number);
            self.ledger.issue_refused(issue.number, code);
            if returned != Some(issue.number) {
                self.ledger.fault(format!("issue {} was refused and did not come back", issue.number));
            }
        }
    }
}
