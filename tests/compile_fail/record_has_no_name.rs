use rohrpost::record;

#[derive(Clone, Debug)]
struct Add(i64, i64);
record!(Add);

fn main() {}
