//! What [`rohrpost::testing`] says of itself: a kernel on the test's thread, by a seed and a clock turned by hand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod driving;
mod ending;
mod exploring;
mod observing;
mod probes;
mod time;
mod timers;

use rohrpost::{Address, Context, Failure, Handle, handles, record};

#[derive(Clone, Debug, PartialEq, Eq)]
struct Add(i64, i64);
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sum(i64);
#[derive(Clone, Debug, PartialEq, Eq)]
struct Note(u32);
/// A record that cannot be copied.
#[derive(Debug, PartialEq, Eq)]
struct Single(u32);
record!(Add, "calc.add" => Sum);
record!(Sum, "calc.sum");
record!(Note, "test.note");
record!(Single, "test.single", no_clone);

struct Calculator;
impl Handle<Add> for Calculator {
    fn handle(&mut self, add: &Add, _ctx: &mut Context<'_>) -> Result<Sum, Failure> {
        Ok(Sum(add.0 + add.1))
    }
}
handles!(Calculator: Add);

/// Passes each note on, one less, until it is 0.
struct Relay(Address);
impl Handle<Note> for Relay {
    fn handle(&mut self, note: &Note, ctx: &mut Context<'_>) -> Result<(), Failure> {
        if let Some(less) = note.0.checked_sub(1) {
            ctx.notify(self.0, Note(less));
        }
        Ok(())
    }
}
handles!(Relay: Note);

/// The text of the panic of `run`.
fn panic_of<R>(run: impl FnOnce() -> R) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).err().expect("expected a panic");
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).expect("expected a panic with a text")
}
