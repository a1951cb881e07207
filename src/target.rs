//! [`Target`]: an object that receives mail, and what happens to it when it panics.

use std::any::Any;

use crate::context::Context;
use crate::message::Message;

/// What a handler says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It has been dealt with. Without another code that means [`Code::OK`](crate::Code::OK).
    Handled,
    /// Its code stays as it is: [`Code::NOT_HANDLED`](crate::Code::NOT_HANDLED) if the handler set none.
    NotHandled,
}

/// What happens to a target that panicked. The message comes back with [`Code::EXCEPTION`](crate::Code::EXCEPTION)
/// in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnPanic {
    /// It is deregistered and dropped; [`Target::stopping`] is not called.
    #[default]
    Deregister,
    /// It stays as the panic left it.
    Keep,
    /// It is dropped, and its factory makes a new one under the same address: at once, or as
    /// [`Setup::restart`](crate::Setup::restart) says. A target without a factory is deregistered.
    Restart,
}

/// An object that receives mail.
///
/// All its methods run on one thread, the one it was registered on, and never inside each other. It sees whole
/// messages; for one method a record, implement [`Handle`](crate::Handle) and let
/// [`handles!`](crate::handles!) write this.
///
/// ```
/// use rohrpost::{Context, Message, Outcome, Target};
///
/// /// Sends everything on to somebody else.
/// struct Gate {
///     to: rohrpost::Address,
/// }
///
/// impl Target for Gate {
///     fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
///         ctx.forward(message, self.to);
///         Outcome::Handled
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no target",
    label = "no `handles!({Self}: ..)` and no `impl Target for {Self}`",
    note = "write `handles!({Self}: SomeRecord, ..);` beside its `impl Handle<SomeRecord>`, or `impl Target for {Self}`"
)]
pub trait Target: Any {
    /// Receives a message. What it does not handle goes back with the message's code.
    fn receive(&mut self, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome;

    /// Receives an answer, or a message of its own that came back. Nothing that is done to it has an effect.
    fn answered(&mut self, answer: &mut Message<'_>, ctx: &mut Context<'_>) {
        let _ = (answer, ctx);
    }

    /// Sees a message to a service that it observes, before the service's owner gets it. It belongs to somebody else:
    /// nothing that is done here answers or returns it.
    fn observed(&mut self, message: &Message<'_>, ctx: &mut Context<'_>) {
        let _ = (message, ctx);
    }

    /// Called first, before any mail.
    fn started(&mut self, ctx: &mut Context<'_>) {
        let _ = ctx;
    }

    /// Called last, unless it panicked. It may still send; what comes back finds it gone.
    fn stopping(&mut self, ctx: &mut Context<'_>) {
        let _ = ctx;
    }
}
