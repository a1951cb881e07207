//! Pneumatic-tube mail for a program.

mod id;
mod name;

mod clock;

mod address;
mod body;
mod record;

mod code;
mod message;
mod reply;

mod cell;
mod counters;
mod handoff;
mod registry;
mod ring;
mod sync;

mod context;
mod core;
mod departure;
mod directory;
mod dispatcher;
mod held;
mod orders;
mod pending;
mod post;
mod residents;
mod setup;
mod target;
mod thread;
mod typed;
mod waiting;

mod affinity;
mod idle;
mod worker;

mod alarm;
mod ask;
mod driven;
mod kernel;
mod namespace;
mod opening;
mod stop;

pub use address::{Address, AddressPart, ParseAddressError};
pub use affinity::PinError;
pub use ask::Ask;
pub use clock::{Clock, ManualClock, Sleeper, SystemClock, Time};
pub use code::{Code, Failure};
pub use context::{Context, Requested};
pub use counters::Counters;
pub use driven::Driven;
pub use held::{Held, HeldMessage, HoldError};
pub use id::{Nid, NodeId, ParseIdError, RecordId, Tid};
pub use idle::Idle;
pub use kernel::{Kernel, KernelBuilder, SendError, StartError};
pub use message::{Message, RecordRef, RequestId};
pub use name::{MAX_NAME, NameCollision};
pub use namespace::Namespace;
pub use opening::{NamespaceBuilder, OpenError};
pub use record::{Absent, Record, RecordType};
pub use setup::{Placement, RegisterError, Setup};
pub use stop::StopReport;
pub use target::{OnPanic, Outcome, Target};
pub use thread::Thread;
pub use typed::{Answers, Handle, Later, Started, Stopping};

/// What the macros need.
#[doc(hidden)]
pub mod __private {
    pub use crate::typed::{Each, Part, answered, each, handle, later, part};

    /// Whether a message has more than one record.
    #[inline]
    #[must_use]
    pub fn has_several(message: &crate::Message<'_>) -> bool {
        message.has_several()
    }
}
