//! The target of all programs: it does what the scripts say that it receives.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rohrpost::{Code, Context, Failure, Message, Outcome, Record, RequestId, Target, Timer};

use crate::ledger::From;
use crate::letter::{LetGo, Letter, News, Parcel, Reply, Second, Tock, planned_panic};
use crate::program::{Act, End, Fate, Mail, Place, Way};
use crate::world::{FAILED, Held, Once, World};

/// One life of a resident.
pub(crate) struct Actor {
    pub(crate) world: Arc<World>,
    pub(crate) resident: usize,
    pub(crate) life: usize,
    started: bool,
    /// Requests that are not answered yet.
    open: BTreeMap<RequestId, Arc<Mail>>,
    /// The same to topics.
    pub(crate) papers: BTreeMap<RequestId, usize>,
    /// The timers that it has armed, and their numbers.
    pub(crate) timers: Vec<(Timer, usize)>,
    /// Held messages that it keeps.
    kept: VecDeque<Held>,
}

/// A script wants a panic.
pub(crate) struct Panics;

impl Actor {
    pub(crate) fn new(world: &Arc<World>, resident: usize) -> Self {
        let life = world.ledger.born(resident);
        let (world, open, kept) = (world.clone(), BTreeMap::new(), VecDeque::new());
        Self { world, resident, life, started: false, open, papers: BTreeMap::new(), timers: Vec::new(), kept }
    }

    /// Panics if the script says so.
    pub(crate) fn perform(&mut self, acts: &[Act], ctx: &Context<'_>) {
        if self.perform_until_panic(acts, ctx).is_err() {
            self.panic();
        }
    }

    pub(crate) fn panic(&self) -> ! {
        self.world.ledger.panics();
        planned_panic();
    }

    pub(crate) fn perform_until_panic(&mut self, acts: &[Act], ctx: &Context<'_>) -> Result<(), Panics> {
        let world = self.world.clone();
        for act in acts {
            match act {
                Act::Mail(mail) if mail.large => self.send(mail, Parcel::new, ctx),
                Act::Mail(mail) => self.send(mail, Letter::new, ctx),
                Act::Register(resident) => world.register(*resident, Some(ctx)),
                Act::Deregister(resident) => world.deregister(*resident, Some(ctx)),
                Act::Quit => ctx.stop(),
                Act::LetGo => self.let_go(1),
                Act::Panic => return Err(Panics),
                Act::Close(home) => world.close(*home),
                Act::Stop => world.stop(),
                Act::Arm(alarm) => self.arm(alarm, ctx),
                Act::Alter(alter) => self.alter(*alter, ctx),
                Act::Tie(tie) => self.tie(*tie, ctx),
                Act::Publish(issue) => self.publish(issue, ctx),
            }
        }
        Ok(())
    }

