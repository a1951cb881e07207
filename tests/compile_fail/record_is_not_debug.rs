use rohrpost::record;

#[derive(Clone)]
struct Add(i64, i64);
record!(Add, "calc.add");

fn main() {}
