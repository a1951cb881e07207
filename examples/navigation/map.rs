//! The map: it knows the names of places, and keeps the tiles in memory that were needed of late.

use std::collections::BTreeMap;
use std::time::Duration;

use rohrpost::{Context, Failure, Handle, Observes, Stopping, Timer, handles, record};

use crate::log::log;
use crate::services::{Fix, Name, NameOf};
use crate::way::Point;

/// Tiles that nobody has needed for so long are let go of.
const KEEP: Duration = Duration::from_secs(120);
/// How far a place may be from its name, in metres.
const NEAR: f64 = 80.0;

/// A hundredth of a degree each way.
type Tile = (i32, i32);

/// Nobody has needed a tile for some time.
#[derive(Clone, Debug)]
struct Unused(Tile);
record!(Unused, "map.unused");

pub(crate) struct Map {
    places: Vec<(Point, String)>,
    /// What is in memory, each with the timer that lets go of it.
    tiles: BTreeMap<Tile, Timer>,
    loaded: usize,
}

impl Map {
    pub(crate) const fn new(places: Vec<(Point, String)>) -> Self {
        Self { places, tiles: BTreeMap::new(), loaded: 0 }
    }

    fn need(&mut self, point: Point, ctx: &Context<'_>) {
        let tile = ((point.lat * 100.0).floor() as i32, (point.lon * 100.0).floor() as i32);
        if self.tiles.get(&tile).is_some_and(|&timer| ctx.retrigger(timer)) {
            return;
        }
        self.loaded += 1;
        // Without room for a timer the tile does not stay.
        if let Ok(timer) = ctx.timer(Unused(tile)).after(KEEP) {
            self.tiles.insert(tile, timer);
        }
    }
}

impl Observes<Fix> for Map {
    fn observed(&mut self, fix: &Fix, ctx: &mut Context<'_>) {
        self.need(fix.point, ctx);
    }
}

impl Handle<NameOf> for Map {
    fn handle(&mut self, &NameOf(point): &NameOf, ctx: &mut Context<'_>) -> Result<Name, Failure> {
        self.need(point, ctx);
        let places = self.places.iter().map(|(place, name)| (place.distance(point), name));
        let nearest = places.filter(|&(distance, _)| distance < NEAR).min_by(|(a, _), (b, _)| a.total_cmp(b));
        Ok(Name(nearest.map(|(_, name)| name.clone())))
    }
}

impl Handle<Unused> for Map {
    fn handle(&mut self, Unused(tile): &Unused, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        self.tiles.remove(tile);
        Ok(())
    }
}

impl Stopping for Map {
    fn stopping(&mut self, ctx: &mut Context<'_>) {
        log(ctx.now(), "map", &format!("had to load {} tiles; still in memory: {}", self.loaded, self.tiles.len()));
    }
}

handles!(Map: NameOf, Unused; observes Fix; hooks stopping);
