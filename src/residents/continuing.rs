//! Continuations: what a target has asked to be called with the answers to some of its requests.
//!
//! They are a target's own, and go when it goes: what they hold comes back.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::context::Context;
use crate::core::Core;
use crate::id::Tid;
use crate::message::Message;
use crate::pending::IdHasher;
use crate::target::Target;

/// What [`Requested::then_on`](crate::Requested::then_on) leaves behind.
pub(crate) type Continuation = Box<dyn FnOnce(&mut dyn Target, Message<'static>, &mut Context<'_>) -> Unclaimed>;

/// The answer, if the continuation was not for this kind of target.
pub(crate) type Unclaimed = Option<Message<'static>>;

/// Those of one target, by request.
pub(crate) type Continuations = HashMap<u64, Continuation, BuildHasherDefault<IdHasher>>;

impl Core {
    /// Has `continuation` called with the answer to `request`.
    pub(crate) fn then(&self, requester: Tid, request: u64, continuation: Continuation) {
        let mut continuation = Some(continuation);
        self.with_extra(requester, |extra| extra.continuations.extend(continuation.take().map(|then| (request, then))));
        // Who has left already is called no more.
        let _ = self.guard_for(requester, || drop(continuation));
    }

    /// Drops the continuations of a target that goes, each by itself, as any of them may panic.
    pub(crate) fn drop_continuations(&self, tid: Tid) {
        let left = self.slots.with(|slots| Some(std::mem::take(&mut slots.find(tid)?.extra.as_mut()?.continuations)));
        for (_, continuation) in left.into_iter().flatten() {
            let _ = self.guard_for(tid, || drop(continuation));
        }
    }
}
