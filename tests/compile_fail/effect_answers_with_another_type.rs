use rohrpost::{Context, Failure, effect, hsm, record};

#[derive(Clone, Debug)]
struct Pay;
#[derive(Clone, Debug)]
struct Receipt;
record!(Pay, "shop.pay" => Receipt);
record!(Receipt, "shop.receipt");

struct Shop;

impl Shop {
    fn pay(&mut self, _pay: &Pay, _ctx: &mut Context<'_>) -> Result<u32, Failure> {
        Ok(1)
    }
}

hsm! {
    chart ShopChart for Shop;
    messages ShopEvent { Pay }

    initial Open;
    state Open {
        on Pay => Open / effect!(Shop::pay);
    }
}

fn main() {}
