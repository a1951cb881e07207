//! The one table, and its twin in JSON: medians, ratios taken round by round, and verdicts that are computed.

use std::fmt::Write;

use crate::bounds;
use crate::bounds::Best;
use crate::bounds::Bound;
use crate::bounds::Ceiling;
use crate::bounds::Grade;
use crate::harness::Group;
use crate::harness::Measured;

/// A row may be this much of its limit: a sleeping core wakes the sooner the shorter it slept, so a slower program can
/// find a faster core.
const POSSIBLE: f64 = 0.9;

/// On a quiet machine a loop of `dyn` calls does not vary by more than this factor.
const QUIET: f64 = 1.25;

/// Median and range of some samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Some(Self { median, min, max })
    }
}

/// A bound with what was found.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    pub bound: Bound,
    /// The ratio to the rows of the bound, or the figure itself where the bound is flat.
    pub found: Spread,
    pub holds: bool,
}

/// All results of one run.
pub struct Results(pub Vec<Measured>);

impl Results {
    fn in_group(&self, group: Group) -> impl Iterator<Item = &Measured> {
        self.0.iter().filter(move |measured| measured.row.group == group)
    }

    /// The ratio of `samples` to the best of `rows`, per round; nothing if none of them ran.
    fn ratio(&self, group: Group, samples: &[f64], rows: Best) -> Option<Spread> {
        let bases: Vec<&Measured> =
            self.in_group(group).filter(|measured| rows.of.contains(&measured.row.name)).collect();
        if bases.is_empty() {
            return None;
        }
        let ratios: Vec<f64> = samples
            .iter()
            .enumerate()
            .map(|(round, sample)| {
                let best = bases.iter().map(|base| base.samples[round]).fold(f64::INFINITY, f64::min);
                sample / best
            })
            .collect();
        Spread::of(&ratios)
    }

    fn verdict(&self, bound: Bound) -> Option<Verdict> {
        let measured = self.in_group(bound.group).find(|measured| measured.row.name == bound.row)?;
        let (found, ceiling) = match bound.ceiling {
            Ceiling::Times(factor, rows) => (self.ratio(bound.group, &measured.samples, rows)?, factor),
            Ceiling::Flat(most) => (Spread::of(&measured.samples)?, most),
        };
        Some(Verdict { bound, found, holds: found.median <= ceiling })
    }

    pub fn verdicts(&self) -> Vec<Verdict> {
        bounds::all().into_iter().filter_map(|bound| self.verdict(bound)).collect()
    }

    /// Rows that were below what the machine allows in every round: something in them did not happen.
    pub fn impossible(&self) -> Vec<String> {
        self.0
            .iter()
            .filter(|measured| measured.row.limited && bounds::base_is_limit(measured.row.group))
            .filter_map(|measured| {
                let group = measured.row.group;
                let ratio = self.ratio(group, &measured.samples, bounds::base(group))?;
                (ratio.max < POSSIBLE).then(|| format!("{}: {}", group.title(), measured.row.name))
            })
            .collect()
    }

    /// By how much a limit row on one thread varied, if by so much that something else was running.
    pub fn restless(&self) -> Option<f64> {
        let one_thread = [Group::Notify, Group::Ask, Group::Ring];
        self.0
            .iter()
            .filter(|measured| {
                let row = measured.row;
                one_thread.contains(&row.group) && bounds::base(row.group).of.contains(&row.name)
            })
            .filter_map(|measured| Spread::of(&measured.samples))
            .map(|spread| spread.max / spread.min)
            .filter(|&spread| spread > QUIET)
            .max_by(f64::total_cmp)
    }

    pub fn markdown(&self) -> String {
        let verdicts = self.verdicts();
        let mut text = String::from(
            "| path | who | median | min .. max | ratio to | ratio (min .. max) | bounds |\n|---|---|--:|--:|---|--:|---|\n",
        );
        for group in Group::ALL {
            for measured in self.in_group(group) {
                let Some(spread) = Spread::of(&measured.samples) else {
                    continue;
                };
                let row = measured.row;
                let base = bounds::base(group);
                let ratio = self.ratio(group, &measured.samples, base);
                let held: Vec<String> = verdicts
                    .iter()
                    .filter(|verdict| verdict.bound.group == group && verdict.bound.row == row.name)
                    .map(cell)
                    .collect();
                let _ = writeln!(
                    text,
                    "| {} | {} | {} {} | {} .. {} | {} | {} | {} |",
                    group.title(),
                    row.name,
                    figure(spread.median),
                    group.unit(),
                    figure(spread.min),
                    figure(spread.max),
                    base.name,
                    ratio.map_or_else(|| "-".into(), interval),
                    held.join("<br>"),
                );
            }
        }
        text
    }

    pub fn json(&self) -> String {
        let rows: Vec<String> = self
            .0
            .iter()
            .map(|measured| {
                format!(
                    "    {{\"path\": {:?}, \"who\": {:?}, \"unit\": {:?}, \"samples\": {:?}}}",
                    measured.row.group.title(),
                    measured.row.name,
                    measured.row.group.unit(),
                    measured.samples
                )
            })
            .collect();
        let verdicts: Vec<String> = self
            .verdicts()
            .iter()
            .map(|verdict| {
                format!(
                    "    {{\"path\": {:?}, \"who\": {:?}, \"grade\": {:?}, \"bound\": {:?}, \"found\": {}, \"min\": {}, \"max\": {}, \"holds\": {}}}",
                    verdict.bound.group.title(),
                    verdict.bound.row,
                    format!("{:?}", verdict.bound.grade),
                    ceiling(verdict.bound.ceiling, verdict.bound.group),
                    verdict.found.median,
                    verdict.found.min,
                    verdict.found.max,
                    verdict.holds
                )
            })
            .collect();
        format!("{{\n  \"rows\": [\n{}\n  ],\n  \"bounds\": [\n{}\n  ]\n}}\n", rows.join(",\n"), verdicts.join(",\n"))
    }
}

fn figure(value: f64) -> String {
    let digits = match value.abs() {
        small if small < 10.0 => 2,
        middle if middle < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

fn interval(spread: Spread) -> String {
    format!("{} ({} .. {})", figure(spread.median), figure(spread.min), figure(spread.max))
}

fn ceiling(ceiling: Ceiling, group: Group) -> String {
    match ceiling {
        Ceiling::Times(factor, rows) => format!("≤ {factor} × {}", rows.name),
        Ceiling::Flat(most) => format!("≤ {most} {}", group.unit()),
    }
}

fn cell(verdict: &Verdict) -> String {
    let grade = match verdict.bound.grade {
        Grade::Must => "must",
        Grade::Aim => "aim",
    };
    let holds = if verdict.holds { "holds" } else { "**misses**" };
    format!("{grade} {}: {holds}, {}", ceiling(verdict.bound.ceiling, verdict.bound.group), interval(verdict.found))
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_of_an_odd_number_is_the_middle_one() {
        let spread = Spread::of(&[3.0, 1.0, 2.0]);
        assert_eq!(spread, Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
    }

    #[test]
    fn nothing_has_no_spread() {
        assert_eq!(Spread::of(&[]), None);
    }
}
