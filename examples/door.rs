//! The smallest machine: a door, and its diagram.
//!
//! Look at `hsm!`: the whole behaviour stands in one place, the compiler checks it, and the same table draws the diagram at
//! the end. Paste that into any Markdown page that knows Mermaid. Nothing else of the library is needed for a machine on
//! its own; see the example `checkout` for one that receives mail.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use rohrpost::hsm;
use rohrpost::machine::{Engine, Format, Model, Step, Verdict};

/// What can happen to a door.
#[derive(Clone, Copy, Debug)]
enum Hand {
    Push,
    Pull,
    Turn { key: u32 },
}

hsm! {
    chart DoorChart for Door;

    events DoorEvent {
        Push = Hand::Push,
        Pull = Hand::Pull,
        Turn = Hand::Turn { .. },
    }

    initial Closed;

    state Open {
        entry |door, _, _| door.opened += 1;
        on Pull => Closed;
    }
    state Closed {
        initial Unlocked;

        state Unlocked {
            on Push => Open;
            on Turn if |door, _, query| query.event().is_some_and(|hand| door.fits(*hand)) => Locked / Door::click;
        }
        state Locked {
            on Turn if |door, _, query| query.event().is_some_and(|hand| door.fits(*hand)) => Unlocked / Door::click;
        }
    }
}

/// What the chart is about: everything of a door that is no state.
struct Door {
    key: u32,
    opened: u32,
}

impl Model for Door {
    type Event<'e> = Hand;
    type Context<'c> = ();
}

impl Door {
    fn fits(&self, hand: Hand) -> bool {
        matches!(hand, Hand::Turn { key } if key == self.key)
    }

    fn click(&mut self, _: &mut (), _: &mut Step<'_, Hand>) {
        println!("    click");
    }
}

fn main() {
    let mut door = Door { key: 7, opened: 0 };
    let mut engine = Engine::new(DoorChart);
    engine.start(&mut door, &mut ());

    let day = [Hand::Push, Hand::Pull, Hand::Turn { key: 3 }, Hand::Turn { key: 7 }, Hand::Push];
    for mut hand in day {
        let said = format!("{hand:?}");
        let what = match engine.handle(&mut hand, &mut door, &mut ()).verdict() {
            Verdict::Handled => "",
            _ => "  (nothing happens)",
        };
        println!("{said:<16} {}{what}", engine.table().name_of(engine.state()));
    }
    println!("opened {} time(s), {} bytes a machine\n", door.opened, size_of_val(&engine));

    println!("{}", engine.table().diagram(Format::Mermaid).mark(engine.leaves()));
}
