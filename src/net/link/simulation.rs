//! Two links and a network between them that loses, repeats, delays, reorders and cuts, all by a seed.

mod weather;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

pub(crate) use self::weather::{Dice, Weather};
use super::{Event, Link, Request, Terms};
use crate::clock::Time;
use crate::net::frame::{Frame, Kind, Route, Session, Stamp, TAIL};
use crate::net::transport::Lane;

/// What becomes of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fate {
    Delivered,
    Answered,
    Lost,
    TooLarge,
}

/// What a link keeps: the number of its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token(pub(super) u64);

impl From<Vec<u8>> for Token {
    fn from(letter: Vec<u8>) -> Self {
        Self(number(&letter))
    }
}

/// One node as the simulation sees it.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) link: Link<Token>,
    /// What was kept and has not come out.
    pub(super) open: HashSet<u64>,
    /// Letters among them that were posted, in order.
    posted: VecDeque<u64>,
    pub(super) fates: HashMap<u64, Fate>,
    /// In which order.
    pub(super) order: Vec<u64>,
    /// Letters that came in, by number: how often.
    pub(super) seen: HashMap<u64, u32>,
    /// Requests that came in and are not answered.
    pub(super) owed: Vec<(Request, u64)>,
    /// Where the last letter came in.
    last: Option<(Route, u64)>,
    routes: HashSet<Route>,
    pub(super) opened: u32,
    pub(super) silent: u32,
    pub(super) half_dead: u32,
    pub(super) closed: u32,
    pub(super) hellos: u32,
    terms: Terms,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) sides: [Side; 2],
    pub(super) now: Time,
    pub(super) weather: Weather,
    dice: Dice,
    /// Frames on their way, by the moment and number of their arrival: for which side.
    wires: BTreeMap<(Time, u64), (usize, Vec<u8>)>,
    /// When the last frame of a lane to a side arrives.
    lanes: [[Time; 2]; 2],
    number: u64,
    /// Which letter went out as what, by its number.
    sent: HashMap<u64, (Route, u64)>,
    last_letter: u64,
    restarts: u64,
}

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The number that a letter carries.
fn number(letter: &[u8]) -> u64 {
    let (head, _) = letter.split_first_chunk().expect("a letter of this test has a number");
    u64::from_le_bytes(*head)
}

impl Side {
    fn new(first: u64, terms: Terms, now: Time) -> Self {
        Self {
            terms,
            link: Link::new(Session::new(first), terms, now),
            open: HashSet::new(),
            posted: VecDeque::new(),
            fates: HashMap::new(),
            order: Vec::new(),
            seen: HashMap::new(),
            owed: Vec::new(),
            last: None,
            routes: HashSet::new(),
            opened: 0,
            silent: 0,
            half_dead: 0,
            closed: 0,
            hellos: 0,
        }
    }

    fn ends(&mut self, keep: u64, fate: Fate) {
        assert!(self.open.remove(&keep), "expected {keep} to come out once, and here it is {fate:?} again");
        self.posted.retain(|&posted| posted != keep);
        self.fates.insert(keep, fate);
        self.order.push(keep);
    }
}

impl World {
    pub(super) fn new(seed: u64, terms: [Terms; 2]) -> Self {
        let now = Time::START;
        let mut dice = Dice(seed);
        let sides = terms.map(|terms| Side::new(1 + dice.below(5), terms, now));
        Self {
            sides,
            now,
            weather: Weather::default(),
            dice,
            wires: BTreeMap::new(),
            lanes: [[Time::START; 2]; 2],
            number: 0,
            sent: HashMap::new(),
            last_letter: 0,
            restarts: 0,
        }
    }

    /// Ends one side without a farewell and begins it anew, with this session. Nobody knows what it had open.
    pub(super) fn restart(&mut self, which: usize, first: u64) {
        let side = &mut self.sides[which];
        side.link = Link::new(Session::new(first), side.terms, self.now);
        side.open.clear();
        side.posted.clear();
        side.owed.clear();
    }

    fn letter(&mut self, length: usize) -> (u64, Vec<u8>) {
        self.last_letter += 1;
        let mut letter = self.last_letter.to_le_bytes().to_vec();
        letter.resize(length.max(8), 0);
        (self.last_letter, letter)
    }

