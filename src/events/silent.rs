//! What ends badly, told to nobody: without the feature `tracing` these are empty, and cost nothing.
//!
//! They stand where `traced.rs` has something to tell, so that the code that calls them is the same with the feature
//! and without it; `tests/layers.rs` holds that both files offer the same.

use std::time::Duration;

use crate::address::Address;
use crate::id::NodeId;
use crate::message::Message;

#[inline(always)]
pub(crate) fn reached(_message: &Message<'_>) {}

#[inline(always)]
pub(crate) fn dead_letter(_message: &Message<'_>) {}

#[inline(always)]
pub(crate) fn kept_out(_message: &Message<'_>, _node: NodeId) {}

#[inline(always)]
pub(crate) fn panicked(_target: Option<Address>, _text: &str) {}

#[inline(always)]
pub(crate) fn restarted(_target: Address) {}

#[inline(always)]
pub(crate) fn ticked(_target: Address, _missed: u64, _lateness: impl FnOnce() -> Duration) {}
