use rohrpost::{handles, record};

#[derive(Clone, Debug)]
struct Tick;
record!(Tick, "clock.tick");

struct Display;
handles!(Display: observes Tick);

fn main() {}
