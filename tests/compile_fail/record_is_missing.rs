use rohrpost::{Address, Context};

#[derive(Clone, Debug)]
struct Pay(u64);

fn pay(shop: Address, ctx: &Context<'_>) {
    ctx.notify(shop, Pay(3));
}

fn main() {}
