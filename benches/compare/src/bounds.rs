//! What rohrpost promises of its speed: per row, the factor by which it may exceed which other rows.

use crate::harness::Group;
use crate::harness::Row;
use crate::limits;
use crate::peers::channels;
use crate::peers::stakker;

pub const NOTIFY: &str = "rohrpost `notify`";
pub const CALL: &str = "rohrpost `call`";
pub const REQUEST: &str = "rohrpost `request`";
pub const SERVICE: &str = "rohrpost `request` to a service";
pub const PUBLISH: &str = "rohrpost `notify` to a topic";
pub const FORWARD: &str = "rohrpost `forward`";
pub const SPIN: &str = "rohrpost, idle policy spin";
pub const PARK: &str = "rohrpost, idle policy park";
pub const ASK: &str = "rohrpost `ask`";
pub const TARGET: &str = "rohrpost";

/// How binding a bound is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    Must,
    Aim,
}

/// Rows of one group of which the best counts, round by round.
#[derive(Clone, Copy, Debug)]
pub struct Best {
    pub name: &'static str,
    pub of: &'static [&'static str],
}

/// What a row is held against.
#[derive(Clone, Copy, Debug)]
pub enum Ceiling {
    /// So many times the best of these rows.
    Times(f64, Best),
    /// So many, in the group's unit.
    Flat(f64),
}

/// One bound of one row.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    pub group: Group,
    pub row: &'static str,
    pub grade: Grade,
    pub ceiling: Ceiling,
}

const DYN_CALL: Best = Best { name: "a `dyn` call", of: &[limits::DYN_CALL] };
const REQUESTED: Best = Best { name: "the addressed one", of: &[REQUEST] };
const DYN_RING: Best = Best { name: "nested `dyn` calls", of: &[limits::DYN_RING] };
const ATOMICS: Best = Best { name: "two atomics", of: &[limits::ATOMICS] };
const UNPARK: Best = Best { name: "park/unpark", of: &[limits::PARK] };
const BOXED: Best = Best { name: "`Box<dyn>`", of: &[limits::BOXED] };
const STAKKER: Best = Best { name: "stakker", of: &[stakker::NAME, stakker::ONE_AT_A_TIME] };
const CHANNELS: Best = Best {
    name: "the best of stakker and crossbeam",
    of: &[stakker::NAME, channels::FLOW_BOUNDED, channels::FLOW_UNBOUNDED],
};

/// The denominator of a group's ratio column.
pub fn base(group: Group) -> Best {
    match group {
        Group::Notify | Group::Ask | Group::Publish => DYN_CALL,
        Group::Ring => DYN_RING,
        Group::Spin | Group::Outside => ATOMICS,
        Group::Park | Group::ParkTogether => UNPARK,
        Group::Flow => CHANNELS,
        Group::Create => BOXED,
        Group::Memory => STAKKER,
    }
}

/// Whether the base of a group is a limit of the machine, which no honest row of the group can beat.
pub fn base_is_limit(group: Group) -> bool {
    !matches!(group, Group::Flow | Group::Memory)
}

/// Whether the ratio or a bound of `row` is taken to `other`.
pub fn needs(row: &Row, other: &Row) -> bool {
    let of_bound = |bound: &Bound| match bound.ceiling {
        Ceiling::Times(_, best) => bound.group == row.group && bound.row == row.name && best.of.contains(&other.name),
        Ceiling::Flat(_) => false,
    };
    row.group == other.group && (base(row.group).of.contains(&other.name) || all().iter().any(of_bound))
}

pub fn all() -> Vec<Bound> {
    use Ceiling::Flat;
    use Ceiling::Times;
    use Grade::Aim;
    use Grade::Must;
    [
        (Group::Notify, NOTIFY, Must, Times(2.0, STAKKER)),
        (Group::Notify, NOTIFY, Aim, Times(1.0, STAKKER)),
        (Group::Ask, CALL, Must, Times(1.0, STAKKER)),
        (Group::Ask, CALL, Aim, Times(0.5, STAKKER)),
        (Group::Ask, CALL, Aim, Times(5.0, DYN_CALL)),
        (Group::Ask, REQUEST, Must, Times(2.0, STAKKER)),
        (Group::Ask, REQUEST, Aim, Times(1.0, STAKKER)),
        (Group::Ask, SERVICE, Must, Times(1.5, REQUESTED)),
        (Group::Ask, SERVICE, Aim, Times(1.1, REQUESTED)),
        (Group::Publish, PUBLISH, Must, Times(2.0, STAKKER)),
        (Group::Publish, PUBLISH, Aim, Times(1.0, STAKKER)),
        (Group::Publish, PUBLISH, Aim, Times(3.0, DYN_CALL)),
        (Group::Ring, NOTIFY, Must, Times(2.5, STAKKER)),
        (Group::Ring, NOTIFY, Aim, Times(1.0, STAKKER)),
        (Group::Ring, NOTIFY, Aim, Times(4.0, DYN_RING)),
        (Group::Ring, FORWARD, Must, Times(2.0, STAKKER)),
        (Group::Ring, FORWARD, Aim, Times(1.0, STAKKER)),
        (Group::Spin, SPIN, Must, Times(2.0, ATOMICS)),
        (Group::Spin, SPIN, Aim, Times(1.3, ATOMICS)),
        (Group::Park, PARK, Must, Times(1.3, UNPARK)),
        (Group::Park, PARK, Aim, Times(1.1, UNPARK)),
        (Group::ParkTogether, PARK, Must, Times(1.3, UNPARK)),
        (Group::ParkTogether, PARK, Aim, Times(1.1, UNPARK)),
        (Group::Flow, NOTIFY, Must, Times(2.0, CHANNELS)),
        (Group::Flow, NOTIFY, Aim, Times(1.0, CHANNELS)),
        (Group::Outside, ASK, Must, Times(3.0, ATOMICS)),
        (Group::Outside, ASK, Aim, Times(1.5, ATOMICS)),
        (Group::Create, TARGET, Must, Times(3.0, STAKKER)),
        (Group::Create, TARGET, Aim, Times(1.0, STAKKER)),
        (Group::Memory, TARGET, Must, Flat(128.0)),
        (Group::Memory, TARGET, Aim, Flat(80.0)),
    ]
    .map(|(group, row, grade, ceiling)| Bound { group, row, grade, ceiling })
    .to_vec()
}
