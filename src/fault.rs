//! What a panic leaves behind: a text for the sender, and a payload that has to be dropped.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many payloads in a row may panic when they are dropped before the next one is leaked.
const PAYLOADS: usize = 8;

/// The text of a panic. Drops its payload.
pub(crate) fn text_of(payload: Box<dyn Any + Send>) -> String {
    let text = match payload.downcast_ref::<&str>() {
        Some(text) => (*text).to_owned(),
        None => match payload.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => "a panic without a text".to_owned(),
        },
    };
    bury(payload);
    text
}

/// Runs what must harm nobody if it panics: a record's `Drop` in another's handler, a task's waker.
pub(crate) fn quietly(run: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        bury(payload);
    }
}

/// Drops the payload of a panic. One that panics when it is dropped leaves another, which may do so, too.
fn bury(payload: Box<dyn Any + Send>) {
    let mut payload = payload;
    for _ in 0..PAYLOADS {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    #[expect(clippy::mem_forget, reason = "a payload that panics each time it is dropped cannot be dropped")]
    std::mem::forget(payload);
}
