//! The ledger: what became of every message and every life of a target, and whether that keeps the promises.
//!
//! What can be told at once is (a second delivery, a wrong code, an order turned round); the rest when the program
//! has come to rest and when the kernel has stopped: see [`audit`].

mod audit;
mod issues;
mod pieces;
mod ticks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use rohrpost::{Address, Code};

use crate::ledger::issues::Paper;
use crate::ledger::pieces::Piece;
use crate::ledger::ticks::Watch;
use crate::program::{Alter, Mail, To, Way};

/// Who sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum From {
    /// A thread that is no worker.
    Outside(usize),
    /// One life of a target.
    Life(usize),
}

/// One line of the ledger. Numbers are those of mails; lives are counted from 0 on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    Sent(usize, From, To),
    Refused(usize, Code),
    Arrived(usize, usize, To),
    Held(usize),
    PassedOn(usize),
    Concluded(usize, Code),
    CameBack(usize, Code),
    Born(usize, usize),
    Started(usize),
    Stopping(usize),
    Gone(usize),
    Exploded(usize),
    Armed(usize),
    Ticked(usize, usize, u64),
    Altered(usize, Alter, bool),
    Published(usize, From),
    Seen(usize, usize),
    NewsBack(usize, Code),
}

#[derive(Default)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    mails: BTreeMap<usize, Entry>,
    lives: Vec<Life>,
    lines: Vec<Line>,
    faults: Vec<String>,
    /// Of each sender and receiver, the last message in the order of sending.
    heard: BTreeMap<(From, usize), usize>,
    /// Of each receiver and sender, the last message in the order of ending.
    told: BTreeMap<(usize, From), usize>,
    panics: u64,
    rebirths: u64,
    /// Mail that is not in the program: sent, and handled.
    errands: (u64, u64),
    stopped: bool,
    tight: bool,
    /// Whether all workers run on one thread, so that nothing happens between two lines.
    exact: bool,
    timers: BTreeMap<usize, Watch>,
    papers: BTreeMap<usize, Paper>,
    /// The lives that observe the topics of namespaces, for sure.
    audience: BTreeSet<(usize, usize)>,
    /// Residents whose namespace was closed once.
    evicted: BTreeSet<usize>,
    /// How often a resident began to observe a topic, and may have seen the last news of it once more.
    replays: BTreeMap<(usize, usize), usize>,
    /// Residents that have served.
    servants: BTreeSet<usize>,
    /// Of each publisher and observer, the last news in the order of sending.
    read: BTreeMap<(From, usize), usize>,
    /// How many records there are of a timer (`true`), or of news.
    copies: BTreeMap<(bool, usize), isize>,
}

/// What is known of one message.
struct Entry {
    from: From,
    way: Way,
    to: To,
    may_expire: bool,
    /// The line on which it was sent.
    sent: usize,
    /// It was handed back at once, to a sender that is no target.
    refused: bool,
    /// How often it may arrive, and has.
    allowed: usize,
    arrived: usize,
    /// How it is to end, as its last receiver said.
    verdict: Option<Code>,
    /// Who ended it in its handler, and the line.
    ended: Option<(usize, usize)>,
    back: Option<Code>,
    /// Its records: whether they were made, dropped, and are to explode.
    pieces: [Piece; 2],
}

struct Life {
    resident: usize,
    thread: Option<ThreadId>,
    address: Option<Address>,
    stopping: bool,
    gone: bool,
    kept: usize,
}