    /// Sends a notification of so many bytes; `None` if it was refused.
    pub(super) fn notify(&mut self, from: usize, length: usize) -> Option<u64> {
        let (id, letter) = self.letter(length);
        let side = &mut self.sides[from];
        side.link.notify(letter, Token(id), self.now).ok()?;
        side.open.insert(id);
        Some(id)
    }

    /// The same with nothing kept but the letter.
    pub(super) fn post(&mut self, from: usize, length: usize) -> Option<u64> {
        let (id, letter) = self.letter(length);
        let side = &mut self.sides[from];
        side.link.post(&letter, self.now).ok()?;
        side.open.insert(id);
        side.posted.push_back(id);
        Some(id)
    }

    pub(super) fn request(&mut self, from: usize, length: usize) -> Option<u64> {
        let (id, letter) = self.letter(length);
        let side = &mut self.sides[from];
        side.link.request(letter, Token(id), self.now).ok()?;
        side.open.insert(id);
        Some(id)
    }

    /// Answers one of the requests that are open.
    pub(super) fn answer(&mut self, from: usize, which: usize) {
        let (_, letter) = self.letter(0);
        let side = &mut self.sides[from];
        if which < side.owed.len() {
            let (re, _) = side.owed.remove(which);
            side.link.answer(re, letter, self.now);
        }
    }

    pub(super) fn give_back(&mut self, from: usize) {
        let (_, letter) = self.letter(0);
        self.sides[from].link.give_back(letter, self.now);
    }

    /// Hands a frame to the network as `from` says it.
    pub(super) fn carry(&mut self, from: usize, lane: Lane, frame: &[u8]) {
        let Weather { loss, repeat, reorder, cut, no_beats, .. } = self.weather;
        if cut[from] || (no_beats && lane == Lane::Beat) || self.dice.percent(loss) {
            return;
        }
        let copies = if self.dice.percent(repeat) { 2 } else { 1 };
        for copy in 0..copies {
            let mut at = self.now.after(Duration::from_micros(200 + self.dice.below(800)));
            let last = &mut self.lanes[from][lane as usize];
            if copy > 0 || self.dice.percent(reorder) {
                at = at.after(Duration::from_micros(self.dice.below(5_000_000)));
            } else {
                at = at.max(*last);
                *last = at;
            }
            self.number += 1;
            self.wires.insert((at, self.number), (1 - from, frame.to_vec()));
        }
    }

    /// Takes out of the links whatever they have.
    pub(super) fn settle(&mut self) {
        for from in 0..2 {
            loop {
                let mut idle = true;
                while !self.weather.asleep[from]
                    && let Some(event) = self.sides[from].link.poll_event()
                {
                    self.happens(from, event);
                    idle = false;
                }
                while let Some(draft) = self.sides[from].link.poll_transmit() {
                    let (lane, frame) = (draft.lane, draft.into_bytes());
                    self.check_frame(from, &frame);
                    self.carry(from, lane, &frame);
                    idle = false;
                }
                if idle {
                    break;
                }
            }
        }
    }

    fn check_frame(&mut self, from: usize, frame: &[u8]) {
        match Frame::read(&frame.to_vec().into()).expect("a link says frames") {
            Frame::Mail { route, seq, letter, .. } => {
                let before = self.sent.insert(number(&letter), (route, seq));
                assert_eq!(before, None, "expected nothing to be sent twice");
            }
            Frame::Hello { .. } => self.sides[from].hellos += 1,
            _ => {}
        }
    }

    fn happens(&mut self, here: usize, event: Event<Token>) {
        match event {
            Event::Opened => self.sides[here].opened += 1,
            Event::Notified { letter } | Event::Returned { letter } => self.arrives(here, &letter),
            Event::Requested { re, letter } => {
                self.arrives(here, &letter);
                self.sides[here].owed.push((re, number(&letter)));
            }
            Event::Answered { keep: Token(keep), letter } => {
                self.arrives(here, &letter);
                assert_eq!(self.sides[1 - here].seen.get(&keep), Some(&1), "expected the request to have come once");
                self.sides[here].ends(keep, Fate::Answered);
            }
            Event::Delivered(Token(keep)) => self.delivered(here, keep),
            Event::Posted(count) => {
                for _ in 0..count {
                    let first = self.sides[here].posted.pop_front().expect("so many were posted");
                    self.delivered(here, first);
                }
            }
            Event::Lost(Token(keep)) => self.sides[here].ends(keep, Fate::Lost),
            Event::TooLarge(Token(keep)) => self.sides[here].ends(keep, Fate::TooLarge),
            Event::Silent => self.sides[here].silent += 1,
            Event::HalfDead => self.sides[here].half_dead += 1,
            Event::Closed => self.sides[here].closed += 1,
            Event::Malformed(fault) => panic!("expected only frames, not {fault}"),
        }
    }

