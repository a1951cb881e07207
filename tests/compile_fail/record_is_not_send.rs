use std::rc::Rc;

use rohrpost::record;

#[derive(Clone, Debug)]
struct Shared(Rc<u64>);
record!(Shared, "house.shared");

fn main() {}
