//! Which types may go to another thread, be shared between threads, or neither: checked when this file is compiled.

use std::cell::Cell;
use std::error::Error;
use std::future::Future;
use std::marker::PhantomData;

use rohrpost::testing::{Probe as Probes, Stuck, TestKernel, Turn};
use rohrpost::{
    Absent, Address, AddressPart, Ask, Change, Code, Context, Counters, Driven, Ended, Event, Failure, Filter, Held,
    HeldMessage, HoldError, Idle, Kernel, KernelBuilder, ManualClock, Meanwhile, Message, Monitor, NameCollision,
    Namespace, NamespaceBuilder, NewTimer, NewTimerHandle, Nid, NodeId, OnPanic, OpenError, Outcome, ParseAddressError,
    ParseIdError, PinError, Placement, Reason, RecordId, RecordRef, RecordType, RegisterError, RequestId, Requested,
    Restart, SendError, Setup, StartError, StopReport, SystemClock, Thread, Tick, Tid, Time, Timer, TimerError,
    TimerHandle, record,
};

/// A record that may go to another thread but not be shared between two.
#[derive(Clone, Debug)]
struct Unshared(#[expect(dead_code, reason = "its type matters, not its value")] Cell<u8>);
record!(Unshared, "assertions.unshared");

/// Whether `T` has a trait: the constant of `Probe` itself if so, else that of `Otherwise`.
struct Probe<T>(PhantomData<T>);

trait Otherwise {
    const SEND: bool = false;
    const SYNC: bool = false;
    #[expect(dead_code, reason = "used as soon as a type has not what it should have")]
    const UNPIN: bool = false;
    #[expect(dead_code, reason = "used as soon as a type has not what it should have")]
    const CLONE: bool = false;
    #[expect(dead_code, reason = "used as soon as a type has not what it should have")]
    const COPY: bool = false;
}

impl<T> Otherwise for Probe<T> {}

impl<T: Send> Probe<T> {
    const SEND: bool = true;
}

impl<T: Sync> Probe<T> {
    const SYNC: bool = true;
}

impl<T: Unpin> Probe<T> {
    const UNPIN: bool = true;
}

impl<T: Clone> Probe<T> {
    const CLONE: bool = true;
}

impl<T: Copy> Probe<T> {
    const COPY: bool = true;
}

macro_rules! each {
    ($constant:ident is $expected:literal: $($type:ty),+ $(,)?) => {
        $(const {
            assert!(
                <Probe<$type>>::$constant == $expected,
                concat!("expected ", stringify!($constant), " of `", stringify!($type), "` to be ", stringify!($expected))
            );
        })+
    };
}

fn goes_into_a_shared_box<E: Error + Send + Sync + 'static>(error: E) -> Box<dyn Error + Send + Sync> {
    error.into()
}

#[test]
fn handles_are_shared_between_threads() {
    each!(SEND is true: Kernel, KernelBuilder, Namespace, NamespaceBuilder, TimerHandle, NewTimerHandle);
    each!(SYNC is true: Kernel, KernelBuilder, Namespace, NamespaceBuilder, TimerHandle);
    each!(CLONE is true: Kernel, Namespace, NamespaceBuilder, TimerHandle);
}

#[test]
fn ids_and_plain_values_go_anywhere() {
    each!(SEND is true: Address, Tid, Nid, NodeId, RecordId, RequestId, AddressPart, Code, Time, Absent);
    each!(SYNC is true: Address, Tid, Nid, NodeId, RecordId, RequestId, AddressPart, Code, Time, Absent);
    each!(COPY is true: Address, Tid, Nid, NodeId, RecordId, RequestId, AddressPart, Code, Time);
    each!(SEND is true: Counters, StopReport, Idle, Setup, Placement, OnPanic, Outcome, SystemClock, ManualClock);
    each!(COPY is true: Restart, Meanwhile);
    each!(SEND is true: Restart, Meanwhile);
    each!(SYNC is true: Restart, Meanwhile);
    each!(SYNC is true: Counters, StopReport, Idle, Setup, Placement, OnPanic, Outcome, SystemClock, ManualClock);
    each!(SYNC is true: RecordType);
    each!(SEND is true: Change, Event, Ended, Reason, Filter, Monitor);
    each!(SYNC is true: Change, Event, Ended, Reason, Filter, Monitor);
    each!(COPY is true: Filter, Monitor);
    each!(SEND is true: Timer, Tick);
    each!(COPY is true: Timer, Tick);
}

#[test]
fn mail_changes_threads_but_is_not_shared() {
    // A record need not be `Sync`, and whoever can look at a message can look at its record.
    each!(SEND is true: Message<'static>, HeldMessage, Held<Unshared>);
    each!(SYNC is false: Message<'static>, HeldMessage, Held<Unshared>);
    each!(SEND is false: RecordRef<'static>, &'static Message<'static>, &'static HeldMessage);
}

#[test]
fn a_question_goes_to_another_thread_with_a_record_that_is_not_shared() {
    each!(SEND is true: Ask<Unshared>, Ask<()>);
    each!(UNPIN is true: Ask<Unshared>);

    fn spawnable<F: Future<Output: Send> + Send + 'static>(_: PhantomData<F>) {}
    spawnable(PhantomData::<Ask<Unshared>>);
}

#[test]
fn a_probe_goes_to_any_thread_and_a_test_kernel_stays_on_its_own() {
    each!(SEND is true: Probes, Stuck, Turn);
    each!(SYNC is true: Probes, Stuck, Turn);
    each!(CLONE is true: Probes, Stuck);
    each!(SEND is false: TestKernel);
    let _ = goes_into_a_shared_box::<Stuck>;
}

#[test]
fn what_belongs_to_a_thread_stays_there() {
    each!(SEND is false: Driven, Context<'static>, Thread<'static>, Requested<'static, ()>, NewTimer<'static>);
    each!(SYNC is false: Driven, Context<'static>, Thread<'static>, Requested<'static, ()>);
}

#[test]
fn a_failure_goes_to_another_thread() {
    each!(SEND is true: Failure, SendError);
}

#[test]
fn every_error_goes_into_a_shared_box() {
    each!(SEND is true: OpenError, RegisterError, StartError, PinError, HoldError);
    each!(SEND is true: ParseAddressError, ParseIdError, NameCollision, TimerError);

    let refused = goes_into_a_shared_box("a b".parse::<Tid>().expect_err("a name has no blank"));
    assert!(refused.downcast_ref::<ParseIdError>().is_some(), "expected the boxed error to be told apart: {refused}");
    let _ = goes_into_a_shared_box::<OpenError>;
    let _ = goes_into_a_shared_box::<RegisterError>;
    let _ = goes_into_a_shared_box::<StartError>;
    let _ = goes_into_a_shared_box::<PinError>;
    let _ = goes_into_a_shared_box::<HoldError>;
    let _ = goes_into_a_shared_box::<TimerError>;
    let _ = goes_into_a_shared_box::<ParseAddressError>;
    let _ = goes_into_a_shared_box::<NameCollision>;
}

#[test]
fn what_a_send_and_a_question_fail_with_goes_into_a_shared_box() {
    // `Box<dyn Error + Send + Sync>` is what programs with threads have in `main`, and what error crates ask for.
    let errors = [("Failure", <Probe<Failure>>::SYNC), ("SendError", <Probe<SendError>>::SYNC)];
    for (error, sync) in errors {
        assert!(sync, "expected `{error}` to be `Sync`, so that `?` turns it into a `Box<dyn Error + Send + Sync>`");
    }
}