impl Ledger {
    pub(crate) fn new(tight: bool, exact: bool) -> Self {
        let state = State { tight, exact, ..State::default() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<R>(&self, write: impl FnOnce(&mut State) -> R) -> R {
        let result = write(&mut self.state());
        self.changed.notify_all();
        result
    }

    /// Waits until something is written, or some time has gone by.
    pub(crate) fn wait(&self) {
        let waited = self.changed.wait_timeout(self.state(), Duration::from_millis(2));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn fault(&self, what: impl Into<String>) {
        self.write(|state| state.faults.push(what.into()));
    }

    pub(crate) fn sent(&self, mail: &Mail, from: From, may_expire: bool) {
        let number = mail.number;
        self.write(|state| {
            let sent = state.line(Line::Sent(number, from, mail.to));
            let pieces = [mail.bomb, mail.second == Some(true)].map(|armed| Piece { armed, ..Piece::default() });
            let entry = Entry {
                from,
                way: mail.way,
                to: mail.to,
                may_expire,
                sent,
                refused: false,
                allowed: 1,
                arrived: 0,
                verdict: None,
                ended: None,
                back: None,
                pieces,
            };
            if state.mails.insert(number, entry).is_some() {
                state.faults.push(format!("mail {number} was sent twice; the test is wrong"));
            }
        });
    }

    /// Mail from outside was handed back at once.
    pub(crate) fn refused(&self, number: usize, code: Code) {
        self.write(|state| {
            state.line(Line::Refused(number, code));
            state.mail(number).refused = true;
            if state.mail(number).arrived > 0 {
                state.faults.push(format!("mail {number} was refused with {code}, and delivered"));
            }
            if !state.may_fail(number, code) {
                state.faults.push(format!("mail {number} was refused with {code} without a reason"));
            }
        });
    }

    /// A target has received a message; as which of its receivers, counted from 0 on.
    pub(crate) fn arrived(&self, number: usize, life: usize) -> usize {
        self.write(|state| {
            let to = state.mail(number).to;
            state.line(Line::Arrived(number, life, to));
            state.check_life(life, &format!("receives mail {number}"));
            let serves = state.servants.contains(&state.lives[life].resident);
            let mail = state.mail(number);
            let index = mail.arrived;
            mail.arrived += 1;
            let (from, sent) = (mail.from, mail.sent);
            // Whoever stops waiting does not take the message back.
            let given_up = |code| code == Code::EXPIRED || code == Code::STOPPED && matches!(from, From::Outside(_));
            let over = mail.back.filter(|&code| !given_up(code));
            if mail.arrived > mail.allowed || over.is_some() {
                state.faults.push(format!("mail {number} was delivered again to life {life}; it came back: {over:?}"));
            }
            if index == 0 && !serves && matches!(to, To::Service(_)) {
                state.faults.push(format!("mail {number} for a service arrived at life {life}, which never served"));
            }
            if index == 0 {
                let last = state.heard.insert((from, life), sent);
                if last.is_some_and(|last| last > sent) {
                    state.faults.push(format!("mail {number} of {from:?} arrived at life {life} behind a later one"));
                }
            }
            index
        })
    }

    pub(crate) fn held(&self, number: usize) {
        self.write(|state| state.line(Line::Held(number)));
    }

    /// Whoever has the message passes it on to another receiver.
    pub(crate) fn passed_on(&self, number: usize) {
        self.write(|state| {
            state.line(Line::PassedOn(number));
            state.mail(number).allowed += 1;
        });
    }

    /// The message is to end with `code`: `by` a life in its own handler, or somewhere else.
    pub(crate) fn concluded(&self, number: usize, code: Code, by: Option<usize>) {
        self.write(|state| {
            let line = state.line(Line::Concluded(number, code));
            let mail = state.mail(number);
            mail.ended = by.map(|life| (life, line));
            if let Some(before) = mail.verdict.replace(code) {
                state.faults.push(format!("mail {number} ended with {before} and again with {code}"));
            }
        });
    }

    /// An answer or a returned message has reached `to`.
    pub(crate) fn came_back(&self, number: usize, to: From, code: Code) {
        self.write(|state| {
            state.line(Line::CameBack(number, code));
            if let From::Life(life) = to {
                state.check_life(life, &format!("gets mail {number} back"));
            }
            let mail = state.mail(number);
            let (from, before, ended, way) = (mail.from, mail.back.replace(code), mail.ended, mail.way);
            if let Some(before) = before {
                state.faults.push(format!("mail {number} came back with {before} and again with {code}"));
            }
            if from != to {
                state.faults.push(format!("mail {number} of {from:?} came back to {to:?}"));
            }
            if !way.wants_answer() && code.is_ok() {
                state.faults.push(format!("mail {number} wanted no answer and got one"));
            }
            if !state.may_fail(number, code) {
                let verdict = state.mail(number).verdict;
                state.faults.push(format!("mail {number} came back with {code}; its receiver said {verdict:?}"));
            }
            let told = ended.filter(|_| way != Way::Call && code != Code::EXPIRED && matches!(from, From::Life(_)));
            if let Some((by, line)) = told
                && state.told.insert((by, from), line).is_some_and(|last| last > line)
            {
                state.faults.push(format!("mail {number} came back from life {by} behind one that ended later"));
            }
        });
    }

    pub(crate) fn born(&self, resident: usize) -> usize {
        self.write(|state| {
            let life = state.lives.len();
            state.line(Line::Born(life, resident));
            let fresh = Life { resident, thread: None, address: None, stopping: false, gone: false, kept: 0 };
            state.lives.push(fresh);
            life
        })
    }

    pub(crate) fn reborn(&self) {
        self.write(|state| state.rebirths += 1);
    }

    pub(crate) fn started(&self, life: usize, address: Address) {
        self.write(|state| {
            state.line(Line::Started(life));
            let entry = &mut state.lives[life];
            entry.address = Some(address);
            if entry.thread.replace(std::thread::current().id()).is_some() || entry.stopping {
                state.faults.push(format!("life {life} started twice, or after its end"));
            }
        });
    }

    pub(crate) fn stopping(&self, life: usize) {
        self.write(|state| {
            state.line(Line::Stopping(life));
            state.check_life(life, "stops");
            state.lives[life].stopping = true;
        });
    }

    pub(crate) fn gone(&self, life: usize) {
        self.write(|state| {
            state.line(Line::Gone(life));
            let entry = &mut state.lives[life];
            entry.kept = 0;
            if std::mem::replace(&mut entry.gone, true) {
                state.faults.push(format!("life {life} was dropped twice"));
            }
        });
    }

    /// A target keeps so many held messages.
    pub(crate) fn keeps(&self, life: usize, kept: usize) {
        self.write(|state| state.lives[life].kept = kept);
    }

    pub(crate) fn panics(&self) {
        self.write(|state| state.panics += 1);
    }

    /// Mail that is not in the program is sent.
    pub(crate) fn errand_sent(&self) {
        self.write(|state| state.errands.0 += 1);
    }

    /// Mail that is not in the program is handled.
    pub(crate) fn errand_done(&self) {
        self.write(|state| state.errands.1 += 1);
    }

    pub(crate) fn stopped(&self) {
        self.write(|state| state.stopped = true);
    }

    /// Whether all workers run on one thread.
    pub(crate) fn is_exact(&self) -> bool {
        self.state().exact
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        self.state().lines.clone()
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        self.state().faults.clone()
    }
}

impl State {
    fn line(&mut self, line: Line) -> usize {
        self.lines.push(line);
        self.lines.len()
    }

    fn mail(&mut self, number: usize) -> &mut Entry {
        self.mails.get_mut(&number).expect("mail is entered when it is sent")
    }

    fn check_life(&mut self, life: usize, what: &str) {
        let entry = &self.lives[life];
        let here = Some(std::thread::current().id());
        if entry.thread != here || entry.stopping || entry.gone {
            let when = (entry.thread.is_some(), entry.thread == here, entry.stopping, entry.gone);
            self.faults.push(format!("life {life} {what}; (started, on its thread, stopping, gone): {when:?}"));
        }
    }

    /// Whether mail may come back with `code`, as far as is known.
    fn may_fail(&mut self, number: usize, code: Code) -> bool {
        let (tight, stopped) = (self.tight, self.stopped);
        let mail = self.mail(number);
        let outside = matches!(mail.from, From::Outside(_));
        if code == Code::EXPIRED && mail.may_expire || code == Code::STOPPED && stopped && outside {
            return true;
        }
        if let Some(verdict) = mail.verdict {
            return code == verdict;
        }
        match code {
            Code::NO_TARGET | Code::NO_NAMESPACE | Code::STOPPED | Code::RESTARTING => true,
            // It may have been passed on to a service.
            Code::NO_SERVICE => matches!(mail.to, To::Service(_)) || mail.allowed > 1,
            Code::BUSY => tight,
            Code::WOULD_BLOCK | Code::WOULD_DEADLOCK => mail.way == Way::Call,
            _ => false,
        }
    }
}
