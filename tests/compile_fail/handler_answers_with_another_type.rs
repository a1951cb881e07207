use rohrpost::{Context, Failure, Handle, handles, record};

#[derive(Clone, Debug)]
struct Add(i64, i64);
#[derive(Clone, Debug)]
struct Sum(i64);
record!(Add, "calc.add" => Sum);
record!(Sum, "calc.sum");

struct Calculator;

impl Handle<Add> for Calculator {
    fn handle(&mut self, add: &Add, _ctx: &mut Context<'_>) -> Result<i64, Failure> {
        Ok(add.0 + add.1)
    }
}

handles!(Calculator: Add);

fn main() {}
