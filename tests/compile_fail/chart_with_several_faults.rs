use rohrpost::{hsm, machine::Model};

struct Door;
impl Model for Door {
    type Event<'e> = u32;
    type Context<'c> = ();
}

hsm! {
    chart DoorChart for Door;
    events DoorEvent { Push = 1, Pull = 2 }

    initial Closed;
    initial Open;
    state Closed {
        on Push => Opne;
        on Pull => Open;
        on Pull => Closed;
    }
    state Open {
        defer Push;
        on Push / |_, _, _| {};
        history Last;
    }
}

fn main() {}
