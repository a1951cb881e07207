use std::rc::Rc;

use rohrpost::{Address, Context, Message, Namespace, Outcome, RegisterError, Target};

struct Reader(Rc<u64>);

impl Target for Reader {
    fn receive(&mut self, _message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        Outcome::Handled
    }
}

fn open(namespace: &Namespace) -> Result<Address, RegisterError> {
    namespace.register(Reader(Rc::new(7)))
}

fn main() {}
