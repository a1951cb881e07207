//! How a seed grows into a program.

use std::sync::Arc;
use std::time::Duration;

use rohrpost::{Meanwhile, OnPanic, Restart};

use crate::dice::Dice;
use crate::program::{Act, Bounds, End, Fate, Mail, Place, Program, Resident, Step, Stop, To, Way};

/// How deep scripts nest.
const LEVELS: usize = 4;
/// Longer than messages are forwarded in a row.
const LONG_WAY: usize = 70;

impl Program {
    /// The program that belongs to `seed`.
    pub(crate) fn grow(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let homes = dice.between(1, 4);
        let bounds = if dice.percent(50) { Bounds::default() } else { bounds(&mut dice) };
        // Small programs find the most in the least time; some faults need a crowd.
        let (steps, most) = if dice.percent(4) { (200, 600) } else { (24, 40) };
        let (residents, most) = (dice.between(2, 8), dice.between(3, most));
        let mut garden = Garden { homes, residents, mails: 0, most, last: To::Resident(0), dice };
        let residents: Vec<_> = (0..garden.residents).map(|_| garden.resident()).collect();
        let (length, mut steps) = (garden.dice.between(4, steps), Vec::new());
        for _ in 0..length {
            match garden.step() {
                Step::Close(home) => garden.reopen(home, &residents, &mut steps),
                step => steps.push(step),
            }
            if garden.dice.percent(3) {
                garden.squeeze(&residents, &mut steps);
            }
        }
        Self { bounds, homes, residents, steps }
    }
}

fn bounds(dice: &mut Dice) -> Bounds {
    let mut tight = |most| dice.percent(50).then(|| dice.between(1, most));
    Bounds { capacity: tight(8), waiting: tight(6), held: tight(3), requests: tight(4), depth: tight(4) }
}

/// What a growing program has so far.
struct Garden {
    homes: usize,
    residents: usize,
    mails: usize,
    /// Mails that it may have.
    most: usize,
    /// To whom the mail before went.
    last: To,
    dice: Dice,
}

/// What [`Dice::pick`] chooses among, where the choice needs more numbers.
#[derive(Clone, Copy)]
enum Kind {
    Mail,
    Register,
    Deregister,
    Quit,
    LetGo,
    Panic,
    Tidy,
    Advance,
    Close,
    Open,
    Stop,
    Turn,
}

impl Garden {
    fn resident(&mut self) -> Resident {
        let dice = &mut self.dice;
        let policies = [(5, OnPanic::Deregister), (2, OnPanic::Keep), (3, OnPanic::Restart)];
        let on_panic = dice.pick(&policies);
        let millis = |dice: &mut Dice| Duration::from_millis(dice.below(4) as u64);
        let restart = (on_panic == OnPanic::Restart && dice.percent(60)).then(|| {
            let meanwhile = dice.pick(&[(2, Meanwhile::Wait), (1, Meanwhile::Return)]);
            let delays = millis(dice)..=millis(dice) * 2;
            Restart::new().backoff(delays, 2).limit(dice.below(4), millis(dice) * 8).meanwhile(meanwhile)
        });
        let mut resident = Resident {
            home: dice.below(self.homes),
            thread: dice.below(2),
            named: dice.percent(40),
            on_panic,
            restart,
            on_start: Vec::new(),
            on_stop: Vec::new(),
            bad_end: dice.percent(5),
            bad_factory: dice.percent(5),
        };
        if self.dice.percent(15) {
            resident.on_start = self.acts(2, 2);
        }
        if self.dice.percent(15) {
            resident.on_stop = self.acts(2, 2);
        }
        resident
    }

    fn step(&mut self) -> Step {
        let kinds = [
            (50, Kind::Mail),
            (25, Kind::Turn),
            (6, Kind::Register),
            (6, Kind::Deregister),
            (6, Kind::Advance),
            (4, Kind::Tidy),
            (4, Kind::Close),
            (2, Kind::Open),
            (1, Kind::Stop),
        ];
        match self.dice.pick(&kinds) {
            Kind::Mail => {
                let ways = [
                    (10, Way::Notify),
                    (4, Way::SendNotification),
                    (2, Way::SendRequest),
                    (4, Way::Wait),
                    (4, Way::Await),
                    (1, Way::Cancel),
                ];
                let way = self.dice.pick(&ways);
                Step::Mail(self.mail(way, 0))
            }
            Kind::Register => Step::Register(self.dice.below(self.residents)),
            Kind::Deregister => Step::Deregister(self.dice.below(self.residents)),
            Kind::Advance => Step::Advance(self.dice.between(1, 30) as u64),
            Kind::Tidy => Step::Tidy,
            Kind::Close => Step::Close(self.dice.below(self.homes)),
            Kind::Open => Step::Open(self.dice.below(self.homes)),
            Kind::Stop => Step::Stop,
            _ => Step::Turn(self.dice.below(self.homes + 1), self.dice.between(1, 8)),
        }
    }

    /// Closes a namespace; most are opened again, and who lived there comes back.
    fn reopen(&mut self, home: usize, residents: &[Resident], steps: &mut Vec<Step>) {
        steps.push(Step::Close(home));
        for worker in 0..self.homes {
            if self.dice.percent(50) {
                steps.push(Step::Turn(worker, self.dice.between(1, 30)));
            }
        }
        if self.dice.percent(80) {
            steps.push(Step::Open(home));
            let lived = residents.iter().enumerate().filter(|(_, resident)| resident.home == home);
            steps.extend(lived.map(|(index, _)| Step::Register(index)));
        }
    }

