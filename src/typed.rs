//! Typed targets: one method for one record, and [`handles!`](crate::handles!), which makes a `Target` of them.

use crate::code::{Code, Failure};
use crate::context::Context;
use crate::held::Held;
use crate::message::{Message, RecordRef, RequestId};
use crate::record::Record;
use crate::target::{Outcome, Target};

/// Handles records of type `R` at once.
///
/// The answer goes to whoever wants one. A failure sends the message back with its code and text.
///
/// ```
/// use rohrpost::{Code, Context, Failure, Handle, handles, record};
///
/// #[derive(Clone, Debug)]
/// struct Add(i64, i64);
/// #[derive(Clone, Debug)]
/// struct Sum(i64);
/// record!(Add, "calc.add" => Sum);
/// record!(Sum, "calc.sum");
///
/// const OVERFLOW: Code = Code::application(0);
///
/// struct Calculator;
/// impl Handle<Add> for Calculator {
///     fn handle(&mut self, add: &Add, _ctx: &mut Context<'_>) -> Result<Sum, Failure> {
///         add.0.checked_add(add.1).map(Sum).ok_or_else(|| Failure::new(OVERFLOW, "the sum does not fit"))
///     }
/// }
/// handles!(Calculator: Add);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists `{R}` in `handles!` but does not handle it",
    label = "no `impl Handle<{R}> for {Self}`",
    note = "write `impl Handle<{R}> for {Self}`, or list it behind `later` if it implements `Later<{R}>`"
)]
pub trait Handle<R: Record> {
    /// Handles one record.
    ///
    /// # Errors
    ///
    /// What the sender is to read: the message goes back to it.
    fn handle(&mut self, record: &R, ctx: &mut Context<'_>) -> Result<R::Answer, Failure>;
}

/// Handles records of type `R`, and answers when it likes, from any thread.
///
/// A message that cannot be held goes back with [`Code::BUSY`] or [`Code::WOULD_BLOCK`]. Of a message with several
/// records nothing is held: it goes back with [`Code::NOT_HANDLED`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists `later {R}` in `handles!` but does not handle it",
    label = "no `impl Later<{R}> for {Self}`",
    note = "write `impl Later<{R}> for {Self}`, or list it without `later` if it implements `Handle<{R}>`"
)]
pub trait Later<R: Record> {
    /// Takes one message over. Dropping it sends it back.
    fn handle(&mut self, held: Held<R>, ctx: &mut Context<'_>);
}

/// Receives the answers of type `A` to this target's requests.
///
/// ```
/// use rohrpost::{Answers, Context, Failure, RequestId, handles, record};
///
/// #[derive(Clone, Debug)]
/// struct Quote(u64);
/// record!(Quote, "shop.quote");
///
/// struct Buyer;
/// impl Answers<Quote> for Buyer {
///     fn answered(&mut self, quote: Result<Quote, Failure>, _request: Option<RequestId>, _ctx: &mut Context<'_>) {
///         match quote {
///             Ok(Quote(_price)) => { /* buy */ }
///             Err(_failure) => { /* ask somebody else */ }
///         }
///     }
/// }
/// handles!(Buyer: answers Quote);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists `answers {A}` in `handles!` but does not receive it",
    label = "no `impl Answers<{A}> for {Self}`",
    note = "write `impl Answers<{A}> for {Self}`"
)]
pub trait Answers<A: Record> {
    /// Receives an answer, or why there is none. A notification that came back has no request id; it belongs to the
    /// type that would have answered it.
    fn answered(&mut self, answer: Result<A, Failure>, request: Option<RequestId>, ctx: &mut Context<'_>);
}

/// Sees records of type `R` that are sent to a service which this target observes.
///
/// ```
/// use rohrpost::{Context, Observes, handles, record};
///
/// #[derive(Clone, Debug)]
/// struct Tick(u64);
/// record!(Tick, "clock.tick");
///
/// struct Display(u64);
/// impl Observes<Tick> for Display {
///     fn observed(&mut self, tick: &Tick, _ctx: &mut Context<'_>) {
///         self.0 = tick.0;
///     }
/// }
/// handles!(Display: observes Tick);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists `observes {R}` in `handles!` but does not observe it",
    label = "no `impl Observes<{R}> for {Self}`",
    note = "write `impl Observes<{R}> for {Self}`, and attach it: see `Namespace::observe` and `Context::observe`"
)]
pub trait Observes<R: Record> {
    /// Sees one record. It is on its way to somebody else.
    fn observed(&mut self, record: &R, ctx: &mut Context<'_>);
}

/// The hook behind `hooks started` of [`handles!`](crate::handles!).
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists the hook `started` in `handles!` but has none",
    note = "write `impl Started for {Self}`"
)]
pub trait Started {
    /// Called first, before any mail.
    fn started(&mut self, ctx: &mut Context<'_>);
}

/// The hook behind `hooks stopping` of [`handles!`](crate::handles!).
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists the hook `stopping` in `handles!` but has none",
    note = "write `impl Stopping for {Self}`"
)]
pub trait Stopping {
    /// Called last, unless the target panicked.
    fn stopping(&mut self, ctx: &mut Context<'_>);
}

#[doc(hidden)]
#[inline]
pub fn handle<T: Handle<R>, R: Record>(target: &mut T, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
    let Some(record) = message.body.get::<R>() else {
        return Outcome::NotHandled;
    };
    match target.handle(record, ctx) {
        Ok(answer) => {
            if message.wants_answer() {
                message.answer(answer);
            }
            Outcome::Handled
        }
        Err(failure) => {
            message.fail(failure);
            Outcome::NotHandled
        }
    }
}

/// Handles the records of a message one by one; the first that is not handled or fails decides the code.
#[doc(hidden)]
pub fn each<T: Target>(target: &mut T, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
    let records = message.records().count();
    message.begin_parts();
    let handled = (0..records).all(|index| {
        message.bring_forward(index);
        message.set_code(Code::NOT_HANDLED);
        let outcome = target.receive(message, ctx);
        message.bring_forward(index);
        outcome == Outcome::Handled && matches!(message.code(), Code::OK | Code::NOT_HANDLED)
    });
    message.end_parts(handled);
    if handled { Outcome::Handled } else { Outcome::NotHandled }
}

#[doc(hidden)]
pub fn later<T: Later<R>, R: Record>(target: &mut T, message: &mut Message<'_>, ctx: &mut Context<'_>) -> Outcome {
    match ctx.hold(message).map(Held::new) {
        Ok(Some(held)) => {
            target.handle(held, ctx);
            Outcome::Handled
        }
        _ => Outcome::NotHandled,
    }
}

#[doc(hidden)]
pub fn answered<T: Answers<A>, A: Record>(target: &mut T, answer: &mut Message<'_>, ctx: &mut Context<'_>) -> bool {
    let request = answer.request_id();
    let result = if answer.code().is_ok() {
        match answer.take_answer() {
            Some(answer) => Ok(answer),
            None => return false,
        }
    } else if answer.asked().answered_by::<A>() {
        Err(answer.take_failure())
    } else {
        return false;
    };
    target.answered(result, request, ctx);
    true
}

/// Has `one` see each record of a message in order; most have one.
#[doc(hidden)]
#[inline]
pub fn see(message: &Message<'_>, mut one: impl FnMut(RecordRef<'_>)) {
    let mut records = message.records();
    if message.has_several() {
        return records.for_each(one);
    }
    if let Some(record) = records.next() {
        one(record);
    }
}