    fn delivered(&mut self, here: usize, keep: u64) {
        assert_eq!(self.sides[1 - here].seen.get(&keep), Some(&1), "expected what is delivered to have come once");
        self.sides[here].ends(keep, Fate::Delivered);
    }

    /// Checks that a letter comes for the first time, and next in its session.
    fn arrives(&mut self, here: usize, letter: &[u8]) {
        let id = number(letter);
        let (route, seq) = self.sent[&id];
        let side = &mut self.sides[here];
        let times = side.seen.entry(id).or_default();
        *times += 1;
        assert_eq!(*times, 1, "expected the letter {id} to come once");
        match side.last {
            Some((last, before)) if last == route => assert_eq!(seq, before + 1, "expected no gap in a session"),
            _ => {
                assert_eq!(seq, 1, "expected a session to begin with its first letter");
                let new = side.routes.insert(route);
                assert!(new, "expected no session to come again");
            }
        }
        side.last = Some((route, seq));
    }

    /// Lets so much time pass, with everything that is due in it.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.after(time);
        loop {
            self.settle();
            let due = self.sides.iter().filter_map(|side| side.link.next_deadline()).min();
            let arrival = self.wires.keys().next().map(|&(at, _)| at);
            let next = due.into_iter().chain(arrival).min().filter(|&next| next <= end);
            let Some(next) = next else {
                break;
            };
            self.now = self.now.max(next);
            while let Some(entry) = self.wires.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (to, frame) = entry.remove();
                self.hear(to, frame);
            }
            for side in &mut self.sides {
                side.link.timeout(self.now);
                let stuck = side.link.next_deadline().is_some_and(|next| next <= self.now);
                assert!(!stuck, "expected a timeout to do all that is due at {:?}: {:?}", self.now, side.link);
            }
        }
        self.now = end;
        self.settle();
    }

    /// Has a side take up a frame, some of the letters at once.
    fn hear(&mut self, to: usize, frame: Vec<u8>) {
        let at_once = !self.weather.asleep[to] && self.dice.percent(50);
        let stamp = Stamp::of(&frame).filter(|_| at_once);
        let side = &mut self.sides[to];
        let Some((stamp, re)) = stamp.and_then(|stamp| Some((stamp, side.link.take_up(stamp, self.now)?))) else {
            return side.link.heard(Frame::read(&frame.into()), self.now);
        };
        let end = frame.len() - TAIL;
        let letter = Bytes::from(frame).slice(..end);
        match stamp.kind {
            Kind::Request => self.happens(to, Event::Requested { re, letter }),
            _ => self.happens(to, Event::Notified { letter }),
        }
    }

    pub(super) fn are_open(&self) -> bool {
        self.sides.iter().all(|side| side.link.is_open())
    }

    /// One thing that a program may do.
    fn use_it(&mut self) {
        let from = self.dice.below(2) as usize;
        match self.dice.below(100) {
            0..45 => {
                let length = [8, 40, 250][self.dice.below(3) as usize];
                let _ = if self.dice.percent(50) { self.notify(from, length) } else { self.post(from, length) };
            }
            45..70 => {
                let _ = self.request(from, 8);
            }
            70..93 => {
                let which = self.dice.below(4) as usize;
                self.answer(from, which);
            }
            _ => self.give_back(from),
        }
    }

    /// One thing that may happen to the nodes or between them.
    fn disturb(&mut self) {
        let which = self.dice.below(2) as usize;
        match self.dice.below(12) {
            0..3 => self.weather.cut[which] ^= true,
            3 => self.weather.asleep[which] ^= true,
            4..7 => {
                let mut chance = || self.dice.below(2) * self.dice.below(30);
                self.weather = Weather { loss: chance(), repeat: chance(), reorder: chance(), ..Weather::default() };
            }
            7 => self.sides[which].link.lost(),
            8..10 => self.sides[which].link.begin(self.now),
            10 => {
                self.restarts += 1;
                self.restart(which, 1_000_000 * self.restarts);
            }
            _ => {
                // Frames that are still on their way come again, much later.
                let wires: Vec<_> = self.wires.values().take(20).cloned().collect();
                for (to, frame) in wires {
                    let at = self.now.after(ms(self.dice.below(60_000)));
                    self.number += 1;
                    self.wires.insert((at, self.number), (to, frame));
                }
            }
        }
    }

    fn act(&mut self, trouble: u64) {
        if self.dice.percent(trouble) {
            self.disturb();
        } else if self.dice.percent(70) {
            self.use_it();
        } else {
            let most = [0, 1, 20, 900, 5000][self.dice.below(5) as usize];
            let time = ms(self.dice.below(most + 1));
            self.pass(time);
        }
        for side in &self.sides {
            let most = 2 * side.terms.window + 2 * side.terms.requests + 64;
            assert!(side.link.outgoing.count() <= most, "expected the window to bound what is kept");
            assert!(side.link.outgoing.requests() <= side.terms.requests, "expected requests to be bounded");
        }
    }

    /// Ends all trouble, and lets the sides find each other.
    fn heal(&mut self) {
        self.weather = Weather::default();
        for side in &mut self.sides {
            side.link.begin(self.now);
        }
        // Frames of before take up to five seconds; then three silent beats or a lease, then the pause between two Hellos.
        self.pass(ms(5_000));
        for side in &mut self.sides {
            side.hellos = 0;
        }
        self.pass(ms(8_000));
        assert!(self.are_open(), "expected both sides to be open after the network healed: {:?}", self.sides);
        for side in &mut self.sides {
            // One each tenth of a second to frames of before; two who greeted each other for ever would say thousands.
            assert!(side.hellos < 100, "expected the opening to end, not {} times Hello", side.hellos);
        }
    }

    /// Lets both sides answer everything.
    fn answer_all(&mut self) {
        for from in 0..2 {
            while !self.sides[from].owed.is_empty() {
                self.answer(from, 0);
            }
        }
        self.pass(ms(20));
    }

    /// Sends one of each both ways, and waits for what becomes of it.
    fn exchange(&mut self) {
        self.answer_all();
        for from in 0..2 {
            let (told, asked) = (self.notify(from, 8), self.request(from, 8));
            let (told, asked) = (told.expect("room for a notification"), asked.expect("room for a request"));
            self.pass(ms(20));
            self.answer_all();
            let fates = &self.sides[from].fates;
            assert_eq!(fates.get(&told), Some(&Fate::Delivered), "expected traffic to flow");
            assert_eq!(fates.get(&asked), Some(&Fate::Answered), "expected traffic to flow");
        }
    }
}

