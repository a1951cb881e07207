//! [`Code`] says how a message ended, [`Failure`] carries one with its text.

use std::borrow::Cow;
use std::fmt;

use parking_lot::Mutex;

use crate::address::Address;
use crate::message::Message;
use crate::record::Record;

/// How a message ended.
///
/// Codes below 1000 belong to the library, from 1000 on to the application. The type is open: a code that this
/// version does not know is carried like any other.
///
/// ```
/// use rohrpost::Code;
///
/// const OVERFLOW: Code = Code::application(0);
/// assert_eq!(OVERFLOW.number(), 1000);
/// assert_eq!(Code::NOT_HANDLED.to_string(), "NOT_HANDLED");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(i32);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// The name of a code of the library.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// Handled. Set by the library when a handler says *handled* and no other code; nothing comes back but an answer.
    OK = 0;
    /// Nobody handled it. Every message starts with this code; the sender addressed somebody who does not know the
    /// record, or a topic that nobody observes.
    NOT_HANDLED = 1;
    /// The handler panicked; the text is the panic's. Set by the dispatcher. The receiver's policy decides whether it
    /// is still there.
    EXCEPTION = 2;
    /// There is no such target. Set by the dispatcher. The address is wrong, or the target is gone for good.
    NO_TARGET = 3;
    /// There is no such namespace. Set by the dispatcher. It was not opened yet, or has been closed.
    NO_NAMESPACE = 4;
    /// Nobody offers the record as a service there. Set by the dispatcher. Register a service first.
    NO_SERVICE = 5;
    /// There is no way to that node. Set by the dispatcher. Check the address, or wait until the node joins.
    NO_NODE = 6;
    /// The node was lost while the message was on its way: whether it was delivered is unknown. Set at a node's edge.
    /// Send again only what may happen twice.
    NODE_LOST = 7;
    /// A bound was reached: the hand-off, the waiting list, the requests under way or the held messages. Set by the
    /// dispatcher, at once. Send less, or later.
    BUSY = 8;
    /// The deadline passed. Set by the dispatcher of the sender or of the receiver. The work may have been done; a
    /// later answer is dropped.
    EXPIRED = 9;
    /// The `call` would have closed a cycle. Set by the dispatcher. Use `request`, whose answer arrives later.
    WOULD_DEADLOCK = 10;
    /// The `call` (or `wait()` on a worker thread) could only have been done by blocking. Set by the dispatcher. Use
    /// `request`.
    WOULD_BLOCK = 11;
    /// The receiver, its namespace or its kernel was stopping. Set by the dispatcher.
    STOPPED = 12;
    /// The receiver's present state does not take it. Set by a state machine. Send again when the state has changed.
    REJECTED = 13;
    /// A local-only record or message was to leave its node. Set at a node's edge.
    NOT_ROUTABLE = 14;
    /// The bytes are no message, or an answer is not of the type it should be. Set by whoever reads it.
    MALFORMED = 15;
    /// Larger than its way allows. Set at a node's edge.
    TOO_LARGE = 16;
    /// Not allowed. Set by a gatekeeper.
    DENIED = 17;
    /// The receiver has panicked and is to be made anew, and its policy keeps no mail until then
    /// ([`Meanwhile::Return`](crate::Meanwhile::Return)). Set by the dispatcher. Send again later.
    RESTARTING = 18;
}

impl Code {
    const FIRST_OF_APPLICATION: i32 = 1000;

    /// The application's own code number `index`, counted from 1000 on (up to `i32::MAX`).
    #[must_use]
    pub const fn application(index: u16) -> Self {
        Self(Self::FIRST_OF_APPLICATION + index as i32)
    }

    /// Any code by its number.
    #[must_use]
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// The code's number.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Whether this is [`Code::OK`].
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl std::error::Error for Code {}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({self})")
    }
}

/// Why there is no answer: a code, a text for logs, and the message where it came back.
///
/// A static text allocates nothing.
///
/// ```
/// use rohrpost::{Code, Failure};
///
/// let failure = Failure::new(Code::application(0), "the sum does not fit");
/// assert_eq!(failure.to_string(), "1000: the sum does not fit");
/// assert_eq!(Failure::from(Code::BUSY).to_string(), "BUSY");
/// ```
pub struct Failure {
    code: Code,
    text: Cow<'static, str>,
    returned: Option<Box<Returned>>,
}

/// The message that came back with a failure.
struct Returned {
    to: Address,
    record: &'static str,
    /// Behind a lock that is never taken, because an error is to be `Sync` and a record need not be.
    message: Mutex<Message<'static>>,
}

impl Failure {
    /// A failure with a text.
    #[must_use]
    pub fn new(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, text: text.into(), returned: None }
    }

    /// The failure with the message that it happened to; allocates a box.
    pub(crate) fn with_message(self, message: Message<'static>) -> Self {
        let (to, record) = (message.destination(), message.asked().name());
        let message = Mutex::new(message);
        Self { returned: Some(Box::new(Returned { to, record, message })), ..self }
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The text; empty if there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The record that was sent, if it came back; at most once.
    #[must_use]
    pub fn take_record<R: Record>(&mut self) -> Option<R> {
        self.returned.as_mut()?.message.get_mut().take()
    }

    /// The code and the text.
    pub(crate) fn into_parts(self) -> (Code, Cow<'static, str>) {
        (self.code, self.text)
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self::new(code, "")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.text, &self.returned) {
            ("", None) => write!(f, "{}", self.code),
            ("", Some(returned)) => write!(f, "{}: {} to {}", self.code, returned.record, returned.to),
            (text, _) => write!(f, "{}: {text}", self.code),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({self})")
    }
}

impl std::error::Error for Failure {}
