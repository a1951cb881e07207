//! The news: who observes a topic sees each once and in order, and its sender learns whether anybody does.

use std::collections::BTreeSet;

use rohrpost::Code;

use super::{From, Ledger, Line, State};
use crate::program::Issue;

/// What is known of one issue.
pub(super) struct Paper {
    from: From,
    home: usize,
    request: bool,
    may_expire: bool,
    /// The line on which it was published.
    line: usize,
    /// The lives that are to see it, if they last.
    expected: BTreeSet<usize>,
    seen: Vec<usize>,
    refused: bool,
    back: Option<Code>,
}

impl Ledger {
    pub(crate) fn publishes(&self, issue: &Issue, from: From, may_expire: bool) {
        self.write(|state| {
            let line = state.line(Line::Published(issue.number, from));
            let listens = |&&(_, home): &&(usize, usize)| home == issue.home;
            let expected = state.audience.iter().filter(listens).map(|&(life, _)| life).collect();
            let (home, request, seen) = (issue.home, issue.request, Vec::new());
            let paper = Paper { from, home, request, may_expire, line, expected, seen, refused: false, back: None };
            if state.papers.insert(issue.number, paper).is_some() {
                state.faults.push(format!("issue {} was published twice; the test is wrong", issue.number));
            }
        });
    }

    /// A target observes an issue; how many have done so before.
    pub(crate) fn sees(&self, number: usize, life: usize) -> usize {
        self.write(|state| {
            state.line(Line::Seen(number, life));
            state.check_life(life, &format!("observes issue {number}"));
            let resident = state.lives[life].resident;
            let paper = state.paper(number);
            let (from, line, home, before) = (paper.from, paper.line, paper.home, paper.seen.len());
            let again = paper.seen.contains(&life);
            paper.seen.push(life);
            let last = state.read.get(&(from, life)).copied();
            if again || last.is_some_and(|last| last > line) {
                // Whoever begins to observe may get the last once more.
                let replays = state.replays.entry((resident, home)).or_default();
                if *replays == 0 {
                    state.faults.push(format!("life {life} saw issue {number} again, or behind a later one"));
                }
                *replays = replays.saturating_sub(1);
            } else {
                state.read.insert((from, life), line);
            }
            before
        })
    }

    /// An issue was handed back at once, to a sender that is no target.
    pub(crate) fn issue_refused(&self, number: usize, code: Code) {
        self.write(|state| state.paper(number).refused = true);
        self.issue_back(number, From::Outside(0), code);
    }

    /// An issue has come back to `to`, or the answer to it.
    pub(crate) fn issue_back(&self, number: usize, to: From, code: Code) {
        self.write(|state| {
            state.line(Line::NewsBack(number, code));
            if let From::Life(life) = to {
                state.check_life(life, &format!("gets issue {number} back"));
            }
            let (tight, stopped) = (state.tight, state.stopped);
            let paper = state.paper(number);
            let mut faults = Vec::new();
            if let Some(before) = paper.back.replace(code) {
                faults.push(format!("issue {number} came back with {before} and again with {code}"));
            }
            if matches!(to, From::Life(_)) && paper.from != to || !paper.request && code.is_ok() {
                faults.push(format!("issue {number} of {:?} came back to {to:?} with {code}", paper.from));
            }
            let may = match code {
                Code::OK | Code::NOT_HANDLED | Code::NO_SERVICE | Code::NO_NAMESPACE | Code::STOPPED => true,
                Code::EXPIRED => paper.may_expire,
                Code::BUSY => tight,
                _ => false,
            };
            let certain = !tight && !stopped && !paper.may_expire && code != Code::OK;
            let overlooked: Vec<usize> = paper.expected.iter().copied().filter(|_| certain).collect();
            if !may {
                faults.push(format!("issue {number} came back with {code} without a reason"));
            }
            let lives = overlooked.iter().any(|&life| !state.lives[life].gone);
            if lives && state.exact {
                faults.push(format!("issue {number} came back with {code}, and these observe it: {overlooked:?}"));
            }
            state.faults.extend(faults);
        });
    }

    pub(crate) fn serves(&self, resident: usize) {
        self.write(|state| state.servants.insert(resident));
    }

    /// A resident is about to observe a topic.
    pub(crate) fn turns_to(&self, resident: usize, home: usize) {
        self.write(|state| *state.replays.entry((resident, home)).or_default() += 1);
    }

    /// A life observes a topic from now on.
    pub(crate) fn observes(&self, life: usize, home: usize) {
        self.write(|state| {
            // Some lives of before may begin after their namespace was closed.
            if !state.evicted.contains(&state.lives[life].resident) {
                state.audience.insert((life, home));
            }
        });
    }

    /// The namespace of this resident closes.
    pub(crate) fn evicts(&self, resident: usize) {
        self.looks_away(|observer, _| observer == resident);
        self.write(|state| state.evicted.insert(resident));
    }

    /// Some do not observe some topics any more, as `leaves` says of resident and topic; what is on its way to them may
    /// be lost.
    pub(crate) fn looks_away(&self, leaves: impl Fn(usize, usize) -> bool) {
        self.write(|state| {
            let lives = &state.lives;
            state.audience.retain(|&(life, home)| !leaves(lives[life].resident, home));
            for paper in state.papers.values_mut() {
                paper.expected.retain(|&life| !leaves(lives[life].resident, paper.home));
            }
        });
    }

    /// What observers have missed, and what has not come back.
    pub(crate) fn unread(&self) -> Vec<String> {
        let state = self.state();
        let mut faults = Vec::new();
        for (number, paper) in &state.papers {
            let lives = matches!(paper.from, From::Life(life) if !state.lives[life].gone);
            if lives && paper.request && paper.back.is_none() {
                faults.push(format!("issue {number} has no answer"));
            }
            let certain = state.exact && !state.tight && !state.stopped && !paper.may_expire;
            let missed = |life: &&usize| certain && !state.lives[**life].gone && !paper.seen.contains(life);
            let missed: Vec<&usize> = paper.expected.iter().filter(missed).collect();
            if !missed.is_empty() {
                faults.push(format!("issue {number} was not seen by the lives {missed:?}"));
            }
        }
        faults
    }
}

impl State {
    fn paper(&mut self, number: usize) -> &mut Paper {
        self.papers.get_mut(&number).expect("news are entered when they are published")
    }

    /// What is known of issues: sent, handled, perhaps handled, answered, observed.
    pub(super) fn issues(&self) -> [u64; 5] {
        let count = |choose: &dyn Fn(&Paper) -> bool| self.papers.values().filter(|paper| choose(paper)).count() as u64;
        let gone = |paper: &Paper| matches!(paper.from, From::Life(life) if self.lives[life].gone);
        let open = |paper: &Paper| paper.back.is_none();
        let seen: usize = self.papers.values().map(|paper| paper.seen.len()).sum();
        [
            count(&|paper| !paper.refused),
            count(&|paper| paper.back == Some(Code::OK) || open(paper) && !paper.request && !gone(paper)),
            count(&|paper| open(paper) && gone(paper)),
            count(&|paper| paper.back == Some(Code::OK)),
            seen as u64,
        ]
    }
}
