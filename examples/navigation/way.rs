//! Points, the way along them, and where one has to turn.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The radius of the earth in metres.
const EARTH: f64 = 6_371_000.0;
/// A bend that strays less than that from a straight line, in metres, is none.
const STRAIGHT: f64 = 20.0;
/// A bend by fewer degrees needs no word.
const BEND: f64 = 35.0;

/// A place on the earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) lat: f64,
    pub(crate) lon: f64,
}

/// The way to drive.
pub(crate) struct Way {
    pub(crate) points: Vec<Point>,
    /// How far each point is from the start, along the way, in metres.
    pub(crate) lengths: Vec<f64>,
    pub(crate) turns: Vec<Turn>,
}

/// A place at which the way turns.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    /// The index of the point.
    pub(crate) at: usize,
    pub(crate) hand: Hand,
}

#[derive(Clone, Copy)]
pub(crate) enum Hand {
    Left,
    Right,
    Back,
}

impl Point {
    /// How far it is to another point, in metres.
    pub(crate) fn distance(self, other: Self) -> f64 {
        let (lat, other_lat) = (self.lat.to_radians(), other.lat.to_radians());
        let (north, east) = (other_lat - lat, (other.lon - self.lon).to_radians());
        let half = (north / 2.0).sin().powi(2) + lat.cos() * other_lat.cos() * (east / 2.0).sin().powi(2);
        2.0 * EARTH * half.sqrt().min(1.0).asin()
    }

    /// Metres to the east and to the north from here to a point that is not far.
    fn offset(self, other: Self) -> (f64, f64) {
        // The shorter way around, where the degrees begin anew.
        let east = (other.lon - self.lon + 540.0).rem_euclid(360.0) - 180.0;
        (east.to_radians() * self.lat.to_radians().cos() * EARTH, (other.lat - self.lat).to_radians() * EARTH)
    }

    /// How far it is from the straight line between two others.
    fn distance_from_line(self, from: Self, to: Self) -> f64 {
        let ((east, north), (x, y)) = (from.offset(to), from.offset(self));
        let square = east * east + north * north;
        let share = if square > 0.0 { ((x * east + y * north) / square).clamp(0.0, 1.0) } else { 0.0 };
        (x - share * east).hypot(y - share * north)
    }
}

impl Way {
    /// The way along these points; who stands still gets no further.
    pub(crate) fn along(points: impl Iterator<Item = Point>) -> Self {
        let mut points: Vec<Point> = points.collect();
        points.dedup();
        let mut length = 0.0;
        let steps = points.windows(2).map(|pair| {
            length += pair[0].distance(pair[1]);
            length
        });
        let lengths = std::iter::once(0.0).chain(steps).collect();
        let turns = turns(&points);
        Self { points, lengths, turns }
    }

    pub(crate) fn length(&self) -> f64 {
        self.lengths.last().copied().unwrap_or_default()
    }

    pub(crate) const fn end(&self) -> usize {
        self.points.len() - 1
    }

    /// Where on the way a point is, for somebody who was at the index `last`.
    pub(crate) fn place(&self, last: usize, point: Point) -> usize {
        let near = last..self.points.len().min(last + 20);
        let nearest = near.min_by(|&a, &b| {
            let distance = |index: usize| self.points[index].distance(point);
            distance(a).total_cmp(&distance(b))
        });
        nearest.unwrap_or(last)
    }
}

/// Where the way turns: at the corners that are left when all that is nearly straight is made straight.
fn turns(points: &[Point]) -> Vec<Turn> {
    let corners = corners(points);
    let bends = corners.windows(3).map(|corner| {
        let [before, at, after] = [0, 1, 2].map(|index| points[corner[index]]);
        let ((x, y), (u, v)) = (before.offset(at), at.offset(after));
        (corner[1], (x * v - y * u).atan2(x * u + y * v).to_degrees())
    });
    bends
        .filter(|(_, degrees)| degrees.abs() >= BEND)
        .map(|(at, degrees)| {
            let hand = match degrees {
                degrees if degrees.abs() > 150.0 => Hand::Back,
                degrees if degrees > 0.0 => Hand::Left,
                _ => Hand::Right,
            };
            Turn { at, hand }
        })
        .collect()
}

/// The points that matter (Ramer, Douglas and Peucker), without recursion, as a track may be long.
fn corners(points: &[Point]) -> Vec<usize> {
    let mut corners = vec![0];
    let mut ends = vec![points.len() - 1];
    while let (Some(&from), Some(&to)) = (corners.last(), ends.last()) {
        let distance = |index: usize| points[index].distance_from_line(points[from], points[to]);
        let furthest = (from + 1..to).max_by(|&a, &b| distance(a).total_cmp(&distance(b)));
        match furthest.filter(|&index| distance(index) > STRAIGHT) {
            Some(index) => ends.push(index),
            None => corners.extend(ends.pop()),
        }
    }
    corners
}

impl fmt::Display for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "turn left",
            Self::Right => "turn right",
            Self::Back => "turn round",
        })
    }
}
