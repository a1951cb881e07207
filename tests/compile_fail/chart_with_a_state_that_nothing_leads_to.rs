use rohrpost::{hsm, machine::Model};

struct Door;
impl Model for Door {
    type Event<'e> = u32;
    type Context<'c> = ();
}

hsm! {
    chart DoorChart for Door;
    events DoorEvent { Push = 1 }

    initial Closed;
    state Closed {
        on Push => Closed;
    }
    state Open {}
}

fn main() {}
