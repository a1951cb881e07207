use rohrpost::record;

#[derive(Clone, Debug)]
struct Door(u32);
record!(Door, "house.door", wire, local);

fn main() {}
