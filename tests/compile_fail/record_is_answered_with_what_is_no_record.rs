use rohrpost::record;

#[derive(Clone, Debug)]
struct Add(i64, i64);
#[derive(Clone, Debug)]
struct Sum(i64);
record!(Add, "calc.add" => Sum);

fn main() {}
