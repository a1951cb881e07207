use rohrpost::record;

#[derive(Debug)]
struct Door(std::fs::File);
record!(Door, "house.door");

fn main() {}
