//! Held messages: taken out of a handler, answered later, from any thread.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::address::Address;
use crate::code::{Code, Failure};
use crate::core::Core;
use crate::counters::Count;
use crate::directory::Directory;
use crate::id::Nid;
use crate::message::Message;
use crate::post::Post;
use crate::record::Record;
use crate::sync::Ordering;

/// A message that was taken out of its handler with [`Context::hold`](crate::Context::hold).
///
/// Its sender still waits. It ends with [`answer`](Self::answer), [`finish`](Self::finish), [`fail`](Self::fail) or
/// [`forward`](Self::forward); dropped, it goes back with the code it has ([`Code::NOT_HANDLED`], or
/// [`Code::STOPPED`] when it is dropped together with the target that held it, [`Code::EXCEPTION`] when its handler
/// panics with it in hand).
///
/// It is `Send`: hold it, do the work on another thread, and answer from there. Cost: it is the message itself, about
/// 140 bytes and no allocation, and two reference counts that threads share.
#[must_use = "a held message that is dropped goes back to its sender"]
pub struct HeldMessage {
    /// `None` when it has ended.
    message: Option<Message<'static>>,
    /// The worker whose target holds it, where it is counted; `None` if a port has it.
    keeper: Option<Arc<Post>>,
    pub(crate) directory: Arc<Directory>,
}

/// A held message of which the first record is an `R`; see [`Later`](crate::Later).
///
/// ```
/// use rohrpost::{Context, Held, Later, handles, record};
///
/// #[derive(Clone, Debug)]
/// struct Pay(u64);
/// #[derive(Clone, Debug)]
/// struct Receipt(u64);
/// record!(Pay, "shop.pay" => Receipt);
/// record!(Receipt, "shop.receipt");
///
/// #[derive(Default)]
/// struct Shop;
///
/// impl Later<Pay> for Shop {
///     fn handle(&mut self, pay: Held<Pay>, _ctx: &mut Context<'_>) {
///         std::thread::spawn(move || {
///             let amount = pay.0;                    // a `Held<Pay>` is a `Pay` to look at
///             pay.answer(Receipt(amount));
///         });
///     }
/// }
/// handles!(Shop: later Pay);
/// ```
#[must_use = "a held message that is dropped goes back to its sender"]
pub struct Held<R> {
    message: HeldMessage,
    record: PhantomData<R>,
}

/// Why a message was not held. It stays in the handler; its code says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HoldError {
    /// The worker holds as many messages as it may.
    #[error("the worker holds as many messages as it may; raise its `held` bound, or answer some")]
    Busy,
    /// The sender waits for it on the stack, in [`Context::call`](crate::Context::call).
    #[error("the sender waits on the stack, so its message cannot be held; it should use `request`")]
    WouldBlock,
    /// It has been taken already, is on its way back, a copy, was never sent, or its records are handled one by one.
    #[error(
        "there is nothing to hold: the message was taken already, is an answer or a copy, was never sent, or has several \
         records"
    )]
    Taken,
}

impl HeldMessage {
    /// Takes room for one more held message of `core`, or not.
    pub(crate) fn reserve(core: &Core) -> bool {
        let held = &core.post.held;
        if held.fetch_add(1, Ordering::Relaxed) < core.post.limits.held {
            return true;
        }
        held.fetch_sub(1, Ordering::Relaxed);
        false
    }

    pub(crate) fn new(message: Message<'static>, core: &Core) -> Self {
        Self { message: Some(message), keeper: Some(core.post.clone()), directory: core.directory.clone() }
    }

    /// One for a port, which answers for it from here on.
    pub(crate) const fn abroad(message: Message<'static>, directory: Arc<Directory>) -> Self {
        Self { message: Some(message), keeper: None, directory }
    }

