//! How a seed grows into a program.

use std::sync::Arc;
use std::time::Duration;

use rohrpost::{Balance, Meanwhile, OnPanic, Restart};

use crate::dice::Dice;
use crate::program::{
    Act, Alarm, Alter, Bounds, End, Fate, Issue, Mail, Offer, Place, Program, Resident, Step, Stop, Tie, To, Way,
};

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
        let mut garden = Garden { homes, residents, mails: 0, alarms: 0, issues: 0, most, last: To::Resident(0), dice };
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
            if garden.dice.percent(3) {
                garden.flurry(&residents, &mut steps);
            }
        }
        let homes = (0..homes).map(|_| garden.offer()).collect();
        Self { bounds, homes, residents, steps }
    }
}

fn bounds(dice: &mut Dice) -> Bounds {
    let mut tight = |most| dice.percent(50).then(|| dice.between(1, most));
    Bounds {
        capacity: tight(8),
        waiting: tight(6),
        held: tight(3),
        requests: tight(4),
        depth: tight(4),
        timers: tight(5),
    }
}

/// What a growing program has so far.
struct Garden {
    homes: usize,
    residents: usize,
    mails: usize,
    alarms: usize,
    issues: usize,
    /// Mails that it may have, timers, and issues of news.
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
    Arm,
    Alter,
    Tie,
    Publish,
    Reopen,
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
        for (often, tie) in [(30, Tie::Serve), (30, Tie::Observe(self.dice.below(self.homes)))] {
            if self.dice.percent(often) {
                resident.on_start.insert(0, Act::Tie(tie));
            }
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
            (10, Kind::Advance),
            (4, Kind::Tidy),
            (4, Kind::Close),
            (2, Kind::Open),
            (1, Kind::Stop),
            (10, Kind::Arm),
            (6, Kind::Alter),
            (10, Kind::Tie),
            (6, Kind::Publish),
            (1, Kind::Reopen),
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
            Kind::Arm if self.alarms < self.most => Step::Arm(self.dice.below(self.residents), self.alarm(0)),
            Kind::Alter => Step::Alter(self.alter()),
            Kind::Tie => Step::Tie(self.dice.below(self.residents), self.tie()),
            Kind::Publish if self.issues < self.most => Step::Publish(self.issue(0)),
            Kind::Reopen => Step::Reopen(self.dice.below(self.homes)),
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

    /// Timers of one target fall due together, some while mail for it waits that alters them.
    fn flurry(&mut self, residents: &[Resident], steps: &mut Vec<Step>) {
        let target = self.dice.below(self.residents);
        let mut arms = Vec::new();
        for _ in 0..self.dice.between(2, 5) {
            let mut alters = self.plain(Way::Notify, target);
            let acts = (0..self.dice.between(1, 3)).map(|_| Act::Alter(self.alter())).collect();
            alters.stops = vec![Stop { acts, fate: Fate::Answer }];
            let tick = Stop { acts: vec![Act::Mail(Arc::new(alters))], fate: Fate::Answer };
            let (number, every) = (self.alarms, self.dice.percent(50));
            self.alarms += 1;
            let millis = Some(self.dice.between(1, 2) as u64);
            arms.push(Act::Arm(Arc::new(Alarm { number, millis, every, ticks: vec![tick] })));
        }
        let mut arm = self.plain(Way::Notify, target);
        arm.stops = vec![Stop { acts: arms, fate: Fate::Answer }];
        steps.push(Step::Mail(Arc::new(arm)));
        let worker = residents[target].home;
        steps.push(Step::Turn(worker, self.dice.between(1, 8)));
        for _ in 0..self.dice.between(1, 4) {
            let late = self.dice.between(1, 3) as u64;
            steps.extend([Step::Advance(late), Step::Turn(worker, self.dice.between(1, 3))]);
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
            (25, Kind::Arm),
            (12, Kind::Alter),
            (20, Kind::Tie),
            (20, Kind::Publish),
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
            Kind::Arm if level < LEVELS && self.alarms < self.most => Act::Arm(self.alarm(level + 1)),
            Kind::Alter => Act::Alter(self.alter()),
            Kind::Tie => Act::Tie(self.tie()),
            Kind::Publish if level < LEVELS && self.issues < self.most => Act::Publish(self.issue(level + 1)),
            Kind::Arm | Kind::Publish => return None,
            _ => Act::Stop,
        })
    }

    fn offer(&mut self) -> Offer {
        let groups = [(2, None), (1, Some(Balance::RoundRobin)), (1, Some(Balance::FewestPending))];
        Offer { group: self.dice.pick(&groups), retains: self.dice.percent(40) }
    }

    fn alarm(&mut self, level: usize) -> Arc<Alarm> {
        let number = self.alarms;
        self.alarms += 1;
        let every = self.dice.percent(40);
        let millis = if self.dice.percent(8) {
            None
        } else {
            Some(self.dice.between(usize::from(every), if every { 5 } else { 12 }) as u64)
        };
        let count = if every { self.dice.between(1, 5) } else { 1 };
        let fates = [(12, Fate::Answer), (2, Fate::Ignore), (2, Fate::Panic)];
        let ticks = (0..count).map(|_| Stop { acts: self.acts(2, level), fate: self.dice.pick(&fates) }).collect();
        Arc::new(Alarm { number, millis, every, ticks })
    }

    fn alter(&mut self) -> Alter {
        let index = self.dice.below(8);
        self.dice.pick(&[(1, Alter::Cancel(index)), (1, Alter::Retrigger(index))])
    }

    fn tie(&mut self) -> Tie {
        let home = self.dice.below(self.homes);
        self.dice.pick(&[(6, Tie::Serve), (2, Tie::Withdraw), (8, Tie::Observe(home)), (2, Tie::Unobserve(home))])
    }

    fn issue(&mut self, level: usize) -> Arc<Issue> {
        let number = self.issues;
        self.issues += 1;
        let home = self.dice.below(self.homes);
        let request = level > 0 && self.dice.percent(40);
        Arc::new(Issue { number, home, request, acts: self.acts(2, level) })
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
        let (resident, home) = (self.dice.below(self.residents), self.dice.below(self.homes));
        let all = [
            (80, To::Resident(resident)),
            (10, To::Named(resident)),
            (2, To::Nobody),
            (2, To::Nowhere),
            (12, To::Service(home)),
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
