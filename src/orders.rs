//! Orders: what other threads have a worker do between two messages.

use crate::code::Code;
use crate::core::Core;
use crate::id::Tid;
use crate::post::{Mail, Post};
use crate::residents::Extra;
use crate::ring::PushError;
use crate::setup::RegisterError;
use crate::sync::Arc;
use crate::target::Target;

/// Has a target deregistered on its thread.
pub(crate) fn deregister(post: &Post, tid: Tid) -> Result<(), Code> {
    let order = move |core: &Core| {
        // It may have gone meanwhile, which is what was wanted.
        let _ = core.deregister(tid);
    };
    post.inbox.push_reserved(Mail::order(order)).map_err(|_| Code::STOPPED)
}

/// Has `order` done, even if the hand-off is full; `false` if the worker has ended.
pub(crate) fn command(post: &Post, order: impl FnOnce(&Core) + Send + 'static) -> bool {
    post.inbox.push_reserved(Mail::order(order)).is_ok()
}

/// Registers what `make` makes on the thread of `post`; the id is known at once.
///
/// `claim` keeps the target's name for its id before anybody can find it, and may refuse.
pub(crate) fn register(
    post: &Arc<Post>,
    claim: impl FnOnce(Tid) -> Result<(), RegisterError>,
    unclaim: impl Fn(Tid) + Send + 'static,
    make: impl FnOnce() -> (Box<dyn Target>, Option<Extra>) + Send + 'static,
) -> Result<Tid, RegisterError> {
    let tid = post.reserve().map_err(|_| RegisterError::TooManyTargets)?;
    let vacate = move |post: &Post| post.give_back(tid.slot() as u32, tid.generation());
    if let Err(error) = claim(tid) {
        vacate(post);
        return Err(error);
    }
    let order = {
        let unclaim = Undo(Some(move || unclaim(tid)));
        move |core: &Core| {
            if core.is_closing() {
                return;
            }
            let mut unclaim = unclaim;
            match core.guard(make) {
                Ok((target, extra)) => {
                    unclaim.0 = None;
                    core.settle_in(tid, target, extra, true);
                }
                // Its id has been told already, so nobody else gets it.
                Err(_) => core.retire(tid),
            }
        }
    };
    match post.inbox.push(Mail::order(order)) {
        Ok(()) => Ok(tid),
        Err(refused) => {
            vacate(post);
            Err(match refused {
                PushError::Full(_) => RegisterError::Busy,
                PushError::Closed(_) => RegisterError::Stopped,
            })
        }
    }
}

/// Takes back what was done in advance, unless it has been disarmed.
struct Undo<F: FnMut()>(Option<F>);

impl<F: FnMut()> Drop for Undo<F> {
    fn drop(&mut self) {
        if let Some(undo) = &mut self.0 {
            undo();
        }
    }
}
