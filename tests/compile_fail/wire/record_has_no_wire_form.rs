use rohrpost::record;

#[derive(Clone, Debug)]
struct Tile(u32);
record!(Tile, "map.tile", wire);

fn main() {}