    /// The message.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "what ends the message takes `self`")]
    pub fn message(&self) -> &Message<'static> {
        self.message.as_ref().expect("a held message is there until it ends")
    }

    /// The first record of type `R`.
    #[must_use]
    pub fn record<R: Record>(&self) -> Option<&R> {
        self.message().record()
    }

    /// Sends `answer` in the place of the records, with [`Code::OK`].
    pub fn answer<R: Record>(mut self, answer: R) {
        if let Some(message) = &mut self.message {
            message.answer(answer);
        }
        self.end();
    }

    /// Ends it with `code`: [`Code::OK`] answers with the records as they are, another sends them back.
    pub fn finish(mut self, code: Code) {
        if let Some(message) = &mut self.message {
            message.set_code(code);
        }
        self.end();
    }

    /// Sends it back with a code and a text.
    pub fn fail(mut self, failure: Failure) {
        if let Some(message) = &mut self.message {
            message.fail(failure);
        }
        self.end();
    }

    /// Passes it on; the first sender gets the answer of whoever handles it.
    ///
    /// A missing namespace or node is that of the target which held it.
    pub fn forward(mut self, to: Address) {
        let Some(mut message) = self.take() else {
            return;
        };
        message.renew();
        self.directory.catalogue.unload(&mut message);
        message.tid = to.tid;
        message.nid =
            if let Some(nid) = to.nid() { nid } else { self.keeper.as_ref().map_or(Nid::UNSET, |keeper| keeper.nid) };
        message.send_elsewhere(to.node().filter(|&node| node != self.directory.node));
        if let Some(core) = self.here() {
            core.forward_held(message);
            return;
        }
        if let Err(code) = self.directory.pass_on(&mut message) {
            message.set_code(code);
            drop(self.directory.send_back(&mut message, |count| self.count(count)));
        }
    }

    /// The message, to be looked at by guards.
    pub(crate) const fn message_mut(&mut self) -> Option<&mut Message<'static>> {
        self.message.as_mut()
    }

    /// The message, held no longer.
    pub(crate) fn into_message(mut self) -> Option<Message<'static>> {
        self.take()
    }

    /// The core of the present thread, if it belongs to the same node.
    fn here(&self) -> Option<std::rc::Rc<Core>> {
        Core::current().filter(|core| Arc::ptr_eq(&core.directory, &self.directory))
    }

    fn take(&mut self) -> Option<Message<'static>> {
        let message = self.message.take()?;
        if let Some(keeper) = &self.keeper {
            keeper.held.fetch_sub(1, Ordering::Relaxed);
        }
        Some(message)
    }

    fn end(&mut self) {
        let Some(mut message) = self.take() else {
            return;
        };
        let Some(core) = self.here() else {
            drop(self.directory.send_back(&mut message, |count| self.count(count)));
            return;
        };
        if message.code == Code::NOT_HANDLED {
            if core.is_unwinding() {
                core.unwound.borrow_mut().push(message);
                return;
            }
            if core.tearing.get() {
                message.code = Code::STOPPED;
            }
        }
        core.send_back(&mut message);
    }

    fn count(&self, count: Count) {
        self.directory.outside.shared(count);
    }
}

impl Drop for HeldMessage {
    fn drop(&mut self) {
        // A port that drops a message says nothing of its end; one that ends it with NOT_HANDLED was told that.
        if self.keeper.is_none()
            && let Some(message) = &mut self.message
            && message.code == Code::NOT_HANDLED
        {
            message.code = Code::NODE_LOST;
        }
        self.end();
    }
}

impl fmt::Debug for HeldMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HeldMessage").field(&self.message).finish()
    }
}

impl<R: Record> Held<R> {
    /// The held message as an `R`, if its first record is one.
    pub(crate) fn new(message: HeldMessage) -> Option<Self> {
        message.message().kind().is::<R>().then_some(Self { message, record: PhantomData })
    }

    /// Answers it.
    pub fn answer(self, answer: R::Answer) {
        self.message.answer(answer);
    }

    /// Sends it back with a code and a text.
    pub fn fail(self, failure: Failure) {
        self.message.fail(failure);
    }

    /// Passes it on; the first sender gets the answer of whoever handles it.
    pub fn forward(self, to: Address) {
        self.message.forward(to);
    }

    /// The whole message.
    #[must_use]
    pub fn message(&self) -> &Message<'static> {
        self.message.message()
    }

    /// The same without its type.
    pub fn into_inner(self) -> HeldMessage {
        self.message
    }
}

impl<R: Record> Deref for Held<R> {
    type Target = R;

    fn deref(&self) -> &R {
        self.message().record().expect("the first record is an `R`")
    }
}

impl<R: Record> fmt::Debug for Held<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Held").field(&**self).finish()
    }
}