/// One run: bad weather, then good, in which both sides find each other and all traffic flows. Gives all fates there were.
fn run(seed: u64) -> HashSet<Fate> {
    let terms = Terms { window: 16, window_bytes: 512, requests: 24, max_message: 256, ..Terms::default() };
    let narrow = Terms { max_message: 64, ..terms };
    let mut world = World::new(seed, if seed.is_multiple_of(4) { [terms, narrow] } else { [terms; 2] });
    let steps = 50 + world.dice.below(250);
    let trouble = [1, 5, 20][(seed % 3) as usize];
    for _ in 0..steps {
        world.act(trouble);
    }
    world.heal();
    world.exchange();
    for side in &world.sides {
        assert_eq!(side.open.len(), 0, "expected everything that was kept to have come out: {:?}", side.open);
    }
    // Frames of earlier sessions still come for a minute. They are corrected, but nobody begins a session for them.
    let opened = world.sides.each_ref().map(|side| side.opened);
    world.pass(ms(60_000));
    world.sides.iter_mut().for_each(|side| side.hellos = 0);
    world.pass(ms(60_000));
    world.exchange();
    assert_eq!(world.sides.each_ref().map(|side| side.opened), opened, "expected the link to stay open");
    assert_eq!(world.sides.each_ref().map(|side| side.hellos), [0, 0], "expected no greeting in an open link");
    world.sides.iter().flat_map(|side| side.fates.values().copied()).collect()
}

#[test]
fn whatever_the_network_does_everything_comes_out_once_and_the_link_heals() {
    let runs = std::env::var("LINK_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(1_000);
    let mut fates = HashSet::new();
    for seed in 0..runs {
        let outcome = std::panic::catch_unwind(|| run(seed));
        fates.extend(outcome.unwrap_or_else(|_| panic!("expected the seed {seed} to pass")));
    }
    assert_eq!(fates.len(), 4, "expected every fate in so many runs, not only {fates:?}");
}
