use rohrpost::{hsm, record};

#[derive(Clone, Debug)]
struct Receipt;
record!(Receipt, "bank.receipt");

struct Shop;

hsm! {
    chart ShopChart for Shop;
    messages ShopEvent { Paid = answers Receipt }

    initial Open;
    state Open {
        on Paid => Open;
    }
}

fn main() {}
