use rohrpost::{Context, Message, Outcome, Target};

struct Hoarder<'a>(Vec<&'a mut Message<'a>>);

impl Target for Hoarder<'static> {
    fn receive(&mut self, message: &mut Message<'_>, _ctx: &mut Context<'_>) -> Outcome {
        self.0.push(message);
        Outcome::Handled
    }
}

fn main() {}
