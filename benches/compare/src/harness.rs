//! Rows, and how they are run: each once per round, in turn, so that a slow moment of the machine falls on all of them.

use std::time::Duration;
use std::time::Instant;

use crate::cores;

/// What is compared within one block of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Notify,
    Ask,
    Publish,
    Ring,
    Spin,
    Park,
    ParkTogether,
    Flow,
    Outside,
    Create,
    Memory,
}

impl Group {
    pub const ALL: [Self; 11] = [
        Self::Notify,
        Self::Ask,
        Self::Publish,
        Self::Ring,
        Self::Spin,
        Self::Park,
        Self::ParkTogether,
        Self::Flow,
        Self::Outside,
        Self::Create,
        Self::Memory,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Notify => "same-thread one-way, 16-byte record",
            Self::Ask => "same-thread request and answer",
            Self::Publish => "publish to 100 on one thread, per delivery",
            Self::Ring => "ring of 100 on one thread, per hop",
            Self::Spin => "cross-thread round trip, both spinning",
            Self::Park => "cross-thread round trip, both parked, on two cores",
            Self::ParkTogether => "cross-thread round trip, both parked, on one core",
            Self::Flow => "cross-thread one-way, saturated, per message",
            Self::Outside => "ask from a plain thread, target's thread spinning",
            Self::Create => "create and drop",
            Self::Memory => "bytes per idle target, without its own struct",
        }
    }

    pub fn unit(self) -> &'static str {
        if self == Self::Memory { "B" } else { "ns" }
    }
}

/// One timed stretch of work.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    pub elapsed: Duration,
    /// Operations done in it; the row has asserted that they were.
    pub ops: u64,
}

impl Timed {
    pub fn since(start: Instant, ops: u64) -> Self {
        Self { elapsed: start.elapsed(), ops }
    }

    fn nanos(self) -> f64 {
        self.elapsed.as_secs_f64() * 1e9 / self.ops as f64
    }
}

/// How a row is measured.
#[derive(Clone, Copy)]
pub enum Measure {
    /// Sets up, warms up, does at least so many operations, checks them, takes down.
    Time(fn(u64) -> Timed),
    /// Bytes per idle target.
    Bytes(fn() -> f64),
}

/// One line of the table.
#[derive(Clone, Copy)]
pub struct Row {
    pub group: Group,
    pub name: &'static str,
    pub measure: Measure,
    /// False where the row may honestly be faster than the limit of its group.
    pub limited: bool,
}

impl Row {
    pub fn time(group: Group, name: &'static str, run: fn(u64) -> Timed) -> Self {
        Self { group, name, measure: Measure::Time(run), limited: true }
    }

    pub fn bytes(name: &'static str, run: fn() -> f64) -> Self {
        Self { group: Group::Memory, name, measure: Measure::Bytes(run), limited: true }
    }

    pub fn unlimited(self) -> Self {
        Self { limited: false, ..self }
    }
}

/// A row with its samples, one per round.
pub struct Measured {
    pub row: Row,
    pub samples: Vec<f64>,
}

/// Operations to do before the clock starts.
pub fn warm_up(ops: u64) -> u64 {
    ops / 10 + 1
}

/// Runs every row once a round. `tick` hears of each round.
pub fn run(rows: &[Row], rounds: usize, budget: Duration, mut tick: impl FnMut(&str)) -> Vec<Measured> {
    let mut measured: Vec<Measured> = Vec::new();
    let mut ops: Vec<u64> = Vec::new();
    for row in rows {
        tick(&format!("calibrating {}: {}", row.group.title(), row.name));
        ops.push(calibrate(row, budget));
        measured.push(Measured { row: *row, samples: Vec::new() });
    }
    for round in 0..rounds {
        tick(&format!("round {} of {rounds}", round + 1));
        for index in order(rows, round) {
            let sample = match rows[index].measure {
                Measure::Time(run) => run(ops[index]).nanos(),
                Measure::Bytes(run) => run(),
            };
            cores::free();
            measured[index].samples.push(sample);
        }
    }
    measured
}

/// The operations that fill `budget`.
fn calibrate(row: &Row, budget: Duration) -> u64 {
    let Measure::Time(run) = row.measure else {
        return 0;
    };
    let mut ops = 64;
    loop {
        let timed = run(ops);
        cores::free();
        if timed.elapsed * 8 > budget {
            let wanted = budget.as_secs_f64() * 1e9 / timed.nanos();
            return (wanted as u64).max(1);
        }
        ops *= 4;
    }
}

/// Groups one after the other, so that a row and its limit are close in time; the first group and, within a group,
/// the first row move on by one each round.
fn order(rows: &[Row], round: usize) -> Vec<usize> {
    let mut order = Vec::with_capacity(rows.len());
    for turn in 0..Group::ALL.len() {
        let group = Group::ALL[(turn + round) % Group::ALL.len()];
        let mut members: Vec<usize> = (0..rows.len()).filter(|&index| rows[index].group == group).collect();
        if !members.is_empty() {
            let shift = round % members.len();
            members.rotate_left(shift);
        }
        order.append(&mut members);
    }
    order
}
