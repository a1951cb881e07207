use rohrpost::{hsm, machine::Model};

struct Door;
impl Model for Door {
    type Event<'e> = u32;
    type Context<'c> = ();
}

mod misspelt {
    use super::*;
    hsm! {
        chart Chart for Door;
        events Event { Push = 1 }
        initial Closed;
        stat Closed {}
    }
}

mod unknown {
    use super::*;
    hsm! {
        chart Chart for Door;
        events Event { Push = 1 }
        initial Closed;
        state Closed {
            when Push => Closed;
        }
    }
}

mod unfinished {
    use super::*;
    hsm! {
        chart Chart for Door;
        events Event { Push = 1 }
        initial Closed;
        state Closed {
            on Push -> Closed;
        }
    }
}

mod repeated {
    use super::*;
    hsm! {
        chart Chart for Door;
        events Event { Push = 1 }
        initial Closed;
        state Closed {
            entry |_, _, _| {};
            entry |_, _, _| {};
        }
    }
}

fn main() {}
