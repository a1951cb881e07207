use rohrpost::{Context, Failure, Handle, handles, record};

#[derive(Clone, Debug)]
struct Pay(u64);
record!(Pay, "shop.pay");

struct Shop;

impl Handle<Pay> for Shop {
    fn handle(&mut self, _pay: &Pay, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

handles!(Shop: Pay; sometimes Pay);

fn main() {}