    fn send<R>(&mut self, mail: &Arc<Mail>, record: impl FnOnce(&Arc<Mail>, &Arc<World>) -> R, ctx: &Context<'_>)
    where
        R: Record<Answer = Reply>,
    {
        let world = self.world.clone();
        let to = world.address(mail.to);
        let own = mail.within.map(|millis| ctx.within(Duration::from_millis(millis)));
        let ctx = own.as_ref().unwrap_or(ctx);
        world.ledger.sent(mail, From::Life(self.life), ctx.expires().is_some());
        let record = record(mail, &world);
        match mail.way {
            Way::Request => {
                let id = ctx.request(to, record).id();
                self.expect(id, mail);
            }
            Way::Then => {
                let (known, me) = (mail.clone(), self.life);
                ctx.request(to, record).then_on(self, move |actor: &mut Self, answer, ctx| {
                    actor.check(me == actor.life, "a continuation came to another life");
                    actor.answered_by(&known, answer, ctx);
                });
            }
            Way::Call => {
                let answer = ctx.call(to, record);
                self.came_back(mail, &answer);
            }
            Way::SendNotification => {
                let message = with_second(Message::notification(to, record), mail, &world);
                let id = ctx.send(message);
                self.check(id.is_none(), "a notification got a request id");
            }
            Way::SendRequest => match ctx.send(with_second(Message::request(to, record), mail, &world)) {
                Some(id) => self.expect(id, mail),
                None => self.check(false, "a request got no id"),
            },
            Way::Notify | Way::Wait | Way::Await | Way::Cancel => ctx.notify(to, record),
        }
    }

    fn expect(&mut self, id: RequestId, mail: &Arc<Mail>) {
        let before = self.open.insert(id, mail.clone());
        self.check(before.is_none(), "two requests have one id");
    }

    fn came_back(&self, mail: &Mail, answer: &Result<Reply, Failure>) {
        let code = answer.as_ref().map_or_else(Failure::code, |_| Code::OK);
        self.world.ledger.came_back(mail.number, From::Life(self.life), code);
        let own = answer.as_ref().map_or(true, |reply| reply.0 == mail.number);
        self.check(own, "a request got another one's answer");
    }

    fn answered_by(&mut self, mail: &Mail, answer: Result<Reply, Failure>, ctx: &Context<'_>) {
        self.came_back(mail, &answer);
        drop(answer);
        self.perform(&mail.then, ctx);
    }

    fn conclude(&self, mail: &Mail, code: Code) {
        self.world.ledger.concluded(mail.number, code, Some(self.life));
    }

    fn answer(&self, mail: &Mail, message: &mut Message<'_>) -> Outcome {
        self.conclude(mail, Code::OK);
        if message.wants_answer() {
            // Its records are dropped here, and not by the library.
            self.world.ledger.defuse(mail.number);
            message.answer(Reply(mail.number));
        }
        Outcome::Handled
    }

    fn hold(
        &mut self,
        mail: &Arc<Mail>,
        place: Place,
        end: End,
        message: &mut Message<'_>,
        ctx: &Context<'_>,
    ) -> Outcome {
        self.world.ledger.defuse(mail.number);
        self.world.ledger.held(mail.number);
        let held = match ctx.hold(message) {
            Ok(message) => Held { message, mail: mail.clone(), end },
            Err(error) => {
                let code = message.code();
                let busy = code == Code::BUSY && self.world.program.bounds.held.is_some();
                let blocks = code == Code::WOULD_BLOCK && mail.way == Way::Call;
                self.check(busy || blocks, &format!("mail {} was not held: {error}, {code}", mail.number));
                self.conclude(mail, code);
                return Outcome::NotHandled;
            }
        };
        self.check(message.is_taken(), "a held message is not taken");
        match place {
            Place::Here => self.world.end(held),
            Place::HereInPanic => {
                self.world.ledger.concluded(mail.number, Code::EXCEPTION, None);
                self.panic();
            }
            Place::Elsewhere => self.world.end_elsewhere(held),
            Place::Shelf => self.world.put_on_shelf(held),
            Place::Kept => {
                self.kept.push_back(held);
                self.world.ledger.keeps(self.life, self.kept.len());
            }
        }
        Outcome::Handled
    }

    fn let_go(&mut self, most: usize) {
        for _ in 0..most {
            let Some(held) = self.kept.pop_front() else {
                return;
            };
            self.world.ledger.keeps(self.life, self.kept.len());
            self.world.end(held);
        }
    }

    pub(crate) fn check(&self, holds: bool, fault: &str) {
        if !holds {
            self.world.ledger.fault(fault);
        }
    }
}

impl Target for Actor {
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
        if message.record::<LetGo>().is_some() {
            self.world.ledger.errand_done();
            self.let_go(usize::MAX);
            self.lose_patience(ctx);
            return Outcome::Handled;
        }
        self.check(ctx.tick().is_some() == message.record::<Tock>().is_some(), "a tick is taken for something else");
        if let Some(alarm) = message.record::<Tock>().map(|tock| tock.alarm.clone()) {
            return self.tick(&alarm, ctx);
        }
        let Some(mail) = Letter::of(message).map(|letter| letter.mail.clone()) else {
            self.check(false, "a message without its letter arrived");
            return Outcome::NotHandled;
        };
        let index = self.world.ledger.arrived(mail.number, self.life);
        let late = ctx.expires().is_some_and(|deadline| deadline <= ctx.now());
        self.check(!late, &format!("mail {} arrived after its deadline", mail.number));
        let second = message.record::<Second>().map(Second::number);
        self.check(second == mail.second.map(|_| mail.number), "the second record is lost");
        let stop = mail.stop(index);
        if self.perform_until_panic(&stop.acts, ctx).is_err() {
            self.conclude(&mail, Code::EXCEPTION);
            self.panic();
        }
        match stop.fate {
            Fate::Answer => self.answer(&mail, message),
            Fate::Ignore => {
                self.conclude(&mail, Code::NOT_HANDLED);
                Outcome::NotHandled
            }
            Fate::Fail => {
                self.conclude(&mail, FAILED);
                message.fail(Failure::new(FAILED, "as planned"));
                Outcome::NotHandled
            }
            Fate::Panic => {
                self.conclude(&mail, Code::EXCEPTION);
                self.panic();
            }
            Fate::Forward(to) => {
                self.world.ledger.passed_on(mail.number);
                ctx.forward(message, self.world.address(to));
                Outcome::Handled
            }
            Fate::Hold(place, end) => self.hold(&mail, place, end, message, ctx),
        }
    }

    fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        if self.is_settled(answer.request_id(), answer) {
            return;
        }
        let letter = Letter::of(answer).map(|letter| letter.mail.clone());
        let known = answer.request_id().map(|id| self.open.remove(&id));
        let mail = match (known, letter) {
            (Some(Some(mail)), _) | (None, Some(mail)) => mail,
            (known, letter) => {
                let code = answer.code();
                return self.check(false, &format!("{known:?} came back once more, as {letter:?} with {code}"));
            }
        };
        let result = match answer.record::<Reply>() {
            Some(reply) if answer.code().is_ok() => Ok(reply.clone()),
            _ => Err(Failure::from(answer.code())),
        };
        self.answered_by(&mail, result, ctx);
    }

    fn observed(&mut self, message: &Message<'_>, ctx: &mut Context<'_>) {
        match message.record::<News>().map(|news| news.issue.clone()) {
            Some(issue) => self.read(&issue, ctx),
            None => self.check(false, "a copy of what nobody published"),
        }
    }

    fn started(&mut self, ctx: &mut Context<'_>) {
        self.started = true;
        self.world.ledger.started(self.life, ctx.address());
        if self.world.first(self.resident, Once::Start) {
            let acts = self.world.program.residents[self.resident].on_start.clone();
            self.perform(&acts, ctx);
        }
    }

    fn stopping(&mut self, ctx: &mut Context<'_>) {
        if self.world.first(self.resident, Once::Stop) {
            let acts = self.world.program.residents[self.resident].on_stop.clone();
            self.perform(&acts, ctx);
        }
        self.world.ledger.stopping(self.life);
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        for held in self.kept.drain(..) {
            self.world.ledger.concluded(held.mail.number, Code::STOPPED, None);
            drop(held);
        }
        self.world.ledger.gone(self.life);
        let bad = self.started && self.world.program.residents[self.resident].bad_end;
        if bad && self.world.first(self.resident, Once::BadEnd) && !std::thread::panicking() {
            self.panic();
        }
    }
}

/// The message with its second record, if it has one.
pub(crate) fn with_second(message: Message<'static>, mail: &Mail, world: &Arc<World>) -> Message<'static> {
    if mail.second.is_none() {
        return message;
    }
    message.and(Second::new(mail, world))
}
