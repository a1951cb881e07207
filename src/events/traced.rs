//! What ends badly, told to `tracing`: each return, dead letter, panic and restart, where it is counted; and each late
//! timer.
//!
//! A subscriber is the program's code and may do what it likes, on the thread where the thing happened. So these are
//! called where a handler could be, too: no lock is held, and no step in a cell. A subscriber that panics harms nobody.
//! It gets texts and not addresses, because an address that prints itself holds the table of names.

use std::time::Duration;

use tracing::{Level, event};

use crate::address::Address;
use crate::fault::quietly;
use crate::id::NodeId;
use crate::message::Message;

/// How long after it was due a tick counts as late. A thread that is not overloaded wakes much sooner.
const LATE: Duration = Duration::from_millis(10);

/// A message is with its sender again; told if it failed.
#[inline]
pub(crate) fn reached(message: &Message<'_>) {
    if !message.code.is_ok() {
        returned(message);
    }
}

#[cold]
fn returned(message: &Message<'_>) {
    quietly(|| {
        event!(
            target: "rohrpost::return",
            Level::DEBUG,
            code = %message.code,
            sender = origin(message).as_deref(),
            receiver = message.destination().to_string().as_str(),
            record = message.asked().name(),
            text = text(message),
            "mail came back"
        );
    });
}

/// A message failed and has nobody to come back to.
#[cold]
pub(crate) fn dead_letter(message: &Message<'_>) {
    quietly(|| {
        event!(
            target: "rohrpost::dead_letter",
            Level::WARN,
            code = %message.code,
            sender = origin(message).as_deref(),
            receiver = message.destination().to_string().as_str(),
            record = message.asked().name(),
            text = text(message),
            "mail failed and had nobody to come back to"
        );
    });
}

/// A message from `node` was not let in.
#[cold]
pub(crate) fn kept_out(message: &Message<'_>, node: NodeId) {
    quietly(|| {
        event!(
            target: "rohrpost::kept_out",
            Level::INFO,
            code = %message.code,
            node = node.to_string().as_str(),
            receiver = message.destination().to_string().as_str(),
            record = message.asked().name(),
            text = text(message),
            "mail from another node was not let in"
        );
    });
}

/// Something of a user's panicked, in a method of `target` if it was one of a target's.
#[cold]
pub(crate) fn panicked(target: Option<Address>, text: &str) {
    quietly(|| {
        event!(
            target: "rohrpost::panic",
            Level::WARN,
            address = target.map(|target| target.to_string()).as_deref(),
            text,
            "a panic was caught"
        );
    });
}

/// A target was made anew by its factory.
#[cold]
pub(crate) fn restarted(target: Address) {
    quietly(|| {
        event!(
            target: "rohrpost::restart",
            Level::INFO,
            address = target.to_string().as_str(),
            "a target was made anew"
        );
    });
}

/// A timer's tick was given to `target`, so long after it was due; told if that was late.
pub(crate) fn ticked(target: Address, missed: u64, lateness: impl FnOnce() -> Duration) {
    let lateness = lateness();
    if missed > 0 || lateness >= LATE {
        late(target, missed, lateness);
    }
}

#[cold]
fn late(target: Address, missed: u64, lateness: Duration) {
    quietly(|| {
        event!(
            target: "rohrpost::late_timer",
            Level::INFO,
            address = target.to_string().as_str(),
            missed,
            lateness = ?lateness,
            "a timer was late"
        );
    });
}

/// The target that sent it, if one did.
fn origin(message: &Message<'_>) -> Option<String> {
    message.origin().map(|sender| sender.to_string())
}

/// The text to the code, if there is any.
fn text<'a>(message: &'a Message<'_>) -> Option<&'a str> {
    Some(message.text()).filter(|text| !text.is_empty())
}
