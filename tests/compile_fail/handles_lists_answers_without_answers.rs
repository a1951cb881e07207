use rohrpost::{handles, record};

#[derive(Clone, Debug)]
struct Quote(u64);
record!(Quote, "shop.quote");

struct Buyer;
handles!(Buyer: answers Quote);

fn main() {}