    /// One target asks another several times at once, finds its hand-off filled by others, and both take turns: answers
    /// find it full.
    fn squeeze(&mut self, residents: &[Resident], steps: &mut Vec<Step>) {
        let (asking, asked) = (self.dice.below(self.residents), self.dice.below(self.residents));
        let mut ask = self.plain(Way::Notify, asking);
        let requests = (0..self.dice.between(2, 6)).map(|_| Act::Mail(Arc::new(self.plain(Way::Request, asked))));
        ask.stops = vec![Stop { acts: requests.collect(), fate: Fate::Answer }];
        steps.push(Step::Mail(Arc::new(ask)));
        let (asking_worker, asked_worker) = (residents[asking].home, residents[asked].home);
        steps.push(Step::Turn(asking_worker, self.dice.between(1, 8)));
        for _ in 0..self.dice.between(1, 8) {
            steps.push(Step::Mail(Arc::new(self.plain(Way::Notify, asking))));
        }
        for _ in 0..self.dice.between(2, 8) {
            steps.extend([Step::Turn(asked_worker, 1), Step::Turn(asking_worker, 1)]);
        }
    }

    /// A message that is answered, and nothing else.
    fn plain(&mut self, way: Way, resident: usize) -> Mail {
        let number = self.mails;
        self.mails += 1;
        let to = To::Resident(resident);
        Mail { number, way, to, within: None, large: false, bomb: false, second: None, stops: vec![], then: vec![] }
    }

    fn acts(&mut self, most: usize, level: usize) -> Vec<Act> {
        let count = self.dice.below(most + 1);
        (0..count).filter_map(|_| self.act(level)).collect()
    }

    fn act(&mut self, level: usize) -> Option<Act> {
        let kinds = [
            (140, Kind::Mail),
            (10, Kind::Register),
            (8, Kind::Deregister),
            (5, Kind::Quit),
            (16, Kind::LetGo),
            (5, Kind::Panic),
            (1, Kind::Close),
            (1, Kind::Stop),
        ];
        Some(match self.dice.pick(&kinds) {
            Kind::Mail => {
                if level >= LEVELS || self.mails >= self.most {
                    return None;
                }
                let ways = [
                    (30, Way::Notify),
                    (25, Way::Request),
                    (10, Way::Then),
                    (20, Way::Call),
                    (8, Way::SendNotification),
                    (7, Way::SendRequest),
                ];
                let way = self.dice.pick(&ways);
                Act::Mail(self.mail(way, level + 1))
            }
            Kind::Register => Act::Register(self.dice.below(self.residents)),
            Kind::Deregister => Act::Deregister(self.dice.below(self.residents)),
            Kind::Quit => Act::Quit,
            Kind::LetGo => Act::LetGo,
            Kind::Panic => Act::Panic,
            Kind::Close => Act::Close(self.dice.below(self.homes)),
            _ => Act::Stop,
        })
    }

    fn mail(&mut self, way: Way, level: usize) -> Arc<Mail> {
        let number = self.mails;
        self.mails += 1;
        // Several to one receiver, so that there is an order to be kept.
        if self.dice.percent(65) {
            self.last = self.to();
        }
        let to = self.last;
        let within = self.dice.percent(12).then(|| self.dice.below(25) as u64);
        let large = self.dice.percent(20);
        let bomb = !way.wants_answer() && self.dice.percent(6);
        let second = way.is_built_by_hand().then(|| self.dice.percent(10)).filter(|_| self.dice.percent(50));
        let stops = if self.dice.percent(1) { self.long_way() } else { self.stops(level) };
        let then = self.acts(2, level + 1);
        Arc::new(Mail { number, way, to, within, large, bomb, second, stops, then })
    }

    fn to(&mut self) -> To {
        let resident = self.dice.below(self.residents);
        let all = [
            (80, To::Resident(resident)),
            (10, To::Named(resident)),
            (2, To::Nobody),
            (2, To::Nowhere),
            (2, To::Service),
        ];
        self.dice.pick(&all)
    }

    fn stops(&mut self, level: usize) -> Vec<Stop> {
        let mut stops = Vec::new();
        loop {
            let (acts, fate) = (self.acts(3, level), self.fate());
            stops.push(Stop { acts, fate });
            let passed_on = matches!(fate, Fate::Forward(_) | Fate::Hold(_, End::Forward(_)));
            if !passed_on || stops.len() > 3 {
                return stops;
            }
        }
    }

    fn long_way(&mut self) -> Vec<Stop> {
        let mut onward = || Fate::Forward(To::Resident(self.dice.below(self.residents)));
        (0..LONG_WAY).map(|_| Stop { acts: Vec::new(), fate: onward() }).collect()
    }

    fn fate(&mut self) -> Fate {
        let to = self.to();
        let places =
            [(2, Place::Here), (1, Place::HereInPanic), (3, Place::Elsewhere), (3, Place::Shelf), (3, Place::Kept)];
        let ends = [(4, End::Answer), (2, End::Fail), (2, End::Drop), (2, End::Forward(to))];
        let hold = Fate::Hold(self.dice.pick(&places), self.dice.pick(&ends));
        let fates = [
            (45, Fate::Answer),
            (8, Fate::Ignore),
            (8, Fate::Fail),
            (8, Fate::Panic),
            (14, Fate::Forward(to)),
            (17, hold),
        ];
        self.dice.pick(&fates)
    }
}
