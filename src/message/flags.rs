//! [`Flags`]: what an envelope says in one bit each.

use bitflags::bitflags;

bitflags! {
    /// What the envelope says beside addresses and code.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Flags: u32 {
        /// The sender wants an answer.
        const WANT_ANSWER = 1;
        /// The message has been turned round and is on its way back.
        const TURNED = 1 << 1;
        /// The sender waits for it on the stack.
        const CALL = 1 << 2;
        /// The handler wants it carried on to the receiver that now stands in the envelope.
        const FORWARD = 1 << 3;
        /// The handler has taken it; what the dispatcher still sees is empty.
        const TAKEN = 1 << 4;
        /// It may not leave the node.
        const LOCAL_ONLY = 1 << 5;
        /// The sender's thread watches its deadline.
        const TRACKED = 1 << 6;
        /// It left its sender's thread, which keeps room for its answer.
        const RESERVED = 1 << 7;
        /// A notice that the deadline passed; the message itself is elsewhere.
        const NOTICE = 1 << 8;
        /// It was built by hand and has not been sent.
        const DRAFT = 1 << 9;
        /// Its records are being handled one by one, and the answers are kept until all have been.
        const PARTS = 1 << 10;
        /// It has a deadline.
        const DEADLINE = 1 << 11;
        /// It has, or had, what only few messages have.
        const COLD = 1 << 12;
        /// A copy for observers: nobody answers or returns it.
        const COPY = 1 << 13;
        /// The receiver's thread shows it to the observers there, before its receiver gets it.
        const SHOW = 1 << 14;
        /// The receiver owns part of a group that counts the requests it has not answered.
        const LOADED = 1 << 15;
        /// The library itself tells it, so it waits without being counted.
        const TOLD = 1 << 16;
        /// It keeps the place of a timer's tick, and is no message.
        const TICK = 1 << 17;
        /// Its receiver is on another node than its sender.
        const ABROAD = 1 << 18;
        /// A question that its sender's thread has given another node.
        const ASKED = 1 << 19;
    }
}
