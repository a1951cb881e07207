use rohrpost::{Address, Context, Failure, Handle, Namespace, RegisterError, record};

#[derive(Clone, Debug)]
struct Pay(u64);
record!(Pay, "shop.pay");

struct Shop;

impl Handle<Pay> for Shop {
    fn handle(&mut self, _pay: &Pay, _ctx: &mut Context<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

fn open(namespace: &Namespace) -> Result<Address, RegisterError> {
    namespace.register(Shop)
}

fn main() {}
