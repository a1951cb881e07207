//! Promise 5: every request is answered exactly once; a message whose final code is not `OK` comes back to its sender,
//! whatever it is, whichever way it took, and not before the sender's handler has returned.

mod codes;
mod exactly_once;
mod from_outside;
mod repeated;
mod whole;
