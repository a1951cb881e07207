//! Reading a GPX file: the track, the places on the way, and what can be wrong with them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use roxmltree::{Document, Node};

use crate::way::Point;

/// How fast one drives where the file does not say when: metres a second.
const PACE: f64 = 50.0 / 3.6;
/// No trip takes longer.
const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// A trip as it was driven once.
pub(crate) struct Trip {
    pub(crate) name: String,
    /// Where one was how long after the start; two points at least, in the order of time.
    pub(crate) track: Vec<(Duration, Point)>,
    /// Places that have a name.
    pub(crate) places: Vec<(Point, String)>,
    /// Whether the file says when, or the pace is made up.
    pub(crate) timed: bool,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", file.display())]
pub(crate) struct GpxError {
    file: PathBuf,
    fault: Fault,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("is no XML: {0}")]
    NoXml(#[from] roxmltree::Error),
    #[error("is XML, but begins with <{0}> and not with <gpx>")]
    NoGpx(String),
    #[error("has {0} track points (<trkpt> or <rtept>), and a trip takes two at least")]
    TooShort(usize),
    #[error("line {line}: {fault}")]
    At { line: u32, fault: PointFault },
}

/// What is wrong with a point.
#[derive(Debug, thiserror::Error)]
enum PointFault {
    #[error("the point has no `{0}`")]
    Missing(&'static str),
    #[error("`{0}=\"{1}\"` is not a number of degrees from -{2} to {2}")]
    NoDegrees(&'static str, String, f64),
    #[error("`{0}` is not a time like 2026-05-09T07:30:00Z")]
    NoTime(String),
    #[error("the point has no <time>, while others have")]
    NoTimeHere,
    #[error("the point is earlier than the one before it")]
    Backwards,
    #[error("the point comes more than a year after the start")]
    TooLong,
}

impl Trip {
    /// Reads a file.
    pub(crate) fn read(file: &Path) -> Result<Self, GpxError> {
        let text = std::fs::read_to_string(file).map_err(Fault::from);
        text.and_then(|text| Self::parse(&text)).map_err(|fault| GpxError { file: file.to_owned(), fault })
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        let document = Document::parse(text)?;
        let root = document.root_element();
        if !root.has_tag_name("gpx") {
            return Err(Fault::NoGpx(root.tag_name().name().to_owned()));
        }
        let at = |node: Node<'_, '_>, fault| Fault::At { line: document.text_pos_at(node.range().start).row, fault };
        // Most files have a track; a route is what was planned and perhaps never driven.
        let all = |tag| root.descendants().filter(|node| node.has_tag_name(tag)).collect::<Vec<_>>();
        let nodes = Some(all("trkpt")).filter(|points| !points.is_empty()).unwrap_or_else(|| all("rtept"));

        let mut points = Vec::with_capacity(nodes.len());
        for &node in &nodes {
            let time = child(node, "time").map(|text| instant(text).ok_or(PointFault::NoTime(text.to_owned())));
            let time = time.transpose().map_err(|fault| at(node, fault))?;
            points.push((time, position(node).map_err(|fault| at(node, fault))?));
        }
        if points.len() < 2 {
            return Err(Fault::TooShort(points.len()));
        }
        let timed = points.iter().any(|(time, _)| time.is_some());
        let mut track: Vec<(Duration, Point)> = Vec::with_capacity(points.len());
        let start = points[0].0;
        for (&(time, point), &node) in points.iter().zip(&nodes) {
            let before = track.last().copied();
            let since_start = match (time, start) {
                (Some(time), Some(start)) => time.checked_sub(start).ok_or_else(|| at(node, PointFault::Backwards))?,
                _ if timed => return Err(at(node, PointFault::NoTimeHere)),
                _ => before
                    .map_or(Duration::ZERO, |(then, last)| then + Duration::from_secs_f64(last.distance(point) / PACE)),
            };
            if before.is_some_and(|(then, _)| then > since_start) {
                return Err(at(node, PointFault::Backwards));
            }
            if since_start > YEAR {
                return Err(at(node, PointFault::TooLong));
            }
            track.push((since_start, point));
        }

        let mut places = Vec::new();
        for node in all("wpt") {
            if let Some(name) = child(node, "name") {
                places.push((position(node).map_err(|fault| at(node, fault))?, name.to_owned()));
            }
        }
        let named = root.children().filter(|node| node.has_tag_name("trk") || node.has_tag_name("rte"));
        let name = named.filter_map(|node| child(node, "name")).next().unwrap_or("a trip without a name");
        Ok(Self { name: name.to_owned(), track, places, timed })
    }

    /// How long it takes.
    pub(crate) fn duration(&self) -> Duration {
        self.track.last().map_or(Duration::ZERO, |&(time, _)| time)
    }

    /// How long after one point the next one comes as a rule.
    pub(crate) fn interval(&self) -> Duration {
        let mut intervals: Vec<_> = self.track.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        intervals.sort_unstable();
        intervals[intervals.len() / 2]
    }
}

impl fmt::Display for Trip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} points, {} places", self.name, self.track.len(), self.places.len())?;
        if self.timed { Ok(()) } else { f.write_str("; it has no times, so let it be 50 km/h") }
    }
}

/// The text of a child, if there is any.
fn child<'a>(node: Node<'a, '_>, tag: &str) -> Option<&'a str> {
    let child = node.children().find(|child| child.has_tag_name(tag));
    child.and_then(|child| child.text()).map(str::trim).filter(|text| !text.is_empty())
}

fn position(node: Node<'_, '_>) -> Result<Point, PointFault> {
    let degrees = |name, most: f64| {
        let text = node.attribute(name).ok_or(PointFault::Missing(name))?;
        let degrees = text.trim().parse().ok().filter(|degrees: &f64| degrees.abs() <= most);
        degrees.ok_or_else(|| PointFault::NoDegrees(name, text.to_owned(), most))
    };
    Ok(Point { lat: degrees("lat", 90.0)?, lon: degrees("lon", 180.0)? })
}

/// The time since the year 1 of a text like `2026-05-09T07:30:00.5Z`, or with a zone like `+02:00`.
fn instant(text: &str) -> Option<Duration> {
    let (date, time) = text.split_once('T')?;
    let (time, zone) = match time.find(['Z', '+', '-']) {
        Some(place) => time.split_at(place),
        None => (time, "Z"),
    };
    let mut date = date.splitn(3, '-').map(number);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, fraction) = time.split_once('.').map_or((time, "0"), |(clock, fraction)| (clock, fraction));
    let mut clock = clock.splitn(3, ':').map(number);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    number(fraction.get(..9).unwrap_or(fraction))?;
    let fraction: f64 = format!("0.{fraction}").parse().ok()?;
    let in_range = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !in_range || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    // Days by the calendar whose year begins in March, so that the leap day is its last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day;
    let utc = Duration::from_secs(days * 86_400 + hour * 3600 + minute * 60 + second);
    let utc = utc + Duration::from_secs_f64(fraction);
    let (sign, zone) = zone.split_at(1);
    let (hours, minutes) = if sign == "Z" { ("0", "0") } else { zone.split_once(':')? };
    let ahead = Duration::from_secs(number(hours)? * 3600 + number(minutes)? * 60);
    if sign == "-" { Some(utc + ahead) } else { utc.checked_sub(ahead) }
}

/// A number of few plain digits.
fn number(text: &str) -> Option<u64> {
    let plain = text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}
