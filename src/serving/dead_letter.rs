//! Dead letters: mail that failed and had nobody to come back to, as a topic that can be observed.

use crate::address::Address;
use crate::code::Code;
use crate::counters::Count;
use crate::directory::Directory;
use crate::events;
use crate::message::Message;
use crate::record;

/// A message that failed and could not come back, because it had no sender or its sender has gone.
///
/// Published to the topic of this record in the namespace `SYSTEM`, when somebody observes it; otherwise it costs
/// nothing. The message itself has been dropped. A copy that is lost is no dead letter.
///
/// ```
/// use rohrpost::{Code, Context, DeadLetter, Kernel, Observes, handles};
///
/// struct Postmaster;
/// impl Observes<DeadLetter> for Postmaster {
///     fn observed(&mut self, letter: &DeadLetter, _ctx: &mut Context<'_>) {
///         assert_eq!((letter.record, letter.code), ("rohrpost.done", Code::NO_TARGET));
///     }
/// }
/// handles!(Postmaster: observes DeadLetter);
///
/// let kernel = Kernel::builder("car-7").start()?;
/// let (app, mut worker) = kernel.namespace("navigation").driven()?;
/// let postmaster = app.register(Postmaster)?;
/// kernel.namespace("SYSTEM").open()?.observe::<DeadLetter>(postmaster)?;
/// let nobody = app.register(Postmaster)?;
/// app.deregister(nobody)?;
/// worker.run_until_idle();
///
/// kernel.notify(nobody, ())?;                    // found out on the other thread
/// worker.run_until_idle();
/// assert_eq!(kernel.counters().observed, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The target that sent it; `None` for a plain thread.
    pub sender: Option<Address>,
    /// To whom it was addressed.
    pub receiver: Address,
    /// The name of its first record.
    pub record: &'static str,
    /// What became of it.
    pub code: Code,
    /// The text to the code.
    pub text: String,
}

record!(DeadLetter, "rohrpost.dead-letter");

impl Directory {
    /// Counts a message whose sender is gone, and tells whoever observes dead letters.
    pub(crate) fn mourn(&self, message: &Message<'_>, count: impl Fn(Count)) {
        let lost = message.lost();
        count(lost);
        if matches!(lost, Count::DeadLetters) {
            self.tell_of(message);
        }
    }

    /// Tells whoever observes dead letters of one.
    pub(crate) fn tell_of(&self, message: &Message<'_>) {
        events::dead_letter(message);
        if !self.dead_letters.is_observed() {
            return;
        }
        let letter = DeadLetter {
            sender: message.origin(),
            receiver: message.destination(),
            record: message.asked().name(),
            code: message.code,
            text: message.text().to_owned(),
        };
        self.announce(&self.dead_letters, letter);
    }
}
