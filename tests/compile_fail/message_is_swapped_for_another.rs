use rohrpost::{Address, Context, Message, Outcome, Target};

struct Thief(Message<'static>);

impl Target for Thief {
    fn receive(&mut self, message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        std::mem::swap(message, &mut self.0);
        Outcome::Handled
    }
}

struct Forger(Address);

impl Target for Forger {
    fn receive(&mut self, message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        *message = Message::notification(self.0, ());
        Outcome::Handled
    }
}

fn main() {}
