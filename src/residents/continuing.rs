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
use crate::residents::Extra;
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
        if let Some(unheard) = continuation {
            // Who has left already is called no more.
            let _ = self.guard_for(requester, || drop(unheard));
        }
    }

    /// Drops the continuations of a target that goes.
    #[inline]
    pub(crate) fn drop_continuations(&self, tid: Tid) {
        let has_any = |extra: &Extra| !extra.continuations.is_empty();
        if self.slots.with(|slots| slots.find(tid).is_some_and(|slot| slot.extra.as_deref().is_some_and(has_any))) {
            self.drop_each_continuation(tid);
        }
    }

    /// Each by itself, as any of them may panic.
    #[cold]
    fn drop_each_continuation(&self, tid: Tid) {
        let left = self.with_extra(tid, |extra| std::mem::take(&mut extra.continuations));
        for (_, continuation) in left.into_iter().flatten() {
            let _ = self.guard_for(tid, || drop(continuation));
        }
    }
}
