use rohrpost::{handles, record};

#[derive(Clone, Debug)]
struct Add(i64, i64);
record!(Add, "calc.add");

struct Calculator;
handles!(Calculator: Add);

fn main() {}