/// Writes `impl Target` for a typed target.
///
/// The sections are separated by semicolons; each is optional. Records without a word are handled at once
/// ([`Handle`]), those behind `later` are held ([`Later`]); `answers` lists the answers that are wanted ([`Answers`]),
/// others are counted and dropped; `observes` lists the records that it sees of services ([`Observes`]); `hooks` are
/// `started` and `stopping` ([`Started`], [`Stopping`]). A generic target is listed once for each type it is used with
/// (`handles!(Cache<u32>: Add)`), or implements [`Target`](crate::Target) itself.
///
/// ```
/// # use rohrpost::*;
/// # #[derive(Clone, Debug)] struct Add(i64, i64);
/// # #[derive(Clone, Debug)] struct Reset;
/// # #[derive(Clone, Debug)] struct Pay;
/// # #[derive(Clone, Debug)] struct Quote;
/// # record!(Add, "calc.add"); record!(Reset, "calc.reset"); record!(Pay, "shop.pay"); record!(Quote, "shop.quote");
/// # struct Calculator;
/// # impl Handle<Add> for Calculator { fn handle(&mut self, _: &Add, _: &mut Context<'_>) -> Result<(), Failure> { Ok(()) } }
/// # impl Handle<Reset> for Calculator { fn handle(&mut self, _: &Reset, _: &mut Context<'_>) -> Result<(), Failure> { Ok(()) } }
/// # impl Later<Pay> for Calculator { fn handle(&mut self, _: Held<Pay>, _: &mut Context<'_>) {} }
/// # impl Answers<Quote> for Calculator { fn answered(&mut self, _: Result<Quote, Failure>, _: Option<RequestId>, _: &mut Context<'_>) {} }
/// # impl Started for Calculator { fn started(&mut self, _: &mut Context<'_>) {} }
/// # #[derive(Clone, Debug)] struct Tick;
/// # record!(Tick, "clock.tick");
/// # impl Observes<Tick> for Calculator { fn observed(&mut self, _: &Tick, _: &mut Context<'_>) {} }
/// handles!(Calculator: Add, Reset; later Pay; answers Quote; observes Tick; hooks started);
/// ```
#[macro_export]
macro_rules! handles {
    ($target:ty : $($sections:tt)*) => {
        $crate::__handles!(@section [$target] [] [] [] [] [] $($sections)*);
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "`handles!` takes `Target: Record, ..; later Record, ..; answers Record, ..; observes Record, ..; hooks started, \
             stopping`"
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __handles {
    (@section [$target:ty] [$($now:ty)*] [$($later:ty)*] [$($answer:ty)*] [$($seen:ty)*] [$($hook:ident)*]) => {
        impl $crate::Target for $target {
            #[inline]
            fn receive(
                &mut self,
                message: &mut $crate::Message<'_>,
                ctx: &mut $crate::Context<'_>,
            ) -> $crate::Outcome {
                if $crate::__private::has_several(message) {
                    return $crate::__private::each(self, message, ctx);
                }
                let _ = &ctx;
                $(if message.kind().is::<$now>() {
                    return $crate::__private::handle::<Self, $now>(self, message, ctx);
                })*
                $(if message.kind().is::<$later>() {
                    return $crate::__private::later::<Self, $later>(self, message, ctx);
                })*
                $crate::Outcome::NotHandled
            }

            fn answered(&mut self, answer: &mut $crate::Message<'_>, ctx: &mut $crate::Context<'_>) {
                $(if $crate::__private::answered::<Self, $answer>(self, answer, ctx) {
                    return;
                })*
                ctx.ignore(answer);
            }

            $crate::__handles!(@observed $($seen)*);
            $($crate::__handles!(@hook $hook);)*
        }
    };
    (@observed) => {};
    (@observed $($seen:ty)+) => {
        fn observed(&mut self, message: &$crate::Message<'_>, ctx: &mut $crate::Context<'_>) {
            $crate::__private::see(message, |record| {
                $(if let ::core::option::Option::Some(record) = record.downcast::<$seen>() {
                    return $crate::Observes::<$seen>::observed(self, record, ctx);
                })+
            });
        }
    };
    (@hook started) => {
        fn started(&mut self, ctx: &mut $crate::Context<'_>) {
            $crate::Started::started(self, ctx);
        }
    };
    (@hook stopping) => {
        fn stopping(&mut self, ctx: &mut $crate::Context<'_>) {
            $crate::Stopping::stopping(self, ctx);
        }
    };
    (@hook $hook:ident) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($hook), "` is no hook of a target; the hooks are `started` and `stopping`"
        ));
    };
    (@section $t:tt $n:tt [$($later:ty)*] $a:tt $o:tt $h:tt later $($more:ty),+ $(,)? $(; $($rest:tt)*)?) => {
        $crate::__handles!(@section $t $n [$($later)* $($more)+] $a $o $h $($($rest)*)?);
    };
    (@section $t:tt $n:tt $l:tt [$($answer:ty)*] $o:tt $h:tt answers $($more:ty),+ $(,)? $(; $($rest:tt)*)?) => {
        $crate::__handles!(@section $t $n $l [$($answer)* $($more)+] $o $h $($($rest)*)?);
    };
    (@section $t:tt $n:tt $l:tt $a:tt [$($seen:ty)*] $h:tt observes $($more:ty),+ $(,)? $(; $($rest:tt)*)?) => {
        $crate::__handles!(@section $t $n $l $a [$($seen)* $($more)+] $h $($($rest)*)?);
    };
    (@section $t:tt $n:tt $l:tt $a:tt $o:tt [$($hook:ident)*] hooks $($more:ident),+ $(,)? $(; $($rest:tt)*)?) => {
        $crate::__handles!(@section $t $n $l $a $o [$($hook)* $($more)+] $($($rest)*)?);
    };
    (@section $t:tt [$($now:ty)*] $l:tt $a:tt $o:tt $h:tt $($more:ty),+ $(,)? $(; $($rest:tt)*)?) => {
        $crate::__handles!(@section $t [$($now)* $($more)+] $l $a $o $h $($($rest)*)?);
    };
    (@section $t:tt $n:tt $l:tt $a:tt $o:tt $h:tt $($rest:tt)*) => {
        ::core::compile_error!(
            "`handles!` takes `Target: Record, ..; later Record, ..; answers Record, ..; observes Record, ..; hooks started, \
             stopping`"
        );
    };
}
